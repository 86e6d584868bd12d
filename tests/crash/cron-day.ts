import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { apex, newFolder } from '../helpers/program.ts';
import { ChangingFolder } from './changing-folder.ts';
import { problemsAtRest } from './invariants.ts';
import { embeddedMemory } from './memories.ts';
import { randomFrom } from './random.ts';

/** What a day came to. */
export interface CronDay {
  readonly runs: number;
  readonly kills: number;
  /** How often the folder was changed in which way. */
  readonly changes: Readonly<Record<string, number>>;
  /** Documents in the end, those in quarantine too. */
  readonly documents: number;
  readonly seconds: number;
  /** Synced commits of journals, as the runs that came to their end counted them. */
  readonly journalCommits: number;
  /** What the system was asked to bring to the disk; null where it was not counted. */
  readonly syncs: { readonly fsync: number; readonly fdatasync: number } | null;
  readonly failures: readonly string[];
}

interface DayOptions {
  readonly runs: number;
  readonly kills: number;
  readonly seed: number;
  /** Count syncs, by strace; it must be there. */
  readonly isTraced?: boolean;
  readonly onRun?: (run: number) => void;
}

/** Where a run is killed by itself, half of the times; the others are killed at a random moment. */
const POINTS = [
  ...[
    'journal.append.batch_assigned:after',
    'folder.stage:after',
    'parsers.parse:before',
    'records.writeBuilding:after',
  ],
  ...['graph.write:before', 'vectors.write:after', 'journal.append.pivot_planned:after', 'records.pivot:before'],
  ...[
    'records.pivot:after',
    'graph.publish:after',
    'graph.retire:after',
    'records.retire:before',
    'records.finish:before',
  ],
  ...['source.gone:after', 'journal.append.batch_done:before', 'journal.append.run_finished:before'],
];

const SECRET = 'canary-77c0e1aa';

/**
 * Goal: a day of `apex ingest --sync` from cron over a folder that changes comes to what one fresh ingest of the final folder gives
 * (design promise 1), whatever is killed. Method: that, in fast motion.
 */
export async function cronDay(options: DayOptions): Promise<CronDay> {
  const root = newFolder('cron-day');
  try {
    return await new Day(root, options).pass();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

class Day {
  readonly #options: DayOptions;
  readonly #random: () => number;
  readonly #home: string;
  readonly #trace: string;
  readonly #folder: ChangingFolder;
  readonly #failures: string[] = [];
  #kills = 0;
  #journalCommits = 0;
  /** How long the last run took that nobody killed: kills fall within it. */
  #lastMs = 500;
  readonly #syncs = { fsync: 0, fdatasync: 0 };

  constructor(root: string, options: DayOptions) {
    this.#options = options;
    this.#random = randomFrom(options.seed);
    this.#home = join(root, 'home');
    this.#trace = join(root, 'syncs.log');
    this.#folder = new ChangingFolder(join(root, 'documents'), this.#random);
  }

  async pass(): Promise<CronDay> {
    const { runs, kills, isTraced = false, onRun = () => {} } = this.#options;
    const startedMs = performance.now();
    for (let run = 1; run <= runs; run += 1) {
      if (run > 1) this.#folder.changeSome();
      if (run === runs) this.#folder.mendAll();
      // Spread over the runs that are left; the last one is left alone.
      const isKilled = run < runs && this.#random() < (kills - this.#kills) / (runs - run);
      await this.#run(run, isKilled);
      onRun(run);
    }
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    await this.#compare();
    const end = dumpMemory(this.#home);
    return {
      runs,
      seconds,
      kills: this.#kills,
      changes: this.#folder.counts,
      documents: end['documents']!.length + end['quarantine']!.length,
      journalCommits: this.#journalCommits,
      syncs: isTraced ? this.#syncs : null,
      failures: this.#failures,
    };
  }

  async #run(run: number, isKilled: boolean): Promise<void> {
    const isAtPoint = isKilled && this.#random() < 0.5;
    const point = isAtPoint ? POINTS[Math.floor(this.#random() * POINTS.length)]! : '';
    const afterMs = isKilled && !isAtPoint ? Math.floor(this.#random() * this.#lastMs) + 50 : null;
    const startedMs = performance.now();
    const { signal, exitCode, stdout, stderr } = await this.#ingest(point, afterMs);
    // A shell tells of a signal by a status.
    if (signal === 'SIGKILL' || exitCode === 137) {
      this.#kills += 1;
      return;
    }
    if (!isKilled) this.#lastMs = performance.now() - startedMs;
    this.#journalCommits += Number(/"journal_commits":(\d+)/.exec(stdout)?.[1] ?? 0);
    if (exitCode !== EXIT.done && exitCode !== EXIT.quarantined)
      this.#failures.push(`run ${run} ended with ${exitCode}: ${stdout.split('\n').at(-1)} ${stderr}`);
  }

  async #ingest(point: string, afterMs: number | null) {
    const program = [process.execPath, resolve('bin/apex.js'), 'ingest', '--sync', this.#folder.path, '--json'];
    const killed = afterMs === null ? program : ['timeout', '-s', 'KILL', String(afterMs / 1_000), ...program];
    const tracing = ['strace', '-f', '-qq', '--seccomp-bpf', '-e', 'trace=fsync,fdatasync', '-o', this.#trace];
    const [command, ...args] = this.#options.isTraced === true ? [...tracing, ...killed] : killed;
    const env = { APEX_HOME: this.#home, NO_COLOR: '1', APEX_BATCH_SIZE: '8', OPENAI_API_KEY: SECRET };
    const ended = await execa(command!, args, {
      env: point === '' ? env : { ...env, APEX_CRASH_POINT: point },
      reject: false,
      stdin: 'ignore',
    });
    if (this.#options.isTraced === true && existsSync(this.#trace)) {
      const calls = readFileSync(this.#trace, 'utf8');
      this.#syncs.fsync += calls.match(/ fsync\(/g)?.length ?? 0;
      this.#syncs.fdatasync += calls.match(/ fdatasync\(/g)?.length ?? 0;
      rmSync(this.#trace);
    }
    return ended;
  }

  /** Holds the memory against a fresh one of the final folder. */
  async #compare(): Promise<void> {
    const isGood = () => false; // Whatever is damaged in the end is in quarantine, as it is in the fresh memory.
    this.#failures.push(...(await problemsAtRest(embeddedMemory(this.#home), { secret: SECRET, isGood })));
    const fresh = `${this.#home}-fresh`;
    const { exitCode, stderr } = await apex(['ingest', this.#folder.path, '--json'], { home: fresh });
    if (exitCode !== EXIT.done && exitCode !== EXIT.quarantined)
      this.#failures.push(`the fresh ingest ended with ${exitCode}: ${stderr}`);
    const [here, there] = [dumpMemory(this.#home), dumpMemory(fresh)];
    for (const [table, rows] of Object.entries(there))
      if (JSON.stringify(here[table]) !== JSON.stringify(rows))
        this.#failures.push(`${table} differ from those of a fresh ingest of the final folder`);
  }
}
