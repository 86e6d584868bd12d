import { EXIT } from '../../lib/contracts/error-codes.ts';
import type { RunRegistry } from '../../lib/contracts/journal.ts';
import type { Amounts, MetricsLedger } from '../../lib/contracts/metrics.ts';
import type { Staging } from '../../lib/contracts/staging.ts';
import type { Surroundings } from '../pipeline/context.ts';
import { ListedRuns } from '../runs.ts';
import { countRuns } from './count.ts';
import { isCounted } from './counted.ts';
import { type MetricReport, reportOf } from './exposition.ts';
import { gaugesOf } from './gauges.ts';
import { seriesOf } from './series.ts';

/** What metrics are collected from. No store need be there: they are told also while a server is down. */
export interface MetricsParts {
  readonly ledger: MetricsLedger;
  readonly registry: RunRegistry;
  readonly staging: Pick<Staging, 'stats' | 'cleanedAt'>;
  readonly surroundings: Pick<Surroundings, 'now'>;
  /** Documents in quarantine by code; null where that cannot be told now. */
  readonly setAside: (signal: AbortSignal) => Promise<ReadonlyMap<string, number> | null>;
}

/**
 * Counts what journals tell that was not counted yet, and hands all metrics on. No other process counts meanwhile, so that who
 * writes them never puts older ones in the place of newer ones.
 *
 * @returns what `use` gives; null when other processes were at it for too long: theirs are as new.
 */
export function collect<T>(
  parts: MetricsParts,
  use: (reports: readonly MetricReport[]) => T,
  signal: AbortSignal,
): Promise<T | null> {
  const { ledger, registry, staging, surroundings } = parts;
  return ledger.exclusively(async () => {
    const setAside = await parts.setAside(signal);
    const runs = await new ListedRuns({ registry, records: null, close: async () => {} }).listRuns();
    for await (const counted of countRuns(runs, await ledger.marks(), registry)) await ledger.count(counted);
    const gauges = gaugesOf({
      runs,
      staging: await staging.stats(signal),
      cleanedAtMs: await staging.cleanedAt(),
      setAside,
      nowMs: surroundings.now(),
    });
    return use(reportOf({ ...(await ledger.totals()), ...gauges }));
  });
}

/** Counts that a command has come to its end. One that is not watched is not counted. */
export async function noteCommand(
  { command, exitStatus }: { readonly command: string; readonly exitStatus: number },
  { ledger, surroundings }: Pick<MetricsParts, 'ledger' | 'surroundings'>,
): Promise<void> {
  if (!isCounted(command)) return;
  await ledger.add({ [seriesOf('apex_commands_total', { command, exit: String(exitStatus) })]: 1 });
  if (!DONE.has(exitStatus)) return;
  const latest: Amounts = {
    [seriesOf('apex_command_last_success_timestamp_seconds', { command })]: surroundings.now() / 1_000,
  };
  await ledger.set(latest);
}

/** Exit statuses of a command that did its work. */
const DONE: ReadonlySet<number> = new Set([EXIT.done, EXIT.quarantined]);
