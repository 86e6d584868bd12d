import type { OnEvent } from '../../lib/contracts/apex.ts';
import type { RunPlan } from '../../lib/contracts/journal.ts';
import type { Allowance } from '../pipeline/allowance.ts';
import type { Outages } from '../saga/outages.ts';
import type { Engine } from './engine.ts';

/** An engine whose stores may be out of reach: whoever listens to a run hears of it. */
export class PatientEngine implements Engine {
  readonly #engine: Engine;
  readonly #outages: Outages;

  constructor(engine: Engine, outages: Outages) {
    this.#engine = engine;
    this.#outages = outages;
  }

  start(plan: RunPlan, onEvent: OnEvent, signal: AbortSignal, allowance?: Allowance) {
    return this.#outages.tellDuring(onEvent, () => this.#engine.start(plan, onEvent, signal, allowance));
  }

  resume(runId: string, onEvent: OnEvent, signal: AbortSignal, allowance?: Allowance) {
    return this.#outages.tellDuring(onEvent, () => this.#engine.resume(runId, onEvent, signal, allowance));
  }

  rollback(runId: string, onEvent: OnEvent, signal: AbortSignal) {
    return this.#outages.tellDuring(onEvent, () => this.#engine.rollback(runId, onEvent, signal));
  }

  hasInterrupted(plan: RunPlan) {
    return this.#engine.hasInterrupted(plan);
  }

  giveUpLostRuns(onEvent: OnEvent, signal: AbortSignal) {
    return this.#outages.tellDuring(onEvent, () => this.#engine.giveUpLostRuns(onEvent, signal));
  }

  settleDeadRuns(onEvent: OnEvent, signal: AbortSignal) {
    return this.#outages.tellDuring(onEvent, () => this.#engine.settleDeadRuns(onEvent, signal));
  }

  close() {
    return this.#engine.close();
  }
}
