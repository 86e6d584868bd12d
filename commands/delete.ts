import type { Command } from 'commander';
import { type CommonFlags, runCommand } from './host.ts';

/** `apex delete <document …>`: removes documents, and what came in them, from all stores. */
export function registerDelete(program: Command): void {
  program
    .command('delete')
    .summary('remove documents from all stores')
    .argument('<document...>', 'ids of documents, as `apex documents list` shows them')
    .option('--json', 'one JSON object a line on standard output and nothing else')
    .action(async (documents: string[], flags: CommonFlags) => {
      await runCommand(flags, (apex, progress, signal) =>
        apex.delete(documents, (event) => progress.show(event), signal),
      );
    });
}
