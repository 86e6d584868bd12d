import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../lib/contracts/errors.ts';
import { FEED_SOURCES, type FeedSourceName } from '../lib/contracts/feed.ts';
import type { StageEvent, StageRequest, StageSummary } from '../lib/contracts/stager.ts';
import { SOURCES } from '../lib/sources/index.ts';
import { groupFlag } from './group-flag.ts';
import { type CommonFlags, withStager } from './host.ts';
import { counted, shownBytes } from './ui/figures.ts';
import { stagedItemJson } from './ui/json.ts';
import { outliveClosedOutput, printError, printJson, printLine, printNote, printWarning } from './ui/output.ts';
import { safeText } from './ui/text.ts';
import { addWebFlags } from './web-flags.ts';

interface StageFlags extends CommonFlags {
  readonly source?: keyof typeof SOURCES | FeedSourceName;
  readonly id?: string;
}

/** `apex stage <target …>`: bytes into staging, to be ingested later. */
export function registerStage(program: Command): void {
  const stage = program
    .command('stage')
    .summary('fetch documents or records into staging, to be ingested later')
    .description(
      'Fetches bytes into staging and leaves them there until apex ingest --staged, or apex ingest-json --staged, takes them; prints where each lies. No store is needed. Safe to repeat: what waits already stays. A document is the same document, staged or not.',
    )
    .argument(
      '<target...>',
      'paths, folders, quoted globs, https:// and s3:// addresses, or - for standard input; with --source frontapp also ids of files, messages and conversations',
    )
    .addOption(
      new Option(
        '--source <name>',
        'what all targets are read with (by default each with what it looks like), or what the records in them are of',
      ).choices([...new Set([...Object.keys(SOURCES), ...FEED_SOURCES])]),
    )
    .option('--id <id>', 'id of the document; only with a single file or -')
    .option('--stdin-name <name>', 'name of standard input as a document, a hint for its type')
    .addOption(groupFlag())
    .option('--json', 'one JSON object a line on standard output and nothing else');
  addWebFlags(stage)
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex stage ./contracts && apex ingest --staged\n  $ apex stage --source samsara readings.json && apex ingest-json --source samsara --staged',
    )
    .action(async (targets: string[], flags: StageFlags) => {
      outliveClosedOutput();
      const { addresses, ...request } = await requestOf(targets, flags);
      if (targets.includes('-') && process.stdin.isTTY) printNote('Reading what is typed; end it with Ctrl-D.');
      const summary = await withStager({ ...flags, addresses }, (stager, signal) =>
        stager.stage(request, (event) => show(event, flags), signal),
      );
      process.exitCode = summary.exit_status;
      if (flags.json === true) printJson({ event: 'summary', ...summary });
      else printNote(summaryLine(summary));
    });
}

interface LocatedRequest extends StageRequest {
  readonly addresses: ReadonlyMap<string, string>;
}

async function requestOf(targets: readonly string[], { source, id, stdinName }: StageFlags): Promise<LocatedRequest> {
  const { isFrontId, readLocations } = await import('../src/config/locations.ts');
  const areFiles = source === 'frontapp' && targets.some(isFrontId);
  const recordsOf = areFiles ? null : (FEED_SOURCES.find((name) => name === source) ?? null);
  if (targets.includes('')) refuse('a target is empty: name a file, a folder, a glob, or - for standard input');
  if (id === '' || stdinName === '')
    refuse(`${id === '' ? '--id' : '--stdin-name'} is empty: give a name or leave it out`);
  if (id !== undefined && recordsOf !== null)
    refuse('--id names a document, and records are named by what they are: leave it out');
  if (id !== undefined && targets.length !== 1)
    refuse(`--id ${id} names one document, but ${targets.length} targets are given`);
  const { workingFolder } = await import('./settings.ts');
  const folder = workingFolder();
  const own = source === undefined || recordsOf !== null ? null : source;
  const located = readLocations(targets, { source: own, resolve: (path) => resolve(folder, path) });
  const { addresses, source: listedBy } = located;
  return { targets: located.targets, listedBy, recordsOf, documentId: id ?? null, addresses };
}

function show(event: StageEvent, { json }: StageFlags): void {
  if (event.kind === 'staged') {
    if (json === true) printJson({ event: 'staged', ...stagedItemJson(event.item), is_new: event.isNew });
    else printLine(event.item.path);
  } else if (event.kind === 'problem') {
    const { uri, code, message } = event;
    if (json === true) printJson({ event: 'problem', uri, code, message });
    else printError(`${safeText(message)} (${code})`);
  } else printWarning(event.message);
}

function summaryLine({ staged, unchanged, problems, bytes }: StageSummary): string {
  const already = unchanged === 0 ? '' : `, ${unchanged} waited already`;
  const failed = problems === 0 ? '' : `, ${counted(problems, 'problem')}`;
  return `${staged} staged (${shownBytes(bytes)})${already}${failed}`;
}

function refuse(problem: string): never {
  throw new UsageError(problem, { code: 'APEX_USAGE' });
}
