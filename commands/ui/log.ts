import type { OnEvent } from '../../lib/contracts/apex.ts';
import { LOG_LEVELS, type LogLevel, type LogRecord, logRecord } from './log-record.ts';
import { safeText } from './text.ts';

interface LogOptions {
  /** What is graver than this, or as grave, is written. */
  readonly level: LogLevel;
  /** Writes a line that has its end; null: to standard error. */
  readonly write: ((line: string) => void) | null;
  /** Takes the secrets out of a value. */
  readonly conceal: (text: string) => string;
  /** The command, as it is typed. */
  readonly command: string;
}

/** The log of this process: there is one, as there is one standard error. */
let log: Log | null = null;

/** Opens the log of this process, which says first what was begun and last how it ended. */
export function openLog(options: LogOptions): void {
  const opened = new Log(options);
  log = opened;
  const startedMs = performance.now();
  opened.write({ level: 'info', event: 'command_started' });
  process.once('exit', (exitStatus) => {
    const duration_ms = Math.round(performance.now() - startedMs);
    opened.write({ level: 'info', event: 'command_ended', exit_status: exitStatus, duration_ms });
  });
}

/** The listener with every event written to the log first, where there is one. */
export function logged(onEvent: OnEvent): OnEvent {
  return (event) => {
    if (event.kind === 'run_started' && log !== null) log.runId = event.runId;
    log?.write(logRecord(event));
    onEvent(event);
  };
}

/** Writes to the log why the command could not be done. */
export function logFailure(code: string, message: string): void {
  log?.write({ level: 'error', event: 'command_failed', code, message });
}

class Log {
  /** The run at work; it stands in every line until the next one. */
  runId: string | null = null;
  readonly #options: LogOptions;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  write(record: LogRecord): void {
    const { level, command, write, conceal } = this.#options;
    if (LOG_LEVELS.indexOf(record.level) > LOG_LEVELS.indexOf(level)) return;
    const common = { time: new Date().toISOString(), pid: process.pid, command };
    const { level: own, event, ...rest } = record;
    const whole = { ...common, level: own, event, ...(this.runId !== null && { run_id: this.runId }), ...rest };
    const shown = Object.entries(whole).map(([name, value]) => [
      name,
      typeof value === 'string' ? safeText(conceal(value)) : value,
    ]);
    const line = `${JSON.stringify(Object.fromEntries(shown))}\n`;
    if (write === null) process.stderr.write(line);
    else write(line);
  }
}
