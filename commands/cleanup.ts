import type { Command } from 'commander';
import type { CleanupReport } from '../lib/contracts/apex.ts';
import { ERROR_CODES } from '../lib/contracts/error-codes.ts';
import { type CommonFlags, withInterruptibleApex } from './host.ts';
import { counted, shownBytes } from './ui/figures.ts';
import { cleanupJson } from './ui/json.ts';
import { printJson, printLine, printWarning } from './ui/output.ts';

/** `apex cleanup`: settles what dead runs left, tries parked discards again and removes expired staging folders. */
export function registerCleanup(program: Command): void {
  program
    .command('cleanup')
    .summary('settle what dead runs left and clear expired staging')
    .description(
      'Finishes or discards the batches that dead runs left, tries parked discards again and removes staging folders whose time is over. Safe beside running ingests; meant for cron.',
    )
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex cleanup\n  0 * * * *  apex cleanup --json >> apex-cleanup.log   # in a crontab',
    )
    .action(async (flags: CommonFlags) => {
      const { noteAside } = await import('./ui/progress.ts');
      const report = await withInterruptibleApex(flags, (apex, onEvent, signal) => apex.cleanup(onEvent, signal), {
        show: noteAside,
        stopping: () => {},
        stop: () => {},
      });
      process.exitCode = report.exit_status;
      if (flags.json === true) printJson({ event: 'cleanup', ...cleanupJson(report) });
      else for (const line of reportLines(report)) printLine(line);
    });
}

function reportLines(report: CleanupReport): string[] {
  const { isDone, runsSettled, batchesFinished, batchesDiscarded, parked, removedFolders, removedBytes } = report;
  if (!isDone) return ['Another cleanup is at work; nothing was done.'];
  if (report.erased === false) printWarning(`${ERROR_CODES.NOT_ERASED.meaning} ${ERROR_CODES.NOT_ERASED.help}`);
  if (runsSettled + parked + removedFolders === 0) return ['There is nothing to clean up.'];
  const batches = counted(batchesFinished, 'batch', 'batches');
  return [
    `${counted(runsSettled, 'run')} settled: ${batches} finished, ${batchesDiscarded} discarded, ${parked} parked`,
    `${counted(removedFolders, 'staging folder')} removed, ${shownBytes(removedBytes)}`,
  ];
}
