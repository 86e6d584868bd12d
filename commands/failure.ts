import { CommanderError } from 'commander';
import { ERROR_CODES, EXIT } from '../lib/contracts/error-codes.ts';
import { isApexError } from '../lib/contracts/errors.ts';
import { Interruption } from './host.ts';
import { logFailure } from './ui/log.ts';
import { printError } from './ui/output.ts';
import { safeText } from './ui/text.ts';

/** Says what failed, in one clear message and never by a stack trace. @returns the exit status. */
export async function reportFailure(error: unknown): Promise<number> {
  if (error instanceof CommanderError) return EXIT.usage;
  if (error instanceof Interruption) {
    printError('apex: interrupted; run the same command again');
    return error.exitStatus;
  }
  const code = isApexError(error) ? error.code : 'APEX_BUG';
  const message = error instanceof Error ? error.message : String(error);
  logFailure(code, message);
  printError(`${code === 'APEX_BUG' ? 'apex has a bug' : 'apex'}: ${safeText(message)}`);
  printError(ERROR_CODES[code].help);
  if (code === 'APEX_BUG' && error instanceof Error && (await isDebugging())) printError(error.stack ?? '');
  return ERROR_CODES[code].exit;
}

async function isDebugging(): Promise<boolean> {
  try {
    const { readSettings } = await import('./settings.ts');
    return (await readSettings({})).settings.debug === 'on';
  } catch {
    return false; // Settings that cannot be read are not what is reported here.
  }
}
