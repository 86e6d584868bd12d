import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ConfigError, StoreError } from '../../contracts/errors.ts';
import { isRefusal, postgresError } from './postgres-errors.ts';
import { fromHeld, fromHeldJson, toHeld } from './postgres-text.ts';

const MAX_CONNECTIONS = 4;
const CLOSE_TIMEOUT_MS = 2_000;
/** How much longer than the server's own limit an answer is waited for. */
const GRACE_MS = 5_000;

/** How long things may take. */
export interface PostgresLimits {
  readonly connectMs: number;
  /** One statement, and waiting for one lock in it. */
  readonly statementMs: number;
  readonly lockMs: number;
  /** After this the server gives up a transaction whose owner has fallen silent, with the locks it holds. */
  readonly idleMs: number;
  /** A statement that reads, or makes anew, all that a table holds. */
  readonly scanMs: number;
  /** Any answer: without it a connection that has gone silent is waited for without end. */
  readonly answerMs: number;
}

const LIMITS: PostgresLimits = {
  connectMs: 5_000,
  statementMs: 15_000,
  lockMs: 5_000,
  idleMs: 30_000,
  scanMs: 300_000,
  answerMs: 20_000,
};

/** The limits for those who wait so long for an answer; without it, as they are for everybody. */
export function limitsFor(answerMs: number | undefined): Partial<PostgresLimits> {
  if (answerMs === undefined) return {};
  return { connectMs: answerMs, statementMs: answerMs, lockMs: answerMs, idleMs: 2 * answerMs, answerMs };
}

/** What a statement can be given. Texts are held as `toHeld` says, also those in lists. */
export type PgValue = string | number | boolean | null | readonly PgValue[];

/** One transaction. */
export interface PgTransaction {
  all<Row>(sql: string, params?: readonly PgValue[]): Promise<Row[]>;
  /** @returns how many rows it changed. */
  run(sql: string, params?: readonly PgValue[]): Promise<number>;
}

interface TransactionOptions<Result> {
  /** For messages. */
  readonly operation: string;
  readonly signal: AbortSignal;
  /** Whether its commit survives a power cut, even where the server is set not to wait for that. */
  readonly isDurable?: boolean;
  /** Whether it waits for transactions that may have lost their owners. */
  readonly isPatient?: boolean;
  /** Whether a statement of it may take as long as `scanMs`. */
  readonly isScan?: boolean;
  /** Finds out what came of a commit whose answer was lost. Absent: that is a failure, after which all is done again. */
  readonly onDoubt?: () => Promise<Result>;
}

/**
 * Connections to one PostgreSQL, straight or through a pooler that gives them out by transactions: nothing outlives a transaction,
 * no statement has a name. Errors: StoreError and ConfigError as `postgresError`.
 */
export class Postgres {
  /** Host, port and database, for messages. */
  readonly place: string;
  readonly #pool: pg.Pool;
  readonly #limits: PostgresLimits;
  readonly #sockets = new Set<Socket>();
  #closing: Promise<void> | null = null;

  /** @throws ConfigError when the URL is none. */
  constructor(url: string, limits: Partial<PostgresLimits> = {}) {
    this.place = placeOf(url);
    this.#limits = { ...LIMITS, ...limits };
    this.#pool = new pg.Pool({
      connectionString: url,
      stream: () => this.#openSocket(),
      application_name: 'apex',
      max: MAX_CONNECTIONS,
      connectionTimeoutMillis: this.#limits.connectMs,
      query_timeout: this.#limits.answerMs,
      idleTimeoutMillis: 10_000,
      keepAlive: true,
      allowExitOnIdle: true,
      types: { getTypeParser: parserOf as never },
    });
    // What breaks beneath an idle connection is told by whoever uses one next; without a listener the process would end.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** The rows of a statement that only reads. */
  async all<Row>(operation: string, sql: string, params: readonly PgValue[], signal: AbortSignal): Promise<Row[]> {
    signal.throwIfAborted();
    const { rows } = await this.#told(operation, () => this.#pool.query(sql, params.map(held)));
    return rows as Row[];
  }

  /** As `all`, for a statement that reads all that a table holds. */
  async scan<Row>(operation: string, sql: string, params: readonly PgValue[], signal: AbortSignal): Promise<Row[]> {
    signal.throwIfAborted();
    const query = { text: sql, values: params.map(held), query_timeout: this.#limits.scanMs };
    const { rows } = await this.#told(operation, () => this.#pool.query(query as pg.QueryConfig));
    return rows as Row[];
  }

  /** Does `work` in one transaction and commits it; any error takes all of it back. */
  async transaction<Result>(
    options: TransactionOptions<Result>,
    work: (transaction: PgTransaction) => Promise<Result>,
  ): Promise<Result> {
    const { operation, signal } = options;
    signal.throwIfAborted();
    const client = await this.#told(operation, () => this.#pool.connect());
    const limits = limitsOf(options, this.#limits);
    const connection = { isWhole: true };
    const query = async (sql: string, params: readonly PgValue[] = []): Promise<pg.QueryResult> => {
      signal.throwIfAborted();
      try {
        return await client.query({
          text: sql,
          values: params.map(held),
          query_timeout: limits.answerMs,
        } as pg.QueryConfig);
      } catch (error) {
        connection.isWhole = isRefusal(error);
        throw postgresError(error, { place: this.place, operation });
      }
    };
    let result: Result;
    try {
      await query(beginning(options, limits));
      result = await work({
        all: async <Row>(sql: string, params?: readonly PgValue[]) => (await query(sql, params)).rows as Row[],
        run: async (sql, params) => (await query(sql, params)).rowCount ?? 0,
      });
      signal.throwIfAborted();
    } catch (error) {
      await rollback(client, connection.isWhole);
      throw error;
    }
    return this.#commit(client, result, options);
  }

  async #commit<Result>(
    client: pg.PoolClient,
    result: Result,
    { operation, onDoubt }: TransactionOptions<Result>,
  ): Promise<Result> {
    let command: string;
    try {
      ({ command } = await client.query('COMMIT'));
    } catch (error) {
      client.release(true);
      if (!isRefusal(error) && onDoubt !== undefined) return onDoubt();
      throw postgresError(error, { place: this.place, operation });
    }
    client.release();
    // The commit of a transaction in which a statement failed is no error to the driver.
    if (command === 'COMMIT') return result;
    const message = `the records store at ${this.place} took back what was written`;
    throw new StoreError(message, { code: 'APEX_STORE', retryable: true, details: { operation, reason: command } });
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const isOver = new AbortController();
    // A connection that is in use, or silent, is not waited for.
    const late = delay(CLOSE_TIMEOUT_MS, undefined, { signal: isOver.signal, ref: false }).catch(() => {});
    await Promise.race([this.#pool.end(), late]);
    isOver.abort();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Kept, because the driver leaves one open whose server asked for a password that there is none of: it would hold the process. */
  #openSocket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    return socket.once('close', () => this.#sockets.delete(socket));
  }

  /** @throws what the driver's failure means. */
  async #told<Answer>(operation: string, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask();
    } catch (error) {
      throw postgresError(error, { place: this.place, operation });
    }
  }
}

/**
 * Everything that a transaction is given in one message: settings that end with it. Compiling a statement takes longer than any of
 * apex's own.
 */
function beginning({ isDurable = false }: TransactionOptions<unknown>, limits: PostgresLimits): string {
  const settings = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = ${limits.statementMs};
    SET LOCAL lock_timeout = ${limits.lockMs}; SET LOCAL idle_in_transaction_session_timeout = ${limits.idleMs}; SET LOCAL jit = off`;
  return isDurable ? `${settings}; ${WAIT_FOR_DISK}` : settings;
}

/** Who is patient waits longer for a lock than the server does for the silent owner of one. */
function limitsOf(
  { isPatient = false, isScan = false }: TransactionOptions<unknown>,
  limits: PostgresLimits,
): PostgresLimits {
  if (!isPatient && !isScan) return limits;
  const lockMs = isPatient ? limits.idleMs + limits.lockMs : limits.lockMs;
  const statementMs = lockMs + (isScan ? limits.scanMs : limits.statementMs);
  return { ...limits, lockMs, statementMs, answerMs: statementMs + GRACE_MS };
}

/** Only where the server would not wait: elsewhere it may be set to wait for replicas, too. */
const WAIT_FOR_DISK = `SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`;

/** A connection that may be broken is not asked for anything more. */
async function rollback(client: pg.PoolClient, isWhole: boolean): Promise<void> {
  try {
    if (isWhole) await client.query('ROLLBACK');
    client.release(!isWhole);
  } catch {
    client.release(true);
  }
}

function held(value: PgValue): PgValue {
  if (typeof value === 'string') return toHeld(value);
  return Array.isArray(value) ? value.map(held) : value;
}

/** Source: https://www.postgresql.org/docs/15/catalog-pg-type.html, the numbers of the built-in types. */
const PARSERS: { readonly [type: number]: (text: string) => unknown } = {
  20: Number,
  25: fromHeld,
  3802: fromHeldJson,
};

function parserOf(type: number, format?: 'text' | 'binary'): unknown {
  return PARSERS[type] ?? pg.types.getTypeParser(type, format as 'text');
}

/** @throws ConfigError: the URL itself is not told, it may hold a password. */
function placeOf(url: string): string {
  try {
    const { host, port, database } = new pg.Client({ connectionString: url });
    return `${host}:${port}/${database ?? ''}`;
  } catch (error) {
    const { code, path } = error as { readonly code?: string; readonly path?: string };
    const problem =
      path === undefined
        ? 'is no URL that begins with postgres://, names a host and a database, and has its special characters percent-encoded'
        : `names ${path}, which cannot be read (${code}): correct sslrootcert, sslcert or sslkey in it`;
    throw new ConfigError(`DATABASE_URL ${problem}`, { code: 'APEX_CONFIG' });
  }
}
