// The command line: flags in, events shown, exit status out.
// May import src, lib/contracts and the registries.
// Must never decide anything about documents.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { ERROR_CODES, EXIT } from '../lib/contracts/error-codes.ts';
import { isApexError } from '../lib/contracts/errors.ts';
import { registerCleanup } from './cleanup.ts';
import { registerDelete } from './delete.ts';
import { registerDocuments } from './documents.ts';
import { registerIngest } from './ingest.ts';
import { registerPrepareAlone } from './prepare-alone.ts';
import { registerResume } from './resume.ts';
import { registerRollback } from './rollback.ts';
import { registerRuns } from './runs.ts';
import { registerSearch } from './search.ts';
import { registerStatus } from './status.ts';
import { endOnClosedOutput, printNote } from './ui/output.ts';
import { safeText } from './ui/text.ts';
import { registerVerify } from './verify.ts';

const AFTER_HELP = `
Begin with:
  $ apex ingest <folder>
  $ apex search "<question>"
  $ apex verify

Exit status: 0 done, 2 wrong usage, 3 some documents quarantined, 4 rolled back, 5 needs attention, 75 try again later,
78 a setting is wrong, 130 interrupted. The data directory is APEX_HOME.`;

/** The command tree; building it runs nothing. */
export function createProgram(): Command {
  const program = new Command('apex')
    .description('Documents in, one knowledge memory out: resumable, verifiable, offline by default.')
    .version(readVersion(), '-V, --version')
    .addHelpText('after', AFTER_HELP)
    .showHelpAfterError('Run with --help for what may be given.')
    .exitOverride();
  const registers = [
    registerIngest,
    registerResume,
    registerRollback,
    registerVerify,
    registerSearch,
    registerDocuments,
    registerDelete,
    registerRuns,
    registerStatus,
    registerCleanup,
    registerPrepareAlone,
  ];
  for (const register of registers) register(program);
  for (const command of program.commands) command.exitOverride();
  return program;
}

/** Runs the command line and sets the exit status; a failure is one clear message, never a stack trace. */
export async function main(argv: readonly string[]): Promise<void> {
  process.umask(0o077);
  endOnClosedOutput();
  try {
    await createProgram().parseAsync([...argv]);
  } catch (error) {
    process.exitCode = reportFailure(error);
  }
}

function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (!isApexError(error)) {
    const message = error instanceof Error ? error.message : String(error);
    printNote(`apex has a bug: ${safeText(message)}`);
    if (process.env['APEX_DEBUG'] !== undefined && error instanceof Error) printNote(error.stack ?? '');
    return EXIT.bug;
  }
  printNote(`apex: ${safeText(error.message)}`);
  printNote(ERROR_CODES[error.code].help);
  return ERROR_CODES[error.code].exit;
}

/** The package's version: beside the sources, and two floors above the build. */
function readVersion(): string {
  const place = import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json';
  return (JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as { version: string }).version;
}
