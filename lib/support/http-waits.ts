import { setTimeout as delay } from 'node:timers/promises';

/** Time and chance, passed in so that tests need none. */
export interface Timing {
  /** Unix time in milliseconds. */
  now(): number;
  /** Resolves after so many milliseconds; rejects with the signal's reason when that is aborted first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 to below 1. */
  random(): number;
}

/** The clock and the chance of the machine. */
export const REAL_TIMING: Timing = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  },
};

/** So many requests in a time, and so many of them at once. */
export interface Rate {
  readonly requests: number;
  readonly perMs: number;
  readonly burst: number;
}

/** A token bucket: who takes a place is told how long to wait for it. Places are given in order, also to those who wait at once. */
export interface Pace {
  /** Takes the next place. @returns milliseconds from `now` until it may be used. */
  take(now: number): number;
  /** Nobody goes before `until`: the server has asked for a pause. */
  hold(until: number): void;
}

/** A bucket that is full at first. */
export function createPace({ requests, perMs, burst }: Rate): Pace {
  const intervalMs = perMs / requests;
  // When the bucket is full again: one number instead of a count of tokens and the time of their counting.
  let fullAt = Number.NEGATIVE_INFINITY;
  let heldUntil = Number.NEGATIVE_INFINITY;
  return {
    take: (now) => {
      const start = Math.max(fullAt, now);
      fullAt = start + intervalMs;
      return Math.max(0, start - (burst - 1) * intervalMs - now, heldUntil - now);
    },
    hold: (until) => {
      heldUntil = Math.max(heldUntil, until);
    },
  };
}

/** Between which waits after failures lie, where the server does not say. */
export interface Backoff {
  readonly minMs: number;
  readonly maxMs: number;
}

/** No wait before another attempt is shorter: a server in trouble is not helped by haste. */
export const MIN_WAIT_MS = 250;

/** Full jitter: anything up to a bound that doubles with each attempt, counted from 0. */
export function backoffMs({ minMs, maxMs }: Backoff, attempt: number, random: number): number {
  return Math.max(MIN_WAIT_MS, random * Math.min(maxMs, minMs * 2 ** (attempt + 1)));
}

/** How a server says when to come again. */
export interface RetryAfterRule {
  /** Values of `Retry-After` above it are milliseconds, whatever the documentation says; null: all are seconds. */
  readonly millisecondsAbove: number | null;
  /** Whether `x-ratelimit-reset` counts where there is no `Retry-After`: unix time in seconds, maybe with a fraction. */
  readonly hasReset: boolean;
}

/** `Retry-After` as HTTP has it, and nothing else. */
export const PLAIN_RETRY_AFTER: RetryAfterRule = { millisecondsAbove: null, hasReset: false };

/** What is read of an answer's headers. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * The wait a server asks for, in milliseconds, or null when it asks for none: `Retry-After` in whole or decimal seconds or as a date,
 * else the reset of its limit. Never below 0.
 */
export function askedMs(headers: Headers, { millisecondsAbove, hasReset }: RetryAfterRule, now: number): number | null {
  const asked = single(headers['retry-after']);
  const seconds = numberOf(asked);
  if (seconds !== null) {
    return millisecondsAbove !== null && seconds > millisecondsAbove ? seconds : seconds * 1_000;
  }
  const date = Date.parse(asked);
  if (Number.isFinite(date)) return Math.max(0, date - now);
  const reset = hasReset ? numberOf(single(headers['x-ratelimit-reset'])) : null;
  return reset === null ? null : Math.max(0, reset * 1_000 - now);
}

function single(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? (value[0] ?? '') : (value ?? '')).trim();
}

function numberOf(text: string): number | null {
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : null;
}
