import {
  CompensationError,
  type ErrorReport,
  isApexError,
  JournalError,
  StoreError,
} from '../../lib/contracts/errors.ts';
import type { Journal } from '../../lib/contracts/journal.ts';
import type {
  DocumentVersion,
  PivotOutcome,
  PivotRequest,
  Store,
  Stores,
  Tombstone,
  VersionRecord,
  WriteRef,
} from '../../lib/contracts/store.ts';
import type { Measures } from '../metrics/measures.ts';
import type { Surroundings } from '../pipeline/context.ts';
import { deriveClosings, SINGLE_VALUED } from '../pipeline/facts.ts';
import type { Parts } from '../pipeline/parts.ts';
import { RETRIES, withRetries } from '../pipeline/steps.ts';
import { settleLatest } from '../things/latest.ts';
import { forgetEmbeddings, RemovedItems } from './removal.ts';
import { summaryEntry } from './summary.ts';

/** What the saga works with. It sees the stores only as participants. */
export interface SagaParts {
  readonly journal: Journal;
  readonly stores: Stores;
  readonly surroundings: Surroundings;
  /** Names the embeddings in the cache. */
  readonly embeddingModel: string;
  /** The bound on compensation in all, whatever the user's signal says. */
  readonly discardTimeoutMs: number;
  /** A cache failure: reported, never an outcome. */
  readonly onCacheFailure: (error: unknown) => void;
  /** Counts what is written and removed, and what is tried again; absent where nobody does. */
  readonly measures?: Measures | undefined;
  /** Whether some store is out of reach now; absent where none can be. */
  readonly outages?: { readonly isAny: boolean } | undefined;
}

/** What is needed after the pivot, when nothing is journaled until the end. */
type StoreParts = Pick<SagaParts, 'stores' | 'surroundings' | 'embeddingModel' | 'onCacheFailure' | 'measures'>;

/** What of a running apex is needed after the pivot. */
export function storeParts(
  { stores, surroundings, embedder }: Pick<Parts, 'stores' | 'surroundings' | 'embedder'>,
  onCacheFailure: SagaParts['onCacheFailure'],
): StoreParts {
  return { stores, surroundings, embeddingModel: embedder.model, onCacheFailure };
}

/** What of a running apex the saga works with, under a run's journal. */
export function sagaParts(
  parts: Parts,
  { journal, onCacheFailure, measures }: Pick<SagaParts, 'journal' | 'onCacheFailure' | 'measures'>,
): SagaParts {
  const { limits, outages } = parts;
  return {
    ...storeParts(parts, onCacheFailure),
    ...{ journal, measures, discardTimeoutMs: limits.discardTimeoutMs, outages },
  };
}

/** A batch whose documents are prepared and numbered. */
export interface PreparedBatch {
  readonly ref: WriteRef;
  readonly fence: number;
  readonly records: readonly (VersionRecord & { readonly baseVersion: number | null })[];
  readonly deletes: readonly Tombstone[];
  readonly quarantined: PivotRequest['quarantined'];
  /** Documents that are not written, in which some of these came. */
  readonly kept?: PivotRequest['kept'];
  /** What else the pivot changes, in the records alone. */
  readonly beside?: Pick<
    PivotRequest,
    'series' | 'absorbed' | 'cursors' | 'rejected' | 'accepted' | 'reads' | 'together'
  >;
}

/**
 * Writes a batch to all stores and makes it visible by one commit, or leaves nothing of it.
 *
 * @throws the failure that stopped it, with all that was written discarded; CompensationError when that could not be done.
 */
export async function writeOrDiscard(
  batch: PreparedBatch,
  parts: SagaParts,
  signal: AbortSignal,
): Promise<PivotOutcome> {
  try {
    return await writeBatch(batch, parts, signal);
  } catch (failure) {
    // A journal that failed can promise nothing more, and a run that was taken over is its new owner's: whoever has it settles.
    if (failure instanceof JournalError || (isApexError(failure) && failure.code === 'FENCED')) throw failure;
    // Nothing can be removed from a store that is out of reach. What was written stays invisible, and the next process that comes
    // to the run brings the batch to its end, as after a kill.
    if (parts.outages?.isAny === true) throw failure;
    // The answer of a commit may have been lost: only the commit table knows whether there is something to discard. The user's
    // signal may be what stopped the batch, so it is not the one to ask under.
    const happened = await outcomeOr(
      failure,
      pivotOutcome(batch.ref, parts, AbortSignal.timeout(parts.discardTimeoutMs)),
    );
    if (happened !== null) return happened;
    await discardBatch(batch.ref, isApexError(failure) ? failure.code : 'APEX_BUG', parts);
    throw failure;
  }
}

/** @throws the first failure when nobody can say in time what became of the pivot: the batch stays in flight, as after a kill. */
async function outcomeOr(failure: unknown, asked: Promise<PivotOutcome | null>): Promise<PivotOutcome | null> {
  try {
    return await asked;
  } catch (error) {
    throw isApexError(error) ? error : failure;
  }
}

/**
 * The saga up to its pivot. The discard is registered before the first write, since a write whose answer was lost may have
 * landed.
 */
async function writeBatch(batch: PreparedBatch, parts: SagaParts, signal: AbortSignal): Promise<PivotOutcome> {
  const { journal, stores } = parts;
  const { ref, records } = batch;
  const lsn = await journal.append({
    kind: 'effects_planned',
    batchNo: ref.batchNo,
    stores: WAITED_ROLES.map((role) => stores[role].name),
    versions: records.map(({ documentId, version, baseVersion }) => ({ documentId, version, baseVersion })),
    deletes: batch.deletes.map(({ documentId, baseVersion }) => ({ documentId, baseVersion })),
  });
  const persist = <T>(operation: () => Promise<T>) => withRetries(RETRIES.write, retrying(parts, signal), operation);
  const [first] = records;
  if (first !== undefined) {
    const write = async (role: WaitedRole) => {
      const found = await persist(() =>
        role === 'records'
          ? stores.records.writeBuilding(ref, lsn, records, signal)
          : stores[role].write(ref, records, signal),
      );
      assertCount(stores[role], found, itemsOf(records, role));
      await journal.append({ kind: 'effect_applied', batchNo: ref.batchNo, store: stores[role].name });
    };
    // Before anything lies in another store, the records store can tell of the batch, should the journal be lost.
    const isKnown = await persist(() => stores.records.announce(ref, lsn, first, signal));
    if (!isKnown) await write('records');
    await allOrFirstError(WAITED_ROLES.filter((role) => isKnown || role !== 'records').map(write));
  }
  const pivotLsn = await journal.append({ kind: 'pivot_planned', batchNo: ref.batchNo });
  const request = {
    ref,
    fence: batch.fence,
    lsn: pivotLsn,
    versions: records.map(({ documentId, version, baseVersion }) => ({ documentId, version, baseVersion })),
    deletes: batch.deletes,
    quarantined: batch.quarantined,
    kept: batch.kept ?? [],
    ...batch.beside,
  };
  const outcome = await persist(() => stores.records.pivot(request, signal));
  await journal.append({ kind: 'pivot_done', batchNo: ref.batchNo });
  for (const role of WAITED_ROLES)
    parts.measures?.add('apex_store_items_written_total', { role }, itemsOf(records, role));
  return outcome;
}

/** A store that took a write and holds another number of items lost or doubled some: found before anything is visible. */
function assertCount(store: Store, found: number, expected: number): void {
  if (found === expected) return;
  throw new StoreError(`${store.name} holds ${found} items of the batch, expected ${expected}`, {
    code: 'STORE_COUNT',
    retryable: true,
    details: { store: store.name, found, expected },
  });
}

const WAITED_ROLES = ['records', 'graph', 'vectors'] as const;
type WaitedRole = (typeof WAITED_ROLES)[number];

/** How many items of these a store holds. Entities are not of one batch. */
function itemsOf(records: readonly VersionRecord[], role: WaitedRole): number {
  return records.reduce(
    (sum, record) => sum + record.inventory[role].filter(({ kind }) => kind !== 'entity').length,
    0,
  );
}

/** Waits for all, so that no write is still under way when a discard begins; then throws the journal's failure, else the first. */
async function allOrFirstError(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (failures.length > 0) throw failures.find((failure) => failure instanceof JournalError) ?? failures[0];
}

/** A pivot that happened, and what follows from it. */
interface FinishedPivot {
  readonly ref: WriteRef;
  readonly outcome: PivotOutcome;
  /** What was written, where it is still at hand: the cache is filled from it. */
  readonly records?: readonly VersionRecord[];
}

/**
 * After the pivot, only forward: makes the new visible, removes the old, ends the facts that newer ones close, fills the cache.
 *
 * Each part may be repeated, so a batch that was interrupted here is finished by calling this again. The records store is
 * cleaned last, because what the old versions touched is derived from it, and only then is the pivot noted as finished.
 */
export async function finishBatch(
  { ref, outcome, records = [] }: FinishedPivot,
  parts: StoreParts,
  signal: AbortSignal,
): Promise<RemovedItems> {
  const { stores } = parts;
  const persist = <T>(operation: () => Promise<T>) => withRetries(RETRIES.write, retrying(parts, signal), operation);
  const leaving = [...outcome.retiring, ...outcome.lost];
  await allOrFirstError(
    [stores.graph, stores.vectors].map((store) => persist(() => store.publish(outcome.committed, signal))),
  );
  const removed = new RemovedItems(leaving);
  removed.add('graph', await persist(() => stores.graph.retire(leaving, signal)));
  removed.add('vectors', await persist(() => stores.vectors.retire(leaving, signal)));
  await persist(() => settleClosings([...outcome.committed, ...leaving], stores, signal));
  const read = new Set([...outcome.extended, ...outcome.committed.map(({ documentId }) => documentId)]);
  await persist(() => settleLatest([...read], stores, signal));
  const deleted = new Set(outcome.deleted);
  // A cache that does not answer at once is gone on without, but what is deleted shall not stay in it for that.
  const persistOnDelete = deleted.size > 0 ? persist : <T>(operation: () => Promise<T>) => operation();
  const bestEffort = async (operation: () => Promise<void>) => {
    try {
      await operation();
    } catch (error) {
      if (!isApexError(error)) throw error;
      parts.onCacheFailure(error);
    }
  };
  await bestEffort(async () => {
    const gone = leaving.filter(({ documentId }) => deleted.has(documentId));
    removed.addOf('cache', await persistOnDelete(() => forgetEmbeddings(gone, parts, signal)));
  });
  removed.add('records', await persist(() => stores.records.retire(leaving, signal)));
  await bestEffort(async () => {
    removed.add('cache', await persistOnDelete(() => stores.cache.retire(leaving, signal)));
    const current = new Set(outcome.committed.map(({ documentId, version }) => `${documentId}\0${version}`));
    const summaries = records.filter(({ documentId, version }) => current.has(`${documentId}\0${version}`));
    if (summaries.length > 0)
      await stores.cache.set(
        summaries.map((record) => summaryEntry(stores.records.memoryId, record)),
        signal,
      );
  });
  // Another run may have replaced some since the pivot, and have cleared the cache of them before they came into it.
  const replaced = await persist(() => replacedOf(outcome.committed, stores.records, signal));
  if (replaced.length > 0)
    await bestEffort(async () => {
      await stores.cache.retire(replaced, signal);
    });
  await persist(() => stores.records.finish(ref, signal));
  for (const [role, items] of Object.entries(removed.total))
    parts.measures?.add('apex_store_items_removed_total', { role }, items);
  return removed;
}

/** Those of the versions that are not current. */
async function replacedOf(
  versions: readonly DocumentVersion[],
  records: Stores['records'],
  signal: AbortSignal,
): Promise<DocumentVersion[]> {
  if (versions.length === 0) return [];
  const current = await records.current(
    versions.map(({ documentId }) => documentId),
    signal,
  );
  return versions.filter(({ documentId, version }) => current.get(documentId)?.version !== version);
}

/** How often closings are derived again when another run changes the same facts meanwhile. */
const MAX_CLOSING_ROUNDS = 10;

/** Writes derived closings and reads the facts again until they no longer change: the last writer always saw the last facts. */
async function settleClosings(
  versions: PivotOutcome['committed'],
  stores: Pick<Stores, 'records' | 'graph'>,
  signal: AbortSignal,
): Promise<void> {
  let written = '';
  for (let round = 0; round < MAX_CLOSING_ROUNDS; round += 1) {
    const closings = deriveClosings(await stores.records.factsAbout(versions, SINGLE_VALUED, signal));
    const derived = JSON.stringify(closings);
    if (derived === written || closings.length === 0) return;
    await stores.graph.setClosings(closings, signal);
    written = derived;
  }
}

/**
 * Before the pivot, only back: removes all that a batch wrote, selecting by run and batch, in reverse order, under a deadline
 * of its own. What cannot be removed now is parked in the journal and reported, never swallowed.
 *
 * @throws CompensationError when it was parked.
 */
export async function discardBatch(ref: WriteRef, reason: string, parts: SagaParts): Promise<void> {
  const { journal, stores } = parts;
  const signal = AbortSignal.timeout(parts.discardTimeoutMs);
  await journal.append({ kind: 'discard_planned', batchNo: ref.batchNo, reason });
  const failed: { store: string; error: unknown }[] = [];
  for (const store of [stores.vectors, stores.graph, stores.records]) {
    try {
      await withRetries(RETRIES.write, retrying(parts, signal), () => store.discard(ref, signal));
    } catch (error) {
      failed.push({ store: store.name, error });
    }
  }
  const first = failed[0];
  if (first === undefined) {
    await journal.append({ kind: 'discard_done', batchNo: ref.batchNo });
    return;
  }
  const names = failed.map(({ store }) => store);
  const error: ErrorReport = {
    code: 'APEX_COMPENSATION',
    message: messageOf(first.error),
    retryable: true,
    step: 'write',
  };
  await journal.append({ kind: 'discard_parked', batchNo: ref.batchNo, stores: names, error });
  throw new CompensationError(
    `batch ${ref.batchNo} of run ${ref.runId} could not be discarded from ${names.join(', ')}; it stays invisible and is parked`,
    {
      code: 'APEX_COMPENSATION',
      retryable: true,
      cause: first.error,
      details: { runId: ref.runId, batchNo: ref.batchNo, stores: names.join(', ') },
    },
  );
}

/**
 * Brings a batch that some process left in flight to its end: forward when its pivot happened, back when it did not.
 *
 * The caller holds the run and a newer fence than its last owner, so that the pivot cannot happen after it was looked for.
 * @returns which of the two.
 */
export async function settleBatch(
  ref: WriteRef,
  parts: SagaParts,
  signal: AbortSignal,
): Promise<'finished' | 'discarded'> {
  const outcome = await pivotOutcome(ref, parts, signal);
  if (outcome === null) {
    await discardBatch(ref, 'its process ended before the pivot', parts);
    return 'discarded';
  }
  await finishBatch({ ref, outcome }, parts, signal);
  const replaced = new Set(outcome.retiring.map(({ documentId }) => documentId));
  const results = [
    ...outcome.committed.map(({ documentId, version }) => ({
      documentId,
      outcome: replaced.has(documentId) ? ('updated' as const) : ('added' as const),
      version,
      error: null,
    })),
    ...outcome.deleted.map((documentId) => ({ documentId, outcome: 'deleted' as const, version: null, error: null })),
  ];
  await parts.journal.append({ kind: 'batch_done', batchNo: ref.batchNo, results });
  return 'finished';
}

/**
 * As `settleBatch`, for a batch whose journal is gone: the records store alone tells of it. Nothing can be noted, so whatever
 * fails here is found again by the next process.
 */
export async function settleVanished(
  ref: WriteRef,
  parts: StoreParts,
  signal: AbortSignal,
): Promise<'finished' | 'discarded'> {
  const { records, graph, vectors } = parts.stores;
  const outcome = await pivotOutcome(ref, parts, signal);
  if (outcome !== null) {
    await finishBatch({ ref, outcome }, parts, signal);
    return 'finished';
  }
  for (const store of [vectors, graph, records])
    await withRetries(RETRIES.write, retrying(parts, signal), () => store.discard(ref, signal));
  return 'discarded';
}

/** Whether the pivot of a batch happened: the records store's commit table answers, also when COMMIT's own answer was lost. */
function pivotOutcome(
  ref: WriteRef,
  parts: Pick<SagaParts, 'stores' | 'surroundings'>,
  signal: AbortSignal,
): Promise<PivotOutcome | null> {
  return withRetries(RETRIES.write, retrying(parts, signal), () => parts.stores.records.pivotOutcome(ref, signal));
}

/** What a write is tried again under. */
function retrying({ surroundings, measures }: Pick<SagaParts, 'surroundings' | 'measures'>, signal: AbortSignal) {
  return { signal, surroundings, onRetry: () => measures?.add('apex_step_retries_total', { step: 'write' }) };
}

function messageOf(error: unknown): string {
  if (isApexError(error)) return error.message;
  return error instanceof Error && error.name === 'TimeoutError'
    ? 'the deadline for discarding ran out'
    : 'a failure inside apex';
}
