// The machine: decides what happens to documents and in which order.
// May import src and lib/contracts.
// Must never touch a vendor package, the file system, the network, the clock or the process.

import type { StepName } from '../../lib/contracts/pipeline.ts';
import type { Retry } from './waits.ts';

/** What the machine gets from outside instead of taking it: time, ids, cancellation. */
export interface Surroundings {
  /** Milliseconds since 1970 by the wall clock: for people and metadata, never for order. */
  now(): number;
  /** Milliseconds of a clock that never goes back: for durations. */
  elapsed(): number;
  /** A random id that no other run has. */
  newId(): string;
  /** Resolves after the time, or rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** A signal that follows the given one after the grace time, so that what is being written can be finished. */
  graceAfter(signal: AbortSignal): AbortSignal;
}

/** What every step gets besides its input. */
export interface StepContext {
  readonly runId: string;
  readonly signal: AbortSignal;
  readonly surroundings: Surroundings;
  /** Says that a document has come to a step. */
  readonly onStep: (documentId: string, step: StepName) => void;
  /** Says that an attempt failed and another is made, after a wait. */
  readonly onRetry?: (retry: Retry) => void;
}
