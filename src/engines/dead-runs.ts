import type { OnEvent } from '../../lib/contracts/apex.ts';
import { CompensationError, type ErrorReport, isApexError } from '../../lib/contracts/errors.ts';
import type { Journal, RunListing, RunPlan, RunState } from '../../lib/contracts/journal.ts';
import type { WriteRef } from '../../lib/contracts/store.ts';
import { replayRun } from '../journal/replay.ts';
import type { Parts } from '../pipeline/parts.ts';
import type { Leases } from '../saga/leases.ts';
import { sagaParts, settleBatch, settleVanished, storeParts } from '../saga/saga.ts';
import type { Settlement } from './engine.ts';

/** What taking a dead run over gave: its batches are settled or parked. */
export interface TakenOver {
  readonly run: RunListing;
  readonly journal: Journal;
  /** Null when the journal holds none: the run was killed before it began, or its journal is gone. */
  readonly plan: RunPlan | null;
  /** Null when the run was never registered in the records store. */
  readonly fence: number | null;
  readonly finished: number;
  readonly discarded: number;
  readonly parked: number;
  /** The journal is older than the records store says: nothing may be written under its batch numbers. */
  readonly hasJournalGoneBack: boolean;
}

const NOTHING_SETTLED: Settlement = { runs: 0, finished: 0, discarded: 0, parked: 0 };

/** Runs whose process died: how they are claimed, and how what they left in flight is brought to its end. */
export class DeadRuns {
  readonly #parts: Parts;
  readonly #leases: Leases;

  constructor(parts: Parts, leases: Leases) {
    this.#parts = parts;
    this.#leases = leases;
  }

  /** Claims a run and settles its batches. The claim decides, not what was listed: null when another process has the run. */
  async takeOver(
    run: RunListing,
    reason: 'resume' | 'settle' | 'rollback',
    signal: AbortSignal,
  ): Promise<TakenOver | null> {
    const { registry, stores, surroundings } = this.#parts;
    const { runId } = run;
    const journal = await registry.claim(runId);
    if (journal === null) return null;
    const { plan, unsettled } = await replayRun(journal.read());
    const mirror = await stores.records.runMirror(runId, signal);
    const hasJournalGoneBack =
      mirror !== null && (mirror.journalId !== journal.journalId || mirror.lastLsn > journal.lsn);
    // Killed before its first entry: it wrote nothing, and an entry now would make it look begun.
    if (plan === null && !hasJournalGoneBack)
      return { run, journal, plan, fence: null, hasJournalGoneBack, finished: 0, discarded: 0, parked: 0 };
    const { fence } = await this.#leases.open({ runId, journalId: journal.journalId }, signal);
    const at = new Date(surroundings.now()).toISOString();
    await journal.append({ kind: 'run_claimed', fence, reason, at });
    const refs = hasJournalGoneBack
      ? (await stores.records.unsettled(signal)).filter((ref) => ref.runId === runId)
      : unsettled.map((batchNo) => ({ runId, batchNo }));
    const counts = { finished: 0, discarded: 0, parked: 0 };
    for (const ref of refs) counts[await this.#settleOne(ref, journal, signal)] += 1;
    return { run, journal, plan, fence, hasJournalGoneBack, ...counts };
  }

  async #settleOne(ref: WriteRef, journal: Journal, signal: AbortSignal): Promise<'finished' | 'discarded' | 'parked'> {
    try {
      return await settleBatch(ref, sagaParts(this.#parts, { journal, onCacheFailure: () => {} }), signal);
    } catch (error) {
      if (error instanceof CompensationError) return 'parked';
      throw error;
    }
  }

  /** Settles all that dead runs left, but for one run that its caller takes over itself. */
  async settle(onEvent: OnEvent, signal: AbortSignal, exceptRunId: string | null): Promise<Settlement> {
    const { registry, stores } = this.#parts;
    let settlement = NOTHING_SETTLED;
    const known = new Set((await stores.records.unsettled(signal)).map(({ runId }) => runId));
    for (const run of await registry.list()) {
      if (run.isOwned || !isUnfinished(run.state) || run.runId === exceptRunId) continue;
      const { unsettled } = await replayRun(registry.readEntries(run.runId));
      if (unsettled.length === 0 && run.state !== 'running' && !known.has(run.runId)) continue;
      const taken = await this.takeOver(run, 'settle', signal);
      if (taken === null) continue;
      await this.#leave(taken, onEvent);
      settlement = sum(settlement, { ...taken, runs: 1 });
      const { finished, discarded, parked } = taken;
      if (finished + discarded + parked > 0)
        onEvent({ kind: 'run_settled', runId: run.runId, finished, discarded, parked });
      if (parked === 0) continue;
      const { code, message } = parkedReport(parked);
      onEvent({ kind: 'warning', code, message: `run ${run.runId}: ${message}` });
    }
    return sum(settlement, await this.#settleVanished(onEvent, signal));
  }

  /** Gives up the dead runs whose journal tells less than the records store knows, or nothing. */
  async giveUpLost(onEvent: OnEvent, signal: AbortSignal): Promise<Settlement> {
    let settlement = NOTHING_SETTLED;
    for (const run of await this.#parts.registry.list()) {
      if (run.isOwned || !isUnfinished(run.state) || !(await this.#isShort(run.runId, signal))) continue;
      const taken = await this.takeOver(run, 'settle', signal);
      if (taken === null) continue;
      await this.#leave(taken, onEvent);
      if (isLost(taken)) settlement = sum(settlement, { ...taken, runs: 1 });
    }
    return settlement;
  }

  /** Lets go of a run that was taken over only to be settled: for resuming where that can be, else for good. */
  async #leave(taken: TakenOver, onEvent: OnEvent): Promise<void> {
    if (isLost(taken)) await this.giveUp(taken, onEvent);
    else await this.#letGo(taken.run.runId, taken.parked > 0 ? 'needs_attention' : 'interrupted');
  }

  /** Does the journal say nothing, or end before what the records store has seen of it? */
  async #isShort(runId: string, signal: AbortSignal): Promise<boolean> {
    const { registry, stores } = this.#parts;
    let lastLsn = 0;
    for await (const { lsn } of registry.readEntries(runId)) lastLsn = lsn;
    return lastLsn === 0 || lastLsn < ((await stores.records.runMirror(runId, signal))?.lastLsn ?? 0);
  }

  /** Lets go of a run that nobody can go on with: what it left is settled or parked, and its documents are for other runs. */
  async giveUp({ run: { runId }, parked, hasJournalGoneBack }: TakenOver, onEvent: OnEvent): Promise<void> {
    await this.#letGo(runId, parked > 0 ? 'needs_attention' : 'failed');
    if (!hasJournalGoneBack) return;
    const { code, message } = wentBack(runId);
    onEvent({ kind: 'warning', code, message });
  }

  /**
   * Batches that the records store knows as unsettled and no journal here tells of: their run is another host's, or its journal is
   * lost, or it has ended (a process that was thought dead wrote late). A run that is held is let alone; any other is aborted first, so
   * that nothing of it becomes visible later. One that cannot be settled now is said, and found again by the next process.
   */
  async #settleVanished(onEvent: OnEvent, signal: AbortSignal): Promise<Settlement> {
    const { stores, registry } = this.#parts;
    const counts = { runs: 0, finished: 0, discarded: 0, parked: 0 };
    for (const ref of await stores.records.unsettled(signal)) {
      const run = await registry.get(ref.runId);
      if (run !== null && (run.isOwned || isUnfinished(run.state))) continue;
      const warn = (end: string) => {
        const message = `no journal tells of batch ${ref.batchNo} of run ${ref.runId}; it ${end}`;
        onEvent({ kind: 'warning', code: 'JOURNAL_WENT_BACK', message });
      };
      try {
        if (!(await stores.records.abortRun(ref.runId, signal))) continue;
        const end = await settleVanished(
          ref,
          storeParts(this.#parts, () => {}),
          signal,
        );
        counts[end] += 1;
        warn(`was ${end}`);
      } catch (error) {
        if (!isApexError(error)) throw error;
        counts.parked += 1;
        warn(`could not be settled and stays invisible: ${error.message}`);
      }
    }
    return counts;
  }

  /** Says which runs with batches under way are let alone because another host holds them. */
  async tellHeld(onEvent: OnEvent, signal: AbortSignal): Promise<void> {
    const { registry, stores } = this.#parts;
    const { runs } = await stores.records.heldRuns(signal);
    if (runs.length === 0) return;
    const unsettled = new Set((await stores.records.unsettled(signal)).map(({ runId }) => runId));
    for (const { runId, host, until } of runs) {
      if (!unsettled.has(runId) || (await registry.get(runId)) !== null) continue;
      const message = `run ${runId} is held by the host ${host} until ${until}, unless it is renewed: its batches are let alone`;
      onEvent({ kind: 'warning', code: 'LOCKED', message });
    }
  }

  async #letGo(runId: string, state: RunState): Promise<void> {
    await this.#parts.registry.setState(runId, state, null);
    await this.#leases.release(runId);
    await this.#parts.registry.release(runId);
  }
}

/** Is something of the run left to do? */
export function isUnfinished(state: RunState): boolean {
  return state === 'running' || state === 'interrupted' || state === 'needs_attention';
}

/** Nobody can go on with it: it was killed before it began, or its journal is not what it was. */
export function isLost({ plan, hasJournalGoneBack }: TakenOver): boolean {
  return plan === null || hasJournalGoneBack;
}

/** What is said of a run whose journal was lost, damaged or restored from a copy. */
export function wentBack(runId: string): ErrorReport {
  return {
    code: 'JOURNAL_WENT_BACK',
    message: `the journal of run ${runId} is older than the records store says; the run is given up, what it made visible stays`,
    retryable: false,
    step: null,
  };
}

/** What is said of batches whose discard is still parked. */
export function parkedReport(batches: number): ErrorReport {
  const what = batches === 1 ? '1 batch is' : `${batches} batches are`;
  return { code: 'APEX_COMPENSATION', message: `${what} still parked and invisible`, retryable: true, step: null };
}

function sum(a: Settlement, b: Settlement): Settlement {
  return {
    runs: a.runs + b.runs,
    finished: a.finished + b.finished,
    discarded: a.discarded + b.discarded,
    parked: a.parked + b.parked,
  };
}
