import type {
  Apex,
  Caps,
  CleanupReport,
  CleanupRequest,
  DocumentDetails,
  EntityReport,
  IngestRequest,
  ListedRun,
  OnEvent,
  ReconcileReport,
  RecordsRequest,
  RepairReport,
  RetryRequest,
  RunDetails,
  RunSummary,
  SearchHit,
  SearchRequest,
  SelectRequest,
  VerifyReport,
} from '../lib/contracts/apex.ts';
import type { QuarantineEntry } from '../lib/contracts/document.ts';
import { type ErrorCode, EXIT } from '../lib/contracts/error-codes.ts';
import { ConfigError } from '../lib/contracts/errors.ts';
import type { DeleteSelection, RunState } from '../lib/contracts/journal.ts';
import type { DocumentStatus } from '../lib/contracts/pipeline.ts';
import type { RejectedEntry } from '../lib/contracts/series.ts';
import type { DocumentSummary } from '../lib/contracts/store.ts';
import type { DocumentTrace } from '../lib/contracts/trace.ts';
import { nearDocumentId, nearRunId } from './config/near-ids.ts';
import type { Engine } from './engines/engine.ts';
import { cleanStaging } from './engines/staged.ts';
import { replayRun } from './journal/replay.ts';
import { countedCleanup } from './metrics/cleanup.ts';
import { Allowance, NO_CAPS } from './pipeline/allowance.ts';
import { type Parts, settingsDigest } from './pipeline/parts.ts';
import { assertPlanReady, assertSourcesReady } from './pipeline/ready.ts';
import { isAnythingToRetry, retryPlan, sourcesToRetry } from './pipeline/retry.ts';
import { countSelected } from './pipeline/selection.ts';
import { graver } from './pipeline/session.ts';
import { NOT_RECONCILED, reconcile } from './repair/reconcile.ts';
import { NOT_REPAIRED, RepairNotes } from './repair/report.ts';
import { ListedRuns } from './runs.ts';
import { search } from './search/search.ts';
import { thingsSettingsDigest } from './things/prepare.ts';
import { showEntity } from './things/show.ts';
import { traceDocument } from './trace/trace.ts';
import { atWork } from './verify/at-work.ts';
import { assertNotEmptied } from './verify/emptied.ts';
import { verify } from './verify/verify.ts';

interface MachineOptions {
  readonly parts: Parts;
  readonly engine: Engine;
  readonly group: string;
  /** Closes every part that was opened. */
  readonly close: () => Promise<void>;
}

/** A running apex over assembled parts. */
export class Machine implements Apex {
  readonly #parts: Parts;
  readonly #engine: Engine;
  readonly #group: string;
  readonly #close: () => Promise<void>;
  readonly #runs: ListedRuns;

  constructor(options: MachineOptions) {
    this.#parts = options.parts;
    this.#engine = options.engine;
    this.#group = options.group;
    this.#close = options.close;
    const { registry, stores } = options.parts;
    this.#runs = new ListedRuns({ registry, records: stores.records, close: this.#close });
  }

  async ingest(request: IngestRequest, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary> {
    const { source, targets, documentId, sync = null, onError, stagedFrom } = request;
    const plan = {
      kind: 'ingest',
      source,
      targets,
      documentId,
      group: this.#group,
      sync,
      settingsDigest: settingsDigest(this.#parts),
      ...(onError === 'stop' && { onError }),
      ...(stagedFrom !== undefined && { listedBy: stagedFrom }),
    } as const;
    await assertPlanReady(plan, this.#parts);
    return this.#engine.start(plan, onEvent, signal, this.#allowance(request.caps));
  }

  async ingestRecords(
    { source, targets, listedBy = 'local_upload', fetch, caps }: RecordsRequest,
    onEvent: OnEvent,
    signal: AbortSignal,
  ): Promise<RunSummary> {
    const plan = {
      kind: 'records',
      source,
      targets,
      ...(fetch === undefined ? { listedBy } : { fetch }),
      documentId: null,
      group: this.#group,
      settingsDigest: thingsSettingsDigest(this.#parts),
    } as const;
    await assertPlanReady(plan, this.#parts);
    return this.#engine.start(plan, onEvent, signal, this.#allowance(caps));
  }

  async retryRecords(onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary | null> {
    const [first] = await this.rejectedRecords({ afterId: null, limit: 1, source: null }, signal);
    if (first === undefined) return null;
    const plan = {
      ...({ kind: 'records', source: '', targets: [], rejected: true, documentId: null, group: this.#group } as const),
      settingsDigest: thingsSettingsDigest(this.#parts),
    };
    return this.#engine.start(plan, onEvent, signal, this.#allowance());
  }

  rejectedRecords(
    page: { readonly afterId: string | null; readonly limit: number; readonly source: string | null },
    signal: AbortSignal,
  ): Promise<readonly RejectedEntry[]> {
    return this.#parts.stores.records.rejected({ ...page, group: this.#group }, signal);
  }

  showEntity(key: string, at: string | null, signal: AbortSignal): Promise<EntityReport | null> {
    return showEntity(key, { group: this.#group, at }, this.#parts.stores.records, signal);
  }

  /** @throws ConfigError when costs are capped that nobody can tell. */
  #allowance(caps: Caps = NO_CAPS): Allowance {
    const { embedder, surroundings } = this.#parts;
    if (caps.maxCostNanos !== null && embedder.price === null) throw unknownPrice();
    return new Allowance(caps, surroundings.elapsed);
  }

  async retry(request: RetryRequest, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary | null> {
    const plan = retryPlan(request, this.#group, settingsDigest(this.#parts));
    const { records } = this.#parts.stores;
    // What an interrupted retry has brought in is in quarantine no longer.
    if (!(await this.#engine.hasInterrupted(plan)) && !(await isAnythingToRetry(plan, records, signal))) return null;
    await assertSourcesReady(await sourcesToRetry(plan, records, signal), this.#parts);
    return this.#engine.start(plan, onEvent, signal, this.#allowance(request.caps));
  }

  deleteSelected(request: SelectRequest, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary> {
    const plan = {
      ...({ kind: 'delete', source: '', targets: [], documentId: null, group: this.#group } as const),
      settingsDigest: settingsDigest(this.#parts),
      selection: this.#selectionOf(request),
    };
    return this.#engine.start(plan, onEvent, signal);
  }

  countSelected(request: SelectRequest, signal: AbortSignal): Promise<number> {
    const selection = { ...this.#selectionOf(request), group: this.#group };
    return countSelected(selection, this.#parts.stores.records, signal);
  }

  #selectionOf({ source, olderThanMs }: SelectRequest): DeleteSelection {
    // Also what was made in this very millisecond.
    const createdBefore = this.#parts.surroundings.now() - (olderThanMs ?? -1);
    return { source, olderThanMs, createdBefore: new Date(createdBefore).toISOString() };
  }

  delete(documentIds: readonly string[], onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary> {
    const targets = [...new Set(documentIds)];
    const plan = {
      kind: 'delete',
      source: '',
      targets,
      documentId: null,
      group: this.#group,
      settingsDigest: settingsDigest(this.#parts),
    } as const;
    return this.#engine.start(plan, onEvent, signal);
  }

  async resume(runId: string | null, onEvent: OnEvent, signal: AbortSignal, caps?: Caps): Promise<RunSummary | null> {
    const allowance = this.#allowance(caps);
    if (runId !== null) return this.#engine.resume(runId, onEvent, signal, allowance);
    let last: RunSummary | null = null;
    let exitStatus: number = EXIT.done;
    const runs = (await this.#parts.registry.list()).filter(({ isOwned }) => !isOwned).reverse();
    const stopped = runs.filter(({ state }) => state === 'running' || state === 'interrupted');
    // What is parked may stay so, and must not keep the others waiting.
    const parked = runs.filter(({ state }) => state === 'needs_attention');
    for (const { runId } of [...stopped, ...parked]) {
      const resumed = await this.#engine.resume(runId, onEvent, signal, allowance);
      if (resumed === null) continue;
      last = resumed;
      exitStatus = graver(exitStatus, resumed.exit_status);
      if (resumed.state !== 'completed') break;
    }
    return last === null ? null : { ...last, exit_status: exitStatus };
  }

  rollback(runId: string, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary> {
    return this.#engine.rollback(runId, onEvent, signal);
  }

  async cleanup(request: CleanupRequest, onEvent: OnEvent, signal: AbortSignal): Promise<CleanupReport> {
    const report = await this.#parts.registry.exclusively('cleanup', async (): Promise<CleanupReport> => {
      const { staging, surroundings } = this.#parts;
      const cleanedAt = await staging.cleanedAt();
      const lastAt = cleanedAt === null ? null : new Date(cleanedAt).toISOString();
      if (cleanedAt !== null && surroundings.now() - cleanedAt < (request.intervalMs ?? 0))
        return { ...NOTHING_CLEANED, isDue: false, lastAt };
      if (request.isTrial) {
        const removed = await cleanStaging(this.#parts, request, signal);
        return { ...NOTHING_CLEANED, isDone: true, isTrial: true, lastAt, ...removed };
      }
      const { settled, removed } = await countedCleanup(this.#parts.ledger, async () => ({
        settled: await this.#engine.settleDeadRuns(onEvent, signal),
        removed: await cleanStaging(this.#parts, request, signal),
      }));
      const erased = await this.#eraseAlone(signal);
      return {
        ...{ isDone: true, isDue: true, isTrial: false, lastAt },
        erased,
        runsSettled: settled.runs,
        batchesDiscarded: settled.discarded,
        batchesFinished: settled.finished,
        parked: settled.parked,
        ...removed,
        exit_status: settled.parked > 0 ? EXIT.needsAttention : erased === false ? EXIT.temporary : EXIT.done,
      };
    });
    return report ?? NOTHING_CLEANED;
  }

  /**
   * Overwrites what deletes have left. Writing a file anew keeps others from writing: beside a run, also one that begins meanwhile, it
   * is left to the next cleanup.
   *
   * @returns null when it was left; false when another process kept it from being done.
   */
  async #eraseAlone(signal: AbortSignal): Promise<boolean | null> {
    const isBesideRun = async () => (await this.#parts.registry.list()).some(({ isOwned }) => isOwned);
    if (await isBesideRun()) return null;
    if (await this.#parts.stores.records.erase(signal)) return true;
    return (await isBesideRun()) ? null : false;
  }

  /** A cleanup at the same time would settle and clear the same. */
  async reconcile(onEvent: OnEvent, signal: AbortSignal): Promise<ReconcileReport> {
    const verified = () => this.verify(signal, (documents) => onEvent({ kind: 'compared', documents }));
    const options = { parts: this.#parts, engine: this.#engine, verified, onEvent, signal };
    return (await this.#parts.registry.exclusively('cleanup', () => reconcile(options))) ?? NOT_RECONCILED;
  }

  async verify(
    signal: AbortSignal,
    onCompared: (documents: number) => void = () => {},
    group: string | null = null,
  ): Promise<VerifyReport> {
    const { stores, registry, embedder } = this.#parts;
    await assertNotEmptied({ records: stores.records, registry }, signal);
    const options = {
      atWork: () => atWork({ registry, stores }, { exceptRunId: null, signal }),
      onCompared,
      embeddingModel: embedder.model,
      group,
    };
    return verify(stores, options, signal);
  }

  async repair(onEvent: OnEvent, signal: AbortSignal): Promise<RepairReport> {
    const plan = {
      kind: 'repair',
      ...{ source: '', targets: [], documentId: null, group: this.#group },
      settingsDigest: settingsDigest(this.#parts),
    } as const;
    const report = await this.#parts.registry.exclusively('repair', async () => {
      const found = await this.verify(signal, (documents) => onEvent({ kind: 'compared', documents }));
      const notes = new RepairNotes(found);
      if (found.differences.length === 0 && !(await this.#engine.hasInterrupted(plan))) return notes.report(null);
      const run = await this.#engine.start(
        plan,
        (event) => {
          notes.take(event);
          onEvent(event);
        },
        signal,
      );
      return notes.report(run);
    });
    return report ?? NOT_REPAIRED;
  }

  search(request: SearchRequest, signal: AbortSignal): Promise<readonly SearchHit[]> {
    const { stores, embedder } = this.#parts;
    return search(request, { stores, embedder, group: this.#group }, signal);
  }

  listRuns(options?: { state: RunState | null; limit: number | null }): Promise<readonly ListedRun[]> {
    return this.#runs.listRuns(options);
  }

  showRun(runId: string): Promise<RunDetails | null> {
    return this.#runs.showRun(runId);
  }

  listDocuments(
    options: { afterDocumentId: string | null; limit: number },
    signal: AbortSignal,
  ): Promise<readonly DocumentSummary[]> {
    return this.#parts.stores.records.documents({ ...options, group: this.#group }, signal);
  }

  listQuarantined(
    { afterDocumentId, limit, reason }: { afterDocumentId: string | null; limit: number; reason: ErrorCode | null },
    signal: AbortSignal,
  ): Promise<readonly QuarantineEntry[]> {
    const page = { afterDocumentId, limit, group: this.#group, code: reason };
    return this.#parts.stores.records.quarantined(page, signal);
  }

  async showDocument(documentId: string, signal: AbortSignal): Promise<DocumentDetails | null> {
    const { records } = this.#parts.stores;
    const ofGroup = <Item extends { readonly group: string }>(item: Item | null | undefined) =>
      item != null && (this.#group === '' || item.group === this.#group) ? item : null;
    const document = ofGroup(await records.document(documentId, signal));
    const quarantine = ofGroup((await records.quarantined([documentId], signal))[0]);
    const inFlight = await this.#runInFlight(documentId);
    if (document === null && quarantine === null && inFlight === null) return null;
    const status: DocumentStatus = inFlight?.status ?? (quarantine === null ? 'completed' : 'quarantined');
    const places = document === null ? [] : await records.placesOf([documentId], signal);
    const runId = inFlight?.runId ?? quarantine?.runId ?? document?.runId ?? null;
    return { document, quarantine, status, runId, places };
  }

  async trace(documentId: string, signal: AbortSignal): Promise<DocumentTrace | null> {
    const { registry, staging, stores } = this.#parts;
    const found = await this.showDocument(documentId, signal);
    const parts = { records: stores.records, registry, staging, found, group: this.#group };
    return traceDocument(documentId, parts, signal);
  }

  nearId(kind: 'document' | 'run', id: string, signal: AbortSignal): Promise<string | null> {
    const { registry, stores } = this.#parts;
    return kind === 'run' ? nearRunId(id, registry) : nearDocumentId(id, stores.records, signal);
  }

  /** The newest unfinished run that has the document in a batch which has not come to its end. */
  async #runInFlight(documentId: string): Promise<{ runId: string; status: DocumentStatus } | null> {
    const { registry } = this.#parts;
    for (const { runId, state } of await registry.list()) {
      if (state !== 'running' && state !== 'interrupted' && state !== 'needs_attention') continue;
      const replay = await replayRun(registry.readEntries(runId));
      const batch = replay.batches.findLast(({ items }) => items.some((item) => item.documentId === documentId));
      if (batch === undefined || batch.state === 'done') continue;
      return {
        runId,
        status:
          batch.state === 'parked'
            ? 'needs_attention'
            : batch.state === 'assigned'
              ? 'staging'
              : 'embeddings_generated',
      };
    }
    return null;
  }

  async close(): Promise<void> {
    await this.#engine.close();
    await this.#close();
  }
}

function unknownPrice(): ConfigError {
  return new ConfigError(
    '--max-cost cannot be kept: the price of the embedding model is not known; set OPENAI_EMBEDDING_PRICE to US dollars for a million tokens',
    { code: 'APEX_CONFIG' },
  );
}

const NOTHING_CLEANED: CleanupReport = {
  ...{ isDone: false, isDue: true, isTrial: false, lastAt: null },
  erased: null,
  runsSettled: 0,
  batchesDiscarded: 0,
  batchesFinished: 0,
  parked: 0,
  removedFolders: 0,
  removedBytes: 0,
  exit_status: EXIT.done,
};
