import type { RunState } from './journal.ts';

/**
 * Amounts by series: a metric's name with its labels as Prometheus writes them, `apex_steps_failed_total{step="parse"}`. What is
 * added of histograms is the amount of each bucket alone; they are summed up when they are written.
 */
export type Amounts = Readonly<Record<string, number>>;

/** How far a run's journal has been counted, and where the run stood then. */
export interface RunMark {
  readonly runId: string;
  /** The last entry that is counted. */
  readonly lsn: number;
  readonly state: RunState;
  readonly finishedAt: string | null;
}

/** What the journals of some runs came to since they were counted last. */
export interface Counted {
  readonly marks: readonly RunMark[];
  readonly amounts: Amounts;
  /** Of these the highest ever counts, not the sum: times. */
  readonly latest: Amounts;
}

/** What was counted so far in a data directory, by all processes. It never goes back. Errors: JournalError. */
export interface MetricsLedger {
  /** Counts what no journal tells. */
  add(amounts: Amounts): Promise<void>;
  /** As `add`, for values of which the latest counts. */
  set(latest: Amounts): Promise<void>;
  /** By run. */
  marks(): Promise<ReadonlyMap<string, RunMark>>;
  /** Counts what journals tell and remembers how far, all or nothing. Only for who has the metrics to itself (`exclusively`). */
  count(counted: Counted): Promise<void>;
  totals(): Promise<Amounts>;
  /** One process at a time: null when others are at it for as long as that is waited for. */
  exclusively<T>(work: () => Promise<T>): Promise<T | null>;
  close(): Promise<void>;
}
