import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../lib/contracts/errors.ts';
import { STAGED_SOURCE } from '../lib/contracts/source.ts';
import { SOURCES } from '../lib/sources/index.ts';
import { addCaps, type CapFlags, capsOf } from './caps.ts';
import { groupFlag } from './group-flag.ts';
import { type CommonFlags, runCommand } from './host.ts';
import { printNote } from './ui/output.ts';
import { addWebFlags } from './web-flags.ts';

interface IngestFlags extends CommonFlags, CapFlags {
  readonly source?: keyof typeof SOURCES;
  readonly staged?: boolean;
  readonly id?: string;
  readonly sync?: boolean;
  readonly allowEmpty?: boolean;
  readonly onError: 'continue' | 'stop';
  readonly dryRun?: boolean;
}

/** `apex ingest <target …>`: the seven steps over everything the targets name. */
export function registerIngest(program: Command): void {
  const ingest = program
    .command('ingest')
    .summary('read documents and write them to the memory')
    .description(
      'Reads files, folders, globs, web addresses, buckets or standard input. Safe to repeat: what has not changed is skipped, what was interrupted goes on.',
    )
    .argument(
      '[target...]',
      'paths, folders, quoted globs, https:// and s3:// addresses, or - for standard input; with --source frontapp ids of files, messages and conversations; with --staged ids',
    )
    .addOption(
      new Option(
        '--source <name>',
        'what all targets are read with, by default each with what it looks like; with --staged only what is of this source',
      ).choices(Object.keys(SOURCES)),
    )
    .option('--staged', 'take what waits in staging (apex stage): the items of these ids, or all')
    .option('--id <id>', 'id of the document; only with a single file or -')
    .option('--sync', 'also delete the documents of these folders, globs and prefixes whose files are gone')
    .option('--allow-empty', 'with --sync: also when a folder, glob or prefix holds nothing any more')
    .option('--dry-run', 'say what would be done, what it would cost and how long it would take; change nothing')
    .option('--stdin-name <name>', 'name of standard input as a document, a hint for its type')
    .addOption(
      new Option(
        '--on-error <policy>',
        'what the first document does that has to be set aside: stop ends the run cleanly once what is prepared is written; apex resume goes on with the rest and stops at the next one',
      )
        .choices(['continue', 'stop'])
        .default('continue'),
    )
    .addOption(groupFlag())
    .option('--json', 'one JSON object a line on standard output and nothing else');
  addWebFlags(addCaps(ingest))
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex ingest ./contracts\n  $ apex ingest "mail/**/*.eml" --json\n  $ apex ingest --sync ./contracts\n  $ apex ingest ./contracts --dry-run\n  $ apex ingest --staged\n  $ apex ingest https://docs.example.com/rates.pdf\n  $ apex ingest --sync s3://freight/contracts/\n  $ apex ingest --source frontapp cnv_1abc2d\n  $ cat note.txt | apex ingest - --id note-1',
    )
    .action(async (targets: string[], flags: IngestFlags) => {
      assertNamed(targets, flags);
      const { workingFolder } = await import('./settings.ts');
      const { readLocations } = await import('../src/config/locations.ts');
      const folder = workingFolder();
      const located =
        flags.staged === true
          ? { targets, source: STAGED_SOURCE, addresses: new Map<string, string>() }
          : readLocations(targets, { source: flags.source ?? null, resolve: (path) => resolve(folder, path) });
      const { addresses } = located;
      const request = {
        targets: located.targets,
        source: located.source,
        ...(flags.staged === true && flags.source !== undefined && { stagedFrom: flags.source }),
        documentId: flags.id ?? null,
        sync: flags.sync === true ? { allowsEmpty: flags.allowEmpty === true } : null,
        onError: flags.onError,
        caps: capsOf(flags),
      };
      if (targets.includes('-') && process.stdin.isTTY) printNote('Reading what is typed; end it with Ctrl-D.');
      if (flags.dryRun === true) {
        const { planCommand } = await import('./plan.ts');
        await planCommand(request, { ...flags, addresses });
        return;
      }
      await runCommand({ ...flags, addresses }, (apex, onEvent, signal) => apex.ingest(request, onEvent, signal));
    });
}

/** An empty text comes from a variable that is not set; as a path it would stand for the whole working folder. */
function assertNamed(targets: readonly string[], flags: IngestFlags): void {
  const { id, stdinName, sync, allowEmpty, staged } = flags;
  const refuse = (problem: string) => {
    throw new UsageError(problem, { code: 'APEX_USAGE' });
  };
  if (staged === true) {
    for (const [name, value] of Object.entries({ id, 'stdin-name': stdinName, sync }))
      if (value !== undefined) refuse(`--${name} does not go with --staged: leave out one of them`);
    if (targets.includes('')) refuse('an id is empty: name an item, as apex staging list shows it, or none for all');
    return;
  }
  if (targets.length === 0)
    refuse('nothing is named: name files, folders, globs or - for standard input, or take what waits with --staged');
  if (targets.includes('')) refuse('a target is empty: name a file, a folder, a glob, or - for standard input');
  if (id === '' || stdinName === '')
    refuse(`${id === '' ? '--id' : '--stdin-name'} is empty: give a name or leave it out`);
  if (allowEmpty === true && sync !== true) refuse('--allow-empty is about --sync: give both, or neither');
  if (sync === true && targets.includes('-'))
    refuse('--sync compares folders with the memory, and standard input is none: leave out - or --sync');
  if (sync === true && id !== undefined)
    refuse(`--sync compares folders with the memory, and --id ${id} names one document: leave out one of them`);
  if (id !== undefined && targets.length !== 1)
    refuse(`--id ${id} names one document, but ${targets.length} targets are given`);
}
