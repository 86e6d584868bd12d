import type { Command } from 'commander';
import { type CommonFlags, withApex } from './host.ts';
import { printJson, printLine, printNote, shownBytes } from './ui/output.ts';

/** `apex cleanup`: settles what dead runs left, tries parked discards again and removes expired staging folders. */
export function registerCleanup(program: Command): void {
  program
    .command('cleanup')
    .summary('settle what dead runs left and clear expired staging')
    .option('--json', 'one JSON object on standard output')
    .action(async (flags: CommonFlags) => {
      const report = await withApex(flags, (apex, signal) =>
        apex.cleanup((event) => {
          if (event.kind === 'warning') printNote(`warning: ${event.message}`);
        }, signal),
      );
      process.exitCode = report.exit_status;
      if (flags.json === true) printJson({ event: 'cleanup', ...report });
      else if (!report.isDone) printLine('Another cleanup is at work; nothing was done.');
      else {
        const { runsSettled, batchesFinished, batchesDiscarded, parked, removedFolders, removedBytes } = report;
        printLine(
          `${runsSettled} runs settled: ${batchesFinished} batches finished, ${batchesDiscarded} discarded, ${parked} parked`,
        );
        printLine(`${removedFolders} staging folders removed, ${shownBytes(removedBytes)}`);
      }
    });
}
