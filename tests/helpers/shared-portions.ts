import { isMainThread, threadId } from 'node:worker_threads';

// Work for `shareWork`, which loads it in its threads, too.

/** So long that threads have time to start before all is done. */
const WORK_MS = 20;

/** Twice the portion, and the thread that did it. */
export function double(portion: number): { value: number; thread: number } {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WORK_MS);
  return { value: portion * 2, thread: threadId };
}

/** The thread that did it, which is that of the tests. */
export function failElsewhere(_portion: number): number {
  if (!isMainThread) throw new Error('not here');
  return threadId;
}

/** Fails with a code of its own. */
export function failOnOdd(portion: number): number {
  if (portion % 2 === 1) throw Object.assign(new Error(`${portion} is odd`), { code: 'ODD' });
  return portion;
}
