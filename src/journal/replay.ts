// What a journal means: pure functions from entries to where a run and its batches stand.
// May import src and lib/contracts.
// Must never read a file or write an entry.

import type {
  AssignedItem,
  ItemOutcome,
  JournalEntry,
  NumberedEntry,
  ProviderUse,
  RunPlan,
} from '../../lib/contracts/journal.ts';
import { NO_USE, plus } from './provider-use.ts';

/** Where a batch stands. */
export type BatchState =
  | 'assigned'
  | 'planned'
  | 'pivot_planned'
  | 'pivoted'
  | 'done'
  | 'discarding'
  | 'discarded'
  | 'parked';

/** States in which nothing is left to do for a batch. */
const SETTLED: ReadonlySet<BatchState> = new Set(['done', 'discarded']);

/** The state that each entry about a batch brings it to; other entries leave it where it is. */
const BATCH_STATES: { readonly [kind in JournalEntry['kind']]?: BatchState } = {
  batch_assigned: 'assigned',
  effects_planned: 'planned',
  pivot_planned: 'pivot_planned',
  pivot_done: 'pivoted',
  batch_done: 'done',
  discard_planned: 'discarding',
  discard_done: 'discarded',
  discard_parked: 'parked',
};

/** A batch as its entries tell it. */
export interface BatchReplay {
  readonly batchNo: number;
  state: BatchState;
  items: readonly AssignedItem[];
  /** Claims of the run while the batch was in flight and no interruption had been noted: its process died. */
  deaths: number;
  setAside: ItemOutcome[];
  results: readonly ItemOutcome[];
  error: ItemOutcome['error'];
  /** The stream that has been fetched to its end once the batch is done. */
  endsStream: string | null;
  /** Records that could not be taken and came with it. */
  rejected: number;
}

/** A run as its journal tells it. */
export class RunReplay {
  plan: RunPlan | null = null;
  /** What providers were used for, by all processes. */
  use: ProviderUse = NO_USE;
  /** The process that wrote last said that it stops here. */
  #isInterrupted = false;
  readonly #batches = new Map<number, BatchReplay>();
  readonly #batchesOf = new Map<string, BatchReplay[]>();
  readonly #done = new Set<string>();
  readonly #isolatedAttempts = new Map<string, number>();

  get batches(): readonly BatchReplay[] {
    return [...this.#batches.values()];
  }

  get nextBatchNo(): number {
    return Math.max(0, ...this.#batches.keys()) + 1;
  }

  /** Numbers of the batches that are neither done nor discarded, in order. */
  get unsettled(): readonly number[] {
    return this.batches.filter(({ state }) => !SETTLED.has(state)).map(({ batchNo }) => batchNo);
  }

  /** How often a process died with the document in flight. */
  deathsOf(documentId: string): number {
    return (this.#batchesOf.get(documentId) ?? []).reduce((sum, { deaths }) => sum + deaths, 0);
  }

  /** How often the document was assigned to a batch. */
  attemptsOf(documentId: string): number {
    return this.#batchesOf.get(documentId)?.length ?? 0;
  }

  /** The number of the last attempt that was begun at the document in a process of its own; 0 without any. */
  isolatedAttemptOf(documentId: string): number {
    return this.#isolatedAttempts.get(documentId) ?? 0;
  }

  /** Has a batch of this run brought the document to its end? */
  isDone(documentId: string): boolean {
    return this.#done.has(documentId);
  }

  /** The streams of its source that the run has fetched to their end. */
  get endedStreams(): ReadonlySet<string> {
    const ends = this.batches.filter(({ state, endsStream }) => state === 'done' && endsStream !== null);
    return new Set(ends.map(({ endsStream }) => endsStream!));
  }

  /** How many records of finished batches could not be taken. */
  get rejected(): number {
    return this.batches.reduce((sum, { state, rejected }) => sum + (state === 'done' ? rejected : 0), 0);
  }

  /** What became of the documents of all finished batches. */
  get results(): readonly ItemOutcome[] {
    return this.batches.flatMap(({ results }) => results);
  }

  /** Takes the next entry in. */
  take(entry: JournalEntry): void {
    // Waiting brings nothing to another state.
    if (entry.kind === 'waiting_store' || entry.kind === 'store_back') return;
    if (entry.kind === 'run_started') this.plan = entry.plan;
    else if (entry.kind === 'run_claimed') this.#countDeaths();
    else if (entry.kind === 'providers_used') this.use = plus(this.use, entry.use);
    if ('batchNo' in entry) this.#takeIntoBatch(entry);
    this.#isInterrupted = entry.kind === 'run_interrupted';
  }

  #countDeaths(): void {
    if (this.#isInterrupted) return;
    for (const batch of this.batches) if (batch.state === 'assigned') batch.deaths += 1;
  }

  #takeIntoBatch(entry: Extract<JournalEntry, { batchNo: number }>): void {
    const batch = this.#batches.get(entry.batchNo) ?? newBatch(entry.batchNo);
    this.#batches.set(entry.batchNo, batch);
    batch.state = BATCH_STATES[entry.kind] ?? batch.state;
    if (entry.kind === 'batch_assigned') this.#assign(batch, entry);
    else if (entry.kind === 'isolated_attempt') this.#isolatedAttempts.set(entry.documentId, entry.attempt);
    else if (entry.kind === 'item_set_aside') batch.setAside.push(entry.result);
    else if (entry.kind === 'items_left') this.#leave(batch, new Set(entry.documentIds));
    else if (entry.kind === 'batch_done') this.#finish(batch, entry.results);
    else if (entry.kind === 'discard_parked') batch.error = entry.error;
  }

  #assign(
    batch: BatchReplay,
    { items, endsStream, rejected }: Extract<JournalEntry, { kind: 'batch_assigned' }>,
  ): void {
    batch.items = items;
    batch.endsStream = endsStream ?? null;
    batch.rejected = rejected ?? 0;
    for (const { documentId } of items)
      this.#batchesOf.set(documentId, [...(this.#batchesOf.get(documentId) ?? []), batch]);
  }

  /** What was left for another time counts as if it had not been tried. */
  #leave(batch: BatchReplay, left: ReadonlySet<string>): void {
    batch.items = batch.items.filter(({ documentId }) => !left.has(documentId));
    batch.setAside = batch.setAside.filter(({ documentId }) => !left.has(documentId));
    for (const documentId of left) {
      const others = (this.#batchesOf.get(documentId) ?? []).filter((other) => other !== batch);
      this.#batchesOf.set(documentId, others);
    }
  }

  #finish(batch: BatchReplay, results: readonly ItemOutcome[]): void {
    batch.results = results;
    for (const { documentId } of results) this.#done.add(documentId);
  }
}

function newBatch(batchNo: number): BatchReplay {
  return {
    batchNo,
    state: 'assigned',
    items: [],
    deaths: 0,
    setAside: [],
    results: [],
    error: null,
    endsStream: null,
    rejected: 0,
  };
}

/** The replay of a run that has only begun. */
export const EMPTY_REPLAY: RunReplay = new RunReplay();

/** Reads a journal from its first entry to its last. */
export async function replayRun(entries: AsyncIterable<NumberedEntry>): Promise<RunReplay> {
  const replay = new RunReplay();
  for await (const { entry } of entries) replay.take(entry);
  return replay;
}
