// What is kept of structured sources beside documents: series of readings, cursors of streams, rejected records. All of it belongs to
// the records store and changes only in a pivot.

/** A reading as it is kept: never changed, and one for each document, series, time and value. */
export interface StoredReading {
  readonly documentId: string;
  /** One of `SERIES` (`feed.ts`). */
  readonly series: string;
  /** ISO 8601 in UTC, milliseconds, so that texts sort like times. */
  readonly at: string;
  readonly value: { readonly [name: string]: string | number | boolean };
  /** Key of the place that it is in, or null. */
  readonly placeKey: string | null;
}

/** Readings to be added to a document's series. */
export interface SeriesAddition {
  readonly documentId: string;
  /** The document's current version when they were made ready; null: none, and the pivot commits its first. */
  readonly baseVersion: number | null;
  /** How many readings each of its series had then. */
  readonly baseCounts: { readonly [series: string]: number };
  /** None of them is there yet. */
  readonly readings: readonly Omit<StoredReading, 'documentId'>[];
}

/** Asks what readings would meet. */
export interface SeriesRequest {
  readonly documentId: string;
  readonly series: string;
  /** At least one, each once. */
  readonly readings: readonly Omit<StoredReading, 'documentId' | 'series'>[];
}

/** What readings meet. */
export interface SeriesWindow {
  /** How many readings the series has. */
  readonly count: number;
  /** Those of the request that are not there yet, in its order. What follows is about them alone. */
  readonly fresh: readonly Omit<StoredReading, 'documentId' | 'series'>[];
  /** For each fresh one the next later time at which there is a reading, in the same order; null: none. */
  readonly nextAts: readonly (string | null)[];
  /** The last reading before the first fresh one; null where none is fresh. */
  readonly before: Omit<StoredReading, 'documentId' | 'series'> | null;
  /** From the first fresh one on, in order of time: the readings that are in another place than the one before them. */
  readonly moves: readonly { readonly at: string; readonly placeKey: string | null }[];
}

/** Where a page of a series begins. */
export interface SeriesCursor {
  readonly documentId: string;
  readonly series: string;
  readonly fromAt: string | null;
  readonly toAt: string | null;
}

/** Moves the cursor of a stream. */
export interface CursorMove {
  readonly source: string;
  readonly stream: string;
  /** Each group has cursors of its own. */
  readonly group: string;
  /** Where it stood when its page was fetched; null: it was never read. */
  readonly base: string | null;
  /** Opaque to all but its source. */
  readonly next: string;
  /** ISO 8601, for people. */
  readonly at: string;
}

/** A record that could not be taken. */
export interface RejectedEntry {
  /** Digest of source, stream, group and text: the same record is kept once. */
  readonly id: string;
  readonly source: string;
  readonly stream: string | null;
  readonly group: string;
  /** Where it came from, for people, and where it stood there. */
  readonly sourceUri: string;
  readonly place: string;
  readonly path: string;
  readonly reason: string;
  readonly raw: string;
  readonly runId: string;
  readonly at: string;
}

/** A part of the rejected records. What is null does not limit. */
export interface RejectedPage {
  readonly afterId: string | null;
  readonly limit: number;
  readonly group: string | null;
  readonly source: string | null;
}
