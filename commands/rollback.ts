import type { Command } from 'commander';
import { type CommonFlags, runCommand } from './host.ts';

/** `apex rollback <run>`: discards what a run has not made visible, and gives the rest of it up. */
export function registerRollback(program: Command): void {
  program
    .command('rollback')
    .summary('discard what an interrupted run has not made visible')
    .argument('<run>', 'the run')
    .option('--json', 'one JSON object a line on standard output and nothing else')
    .action(async (run: string, flags: CommonFlags) => {
      await runCommand(flags, (apex, progress, signal) => apex.rollback(run, (event) => progress.show(event), signal));
    });
}
