// The command line: flags in, events shown, exit status out.
// May import src, lib/contracts and the registries.
// Must never decide anything about documents.

import type { Command } from 'commander';
import { endOnClosedOutput, endWhateverIsOpen, helpColumns, printLine, printText } from './ui/output.ts';
import { readVersion } from './version.ts';

/** What a defect ends with: `EX_SOFTWARE` of sysexits. */
const INTERNAL = 70;

/** What asks for the program's own help when it stands alone. */
const HELP_WORDS: ReadonlySet<string> = new Set(['--help', '-h', 'help']);

/**
 * Runs the command line and sets the exit status.
 *
 * Loading modules is most of the time that a short command takes, so each is loaded where it is first needed, and the version
 * and the help are told before anything else is.
 */
export async function main(argv: readonly string[]): Promise<void> {
  process.umask(0o077);
  endOnClosedOutput();
  if (argv.length === 3 && (argv[2] === '--version' || argv[2] === '-V')) {
    printLine(readVersion());
    return;
  }
  if (argv.length === 3 && HELP_WORDS.has(argv[2]!) && (await showReadyHelp())) return;
  // What nobody waited for may have left anything half done: the process ends, and the next one settles it.
  process.on('uncaughtException', (error) => {
    // A report that fails, too, would come here again without end.
    statusOf(error).then(process.exit, () => process.exit(INTERNAL));
  });
  let begun: Command | null = null;
  try {
    const { createProgram } = await import('./program.ts');
    const program = createProgram((command) => {
      begun = command;
    });
    await program.parseAsync([...argv]);
  } catch (error) {
    // A help that was asked for ends as an error, too.
    if ((error as { exitCode?: unknown } | null)?.exitCode === 0) return;
    process.exitCode = await statusOf(error);
  } finally {
    await noteEnd(begun);
    endWhateverIsOpen();
  }
}

/** Counts the end of a command that was begun, where it is one that is counted. One that only told what it would do is not. */
async function noteEnd(begun: Command | null): Promise<void> {
  if (begun === null || begun.opts<{ dryRun?: boolean }>().dryRun === true) return;
  const [{ pathOf }, { isCounted }] = await Promise.all([import('./begin.ts'), import('../src/metrics/counted.ts')]);
  const command = pathOf(begun).join(' ');
  if (!isCounted(command)) return;
  const { noteMetrics } = await import('./note-metrics.ts');
  await noteMetrics({ command, exitStatus: Number(process.exitCode ?? 0) });
}

/** Shows the help without building the command tree. @returns whether it could. */
async function showReadyHelp(): Promise<boolean> {
  const { readyHelp } = await import('./help.ts');
  const help = readyHelp(helpColumns());
  if (help !== null) printText(help);
  return help !== null;
}

/** Reports a failure. @returns the exit status. */
async function statusOf(error: unknown): Promise<number> {
  const { reportFailure } = await import('./failure.ts');
  return reportFailure(error);
}
