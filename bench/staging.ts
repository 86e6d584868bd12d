// The staging area when very much lies in it: how long it takes to count, and to clean, in how much memory, and that a cleanup that is
// stopped is gone on with.
//
//   npm run bench -- staging [--items 100000]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, globSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { inFolder } from './parts/folders.ts';
import { measured } from './parts/program.ts';
import { against, median, megabytes, save, shown, table } from './parts/report.ts';
import { writeStaged } from './parts/staged.ts';

const { values } = parseArgs({ options: { items: { type: 'string', default: '100000' } } });
const items = Number(values.items);

const STATS_RUNS = 5;
const MAX_STATS_SECONDS = 2;
/** What a cleanup of all may take more than one of a tenth: it holds no list of what it looks at. */
const MAX_GROWTH_BYTES = 30e6;

const PROGRAM = fileURLToPath(new URL('../bin/apex.js', import.meta.url));

await inFolder('staging', async (folder) => {
  const home = join(folder, 'home');
  const base = join(home, 'staging');
  const pattern = await onePattern(folder, home);
  writeStaged(base, items, pattern, false);
  // The first reads from the disk what the others find in memory.
  const first = await stats(home);
  const seconds = median(await inTurns(STATS_RUNS, async () => (await stats(home)).seconds));
  rmSync(base, { recursive: true });

  const tenth = await cleaned(Math.ceil(items / 10));
  const all = await cleaned(items);
  const growth = all.peakBytes - tenth.peakBytes;
  writeStaged(base, items, pattern, true);
  const left = await stopped(home, all.seconds / 3);
  const rest = await measured(['cleanup'], { home });
  const after = (await stats(home)).documents;
  save({
    name: 'staging',
    input: `${items} staged documents of up to 2 kB from three sources, in as many folders`,
    body: table([
      ['what', 'documents', 'seconds', 'peak memory'],
      ['apex staging stats, the first time', first.documents, shown(first.seconds), ''],
      [
        `apex staging stats, median of ${STATS_RUNS}`,
        first.documents,
        against(seconds, seconds < MAX_STATS_SECONDS, `under ${MAX_STATS_SECONDS}`),
        '',
      ],
      ['apex cleanup of expired failures, a tenth', tenth.documents, shown(tenth.seconds), megabytes(tenth.peakBytes)],
      [
        'apex cleanup of expired failures',
        all.documents,
        shown(all.seconds),
        `${megabytes(all.peakBytes)}, more than of a tenth: ${against(growth / 1e6, growth < MAX_GROWTH_BYTES, 'under 30', ' MB')}`,
      ],
      ['apex cleanup, stopped by SIGINT: left', left, '', ''],
      ['apex cleanup, the same again: left', against(after, after === 0, '0'), shown(rest.seconds), ''],
    ]),
  });

  /** An area of so many expired failures, cleaned. */
  async function cleaned(count: number) {
    writeStaged(base, count, pattern, true);
    const { seconds: took, peakBytes } = await measured(['cleanup'], { home });
    return { documents: count - (await stats(home)).documents, seconds: took, peakBytes };
  }
});

/** An item as the program stages it. @returns the path of a copy of its metadata. */
async function onePattern(folder: string, home: string): Promise<string> {
  const base = join(home, 'staging');
  const file = join(folder, 'pattern.txt');
  writeFileSync(file, 'A pattern.');
  await measured(['stage', file], { home, isWatched: false });
  const [metadata] = globSync('local_upload/*/waiting/.metadata.json', { cwd: base });
  const pattern = join(folder, 'pattern.json');
  copyFileSync(join(base, metadata!), pattern);
  rmSync(base, { recursive: true });
  return pattern;
}

async function stats(home: string): Promise<{ readonly documents: number; readonly seconds: number }> {
  const { summary, seconds } = await measured(['staging', 'stats'], { home, isWatched: false });
  return { documents: (summary as unknown as { readonly documents: number }).documents, seconds };
}

async function inTurns<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  const found: T[] = [];
  for (let run = 0; run < count; run += 1) found.push(await work());
  return found;
}

/** Stops a cleanup by a signal after that time. @returns how many documents it has left. @throws when it had come to its end. */
async function stopped(home: string, seconds: number): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, 'cleanup'], {
    env: { PATH: process.env['PATH'], APEX_HOME: home },
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  await delay(seconds * 1_000);
  child.kill('SIGINT');
  await ended;
  const { documents } = await stats(home);
  if (documents === 0) throw new Error('the cleanup had come to its end before it was stopped');
  return documents;
}
