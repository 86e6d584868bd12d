import { ERROR_CODES, type ErrorCode } from './error-codes.ts';
import type { NumberedEntry, RunListing } from './journal.ts';

/** What a check came to. */
export interface Finding {
  /** `warning`: the work goes on, but somebody should know. `problem`: something does not work, or soon will not. */
  readonly level: 'ok' | 'warning' | 'problem';
  /** What is so, in a few words; no secret. */
  readonly found: string;
  /** What to do about it, with the command where there is one. */
  readonly advice: string | null;
  /** Of a problem: what decides the exit status. */
  readonly code: ErrorCode | null;
}

/**
 * Something that `apex doctor` looks at. Every part that can be wrong gives its own, and needs no other part to be right.
 *
 * It changes nothing. Errors: an ApexError is a problem of its code; any other means that the check itself failed.
 */
export interface Check {
  /** In snake case, each once. */
  readonly name: string;
  /** How long it may take; what takes longer is left alone. Default: 10 seconds. */
  readonly limitMs?: number;
  /** @param signal aborted when the time is over. */
  run(signal: AbortSignal): Promise<Finding>;
}

/** All is well. */
export function ok(found: string): Finding {
  return { level: 'ok', found, advice: null, code: null };
}

/** Somebody should know. */
export function warning(found: string, advice: string): Finding {
  return { level: 'warning', found, advice, code: null };
}

/** Something does not work. @param advice what the table of codes says when it is left out. */
export function problem(code: ErrorCode, found: string, advice: string = ERROR_CODES[code].help): Finding {
  return { level: 'problem', found, advice, code };
}

/** The runs of a data directory for one who only looks: nothing is made, mended or listed again. Errors: JournalError. */
export interface RunReader {
  /** Those that something is left to do of, newest first; of a run that the registry has lost, what its own journal says. */
  unfinished(): Promise<readonly RunListing[]>;
  /** Numbers of the processes that have a run; none where the kernel does not tell. */
  holders(runId: string): readonly number[];
  readEntries(runId: string): AsyncIterable<NumberedEntry>;
  close(): Promise<void>;
}
