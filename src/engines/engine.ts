import type { OnEvent, RunSummary } from '../../lib/contracts/apex.ts';
import type { RunPlan } from '../../lib/contracts/journal.ts';
import type { Allowance } from '../pipeline/allowance.ts';

/** Takes runs through the steps. The same steps, whatever the engine. */
export interface Engine {
  /** Settles what dead runs left, then does the plan; an interrupted run of the same plan is gone on with instead. */
  start(plan: RunPlan, onEvent: OnEvent, signal: AbortSignal, allowance?: Allowance): Promise<RunSummary>;
  /** Is there an interrupted run of this very plan, which a start would go on with? */
  hasInterrupted(plan: RunPlan): Promise<boolean>;
  /**
   * Goes on with a run whose process ended; null when it ended before it began, which is noted.
   *
   * @throws UsageError when there is no such run or nothing left to do; StoreError LOCKED when it is alive.
   */
  resume(runId: string, onEvent: OnEvent, signal: AbortSignal, allowance?: Allowance): Promise<RunSummary | null>;
  /** Discards what a run has not made visible and gives the rest of it up. Documents that are current stay. */
  rollback(runId: string, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary>;
  /**
   * Gives up the runs that nobody can go on with: dead ones whose journal is gone, damaged or older than the records store says. What
   * they left in flight is brought to its end first. @returns how many.
   */
  giveUpLostRuns(onEvent: OnEvent, signal: AbortSignal): Promise<Settlement>;
  /** Brings every batch that a dead process left in flight to its end, and tries parked discards again. */
  settleDeadRuns(onEvent: OnEvent, signal: AbortSignal): Promise<Settlement>;
  /** Lets go of the runs it holds. They are not settled. */
  close(): Promise<void>;
}

/** What settling came to. */
export interface Settlement {
  readonly runs: number;
  readonly finished: number;
  readonly discarded: number;
  readonly parked: number;
}
