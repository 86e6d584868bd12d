import type { ListedRun } from '../../lib/contracts/apex.ts';
import type { Amounts } from '../../lib/contracts/metrics.ts';
import type { StagingStats } from '../../lib/contracts/staging.ts';
import { standingOf } from '../journal/story.ts';
import { METRICS, sourceLabel } from './families.ts';
import { Tally } from './measures.ts';
import { seriesOf } from './series.ts';

/** What is so at the moment of writing. */
export interface Moment {
  readonly runs: readonly ListedRun[];
  readonly staging: StagingStats;
  /** When a cleanup came to its end last, in milliseconds since 1970, or null. */
  readonly cleanedAtMs: number | null;
  /** Documents in quarantine by code; null where that is not known. */
  readonly setAside: ReadonlyMap<string, number> | null;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** What is so now, by series; what is not in it is 0, or not known (`reportOf`). */
export function gaugesOf({ runs, staging, cleanedAtMs, setAside, nowMs }: Moment): Amounts {
  const tally = new Tally();
  for (const run of runs) {
    tally.add('apex_runs', { state: standingOf(run) });
    for (const { role } of run.waitingFor) if (role !== 'cache') tally.add('apex_store_circuit_open', { role });
  }
  let known = 0;
  for (const { name, bytes } of staging.bySource) {
    tally.add('staging_disk_usage_bytes', { source: sourceLabel(name) }, bytes);
    known += bytes;
  }
  tally.add('staging_disk_usage_bytes', { source: 'other' }, Math.max(0, staging.usedBytes - known));
  for (const { name, documents } of staging.byStatus)
    tally.add('staging_documents_by_status', { status: name }, documents);
  tally.add('apex_staging_quota_bytes', {}, staging.maxBytes);
  if (cleanedAtMs !== null) tally.add('apex_cleanup_last_success_timestamp_seconds', {}, cleanedAtMs / 1_000);
  tally.add('apex_metrics_written_timestamp_seconds', {}, nowMs / 1_000);
  return { ...tally.take(), ...(setAside !== null && setAsideSeries(setAside)) };
}

/** With those that are 0: what is left out is not known. */
function setAsideSeries(setAside: ReadonlyMap<string, number>): Amounts {
  const labels: readonly string[] = METRICS.apex_documents_in_quarantine.labels.code;
  return Object.fromEntries(
    labels.map((code) => [seriesOf('apex_documents_in_quarantine', { code }), setAside.get(code) ?? 0]),
  );
}
