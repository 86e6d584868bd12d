// Does apex slow down or grow as the memory fills? One run in this process, as a program that embeds apex does it.
//
//   npm run bench -- growth [--documents 10000] [--bytes 2048]
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { writeDocuments } from './parts/documents.ts';
import { inFolder } from './parts/folders.ts';
import { openLibrary } from './parts/library.ts';
import { TreeMemory } from './parts/process-tree.ts';
import { against, megabytes, save, shown, table } from './parts/report.ts';

const { values } = parseArgs({
  options: { documents: { type: 'string', default: '10000' }, bytes: { type: 'string', default: '2048' } },
});
const count = Number(values.documents);
const bytes = Number(values.bytes);

const BATCH_DOCUMENTS = 256;
/** Documents are made visible in batches, so windows are whole batches: about a thousand documents each. */
const WINDOW_BATCHES = 4;
/** The first batch warms the program up and is left out. */
const FIRST_BATCH = 1;
const MAX_GROWTH = 1.3;
const MAX_GAP_MS = 200;
/** The timer of the delay's histogram; it counts as part of every value. */
const RESOLUTION_MS = 5;

/** When a batch was done, and the largest memory since the one before. */
interface Mark {
  readonly documents: number;
  readonly atMs: number;
  readonly peakBytes: number;
}

await inFolder('growth', async (folder) => {
  const documents = join(folder, 'documents');
  writeDocuments(documents, { count, bytes });
  const apex = await openLibrary({ APEX_HOME: join(folder, 'home'), APEX_BATCH_SIZE: String(BATCH_DOCUMENTS) });
  const marks: Mark[] = [];
  const memory = new TreeMemory(process.pid);
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const begunMs = performance.now();
  delay.enable();
  let done = 0;
  const request = {
    targets: [documents],
    source: 'local_upload',
    documentId: null,
    onError: 'continue',
  } as const;
  await apex.ingest(
    request,
    (event) => {
      if (event.kind !== 'document') return;
      done += 1;
      if (done % BATCH_DOCUMENTS === 0 || done === count)
        marks.push({ documents: done, atMs: performance.now() - begunMs, peakBytes: memory.takePeak() });
    },
    new AbortController().signal,
  );
  delay.disable();
  memory.stop();
  await apex.close();
  save({
    name: 'growth',
    input: `${count} generated Markdown files of about ${bytes} bytes into one memory, in batches of ${BATCH_DOCUMENTS}`,
    body: report(marks, delay.max / 1e6 - RESOLUTION_MS),
  });
});

function report(marks: readonly Mark[], gapMs: number): string {
  const early = windowAt(marks, FIRST_BATCH - 1);
  // The last batch may be a small one; the window ends with the last whole one.
  const whole = marks.filter(({ documents }) => documents % BATCH_DOCUMENTS === 0).length;
  const late = windowAt(marks, whole - 1 - WINDOW_BATCHES);
  const growth = late.msEach / early.msEach;
  return [
    table([
      ['documents', 'ms each', 'peak memory of the process tree'],
      ...[early, late].map(({ from, to, msEach, peakBytes }) => [
        `${from} to ${to}`,
        shown(msEach),
        megabytes(peakBytes),
      ]),
    ]),
    table([
      ['', 'figure'],
      ['time a document, last window against first', against(growth, growth <= MAX_GROWTH, `at most ${MAX_GROWTH}`)],
      ['memory, last window against first', shown(late.peakBytes / early.peakBytes)],
      ['longest gap of the event loop', against(gapMs, gapMs < MAX_GAP_MS, `less than ${MAX_GAP_MS}`, ' ms')],
    ]),
    table([
      ['documents', 'seconds', 'peak memory since the row before'],
      ...marks
        .filter((_, index) => index % WINDOW_BATCHES === WINDOW_BATCHES - 1)
        .map(({ documents, atMs, peakBytes }) => [documents, shown(atMs / 1_000), megabytes(peakBytes)]),
    ]),
  ].join('\n\n');
}

/** The batches after mark number `start`. */
function windowAt(marks: readonly Mark[], start: number) {
  const before = marks[start];
  const inside = marks.slice(start + 1, start + 1 + WINDOW_BATCHES);
  const last = inside.at(-1);
  if (before === undefined || last === undefined)
    throw new Error(`${count} documents are too few: give at least ${BATCH_DOCUMENTS * (WINDOW_BATCHES + 2)}`);
  return {
    from: before.documents,
    to: last.documents,
    msEach: (last.atMs - before.atMs) / (last.documents - before.documents),
    peakBytes: Math.max(...inside.map(({ peakBytes }) => peakBytes)),
  };
}
