import type { DocumentResult, OnEvent, RecordCounts } from '../../lib/contracts/apex.ts';
import type { QuarantineEntry } from '../../lib/contracts/document.ts';
import { ERROR_CODES, EXIT } from '../../lib/contracts/error-codes.ts';
import { type ApexError, type ErrorReport, isApexError } from '../../lib/contracts/errors.ts';
import type { Journal, ProviderUse, RunCounts, RunPlan } from '../../lib/contracts/journal.ts';
import type { StepName } from '../../lib/contracts/pipeline.ts';
import type { Source, SourceItem } from '../../lib/contracts/source.ts';
import type { RemovedCounts } from '../../lib/contracts/store.ts';
import { NO_COUNTS } from '../journal/counts.ts';
import { less, NO_USE } from '../journal/provider-use.ts';
import { sourceLabel } from '../metrics/families.ts';
import { Measures } from '../metrics/measures.ts';
import type { Leases } from '../saga/leases.ts';
import { NOTHING_REMOVED } from '../saga/removal.ts';
import { type SagaParts, sagaParts } from '../saga/saga.ts';
import { Allowance, NO_CAPS } from './allowance.ts';
import type { ClassifyParts } from './classify.ts';
import type { ReadDocument } from './document.ts';
import type { Parts } from './parts.ts';
import { failureDigest, settingsDigest, storesDigest } from './parts.ts';
import { allQuarantined, Quarantine, type QuarantineOptions } from './quarantine.ts';
import { EmbeddingUse } from './use.ts';
import { AskedWaits, type Retry } from './waits.ts';

/** What a session works on and with. */
export interface SessionOptions {
  readonly journal: Journal;
  readonly plan: RunPlan;
  readonly parts: Parts;
  readonly leases: Leases;
  readonly onEvent: OnEvent;
  /** The user's: once aborted nothing new is begun, and what is being written is finished. */
  readonly signal: AbortSignal;
  /** The first batch number that this session may give. */
  readonly nextBatchNo: number;
  /** The fence of a run that was claimed; null for a new one, which is registered with its first batch. */
  readonly fence: number | null;
  /** What the command that this is part of may use; as much as it takes when absent. */
  readonly allowance?: Allowance;
}

/** Documents in a row that a store cannot take alone: then it is the store that is to be mended. */
const MAX_OVERLOADS = 3;

/** Exit statuses from the lightest to the gravest. */
const GRAVITY: readonly number[] = [
  EXIT.done,
  EXIT.quarantined,
  EXIT.rolledBack,
  EXIT.usage,
  EXIT.permission,
  EXIT.temporary,
  EXIT.config,
  EXIT.needsAttention,
  EXIT.interrupted,
  EXIT.terminated,
  EXIT.disk,
  EXIT.bug,
];

/** The graver of two exit statuses. */
export function graver(a: number, b: number): number {
  return GRAVITY.indexOf(b) > GRAVITY.indexOf(a) ? b : a;
}

function failureOf(take: () => void): ApexError | null {
  try {
    take();
    return null;
  } catch (error) {
    return error as ApexError;
  }
}

/** One process's work on one run: its journal, its fence, its batch numbers and what it has counted. */
export class RunSession {
  readonly journal: Journal;
  readonly plan: RunPlan;
  readonly parts: Parts;
  readonly onEvent: OnEvent;
  /** The user's: once aborted, nothing new is begun. */
  readonly signal: AbortSignal;
  /** For what must be finished once it is begun: aborted only when the grace time after the user's signal has run out. */
  readonly writeSignal: AbortSignal;
  readonly settingsDigest: string;
  readonly failureDigest: string;
  readonly storesDigest: string;
  readonly allowance: Allowance;
  readonly use: EmbeddingUse;
  /** What is measured of this process's work, until the journal has it. */
  readonly measures: Measures;
  readonly #startedMs: number;
  readonly #leases: Leases;
  readonly #waits: AskedWaits;
  /** When this process began on the run, ISO 8601. */
  readonly startedAt: string;
  #counts: RunCounts = NO_COUNTS;
  #records: RecordCounts | null = null;
  #removed: RemovedCounts = NOTHING_REMOVED;
  /** Whether what a delete removed is gone from every file; null as long as nobody has seen to it. */
  erased: boolean | null = null;
  #nextBatchNo: number;
  #fence: Promise<number> | null;
  #hasCacheFailed = false;
  #quarantine: Promise<Quarantine> | null = null;
  #exitStatus: number = EXIT.done;
  #recorded: ProviderUse = NO_USE;
  #stop: ApexError | null = null;
  #full: ApexError | null = null;
  #setAside: ErrorReport | null = null;
  #hasLeft = false;
  #overloads = 0;

  constructor(options: SessionOptions) {
    this.journal = options.journal;
    this.plan = options.plan;
    this.parts = options.parts;
    this.#leases = options.leases;
    this.onEvent = options.onEvent;
    this.#waits = new AskedWaits(options.parts.surroundings, options.onEvent);
    this.signal = options.signal;
    this.writeSignal = options.parts.surroundings.graceAfter(options.signal);
    this.settingsDigest = settingsDigest(options.parts);
    this.failureDigest = failureDigest(options.parts);
    this.storesDigest = storesDigest(options.parts.stores);
    this.allowance = options.allowance ?? new Allowance(NO_CAPS, options.parts.surroundings.elapsed);
    this.use = new EmbeddingUse(this.allowance);
    this.measures = new Measures(options.parts.surroundings.elapsed);
    this.#nextBatchNo = options.nextBatchNo;
    this.#fence = options.fence === null ? null : Promise.resolve(options.fence);
    this.startedAt = new Date(options.parts.surroundings.now()).toISOString();
    this.#startedMs = options.parts.surroundings.elapsed();
  }

  get runId(): string {
    return this.journal.runId;
  }

  get counts(): RunCounts {
    return this.#counts;
  }

  /** What became of records, or null when the run is about none. */
  get records(): RecordCounts | null {
    return this.#records;
  }

  countRecords({ records, readings, rejected }: RecordCounts): void {
    const sum = this.#records ?? { records: 0, readings: 0, rejected: 0 };
    this.#records = {
      records: sum.records + records,
      readings: sum.readings + readings,
      rejected: sum.rejected + rejected,
    };
    const labels = { source: sourceLabel(this.plan.source) };
    this.measures.add('structured_data_fetched', labels, records);
    this.measures.add('apex_readings_total', labels, readings);
    this.measures.add('apex_records_rejected_total', labels, rejected);
    this.onEvent({ kind: 'records', counts: this.#records });
  }

  /** Items of deleted documents that were removed from each store. */
  get removed(): RemovedCounts {
    return this.#removed;
  }

  /** What the process is to end with by what it has met so far. */
  get exitStatus(): number {
    return this.#exitStatus;
  }

  /** Notes something met; the graver of two statuses stays. */
  earn(exitStatus: number): void {
    this.#exitStatus = graver(this.#exitStatus, exitStatus);
  }

  /** Notes that a document was set aside: where the plan says so, nothing new is begun from here. */
  noteSetAside({ name }: SourceItem, error: ErrorReport): void {
    if (this.plan.onError !== 'stop') return;
    this.#setAside ??= { ...error, message: `${name} was set aside (${error.code}): ${error.message}` };
  }

  /** Notes that a document was left for later because the run is stopping. */
  leave(): void {
    this.#hasLeft = true;
  }

  /** The document that was set aside and for which others were left for later, or null when none was. */
  get leftBecause(): ErrorReport | null {
    return this.#hasLeft ? this.#setAside : null;
  }

  get batches(): number {
    return this.#nextBatchNo - 1;
  }

  get durationMs(): number {
    return Math.round(this.parts.surroundings.elapsed() - this.#startedMs);
  }

  takeBatchNo(): number {
    this.#nextBatchNo += 1;
    return this.#nextBatchNo - 1;
  }

  /** The fence of this run. A run that finds nothing to write is never registered in the records store: it writes nothing. */
  fence(): Promise<number> {
    this.#fence ??= this.#leases
      .open({ runId: this.runId, journalId: this.journal.journalId }, this.writeSignal)
      .then(({ fence }) => fence);
    return this.#fence;
  }

  /** What a source and its documents are looked at with. */
  async look(source: Source): Promise<ClassifyParts> {
    const { records } = this.parts.stores;
    const { settingsDigest, failureDigest, storesDigest } = this;
    const { group } = this.plan;
    return { source, records, group, quarantine: await this.quarantine(), settingsDigest, failureDigest, storesDigest };
  }

  /** What is set aside, as it was when it was first asked for, with what this run asks of it. */
  quarantine(): Promise<Quarantine> {
    this.#quarantine ??= allQuarantined(this.parts.stores.records, this.signal).then(
      (entries) => new Quarantine(entries, quarantineOptions(this.plan, this.runId)),
    );
    return this.#quarantine;
  }

  /** From here what is set aside is asked for anew, because other runs have changed it. */
  forgetQuarantine(): void {
    this.#quarantine = null;
  }

  get saga(): SagaParts {
    return sagaParts(this.parts, {
      journal: this.journal,
      measures: this.measures,
      onCacheFailure: (error) => this.warnOfCache(error),
    });
  }

  get hasCacheFailed(): boolean {
    return this.#hasCacheFailed;
  }

  /** Notes that a store could not take one document alone. @returns whether that is no document's fault any more: so many in a row. */
  noteOverload(): boolean {
    this.#overloads += 1;
    return this.#overloads >= MAX_OVERLOADS;
  }

  noteWritten(): void {
    this.#overloads = 0;
  }

  /** Once a run: the cache is best effort, so its failure is said and changes nothing. */
  warnOfCache(error: unknown): void {
    if (this.#hasCacheFailed) return;
    this.#hasCacheFailed = true;
    this.onEvent({
      kind: 'warning',
      code: 'CACHE_FAILED',
      message: `the cache does not answer; the run goes on without it${isApexError(error) ? ` (${error.message})` : ''}`,
    });
  }

  /**
   * From here nothing new is begun: what is prepared is written, the rest is left for another time, and then the run stops with
   * this. The first reason stays.
   */
  stopAfterBatch(reason: ApexError): void {
    this.#stop ??= reason;
  }

  /** Is nothing new to be begun, not even a document that was taken? */
  get isStopping(): boolean {
    return this.#isCapped || this.#setAside !== null;
  }

  /** Is this document left for another time? What came in one that was set aside or prepared goes with it, but not beyond a cap. */
  isLeaving({ parentId }: { readonly parentId: string | null }): boolean {
    return this.#isCapped || (this.#setAside !== null && parentId === null);
  }

  get #isCapped(): boolean {
    this.#stop ??= this.#leases.lossOf(this.runId) ?? failureOf(() => this.allowance.assertTime());
    return this.#stop !== null;
  }

  /** Is no further document to be taken? Those that were are worked on. */
  get isFull(): boolean {
    return this.isStopping || this.#full !== null;
  }

  /** Takes a document that is to be worked on; false when it is left for another time. */
  takeDocument(): boolean {
    if (!this.isFull) this.#full = failureOf(() => this.allowance.takeDocument());
    if (this.isFull) this.leave();
    return !this.isFull;
  }

  /** @throws what the run stops with before its end, if anything. */
  throwIfStopping(): void {
    const reason = this.#stop ?? this.#full;
    if (reason !== null) throw reason;
  }

  /** Counts an attempt at a step that is made again, and tells of a wait that the source asked for. */
  noteRetry(step: StepName, retry: Retry, sourceName: string): void {
    this.measures.add('apex_step_retries_total', { step });
    if (step === 'stage') this.#waits.take(retry, sourceName);
  }

  /** Counts the bytes of a document that was staged. */
  noteStaged(sourceName: string, bytes: number): void {
    this.measures.add('staging_bytes_written', { source: sourceLabel(sourceName) }, bytes);
  }

  /** Counts the bytes and the text of a document that was staged and parsed. */
  noteRead({ sourceName, file, parsed }: Pick<ReadDocument, 'sourceName' | 'file' | 'parsed'>): void {
    this.noteStaged(sourceName, file.bytes);
    this.measures.observe('apex_document_text_characters', {}, parsed.text.length);
  }

  /** Records what providers were used for, and what was measured, since the last time; it is synced with the next intent. */
  async recordUse(): Promise<void> {
    const use = this.use.total;
    const since = less(use, this.#recorded);
    this.#recorded = use;
    if (since.calls > 0) await this.journal.append({ kind: 'providers_used', use: since });
    const amounts = this.measures.take();
    if (Object.keys(amounts).length > 0) await this.journal.append({ kind: 'measured', amounts });
  }

  /** As `finish`, for a document that has come to its end in no batch: no entry of a batch tells of it. */
  settle(result: DocumentResult): void {
    this.measures.noteSettled(result);
    this.finish(result);
  }

  /** Counts a document that has come to its end in a batch, and says so. */
  finish(result: DocumentResult): void {
    const counts = this.#counts;
    this.#counts = {
      ...counts,
      documents: counts.documents + 1,
      [result.outcome]: counts[result.outcome] + 1,
      chunks: counts.chunks + result.chunks,
      entities: counts.entities + result.entities,
      relations: counts.relations + result.relations,
    };
    if (result.removed !== undefined) this.#removed = sumOf(this.#removed, result.removed);
    if (result.outcome === 'quarantined') this.earn(EXIT.quarantined);
    else if (result.error !== undefined) this.earn(ERROR_CODES[result.error.code].exit);
    this.onEvent({ kind: 'document', result });
  }
}

/** A retry tries again what it names; it and a run that stops at failures try each document once, also over several processes. */
function quarantineOptions({ kind, group, reason, targets, onError }: RunPlan, runId: string): QuarantineOptions {
  if (kind !== 'retry') return { triedByRunId: onError === 'stop' ? runId : null };
  const named = new Set(targets);
  const isNamed = ({ documentId, code }: QuarantineEntry) =>
    reason === undefined ? named.has(documentId) : reason === 'all' || reason === code;
  return { triedByRunId: runId, isWanted: (entry) => entry.group === group && isNamed(entry) };
}

function sumOf(a: RemovedCounts, b: RemovedCounts): RemovedCounts {
  return {
    records: a.records + b.records,
    graph: a.graph + b.graph,
    vectors: a.vectors + b.vectors,
    cache: a.cache + b.cache,
  };
}
