import type { OnEvent, RunSummary } from '../../lib/contracts/apex.ts';
import { ERROR_CODES, EXIT } from '../../lib/contracts/error-codes.ts';
import {
  CompensationError,
  type ErrorReport,
  isApexError,
  JournalError,
  StoreError,
  UsageError,
} from '../../lib/contracts/errors.ts';
import type { RunListing, RunPlan, RunState } from '../../lib/contracts/journal.ts';
import { hintOf, nearRunId } from '../config/near-ids.ts';
import { EMPTY_REPLAY, type RunReplay, replayRun } from '../journal/replay.ts';
import { Allowance, NO_CAPS } from '../pipeline/allowance.ts';
import { deleteAll } from '../pipeline/delete.ts';
import { stopReport } from '../pipeline/failure.ts';
import { dollarsOf } from '../pipeline/money.ts';
import type { Parts } from '../pipeline/parts.ts';
import { retryAll } from '../pipeline/retry.ts';
import { ingestAll } from '../pipeline/run.ts';
import { deleteSelected } from '../pipeline/selection.ts';
import { RunSession, type SessionOptions } from '../pipeline/session.ts';
import { repairAll } from '../repair/repair.ts';
import { Leases } from '../saga/leases.ts';
import { ingestRecords } from '../things/ingest.ts';
import { DeadRuns, isLost, isUnfinished, parkedReport, type TakenOver, wentBack } from './dead-runs.ts';
import type { Engine, Settlement } from './engine.ts';

/** Whom a run tells of its work, what may stop it, and what it may use. */
interface Work {
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal;
  readonly allowance: Allowance;
}

/** What each kind of run does. */
const WORK_OF: { readonly [kind in RunPlan['kind']]: (session: RunSession, replay: RunReplay) => Promise<void> } = {
  ingest: ingestAll,
  delete: (session, replay) => (session.plan.selection == null ? deleteAll : deleteSelected)(session, replay),
  repair: repairAll,
  retry: retryAll,
  records: ingestRecords,
};

/** Takes runs through the steps in this process, with a journal beside the data. */
export class LocalEngine implements Engine {
  readonly #parts: Parts;
  readonly #leases: Leases;
  readonly #deadRuns: DeadRuns;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#leases = new Leases(parts);
    this.#deadRuns = new DeadRuns(parts, this.#leases);
  }

  async start(plan: RunPlan, onEvent: OnEvent, signal: AbortSignal, allowance = this.#uncapped()): Promise<RunSummary> {
    const twin = await this.#interruptedTwin(plan);
    const { parked } = await this.#deadRuns.settle(onEvent, signal, twin?.runId ?? null);
    // Another process may have the twin by now, to settle it or to go on with it. Then this is a run beside it, as it would have
    // been had the two met a moment later: whoever comes second finds the documents unchanged. What is selected by age is older
    // by now than when the twin began, so it is this plan that is gone on with.
    const taken = twin === null ? null : await this.#deadRuns.takeOver(twin, 'resume', signal);
    if (taken !== null && !isLost(taken)) return this.#goOn({ ...taken, plan }, parked, { onEvent, signal, allowance });
    if (taken !== null) await this.#deadRuns.giveUp(taken, onEvent);
    const { registry, stores, surroundings } = this.#parts;
    const runId = surroundings.newId();
    const journal = await registry.create({ runId, plan, startedAt: this.#timestamp() });
    const work = { onEvent, signal, allowance };
    const session = this.#sessionOf({ journal, plan, fence: null }, EMPTY_REPLAY, work);
    onEvent({ kind: 'run_started', runId });
    await journal.append({ kind: 'run_started', plan, memoryId: stores.records.memoryId, at: this.#timestamp() });
    if (parked + (taken?.parked ?? 0) > 0) session.earn(EXIT.needsAttention);
    return this.#work(session, EMPTY_REPLAY);
  }

  async hasInterrupted(plan: RunPlan): Promise<boolean> {
    return (await this.#interruptedTwin(plan)) !== null;
  }

  async resume(
    runId: string,
    onEvent: OnEvent,
    signal: AbortSignal,
    allowance = this.#uncapped(),
  ): Promise<RunSummary | null> {
    const taken = await this.#deadRuns.takeOver(await this.#existing(runId, 'resume'), 'resume', signal);
    if (taken === null) throw lockedRun(runId);
    if (taken.plan !== null || taken.hasJournalGoneBack) return this.#goOn(taken, 0, { onEvent, signal, allowance });
    await this.#deadRuns.giveUp(taken, onEvent);
    return null;
  }

  async rollback(runId: string, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary> {
    const taken = await this.#deadRuns.takeOver(await this.#existing(runId, 'roll back'), 'rollback', signal);
    if (taken === null) throw lockedRun(runId);
    const work = { onEvent, signal, allowance: this.#uncapped() };
    const session = this.#sessionOf(planned(taken), await replayRun(taken.journal.read()), work);
    await this.#noted(session, () => this.#parts.staging.removeRun(runId));
    session.earn(taken.parked > 0 ? EXIT.needsAttention : EXIT.rolledBack);
    return this.#end(session, taken.parked > 0 ? 'needs_attention' : 'rolled_back', null);
  }

  /** Does what is left of a run that was taken over. @param parkedElsewhere batches of other runs that stay parked. */
  async #goOn(taken: TakenOver, parkedElsewhere: number, work: Work): Promise<RunSummary> {
    const replay = await replayRun(taken.journal.read());
    const session = this.#sessionOf(planned(taken), replay, work);
    work.onEvent({ kind: 'run_started', runId: session.runId });
    if (taken.parked + parkedElsewhere > 0) session.earn(EXIT.needsAttention);
    if (!taken.hasJournalGoneBack) return this.#work(session, replay, taken.parked);
    session.earn(EXIT.needsAttention);
    return this.#end(session, taken.parked > 0 ? 'needs_attention' : 'failed', wentBack(session.runId));
  }

  #sessionOf(run: Pick<SessionOptions, 'journal' | 'plan' | 'fence'>, { nextBatchNo }: RunReplay, work: Work) {
    return new RunSession({ ...run, parts: this.#parts, leases: this.#leases, ...work, nextBatchNo });
  }

  /** What a command without caps may use. */
  #uncapped(): Allowance {
    return new Allowance(NO_CAPS, this.#parts.surroundings.elapsed);
  }

  giveUpLostRuns(onEvent: OnEvent, signal: AbortSignal): Promise<Settlement> {
    return this.#deadRuns.giveUpLost(onEvent, signal);
  }

  async settleDeadRuns(onEvent: OnEvent, signal: AbortSignal): Promise<Settlement> {
    const settlement = await this.#deadRuns.settle(onEvent, signal, null);
    await this.#deadRuns.tellHeld(onEvent, signal);
    return settlement;
  }

  close(): Promise<void> {
    return this.#leases.close();
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
    if (run === null) {
      const hint = hintOf(await nearRunId(runId, this.#parts.registry));
      throw new UsageError(`there is no run ${runId}${hint}`, { code: 'NOT_FOUND', details: { runId } });
    }
    if (isUnfinished(run.state)) return run;
    throw new UsageError(`run ${runId} is ${run.state.replace('_', ' ')}: there is nothing to ${verb}`, {
      code: 'APEX_USAGE',
      details: { runId },
    });
  }

  /** @param parked batches of this run whose discard is still parked: the run has not come to its end. */
  async #work(session: RunSession, replay: RunReplay, parked = 0): Promise<RunSummary> {
    try {
      await this.#noted(session, () => WORK_OF[session.plan.kind](session, replay));
      session.signal.throwIfAborted();
    } catch (error) {
      return this.#stop(session, error);
    }
    if (parked > 0) return this.#end(session, 'needs_attention', parkedReport(parked));
    const { leftBecause } = session;
    return this.#end(session, leftBecause === null ? 'completed' : 'interrupted', leftBecause);
  }

  /** Does work of a run whose journal tells what it waits for. */
  async #noted({ journal }: RunSession, work: () => Promise<unknown>): Promise<void> {
    await (this.#parts.outages?.noteDuring(journal, work) ?? work());
  }

  /** Ends a run that did not get through: interrupted and resumable, unless going on could not help. */
  async #stop(session: RunSession, error: unknown): Promise<RunSummary> {
    // After a journal failure nothing more is promised: the next process finds the run as it was left.
    if (error instanceof JournalError) throw error;
    const report = withResumption(stopReport(error), error, session.runId);
    // Also when the user interrupted: what is parked must be said.
    if (error instanceof CompensationError) {
      session.earn(ERROR_CODES[report.code].exit);
      return this.#end(session, 'needs_attention', report);
    }
    if (report.code === 'FENCED') {
      // The run is another process's now: its journal and its row are no longer this one's to write.
      session.earn(ERROR_CODES[report.code].exit);
      await this.#leases.release(session.runId);
      await this.#parts.registry.release(session.runId);
      const summary = summaryOf(session, 'interrupted', report);
      session.onEvent({ kind: 'run_ended', summary });
      return summary;
    }
    if (session.signal.aborted) {
      session.earn(session.signal.reason === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted);
      return this.#end(session, 'interrupted', ABORTED);
    }
    session.earn(ERROR_CODES[report.code].exit);
    // A wrong argument stays wrong: going on with the run could never help.
    if (isApexError(error)) return this.#end(session, report.code === 'APEX_USAGE' ? 'failed' : 'interrupted', report);
    await this.#end(session, 'failed', report);
    throw error;
  }

  async #end(
    session: RunSession,
    state: Exclude<RunState, 'running'>,
    error: RunSummary['error'],
  ): Promise<RunSummary> {
    const { journal, counts, exitStatus, runId } = session;
    const at = this.#timestamp();
    await session.recordUse();
    if (state === 'interrupted' || state === 'needs_attention')
      await journal.append({ kind: 'run_interrupted', reason: error?.code ?? state, at });
    else await journal.append({ kind: 'run_finished', state, exitStatus, counts, at });
    const summary = summaryOf(session, state, error);
    await this.#release(runId, state, exitStatus);
    session.onEvent({ kind: 'run_ended', summary });
    return summary;
  }

  async #release(runId: string, state: RunState, exitStatus: number): Promise<void> {
    const { registry } = this.#parts;
    await registry.setState(runId, state, { finishedAt: this.#timestamp(), exitStatus });
    await this.#leases.release(runId);
    await registry.release(runId);
  }

  #timestamp(): string {
    return new Date(this.#parts.surroundings.now()).toISOString();
  }
}

function summaryOf(session: RunSession, state: RunState, error: ErrorReport | null): RunSummary {
  return {
    run_id: session.runId,
    state,
    ...session.counts,
    duration_ms: session.durationMs,
    exit_status: session.exitStatus,
    embedded_texts: session.use.total.texts,
    embedding_calls: session.use.total.calls,
    embedding_tokens: session.use.total.tokens,
    cost_usd: dollarsOf(session.use.total.costNanos),
    journal_commits: session.journal.syncedCommits,
    batches: session.batches,
    removed: session.removed,
    ...(session.records !== null && { records: session.records }),
    ...(session.erased !== null && { erased: session.erased }),
    error,
  };
}

/** A run that was taken over, with its plan as far as the registry knows it where the journal does not say: enough to end it. */
function planned({ run: { kind, targets }, journal, plan, fence }: TakenOver) {
  const listed: RunPlan = { kind, targets, source: '', documentId: null, group: '', settingsDigest: '' };
  return { journal, plan: plan ?? listed, fence };
}

/** A run that its caps stopped says how it is gone on with. */
function withResumption(report: ErrorReport, error: unknown, runId: string): ErrorReport {
  if (report.code !== 'CAP_REACHED' || !isApexError(error)) return report;
  const { flag } = error.details;
  return { ...report, message: `${report.message}. Go on with: apex resume ${runId} ${flag}` };
}

function isSamePlan(a: RunPlan, b: RunPlan): boolean {
  const named = ({
    kind,
    source,
    targets,
    documentId,
    group,
    sync = null,
    selection,
    reason,
    onError,
    rejected,
    fetch,
    listedBy,
  }: RunPlan) =>
    JSON.stringify([
      ...[kind, source, targets, documentId, group, sync, reason, onError, rejected, fetch, listedBy],
      ...[selection?.source, selection?.olderThanMs],
    ]);
  return named(a) === named(b);
}

function lockedRun(runId: string): StoreError {
  return new StoreError(`run ${runId} is being worked on by another process`, {
    code: 'LOCKED',
    retryable: true,
    details: { runId },
  });
}

const ABORTED: ErrorReport = { code: 'ABORTED', message: 'interrupted', retryable: true, step: null };
