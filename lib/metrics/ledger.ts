import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, isApexError, JournalError } from '../contracts/errors.ts';
import type { Amounts, Counted, MetricsLedger, RunMark } from '../contracts/metrics.ts';
import { takeLock, underLock } from '../support/kernel-lock.ts';
import { type SqlFailure, type SqlStatement, SqlThread } from '../support/sql-thread.ts';

/** The format of `metrics.db`, stored as its `user_version`. */
const FORMAT = 1;

/** How long others that count are waited for: the first count of many thousand journals takes that long. */
const LOCK_WAIT_MS = 10_000;

const ADD = `INSERT INTO amount (series, value) VALUES (?, ?)
             ON CONFLICT (series) DO UPDATE SET value = value + excluded.value`;
const SET = `INSERT INTO amount (series, value) VALUES (?, ?)
             ON CONFLICT (series) DO UPDATE SET value = max(value, excluded.value)`;
const MARK = `INSERT INTO mark (run_id, lsn, state, finished_at) VALUES (?, ?, ?, ?)
              ON CONFLICT (run_id) DO UPDATE SET lsn = excluded.lsn, state = excluded.state, finished_at = excluded.finished_at`;

/** What is counted in a data directory: `metrics.db`, opened when it is first needed. */
export class FileLedger implements MetricsLedger {
  readonly #folder: string;
  #sql: Promise<SqlThread> | null = null;

  /** @param folder the data directory; its folder `locks` is there. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async add(amounts: Amounts): Promise<void> {
    await this.#write([{ sql: ADD, rows: Object.entries(amounts) }]);
  }

  async set(latest: Amounts): Promise<void> {
    await this.#write([{ sql: SET, rows: Object.entries(latest) }]);
  }

  async marks(): Promise<ReadonlyMap<string, RunMark>> {
    const rows = await (await this.#open()).all<RunMark>(
      'SELECT run_id AS runId, lsn, state, finished_at AS finishedAt FROM mark',
    );
    return new Map(rows.map((mark) => [mark.runId, mark]));
  }

  /** The marks are there with the amounts or not at all: no death makes an entry count twice, or never. */
  async count({ marks, amounts, latest }: Counted): Promise<void> {
    await this.#write([
      { sql: MARK, rows: marks.map(({ runId, lsn, state, finishedAt }) => [runId, lsn, state, finishedAt]) },
      { sql: ADD, rows: Object.entries(amounts) },
      { sql: SET, rows: Object.entries(latest) },
    ]);
  }

  async totals(): Promise<Amounts> {
    const rows = await (await this.#open()).all<{ series: string; value: number }>('SELECT series, value FROM amount');
    return Object.fromEntries(rows.map(({ series, value }) => [series, value]));
  }

  async exclusively<T>(work: () => Promise<T>): Promise<T | null> {
    return underLock(takeLock(join(this.#folder, 'locks', 'metrics.db'), ledgerError, LOCK_WAIT_MS), work);
  }

  async close(): Promise<void> {
    const opened = await this.#sql?.catch(() => null);
    await opened?.close();
  }

  async #write(statements: readonly SqlStatement[]): Promise<void> {
    const filled = statements.filter(({ rows = [] }) => rows.length > 0);
    if (filled.length > 0) await (await this.#open()).transaction(filled, { label: 'metrics.write' });
  }

  #open(): Promise<SqlThread> {
    this.#sql ??= openOrReplace(join(this.#folder, 'metrics.db'));
    return this.#sql;
  }
}

/** A damaged file is kept for people to look at; what the journals still tell is counted anew. */
async function openOrReplace(path: string): Promise<SqlThread> {
  try {
    return await openFile(path);
  } catch (error) {
    if (!isDamage(error)) throw error;
    renameSync(path, `${path}.damaged`);
    for (const ending of ['-wal', '-shm']) rmSync(`${path}${ending}`, { force: true });
    return openFile(path);
  }
}

async function openFile(path: string): Promise<SqlThread> {
  // What was told to others must be there after a power cut, or it would go back.
  const pragmas = { journal_mode: 'WAL', synchronous: 'FULL', trusted_schema: 'OFF' };
  const sql = await SqlThread.open({ path, pragmas, toError: ledgerError });
  try {
    const [row] = await sql.all<{ format: number }>('SELECT user_version AS format FROM pragma_user_version');
    if (row!.format > FORMAT) throw newerFormat(path, row!.format);
    if (row!.format < FORMAT) await sql.transaction(SCHEMA, { label: 'metrics.open' });
    return sql;
  } catch (error) {
    await sql.close();
    throw error;
  }
}

const SCHEMA: readonly SqlStatement[] = [
  { sql: `PRAGMA user_version = ${FORMAT}` },
  { sql: 'CREATE TABLE IF NOT EXISTS amount (series TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID' },
  {
    sql: `CREATE TABLE IF NOT EXISTS mark (
            run_id TEXT PRIMARY KEY, lsn INTEGER NOT NULL, state TEXT NOT NULL, finished_at TEXT) WITHOUT ROWID`,
  },
];

function newerFormat(path: string, format: number): ConfigError {
  return new ConfigError(`${path} has format ${format}, this apex reads up to ${FORMAT}: use the newer apex`, {
    code: 'NEWER_FORMAT',
    details: { format },
  });
}

function isDamage(error: unknown): boolean {
  return isApexError(error) && /^SQLITE_(?:NOTADB|ERROR$|CORRUPT)/.test(String(error.details['sqliteCode']));
}

function ledgerError({ code, sqliteCode, operation, cause }: SqlFailure): JournalError {
  const details = { sqliteCode, operation };
  if (code === 'DISK_FULL')
    return new JournalError('the disk is full: metrics.db cannot grow', { code, retryable: true, details, cause });
  if (code === 'LOCKED')
    return new JournalError('metrics.db is in use by another process', { code, retryable: true, details, cause });
  return new JournalError(`metrics.db failed (${sqliteCode})`, { code: 'APEX_JOURNAL', details, cause });
}
