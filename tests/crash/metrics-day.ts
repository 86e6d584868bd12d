import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import type { JournalEntry } from '../../lib/contracts/journal.ts';
import type { DocumentOutcome } from '../../lib/contracts/pipeline.ts';
import { seriesIn } from '../helpers/exposition.ts';
import { apex, type Finished, newFolder } from '../helpers/program.ts';
import { ChangingFolder } from './changing-folder.ts';
import { endOfCleanup } from './invariants.ts';
import { randomFrom } from './random.ts';

/** What a day came to. */
export interface MetricsDay {
  readonly ingests: number;
  readonly cleanups: number;
  readonly kills: number;
  readonly failures: readonly string[];
}

interface DayOptions {
  /** Simulated: each has a cleanup, every other one an ingest beside it. */
  readonly minutes: number;
  readonly seed: number;
  /** How many of a hundred ingests are killed. */
  readonly killPercent: number;
}

/** Where ingests are killed. */
const POINTS = [
  ...(['journal.append.batch_assigned:after', 'folder.stage:after', 'journal.append.measured:after'] as const),
  ...(['records.pivot:after', 'graph.retire:before', 'journal.append.batch_done:after'] as const),
  ...(['registry.setState:before', 'journal.append.run_finished:after'] as const),
];

const OUTCOMES: readonly DocumentOutcome[] = ['added', 'updated', 'unchanged', 'deleted', 'quarantined', 'failed'];

/**
 * Goal: what the metrics have counted at the end of a day of cron is what the journals tell, whatever ran beside and was killed; and no
 * number has gone back on the way. Method: that, in fast motion; the journals are read here by SQL, and nothing of apex's own reading
 * of them is used.
 */
export async function metricsDay({ minutes, seed, killPercent }: DayOptions): Promise<MetricsDay> {
  const root = newFolder('metrics-day');
  try {
    const day = new Day(root, randomFrom(seed));
    for (let minute = 0; minute < minutes; minute += 1) await day.pass(minute, killPercent);
    await day.compare();
    return { ingests: day.ingests, cleanups: day.cleanups, kills: day.kills, failures: day.failures };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

class Day {
  ingests = 0;
  cleanups = 0;
  kills = 0;
  readonly failures: string[] = [];
  readonly #home: string;
  readonly #metrics: string;
  readonly #folder: ChangingFolder;
  readonly #random: () => number;
  #before = new Map<string, number>();
  /** Cleanups that said that they did their work. */
  #cleaned = 0;
  #freedBytes = 0;
  readonly #ends = { [EXIT.done]: 0, [EXIT.temporary]: 0 };

  constructor(root: string, random: () => number) {
    this.#home = join(root, 'home');
    this.#metrics = join(root, 'metrics');
    this.#random = random;
    this.#folder = new ChangingFolder(join(root, 'documents'), random);
    mkdirSync(this.#metrics);
  }

  async pass(minute: number, killPercent: number): Promise<void> {
    this.#folder.changeSome();
    const isKilled = this.#random() * 100 < killPercent;
    const point = isKilled ? POINTS[Math.floor(this.#random() * POINTS.length)]! : '';
    await Promise.all([this.#clean(), ...(minute % 2 === 0 ? [this.#ingest(minute, point)] : [])]);
    this.#look(minute);
  }

  async #ingest(minute: number, point: string): Promise<void> {
    const { exitCode, signal, stderr } = await this.#apex(point, 'ingest', '--sync', this.#folder.path);
    this.ingests += 1;
    const isDead = signal === 'SIGKILL' || exitCode === 137;
    if (isDead) this.kills += 1;
    else if (exitCode !== 0 && exitCode !== 3)
      this.failures.push(`minute ${minute}: ingest ended with ${exitCode}: ${stderr}`);
  }

  async #clean(): Promise<void> {
    const ended = await this.#apex('', 'cleanup');
    this.cleanups += 1;
    const {
      exitCode,
      lines: [report],
      stderr,
    } = ended;
    const expected = endOfCleanup(ended);
    if (report === undefined || exitCode !== expected)
      this.failures.push(`a cleanup ended with ${exitCode}: ${stderr}`);
    else this.#ends[expected] += 1;
    if (report?.['is_done'] === true) this.#cleaned += 1;
    this.#freedBytes += Number(report?.['removed_bytes'] ?? 0);
  }

  #apex(point: string, ...args: string[]): Promise<Finished> {
    const env = { APEX_METRICS_DIR: this.#metrics, APEX_BATCH_SIZE: '4', STAGING_FAILED_RETENTION_HOURS: '0' };
    return apex([...args, '--json'], {
      home: this.#home,
      env: point === '' ? env : { ...env, APEX_CRASH_POINT: point },
    });
  }

  /** The file is whole, and no counter in it is lower than it was. */
  #look(minute: number): void {
    const now = seriesIn(readFileSync(join(this.#metrics, 'apex.prom'), 'utf8'));
    for (const [series, value] of this.#before)
      if (/_total|_count|_bucket|_sum|bytes_written/.test(series) && !(now.get(series)! >= value))
        this.failures.push(`minute ${minute}: ${series} went back from ${value} to ${now.get(series)}`);
    this.#before = now;
  }

  async compare(): Promise<void> {
    // Whatever was killed last has been counted by nobody yet.
    await this.#apex('', 'metrics', '--textfile', join(this.#metrics, 'apex.prom'));
    this.#look(-1);
    const told = toldByJournals(join(this.#home, 'runs'));
    const expected: Record<string, number> = {
      ...Object.fromEntries(
        OUTCOMES.map((outcome) => [`apex_documents_total{outcome="${outcome}"}`, told.outcomes[outcome] ?? 0]),
      ),
      'apex_batches_total{end="done"}': told.batchesDone,
      'apex_batches_total{end="discarded"}': told.batchesDiscarded,
      'apex_runs_started_total{kind="ingest"}': told.started,
      'apex_runs_ended_total{kind="ingest",state="completed"}': told.completed,
      ...Object.fromEntries(
        Object.entries(this.#ends).flatMap(([exit, count]) =>
          count === 0 ? [] : [[`apex_commands_total{command="cleanup",exit="${exit}"}`, count]],
        ),
      ),
      staging_cleanup_runs_total: this.#cleaned,
      staging_cleanup_success_total: this.#cleaned,
      staging_cleanup_failed_total: 0,
      apex_cleanup_freed_bytes_total: this.#freedBytes,
    };
    for (const [series, value] of Object.entries(expected))
      if (this.#before.get(series) !== value)
        this.failures.push(`${series} is ${this.#before.get(series)}, and ${value} by the journals`);
  }
}

interface Told {
  readonly outcomes: Partial<Record<DocumentOutcome, number>>;
  batchesDone: number;
  batchesDiscarded: number;
  started: number;
  completed: number;
}

/** What all journals say. A run that one process brought to its end says it in its last entry; of the others each batch does. */
function toldByJournals(folder: string): Told {
  const told: Told = { outcomes: {}, batchesDone: 0, batchesDiscarded: 0, started: 0, completed: 0 };
  const add = (outcome: DocumentOutcome, count: number) => {
    told.outcomes[outcome] = (told.outcomes[outcome] ?? 0) + count;
  };
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.db'))) {
    const entries = entriesOf(join(folder, name));
    const ofKind = <Kind extends JournalEntry['kind']>(kind: Kind) =>
      entries.filter((entry): entry is Extract<JournalEntry, { kind: Kind }> => entry.kind === kind);
    const end = ofKind('run_finished').at(-1);
    told.batchesDone += ofKind('batch_done').length;
    told.batchesDiscarded += ofKind('discard_done').length;
    told.started += ofKind('run_started').length;
    told.completed += ofKind('run_finished').filter(({ state }) => state === 'completed').length;
    if (end !== undefined && ofKind('run_claimed').length === 0) {
      for (const outcome of OUTCOMES) add(outcome, end.counts[outcome]);
      continue;
    }
    for (const { results } of ofKind('batch_done')) for (const { outcome } of results) add(outcome, 1);
    for (const { amounts } of ofKind('measured'))
      for (const outcome of OUTCOMES) add(outcome, amounts[`apex_documents_total{outcome="${outcome}"}`] ?? 0);
  }
  return told;
}

function entriesOf(path: string): JournalEntry[] {
  const db = new Database(path, { readonly: true });
  try {
    const rows = db.prepare('SELECT body FROM entry ORDER BY lsn').all() as { body: string }[];
    return rows.map(({ body }) => JSON.parse(body) as JournalEntry);
  } finally {
    db.close();
  }
}
