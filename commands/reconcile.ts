import type { Command } from 'commander';
import type { ReconcileReport, RunEvent } from '../lib/contracts/apex.ts';
import { type CommonFlags, withInterruptibleApex } from './host.ts';
import { counted, shownBytes } from './ui/figures.ts';
import { reconcileJson } from './ui/json.ts';
import { outliveClosedOutput, printJson, printLine, printNote } from './ui/output.ts';
import { clipped } from './ui/text.ts';
import { showDifferences } from './verify.ts';

/** `apex reconcile`: brings the stores to a consistent state when the journals are lost, damaged or older than the stores. */
export function registerReconcile(program: Command): void {
  program
    .command('reconcile')
    .summary('make the stores consistent when journals are lost')
    .description(
      'Brings the stores to a consistent state from the stores alone, whatever has become of the journals: finishes or discards what dead and unknown runs left, gives up the runs that nobody can go on with, removes what no document and no run accounts for, then verifies. Runs at work are left alone. Exit status 5 when something is left.',
    )
    .option('--json', 'one JSON object a line on standard output and nothing else')
    .addHelpText('after', '\nExample:\n  $ apex reconcile   # after the data directory was restored from a copy')
    .action(async (flags: CommonFlags) => {
      outliveClosedOutput();
      const report = await reconciled(flags);
      if (flags.json === true) for (const line of reconcileJson(report)) printJson(line);
      else showReport(report);
    });
}

async function reconciled(flags: CommonFlags): Promise<ReconcileReport> {
  const { MovingLine, noteAside } = await import('./ui/progress.ts');
  let documents = 0;
  const moving = new MovingLine((width) => clipped(`${counted(documents, 'document')} compared`, width));
  const show = (event: RunEvent) => {
    if (event.kind === 'compared') documents = event.documents;
    else noteAside(event);
  };
  try {
    return await withInterruptibleApex(
      flags,
      async (apex, onEvent, signal) => {
        const report = await apex.reconcile(onEvent, signal);
        process.exitCode = report.exit_status;
        return report;
      },
      { show, stopping: () => {}, stop: () => moving.stop() },
    );
  } finally {
    moving.stop();
  }
}

function showReport(report: ReconcileReport): void {
  const { isDone, batchesFinished, batchesDiscarded, parked, runsGivenUp, swept, removedFolders, verified } = report;
  if (!isDone) {
    printLine('A cleanup or another reconcile is at work; nothing was done.');
    return;
  }
  const done = [
    ...some(batchesFinished, `${counted(batchesFinished, 'batch', 'batches')} finished`),
    ...some(batchesDiscarded, `${counted(batchesDiscarded, 'batch', 'batches')} discarded`),
    ...some(parked, `${counted(parked, 'batch', 'batches')} parked`),
    ...some(runsGivenUp, `${counted(runsGivenUp, 'run')} given up: ingest again`),
    ...some(swept.length, `${counted(swept.length, 'leftover')} removed from the stores or put right`),
    ...some(removedFolders, `${counted(removedFolders, 'staging folder')} removed, ${shownBytes(report.removedBytes)}`),
  ];
  for (const line of done.length === 0 ? ['There was nothing to reconcile.'] : done) printLine(line);
  const { differences, documents, items } = verified;
  showDifferences(differences, 'apex reconcile --json');
  const verdict = differences.length === 0 ? 'no difference' : counted(differences.length, 'difference');
  printLine(`${counted(documents, 'document')}, ${counted(items, 'item')} compared: ${verdict}`);
  if (differences.length > 0) printNote('Heal with: apex verify --repair');
}

function some(count: number, line: string): string[] {
  return count === 0 ? [] : [line];
}
