import { type Command, Option } from 'commander';
import { UsageError } from '../lib/contracts/errors.ts';
import type { StagedItem, StagingShare, StagingStats } from '../lib/contracts/staging.ts';
import { registerCleanup } from './cleanup.ts';
import { refuseUnknown } from './group.ts';
import { type CommonFlags, withStager } from './host.ts';
import { registerStagingRemove } from './staging-remove.ts';
import { counted, shownBytes, shownPlace, shownTime } from './ui/figures.ts';
import { stagedItemJson, stagingStatsJson } from './ui/json.ts';
import { printJson, printLine, printNote } from './ui/output.ts';
import { table } from './ui/table.ts';
import { safeText } from './ui/text.ts';

const STATUSES = ['active', 'failed', 'damaged'] as const;

/** What items are sorted by: the oldest, the largest, or the first by id comes first. */
const ORDERS = {
  age: (a: StagedItem, b: StagedItem) => compare(a.createdAt, b.createdAt),
  size: (a: StagedItem, b: StagedItem) => b.bytes - a.bytes,
  name: (a: StagedItem, b: StagedItem) => compare(a.origin?.name ?? a.itemId, b.origin?.name ?? b.itemId),
} as const;

interface ListFlags extends CommonFlags {
  readonly source?: string;
  readonly status?: (typeof STATUSES)[number];
  readonly sort?: keyof typeof ORDERS;
}

/** `apex staging stats|list|show|remove|cleanup`: what lies in staging, and what becomes of it. */
export function registerStaging(program: Command): void {
  const staging = program
    .command('staging')
    .summary('what lies in staging')
    .description('What lies in staging, and what waits there to be ingested. Without a subcommand: stats.');
  const stats = staging.command('stats', { isDefault: true });
  refuseUnknown(staging, stats);
  describeStats(stats);
  staging
    .command('list')
    .summary('what waits to be ingested, or could not be')
    .description('What apex stage left in staging: what waits to be ingested, and what an ingest could not take in.')
    .option('--source <name>', 'only what is of this source')
    .addOption(new Option('--status <status>', 'only what stands there').choices(STATUSES))
    .addOption(new Option('--sort <order>', 'oldest, largest or by name').choices(Object.keys(ORDERS)))
    .option('--json', 'one JSON object an item on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex staging list --status failed\n  $ apex staging list --sort size --json | head -1',
    )
    .action(listItems);
  staging
    .command('show')
    .summary('one item')
    .description('All that is known of one item: where it came from, where it lies, why it failed.')
    .argument('<item>', 'its id, as `apex staging list` shows it')
    .option('--source <name>', 'only what is of this source, where items of several sources have the id')
    .option('--json', 'one JSON object an item on standard output')
    .addHelpText('after', '\nExample:\n  $ apex staging show doc-61b3fe0bbcb843863e63839d')
    .action(showItem);
  registerStagingRemove(staging, STATUSES);
  registerCleanup(staging);
}

/** `apex stats`: short for `apex staging stats`. */
export function registerStats(program: Command): void {
  describeStats(program.command('stats'));
}

function describeStats(stats: Command): void {
  stats
    .summary('how full staging is, and with what')
    .description(
      'Documents and bytes in staging, by source and by status, the oldest and the largest, and how much of the quota (STAGING_MAX_SIZE_GB) is used.',
    )
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', '\nExample:\n  $ apex stats')
    .action(async (flags: CommonFlags) => {
      const found = await withStager(flags, (stager, signal) => stager.stats(signal));
      if (flags.json === true) printJson({ event: 'staging_stats', ...stagingStatsJson(found) });
      else for (const line of statsLines(found)) printLine(line);
    });
}

function statsLines(stats: StagingStats): string[] {
  const { usedBytes, maxBytes, documents, oldest, largest } = stats;
  const percent = Math.floor((usedBytes / maxBytes) * 100);
  const lines = [
    `${bar(usedBytes / maxBytes)} ${percent}% of the quota: ${shownBytes(usedBytes)} of ${shownBytes(maxBytes)}`,
    `${counted(documents, 'document')} under ${safeText(stats.base)}`,
  ];
  if (oldest === null || largest === null) return lines;
  return [
    ...lines,
    `oldest   ${safeText(oldest.documentId)}, since ${shownTime(oldest.createdAt)}`,
    `largest  ${safeText(largest.documentId)}, ${shownBytes(largest.bytes)}`,
    '',
    ...shareLines('source', stats.bySource),
    '',
    ...shareLines('status', stats.byStatus),
  ];
}

const BAR_CELLS = 20;

/** How much of the quota is used, in cells; more than all of it is shown as all. */
function bar(share: number): string {
  const cells = Math.min(BAR_CELLS, Math.ceil(share * BAR_CELLS));
  return `[${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}]`;
}

function shareLines(header: string, shares: readonly StagingShare[]): string[] {
  const rows = shares.map(({ name, documents, bytes }) => [safeText(name), String(documents), shownBytes(bytes)]);
  return table([{ header }, { header: 'documents' }, { header: 'bytes' }], rows);
}

const ITEM_COLUMNS = [
  { header: 'item' },
  { header: 'source', isOptional: true },
  { header: 'status' },
  { header: 'bytes' },
  { header: 'since', isOptional: true },
  { header: 'what' },
] as const;

async function listItems(flags: ListFlags): Promise<void> {
  const listed = await withStager(flags, async (stager) => {
    const all = await Array.fromAsync(stager.list());
    return all.filter((item) => isListed(item, flags));
  });
  if (flags.sort !== undefined) listed.sort(ORDERS[flags.sort]);
  if (flags.json === true) for (const item of listed) printJson({ event: 'staged_item', ...stagedItemJson(item) });
  else if (listed.length === 0) printNote('Nothing waits in staging. Put something there with: apex stage <path>');
  else for (const line of table(ITEM_COLUMNS, listed.map(rowOf))) printLine(line);
}

function isListed({ source, status }: StagedItem, flags: Pick<ListFlags, 'source' | 'status'>): boolean {
  return source === (flags.source ?? source) && status === (flags.status ?? status);
}

function rowOf({ itemId, source, status, bytes, createdAt, origin, takenBy }: StagedItem): string[] {
  const standing = status === 'active' && takenBy !== null ? 'being taken' : status;
  const what = origin === null ? '' : safeText(shownPlace(origin.uri));
  return [safeText(itemId), safeText(source), standing, shownBytes(bytes), shownTime(createdAt), what];
}

async function showItem(itemId: string, flags: Pick<ListFlags, 'source' | 'json'>): Promise<void> {
  const found = await withStager(flags, (stager) => stager.find(itemId));
  const shown = found.filter((item) => isListed(item, flags));
  if (shown.length === 0) throw nothingWaits(itemId, found, flags);
  for (const [index, item] of shown.entries()) {
    if (flags.json === true) printJson({ event: 'staged_item', ...stagedItemJson(item) });
    else for (const line of [...(index === 0 ? [] : ['']), ...itemLines(item, found.length > 1)]) printLine(line);
  }
}

function nothingWaits(
  itemId: string,
  others: readonly StagedItem[],
  { source }: Pick<ListFlags, 'source'>,
): UsageError {
  const of = others.length === 0 ? '' : ` from ${source}, only from ${others.map((item) => item.source).join(', ')}`;
  return new UsageError(`nothing waits in staging as ${itemId}${of}: see apex staging list`, { code: 'NOT_FOUND' });
}

/** @param isOneOfSeveral items of other sources have its id. */
function itemLines(item: StagedItem, isOneOfSeveral: boolean): string[] {
  const { kind, source, group, status, origin, path, bytes, digest, createdAt, takenBy, error } = item;
  const of = kind === 'records' || isOneOfSeveral ? ` --source ${source}` : '';
  const take = `${kind === 'document' ? 'apex ingest' : 'apex ingest-json'}${of} --staged`;
  return [
    `item     ${safeText(item.itemId)}, ${kind === 'document' ? 'a document' : 'records'} of ${safeText(source)}`,
    ...(group === '' ? [] : [`group    ${safeText(group)}`]),
    `status   ${status}${error === null ? '' : ` (${error.code}): ${safeText(error.message)}`}`,
    ...(origin === null ? [] : [`from     ${safeText(shownPlace(origin.uri))}`]),
    `lies at  ${safeText(path)}`,
    `holds    ${shownBytes(bytes)}, SHA-256 ${digest === '' ? 'unknown' : digest}`,
    `since    ${shownTime(createdAt)}`,
    ...(takenBy === null ? [] : [`taken    by run ${safeText(takenBy)}`]),
    ...(status === 'damaged' ? [] : [`take it  ${take} ${safeText(item.itemId)}`]),
  ];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
