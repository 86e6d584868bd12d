import type { Command } from 'commander';
import type { SelectRequest } from '../lib/contracts/apex.ts';
import { EXIT } from '../lib/contracts/error-codes.ts';
import { UsageError } from '../lib/contracts/errors.ts';
import { parseAge } from './age.ts';
import { groupFlag } from './group-flag.ts';
import { type CommonFlags, runCommand, withApex } from './host.ts';
import { counted } from './ui/figures.ts';
import { printNote } from './ui/output.ts';

interface DeleteFlags extends CommonFlags {
  /** Milliseconds. */
  readonly olderThan?: number;
  readonly source?: string;
  readonly yes?: boolean;
}

/** `apex delete <document …>` and by selection: removes documents, and what came in them, from all stores. */
export function registerDelete(program: Command): void {
  program
    .command('delete')
    .summary('remove documents from all stores')
    .description(
      'Removes documents, and what came in them (attachments of a mail), from all stores, and overwrites what is left of them in files. Named by ids, or selected: by age, by source, by group, or by several of these. The next ingest of the same file adds it again.',
    )
    .argument('[document...]', 'ids of documents, as `apex documents list` shows them')
    .option('--older-than <age>', 'those that were ingested longer ago: 36h, 90d, 8w', parseAge)
    .option('--source <name>', 'those that came by this source')
    .addOption(groupFlag('with ids: the group they belong to; without: all documents of this group'))
    .option('--yes', 'delete what is selected without asking')
    .option('--json', 'one JSON object a line on standard output and nothing else')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex delete doc-61b3fe0bbcb843863e63839d\n  $ apex delete --older-than 90d --source local_upload\n  $ apex delete --group north --yes',
    )
    .action(async (documents: string[], flags: DeleteFlags) => {
      const selects = flags.olderThan !== undefined || flags.source !== undefined;
      if (documents.length > 0 && selects)
        throw usage('name documents by their ids, or select them by --older-than and --source, not both');
      if (documents.length > 0) {
        await runCommand(flags, (apex, onEvent, signal) => apex.delete(documents, onEvent, signal));
        return;
      }
      if (!selects && flags.group === undefined)
        throw usage('name documents by their ids, or select them by --older-than, --source or --group');
      await deleteSelected(flags);
    });
}

async function deleteSelected(flags: DeleteFlags): Promise<void> {
  const request: SelectRequest = { olderThanMs: flags.olderThan ?? null, source: flags.source ?? null };
  if (flags.yes !== true) {
    const count = await withApex(flags, (apex, signal) => apex.countSelected(request, signal));
    if (count > 0 && !(await isConfirmed(count, flags))) return;
  }
  await runCommand(flags, (apex, onEvent, signal) => apex.deleteSelected(request, onEvent, signal));
}

/** Asks on a terminal. @throws UsageError where nobody can answer. */
async function isConfirmed(count: number, { json }: CommonFlags): Promise<boolean> {
  const documents = counted(count, 'document');
  const attached = `with what came in ${count === 1 ? 'it' : 'them'}`;
  const { canAsk, confirmed } = await import('./ui/confirm.ts');
  if (json === true || !canAsk())
    throw usage(`${documents} would be deleted, ${attached}: add --yes to delete without being asked`);
  if (await confirmed(`Delete ${documents}, ${attached}?`)) return true;
  printNote('Nothing was deleted.');
  process.exitCode = EXIT.usage;
  return false;
}

function usage(message: string): UsageError {
  return new UsageError(message, { code: 'APEX_USAGE' });
}
