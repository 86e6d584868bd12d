import type { RunEvent, RunSummary } from '../../lib/contracts/apex.ts';
import type { FeedSourceName } from '../../lib/contracts/feed.ts';
import { FEEDS } from '../../lib/sources/index.ts';
import type { Machine } from '../../src/apex.ts';
import { never } from './records.ts';

interface FetchOptions {
  /** Those that an operator wants, unless they are named. */
  readonly streams?: readonly string[];
  readonly isAll?: boolean;
  /** Everything is fetched, and what is gone is deleted. */
  readonly isSynced?: boolean;
  readonly onEvent?: (event: RunEvent) => void;
}

/** Does in this process what `apex ingest-json --source` does. */
export async function fetchRecords(
  machine: Machine,
  source: FeedSourceName,
  { streams, isAll = false, isSynced = false, onEvent = () => {} }: FetchOptions = {},
): Promise<RunSummary> {
  const { default: feed } = await FEEDS[source]();
  const wanted = streams ?? feed.streams.filter(({ isDefault }) => isDefault).map(({ name }) => name);
  const compared = feed.streams.filter(({ name, allOf }) => allOf !== null && wanted.includes(name));
  const sync = { streams: compared.map(({ name }) => name), allowsEmpty: false };
  const fetch = { streams: wanted, since: null, until: null, isAll: isAll || isSynced, id: null };
  const request = { source, targets: [], fetch: isSynced ? { ...fetch, sync } : fetch };
  return machine.ingestRecords(request, onEvent, never);
}
