import { SERIES, type SeriesName } from '../../lib/contracts/feed.ts';
import type { LatestValue, Stores } from '../../lib/contracts/store.ts';
import { pagesOf } from '../pipeline/bounded.ts';
import { entityIdOf } from '../pipeline/identity.ts';
import { stateOf } from './state.ts';
import { valueEntity } from './version.ts';

/** How many documents one question names. */
const PAGE = 500;
/** How often the latest readings are written again while other runs add some. */
const MAX_ROUNDS = 10;

/**
 * Makes the graph say what the records last had of these documents' series. Derived and idempotent: the last writer always saw the
 * last readings.
 */
export async function settleLatest(
  documentIds: readonly string[],
  stores: Pick<Stores, 'records' | 'graph'>,
  signal: AbortSignal,
): Promise<void> {
  for (const page of pagesOf([...documentIds], PAGE)) {
    let written = '';
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const values = await latestValues(page, stores, signal);
      const derived = JSON.stringify(values);
      if (derived === written || values.length === 0) break;
      await stores.graph.setLatest(values, signal);
      written = derived;
    }
  }
}

/** What the graph should say of these documents' series. */
export async function latestValues(
  documentIds: readonly string[],
  { records }: Pick<Stores, 'records'>,
  signal: AbortSignal,
): Promise<(LatestValue & { readonly documentId: string })[]> {
  const readings = await records.latestReadings(documentIds, signal);
  if (readings.length === 0) return [];
  const read = [...new Set(readings.map(({ documentId }) => documentId))];
  const described = await records.described(read, signal);
  const current = await records.current(read, signal);
  return readings.flatMap(({ documentId, series, at, value }) => {
    const state = stateOf(described.get(documentId)?.metadata ?? {});
    const group = current.get(documentId)?.group;
    if (state === null || group === undefined || !isSeries(series)) return [];
    return [{ documentId, entityId: entityIdOf(group, valueEntity(state, series)), at, value }];
  });
}

function isSeries(name: string): name is SeriesName {
  return (SERIES as readonly string[]).includes(name);
}
