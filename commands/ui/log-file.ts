import { closeSync, constants, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { type ApexError, ConfigError } from '../../lib/contracts/errors.ts';
import { printError } from './output.ts';

/** How long a file that was renamed or removed may be written to before its successor is opened. */
const LOOK_MS = 1_000;

/**
 * Opens a file (0600 when it is made) to which lines are appended, each by one write, so that several processes may share it. When
 * it is renamed or removed, a new one is made in its place. A line that cannot be written is lost; that is said once.
 *
 * @throws ConfigError APEX_PERMISSION or APEX_CONFIG when it cannot be opened.
 */
export function openLogFile(path: string): (line: string) => void {
  const file = new LogFile(path);
  return (line) => file.append(line);
}

class LogFile {
  readonly #path: string;
  #descriptor: number;
  #lookedMs: number;
  /** The last line could be written in part only. */
  #isTorn = false;
  #isTold = false;

  constructor(path: string) {
    this.#path = path;
    this.#descriptor = open(path);
    this.#lookedMs = performance.now();
  }

  append(line: string): void {
    try {
      this.#follow();
      const bytes = Buffer.from(this.#isTorn ? `\n${line}` : line);
      this.#isTorn = writeSync(this.#descriptor, bytes) < bytes.byteLength;
      if (this.#isTorn) this.#tell('ENOSPC');
    } catch (error) {
      const { code } = error as { code?: unknown };
      this.#tell(String(code));
    }
  }

  /** Goes on in the file that has the name now. */
  #follow(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lookedMs < LOOK_MS) return;
    this.#lookedMs = nowMs;
    const named = statSync(this.#path, { throwIfNoEntry: false });
    const own = fstatSync(this.#descriptor);
    if (named?.ino === own.ino && named.dev === own.dev) return;
    const next = open(this.#path);
    closeSync(this.#descriptor);
    this.#descriptor = next;
    this.#isTorn = false;
  }

  #tell(code: string): void {
    if (this.#isTold) return;
    this.#isTold = true;
    printError(`warning: the log ${this.#path} cannot be written (${code}): its lines are lost, the command goes on`);
  }
}

function open(path: string): number {
  try {
    // Opening a fifo would wait for its reader.
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && !stats.isFile() && !stats.isCharacterDevice())
      throw refusal(path, 'is not a regular file', 'APEX_CONFIG');
    return openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o600);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (error instanceof ConfigError) throw error;
    const isDenied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
    throw refusal(path, `cannot be opened (${String(code)})`, isDenied ? 'APEX_PERMISSION' : 'APEX_CONFIG', error);
  }
}

function refusal(path: string, problem: string, code: ApexError['code'], cause?: unknown): ConfigError {
  const message = `the log file ${path} ${problem}; give another with --log-file or APEX_LOG_FILE`;
  return new ConfigError(message, { code, details: { path }, cause });
}
