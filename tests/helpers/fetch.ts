import type { RunEvent, RunSummary } from '../../lib/contracts/apex.ts';
import type { FeedSourceName } from '../../lib/contracts/feed.ts';
import { FEEDS } from '../../lib/sources/index.ts';
import type { Machine } from '../../src/apex.ts';
import { never } from './records.ts';

/** Does in this process what `apex ingest-json --source` does. @param streams those that an operator wants, unless they are named. */
export async function fetchRecords(
  machine: Machine,
  source: FeedSourceName,
  streams?: readonly string[],
  onEvent: (event: RunEvent) => void = () => {},
): Promise<RunSummary> {
  const { default: feed } = await FEEDS[source]();
  const wanted = streams ?? feed.streams.filter(({ isDefault }) => isDefault).map(({ name }) => name);
  const fetch = { streams: wanted, since: null, until: null, isAll: false, id: null };
  return machine.ingestRecords({ source, targets: [], fetch }, onEvent, never);
}
