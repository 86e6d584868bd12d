// Many small documents through the built program: how fast, in how much memory, with how many syncs, and what doing it again costs.
//
//   npm run bench -- ingest [--documents 5000] [--bytes 2048]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeDocuments } from './parts/documents.ts';
import { inFolder } from './parts/folders.ts';
import { countedSyncs, ingest, type MeasuredRun } from './parts/program.ts';
import { against, megabytes, save, shown, table } from './parts/report.ts';

const { values } = parseArgs({
  options: { documents: { type: 'string', default: '5000' }, bytes: { type: 'string', default: '2048' } },
});
const count = Number(values.documents);
const bytes = Number(values.bytes);

/** A run that finds all unchanged is at least so many times as fast as the first. */
const MIN_SPEED_UP = 50;
/** Unchanged runs; the median counts. */
const AGAIN_RUNS = 5;
/** Synced commits of the journal: so many a batch, and so many a run besides. */
const COMMITS_A_BATCH = 4;
const COMMITS_A_RUN = 2;

await inFolder('ingest', async (folder) => {
  const documents = join(folder, 'documents');
  writeDocuments(documents, { count, bytes });
  const home = join(folder, 'home');
  // Watching the memory of a process slows it down, so what is timed is not watched, and the other way round.
  const first = await ingest(documents, { home, isWatched: false });
  const memory = join(home, 'memory.db');
  const before = digestOf(memory);
  const again: MeasuredRun[] = [];
  for (let run = 0; run < AGAIN_RUNS; run += 1) again.push(await ingest(documents, { home, isWatched: false }));
  const second = again.toSorted((a, b) => a.seconds - b.seconds)[Math.floor(AGAIN_RUNS / 2)]!;
  const isUntouched = digestOf(memory) === before;
  const { peakBytes } = await ingest(documents, { home: join(folder, 'watched') });
  const syncs = await syncsOf(folder, documents);
  save({
    name: 'ingest',
    input: `${count} generated Markdown files of about ${bytes} bytes (seeds 1 to ${count})`,
    body: [firstTable({ ...first, peakBytes }, memory, syncs), againTable(first, second, isUntouched)].join('\n\n'),
  });
});

function firstTable({ summary, seconds, peakBytes }: MeasuredRun, memory: string, syncs: string): string {
  const { added, chunks, entities, relations, batches, journal_commits: commits } = summary;
  const allowed = batches * COMMITS_A_BATCH + COMMITS_A_RUN;
  return table([
    ['first run', 'figure'],
    ['documents added', added],
    ['chunks, entities, relations', `${chunks}, ${entities}, ${relations}`],
    ['seconds, start and end of the process included', shown(seconds)],
    ['documents a second', shown(added / seconds)],
    ['peak memory of the process tree', megabytes(peakBytes)],
    ['memory.db', megabytes(statSync(memory).size)],
    ['batches', batches],
    [
      'synced commits of the journal',
      against(commits, commits <= allowed, `at most ${COMMITS_A_BATCH} a batch and ${COMMITS_A_RUN} a run, ${allowed}`),
    ],
    ['fsync and fdatasync in all', syncs],
  ]);
}

function againTable(first: MeasuredRun, { summary, seconds }: MeasuredRun, isUntouched: boolean): string {
  const speedUp = first.seconds / seconds;
  const inRun = first.summary.duration_ms / summary.duration_ms;
  return table([
    [`later runs, median of ${AGAIN_RUNS}`, 'figure'],
    ['documents unchanged', summary.unchanged],
    ['seconds', shown(seconds)],
    ['times as fast as the first', against(speedUp, speedUp >= MIN_SPEED_UP, `at least ${MIN_SPEED_UP}`)],
    ['the same without starting and ending the process', shown(inRun)],
    ['memory.db', isUntouched ? 'the same bytes' : 'CHANGED'],
    ['embedding calls', against(summary.embedding_calls, summary.embedding_calls === 0, '0')],
  ]);
}

/** Counts syncs in a third run into another data directory: watching slows a process down, so its time is not taken. */
async function syncsOf(folder: string, documents: string): Promise<string> {
  if (!hasStrace()) return 'not counted: strace is not installed';
  const log = join(folder, 'strace.log');
  const wrapper = ['strace', '-f', '-c', '-e', 'trace=fsync,fdatasync', '-o', log];
  const { summary } = await ingest(documents, { home: join(folder, 'traced'), wrapper, isWatched: false });
  const calls = countedSyncs(log);
  return `${calls}, of which ${summary.journal_commits} of the journal; ${shown(calls / summary.batches)} a batch`;
}

function hasStrace(): boolean {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
