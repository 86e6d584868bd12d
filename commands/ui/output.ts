// The only code that prints: JSON lines for programs, text for people.
// May import lib/contracts, ora and chalk.
// Must never decide anything about documents.

import { safeText } from './text.ts';

/** What the outputs of this process are made to be: there is one of each, so there is one of these. */
interface OutputRules {
  /** Only errors and JSON are printed. */
  readonly isQuiet: boolean;
  /** A log goes to standard error: nothing moves there. */
  readonly isLogging: boolean;
  /** Takes the secrets out of what goes to standard output. */
  readonly ofData: (text: string) => string;
  /** Takes them, and what is before the `@` of an address, out of messages. */
  readonly ofMessage: (text: string) => string;
}

let rules: OutputRules = { isQuiet: false, isLogging: false, ofData: (text) => text, ofMessage: (text) => text };

/** Sets what is printed from here on; once, before the command begins. */
export function setOutput(next: OutputRules): void {
  rules = next;
}

/** Writes one line to standard output. */
export function printLine(line: string): void {
  printText(`${line}\n`);
}

/** Writes a text that has its own line ends to standard output. */
export function printText(text: string): void {
  if (!rules.isQuiet) process.stdout.write(rules.ofData(text));
}

/** Writes one JSON object as a line to standard output, also when all else is silent. */
export function printJson(value: object): void {
  process.stdout.write(`${rules.ofData(JSON.stringify(value))}\n`);
}

/** Writes one line to standard error. */
export function printNote(line: string): void {
  if (!rules.isQuiet) printError(line);
}

/** Says on standard error what a person should know though the work goes on. @param shown how the first word is shown. */
export function printWarning(message: string, shown: (text: string) => string = String): void {
  printNote(`${shown('warning:')} ${safeText(message)}`);
}

/** Writes one line to standard error, also when all else is silent: for what keeps the command from being done. */
export function printError(line: string): void {
  process.stderr.write(`${rules.ofMessage(line)}\n`);
}

/** Ends quietly when whoever reads the output has closed it (`apex … | head`); what nobody reads on standard error is dropped. */
export function endOnClosedOutput(): void {
  process.stdout.on('error', end);
  // Nobody can be told that notes cannot be told.
  process.stderr.on('error', () => {});
}

/** From here the output may be closed and the work still goes on: a run must not end half done because nobody watches it. */
export function outliveClosedOutput(): void {
  let isNoted = false;
  process.stdout.off('error', end);
  process.stdout.on('error', async (error: NodeJS.ErrnoException) => {
    if (isClosed(error)) return;
    const isFirst = !isNoted;
    isNoted = true;
    const exitStatus = await noteUnwritable(error, isFirst);
    process.exitCode ||= exitStatus;
  });
}

async function end(error: NodeJS.ErrnoException): Promise<void> {
  if (isClosed(error)) process.exit(process.exitCode ?? 0);
  process.exit(await noteUnwritable(error, true));
}

function isClosed({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED';
}

/** Says so when it is the first time. @returns the exit status. */
async function noteUnwritable({ code }: NodeJS.ErrnoException, isFirst: boolean): Promise<number> {
  const advice = 'free space or write elsewhere, then run the same command again';
  if (isFirst) printError(`apex: standard output cannot be written (${code}): ${advice}`);
  const { EXIT } = await import('../../lib/contracts/error-codes.ts');
  return EXIT.disk;
}

/** Some terminals do not tell their width. */
const ASSUMED_COLUMNS = 80;

/** The width to write to: a terminal's own, and no end where the output is a file or a pipe, so that nothing is cut there. */
export function columns(stream: 'stdout' | 'stderr' = 'stdout'): number {
  const { isTTY, columns: width } = process[stream];
  return isTTY === true ? width || ASSUMED_COLUMNS : Number.POSITIVE_INFINITY;
}

/** The width that help is written for: a terminal's own, else the usual one, because nobody cuts what is for reading. */
export function helpColumns(): number {
  const { isTTY, columns: width } = process.stdout;
  return isTTY === true ? width : ASSUMED_COLUMNS;
}

/**
 * True where a line may be drawn again and again: both outputs on a terminal that can, and no build server. With one of them in a
 * pipe (`apex … | tee log`) what comes out of it would land in the middle of the line.
 */
export function isLive(): boolean {
  if (rules.isQuiet || rules.isLogging) return false;
  const isTerminal = process.stdout.isTTY === true && process.stderr.isTTY === true;
  return isTerminal && process.env['TERM'] !== 'dumb' && process.env['CI'] === undefined;
}

/** What a client of a store still has open when all is done may close by itself in this time. */
const LEFT_OPEN_MS = 500;

/**
 * Ends the process also where a connection is still open: one to a server that has fallen silent is held for minutes by some clients.
 * What is being written comes out first. Without anything open the process has ended before.
 */
export function endWhateverIsOpen(): void {
  const finish = () => {
    if (process.stdout.writableLength + process.stderr.writableLength > 0) endWhateverIsOpen();
    else process.exit();
  };
  setTimeout(finish, LEFT_OPEN_MS).unref();
}
