import type { Command } from 'commander';
import type { RunDetails } from '../lib/contracts/apex.ts';
import { refuseUnknown } from './group.ts';
import { type CommonFlags, withApex } from './host.ts';
import { counted, shownCount, shownDuration, shownTime, shownUse } from './ui/figures.ts';
import { runJson, runStatusJson, shownState } from './ui/json.ts';
import { printJson, printLine, printNote } from './ui/output.ts';
import { details, table } from './ui/table.ts';
import { safeText } from './ui/text.ts';
import { unknownId } from './unknown.ts';

/** `apex runs list|show`: what ran, and where it stands. */
export function registerRuns(program: Command): void {
  const runs = program
    .command('runs')
    .summary('list runs and show one')
    .description('What ran and where it stands, also while it runs. Without a subcommand: list.');
  const list = runs.command('list', { isDefault: true });
  refuseUnknown(runs, list);
  list
    .summary('all runs, newest first')
    .description('All runs of this data directory, newest first.')
    .option('--json', 'one JSON object a run on standard output')
    .addHelpText('after', '\nExamples:\n  $ apex runs list\n  $ apex runs list --json | head -1')
    .action(listRuns);
  runs
    .command('show')
    .summary('one run, batch by batch')
    .description('One run, batch by batch, with what it set aside.')
    .argument('<run>', 'its id, as `apex runs list` shows it')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', '\nExample:\n  $ apex runs show 5e9a569e-3d24-4280-9b1b-c018f34c0c45')
    .action(async (runId: string, flags: CommonFlags) => {
      await withApex(flags, async (apex, signal) => {
        const run = await apex.showRun(runId);
        if (run === null) throw await unknownId('run', runId, apex, signal);
        showRun(run, flags);
      });
    });
}

const RUN_COLUMNS = [
  { header: 'run' },
  { header: 'kind', isOptional: true },
  { header: 'state' },
  { header: 'started', isOptional: true },
  { header: 'what' },
] as const;

async function listRuns(flags: CommonFlags): Promise<void> {
  const listed = await withApex(flags, (apex) => apex.listRuns());
  if (flags.json === true) for (const run of listed) printJson({ event: 'listed_run', ...runJson(run) });
  else if (listed.length === 0) printNote('No runs yet. Begin with: apex ingest <folder>');
  else {
    const rows = listed.map((run) => [
      run.runId,
      run.kind,
      shownState(run).replace('_', ' '),
      shownTime(run.startedAt),
      run.targets.join(' '),
    ]);
    for (const line of table(RUN_COLUMNS, rows)) printLine(line);
  }
}

/** Set aside documents that are shown of a run. */
const SHOWN_QUARANTINED = 20;

/** Shows one run. */
export function showRun(run: RunDetails, flags: CommonFlags): void {
  if (flags.json === true) {
    printJson({ event: 'run_status', ...runStatusJson(run) });
    return;
  }
  for (const line of details(runRows(run))) printLine(line);
  if (run.batches.length > 0) {
    printLine('');
    const header = [
      { header: 'batch', align: 'right' },
      { header: 'state' },
      { header: 'documents', align: 'right', isOptional: true },
      { header: 'problem' },
    ] as const;
    const rows = run.batches.map(({ batchNo, state, documents, error }) => [
      String(batchNo),
      state.replace('_', ' '),
      shownCount(documents),
      error?.message ?? '',
    ]);
    for (const line of table(header, rows)) printLine(line);
  }
  if (run.parked > 0)
    printNote(`${counted(run.parked, 'batch is', 'batches are')} parked; try again with: apex cleanup`);
  for (const { documentId, error } of run.quarantined.slice(0, SHOWN_QUARANTINED))
    printLine(`quarantined ${safeText(documentId)}: ${error.code}`);
  const hidden = run.quarantined.length - SHOWN_QUARANTINED;
  if (hidden > 0) printNote(`… and ${shownCount(hidden)} more: apex documents list --quarantined`);
}

function runRows(run: RunDetails): [string, string][] {
  const { runId, kind, startedAt, finishedAt, exitStatus, targets, counts } = run;
  const state = shownState(run);
  const lastedMs = finishedAt === null ? null : Date.parse(finishedAt) - Date.parse(startedAt);
  const { documents, added, updated, unchanged, deleted, quarantined, failed } = counts;
  const ends = Object.entries({ added, updated, unchanged, deleted, quarantined, failed }).filter(([, n]) => n > 0);
  return [
    ['run', runId],
    ['kind', kind],
    ['state', `${state.replace('_', ' ')}${exitStatus === null ? '' : ` (exit status ${exitStatus})`}`],
    ['started', shownTime(startedAt)],
    ...(finishedAt === null || lastedMs === null
      ? []
      : [['ended', `${shownTime(finishedAt)}, after ${shownDuration(lastedMs)}`] as [string, string]]),
    ['what', targets.join(' ')],
    ['documents', `${shownCount(documents)}${ends.map(([name, n]) => `, ${shownCount(n)} ${name}`).join('')}`],
    ...(run.use.calls > 0 && run.use.costNanos !== 0 ? [['provider', shownUse(run.use)] as [string, string]] : []),
    ...(state === 'interrupted' ? [['continue with', `apex resume ${runId}`] as [string, string]] : []),
  ];
}
