import type { Difference } from '../../lib/contracts/apex.ts';
import type { DocumentVersion, Role } from '../../lib/contracts/store.ts';
import { pagesOf } from '../pipeline/bounded.ts';
import { SINGLE_VALUED, wrongClosings } from '../pipeline/facts.ts';
import type { Parts } from '../pipeline/parts.ts';
import { settleLatest } from '../things/latest.ts';
import { atWork } from '../verify/at-work.ts';
import { INVENTORIED } from '../verify/compare.ts';

/** What sweeping works with: a run's session, or no run's. */
export interface Sweeper {
  readonly parts: Parts;
  readonly signal: AbortSignal;
  /** The run that sweeps, which has nothing under way while it does; null when none does. */
  readonly runId: string | null;
}

/** How many versions, keys or documents one call takes. */
const PAGE = 200;

/** Entries of the cache that are wrong, or of no current version, go: an absent one is fine and is made again when it is needed. */
export async function clearCache(differences: readonly Difference[], { parts, signal }: Sweeper): Promise<void> {
  const { cache } = parts.stores;
  const found = differences.filter(({ role }) => role === 'cache');
  const keys = found.filter(({ problem }) => problem === 'changed').map(({ id }) => id);
  for (const page of pagesOf(keys, PAGE)) await cache.remove(page, signal);
  for (const page of pagesOf(versionsOf(found.filter(({ problem }) => problem === 'stale')), PAGE))
    await cache.retire(page, signal);
}

/** Puts right what hangs on no version, and full text that lacks a chunk. */
export async function mendStrays(differences: readonly Difference[], { parts, signal }: Sweeper): Promise<void> {
  const isStray = ({ document_id, kind }: Difference) => document_id === '' || kind === 'text';
  for (const role of INVENTORIED) {
    if (!differences.some((difference) => difference.role === role && isStray(difference))) continue;
    const store = parts.stores[role];
    const strays = await store.strays(signal);
    const isTextShort = role === 'records' && differences.some(({ kind }) => kind === 'text');
    await store.mendStrays(isTextShort ? [...strays, { kind: 'text', id: '', problem: 'changed' }] : strays, signal);
  }
}

/** Makes the indexes anew that do not agree with their rows. */
export async function mendIndexes(differences: readonly Difference[], { parts, signal }: Sweeper): Promise<void> {
  const strays = differences.map(({ id }) => ({ kind: 'index' as const, id, problem: 'changed' as const }));
  await parts.stores.records.mendStrays(strays, signal);
}

/** Makes the documents' own rows agree with their versions. */
export async function mendDocuments(differences: readonly Difference[], { parts, signal }: Sweeper): Promise<void> {
  const found = differences.filter(({ role, kind }) => role === 'records' && kind === 'document');
  const documentIds = [...new Set(found.map(({ document_id }) => document_id))];
  for (const page of pagesOf(documentIds, PAGE)) await parts.stores.records.mendDocuments(page, signal);
}

/**
 * Retires versions that are neither current nor being built, in the stores that were found to hold them.
 *
 * They are looked for again, then the runs at work, then what is current: a run is at work before it writes and until what it wrote
 * is current or gone, so what this finds is nobody's.
 */
export async function retireOrphans(differences: readonly Difference[], session: Sweeper): Promise<void> {
  const { parts, signal, runId } = session;
  const found = differences.filter(({ kind, problem }) => kind === 'document' && problem === 'extra');
  for (const role of INVENTORIED) {
    const wanted = new Set(versionsOf(found.filter((difference) => difference.role === role)).map(keyOf));
    if (wanted.size === 0) continue;
    const held: (DocumentVersion & { readonly runId: string })[] = [];
    for await (const row of parts.stores[role].versions(signal)) if (wanted.has(keyOf(row))) held.push(row);
    const { runIds } = await atWork(parts, { exceptRunId: runId, signal });
    const candidates = held.filter((row) => !runIds.has(row.runId));
    for (const page of pagesOf(candidates, PAGE)) await retireUnlessCurrent(page, role, session);
  }
}

async function retireUnlessCurrent(
  page: readonly DocumentVersion[],
  role: Exclude<Role, 'cache'>,
  { parts: { stores }, signal }: Sweeper,
): Promise<void> {
  const current = await stores.records.current(
    page.map(({ documentId }) => documentId),
    signal,
  );
  const orphans = page.filter(({ documentId, version }) => current.get(documentId)?.version !== version);
  await stores[role].retire(orphans, signal);
}

/** How often closings are derived again when a run changes the same facts meanwhile. */
const MAX_ROUNDS = 10;

/** Sets the end of validity of these documents' facts to what follows from the facts. */
export async function mendClosings(differences: readonly Difference[], session: Sweeper): Promise<void> {
  const found = versionsOf(differences.filter(({ kind }) => kind === 'closing'));
  for (const page of pagesOf(found, PAGE)) {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const { records, graph } = session.parts.stores;
      const facts = await records.factsAbout(page, SINGLE_VALUED, session.signal);
      const wrong = wrongClosings(await graph.closings(page, session.signal), facts);
      if (wrong.length === 0) break;
      await graph.setClosings(wrong, session.signal);
    }
  }
}

/** Makes the graph say again what these documents' series last had. */
export async function mendLatest(differences: readonly Difference[], session: Sweeper): Promise<void> {
  const found = differences.filter(({ kind }) => kind === 'latest').map(({ document_id }) => document_id);
  await settleLatest([...new Set(found)], session.parts.stores, session.signal);
}

function versionsOf(differences: readonly Difference[]): DocumentVersion[] {
  const versions = differences.flatMap(({ document_id: documentId, version }) =>
    version === null ? [] : [{ documentId, version }],
  );
  return [...new Map(versions.map((version) => [keyOf(version), version])).values()];
}

function keyOf({ documentId, version }: DocumentVersion): string {
  return JSON.stringify([documentId, version]);
}
