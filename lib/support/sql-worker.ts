import { closeSync, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { SqlResult, SqlStatement, SqlThreadSettings, SqlValue } from './sql-thread.ts';

// The other half of `sql-thread.ts`: owns the connection, answers one request after the other.

/** What the thread is started with: the settings without their function. */
export type WorkerSettings = Omit<SqlThreadSettings, 'toError'>;

/** One question to the worker; `id` ties the answer to it. */
export type Request =
  | { readonly id: number; readonly kind: 'open' | 'close' | 'rewrite' }
  | { readonly id: number; readonly kind: 'all'; readonly sql: string; readonly params: readonly SqlValue[] }
  | {
      readonly id: number;
      readonly kind: 'transaction';
      readonly label: string;
      /** Null: as the connection says. */
      readonly synchronous: 'FULL' | 'NORMAL' | null;
      readonly statements: readonly SqlStatement[];
    };

/** The answer: a value, or why there is none. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly unexpected: { readonly index: number; readonly changes: number } }
  | { readonly id: number; readonly failure: { readonly sqliteCode: string; readonly message: string } };

/** Statements kept prepared. Texts are constants of the program, so the bound is met only by a mistake. */
const MAX_PREPARED = 512;

/** How long folding the log in waits for those who read an older state; they may read on for as long as they like. */
const READERS_WAIT_MS = 5_000;

/** Who has not asked for so long is taken to be busy with something else. */
const IDLE_MS = 3;

/** Thrown inside a transaction, so that it is rolled back. */
class Unexpected {
  readonly index: number;
  readonly changes: number;
  constructor(index: number, changes: number) {
    this.index = index;
    this.changes = changes;
  }
}

class Connection {
  readonly #settings: WorkerSettings;
  readonly #db: Database.Database;
  readonly #prepared = new Map<string, Database.Statement<unknown[]>>();
  #probeHits = 0;
  #idle: NodeJS.Timeout | null = null;
  #failedWhenIdle: unknown = null;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
    // SQLite would create the file readable by all; its -wal and -shm take the mode of the file.
    if (!isOnlyRead(settings)) closeSync(openSync(settings.path, 'a', 0o600));
    this.#db = new Database(settings.path, {
      readonly: settings.isReadOnly ?? false,
      fileMustExist: isOnlyRead(settings),
      timeout: settings.busyTimeoutMs ?? 5000,
    });
    for (const [name, value] of Object.entries(settings.pragmas)) this.#db.pragma(`${name} = ${value}`);
    for (const path of settings.extensions ?? []) this.#db.loadExtension(path);
  }

  get version(): string {
    return this.#db.prepare('SELECT sqlite_version()').pluck().get() as string;
  }

  all(sql: string, params: readonly SqlValue[]): unknown[] {
    return this.#prepare(sql).all(...params);
  }

  transaction(request: Extract<Request, { kind: 'transaction' }>): SqlResult[] {
    const { label, synchronous, statements } = request;
    const own = synchronous === null ? null : (this.#db.pragma('synchronous', { simple: true }) as number);
    // The mode cannot change inside a transaction, and syncing the log makes every earlier commit durable as well.
    if (synchronous !== null) this.#db.pragma(`synchronous = ${synchronous}`);
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const results = statements.map((statement, index) => this.#run(statement, index));
      this.#reach(`${label}:before-commit`);
      this.#db.exec('COMMIT');
      this.#reach(`${label}:after-commit`);
      return results;
    } catch (cause) {
      // SQLite may have rolled back by itself (full disk, I/O error).
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw cause;
    } finally {
      if (own !== null) this.#db.pragma(`synchronous = ${own}`);
    }
  }

  /** @returns false when a reader of an older state kept the log from being folded in. */
  rewrite(): boolean {
    this.#db.exec('VACUUM');
    const [result] = this.#foldIn();
    return result?.busy === 0;
  }

  close(): void {
    try {
      if (!isOnlyRead(this.#settings)) this.#foldIn();
    } catch (cause) {
      if (!isFullDisk(cause)) throw cause;
    } finally {
      this.#db.close();
    }
  }

  #foldIn(): { busy: number }[] {
    const waitMs = this.#db.pragma('busy_timeout', { simple: true }) as number;
    this.#db.pragma(`busy_timeout = ${Math.min(waitMs, READERS_WAIT_MS)}`);
    try {
      return this.#db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
    } finally {
      this.#db.pragma(`busy_timeout = ${waitMs}`);
    }
  }

  /** Folds the log in once nothing has been asked for a while. */
  rest(): void {
    const { idleFoldPages } = this.#settings;
    if (idleFoldPages !== undefined) this.#idle = setTimeout(() => this.#foldIdly(idleFoldPages), IDLE_MS).unref();
  }

  /** @throws what failed meanwhile, but to who closes: after a failed sync nothing that follows could be relied on. */
  resume(asked: Request['kind']): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    if (this.#failedWhenIdle !== null && asked !== 'close') throw this.#failedWhenIdle;
  }

  #foldIdly(pages: number): void {
    try {
      const [log] = this.#db.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
      // Readers of an older state, and other writers, are not waited for: what they keep in the log is folded in later.
      if (log!.log - log!.checkpointed >= pages) this.#db.pragma('wal_checkpoint(PASSIVE)');
    } catch (cause) {
      if (!isFullDisk(cause)) this.#failedWhenIdle = cause;
    }
  }

  #run(statement: SqlStatement, index: number): SqlResult {
    const prepared = this.#prepare(statement.sql);
    const result = { changes: 0, rows: [] as unknown[] };
    for (const params of statement.rows ?? [statement.params ?? []]) {
      if (prepared.reader) result.rows.push(...prepared.all(...params));
      else result.changes += prepared.run(...params).changes;
    }
    if (statement.expectChanges !== undefined && result.changes !== statement.expectChanges) {
      throw new Unexpected(index, result.changes);
    }
    return result;
  }

  #prepare(sql: string): Database.Statement<unknown[]> {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    if (this.#prepared.size >= MAX_PREPARED) this.#prepared.clear();
    const statement = this.#db.prepare<unknown[]>(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }

  #reach(point: string): void {
    const { probe } = this.#settings;
    if (probe?.point !== point) return;
    this.#probeHits += 1;
    if (this.#probeHits === probe.atCount) process.kill(process.pid, 'SIGKILL');
  }
}

/** Where the log cannot be folded in for that, it has cost nothing yet: the log holds every commit, and is folded in later. */
function isFullDisk(cause: unknown): boolean {
  return (cause as { code?: unknown }).code === 'SQLITE_FULL';
}

function isOnlyRead(settings: WorkerSettings): boolean {
  return settings.isReadOnly === true || settings.isOnlyRead === true;
}

let connection: Connection | null = null;

function answer(request: Request): unknown {
  if (request.kind === 'open') {
    connection = new Connection(workerData as WorkerSettings);
    return connection.version;
  }
  if (connection === null) throw new Error('the connection is closed');
  connection.resume(request.kind);
  if (request.kind === 'all') return connection.all(request.sql, request.params);
  if (request.kind === 'transaction') return connection.transaction(request);
  if (request.kind === 'rewrite') return connection.rewrite();
  connection.close();
  connection = null;
  parentPort?.unref();
  return null;
}

function failureOf(cause: unknown): Pick<Extract<Answer, { failure: unknown }>, 'failure'> {
  const { code, message } = cause as { code?: unknown; message?: unknown };
  return { failure: { sqliteCode: typeof code === 'string' ? code : 'UNKNOWN', message: String(message) } };
}

parentPort?.on('message', (request: Request) => {
  const { id } = request;
  try {
    parentPort?.postMessage({ id, value: answer(request) } satisfies Answer);
  } catch (cause) {
    if (cause instanceof Unexpected) {
      const unexpected = { index: cause.index, changes: cause.changes };
      parentPort?.postMessage({ id, unexpected } satisfies Answer);
    } else parentPort?.postMessage({ id, ...failureOf(cause) } satisfies Answer);
  }
  connection?.rest();
});
