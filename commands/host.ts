import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Apex, RunSummary } from '../lib/contracts/apex.ts';
import { ParseError } from '../lib/contracts/errors.ts';
import type { HostOptions } from '../src/assemble.ts';
import type { IsolatedRequest } from '../src/pipeline/parts.ts';
import { printNote } from './ui/output.ts';
import type { Progress } from './ui/progress.ts';

/** What every command may be asked for. */
export interface CommonFlags {
  readonly json?: boolean;
  /** Name of standard input as a document. */
  readonly stdinName?: string;
}

/** The process's side of apex: settings, standard input, and how to start a process of one's own. */
export async function hostOptions(flags: CommonFlags): Promise<HostOptions> {
  const { readSettings } = await import('./settings.ts');
  const { settings, defaultHome } = await readSettings();
  return {
    settings,
    defaultHome,
    stdin: process.stdin,
    stdinName: flags.stdinName ?? null,
    prepareIsolated: prepareInProcess,
    onWarning: ({ message }) => printNote(`warning: ${message}`),
  };
}

/** Opens apex for one command and closes it afterwards. The machine pulls in the stores, so it is loaded only here. */
export async function withApex<T>(
  flags: CommonFlags,
  work: (apex: Apex, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { openApex } = await import('../src/assemble.ts');
  const apex = await openApex(await hostOptions(flags));
  const interruption = watchSignals();
  try {
    return await work(apex, interruption.signal);
  } finally {
    interruption.stop();
    await apex.close();
  }
}

/** A command that does a run: shows it and ends with its exit status. */
export async function runCommand(
  flags: CommonFlags,
  work: (apex: Apex, progress: Progress, signal: AbortSignal) => Promise<RunSummary | null>,
): Promise<void> {
  await withApex(flags, async (apex, signal) => {
    const { jsonProgress, textProgress } = await import('./ui/progress.ts');
    const progress = flags.json === true ? jsonProgress() : textProgress();
    try {
      const summary = await work(apex, progress, signal);
      if (summary === null) {
        if (flags.json !== true) printNote('There is nothing to resume.');
        return;
      }
      progress.end(summary);
      process.exitCode = summary.exit_status;
    } finally {
      progress.stop();
    }
  });
}

/** A wrapper such as npm, and the terminal, each deliver one Ctrl-C: what comes this soon is the same one. */
const SAME_SIGNAL_MS = 250;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The first signal asks to stop after what is being written; the second ends the process at once. */
function watchSignals(): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  let firstMs: number | null = null;
  const onSignal = (name: NodeJS.Signals) => {
    const nowMs = performance.now();
    if (firstMs === null) {
      firstMs = nowMs;
      printNote('\nStopping after what is being written; press Ctrl-C again to stop at once.');
      controller.abort(name);
    } else if (nowMs - firstMs >= SAME_SIGNAL_MS) {
      process.exit(name === 'SIGTERM' ? 143 : 130);
    }
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  const stop = () => {
    for (const name of SIGNALS) process.off(name, onSignal);
  };
  return { signal: controller.signal, stop };
}

/** The bound on a document that is prepared alone, beyond the parser's own. */
const ISOLATED_TIMEOUT_MS = 900_000;

/** Starts `apex prepare-alone` with the request on its standard input. */
function prepareInProcess(request: IsolatedRequest, signal: AbortSignal): Promise<void> {
  const program = fileURLToPath(new URL('../../bin/apex.js', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, 'prepare-alone'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      signal,
      timeout: ISOLATED_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    child.stdin.on('error', () => {});
    child.stdin.end(JSON.stringify(request));
    child.on('error', reject);
    child.on('exit', (code) => {
      // A failure that is no death is met again, and handled, when this process does the same steps from the artifacts left.
      if (code !== null) resolve();
      else
        reject(
          new ParseError(`${request.item.name}: the process that prepared it died`, {
            code: 'CRASHED',
            retryable: true,
          }),
        );
    });
  });
}
