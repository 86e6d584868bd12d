import type { MetricsLedger } from '../../lib/contracts/metrics.ts';
import type { StagingCleanup } from '../../lib/contracts/staging.ts';
import { seriesOf } from './series.ts';

/** Does a cleanup and counts it: one that is killed shows as begun, and neither as done nor as failed. */
export async function countedCleanup<T extends { readonly removed: StagingCleanup }>(
  ledger: Pick<MetricsLedger, 'add'>,
  work: () => Promise<T>,
): Promise<T> {
  await ledger.add({ [seriesOf('staging_cleanup_runs_total')]: 1 });
  try {
    const done = await work();
    const { removedFolders, removedBytes } = done.removed;
    await ledger.add({
      [seriesOf('staging_cleanup_success_total')]: 1,
      [seriesOf('apex_cleanup_folders_removed_total')]: removedFolders,
      [seriesOf('apex_cleanup_freed_bytes_total')]: removedBytes,
    });
    return done;
  } catch (error) {
    // What keeps the work from being done may keep it from being counted; the first failure is the one that is told.
    await ledger.add({ [seriesOf('staging_cleanup_failed_total')]: 1 }).catch(() => {});
    throw error;
  }
}
