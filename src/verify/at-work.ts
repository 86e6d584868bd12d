import type { RunRegistry } from '../../lib/contracts/journal.ts';

/** What other processes are doing at a moment. */
export interface AtWork {
  /** Runs at work: what they have written and not yet made visible is no difference. */
  readonly runIds: ReadonlySet<string>;
  /** Another one whenever a run has begun or ended since. */
  readonly moment: string;
}

/** @param exceptRunId the run that asks, which has nothing under way while it does; null when none asks. */
export async function atWork(registry: RunRegistry, exceptRunId: string | null): Promise<AtWork> {
  const runs = (await registry.list()).filter(({ runId }) => runId !== exceptRunId);
  return {
    runIds: new Set(runs.filter(({ isOwned }) => isOwned).map(({ runId }) => runId)),
    moment: JSON.stringify(runs.map(({ runId, state, isOwned }) => [runId, state, isOwned])),
  };
}
