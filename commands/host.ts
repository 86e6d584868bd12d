import { fileURLToPath } from 'node:url';
import type { Apex, OnEvent, RunSummary, Runs } from '../lib/contracts/apex.ts';
import { ERROR_CODES, EXIT } from '../lib/contracts/error-codes.ts';
import { isApexError } from '../lib/contracts/errors.ts';
import type { Planner } from '../lib/contracts/plan.ts';
import type { Stager } from '../lib/contracts/stager.ts';
import type { HostOptions, Waiting } from '../src/assemble.ts';
import type { Settings } from '../src/config/settings.ts';
import type { Parts } from '../src/pipeline/parts.ts';
import { logged } from './ui/log.ts';
import { outliveClosedOutput, printError, printNote, printWarning } from './ui/output.ts';
import type { Progress } from './ui/progress.ts';
import { readVersion } from './version.ts';

/** What every command may be asked for. */
export interface CommonFlags {
  readonly json?: boolean;
  /** The group of the documents, where a command has that flag and it is given. */
  readonly group?: string;
  /** How long a server is waited for, in milliseconds, where a command has that flag and it is given. */
  readonly maxOutage?: number;
  /** Name of standard input as a document. */
  readonly stdinName?: string;
  /** Where headers for private servers stand, and whether `http:` is fetched, where a command has these flags and they are given. */
  readonly headerFile?: string;
  readonly allowHttp?: boolean;
  /** Whole addresses by target, of a command that takes addresses. */
  readonly addresses?: ReadonlyMap<string, string>;
}

/** The process's side of apex: settings, standard input, and how to start a process of one's own. */
export async function hostOptions(flags: CommonFlags): Promise<HostOptions> {
  const { readSettings } = await import('./settings.ts');
  const { settings, defaultHome } = await readSettings(flags);
  return {
    settings,
    defaultHome,
    stdin: process.stdin,
    stdinName: flags.stdinName ?? null,
    version: readVersion(),
    ...(flags.addresses !== undefined && { addresses: flags.addresses }),
    prepareIsolated: preparationAlone(settings, flags.addresses),
    onWarning: ({ code, message }) => {
      logged(() => {})({ kind: 'warning', code, message });
      printWarning(message);
    },
  };
}

/**
 * Opens apex for one command and closes it afterwards. The machine pulls in the stores, so it is loaded only here.
 *
 * @param waiting of a command that waits for servers that are out of reach.
 */
export async function withApex<T>(
  flags: CommonFlags,
  work: (apex: Apex, signal: AbortSignal) => Promise<T>,
  waiting?: Waiting,
): Promise<T> {
  const { openApex } = await import('../src/assemble.ts');
  const apex = await openApex(await hostOptions(flags), waiting);
  // What only reads may be ended anywhere, so signals do what they do by default.
  return closing(apex, () => work(apex, new AbortController().signal));
}

/** As `withApex`, for what is told of runs. */
export async function withRuns<T>(
  flags: CommonFlags,
  work: (runs: Runs, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { openRuns } = await import('../src/assemble.ts');
  const runs = await openRuns(await hostOptions(flags));
  return closing(runs, () => work(runs, new AbortController().signal));
}

/** As `withInterruptibleApex`, for what works on the staging area alone: no store is needed. */
export async function withStager<T>(
  flags: CommonFlags,
  work: (stager: Stager, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { openStager } = await import('../src/assemble-stager.ts');
  const interruption = watchSignals({ stopping: () => {}, stop: () => {} }, STAGE_NOTES);
  const { signal } = interruption;
  try {
    const stager = await openStager(await hostOptions(flags));
    return await closing(stager, () => work(stager, signal));
  } catch (error) {
    throw isAbort(error, signal) ? new Interruption(signal.reason) : error;
  } finally {
    interruption.end();
  }
}

async function closing<T>(opened: { close(): Promise<void> }, work: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // A failure to close would take the place of the one that matters.
    await opened.close().catch(() => {});
    throw error;
  }
  await opened.close().catch((error: unknown) => {
    if (!isTold(error)) throw error;
  });
  return result;
}

/** The disk that made a run stop fails again when its files are closed: the run's summary has said so. */
function isTold(error: unknown): boolean {
  return isApexError(error) && process.exitCode === ERROR_CODES[error.code].exit;
}

/**
 * As `withApex`, for what writes: servers that are out of reach are waited for, the first signal asks to stop after what is being
 * written, the second ends the process.
 */
export async function withInterruptibleApex<T>(
  flags: CommonFlags,
  work: (apex: Apex, onEvent: OnEvent, signal: AbortSignal) => Promise<T>,
  watched: Progress,
): Promise<T> {
  const interruption = watchSignals(watched);
  const { signal } = interruption;
  const { WaitNotes } = await import('./note-metrics.ts');
  const waits = new WaitNotes();
  const onEvent = logged((event) => {
    waits.take(event);
    watched.show(event);
  });
  try {
    return await withApex(flags, (apex) => work(apex, onEvent, signal), { onEvent, signal });
  } catch (error) {
    throw isAbort(error, interruption.signal) ? new Interruption(interruption.signal.reason) : error;
  } finally {
    interruption.end();
    await waits.end();
  }
}

/** A signal ended a command before it had a run to say so. */
export class Interruption extends Error {
  readonly exitStatus: number;

  constructor(signalName: unknown) {
    super('interrupted');
    this.exitStatus = signalName === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
  }
}

/** Libraries reject with the signal's reason, or with an error of their own. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'));
}

/** A command that does runs: shows them and ends with their exit status. @param nothingToDo what is said when there is no run. */
export async function runCommand(
  flags: CommonFlags,
  work: (apex: Apex, onEvent: OnEvent, signal: AbortSignal) => Promise<RunSummary | null>,
  nothingToDo = 'There is nothing to resume.',
): Promise<void> {
  outliveClosedOutput();
  const { jsonProgress, textProgress } = await import('./ui/progress.ts');
  const progress = flags.json === true ? jsonProgress() : textProgress();
  try {
    const summary = await withInterruptibleApex(
      flags,
      async (apex, onEvent, signal) => {
        const ended = await work(apex, onEvent, signal);
        if (ended !== null) process.exitCode = ended.exit_status;
        return ended;
      },
      progress,
    );
    if (summary === null && flags.json !== true) printNote(nothingToDo);
  } finally {
    progress.stop();
  }
}

/** As `withInterruptibleApex`, for a plan: there is nothing to be finished, so what was seen is said at once. */
export async function withPlanner<T>(
  flags: CommonFlags,
  work: (planner: Planner, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { openPlanner } = await import('../src/assemble.ts');
  const interruption = watchSignals({ stopping: () => {}, stop: () => {} }, PLAN_NOTES);
  try {
    const planner = await openPlanner(await hostOptions(flags));
    try {
      return await work(planner, interruption.signal);
    } finally {
      await planner.close();
    }
  } finally {
    interruption.end();
  }
}

/** What is noted at the first signal, and at the second. */
interface SignalNotes {
  readonly first: string;
  readonly second: string;
}

const RUN_NOTES: SignalNotes = {
  first: 'Stopping after what is being written; press Ctrl-C again to stop at once.',
  second: 'Stopped at once; the next run settles what was being written. Continue with: apex resume',
};

const STAGE_NOTES: SignalNotes = {
  first: 'Stopping; what is staged stays.',
  second: 'Stopped at once; what is staged stays.',
};

const PLAN_NOTES: SignalNotes = {
  first: 'Stopping; this is what was seen until then.',
  second: 'Stopped at once; nothing was written.',
};

/** A wrapper such as npm, and the terminal, each deliver one Ctrl-C: what comes this soon is the same one. */
const SAME_SIGNAL_MS = 250;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function watchSignals(
  watched: Pick<Progress, 'stopping' | 'stop'>,
  notes = RUN_NOTES,
): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController();
  let firstMs: number | null = null;
  const onSignal = (name: NodeJS.Signals) => {
    const nowMs = performance.now();
    if (firstMs === null) {
      firstMs = nowMs;
      // The terminal has just shown ^C.
      if (process.stdin.isTTY) printNote('');
      printNote(notes.first);
      watched.stopping();
      controller.abort(name);
    } else if (nowMs - firstMs >= SAME_SIGNAL_MS) {
      end();
      watched.stop();
      printError(notes.second);
      // An exit would wait for the threads, and one of them may be waiting for a lock.
      process.kill(process.pid, name);
    }
  };
  const end = () => {
    for (const name of SIGNALS) process.off(name, onSignal);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return { signal: controller.signal, end };
}

/** The bound on a document that is prepared alone, beyond that of parsing it. */
const ISOLATED_TIMEOUT_MS = 900_000;

/** Starts this program as `apex prepare-alone`, with the settings of this process. */
function preparationAlone(settings: Settings, addresses: CommonFlags['addresses']): Parts['prepareIsolated'] {
  const program = fileURLToPath(new URL('../bin/apex.js', import.meta.url));
  return async (request, context) => {
    const [{ environmentOf }, { isolatedPreparation }] = await Promise.all([
      import('../src/config/settings.ts'),
      import('./isolated.ts'),
    ]);
    const prepare = isolatedPreparation({
      command: [process.execPath, program, 'prepare-alone'],
      env: environmentOf(settings),
      timeoutMs: ISOLATED_TIMEOUT_MS + settings.parseTimeoutSeconds * 1_000,
    });
    const address = addresses?.get(request.item.uri);
    return prepare({ ...request, ...(address !== undefined && { address }) }, context);
  };
}
