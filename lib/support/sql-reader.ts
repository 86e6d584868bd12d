import { type BigIntStats, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Sql, SqlFailure, SqlResult, SqlThreadSettings, SqlValue } from './sql-thread.ts';

interface SqlReaderSettings extends Pick<SqlThreadSettings, 'path' | 'toError'> {}

/** How often a query is begun anew because a writer came or went in the middle of it. */
const MAX_TRIES = 40;
const TRY_AGAIN_MS = 25;

/**
 * Reads a database in WAL mode and changes nothing on the disk: no file is made beside it, none is written, none is touched.
 *
 * SQLite does so only when it is asked by parameters of a URI, which better-sqlite3 does not take, so this is Node's own SQLite. With
 * a log beside the file, the log is read with its index, under locks that writers respect (`readonly_shm`). Without one nobody writes
 * to the file but while folding a log in; it is read as it lies (`immutable`), and believed when it has not changed meanwhile. Each
 * query has a connection of its own, so that no writer that closes finds this reader in its way. This process must not have the
 * database open otherwise: locks are a process's, and the two SQLites would take them from each other.
 * Source: https://sqlite.org/c3ref/open.html and https://sqlite.org/wal.html#read_only_databases.
 */
export class SqlReader implements Sql {
  readonly #settings: SqlReaderSettings;

  constructor(settings: SqlReaderSettings) {
    this.#settings = settings;
  }

  async all<Row>(sql: string, params: readonly SqlValue[] = []): Promise<Row[]> {
    for (let left = MAX_TRIES; ; left -= 1) {
      try {
        const rows = await this.#read(sql, params);
        if (rows !== null) return rows as Row[];
      } catch (error) {
        if (!isPassing(error) || left === 0) throw this.#error(error as NodeSqliteError);
      }
      if (left === 0)
        throw this.#error(Object.assign(new Error('it changed each time it was read'), { errcode: BUSY }));
      await delay(TRY_AGAIN_MS);
    }
  }

  /** Never: a reader writes nothing. */
  transaction(): Promise<SqlResult[]> {
    return Promise.reject(new Error('a reader of a database was asked to write'));
  }

  /** Never, for the same reason. */
  rewrite(): Promise<boolean> {
    return Promise.reject(new Error('a reader of a database was asked to write it anew'));
  }

  async close(): Promise<void> {}

  /** The rows; null when the file was changed while it was read. */
  async #read(sql: string, params: readonly SqlValue[]): Promise<unknown[] | null> {
    const { DatabaseSync } = await import('node:sqlite');
    const before = this.#state();
    if (before.hasLog && !statOf(`${this.#settings.path}-shm`))
      throw Object.assign(new Error('no index of the log'), { code: NO_INDEX });
    const url = pathToFileURL(this.#settings.path);
    url.search = before.hasLog ? '?mode=ro&readonly_shm=1' : '?mode=ro&immutable=1';
    const db = new DatabaseSync(url, { readOnly: true });
    let rows: unknown[];
    try {
      rows = db.prepare(sql).all(...params.map(bound));
    } finally {
      db.close();
    }
    return before.hasLog || this.#state().mark === before.mark ? rows : null;
  }

  /** Whether a log lies beside the file, and what is another when the file has been written meanwhile. */
  #state(): { readonly hasLog: boolean; readonly mark: string } {
    const { path } = this.#settings;
    const log = statOf(`${path}-wal`);
    return { hasLog: log !== undefined && log.size > 0n, mark: `${markOf(statOf(path))} ${markOf(log)}` };
  }

  #error(error: NodeSqliteError): Error {
    const primary = (error.errcode ?? 0) & 0xff;
    const sqliteCode = CODES[primary] ?? error.code ?? 'UNKNOWN';
    const code: SqlFailure['code'] = primary === BUSY || primary === LOCKED ? 'LOCKED' : null;
    return this.#settings.toError({ code, sqliteCode, operation: 'read', cause: error });
  }
}

/** A log without its index, as a copy of both files leaves it: to read it takes making the index, which is writing. */
export const NO_INDEX = 'LOG_WITHOUT_INDEX';

interface NodeSqliteError extends Error {
  readonly code?: string;
  /** SQLite's extended result code. */
  readonly errcode?: number;
}

const BUSY = 5;
const LOCKED = 6;
const CANTOPEN = 14;
/** Names of SQLite's primary result codes that reading may meet. Source: https://sqlite.org/rescode.html. */
const CODES: { readonly [primary: number]: string } = {
  1: 'SQLITE_ERROR',
  [BUSY]: 'SQLITE_BUSY',
  [LOCKED]: 'SQLITE_LOCKED',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  [CANTOPEN]: 'SQLITE_CANTOPEN',
  26: 'SQLITE_NOTADB',
};

/** A writer that closes takes its log away, and one that comes makes a new one: for a moment neither way of reading is right. */
function isPassing(error: unknown): boolean {
  if ((error as NodeSqliteError).code === NO_INDEX) return true;
  const primary = ((error as NodeSqliteError).errcode ?? 0) & 0xff;
  return primary === BUSY || primary === LOCKED || primary === CANTOPEN || primary === 8 || primary === 11;
}

function statOf(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}

function markOf(stats: BigIntStats | undefined): string {
  return stats === undefined ? 'none' : `${stats.ino} ${stats.size} ${stats.mtimeNs}`;
}

function bound(value: SqlValue): null | number | bigint | string | Uint8Array {
  return value instanceof Float32Array ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : value;
}
