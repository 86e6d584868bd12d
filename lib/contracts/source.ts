import type { Json, StagedFile } from './document.ts';
import type { ErrorCode } from './error-codes.ts';

/** One thing a source offers, listed but not yet read. */
export interface SourceItem {
  /** Stable in the source; becomes part of the document id. Data, never a path. */
  readonly id: string;
  /** Canonical location for people and records, e.g. `file:///…` with invalid UTF-8 and controls percent-encoded. */
  readonly uri: string;
  /** File name for people and as a type hint. */
  readonly name: string;
  readonly bytes: number | null;
  readonly mediaType: string | null;
  /** Opaque to all but its source: how to read it again. Plain JSON. */
  readonly locator: string;
  /** False for standard input and other bytes that cannot be fetched twice: they are copied before anything else (`fromCopy`). */
  readonly isRepeatable: boolean;
  /** Of what is read from staging, where it waited to be ingested; absent: it is read from its source. */
  readonly staged?: StagedOrigin;
  /** What the listing tells of which bytes these are (`Source.look`); absent where it tells nothing. */
  readonly version?: string;
  /** What the source tells of where it came from, for people: kept with the document, not in the journal. Absent: nothing. */
  readonly metadata?: { readonly [name: string]: Json };
  /** The same bytes in another place of the source are the same document, which then has both places. Absent: they are another. */
  readonly isOnePerContent?: true;
}

/** What a version in the memory was made of, as far as a source can compare it. */
export interface KnownBytes {
  /** Lower-case hexadecimal SHA-256. */
  readonly digest: string;
  /** What the source called these bytes when they were copied; null when it called them nothing. */
  readonly version: string | null;
  /** Where they lay; absent where that is not known. */
  readonly uri?: string;
}

/** What a look at an item found. */
export type Look =
  /** They are the known bytes, told without reading them. */
  | { readonly kind: 'same' }
  /** They were read. `version` is what the source calls them, or null. */
  | { readonly kind: 'read'; readonly digest: string; readonly bytes: number; readonly version: string | null }
  /** They were not read: nothing is known that they could be compared with, or they are others for sure. */
  | { readonly kind: 'unread' };

/** Bytes that were copied. `version`: what the source calls them, to be given to `look` another time; absent, null: nothing. */
export interface Copied {
  readonly digest: string;
  readonly bytes: number;
  readonly version?: string | null;
}

/** The name of what reads from staging what waited there, in place of the source that it came from. */
export const STAGED_SOURCE = 'staged';

/** What an item that waited in staging is, beside where it came from. */
export interface StagedOrigin {
  /** Its id in staging; of a document the document's. */
  readonly itemId: string;
  /** The source that it is of. */
  readonly source: string;
}

/** Something a source met while listing and could not offer as an item. */
export interface SourceProblem {
  readonly uri: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** A place that was listed, told once its listing has ended: what a sync compares the memory with. */
export interface SourceRoot {
  /** As it was given. */
  readonly target: string;
  /** Its location, without a slash at its end. What lies under it has a location that goes on with one; a pattern's is where it begins. */
  readonly uri: string;
  /** Of what lies under the location of a pattern only what it matches belongs to the root. */
  readonly isPattern: boolean;
  /** How its listing ended: with all there is, with nothing because nothing is there, or with a problem. */
  readonly state: 'whole' | 'empty' | 'incomplete';
  /** How many that are no documents were passed over, and what they are, as in `pictures inside the text`; absent: none worth telling. */
  readonly passedOver?: { readonly count: number; readonly what: string };
}

/** Delivers documents. Errors: SourceError, retryable on no answer; final on NOT_FOUND, DENIED, NOT_A_FILE, TOO_LARGE. */
export interface Source {
  readonly name: string;
  /**
   * Looks whether the settings have what nothing can be asked for without; asks nobody. Absent: it needs nothing, or is not there
   * without it.
   *
   * @throws ConfigError naming the setting that is missing or malformed.
   */
  assertReady?(): Promise<void>;
  /**
   * Items under the targets in a repeatable order (by uri), each once; problems are reported, and listing goes on.
   *
   * @param onRoot hears of every target that may hold several documents, or cannot be listed, before the listing ends.
   */
  list(
    targets: readonly string[],
    signal: AbortSignal,
    onRoot?: (root: SourceRoot) => void,
  ): AsyncIterable<SourceItem | SourceProblem>;
  /**
   * Those of the locations that belong to the root and have nothing to be read any more. What cannot be looked at, and what is
   * there though a listing passes over it, is not gone.
   */
  gone(root: SourceRoot, uris: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /** The item at a location that this source gave (`SourceItem.uri`), there or not; null where nothing can be read from again. */
  itemAt(uri: string): SourceItem | null;
  /**
   * SHA-256 of the item's bytes as they are now, without copying them.
   * @throws SourceError TOO_LARGE above `maxBytes`, DENIED, NOT_FOUND.
   */
  digest(item: SourceItem, signal: AbortSignal): Promise<{ digest: string; bytes: number }>;
  /**
   * Whether an item's bytes are still the known ones, found out at the least cost. Absent where reading costs little: then `digest`
   * decides. Errors as `digest`.
   *
   * @param known null: nothing in the memory is to be compared with.
   */
  look?(item: SourceItem, known: KnownBytes | null, signal: AbortSignal): Promise<Look>;
  /** How many items may be looked at side by side; absent: one. */
  readonly looksAtOnce?: number;
  /**
   * An item whose bytes cannot be fetched again, as one that is read from the copy made of them. Its id and location are
   * final only here, because what has no name of its own is named by its content.
   */
  fromCopy(item: SourceItem, copy: StagedFile): SourceItem;
  /** The item's bytes as they are now, in parts; whatever their number. @throws SourceError NOT_FOUND, DENIED, NOT_A_FILE. */
  read(item: SourceItem, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Copies the item's bytes to `path` (0600; over the file that is there, never through a link) and says what was copied.
   * CHANGED_WHILE_READ is retryable.
   *
   * @param onBytes hears how many bytes there are in all, before the last of them are written; what it throws stops the copy.
   */
  copy(item: SourceItem, path: string, signal: AbortSignal, onBytes?: (totalBytes: number) => void): Promise<Copied>;
}
