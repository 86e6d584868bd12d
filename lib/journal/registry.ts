import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { JournalError } from '../contracts/errors.ts';
import type { Journal, NumberedEntry, RunListing, RunPlan, RunRegistry, RunState } from '../contracts/journal.ts';
import { SqlThread } from '../support/sql-thread.ts';
import { formatOf, REGISTRY_FORMAT, stampFormat } from './format.ts';
import { isLockHeld, type OwnerLock, takeOwnerLock } from './owner-lock.ts';
import { isDamage, isWholeJournal, journalError, RunJournal, readJournal } from './run-journal.ts';
import { mayHold } from './search.ts';

export interface RegistrySettings {
  /** The data directory; its folders `runs`, `owners` and `locks` are there. */
  readonly folder: string;
  readonly createJournalId: () => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly probe: { readonly point: string; readonly atCount: number } | null;
}

interface RunRow {
  readonly runId: string;
  readonly kind: RunPlan['kind'];
  readonly state: RunState;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly exitStatus: number | null;
  readonly targets: string;
}

const SELECT =
  'SELECT run_id AS runId, kind, state, started_at AS startedAt, finished_at AS finishedAt, exit_status AS exitStatus, targets FROM run';

/** How many runs a reader holds at once. */
const PAGE_RUNS = 500;

/** All runs of one data directory: `registry.db`, a journal file and an owner lock for each. */
export class FileRunRegistry implements RunRegistry {
  readonly #settings: RegistrySettings;
  readonly #sql: SqlThread;
  readonly #owned = new Map<string, { readonly lock: OwnerLock; readonly journal: RunJournal }>();

  private constructor(settings: RegistrySettings, sql: SqlThread) {
    this.#settings = settings;
    this.#sql = sql;
  }

  /** Opens the registry, making it when it is not there; runs whose rows were lost are listed again from their files. */
  static async open(settings: RegistrySettings): Promise<FileRunRegistry> {
    const path = join(settings.folder, 'registry.db');
    const sql = await openTable(path).catch((error: unknown) => {
      if (!isDamage(error)) throw error;
      setAside(path);
      return openTable(path);
    });
    const registry = new FileRunRegistry(settings, sql);
    await registry.#listLostRuns();
    return registry;
  }

  async create({ runId, plan, startedAt }: { runId: string; plan: RunPlan; startedAt: string }): Promise<Journal> {
    // The lock comes before the row: a listed run without a held lock is always a dead one.
    const lock = takeOwnerLock(this.#ownerPath(runId));
    if (lock === null) throw locked(runId);
    const journal = await this.#openJournal(runId, lock);
    const sql = 'INSERT INTO run (run_id, kind, state, started_at, targets) VALUES (?, ?, ?, ?, ?)';
    await this.#sql.transaction(
      [{ sql, params: [runId, plan.kind, 'running', startedAt, JSON.stringify(plan.targets)] }],
      { label: 'registry.create' },
    );
    return journal;
  }

  async claim(runId: string): Promise<Journal | null> {
    if (this.#owned.has(runId)) return null;
    const lock = takeOwnerLock(this.#ownerPath(runId));
    if (lock === null) return null;
    const [row] = await this.#sql.all<RunRow>(`${SELECT} WHERE run_id = ?`, [runId]);
    // Between the listing and the lock another process may have brought the run to its end.
    if (row === undefined || row.state === 'completed' || row.state === 'rolled_back' || row.state === 'failed') {
      lock.release();
      return null;
    }
    // A log that cannot be read would keep every later command from its work; a new one is noticed by its identity.
    if (!(await isWholeJournal(this.#journalPath(runId)))) setAside(this.#journalPath(runId));
    const journal = await this.#openJournal(runId, lock);
    await this.setState(runId, 'running', null);
    return journal;
  }

  async *readEntries(runId: string): AsyncGenerator<NumberedEntry> {
    const own = this.#owned.get(runId);
    if (own !== undefined) yield* own.journal.read();
    else if (existsSync(this.#journalPath(runId))) yield* readToDamage(this.#journalPath(runId));
  }

  async list(): Promise<readonly RunListing[]> {
    const rows = await this.#sql.all<RunRow>(`${SELECT} ORDER BY started_at DESC, run_id DESC`);
    return rows.map((row) => this.#listing(row));
  }

  async page({ afterRunId, limit }: { afterRunId: string | null; limit: number }): Promise<readonly RunListing[]> {
    const after = '(started_at, run_id) < (SELECT started_at, run_id FROM run WHERE run_id = ?)';
    const rows = await this.#sql.all<RunRow>(
      `${SELECT} ${afterRunId === null ? '' : `WHERE ${after}`} ORDER BY started_at DESC, run_id DESC LIMIT ?`,
      afterRunId === null ? [limit] : [afterRunId, limit],
    );
    return rows.map((row) => this.#listing(row));
  }

  async *naming(documentId: string): AsyncGenerator<RunListing> {
    const text = `"documentId":${JSON.stringify(documentId)}`;
    for (let afterRunId: string | null = null; ; ) {
      const page: readonly RunListing[] = await this.page({ afterRunId, limit: PAGE_RUNS });
      for (const run of page) if (mayHold(this.#journalPath(run.runId), text)) yield run;
      if (page.length < PAGE_RUNS) return;
      afterRunId = page[page.length - 1]!.runId;
    }
  }

  async get(runId: string): Promise<RunListing | null> {
    const [row] = await this.#sql.all<RunRow>(`${SELECT} WHERE run_id = ?`, [runId]);
    return row === undefined ? null : this.#listing(row);
  }

  async setState(
    runId: string,
    state: RunState,
    end: { finishedAt: string; exitStatus: number } | null,
  ): Promise<void> {
    const sql = 'UPDATE run SET state = ?, finished_at = ?, exit_status = ? WHERE run_id = ?';
    await this.#sql.transaction([{ sql, params: [state, end?.finishedAt ?? null, end?.exitStatus ?? null, runId] }], {
      label: 'registry.set-state',
    });
  }

  async release(runId: string): Promise<void> {
    const own = this.#owned.get(runId);
    if (own === undefined) return;
    this.#owned.delete(runId);
    try {
      await own.journal.close();
    } finally {
      own.lock.release();
    }
  }

  async exclusively<T>(name: string, work: () => Promise<T>): Promise<T | null> {
    const lock = takeOwnerLock(join(this.#settings.folder, 'locks', `${name}.db`));
    if (lock === null) return null;
    try {
      return await work();
    } finally {
      lock.release();
    }
  }

  async close(): Promise<void> {
    for (const runId of [...this.#owned.keys()]) await this.release(runId);
    await this.#sql.close();
  }

  async #openJournal(runId: string, lock: OwnerLock): Promise<RunJournal> {
    const { createJournalId, now, probe } = this.#settings;
    try {
      const journal = await RunJournal.open({ path: this.#journalPath(runId), runId, createJournalId, now, probe });
      this.#owned.set(runId, { lock, journal });
      return journal;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  #listing(row: RunRow): RunListing {
    const isOpen = row.state === 'running' || row.state === 'interrupted' || row.state === 'needs_attention';
    return { ...row, targets: JSON.parse(row.targets) as string[], isOwned: isOpen && this.#isOwned(row.runId) };
  }

  #isOwned(runId: string): boolean {
    if (this.#owned.has(runId)) return true;
    return isLockHeld(this.#ownerPath(runId));
  }

  /** A run that has a journal and no row (a registry that was lost, or a death between the two) is listed from its journal. */
  async #listLostRuns(): Promise<void> {
    const known = new Set(
      (await this.#sql.all<{ runId: string }>('SELECT run_id AS runId FROM run')).map(({ runId }) => runId),
    );
    const files = readdirSync(join(this.#settings.folder, 'runs')).filter((name) => name.endsWith('.db'));
    for (const runId of files.map((name) => name.slice(0, -'.db'.length))) {
      if (known.has(runId)) continue;
      const row = await lostRow(this.#journalPath(runId));
      if (row === null) continue;
      const sql = `INSERT OR IGNORE INTO run (run_id, kind, state, started_at, finished_at, exit_status, targets)
                   VALUES (?, ?, ?, ?, ?, ?, ?)`;
      const { kind, state, startedAt, finishedAt, exitStatus, targets } = row;
      await this.#sql.transaction([{ sql, params: [runId, kind, state, startedAt, finishedAt, exitStatus, targets] }], {
        label: 'registry.relist',
      });
    }
  }

  #journalPath(runId: string): string {
    return join(this.#settings.folder, 'runs', `${runId}.db`);
  }

  #ownerPath(runId: string): string {
    return join(this.#settings.folder, 'owners', `${runId}.db`);
  }
}

/** Opens the table of runs, making it when it is not there. @throws ConfigError NEWER_FORMAT; JournalError. */
async function openTable(path: string): Promise<SqlThread> {
  const pragmas = { journal_mode: 'WAL', synchronous: 'FULL', trusted_schema: 'OFF' };
  const sql = await SqlThread.open({ path, pragmas, toError: journalError });
  try {
    // Every command comes here: one that only reads shall need no sync, and no room on a disk that is full.
    if ((await formatOf(sql, path, REGISTRY_FORMAT)) === REGISTRY_FORMAT) return sql;
    await sql.transaction(
      [
        ...stampFormat(REGISTRY_FORMAT),
        {
          sql: `CREATE TABLE IF NOT EXISTS run (
                  run_id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT,
                  exit_status INTEGER, targets TEXT NOT NULL)`,
        },
      ],
      { label: 'registry.open' },
    );
    return sql;
  } catch (error) {
    await sql.close();
    throw error;
  }
}

/** What a run's own file says about it; null when it ended before its first entry, or is damaged itself. */
async function lostRow(path: string): Promise<Omit<RunRow, 'runId'> | null> {
  let row = null as Omit<RunRow, 'runId'> | null;
  for await (const { entry } of readToDamage(path)) {
    if (entry.kind === 'run_started') {
      const { kind, targets } = entry.plan;
      const started = { kind, startedAt: entry.at, targets: JSON.stringify(targets) };
      row = { ...started, state: 'interrupted', finishedAt: null, exitStatus: null };
    } else if (entry.kind === 'run_finished' && row !== null) {
      row = { ...row, state: entry.state, finishedAt: entry.at, exitStatus: entry.exitStatus };
    }
  }
  return row;
}

/** What can be read of a log; one damaged file must not keep the other runs from being listed and settled. */
async function* readToDamage(path: string): AsyncGenerator<NumberedEntry> {
  try {
    yield* readJournal(path);
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
}

/** A damaged file is kept for people to look at: what a registry said is in the runs' files, what a log said in the records. */
function setAside(path: string): void {
  renameSync(path, `${path}.damaged`);
  for (const ending of ['-wal', '-shm']) rmSync(`${path}${ending}`, { force: true });
}

function locked(runId: string): JournalError {
  return new JournalError(`run ${runId} is owned by another process`, {
    code: 'LOCKED',
    retryable: true,
    details: { runId },
  });
}
