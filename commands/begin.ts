import { resolve } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../lib/contracts/errors.ts';
import type { LogLevel } from './ui/log-record.ts';

/** What any command may be given, before its name or after it. */
export interface GlobalFlags {
  readonly quiet?: boolean;
  readonly logFile?: string;
  readonly logLevel?: LogLevel;
}

/** Commands that only show something: silent, they would do nothing. */
const SHOWING: ReadonlySet<string> = new Set([
  ...['completion', 'config', 'documents', 'runs', 'search', 'status', 'trace'],
  ...['stats', 'staging stats', 'staging list', 'staging show'],
]);

/** What tells of settings must do so whatever they are, and has nothing to log. */
const UNLOGGED: ReadonlySet<string> = new Set(['completion', 'config', 'doctor']);

/** Talks with this program only, and leaves all of this to it. */
const SPOKEN_TO = 'prepare-alone';

/**
 * Makes ready what is the same for all commands: which secrets no output may show, whether it is quiet, and the log.
 *
 * Settings that are wrong are for the command to report. @throws UsageError; ConfigError when the log cannot be opened.
 */
export async function begin(flags: GlobalFlags, command: Command): Promise<void> {
  const path = pathOf(command);
  const [name] = path;
  if (name === SPOKEN_TO) return;
  const isJson = command.opts<{ json?: boolean }>().json === true;
  if (flags.quiet === true && !isJson && SHOWING.has(isGrouped(path) ? path.join(' ') : (name ?? ''))) {
    const problem = `--quiet leaves nothing of apex ${path.join(' ')}: add --json, or leave --quiet out`;
    throw new UsageError(problem, { code: 'APEX_USAGE' });
  }
  const { outputSettings } = await import('./settings.ts');
  const { secrets, logFile, logLevel, folder } = await outputSettings(flags);
  const { concealed, withoutSecrets } = await import('../src/config/secrets.ts');
  const { setOutput } = await import('./ui/output.ts');
  const isQuiet = flags.quiet === true;
  const ofMessage = (text: string) => concealed(text, secrets);
  const isLogged = (logFile !== '' || logLevel !== null) && !UNLOGGED.has(name ?? '');
  const isLogging = isLogged && logFile === '';
  setOutput({ isQuiet, isLogging, ofData: (text) => withoutSecrets(text, secrets), ofMessage });
  if (!isLogged) return;
  const { openLog } = await import('./ui/log.ts');
  const { openLogFile } = await import('./ui/log-file.ts');
  const level = logLevel ?? 'info';
  openLog({
    level: logFile === '' && isQuiet ? 'error' : level,
    write: logFile === '' ? null : openLogFile(resolve(folder, logFile)),
    conceal: ofMessage,
    command: path.join(' '),
  });
}

/** Some commands of the group only show something, others work. */
function isGrouped([name]: readonly string[]): boolean {
  return name === 'staging';
}

/** The names that a command is called by, one below the other, without `apex`. */
export function pathOf(command: Command): string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()];
}
