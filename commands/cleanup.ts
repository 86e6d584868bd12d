import type { Command } from 'commander';
import type { CleanupReport, CleanupRequest } from '../lib/contracts/apex.ts';
import { ERROR_CODES } from '../lib/contracts/error-codes.ts';
import { parseAge } from './age.ts';
import { type CommonFlags, withInterruptibleApex } from './host.ts';
import { counted, shownBytes, shownTime } from './ui/figures.ts';
import { cleanupJson } from './ui/json.ts';
import { printJson, printLine, printWarning } from './ui/output.ts';

interface CleanupFlags extends CommonFlags {
  readonly dryRun?: boolean;
  /** Milliseconds. */
  readonly olderThan?: number;
  readonly ifDue?: boolean;
}

const MINUTE_MS = 60_000;

/** `apex cleanup`: settles what dead runs left, tries parked discards again and removes expired staging folders. */
export function registerCleanup(program: Command): void {
  program
    .command('cleanup')
    .summary('settle what dead runs left and clear expired staging')
    .description(
      'Finishes or discards the batches that dead runs left, tries parked discards again and removes staging folders whose time is over. What waits to be ingested stays. Safe beside running ingests; meant for cron.',
    )
    .option('--dry-run', 'say what would be removed from staging; change nothing')
    .option(
      '--older-than <age>',
      'remove what failed longer ago, 36h or 7d, instead of STAGING_FAILED_RETENTION_HOURS',
      parseAge,
    )
    .option('--if-due', 'do nothing unless the last cleanup was STAGING_CLEANUP_INTERVAL_MINUTES ago')
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex cleanup\n  $ apex cleanup --dry-run --older-than 1h\n  0 * * * *  apex cleanup --json >> apex-cleanup.log   # in a crontab',
    )
    .action(async (flags: CleanupFlags) => {
      const { noteAside } = await import('./ui/progress.ts');
      const request = await requestOf(flags);
      const report = await withInterruptibleApex(
        flags,
        (apex, onEvent, signal) => apex.cleanup(request, onEvent, signal),
        {
          show: noteAside,
          stopping: () => {},
          stop: () => {},
        },
      );
      process.exitCode = report.exit_status;
      if (flags.json === true) printJson({ event: 'cleanup', ...cleanupJson(report) });
      else for (const line of reportLines(report)) printLine(line);
    });
}

async function requestOf({ dryRun, olderThan, ifDue, ...flags }: CleanupFlags): Promise<CleanupRequest> {
  const { readSettings } = await import('./settings.ts');
  const { settings } = await readSettings(flags);
  const intervalMs = ifDue === true ? settings.stagingCleanupMinutes * MINUTE_MS : null;
  return { retentionMs: olderThan ?? null, isTrial: dryRun === true, intervalMs };
}

function reportLines(report: CleanupReport): string[] {
  const { isDone, isDue, isTrial, lastAt } = report;
  const { runsSettled, batchesFinished, batchesDiscarded, parked, removedFolders, removedBytes } = report;
  if (!isDue) return [`The last cleanup was at ${shownTime(lastAt ?? '')}; the next is not due yet. Nothing was done.`];
  if (!isDone) return ['Another cleanup is at work; nothing was done.'];
  if (report.erased === false) printWarning(`${ERROR_CODES.NOT_ERASED.meaning} ${ERROR_CODES.NOT_ERASED.help}`);
  const folders = `${counted(removedFolders, 'staging folder')}`;
  if (isTrial) return [`${folders} would be removed, ${shownBytes(removedBytes)}`];
  if (runsSettled + parked + removedFolders === 0) return ['There is nothing to clean up.'];
  const batches = counted(batchesFinished, 'batch', 'batches');
  return [
    `${counted(runsSettled, 'run')} settled: ${batches} finished, ${batchesDiscarded} discarded, ${parked} parked`,
    `${folders} removed, ${shownBytes(removedBytes)}`,
  ];
}
