import type { Caps } from '../../lib/contracts/apex.ts';
import { ProviderError } from '../../lib/contracts/errors.ts';
import { dollarsOf, shownDollars } from './money.ts';

/** As much as it takes. */
export const NO_CAPS: Caps = { maxCalls: null, maxCostNanos: null, maxDocuments: null, maxDurationMs: null };

/** What a command has used of its caps: what a process that works for it needs to keep to them too. Plain JSON. */
export interface AllowanceState {
  readonly caps: Caps;
  readonly calls: number;
  readonly costNanos: number;
  readonly elapsedMs: number;
}

/**
 * What one command may still use, over all runs that it goes on with.
 *
 * Everything is reserved before it is used, in one step, so that documents prepared side by side never cross a cap together.
 */
export class Allowance {
  readonly #caps: Caps;
  readonly #elapsed: () => number;
  readonly #startedMs: number;
  #calls: number;
  #costNanos: number;
  #documents = 0;

  /** @param elapsed milliseconds of a clock that never goes back. */
  constructor(caps: Caps, elapsed: () => number, before: Partial<Omit<AllowanceState, 'caps'>> = {}) {
    this.#caps = caps;
    this.#elapsed = elapsed;
    this.#startedMs = elapsed() - (before.elapsedMs ?? 0);
    this.#calls = before.calls ?? 0;
    this.#costNanos = before.costNanos ?? 0;
  }

  get state(): AllowanceState {
    const elapsedMs = this.#elapsed() - this.#startedMs;
    return { caps: this.#caps, calls: this.#calls, costNanos: this.#costNanos, elapsedMs };
  }

  /** Takes one more document. @throws ProviderError CAP_REACHED. */
  takeDocument(): void {
    const { maxDocuments } = this.#caps;
    if (maxDocuments !== null && this.#documents >= maxDocuments)
      throw reached(`--max-documents ${maxDocuments}`, 'the next document was not begun');
    this.#documents += 1;
  }

  /** @throws ProviderError CAP_REACHED when nothing new may be begun any more. */
  assertTime(): void {
    const { maxDurationMs } = this.#caps;
    if (maxDurationMs !== null && this.#elapsed() - this.#startedMs >= maxDurationMs)
      throw reached(`--max-duration ${shownSpan(maxDurationMs)}`, 'nothing more was begun');
  }

  /** Reserves a request that may cost so much. @throws ProviderError CAP_REACHED when it would cross a cap; then it is not to be made. */
  reserve(costNanos: number): void {
    this.assertTime();
    const { maxCalls, maxCostNanos } = this.#caps;
    if (maxCalls !== null && this.#calls >= maxCalls)
      throw reached(`--max-calls ${maxCalls}`, 'the next request was not made');
    if (maxCostNanos !== null && this.#costNanos + costNanos > maxCostNanos) {
      const [spent, next] = [this.#costNanos, costNanos].map(shownDollars);
      const problem = `${spent} spent, and the next request, which may cost ${next}, was not made`;
      throw reached(`--max-cost ${dollarsOf(maxCostNanos)}`, problem);
    }
    this.add(1, costNanos);
  }

  /** Counts what was used, or corrects what was reserved. */
  add(calls: number, costNanos: number): void {
    this.#calls += calls;
    this.#costNanos += costNanos;
  }
}

/** @param flag the cap as a person gives it: what to go on with names it again. */
function reached(flag: string, problem: string): ProviderError {
  return new ProviderError(`${flag} is reached: ${problem}`, { code: 'CAP_REACHED', details: { flag } });
}

const UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** A duration as it is given to a flag. */
function shownSpan(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, size]) => ms % size === 0) ?? ['s', 1_000];
  return `${ms / unitMs}${unit}`;
}
