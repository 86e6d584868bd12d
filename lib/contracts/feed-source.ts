import type { FeedRecord, FeedSourceName, RejectedRecord } from './feed.ts';

/** A setting of a source of records: the variable that holds it, and what it is when nobody says. */
export interface FeedOption {
  readonly name: string;
  readonly isSecret: boolean;
  /** Empty: none. */
  readonly fallback: string;
  readonly summary: string;
}

/** A source of records as people are told of it. */
export interface FeedDescription {
  readonly name: FeedSourceName;
  readonly summary: string;
  readonly options: readonly FeedOption[];
  /** `isDefault`: fetched when nobody names streams. */
  readonly streams: readonly { readonly name: string; readonly summary: string; readonly isDefault: boolean }[];
}

/** What to fetch of a stream. */
export interface WalkOptions {
  /** One of the source's streams. */
  readonly stream: string;
  /** As a page gave it; null: the stream was never fetched. */
  readonly cursor: string | null;
  /**
   * The cursor is of a walk that was interrupted, with the same options: it goes on, and what else is said here does not count.
   * Otherwise an interrupted walk goes on unless other bounds are given.
   */
  readonly isResume: boolean;
  /** Unix times in milliseconds. `until` looks back: the stream stays as far as it was. A source without such a bound ignores it. */
  readonly since: number | null;
  readonly until: number | null;
  /** Everything, as if the stream had never been fetched. */
  readonly isAll: boolean;
  /** One record: the stream stays as far as it was. */
  readonly id: string | null;
  readonly signal: AbortSignal;
}

/** What was fetched together, and is to be kept together. */
export interface FeedPage {
  /** The stream that is walked; its records may be of others, too (`FeedRecord.stream`). */
  readonly stream: string;
  readonly records: readonly FeedRecord[];
  /** Rows that are no records. */
  readonly rejected: readonly RejectedRecord[];
  /** Opaque: what the page was fetched with, and what the stream goes on with once the page is kept. */
  readonly cursor: { readonly before: string | null; readonly after: string | null };
  readonly isLast: boolean;
  /**
   * How the keys of the things begin of which the walk, by this last page, has given all there are: what it did not give is not there any
   * more. Null on other pages, and on the last of a walk that did not begin at the beginning or leaves some out.
   */
  readonly allOf: string | null;
}

/** A source of records that is open. */
export interface Feed {
  /**
   * The pages of a stream, at least one, in order; a page may have no records. Nothing is fetched ahead of the page that is asked for.
   *
   * @throws UsageError for a stream or an id that cannot be; SourceError: SOURCE_REFUSED, SOURCE_REQUEST, NOT_FOUND, FOREIGN_LINK
   * (final), RATE_LIMITED, APEX_SOURCE, ENDLESS_PAGES (retryable), SOURCE_ANSWER (either); the signal's reason. What was given before counts.
   */
  walk(options: WalkOptions): AsyncGenerator<FeedPage>;
  /** Asks whether the credentials are taken. @throws SourceError as `walk`. */
  check(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A wait that somebody may wonder about. `pace`: the client's own limit; `limited`: the server asked to slow down; `failed`: no answer. */
export interface Waiting {
  readonly reason: 'pace' | 'limited' | 'failed';
  readonly ms: number;
}

/** Something that somebody should know, and that does not end a walk. */
export interface FeedWarning {
  readonly stream: string;
  /**
   * `CURSOR_REFUSED`: the source, or apex itself, does not take the saved position, and what is fetched instead is said in the message.
   * `GONE`: what a row or an event names cannot be fetched.
   */
  readonly code: 'CURSOR_REFUSED' | 'GONE';
  readonly message: string;
}

/** Who hears what a feed tells beside its pages. */
export interface FeedListeners {
  readonly onWaiting: (waiting: Waiting) => void;
  readonly onWarning: (warning: FeedWarning) => void;
}
