import { type Check, ok } from '../contracts/check.ts';
import type { FeedSourceName } from '../contracts/feed.ts';
import type { FeedSource } from './feed-spec.ts';
import { openRealFeed } from './feed-walker.ts';
import { FEEDS } from './index.ts';

/** An API that answers slowly is asked again. */
const LIMIT_MS = 30_000;

/**
 * Whether each source of records takes its credentials, asked by one small request; those of which no secret is set are left out.
 *
 * @param settings values by the names of the sources' options.
 * @param version of apex.
 */
export async function feedChecks(settings: ReadonlyMap<string, string>, version: string): Promise<Check[]> {
  const names = Object.keys(FEEDS) as FeedSourceName[];
  const sources: FeedSource[] = [];
  for (const name of names) sources.push((await FEEDS[name]()).default);
  const isUsed = ({ options }: FeedSource) =>
    options.some(({ name, isSecret }) => isSecret && (settings.get(name) ?? '').trim() !== '');
  return sources.filter(isUsed).map((source) => ({
    name: source.name,
    limitMs: LIMIT_MS,
    run: async (signal) => {
      const feed = openRealFeed(source, settings, { version, maxPages: 1, onWaiting: () => {}, onWarning: () => {} });
      try {
        await feed.check(signal);
        return ok('it answers, and takes the credentials');
      } finally {
        await feed.close();
      }
    },
  }));
}
