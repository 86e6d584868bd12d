import type { Command } from 'commander';
import { type CommonFlags, runCommand } from './host.ts';

/** `apex rollback <run>`: discards what a run has not made visible, and gives the rest of it up. */
export function registerRollback(program: Command): void {
  program
    .command('rollback')
    .summary('discard what an interrupted run has not made visible')
    .description(
      'Discards what an interrupted run has not made visible and gives the rest of it up. What it has made visible stays; `apex delete` removes documents. Exit status 4.',
    )
    .argument('<run>', 'its id, as `apex runs list` shows it')
    .option('--json', 'one JSON object a line on standard output and nothing else')
    .addHelpText('after', '\nExample:\n  $ apex rollback 5e9a569e-3d24-4280-9b1b-c018f34c0c45')
    .action(async (run: string, flags: CommonFlags) => {
      await runCommand(flags, (apex, onEvent, signal) => apex.rollback(run, onEvent, signal));
    });
}
