import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { type Command, Option } from 'commander';
import type { RecordsRequest } from '../lib/contracts/apex.ts';
import { UsageError } from '../lib/contracts/errors.ts';
import { FEED_SOURCES, type FeedSourceName } from '../lib/contracts/feed.ts';
import { STAGED_SOURCE } from '../lib/contracts/source.ts';
import { FEEDS } from '../lib/sources/index.ts';
import { addUseCaps, type CapFlags, capsOf } from './caps.ts';
import { groupFlag } from './group-flag.ts';
import { type CommonFlags, runCommand } from './host.ts';
import { printNote } from './ui/output.ts';
import { addWebFlags } from './web-flags.ts';

interface IngestJsonFlags extends CommonFlags, Omit<CapFlags, 'maxDocuments'> {
  readonly source: FeedSourceName;
  readonly staged?: boolean;
  readonly stream?: readonly string[];
  readonly id?: string;
  readonly since?: string;
  readonly until?: string;
  readonly all?: boolean;
  readonly sync?: boolean;
  readonly allowEmpty?: boolean;
  readonly dryRun?: boolean;
}

/** `apex ingest-json --source <name> [target …]`: records of a structured source, mapped by rules. */
export function registerIngestJson(program: Command): void {
  const ingest = program
    .command('ingest-json')
    .summary('take records of vehicles, shipments and mail, mapped by rules')
    .description(
      'Without a target: fetches what is new from the API of the source, from where the last run ended. With targets: reads recorded or pushed records, a JSON array or object, one object a line, or CSV with a header. Each vehicle, shipment or message becomes a document that later records add to. Safe to repeat: what is known already writes nothing.',
    )
    .argument(
      '[target...]',
      'files, folders, quoted globs, https:// and s3:// addresses, or - for standard input; with --staged ids',
    )
    .addOption(
      new Option('--source <name>', 'the source that the records are of')
        .choices([...FEED_SOURCES])
        .makeOptionMandatory(),
    )
    .option(
      '--staged',
      'take what waits in staging (apex stage --source): the items of these ids, or all of the source',
    )
    .option('--stream <name...>', 'only these streams of the API')
    .option('--id <id>', 'only this record, from the API; with one --stream')
    .option('--since <time>', 'from the API what is newer than this time, ISO 8601')
    .option('--until <time>', 'from the API what is older; the streams stay as far as they were')
    .option('--all', 'everything, as if the API had never been asked')
    .option('--sync', 'everything, as with --all, and what the source has no more is deleted')
    .option('--allow-empty', 'with --sync: also when a stream has nothing any more')
    .option('--dry-run', 'say what would become of which vehicle, shipment or message; change nothing, move no cursor')
    .option('--stdin-name <name>', 'name of standard input, for messages')
    .addOption(groupFlag())
    .option('--json', 'one JSON object a line on standard output and nothing else');
  addWebFlags(addUseCaps(ingest))
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex ingest-json --source samsara\n  $ apex ingest-json --source turvo --stream shipments --since 2025-10-01\n  $ apex ingest-json --source samsara readings.ndjson\n  $ apex ingest-json --source samsara https://files.example.com/readings.ndjson\n  $ curl -s … | apex ingest-json --source frontapp -',
    )
    .action(async (targets: string[], flags: IngestJsonFlags) => {
      const { addresses, ...request } = await requestOf(targets, flags);
      if (targets.includes('-') && process.stdin.isTTY) printNote('Reading what is typed; end it with Ctrl-D.');
      keepYoungHeapSmall();
      if (flags.dryRun === true) {
        const { planRecordsCommand } = await import('./plan.ts');
        await planRecordsCommand({ source: flags.source, ...request }, { ...flags, addresses });
        return;
      }
      await runCommand({ ...flags, addresses }, (apex, onEvent, signal) =>
        apex.ingestRecords({ source: flags.source, ...request, caps: capsOf(flags) }, onEvent, signal),
      );
    });
}

/**
 * Keeps the room for new objects as small as it is at first. By default it grows by what outlives a collection, up to three times 16 MB in
 * each thread, and a batch outlives many: 3,000 shipments peaked at 533 MB, so at 325 MB, for a tenth more computing.
 */
function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

interface LocatedRequest extends Omit<RecordsRequest, 'source'> {
  readonly addresses: ReadonlyMap<string, string>;
}

async function requestOf(targets: readonly string[], flags: IngestJsonFlags): Promise<LocatedRequest> {
  if (flags.staged === true) {
    refuseApiFlags(flags, '--staged');
    if (targets.includes('')) refuse('an id is empty: name an item, as apex staging list shows it, or none for all');
    return { targets, listedBy: STAGED_SOURCE, addresses: new Map() };
  }
  return targets.length === 0 ? fetchRequest(flags) : fileRequest(targets, flags);
}

function refuseApiFlags(flags: IngestJsonFlags, others: string): void {
  const { stream, id, since, until, all, sync } = flags;
  for (const [name, value] of Object.entries({ stream, id, since, until, all, sync, 'allow-empty': flags.allowEmpty }))
    if (value !== undefined) refuse(`--${name} is about the API of a source: leave it out, or leave out ${others}`);
}

async function fileRequest(targets: readonly string[], flags: IngestJsonFlags): Promise<LocatedRequest> {
  refuseApiFlags(flags, 'the targets');
  if (targets.includes('')) refuse('a target is empty: name a file, a folder, a glob, or - for standard input');
  const { workingFolder } = await import('./settings.ts');
  const folder = workingFolder();
  const { readLocations } = await import('../src/config/locations.ts');
  const located = readLocations(targets, { source: null, resolve: (path) => resolve(folder, path) });
  return { targets: located.targets, listedBy: located.source, addresses: located.addresses };
}

async function fetchRequest(flags: IngestJsonFlags): Promise<LocatedRequest> {
  const { stream, id, since, until, all, sync, allowEmpty } = flags;
  if (allowEmpty === true && sync !== true) refuse('--allow-empty is about --sync: give both, or neither');
  for (const [name, value] of Object.entries({ id, since, until }))
    if (sync === true && value !== undefined) refuse(`--sync takes everything there is: leave out --${name}`);
  const { default: source } = await FEEDS[flags.source]();
  const names = source.streams.map(({ name }) => name);
  const unknown = stream?.find((name) => !names.includes(name));
  if (unknown !== undefined) refuse(`${flags.source} has no stream ${unknown}: it has ${names.join(', ')}`);
  if (id !== undefined && stream?.length !== 1) refuse('--id names one record of one stream: give one --stream, too');
  if (id === '') refuse('--id is empty: give the id of a record or leave it out');
  const streams = stream ?? source.streams.filter(({ isDefault }) => isDefault).map(({ name }) => name);
  const bounds = { since: timeOf('since', since), until: timeOf('until', until) };
  if (bounds.since !== null && bounds.until !== null && bounds.since >= bounds.until)
    refuse('--since is not before --until: nothing lies between them');
  const comparable = source.streams.filter(({ allOf }) => allOf !== null).map(({ name }) => name);
  const compared = streams.filter((name) => comparable.includes(name));
  if (sync === true && compared.length === 0)
    refuse(`--sync cannot tell what is gone from ${streams.join(', ')}: it can for ${comparable.join(', ')}`);
  const synced = sync === true ? { sync: { streams: compared, allowsEmpty: allowEmpty === true } } : {};
  return {
    targets: [],
    addresses: new Map(),
    fetch: { streams, ...bounds, isAll: all === true || sync === true, id: id ?? null, ...synced },
  };
}

function timeOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const time = Date.parse(text);
  if (Number.isNaN(time) || !/^\d{4}-\d{2}/.test(text))
    refuse(`--${name} ${text} is no time: give one as 2025-10-19T12:00:00Z`);
  return time;
}

function refuse(problem: string): never {
  throw new UsageError(problem, { code: 'APEX_USAGE' });
}
