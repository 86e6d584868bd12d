import { CommanderError } from 'commander';
import { ERROR_CODES, EXIT } from '../lib/contracts/error-codes.ts';
import { isApexError } from '../lib/contracts/errors.ts';
import { printNote } from './ui/output.ts';
import { safeText } from './ui/text.ts';

/** Says what failed, in one clear message and never by a stack trace. @returns the exit status. */
export function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) return EXIT.usage;
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
