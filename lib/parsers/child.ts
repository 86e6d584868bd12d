import { readFile } from 'node:fs/promises';
import { isApexError } from '../contracts/errors.ts';
import { parseDocument } from './document.ts';
import type { Answer, Job } from './pool.ts';

// The process that `pool.ts` starts: parses one document after the other, in the order of its messages.

/** Called before each document when the process was started with the path of such a module. */
type Probe = (job: Job) => void | Promise<void>;

const probePath = process.argv[2];
const probe: Probe | null = probePath === undefined ? null : (await import(probePath)).default;
let queue = Promise.resolve();

process.on('disconnect', () => process.exit());
process.on('message', (job: Job) => {
  queue = queue.then(() => answer(job));
});

async function answer(job: Job): Promise<void> {
  const message = await parse(job);
  process.send?.(message);
}

async function parse(job: Job): Promise<Answer> {
  try {
    await probe?.(job);
    const bytes = await readFile(job.path);
    return { id: job.id, document: await parseDocument(bytes, job.name, job.limits, job.attachmentsFolder) };
  } catch (error) {
    if (isApexError(error)) return { id: job.id, failure: { code: error.code, message: error.message } };
    throw error;
  }
}
