import type { Difference } from '../../lib/contracts/apex.ts';
import type { DocumentVersion, Stores } from '../../lib/contracts/store.ts';
import { difference, INVENTORIED } from './compare.ts';

/**
 * Versions that a store holds something of and that are neither current nor being written by a run at work; and what such a run
 * writes, where readers already see it.
 */
export async function extraVersions(
  stores: Stores,
  current: ReadonlyMap<string, number>,
  liveRunIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Difference[]> {
  const extras: Difference[] = [];
  for (const role of INVENTORIED) {
    const building: DocumentVersion[] = [];
    for await (const { documentId, version, runId } of stores[role].versions(signal)) {
      if (current.get(documentId) === version) continue;
      if (liveRunIds.has(runId)) building.push({ documentId, version });
      else extras.push(difference(role, { documentId, version, kind: 'document', id: documentId }, 'extra'));
    }
    for await (const row of stores[role].inventory(building, signal))
      if (row.isLive === true) extras.push(difference(role, row, 'stale'));
  }
  return extras;
}

/** What hangs on no version at all. */
export async function strays(stores: Stores, signal: AbortSignal): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const role of INVENTORIED) {
    for (const { kind, id, problem } of await stores[role].strays(signal))
      found.push({ document_id: '', version: null, role, kind, id, problem });
  }
  return found;
}
