import type { Job } from '../../../lib/parsers/pool.ts';

/** Does to the parser's process what a document's name says. */
export default function act(job: Job): void {
  if (job.name.startsWith('hang')) for (;;);
  if (job.name.startsWith('crash')) process.kill(process.pid, 'SIGSEGV');
  if (job.name.startsWith('heap')) for (const kept: unknown[] = []; ; ) kept.push(new Array(1000).fill(kept.length));
  if (job.name.startsWith('buffers')) for (const kept: Buffer[] = []; ; ) kept.push(Buffer.alloc(1024 ** 2, 1));
}
