// How long apex takes to start: `--version` and `--help` against an empty Node, in turns, with a warm compile cache.
//
//   npm run bench -- startup [--runs 21]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { against, median, save, shown, table } from './parts/report.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '21' } } });
const runs = Number(values.runs);
const program = fileURLToPath(new URL('../bin/apex.js', import.meta.url));

/** What is started, and how many times as long as an empty Node it may take. */
const STARTS = [
  { name: 'node -e 0', args: ['-e', '0'], bound: null },
  { name: 'apex --version', args: [program, '--version'], bound: 1.5 },
  { name: 'apex --help', args: [program, '--help'], bound: 2 },
] as const;

/** Starts that fill caches and are not counted. */
const WARM_UP_RUNS = 3;

const times = new Map<string, number[]>(STARTS.map(({ name }) => [name, []]));
for (let run = -WARM_UP_RUNS; run < runs; run += 1) {
  for (const { name, args } of STARTS) {
    const ms = startedIn(args);
    if (run >= 0) times.get(name)!.push(ms);
  }
}

const empty = median(times.get('node -e 0')!);
const rows = STARTS.map(({ name, bound }) => {
  const all = times.get(name)!;
  const ratio = median(all) / empty;
  const judged = bound === null ? '1' : against(ratio, ratio <= bound, `at most ${bound}`);
  return [name, shown(median(all)), shown(Math.min(...all)), shown(Math.max(...all)), judged];
});
save({
  name: 'startup',
  input: `${runs} starts of each, in turns, after ${WARM_UP_RUNS} that are not counted`,
  body: table([['start', 'median ms', 'fastest ms', 'slowest ms', 'median against an empty Node'], ...rows]),
});

function startedIn(args: readonly string[]): number {
  const begunMs = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`);
  return performance.now() - begunMs;
}
