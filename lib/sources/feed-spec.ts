import type { Json } from '../contracts/document.ts';
import type { FeedDescription } from '../contracts/feed-source.ts';
import type { AnswerLimits, Credentials, Query } from '../support/http-settings.ts';
import type { Backoff, Rate, RetryAfterRule, Timing } from '../support/http-waits.ts';

/**
 * How the pages of a listing follow each other. `cursor`: the answer holds a position that is sent back (`pagination.endCursor`).
 * `link`: it holds the address of the next page (`_pagination.next`). `offset`: rows are counted (`start`, `pageSize`), and a page begins
 * with the last row of the page before it.
 */
export type PagingKind = 'cursor' | 'link' | 'offset';

/** Rows in pages. */
export interface Listing {
  readonly path: string;
  readonly query: Query;
  readonly paging: PagingKind;
  /** The member that holds the rows; of an offset listing inside `details`, in whichever case. */
  readonly rows: string;
}

/** How a time is sent: ISO 8601 in UTC, or Unix seconds with up to three decimals. */
export type TimeFormat = 'iso' | 'seconds';

/** Names of the members of a query that bound a listing in time; null: it has no such bound. */
export interface Bounds {
  readonly from: string;
  readonly to: string | null;
  readonly format: TimeFormat;
}

/**
 * How a stream is brought up to date.
 *
 * `full`: by listing everything. `updated-after`: by what changed since the last walk less the overlap; the first lists everything.
 * `window`: by the time from the last walk less the overlap; the first looks back by the overlap. `cursor`: by the position the
 * source gave last. `events`: by what the source says to have changed; the first lists everything.
 */
export type Progress =
  | { readonly kind: 'full' }
  | { readonly kind: 'updated-after'; readonly bounds: Bounds; readonly overlapMs: number }
  | { readonly kind: 'window'; readonly bounds: Bounds; readonly overlapMs: number }
  /** `history`: the stream that gives what happened in a time, when the position is refused or a time is asked for. */
  | { readonly kind: 'cursor'; readonly history: string }
  | { readonly kind: 'events'; readonly events: EventListing; readonly overlapMs: number };

/** The listing of events, oldest first, and where in an event things stand. */
export interface EventListing extends Listing {
  readonly bounds: Bounds;
  /** The stream of the events' own records. */
  readonly stream: string;
  /** The member that holds when it happened, in Unix seconds. */
  readonly time: string;
  /** The member that holds the thing that changed, with its `id`. */
  readonly thing: string;
}

/** What belongs to a row and has to be listed by itself. */
export interface Child extends Listing {
  /** Of its records. */
  readonly stream: string;
  /** The link to the row it belongs to, added to `_links.related` of records that have none. */
  readonly parent: string;
}

/** One record by its id, which stands for `{id}`. */
export interface OneRequest {
  readonly path: string;
  readonly query: Query;
  /** The member that holds the record, or a list of which it is the first; empty: the answer is the record. */
  readonly record: string;
  /** A listing that finds the id by what people call the record: for ids that are no number. Null: there is none. */
  readonly lookup: Listing | null;
}

/** A stream of records: all that has to be known to fetch it. */
export interface StreamSpec extends Listing {
  readonly name: string;
  readonly summary: string;
  /** Fetched when nobody names streams. */
  readonly isDefault: boolean;
  /** Listings that together are the stream, each by what is added to the query. One that adds nothing for most. */
  readonly variants: readonly Query[];
  readonly progress: Progress;
  /** How the keys of the things begin of which the listing has all there are; null: what it does not give may be there all the same. */
  readonly allOf: string | null;
  /** Rows are summaries: each is fetched by its id (`one`). */
  readonly hasDetails: boolean;
  readonly one: OneRequest | null;
  readonly children: readonly Child[];
  /** The stream whose walk gives this one's records, of one without a listing of its own; null: this one is walked itself. */
  readonly within: string | null;
  /** The stream that the rows are records of, where it is another. */
  readonly rowsAre: string | null;
  /** The stream of records that say of a record's id that it is another's now (`{ id, merged_into }`); null: this does not happen. */
  readonly merges: string | null;
  /** The member of a row that holds when it changed, in Unix seconds, where rows come with the newest first and have no bounds. */
  readonly newestFirst: string | null;
  /** A limit besides the source's. */
  readonly rate: Rate | null;
}

/** What most streams have. */
export const PLAIN_STREAM = {
  isDefault: true,
  query: {},
  variants: [{}],
  progress: { kind: 'full' },
  allOf: null,
  hasDetails: false,
  one: null,
  children: [],
  within: null,
  rowsAre: null,
  merges: null,
  newestFirst: null,
  rate: null,
} as const satisfies Partial<StreamSpec>;

/** Values of a source's options by name; what nobody set is the fallback, or empty. */
export type FeedValues = (name: string) => string;

/** How a source is reached. */
export interface Connection {
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: Credentials;
  /** The settings that hold the credentials. */
  readonly variables: readonly string[];
  readonly rate: Rate;
}

/** A source of records. */
export interface FeedSource extends FeedDescription {
  readonly streams: readonly StreamSpec[];
  /** Hosts besides that of the base address that its answers may lead to. */
  readonly ownHosts: RegExp | null;
  readonly backoff: Backoff;
  readonly retryAfter: RetryAfterRule;
  /** The status of an answer of 200 that tells of a failure. */
  readonly statusInside: ((value: Json) => number | null) | null;
  /** The cheapest request that needs the credentials. */
  readonly probe: { readonly path: string; readonly query: Query };
  /** @throws ConfigError naming the setting that is missing or malformed. */
  connect(values: FeedValues, timing: Timing): Connection;
}

/** What a walk needs besides the specification. */
export interface FeedTools {
  /** Of apex. */
  readonly version: string;
  readonly timing: Timing;
  readonly limits: AnswerLimits;
  /** Pages of one walk; a walk that has not ended then goes on in the next run. */
  readonly maxPages: number;
}
