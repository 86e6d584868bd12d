import type { Command } from 'commander';
import { type CommonFlags, runCommand } from './host.ts';

/** `apex resume [run]`: goes on with what was interrupted. */
export function registerResume(program: Command): void {
  program
    .command('resume')
    .summary('go on with interrupted runs')
    .argument('[run]', 'the run; all interrupted ones, oldest first, when none is named')
    .option('--json', 'one JSON object a line on standard output and nothing else')
    .action(async (run: string | undefined, flags: CommonFlags) => {
      await runCommand(flags, (apex, progress, signal) =>
        apex.resume(run ?? null, (event) => progress.show(event), signal),
      );
    });
}
