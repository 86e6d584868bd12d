import { existsSync, renameSync, rmSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { type ApexError, isApexError, JournalError } from '../contracts/errors.ts';
import type { Journal, JournalEntry, NumberedEntry } from '../contracts/journal.ts';
import { type CommitProbe, type SqlFailure, SqlThread } from '../support/sql-thread.ts';
import { formatOf, JOURNAL_FORMAT, stampFormat } from './format.ts';
import { isIntent, isNews } from './intents.ts';

/** How many entries a reader holds at once. */
const PAGE_ENTRIES = 1_000;

const INSERT = 'INSERT INTO entry (lsn, kind, body, body_check) VALUES (?, ?, ?, ?)';

/** What an entry says of itself, so that one that was changed is never acted on. Absent in what the first format wrote. */
function checkOf(lsn: number, body: string): number {
  return crc32(`${lsn}\n${body}`);
}

interface JournalSettings {
  readonly path: string;
  readonly runId: string;
  /** Gives the UUID of a journal that is made now. */
  readonly createJournalId: () => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A crash point inside a commit, for tests. */
  readonly probe: CommitProbe | null;
}

/**
 * One run's log: an append-only table in a file of its own, so that parallel runs never wait for each other.
 *
 * Written by its one owner. An intent is on disk before `append` resolves, and the outcomes before it ride in the same commit.
 */
export class RunJournal implements Journal {
  readonly runId: string;
  readonly journalId: string;
  readonly #sql: SqlThread;
  readonly #now: () => number;
  #lsn: number;
  #waiting: NumberedEntry[] = [];
  /** The commit under way: one at a time, so that after a failed one nothing later can land. */
  #commits: Promise<void> = Promise.resolve();
  #syncedCommits = 0;
  /** Whether the last commit was synced, and all before it with it. */
  #isSynced = true;
  #failure: unknown = null;

  private constructor(sql: SqlThread, known: { runId: string; journalId: string; lsn: number }, now: () => number) {
    this.#sql = sql;
    this.#now = now;
    this.runId = known.runId;
    this.journalId = known.journalId;
    this.#lsn = known.lsn;
  }

  /** Opens a run's log for its owner, making it when it is not there. @throws ConfigError NEWER_FORMAT; JournalError. */
  static async open({ path, runId, createJournalId, now, probe }: JournalSettings): Promise<RunJournal> {
    const pragmas = { journal_mode: 'WAL', synchronous: 'FULL', trusted_schema: 'OFF', cell_size_check: 'ON' };
    const sql = await SqlThread.open({ path, pragmas, busyTimeoutMs: 250, probe, toError: journalError });
    try {
      const format = await formatOf(sql, path, JOURNAL_FORMAT);
      if (format === 0) await create(sql, createJournalId(), runId);
      else if (format < JOURNAL_FORMAT) await migrate(sql);
      const [row] = await sql.all<{ journalId: string; lsn: number }>(
        'SELECT journal_id AS journalId, (SELECT coalesce(max(lsn), 0) FROM entry) AS lsn FROM journal',
      );
      return new RunJournal(sql, { runId, ...row! }, now);
    } catch (error) {
      await sql.close();
      throw error;
    }
  }

  get lsn(): number {
    return this.#lsn;
  }

  get syncedCommits(): number {
    return this.#syncedCommits;
  }

  async append(entry: JournalEntry): Promise<number> {
    if (this.#failure !== null) throw this.#failure;
    this.#lsn += 1;
    const lsn = this.#lsn;
    this.#waiting.push({ lsn, atMs: this.#now(), entry });
    if (isIntent(entry) || isNews(entry)) await this.#commit(entry.kind);
    return lsn;
  }

  async flush(): Promise<void> {
    await this.#commit('flush');
    // Folding the log into the file syncs it first.
    if (!this.#isSynced) await this.#sql.all('PRAGMA wal_checkpoint(PASSIVE)');
    this.#isSynced = true;
  }

  read(kinds: Kinds = null): AsyncIterable<NumberedEntry> {
    return readPages(this.#sql, JOURNAL_FORMAT, kinds);
  }

  async close(): Promise<void> {
    try {
      if (this.#failure === null) await this.flush();
    } finally {
      await this.#sql.close();
    }
  }

  /** Resolves when all that was appended so far is written. What came while a commit was under way rides in the next one together. */
  #commit(label: string): Promise<void> {
    this.#commits = this.#commits.then(() => this.#commitWaiting(label));
    return this.#commits;
  }

  /** After a failed sync the system may have dropped what it could not write, so nothing is tried again on this connection. */
  async #commitWaiting(label: string): Promise<void> {
    if (this.#waiting.length === 0) return;
    // News alone is worth no sync; with an intent it is synced, whichever of the two asked for the commit.
    const isUnsynced = label !== 'flush' && !this.#waiting.some(({ entry }) => isIntent(entry));
    const rows = this.#waiting.map(({ lsn, atMs, entry }) => {
      const body = JSON.stringify({ ...entry, atMs });
      return [lsn, entry.kind, body, checkOf(lsn, body)];
    });
    this.#waiting = [];
    try {
      await this.#sql.transaction([{ sql: INSERT, rows }], { label: `journal.${label}`, isUnsynced });
      this.#isSynced = !isUnsynced;
      if (!isUnsynced) this.#syncedCommits += 1;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }
}

async function create(sql: SqlThread, journalId: string, runId: string): Promise<void> {
  await sql.transaction(
    [
      ...stampFormat(JOURNAL_FORMAT),
      { sql: 'CREATE TABLE IF NOT EXISTS journal (journal_id TEXT NOT NULL, run_id TEXT NOT NULL)' },
      {
        sql: `CREATE TABLE IF NOT EXISTS entry (
                lsn INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, body_check INTEGER)`,
      },
      {
        sql: 'INSERT INTO journal SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM journal)',
        params: [journalId, runId],
      },
    ],
    { label: 'journal.create' },
  );
}

/** From the first format, whose entries have no check. */
async function migrate(sql: SqlThread): Promise<void> {
  await sql.transaction([{ sql: 'ALTER TABLE entry ADD COLUMN body_check INTEGER' }, ...stampFormat(JOURNAL_FORMAT)], {
    label: 'journal.migrate',
  });
}

/** Reads a run's log beside its owner, who may be writing it. One whose process died while it was made holds nothing. */
export async function* readJournal(path: string, kinds: Kinds = null): AsyncGenerator<NumberedEntry> {
  try {
    yield* readLog(path, kinds);
  } catch (error) {
    if (!isUnmade(error)) throw error;
  }
}

/** Only entries of these; null: of all. */
type Kinds = readonly JournalEntry['kind'][] | null;

async function* readLog(path: string, kinds: Kinds): AsyncGenerator<NumberedEntry> {
  const sql = await SqlThread.open({
    path,
    pragmas: {},
    isReadOnly: true,
    busyTimeoutMs: 2_000,
    toError: journalError,
  });
  try {
    const format = await formatOf(sql, path, JOURNAL_FORMAT);
    const [table] = await sql.all("SELECT 1 FROM sqlite_schema WHERE name = 'entry'");
    if (table === undefined) return;
    if ((await sql.all('SELECT journal_id FROM journal')).length !== 1) throw damageOf('journal.read');
    yield* readPages(sql, format, kinds);
  } finally {
    await sql.close();
  }
}

/** SQLite was making the file: a reader may not take that back, and no entry was ever in it. */
function isUnmade(error: unknown): boolean {
  return isApexError(error) && error.details['sqliteCode'] === 'SQLITE_READONLY_ROLLBACK';
}

/** Can the whole log be read, without a gap? True for one that is not there. */
export async function isWholeJournal(path: string): Promise<boolean> {
  if (!existsSync(path)) return true;
  let lastLsn = 0;
  try {
    for await (const { lsn } of readJournal(path)) {
      if (lsn !== lastLsn + 1) return false;
      lastLsn = lsn;
    }
    return true;
  } catch (error) {
    if (isDamage(error)) return false;
    throw error;
  }
}

/** Does the failure mean that the file, or an entry in it, is not what was written? */
export function isDamage(error: unknown): boolean {
  if (error instanceof SyntaxError) return true;
  if (!isApexError(error)) return false;
  const { sqliteCode } = error.details;
  // Every statement is a constant of the program, so one that is wrong means a table that is not what it was.
  return /^SQLITE_(?:NOTADB|ERROR$|CORRUPT)/.test(String(sqliteCode));
}

/** What was read is not what was written, though SQLite could read it. */
export function damageOf(operation: string): ApexError {
  return journalError({ code: null, sqliteCode: 'SQLITE_CORRUPT', operation, cause: new Error('it was changed') });
}

/** A damaged file is kept for people to look at: what a registry said is in the runs' files, what a log said in the records. */
export function setAside(path: string): void {
  renameSync(path, `${path}.damaged`);
  for (const ending of ['-wal', '-shm']) rmSync(`${path}${ending}`, { force: true });
}

async function* readPages(sql: SqlThread, format: number, kinds: Kinds): AsyncGenerator<NumberedEntry> {
  const check = format === 1 ? 'NULL AS body_check' : 'body_check';
  const isWanted = kinds === null ? '' : `AND kind IN (${kinds.map(() => '?').join(', ')})`;
  for (let after = 0; ; ) {
    const page = await sql.all<{ lsn: number; body: string; body_check: number | null }>(
      `SELECT lsn, body, ${check} FROM entry WHERE lsn > ? ${isWanted} ORDER BY lsn LIMIT ?`,
      [after, ...(kinds ?? []), PAGE_ENTRIES],
    );
    for (const { lsn, body, body_check } of page) {
      if (body_check !== null && body_check !== checkOf(lsn, body)) throw damageOf('journal.read');
      const { atMs = null, ...entry } = JSON.parse(body) as JournalEntry & { readonly atMs?: number };
      yield { lsn, atMs, entry: entry as JournalEntry };
    }
    if (page.length < PAGE_ENTRIES) return;
    after = page[page.length - 1]!.lsn;
  }
}

/** What SQLite's failures mean for the log. */
export function journalError({ code, sqliteCode, operation, cause }: SqlFailure): ApexError {
  const details = { operation, sqliteCode };
  if (code === 'DISK_FULL')
    return new JournalError('the disk is full: the journal cannot grow', { code, retryable: true, details, cause });
  if (code === 'LOCKED')
    return new JournalError('the journal is in use by another process', { code, retryable: true, details, cause });
  if (
    sqliteCode === 'EACCES' ||
    sqliteCode === 'EROFS' ||
    sqliteCode.startsWith('SQLITE_READONLY') ||
    sqliteCode === 'SQLITE_CANTOPEN'
  ) {
    return new JournalError('the journal cannot be written: check the owner and mode of the data directory', {
      code: 'APEX_PERMISSION',
      details,
      cause,
    });
  }
  return new JournalError(`the journal failed (${sqliteCode})`, { code: 'APEX_JOURNAL', details, cause });
}
