import type { RunRegistry } from '../../lib/contracts/journal.ts';
import type { Stores } from '../../lib/contracts/store.ts';

interface AtWorkParts {
  readonly registry: RunRegistry;
  readonly stores: Pick<Stores, 'records'>;
}

/** What other processes are doing at a moment, here and on other hosts. */
export interface AtWork {
  /** Runs at work: what they have written and not yet made visible is no difference. */
  readonly runIds: ReadonlySet<string>;
  /** Another one whenever a run has begun or ended since. */
  readonly moment: string;
}

/** @param exceptRunId the run that asks, which has nothing under way while it does; null when none asks. */
export async function atWork(
  { registry, stores }: AtWorkParts,
  { exceptRunId, signal }: { readonly exceptRunId: string | null; readonly signal: AbortSignal },
): Promise<AtWork> {
  const runs = (await registry.list()).filter(({ runId }) => runId !== exceptRunId);
  // A run of this host whose process died may be held for a while yet.
  const known = new Set([...runs.map(({ runId }) => runId), exceptRunId]);
  const { runs: held, lastFence } = await stores.records.heldRuns(signal);
  const elsewhere = held.map(({ runId }) => runId).filter((runId) => !known.has(runId));
  const here = runs.filter(({ isOwned }) => isOwned).map(({ runId }) => runId);
  return {
    runIds: new Set([...here, ...elsewhere]),
    moment: JSON.stringify([runs.map(({ runId, state, isOwned }) => [runId, state, isOwned]), elsewhere, lastFence]),
  };
}
