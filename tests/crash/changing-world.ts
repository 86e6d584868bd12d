import type { FeedSourceName } from '../../lib/contracts/feed.ts';
import type { ApiServer } from '../helpers/api-server.ts';

/** What a source of records knows, which moves on. The same for the same numbers, times of day aside. */
export interface ChangingWorld {
  readonly source: FeedSourceName;
  readonly api: ApiServer & { readonly env: Readonly<Record<string, string>> };
  /** Some changes: new records, changed ones, and at times one that cannot be taken. */
  change(): void;
  /** Something is gone. */
  remove(): void;
}

/** Gives whole numbers below a bound, and members of lists. */
export function picksFrom(random: () => number) {
  const below = (bound: number) => Math.floor(random() * bound);
  return { below, of: <T>(all: readonly T[]): T => all[below(all.length)]!, is: (share: number) => random() < share };
}

/** When a record changed, in the source's clock: now, and never twice in the same step of one world. */
export function changeClock(stepMs = 1_000): () => string {
  let last = 0;
  return () => {
    // A little ago, so that no walk that begins now ends before it.
    last = Math.max(last + 1, Math.floor((Date.now() - 60_000) / stepMs));
    return new Date(last * stepMs).toISOString();
  };
}
