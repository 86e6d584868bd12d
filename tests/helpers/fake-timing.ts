import type { Timing } from '../../lib/support/http-waits.ts';

/** A clock that waits do not take time on. */
export interface FakeTiming extends Timing {
  /** Unix time in milliseconds; waiting moves it on. */
  time: number;
  /** Every wait, in milliseconds, in order. */
  readonly sleeps: readonly number[];
  /** What chance gives from now on. */
  chance: number;
}

/** Sunday 19 October 2025, 14:30 UTC: shortly after what the examples of the APIs tell of. */
export const FAKE_START = Date.UTC(2025, 9, 19, 14, 30);

export function createFakeTiming(): FakeTiming {
  const sleeps: number[] = [];
  const timing: FakeTiming = {
    time: FAKE_START,
    sleeps,
    chance: 0.5,
    now: () => timing.time,
    random: () => timing.chance,
    sleep: async (ms, signal) => {
      sleeps.push(ms);
      timing.time += ms;
      signal.throwIfAborted();
    },
  };
  return timing;
}
