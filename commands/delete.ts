import type { Command } from 'commander';
import { type CommonFlags, runCommand } from './host.ts';

/** `apex delete <document …>`: removes documents, and what came in them, from all stores. */
export function registerDelete(program: Command): void {
  program
    .command('delete')
    .summary('remove documents from all stores')
    .description(
      'Removes documents, and what came in them (attachments of a mail), from all stores. The next ingest of the same file adds it again.',
    )
    .argument('<document...>', 'ids of documents, as `apex documents list` shows them')
    .option('--json', 'one JSON object a line on standard output and nothing else')
    .addHelpText('after', '\nExample:\n  $ apex delete doc-61b3fe0bbcb843863e63839d')
    .action(async (documents: string[], flags: CommonFlags) => {
      await runCommand(flags, (apex, onEvent, signal) => apex.delete(documents, onEvent, signal));
    });
}
