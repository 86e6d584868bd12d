import type { StagedFile } from './document.ts';

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
}

/** Something a source met while listing and could not offer as an item. */
export interface SourceProblem {
  readonly uri: string;
  readonly code: 'NOT_FOUND' | 'NO_MATCH' | 'NOT_A_FILE' | 'DENIED' | 'APEX_SOURCE';
  readonly message: string;
}

/** Delivers documents. Errors: SourceError, retryable on no answer; final on NOT_FOUND, DENIED, NOT_A_FILE, TOO_LARGE. */
export interface Source {
  readonly name: string;
  /** Items under the targets in a repeatable order (by uri), each once; problems are reported, and listing goes on. */
  list(targets: readonly string[], signal: AbortSignal): AsyncIterable<SourceItem | SourceProblem>;
  /**
   * SHA-256 of the item's bytes as they are now, without copying them.
   * @throws SourceError TOO_LARGE above `maxBytes`, DENIED, NOT_FOUND.
   */
  digest(item: SourceItem, signal: AbortSignal): Promise<{ digest: string; bytes: number }>;
  /**
   * An item whose bytes cannot be fetched again, as one that is read from the copy made of them. Its id and location are
   * final only here, because what has no name of its own is named by its content.
   */
  fromCopy(item: SourceItem, copy: StagedFile): SourceItem;
  /** Copies the item's bytes to `path` (0600; in place of a file, never through a link) and says what was copied. CHANGED_WHILE_READ is retryable. */
  copy(item: SourceItem, path: string, signal: AbortSignal): Promise<{ digest: string; bytes: number }>;
}
