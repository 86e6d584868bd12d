import type { Command } from 'commander';
import { addCaps, type CapFlags, capsOf } from './caps.ts';
import { type CommonFlags, runCommand } from './host.ts';

/** `apex resume [run]`: goes on with what was interrupted. */
export function registerResume(program: Command): void {
  const resume = program
    .command('resume')
    .summary('go on with interrupted runs')
    .description(
      'Goes on with interrupted runs. What is done is not done again. The same ingest again does the same for its own run.',
    )
    .argument('[run]', 'its id; all interrupted ones, oldest first, when none is named')
    .option('--json', 'one JSON object a line on standard output and nothing else');
  addCaps(resume)
    .addHelpText('after', '\nExamples:\n  $ apex resume\n  $ apex resume 5e9a569e-3d24-4280-9b1b-c018f34c0c45')
    .action(async (run: string | undefined, flags: CommonFlags & CapFlags) => {
      const caps = capsOf(flags);
      await runCommand(flags, (apex, onEvent, signal) => apex.resume(run ?? null, onEvent, signal, caps));
    });
}
