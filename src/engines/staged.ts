import type { CleanupRequest } from '../../lib/contracts/apex.ts';
import type { StagingCleanup } from '../../lib/contracts/staging.ts';
import type { Parts } from '../pipeline/parts.ts';
import { allQuarantined, Quarantine } from '../pipeline/quarantine.ts';

/** Removes what lies in staging for no run that may still need it, and what failed so long ago that its time is over. */
export async function cleanStaging(
  { registry, staging, stores, surroundings }: Parts,
  { retentionMs, isTrial }: Pick<CleanupRequest, 'retentionMs' | 'isTrial'>,
  signal: AbortSignal,
): Promise<StagingCleanup> {
  const kept = new Set(
    (await registry.list())
      .filter(({ state, isOwned }) => isOwned || state === 'interrupted' || state === 'needs_attention')
      .map(({ runId }) => runId),
  );
  const quarantine = new Quarantine(await allQuarantined(stores.records, signal));
  return staging.cleanup({
    now: surroundings.now(),
    isKept: (runId) => kept.has(runId),
    isQuarantined: (documentId, runId) => quarantine.needsCopy(documentId, runId),
    ...{ retentionMs, isTrial, signal },
  });
}
