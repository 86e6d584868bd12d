// Proof of what is in the stores: reads, compares, changes nothing.
// May import src and lib/contracts.
// Must never repair what it finds.

import type { Difference, VerifyReport } from '../../lib/contracts/apex.ts';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import type { DocumentVersion, Stores } from '../../lib/contracts/store.ts';
import type { AtWork } from './at-work.ts';
import { ForgivingCache, staleSummaries, wrongEmbeddings, wrongSummaries } from './cached.ts';
import { closingDifferences } from './closings.ts';
import { compareVersions, INVENTORIED } from './compare.ts';
import { extraVersions, strays } from './extras.ts';
import { seriesDifferences } from './series.ts';

/** How many documents are compared together. */
const PAGE_DOCUMENTS = 200;

/** What verify needs to know besides the stores. */
export interface VerifyOptions {
  readonly atWork: () => Promise<AtWork>;
  /** Names the embeddings in the cache. */
  readonly embeddingModel: string;
  /** Only the documents of this group; what no document accounts for, and what follows from many, belongs to none. Null or absent: all. */
  readonly group?: string | null;
  /** Hears how many documents have been compared so far. */
  readonly onCompared: (documents: number) => void;
}

/** One look at everything. */
type Pass = Omit<VerifyReport, 'exit_status'>;

/**
 * Compares what every store holds of every current document with what was expected when it was written, by ids and digests
 * of content, live marks and full text; then looks for what no current document accounts for. Exit status 0 only when there is no
 * difference.
 *
 * Beside runs at work it looks twice: what only a change under way explains is gone, or elsewhere, the second time.
 */
export async function verify(stores: Stores, options: VerifyOptions, signal: AbortSignal): Promise<VerifyReport> {
  const broken = await storageDifferences(stores, signal);
  const before = await options.atWork();
  let pass = await look(stores, before, options, signal);
  if (pass.differences.length > 0) {
    const after = await options.atWork();
    if (before.runIds.size > 0 || after.moment !== before.moment) {
      const first = new Set(pass.differences.map((difference) => JSON.stringify(difference)));
      pass = await look(stores, after, options, signal);
      const lasting = pass.differences.filter((difference) => first.has(JSON.stringify(difference)));
      pass = { ...pass, differences: lasting };
    }
  }
  const differences = [...broken, ...pass.differences];
  const exitStatus = differences.length === 0 ? EXIT.done : EXIT.needsAttention;
  return { ...pass, differences, exit_status: exitStatus };
}

/** What the rows themselves lie in, before their content is compared. @throws StoreError MEMORY_DAMAGED. */
async function storageDifferences({ records }: Stores, signal: AbortSignal): Promise<Difference[]> {
  const strays = await records.checkStorage(signal);
  return strays.map(({ kind, id, problem }) => ({
    document_id: '',
    version: null,
    role: 'records',
    kind,
    id,
    problem,
  }));
}

async function look(
  stores: Stores,
  { runIds }: AtWork,
  { embeddingModel: model, onCompared, group = null }: Pick<VerifyOptions, 'embeddingModel' | 'onCompared' | 'group'>,
  signal: AbortSignal,
): Promise<Pass> {
  // A memory that lost a whole role differs in more places than one call takes arguments.
  const found: (readonly Difference[])[] = [];
  const current = new Map<string, number>();
  const cache = new ForgivingCache(stores.cache);
  const cached = { ...stores, cache };
  const itemsByStore = { records: 0, graph: 0, vectors: 0 };
  for (let after: string | null = null; ; ) {
    const all: readonly DocumentVersion[] = await stores.records.currentVersions(after, PAGE_DOCUMENTS, signal);
    if (all.length === 0) break;
    const page = group === null ? all : await ofGroup(group, all, stores, signal);
    for (const { documentId, version } of page) current.set(documentId, version);
    const compared = await compareVersions(page, stores, signal);
    for (const role of INVENTORIED) itemsByStore[role] += compared.items[role];
    found.push(compared.differences);
    found.push(await wrongEmbeddings(compared.points, cached, { model, signal }));
    found.push(await wrongSummaries(page, cached, signal));
    onCompared(current.size);
    after = all[all.length - 1]!.documentId;
  }
  if (group === null) {
    found.push(await extraVersions(stores, current, runIds, signal));
    found.push(await strays(stores, signal));
    found.push(await staleSummaries(cached, current, signal));
  }
  const changing = await documentsChangedBy(runIds, stores, signal);
  // Until the pivots of live runs are followed up, facts of any document may have ends that are not written yet.
  if (group === null && changing.size === 0) {
    found.push(await closingDifferences(stores, signal));
    found.push(await seriesDifferences(stores, current, signal));
  }
  const settled = found.flat().filter(({ document_id }) => !changing.has(document_id));
  return {
    documents: current.size,
    items: INVENTORIED.reduce((sum, role) => sum + itemsByStore[role], 0),
    items_by_store: itemsByStore,
    differences: settled,
    uncompared: cache.hasFailed ? ['cache'] : [],
  };
}

async function ofGroup(
  group: string,
  versions: readonly DocumentVersion[],
  { records }: Stores,
  signal: AbortSignal,
): Promise<DocumentVersion[]> {
  const documentIds = versions.map(({ documentId }) => documentId);
  const current = await records.current(documentIds, signal);
  return versions.filter(({ documentId }) => current.get(documentId)?.group === group);
}

/** Documents whose pivot happened in a run at work, and is not followed up yet: their old version is being removed. */
async function documentsChangedBy(
  runIds: ReadonlySet<string>,
  { records }: Stores,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const changed = new Set<string>();
  for (const ref of await records.unsettled(signal)) {
    const outcome = runIds.has(ref.runId) ? await records.pivotOutcome(ref, signal) : null;
    if (outcome === null) continue;
    for (const { documentId } of [...outcome.committed, ...outcome.retiring, ...outcome.lost]) changed.add(documentId);
    for (const documentId of outcome.extended) changed.add(documentId);
  }
  return changed;
}
