import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { SharedAnswer, SharedWorkerData } from './shared-worker.ts';

/** How many portions lie before a thread: the next one is there when it is done with one, and few are left to wait for at the end. */
const PORTIONS_AHEAD = 2;

/** How much work is shared, and with whom. */
export interface SharingOptions {
  /** `import.meta.url` of the module that exports the work under its own name, without doing anything when it is loaded. */
  readonly module: string;
  /** How many threads help this one; 0: none. */
  readonly helpers: number;
  readonly signal: AbortSignal;
}

/**
 * Does portion after portion of work that waits for the kernel, in this thread and in others. What a thread could not do is done here,
 * so that an error is what it would have been without threads. Other work gets its turn after each portion.
 *
 * @param work gets and gives what can be sent to a thread. @returns the results in the order of the portions. @throws the signal's reason.
 */
export async function shareWork<Portion, Result>(
  portions: readonly Portion[],
  work: (portion: Portion) => Result,
  { module, helpers, signal }: SharingOptions,
): Promise<Result[]> {
  const results = new Map<number, Result>();
  let next = 0;
  const take = () => (next < portions.length && !signal.aborted ? next++ : null);
  const data: SharedWorkerData = { module, name: work.name };
  const threads = Array.from({ length: helpers }, () => {
    // The build does not rewrite the ending inside `new URL`, and both the sources and the build are run.
    const file = import.meta.url.endsWith('.ts') ? './shared-worker.ts' : './shared-worker.js';
    return new Worker(new URL(file, import.meta.url), { workerData: data });
  });
  try {
    const helped = threads.map((thread) =>
      feed(thread, { take, portions, done: (index, result) => results.set(index, result as Result) }),
    );
    for (let index = take(); index !== null; index = take()) {
      results.set(index, work(portions[index]!));
      await setImmediate();
    }
    await Promise.all(helped);
    signal.throwIfAborted();
    return portions.map((portion, index) => (results.has(index) ? results.get(index)! : work(portion)));
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

interface Feeding {
  readonly portions: readonly unknown[];
  /** The next portion that nobody has, or null. */
  readonly take: () => number | null;
  readonly done: (index: number, result: unknown) => void;
}

/** Gives a thread portions, until none is left or it fails. */
function feed(thread: Worker, { portions, take, done }: Feeding): Promise<void> {
  return new Promise((resolve) => {
    let pending = 0;
    const give = () => {
      while (pending < PORTIONS_AHEAD) {
        const index = take();
        if (index === null) break;
        pending += 1;
        thread.postMessage({ index, portion: portions[index] });
      }
      if (pending === 0) resolve();
    };
    thread.on('message', (answer: SharedAnswer) => {
      pending -= 1;
      if ('result' in answer) done(answer.index, answer.result);
      give();
    });
    thread.on('error', () => resolve());
    thread.on('exit', () => resolve());
    give();
  });
}
