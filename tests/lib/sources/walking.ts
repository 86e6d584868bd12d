import { onTestFinished } from 'vitest';
import type { FeedPage, FeedWarning, Waiting, WalkOptions } from '../../../lib/contracts/feed-source.ts';
import type { FeedSource, FeedTools } from '../../../lib/sources/feed-spec.ts';
import { openFeed } from '../../../lib/sources/feed-walker.ts';
import { ANSWER_LIMITS } from '../../../lib/support/http-settings.ts';
import type { ApiRequest } from '../../helpers/api-server.ts';
import { createFakeTiming } from '../../helpers/fake-timing.ts';
import { never } from '../../helpers/records.ts';

/** Opens a source on a loopback server, with a clock of the test's. */
export function openWalking(
  source: FeedSource,
  env: Readonly<Record<string, string>>,
  changes: Partial<FeedTools> = {},
) {
  const timing = createFakeTiming();
  const waits: Waiting[] = [];
  const warnings: FeedWarning[] = [];
  const feed = openFeed(source, new Map(Object.entries(env)), {
    version: '1.2.3',
    timing,
    limits: ANSWER_LIMITS,
    maxPages: 1_000,
    onWaiting: (waiting) => waits.push(waiting),
    onWarning: (warning) => warnings.push(warning),
    ...changes,
  });
  onTestFinished(() => feed.close());
  const walk = (stream: string, options: Partial<WalkOptions> = {}) =>
    feed.walk({
      stream,
      cursor: null,
      isResume: false,
      since: null,
      until: null,
      isAll: false,
      id: null,
      signal: never,
      ...options,
    });
  return {
    feed,
    timing,
    waits,
    warnings,
    walk,
    pages: (stream: string, options: Partial<WalkOptions> = {}) => Array.fromAsync(walk(stream, options)),
  };
}

/** Each record as `stream id`, in order. */
export function namesOf(pages: readonly FeedPage[]): string[] {
  return pages.flatMap(({ records }) => records.map(({ stream, value }) => `${stream} ${String(value['id'])}`));
}

/** The cursor after the last page. */
export function endOf(pages: readonly FeedPage[]): string | null {
  return pages.at(-1)?.cursor.after ?? null;
}

/** Each request as `path name=value …`, with the members of the query that are named. */
export function asked(requests: readonly ApiRequest[], ...names: readonly string[]): string[] {
  return requests.map(({ path, query }) =>
    [path, ...names.flatMap((name) => (name in query ? [`${name}=${query[name]}`] : []))].join(' '),
  );
}

/** What ended a walk, and what it gave before. */
export async function failedWalk(walk: AsyncIterable<FeedPage>) {
  const pages: FeedPage[] = [];
  try {
    for await (const page of walk) pages.push(page);
  } catch (error) {
    return { pages, error: error as Error & { code: string; details: Record<string, unknown> } };
  }
  return { pages, error: null };
}
