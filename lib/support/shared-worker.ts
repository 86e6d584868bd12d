import { parentPort, workerData } from 'node:worker_threads';

// The other half of `shared-work.ts`: does one portion after the other.

/** What the thread is started with. */
export interface SharedWorkerData {
  readonly module: string;
  /** Of the function that does a portion. */
  readonly name: string;
}

/** A portion's result, or that it has none. */
export type SharedAnswer = { readonly index: number; readonly result: unknown } | { readonly index: number };

const { module, name } = workerData as SharedWorkerData;
const { [name]: work } = (await import(module)) as { readonly [name: string]: (portion: unknown) => unknown };

parentPort!.on('message', ({ index, portion }: { readonly index: number; readonly portion: unknown }) => {
  parentPort!.postMessage(answerTo(index, portion));
});

function answerTo(index: number, portion: unknown): SharedAnswer {
  try {
    return { index, result: work!(portion) };
  } catch {
    // It is done again where the error is told whole.
    return { index };
  }
}
