import { type Command, Option } from 'commander';
import { EXIT } from '../lib/contracts/error-codes.ts';
import { UsageError } from '../lib/contracts/errors.ts';
import type { RemoveEvent, RemoveRequest, RemoveSummary } from '../lib/contracts/stager.ts';
import type { StagedItem } from '../lib/contracts/staging.ts';
import { type CommonFlags, withStager } from './host.ts';
import { counted, shownBytes } from './ui/figures.ts';
import { stagedItemJson } from './ui/json.ts';
import { outliveClosedOutput, printError, printJson, printLine, printNote } from './ui/output.ts';
import { safeText } from './ui/text.ts';

interface RemoveFlags extends CommonFlags {
  readonly source?: string;
  readonly status?: StagedItem['status'];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** `apex staging remove <item …>` and by selection: removes what waits, before it is taken. */
export function registerStagingRemove(staging: Command, statuses: readonly StagedItem['status'][]): void {
  staging
    .command('remove')
    .summary('remove what waits, or could not be ingested')
    .description(
      'Removes items from staging: named by ids, or selected by source, by status, or by both. What a run at work has taken stays. What came from standard input cannot be fetched again. No store is needed.',
    )
    .argument('[item...]', 'ids of items, as `apex staging list` shows them')
    .option('--source <name>', 'with ids: the source they are of; without: all items of this source')
    .addOption(new Option('--status <status>', 'the items that stand there').choices(statuses))
    .option('--dry-run', 'say what would be removed; change nothing')
    .option('--yes', 'remove what is selected without asking')
    .option('--json', 'one JSON object a line on standard output and nothing else')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex staging remove doc-61b3fe0bbcb843863e63839d\n  $ apex staging remove --status failed --yes\n  $ apex staging remove --source https --dry-run',
    )
    .action(async (itemIds: string[], flags: RemoveFlags) => {
      const request = requestOf(itemIds, flags);
      outliveClosedOutput();
      if (itemIds.length === 0 && flags.dryRun !== true && flags.yes !== true) {
        const { removed, bytes } = await remove({ ...request, isTrial: true }, flags, () => {});
        if (removed > 0 && !(await isConfirmed({ removed, bytes }, flags))) return;
      }
      const summary = await remove(request, flags, (event) => show(event, flags));
      process.exitCode = summary.exit_status;
      if (flags.json === true) printJson({ event: 'summary', ...summary });
      else printNote(summaryLine(summary, flags));
    });
}

function requestOf(itemIds: readonly string[], { source, status, dryRun }: RemoveFlags): RemoveRequest {
  if (itemIds.includes('')) throw usage('an id is empty: name an item, as apex staging list shows it');
  if (itemIds.length > 0 && status !== undefined)
    throw usage('name items by their ids, or select them by --status, not both');
  if (itemIds.length === 0 && source === undefined && status === undefined)
    throw usage('name items by their ids, or select them by --source or --status');
  return { itemIds, source: source ?? null, status: status ?? null, isTrial: dryRun === true };
}

function remove(
  request: RemoveRequest,
  flags: RemoveFlags,
  onEvent: (event: RemoveEvent) => void,
): Promise<RemoveSummary> {
  return withStager(flags, (stager, signal) => stager.remove(request, onEvent, signal));
}

/** Asks on a terminal. @throws UsageError where nobody can answer. */
async function isConfirmed(
  { removed, bytes }: Pick<RemoveSummary, 'removed' | 'bytes'>,
  { json }: RemoveFlags,
): Promise<boolean> {
  const items = `${counted(removed, 'item')} (${shownBytes(bytes)})`;
  const { canAsk, confirmed } = await import('./ui/confirm.ts');
  if (json === true || !canAsk())
    throw usage(`${items} would be removed from staging: add --yes to remove without being asked`);
  if (await confirmed(`Remove ${items} from staging?`)) return true;
  printNote('Nothing was removed.');
  process.exitCode = EXIT.usage;
  return false;
}

function show(event: RemoveEvent, { json, dryRun }: RemoveFlags): void {
  if (event.kind === 'removed') {
    const { itemId, source } = event.item;
    if (json === true) printJson({ event: 'removed', ...stagedItemJson(event.item) });
    else printLine(`${dryRun === true ? 'would remove' : 'removed'} ${safeText(itemId)} of ${safeText(source)}`);
  } else {
    const { uri, code, message } = event;
    if (json === true) printJson({ event: 'problem', uri, code, message });
    else printError(`${safeText(message)} (${code})`);
  }
}

function summaryLine({ removed, problems, bytes }: RemoveSummary, { dryRun }: RemoveFlags): string {
  const failed = problems === 0 ? '' : `, ${counted(problems, 'problem')}`;
  return `${removed} ${dryRun === true ? 'would be removed' : 'removed'} (${shownBytes(bytes)})${failed}`;
}

function usage(message: string): UsageError {
  return new UsageError(message, { code: 'APEX_USAGE' });
}
