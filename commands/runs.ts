import type { Command } from 'commander';
import { UsageError } from '../lib/contracts/errors.ts';
import { type CommonFlags, withApex } from './host.ts';
import { printJson, printLine, printNote, table } from './ui/output.ts';

/** `apex runs list|show`: what ran, and where it stands. */
export function registerRuns(program: Command): void {
  const runs = program.command('runs').summary('list runs and show one');
  runs
    .command('list', { isDefault: true })
    .summary('all runs, newest first')
    .option('--json', 'one JSON object a run on standard output')
    .action(async (flags: CommonFlags) => {
      const listed = await withApex(flags, (apex) => apex.listRuns());
      if (flags.json === true) for (const run of listed) printJson(run);
      else if (listed.length === 0) printNote('No runs yet.');
      else {
        const rows = listed.map(({ runId, kind, state, isOwned, startedAt, targets }) => [
          runId,
          kind,
          shownState(state, isOwned),
          startedAt,
          targets.join(' '),
        ]);
        for (const line of table([['run', 'kind', 'state', 'started', 'targets'], ...rows])) printLine(line);
      }
    });
  runs
    .command('show')
    .summary('one run, batch by batch')
    .argument('<run>', 'the run')
    .option('--json', 'one JSON object on standard output')
    .action(async (runId: string, flags: CommonFlags) => {
      const run = await withApex(flags, (apex) => apex.showRun(runId));
      if (run === null) throw new UsageError(`there is no run ${runId}`, { code: 'NOT_FOUND' });
      if (flags.json === true) {
        printJson(run);
        return;
      }
      printLine(`${run.runId}  ${run.kind}  ${shownState(run.state, run.isOwned)}  started ${run.startedAt}`);
      const rows = run.batches.map(({ batchNo, state, documents, error }) => [
        String(batchNo),
        state,
        String(documents),
        error?.message ?? '',
      ]);
      for (const line of table([['batch', 'state', 'documents', 'problem'], ...rows])) printLine(line);
      if (run.parked > 0) printLine(`${run.parked} batches are parked; try again with: apex cleanup`);
      for (const { documentId, error } of run.quarantined) printLine(`quarantined ${documentId}: ${error.code}`);
    });
}

/** A run that says it is running while no process owns it was killed. */
function shownState(state: string, isOwned: boolean): string {
  return state === 'running' && !isOwned ? 'interrupted' : state;
}
