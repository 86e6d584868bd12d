import type { VersionRecord } from '../../../lib/contracts/store.ts';

/** The stores that are measured, in the order in which a batch is written. */
export const MEASURED = ['records', 'graph', 'vectors', 'cache'] as const;
export type Measured = (typeof MEASURED)[number];

/** Where a loader writes, and under which name. */
export interface Place {
  readonly url: string;
  /** Of letters and digits; nobody else has it. */
  readonly name: string;
  readonly dimensions: number;
}

/** One way of bringing batches into one store. */
export interface Loader {
  /** Writes a batch. */
  write(records: readonly VersionRecord[], batchNo: number): Promise<void>;
  /** Makes it visible, where that is a step of its own. */
  show(records: readonly VersionRecord[], batchNo: number): Promise<void>;
  /** What lies in the store now, in numbers that must be the same whoever loaded. */
  counts(): Promise<Readonly<Record<string, number>>>;
  /** How large that is, in bytes, by what it is; empty where the server does not tell. */
  sizes(): Promise<Readonly<Record<string, number>>>;
  /** Takes it away again and closes. */
  remove(): Promise<void>;
}

/** What a load took and left. */
export interface Loaded {
  readonly writeMs: number;
  readonly showMs: number;
  /** Processor time of the loading process meanwhile. */
  readonly ownMs: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly sizes: Readonly<Record<string, number>>;
}
