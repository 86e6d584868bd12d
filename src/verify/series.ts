import type { Difference } from '../../lib/contracts/apex.ts';
import { canonicalJson } from '../../lib/contracts/identity.ts';
import type { Stores } from '../../lib/contracts/store.ts';
import { latestValues } from '../things/latest.ts';
import { difference } from './compare.ts';

/** How many documents are looked at together. */
const PAGE_DOCUMENTS = 200;

/**
 * Series that are not what was added, and entities of the graph that say another latest value than their series have.
 *
 * @param current the current versions; readings of any other document are extra.
 */
export async function seriesDifferences(
  stores: Stores,
  current: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<Difference[]> {
  const found: Difference[] = [];
  for (let after: string | null = null; ; ) {
    const page: readonly string[] = await stores.records.withReadings(after, PAGE_DOCUMENTS, signal);
    if (page.length === 0) return found;
    const known = page.filter((documentId) => current.has(documentId));
    for (const documentId of page.filter((id) => !current.has(id)))
      found.push(difference('records', { documentId, version: 0, kind: 'series', id: documentId }, 'extra'));
    for (const { documentId, series } of await stores.records.wrongSeries(known, signal))
      found.push(
        difference('records', { documentId, version: current.get(documentId)!, kind: 'series', id: series }, 'changed'),
      );
    found.push(...(await wrongLatest(known, stores, current, signal)));
    after = page[page.length - 1]!;
  }
}

async function wrongLatest(
  documentIds: readonly string[],
  stores: Stores,
  current: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<Difference[]> {
  const wanted = await latestValues(documentIds, stores, signal);
  const stored = await stores.graph.latest(
    wanted.map(({ entityId }) => entityId),
    signal,
  );
  const told = new Map(stored.map(({ entityId, at, value }) => [entityId, canonicalJson([at, value])]));
  return wanted
    .filter(({ entityId, at, value }) => told.get(entityId) !== canonicalJson([at, value]))
    .map(({ entityId, documentId }) =>
      difference('graph', { documentId, version: current.get(documentId)!, kind: 'latest', id: entityId }, 'stale'),
    );
}
