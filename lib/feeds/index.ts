// Feeds: how the bytes of a recorded or pushed feed become records, one after the other.
// May import lib/contracts, lib/support and csv-parse.
// Must never hold a whole feed, know what a record means, or touch a file, a store or the network.

import type { FoundItem } from '../contracts/feed.ts';

export interface FeedLimits {
  /** A larger record is rejected, and never held. */
  readonly maxRecordBytes: number;
}

/** Turns the bytes of one feed into its items, as they come. Never throws on input. */
export interface FeedReader {
  /**
   * Takes the next bytes; they may be used again afterwards. `items` is to be read before the next ones are pushed. A byte order mark
   * comes in one piece.
   */
  push(chunk: Uint8Array): void;
  /** The items that are whole by now; with `isEnd`, after the last bytes, what is left. */
  items(isEnd: boolean): Iterable<FoundItem>;
  /** Whether nothing more will be found, whatever comes: the rest need not be read. */
  readonly isOver: boolean;
}

/** What a table's reader must know beforehand. */
export interface TableLimits extends FeedLimits {
  readonly delimiter: string;
}

/** Every format of feeds by name, loaded when a feed has it. */
export const FEED_FORMATS = {
  csv: async (limits: TableLimits): Promise<FeedReader> => (await import('./csv-feed.ts')).openCsvFeed(limits),
  json: async (limits: FeedLimits): Promise<FeedReader> => (await import('./json-feed.ts')).openJsonFeed(limits),
} as const;

/** `readFeed`, which finds out which format a feed has. */
export const loadFeeds = () => import('./read-feed.ts');
