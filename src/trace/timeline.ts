// Traces: what happened to a document, told from journals and stores.
// May import src and lib/contracts.
// Must never change anything.

import type { JournalEntry, NumberedEntry, ProviderUse, RunListing } from '../../lib/contracts/journal.ts';
import type { TraceEvent, TraceStep } from '../../lib/contracts/trace.ts';
import { NO_USE, plus } from '../journal/provider-use.ts';
import { type BatchEntry, type OwnPart, ownPart, type TraceDetails } from './own-part.ts';

/** An event with its place: the time of its entry or, where that is unknown, of the last entry before it that tells one. */
export interface PlacedEvent {
  readonly event: TraceEvent;
  readonly placeMs: number;
}

/** A batch that has the document, as far as it is told. */
interface BatchView {
  readonly batchNo: number;
  readonly assignedMs: number | null;
  lastMs: number | null;
  version: number | null;
  baseVersion: number | null;
  /** The document is written or deleted by it. */
  isPlanned: boolean;
}

/** What an entry about a whole batch is called in a timeline of one of its documents. */
const BATCH_STEPS: { readonly [kind in BatchEntry['kind']]?: TraceStep } = {
  effect_applied: 'stored',
  pivot_planned: 'pivot_planned',
  pivot_done: 'pivoted',
  discard_planned: 'discard_planned',
  discard_done: 'discarded',
  discard_parked: 'discard_parked',
};

/** The events of one run that have to do with one document, in the order of the run's journal. */
export class RunTimeline {
  readonly #documentId: string;
  readonly #run: RunListing;
  readonly #events: PlacedEvent[] = [];
  readonly #batches = new Map<number, BatchView>();
  /** When each batch was assigned: that it has the document may be told later, as of what comes in a mail. */
  readonly #assignedMs = new Map<number, number | null>();
  #atMs: number | null = null;
  #placeMs: number;
  #isInterrupted = false;
  /** The run has brought the document to its end. */
  #isEnded = false;
  #use = NO_USE;
  #settingsDigest = '';
  #group = '';

  constructor(documentId: string, run: RunListing) {
    this.#documentId = documentId;
    this.#run = run;
    this.#placeMs = Date.parse(run.startedAt);
  }

  get events(): readonly PlacedEvent[] {
    return this.#events;
  }

  /** What the run used of providers, for all of its documents and by all processes. */
  get use(): ProviderUse {
    return this.#use;
  }

  /** The group that the run works for. */
  get group(): string {
    return this.#group;
  }

  /** Batches that write or delete the document. */
  get plannedBatches(): readonly number[] {
    return [...this.#batches.values()].filter(({ isPlanned }) => isPlanned).map(({ batchNo }) => batchNo);
  }

  /** Takes the next entry in. */
  take({ entry, atMs }: Pick<NumberedEntry, 'entry' | 'atMs'>): void {
    if (entry.kind === 'waiting_store' || entry.kind === 'store_back') return;
    this.#atMs = atMs ?? ('at' in entry ? Date.parse(entry.at) : null);
    // Clocks may be set back: within a run its journal decides what came first.
    this.#placeMs = Math.max(this.#placeMs, this.#atMs ?? 0);
    if (entry.kind === 'run_started') {
      this.#settingsDigest = entry.plan.settingsDigest;
      this.#group = entry.plan.group;
    } else if (entry.kind === 'providers_used') this.#use = plus(this.#use, entry.use);
    else if ('batchNo' in entry) this.#takeOfBatch(entry);
    else this.#takeOfRun(entry);
    this.#isInterrupted = entry.kind === 'run_interrupted';
  }

  #takeOfBatch(entry: BatchEntry): void {
    if (entry.kind === 'batch_assigned') this.#assignedMs.set(entry.batchNo, this.#atMs);
    const own = ownPart(entry, this.#documentId);
    const batch = this.#batches.get(entry.batchNo) ?? (own === null ? null : this.#newBatch(entry.batchNo));
    if (batch === null) return;
    this.#batches.set(entry.batchNo, batch);
    if (own !== null) this.#takeOwn(batch, own);
    else if (entry.kind === 'batch_done' && batch.isPlanned)
      // It is not among the results: it lost the race and is read again.
      this.#add('finished', { ...this.#ofBatch(batch, batch.assignedMs), version: batch.version, became: 'lost' });
    const step = own === null ? BATCH_STEPS[entry.kind] : undefined;
    if (step !== undefined) this.#add(step, { ...this.#ofBatch(batch, batch.lastMs), ...batchDetails(entry) });
    batch.lastMs = this.#atMs;
  }

  #takeOwn(batch: BatchView, { step, details }: OwnPart): void {
    if (step === 'write_planned' || step === 'delete_planned') {
      batch.isPlanned = true;
      batch.version = details.version ?? null;
      batch.baseVersion = details.baseVersion ?? null;
    }
    const isEnd = step === 'finished';
    const common = this.#ofBatch(batch, isEnd ? batch.assignedMs : batch.lastMs);
    // A process that settles what another has left does not know what was there before.
    const isUpdate = details.outcome === 'added' && batch.baseVersion !== null;
    this.#add(step, {
      ...common,
      ...details,
      ...(isUpdate && { outcome: 'updated' as const }),
      ...(step === 'assigned' && { settingsDigest: this.#settingsDigest }),
    });
    if (isEnd) this.#isEnded = true;
  }

  #takeOfRun(entry: Exclude<JournalEntry, BatchEntry>): void {
    if (this.#batches.size === 0 || this.#isEnded) return;
    if (entry.kind === 'run_claimed') {
      this.#add('claimed', { reason: entry.reason, hasDied: !this.#isInterrupted });
      for (const batch of this.#batches.values()) batch.lastMs = null;
    } else if (entry.kind === 'run_interrupted') this.#add('interrupted', { reason: entry.reason });
    else if (entry.kind === 'run_finished') this.#add('run_ended', { reason: entry.state });
  }

  #newBatch(batchNo: number): BatchView {
    const assignedMs = this.#assignedMs.get(batchNo) ?? null;
    const lastMs = this.#atMs === assignedMs ? null : assignedMs;
    return { batchNo, assignedMs, lastMs, version: null, baseVersion: null, isPlanned: false };
  }

  #ofBatch({ batchNo }: BatchView, sinceMs: number | null): TraceDetails {
    if (sinceMs === null || this.#atMs === null) return { batchNo };
    return { batchNo, durationMs: Math.max(0, this.#atMs - sinceMs) };
  }

  #add(step: TraceStep, details: TraceDetails): void {
    const { runId, kind: runKind, state: runState } = this.#run;
    const at = this.#atMs === null ? null : new Date(this.#atMs).toISOString();
    this.#events.push({ event: { at, step, runId, runKind, runState, ...details }, placeMs: this.#placeMs });
  }
}

/** What an entry says of its batch as a whole. */
function batchDetails(entry: BatchEntry): TraceDetails {
  if (entry.kind === 'effect_applied') return { stores: [entry.store] };
  if (entry.kind === 'discard_planned') return { reason: entry.reason };
  if (entry.kind === 'discard_parked') return { stores: entry.stores, error: entry.error };
  return {};
}
