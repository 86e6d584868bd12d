// Proof of what is in the stores: reads, compares, changes nothing.
// May import src and lib/contracts.
// Must never repair what it finds.

import type { Difference, VerifyReport } from '../../lib/contracts/apex.ts';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import { summaryKey } from '../../lib/contracts/identity.ts';
import type { DocumentVersion, GraphStore, InventoryRow, Role, Store, Stores } from '../../lib/contracts/store.ts';
import { deriveClosings } from '../pipeline/facts.ts';
import { summaryText } from '../saga/summary.ts';

/** How many documents are compared together. */
const PAGE_DOCUMENTS = 200;
/** How many facts are read together. */
const PAGE_FACTS = 5_000;

/** What verify needs to know besides the stores. */
export interface VerifyOptions {
  /** Runs at work now: what they have written and not yet made visible is no difference. */
  readonly liveRunIds: ReadonlySet<string>;
  /** Hears how many documents have been compared so far. */
  readonly onCompared: (documents: number) => void;
}

/**
 * Compares what every store holds of every current document with what was expected when it was written, by ids and digests
 * of content; then looks for what no current document accounts for. Exit status 0 only when there is no difference.
 */
export async function verify(stores: Stores, options: VerifyOptions, signal: AbortSignal): Promise<VerifyReport> {
  const differences: Difference[] = [];
  const current = new Map<string, number>();
  let items = 0;
  for (let after: string | null = null; ; ) {
    const page: readonly DocumentVersion[] = await stores.records.currentVersions(after, PAGE_DOCUMENTS, signal);
    if (page.length === 0) break;
    for (const { documentId, version } of page) current.set(documentId, version);
    const compared = await compareVersions(page, stores, signal);
    items += compared.items;
    differences.push(...compared.differences);
    options.onCompared(current.size);
    after = page[page.length - 1]!.documentId;
  }
  for (const role of ['records', 'graph', 'vectors'] as const) {
    differences.push(...(await extraVersions(role, stores[role], current, options, signal)));
  }
  differences.push(...(await extraSummaries(stores, current, signal)));
  differences.push(...(await wrongClosings(stores, signal)));
  for (const id of await stores.graph.orphanEntities(signal)) {
    differences.push({ document_id: '', version: null, role: 'graph', kind: 'entity', id, problem: 'extra' });
  }
  const exitStatus = differences.length === 0 ? EXIT.done : EXIT.needsAttention;
  return { documents: current.size, items, differences, exit_status: exitStatus };
}

type Row = Pick<InventoryRow, 'documentId' | 'version' | 'kind' | 'id' | 'digest'>;

function keyOf({ documentId, version, kind, id }: Row): string {
  return JSON.stringify([documentId, version, kind, id]);
}

async function compareVersions(
  versions: readonly DocumentVersion[],
  stores: Stores,
  signal: AbortSignal,
): Promise<{ items: number; differences: Difference[] }> {
  const expected: { readonly [role in 'records' | 'graph' | 'vectors']: Map<string, Row> } = {
    records: new Map(),
    graph: new Map(),
    vectors: new Map(),
  };
  for await (const row of stores.records.expectedInventory(versions, signal)) {
    if (row.role !== 'cache') expected[row.role].set(keyOf(row), row);
  }
  const differences: Difference[] = [];
  let items = 0;
  for (const role of ['records', 'graph', 'vectors'] as const) {
    items += expected[role].size;
    const missing = new Map(expected[role]);
    for await (const row of stores[role].inventory(versions, signal)) {
      const wanted = expected[role].get(keyOf(row));
      missing.delete(keyOf(row));
      if (wanted === undefined) differences.push(difference(role, row, 'extra'));
      else if (wanted.digest !== row.digest) differences.push(difference(role, row, 'changed'));
    }
    for (const row of missing.values()) differences.push(difference(role, row, 'missing'));
  }
  return { items, differences };
}

function difference(role: Role, row: Row, problem: Difference['problem']): Difference {
  return { document_id: row.documentId, version: row.version, role, kind: row.kind, id: row.id, problem };
}

/** Versions that a store holds something of and that are neither current nor being written by a live run. */
async function extraVersions(
  role: Role,
  store: Pick<Store, 'versions'>,
  current: ReadonlyMap<string, number>,
  { liveRunIds }: VerifyOptions,
  signal: AbortSignal,
): Promise<Difference[]> {
  const extras: Difference[] = [];
  for await (const { documentId, version, runId } of store.versions(signal)) {
    if (current.get(documentId) === version || liveRunIds.has(runId)) continue;
    extras.push({ document_id: documentId, version, role, kind: 'document', id: documentId, problem: 'extra' });
  }
  return extras;
}

/** An absent summary is fine; one of a version that is no longer current, or that says something else, is drift. */
async function extraSummaries(
  stores: Stores,
  current: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<Difference[]> {
  const { cache, records } = stores;
  const differences: Difference[] = [];
  for await (const { documentId, version } of cache.versions(signal)) {
    const id = summaryKey(records.memoryId, documentId, version);
    const row = { documentId, version, kind: 'summary' as const, id, digest: '' };
    if (current.get(documentId) !== version) {
      differences.push(difference('cache', row, 'stale'));
      continue;
    }
    const [cached] = await cache.get([id], signal);
    const document = await records.document(documentId, signal);
    if (cached == null || document === null || document.version !== version) continue;
    if (!Buffer.from(cached).equals(Buffer.from(summaryText(document))))
      differences.push(difference('cache', row, 'changed'));
  }
  return differences;
}

/** Facts whose stored end of validity is not the one that follows from the facts themselves. */
async function wrongClosings(stores: Stores, signal: AbortSignal): Promise<Difference[]> {
  const facts = [];
  for (let after: string | null = null; ; ) {
    const page = await stores.records.facts(after, PAGE_FACTS, signal);
    facts.push(...page);
    if (page.length < PAGE_FACTS) break;
    after = page[page.length - 1]!.relationId;
  }
  const stored = await storedClosings(stores.graph, facts, signal);
  const derived = new Map(deriveClosings(facts).map((closing) => [closing.relationId, closing]));
  return facts
    .filter(
      ({ relationId }) =>
        stored.get(relationId) !== undefined && stored.get(relationId) !== derived.get(relationId)!.invalidAt,
    )
    .map(({ documentId, version, relationId }) =>
      difference('graph', { documentId, version, kind: 'relation', id: relationId, digest: '' }, 'stale'),
    );
}

async function storedClosings(
  graph: GraphStore,
  facts: readonly DocumentVersion[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string | null>> {
  const versions = [...new Map(facts.map(({ documentId, version }) => [documentId, { documentId, version }])).values()];
  const stored = new Map<string, string | null>();
  for (let from = 0; from < versions.length; from += PAGE_DOCUMENTS) {
    for (const { relationId, invalidAt } of await graph.closings(versions.slice(from, from + PAGE_DOCUMENTS), signal))
      stored.set(relationId, invalidAt);
  }
  return stored;
}
