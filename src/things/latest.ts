import { SERIES, type SeriesName } from '../../lib/contracts/feed.ts';
import type { StoredReading } from '../../lib/contracts/series.ts';
import type { LatestValue, Stores } from '../../lib/contracts/store.ts';
import { pagesOf } from '../pipeline/bounded.ts';
import { entityIdOf } from '../pipeline/identity.ts';
import { valueName } from './version.ts';

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
      const readings = await stores.records.latestReadings(page, signal);
      const read = JSON.stringify(readings);
      if (read === written || readings.length === 0) break;
      await stores.graph.setLatest(await valuesOf(readings, stores, signal), signal);
      written = read;
    }
  }
}

/** What the graph should say of these documents' series. */
export async function latestValues(
  documentIds: readonly string[],
  stores: Pick<Stores, 'records'>,
  signal: AbortSignal,
): Promise<OwnValue[]> {
  return valuesOf(await stores.records.latestReadings(documentIds, signal), stores, signal);
}

/** A latest value, and whose it is. */
type OwnValue = LatestValue & { readonly documentId: string };

async function valuesOf(
  readings: readonly StoredReading[],
  { records }: Pick<Stores, 'records'>,
  signal: AbortSignal,
): Promise<OwnValue[]> {
  const current = await records.current([...new Set(readings.map(({ documentId }) => documentId))], signal);
  return readings.flatMap(({ documentId, series, at, value }) => {
    // What a thing comes from is its key.
    const { sourceUri: key = null, group } = current.get(documentId) ?? {};
    if (key === null || group === undefined || !isSeries(series)) return [];
    return [{ documentId, entityId: entityIdOf(group, valueName(key, series)), at, value }];
  });
}

function isSeries(name: string): name is SeriesName {
  return (SERIES as readonly string[]).includes(name);
}
