import { isApexError, StoreError } from '../../lib/contracts/errors.ts';
import type { Stores } from '../../lib/contracts/store.ts';
import type { Surroundings } from '../pipeline/context.ts';

interface LeaseParts {
  readonly stores: Pick<Stores, 'records'>;
  readonly surroundings: Pick<Surroundings, 'sleep'>;
}

/** A run whose lease is renewed. */
interface Renewal {
  readonly fence: number;
  readonly stop: AbortController;
  /** Resolves when it is renewed no more. */
  readonly ended: Promise<void>;
}

/** So many times a lease is renewed before it would run out: a renewal or two may fail. */
const RENEWALS = 4;
/** The bound on letting go: a lease that cannot be ended runs out by itself. */
const END_TIMEOUT_MS = 5_000;

/**
 * The runs of this process, as other hosts see them: held by a lease that is renewed as long as the process lives. Correctness rests
 * on the fence, which the pivot checks; the lease only keeps others from taking a living run for a dead one.
 */
export class Leases {
  readonly #parts: LeaseParts;
  readonly #renewals = new Map<string, Renewal>();
  readonly #lost = new Map<string, StoreError>();

  constructor(parts: LeaseParts) {
    this.#parts = parts;
  }

  /** Claims a run in the records store, as `RecordsStore.openRun`, and holds it until `release`. */
  async open(
    run: { readonly runId: string; readonly journalId: string },
    signal: AbortSignal,
  ): Promise<{ fence: number; lastLsn: number }> {
    const { records } = this.#parts.stores;
    const opened = await records.openRun(run, signal);
    this.#lost.delete(run.runId);
    if (records.leaseMs !== null) this.#renew(run.runId, opened.fence, records.leaseMs / RENEWALS);
    return opened;
  }

  /** That another host has aborted the run, once that is known: going on with it would be in vain. Null as long as it is not. */
  lossOf(runId: string): StoreError | null {
    return this.#lost.get(runId) ?? null;
  }

  /** Lets go of a run, so that no other host needs to wait for its lease to run out. Quiet for one that is not held. */
  async release(runId: string): Promise<void> {
    const renewal = this.#renewals.get(runId);
    if (renewal === undefined) return;
    this.#renewals.delete(runId);
    renewal.stop.abort();
    await renewal.ended;
    await quietly(() =>
      this.#parts.stores.records.endLease({ runId, fence: renewal.fence }, AbortSignal.timeout(END_TIMEOUT_MS)),
    );
  }

  /** Lets go of all runs. */
  async close(): Promise<void> {
    for (const runId of [...this.#renewals.keys()]) await this.release(runId);
  }

  #renew(runId: string, fence: number, everyMs: number): void {
    const stop = new AbortController();
    const ended = this.#renewUntil(stop.signal, { runId, fence }, everyMs);
    // Whoever lets go of the run hears of a failure that is no silence of the store.
    ended.catch(() => {});
    this.#renewals.set(runId, { fence, stop, ended });
  }

  async #renewUntil(
    stopped: AbortSignal,
    run: { readonly runId: string; readonly fence: number },
    everyMs: number,
  ): Promise<void> {
    const { stores, surroundings } = this.#parts;
    while (!stopped.aborted) {
      await surroundings.sleep(everyMs, stopped).catch(() => {});
      if (stopped.aborted) return;
      const isOurs = await quietly(() => stores.records.renewLease(run, stopped));
      if (isOurs === false) {
        this.#lost.set(run.runId, aborted(run.runId));
        return;
      }
    }
  }
}

/** What a store's silence keeps from being known is null: the next renewal tells. */
async function quietly<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (isApexError(error) || (error instanceof Error && /^(?:Abort|Timeout)Error$/.test(error.name))) return null;
    throw error;
  }
}

function aborted(runId: string): StoreError {
  return new StoreError(`run ${runId} fell silent for longer than its lease, and another host has aborted it`, {
    code: 'FENCED',
    details: { runId },
  });
}
