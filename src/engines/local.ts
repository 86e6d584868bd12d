import type { OnEvent, RunSummary } from '../../lib/contracts/apex.ts';
import { ERROR_CODES, EXIT } from '../../lib/contracts/error-codes.ts';
import { CompensationError, isApexError, JournalError, StoreError, UsageError } from '../../lib/contracts/errors.ts';
import type { Journal, RunListing, RunPlan, RunState } from '../../lib/contracts/journal.ts';
import { EMPTY_REPLAY, type RunReplay, replayRun } from '../journal/replay.ts';
import { deleteAll } from '../pipeline/delete.ts';
import { stopReport } from '../pipeline/failure.ts';
import type { Parts } from '../pipeline/parts.ts';
import { ingestAll } from '../pipeline/run.ts';
import { RunSession } from '../pipeline/session.ts';
import { settleBatch } from '../saga/saga.ts';
import type { Engine, Settlement } from './engine.ts';

/** What taking a dead run over gave. */
interface TakenOver {
  readonly journal: Journal;
  readonly plan: RunPlan;
  readonly fence: number;
  readonly finished: number;
  readonly discarded: number;
  readonly parked: number;
  /** The journal is older than the records store says: nothing may be written under its batch numbers. */
  readonly hasJournalGoneBack: boolean;
}

type ClaimReason = 'resume' | 'settle' | 'rollback';

const NOTHING_SETTLED: Settlement = { runs: 0, finished: 0, discarded: 0, parked: 0 };

/** Takes runs through the steps in this process, with a journal beside the data. */
export class LocalEngine implements Engine {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async start(plan: RunPlan, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary> {
    const twin = await this.#interruptedTwin(plan);
    await this.#settle(onEvent, signal, twin?.runId ?? null);
    if (twin !== null) return this.resume(twin.runId, onEvent, signal);
    const { registry, stores, surroundings } = this.#parts;
    const runId = surroundings.newId();
    const journal = await registry.create({ runId, plan, startedAt: this.#timestamp() });
    const session = new RunSession({ journal, plan, parts: this.#parts, onEvent, signal, nextBatchNo: 1, fence: null });
    onEvent({ kind: 'run_started', runId });
    await journal.append({ kind: 'run_started', plan, memoryId: stores.records.memoryId, at: this.#timestamp() });
    return this.#work(session, EMPTY_REPLAY);
  }

  async resume(runId: string, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary> {
    const taken = await this.#takeOver(await this.#existing(runId, 'resume'), 'resume', signal);
    if (taken === null) throw lockedRun(runId);
    const replay = await replayRun(taken.journal.read());
    const { journal, plan, fence } = taken;
    const session = new RunSession({
      journal,
      plan,
      parts: this.#parts,
      onEvent,
      signal,
      nextBatchNo: replay.nextBatchNo,
      fence,
    });
    onEvent({ kind: 'run_started', runId });
    if (taken.parked > 0) session.earn(EXIT.needsAttention);
    return this.#work(session, replay, taken.hasJournalGoneBack);
  }

  async rollback(runId: string, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary> {
    const taken = await this.#takeOver(await this.#existing(runId, 'roll back'), 'rollback', signal);
    if (taken === null) throw lockedRun(runId);
    const { journal, plan, fence } = taken;
    const replay = await replayRun(journal.read());
    const session = new RunSession({
      journal,
      plan,
      parts: this.#parts,
      onEvent,
      signal,
      nextBatchNo: replay.nextBatchNo,
      fence,
    });
    await this.#parts.staging.removeRun(runId);
    session.earn(taken.parked > 0 ? EXIT.needsAttention : EXIT.rolledBack);
    return this.#end(session, taken.parked > 0 ? 'needs_attention' : 'rolled_back', null);
  }

  settleDeadRuns(onEvent: OnEvent, signal: AbortSignal): Promise<Settlement> {
    return this.#settle(onEvent, signal, null);
  }

  /** The newest run of the same plan that ended before it was done. Standard input cannot be read twice, so it has no twin. */
  async #interruptedTwin(plan: RunPlan): Promise<RunListing | null> {
    if (plan.targets.includes('-')) return null;
    for (const run of await this.#parts.registry.list()) {
      if (run.isOwned || !isUnfinished(run.state)) continue;
      const { plan: other } = await replayRun(this.#parts.registry.readEntries(run.runId));
      if (other !== null && isSamePlan(plan, other)) return run;
    }
    return null;
  }

  async #existing(runId: string, verb: string): Promise<RunListing> {
    const run = await this.#parts.registry.get(runId);
    if (run === null) throw new UsageError(`there is no run ${runId}`, { code: 'NOT_FOUND', details: { runId } });
    if (isUnfinished(run.state)) return run;
    throw new UsageError(`run ${runId} is ${run.state.replace('_', ' ')}: there is nothing to ${verb}`, {
      code: 'APEX_USAGE',
      details: { runId },
    });
  }

  async #settle(onEvent: OnEvent, signal: AbortSignal, exceptRunId: string | null): Promise<Settlement> {
    let settlement = NOTHING_SETTLED;
    const runs = await this.#parts.registry.list();
    for (const run of runs) {
      if (run.isOwned || !isUnfinished(run.state) || run.runId === exceptRunId) continue;
      const { unsettled } = await replayRun(this.#parts.registry.readEntries(run.runId));
      if (unsettled.length === 0 && run.state !== 'running') continue;
      const taken = await this.#takeOver(run, 'settle', signal);
      if (taken === null) continue;
      await this.#release(
        run.runId,
        taken.parked > 0 ? 'needs_attention' : taken.hasJournalGoneBack ? 'failed' : 'interrupted',
      );
      const { finished, discarded, parked } = taken;
      if (finished + discarded + parked > 0)
        onEvent({ kind: 'run_settled', runId: run.runId, finished, discarded, parked });
      settlement = {
        runs: settlement.runs + 1,
        finished: settlement.finished + finished,
        discarded: settlement.discarded + discarded,
        parked: settlement.parked + parked,
      };
    }
    await this.#discardVanished(new Set(runs.map(({ runId }) => runId)), onEvent, signal);
    return settlement;
  }

  /** Batches that the records store knows as building while no run of that name is known here: their journal vanished. */
  async #discardVanished(known: ReadonlySet<string>, onEvent: OnEvent, signal: AbortSignal): Promise<void> {
    const { records, graph, vectors } = this.#parts.stores;
    for (const ref of await records.buildingRuns(signal)) {
      if (known.has(ref.runId) || (await this.#parts.registry.get(ref.runId)) !== null) continue;
      for (const store of [vectors, graph, records]) await store.discard(ref, signal);
      onEvent({
        kind: 'warning',
        code: 'JOURNAL_WENT_BACK',
        message: `the journal of run ${ref.runId} is gone; its unfinished batch ${ref.batchNo} was discarded`,
      });
    }
  }

  /** Claims a run and settles its batches. The claim decides, not what was listed: null when another process has the run. */
  async #takeOver(run: RunListing, reason: ClaimReason, signal: AbortSignal): Promise<TakenOver | null> {
    const { registry, stores } = this.#parts;
    const { runId } = run;
    const journal = await registry.claim(runId);
    if (journal === null) return null;
    const { plan, unsettled } = await replayRun(journal.read());
    if (plan === null) {
      await this.#release(runId, 'failed');
      throw new JournalError(`the journal of run ${runId} holds no plan: it ended before it began`, {
        code: 'APEX_JOURNAL',
        details: { runId },
      });
    }
    const mirror = await stores.records.runMirror(runId, signal);
    const hasJournalGoneBack =
      mirror !== null && (mirror.journalId !== journal.journalId || mirror.lastLsn > journal.lsn);
    const { fence } = await stores.records.openRun({ runId, journalId: journal.journalId }, signal);
    await journal.append({ kind: 'run_claimed', fence, reason, at: this.#timestamp() });
    const refs = hasJournalGoneBack
      ? (await stores.records.buildingRuns(signal)).filter((ref) => ref.runId === runId)
      : unsettled.map((batchNo) => ({ runId, batchNo }));
    const counts = { finished: 0, discarded: 0, parked: 0 };
    for (const ref of refs) counts[await this.#settleOne(ref, journal, signal)] += 1;
    return { journal, plan, fence, hasJournalGoneBack, ...counts };
  }

  async #settleOne(
    ref: { runId: string; batchNo: number },
    journal: Journal,
    signal: AbortSignal,
  ): Promise<'finished' | 'discarded' | 'parked'> {
    const { stores, surroundings, limits } = this.#parts;
    const saga = { journal, stores, surroundings, discardTimeoutMs: limits.discardTimeoutMs, onCacheFailure: () => {} };
    try {
      return await settleBatch(ref, saga, signal);
    } catch (error) {
      if (error instanceof CompensationError) return 'parked';
      throw error;
    }
  }

  async #work(session: RunSession, replay: RunReplay, hasJournalGoneBack = false): Promise<RunSummary> {
    try {
      if (hasJournalGoneBack) throw wentBack(session.runId);
      if (session.plan.kind === 'ingest') await ingestAll(session, replay);
      else await deleteAll(session, replay);
      session.signal.throwIfAborted();
    } catch (error) {
      return this.#stop(session, error);
    }
    return this.#end(session, 'completed', null);
  }

  /** Ends a run that did not get through: interrupted and resumable, unless going on could not help. */
  async #stop(session: RunSession, error: unknown): Promise<RunSummary> {
    // After a journal failure nothing more is promised: the next process finds the run as it was left.
    if (error instanceof JournalError && error.code !== 'JOURNAL_WENT_BACK') throw error;
    if (session.signal.aborted) {
      session.earn(session.signal.reason === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted);
      return this.#end(session, 'interrupted', {
        code: 'ABORTED',
        message: 'interrupted',
        retryable: true,
        step: null,
      });
    }
    const report = stopReport(error);
    session.earn(ERROR_CODES[report.code].exit);
    if (error instanceof CompensationError) return this.#end(session, 'needs_attention', report);
    if (!isApexError(error)) {
      await this.#end(session, 'failed', report);
      throw error;
    }
    return this.#end(session, report.code === 'JOURNAL_WENT_BACK' ? 'failed' : 'interrupted', report);
  }

  async #end(
    session: RunSession,
    state: Exclude<RunState, 'running'>,
    error: RunSummary['error'],
  ): Promise<RunSummary> {
    const { journal, counts, exitStatus, runId } = session;
    const at = this.#timestamp();
    if (state === 'interrupted' || state === 'needs_attention')
      await journal.append({ kind: 'run_interrupted', reason: error?.code ?? state, at });
    else await journal.append({ kind: 'run_finished', state, exitStatus, counts, at });
    const journalCommits = journal.syncedCommits;
    await this.#release(runId, state, exitStatus);
    const summary: RunSummary = {
      run_id: runId,
      state,
      ...counts,
      duration_ms: session.durationMs,
      exit_status: exitStatus,
      embedded_texts: session.use.texts,
      embedding_calls: session.use.calls,
      journal_commits: journalCommits,
      batches: session.batches,
      error,
    };
    session.onEvent({ kind: 'run_ended', summary });
    return summary;
  }

  async #release(runId: string, state: RunState, exitStatus: number | null = null): Promise<void> {
    const { registry } = this.#parts;
    await registry.setState(runId, state, exitStatus === null ? null : { finishedAt: this.#timestamp(), exitStatus });
    await registry.release(runId);
  }

  #timestamp(): string {
    return new Date(this.#parts.surroundings.now()).toISOString();
  }
}

function isUnfinished(state: RunState): boolean {
  return state === 'running' || state === 'interrupted' || state === 'needs_attention';
}

function isSamePlan(a: RunPlan, b: RunPlan): boolean {
  const named = ({ kind, source, targets, documentId, group }: RunPlan) =>
    JSON.stringify([kind, source, targets, documentId, group]);
  return named(a) === named(b);
}

function lockedRun(runId: string): StoreError {
  return new StoreError(`run ${runId} is being worked on by another process`, {
    code: 'LOCKED',
    retryable: true,
    details: { runId },
  });
}

function wentBack(runId: string): JournalError {
  return new JournalError(
    `the journal of run ${runId} is older than the records store says; the run is given up, what it made visible stays`,
    {
      code: 'JOURNAL_WENT_BACK',
      details: { runId },
    },
  );
}
