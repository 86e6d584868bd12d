import { setImmediate } from 'node:timers/promises';

/** How long one thing is computed before others get their turn. */
const TURN_MS = 2;

/** Gives others their turn: while much is computed, what waits for an answer of a store goes on. */
export class Turns {
  #begunMs = performance.now();

  /** To be called often: it costs nothing while the turn is not over. */
  async pass(): Promise<void> {
    if (performance.now() - this.#begunMs <= TURN_MS) return;
    await setImmediate();
    this.#begunMs = performance.now();
  }
}
