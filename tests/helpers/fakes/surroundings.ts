import type { Surroundings } from '../../../src/pipeline/context.ts';

/** Time that passes only when something waits for it, and ids in order. */
export class FakeSurroundings implements Surroundings {
  /** Every wait, in order. */
  readonly delaysMs: number[] = [];
  /** Called during each wait, with the signal that may end it. */
  onSleep: (signal: AbortSignal) => void = () => {};
  #ids = 0;

  now(): number {
    return Date.parse('2026-02-01T00:00:00Z');
  }

  elapsed(): number {
    return 0;
  }

  newId(): string {
    this.#ids += 1;
    return `id-${this.#ids}`;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.delaysMs.push(ms);
    this.onSleep(signal);
    signal.throwIfAborted();
  }

  graceAfter(signal: AbortSignal): AbortSignal {
    return signal;
  }
}
