import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RunDetails } from '../lib/contracts/apex.ts';
import type { RunState } from '../lib/contracts/journal.ts';
import { refuseUnknown } from './group.ts';
import { type CommonFlags, withRuns } from './host.ts';
import { shownCount, shownTime } from './ui/figures.ts';
import { listedRunJson, runStatusJson } from './ui/json.ts';
import { printJson, printLine, printNote } from './ui/output.ts';
import { batchLines, parkedLines, runLines, shownStanding } from './ui/run-view.ts';
import { table } from './ui/table.ts';
import { safeText } from './ui/text.ts';
import { unknownId } from './unknown.ts';

interface ListFlags extends CommonFlags {
  readonly state?: RunState;
  readonly limit?: number;
}

const STATES: readonly RunState[] = [
  ...(['running', 'interrupted', 'completed', 'failed', 'rolled_back', 'needs_attention'] as const),
];

function parseLimit(value: string): number {
  const limit = Number(value);
  if (/^\d+$/.test(value) && limit >= 1 && limit <= 100_000) return limit;
  throw new InvalidArgumentError('Give a whole number from 1 to 100000.');
}

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
    .addOption(new Option('--state <state>', 'only those that stand there').choices(STATES))
    .addOption(new Option('--limit <n>', 'so many at most, 1 to 100000').argParser(parseLimit))
    .option('--json', 'one JSON object a run on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex runs list\n  $ apex runs list --state interrupted --limit 10\n  $ apex runs list --json | head -1',
    )
    .action(listRuns);
  runs
    .command('show')
    .summary('one run, batch by batch')
    .description(
      'One run, batch by batch: attempts and times, what was set aside, what is parked and how it is tried again, and what a live one is at.',
    )
    .argument('<run>', 'its id, as `apex runs list` shows it')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', '\nExample:\n  $ apex runs show 5e9a569e-3d24-4280-9b1b-c018f34c0c45')
    .action(async (runId: string, flags: CommonFlags) => {
      await withRuns(flags, async (runs, signal) => {
        const run = await runs.showRun(runId);
        if (run === null) throw await unknownId('run', runId, runs, signal);
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

async function listRuns(flags: ListFlags): Promise<void> {
  const { state = null, limit = null } = flags;
  const listed = await withRuns(flags, (opened) => opened.listRuns({ state, limit }));
  if (flags.json === true) for (const run of listed) printJson({ event: 'listed_run', ...listedRunJson(run) });
  else if (listed.length === 0 && state !== null) printNote(`No run is ${state.replaceAll('_', ' ')}.`);
  else if (listed.length === 0) printNote('No runs yet. Begin with: apex ingest <folder>');
  else {
    const rows = listed.map((run) => [
      run.runId,
      run.kind,
      shownStanding(run),
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
  for (const line of [...runLines(run), ...batchLines(run.batches), ...parkedLines(run.batches)]) printLine(line);
  for (const { documentId, error } of run.quarantined.slice(0, SHOWN_QUARANTINED))
    printLine(`quarantined ${safeText(documentId)}: ${error.code}`);
  const hidden = run.quarantined.length - SHOWN_QUARANTINED;
  if (hidden > 0) printNote(`… and ${shownCount(hidden)} more: apex documents list --quarantined`);
}
