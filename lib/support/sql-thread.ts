import { Worker } from 'node:worker_threads';
import { type ApexError, ConfigError } from '../contracts/errors.ts';
import type { Answer, Request, WorkerSettings } from './sql-worker.ts';

/** What SQLite takes. Numbers are bound as doubles: pass a `bigint` where the type itself counts (keys of vec0). */
export type SqlValue = null | number | bigint | string | Uint8Array | Float32Array;

/** A statement of a transaction. Its text is a constant; everything that varies is a parameter (`?`). */
export interface SqlStatement {
  readonly sql: string;
  readonly params?: readonly SqlValue[];
  /** Instead of `params`: executed once for each, in order. */
  readonly rows?: readonly (readonly SqlValue[])[];
  /** Rows it must change in all; otherwise the transaction is rolled back with `UnexpectedChangesError`. */
  readonly expectChanges?: number;
}

/** What a statement did. One that returns rows (SELECT, RETURNING) gives `rows` and leaves `changes` at 0. */
export interface SqlResult {
  readonly changes: number;
  readonly rows: unknown[];
}

/** Why SQLite did not do it, for the owner of the connection to turn into an error of its room. */
export interface SqlFailure {
  /** The retryable cases that every owner reports alike, or null for any other. */
  readonly code: 'LOCKED' | 'DISK_FULL' | null;
  /** SQLite's extended result code, as `SQLITE_CONSTRAINT_UNIQUE`; `ERR_…` or `UNKNOWN` when it was not SQLite. */
  readonly sqliteCode: string;
  /** The label of the transaction, or `open`, `read`, `close`. */
  readonly operation: string;
  readonly cause: Error;
}

/** For tests: where a process kills itself around a commit. */
export interface CommitProbe {
  /** `<label>:before-commit` or `<label>:after-commit`, with the label of a transaction. */
  readonly point: string;
  /** How often it is reached until then, this time included. */
  readonly atCount: number;
}

export interface SqlThreadSettings {
  /** A file; created with mode 0600 unless read-only. */
  readonly path: string;
  /** Applied in this order. `synchronous` is what every commit gets that is not asked to be durable. */
  readonly pragmas: Readonly<Record<string, string | number>>;
  /** Paths of loadable extensions. */
  readonly extensions?: readonly string[];
  readonly isReadOnly?: boolean;
  /** Only read, by a connection that could write: it takes the log away again that SQLite needs to read. The file must be there. */
  readonly isOnlyRead?: boolean;
  /**
   * The log is folded into the file while nobody asks anything, once it holds so many pages that are not in it yet: a commit then
   * rarely has to. Absent: never by itself.
   */
  readonly idleFoldPages?: number;
  /** How long a lock of another connection is waited for; default 5,000. */
  readonly busyTimeoutMs?: number;
  /** Null, as when left out: nothing is killed. */
  readonly probe?: CommitProbe | null;
  readonly toError: (failure: SqlFailure) => ApexError;
}

/** A statement changed another number of rows than it had to; nothing of its transaction was kept. */
export class UnexpectedChangesError extends Error {
  /** Of the statement in its transaction, from 0. */
  readonly index: number;
  readonly changes: number;
  constructor(index: number, changes: number) {
    super(`statement ${index} changed ${changes} rows`);
    this.name = 'UnexpectedChangesError';
    this.index = index;
    this.changes = changes;
  }
}

/** A connection: what those that use one see of it. */
export type Sql = Pick<SqlThread, 'all' | 'transaction' | 'rewrite' | 'close'>;

/** First releases without the WAL-reset bug: the main line and the two older lines that got the correction. */
const SAFE_VERSIONS = [
  [3, 51, 3],
  [3, 50, 7],
  [3, 44, 6],
] as const;

/**
 * Is this SQLite free of the bug that can lose a commit when a WAL is reset while another connection writes?
 *
 * Source: https://sqlite.org/wal.html, "The WAL-Reset Bug" (3.7.0 to 3.51.2; corrected in 3.51.3, and in 3.50.7 and 3.44.6 of older lines).
 */
export function isSafeSqlite(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const [[, newestMinor]] = SAFE_VERSIONS;
  if (major !== 3 || minor > newestMinor) return major >= 3;
  return SAFE_VERSIONS.some(([, line, first]) => minor === line && patch >= first);
}

/** How a full disk shows; the last is the WAL's shared memory that cannot grow. */
const FULL_DISK = new Set(['SQLITE_FULL', 'ENOSPC', 'EDQUOT', 'SQLITE_IOERR_SHMSIZE']);

interface Waiting {
  readonly operation: string;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One SQLite connection in a thread of its own: requests are answered in order and never block the caller's event loop.
 *
 * An idle thread does not keep the process alive; a pending request does. Errors: what `toError` makes of the failure.
 */
export class SqlThread {
  readonly #settings: SqlThreadSettings;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #ended: { readonly sqliteCode: string; readonly cause: Error } | null = null;
  #closing: Promise<void> | null = null;

  private constructor(settings: SqlThreadSettings) {
    this.#settings = settings;
    const { toError: _, ...workerData } = settings;
    // The build does not rewrite the ending inside `new URL`, and both the sources and the build are run.
    const file = import.meta.url.endsWith('.ts') ? './sql-worker.ts' : './sql-worker.js';
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData: workerData satisfies WorkerSettings });
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => this.#settle(answer));
    this.#worker.on('error', (cause) => this.#fail('ERR_WORKER', cause));
    this.#worker.on('exit', () => this.#fail('ERR_WORKER_EXIT', new Error('the database thread has ended')));
  }

  /** Opens the connection. @throws ConfigError when SQLite is one that can lose commits. */
  static async open(settings: SqlThreadSettings): Promise<SqlThread> {
    const thread = new SqlThread(settings);
    const version = await thread.#ask<string>('open', { kind: 'open' }).catch(async (error: unknown) => {
      await thread.#worker.terminate();
      throw error;
    });
    if (isSafeSqlite(version)) return thread;
    await thread.close();
    throw new ConfigError(`SQLite ${version} can lose commits; install better-sqlite3 with SQLite 3.51.3 or newer`, {
      code: 'APEX_CONFIG',
      details: { version },
    });
  }

  /** The rows of one query. */
  all<Row>(sql: string, params: readonly SqlValue[] = []): Promise<Row[]> {
    return this.#ask('read', { kind: 'all', sql, params });
  }

  /**
   * Runs the statements in one `BEGIN IMMEDIATE` transaction: all of them or none.
   *
   * @param options.label names it in errors and crash points.
   * @param options.isDurable the commit, and every one before it, survives a power cut when this resolves.
   * @param options.isUnsynced it is there for other connections, and a power cut may take it.
   * @returns one result per statement. @throws UnexpectedChangesError when `expectChanges` is not met.
   */
  transaction(
    statements: readonly SqlStatement[],
    options: { readonly label: string; readonly isDurable?: boolean; readonly isUnsynced?: boolean },
  ): Promise<SqlResult[]> {
    const { label, isDurable = false, isUnsynced = false } = options;
    const synchronous = isDurable ? 'FULL' : isUnsynced ? 'NORMAL' : null;
    return this.#ask(label, { kind: 'transaction', label, synchronous, statements });
  }

  /**
   * Writes the whole file anew and folds the log into it. Deleting overwrites rows, but where rows were moved within the file before,
   * copies of them stay in unused bytes of its pages. Takes as much room again for a while, and no other connection can write.
   *
   * @returns false when a reader of an older state keeps that state in the file or the log.
   */
  rewrite(operation: string): Promise<boolean> {
    return this.#ask(operation, { kind: 'rewrite' });
  }

  /** Answers what is pending, folds the log into the file and ends the thread. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#ask('close', { kind: 'close' });
    return this.#closing;
  }

  #ask<Value>(operation: string, request: DistributiveOmit<Request, 'id'>): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      if (this.#ended !== null) {
        reject(this.#error(operation, this.#ended.sqliteCode, this.#ended.cause));
        return;
      }
      this.#lastId += 1;
      this.#waiting.set(this.#lastId, { operation, resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ ...request, id: this.#lastId } satisfies Request);
    });
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (waiting === undefined) return;
    if ('value' in answer) waiting.resolve(answer.value as never);
    else if ('unexpected' in answer) {
      waiting.reject(new UnexpectedChangesError(answer.unexpected.index, answer.unexpected.changes));
    } else waiting.reject(this.#error(waiting.operation, answer.failure.sqliteCode, new Error(answer.failure.message)));
  }

  /** The thread is gone: nothing that waits, or comes later, will be answered. */
  #fail(sqliteCode: string, cause: Error): void {
    this.#ended ??= { sqliteCode, cause };
    for (const { operation, reject } of this.#waiting.values()) reject(this.#error(operation, sqliteCode, cause));
    this.#waiting.clear();
  }

  #error(operation: string, sqliteCode: string, cause: Error): ApexError {
    const isLocked = sqliteCode.startsWith('SQLITE_BUSY') || sqliteCode.startsWith('SQLITE_LOCKED');
    const isFull = FULL_DISK.has(sqliteCode);
    const code = isLocked ? 'LOCKED' : isFull ? 'DISK_FULL' : null;
    return this.#settings.toError({ code, sqliteCode, operation, cause });
  }
}

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;
