import { setTimeout as delay } from 'node:timers/promises';
import neo4j, { type Driver } from 'neo4j-driver';
import { ConfigError } from '../../contracts/errors.ts';
import { type Failure, failureOf, type Phase, type Remedy, SilenceError } from './neo4j-errors.ts';

/** Where the server is and who asks. */
export interface Neo4jServer {
  /** `bolt://` or `neo4j://`, with `+s` over TLS; without credentials. */
  readonly uri: string;
  readonly username: string;
  readonly password: string;
  /** Null: the server's default database. */
  readonly database?: string | null;
  /** How long a transaction may take at the server. Default `answerMs`, else 30 s; an answer is waited for 5 s longer. */
  readonly transactionLimitMs?: number;
  /** Bounds every other wait for an answer, too. */
  readonly answerMs?: number;
}

/** Runs a statement in a transaction and gives its records as objects, by the names that it returns. */
export type Run = <Answer extends object = object>(
  text: string,
  params?: { readonly [name: string]: unknown },
) => Promise<Answer[]>;

const TRANSACTION_LIMIT_MS = 30_000;
/** The server ends a transaction late by a second or two, so its own answer is waited for. */
const ANSWER_MARGIN_MS = 5_000;
const CONNECT_LIMIT_MS = 2_000;
/** The one bound on a server that takes connections and stays silent. */
const ACQUISITION_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 1_000;
const POOL_CONNECTIONS = 8;

/** How often a transaction is begun again that lost against another one, and how long it waits in between. */
const MAX_ATTEMPTS = 10;
const FIRST_DELAY_MS = 20;
const MAX_DELAY_MS = 1_000;

/** How many writing transactions are under way together: more gain nothing and get into each other's way. */
const LANES = 2;
/** Fewer items than this are not worth a transaction of their own. */
const MIN_SLICE = 100;

const SCHEMES = ['bolt:', 'bolt+s:', 'bolt+ssc:', 'neo4j:', 'neo4j+s:', 'neo4j+ssc:'];

/** What becomes of a failed call, kept beside the error that the caller sees. */
const remedies = new WeakMap<object, Remedy>();

/** Was it too much for one transaction? */
export function isTooMuch(error: unknown): boolean {
  return typeof error === 'object' && error !== null && remedies.get(error) === 'smaller';
}

/**
 * Transactions with a Neo4j server: every wait is bounded, and what lost against another transaction is done again here, for a
 * bounded number of times. Managed transactions of the driver are not used: they repeat what may have been committed.
 */
export class Neo4jConnection {
  /** Host and port, for people. */
  readonly place: string;
  readonly #server: Neo4jServer;
  readonly #transactionMs: number;
  readonly #marginMs: number;
  #driver: Driver;

  /** Connects to nothing yet. @throws ConfigError when the address is none. */
  constructor(server: Neo4jServer) {
    this.place = placeOf(server.uri);
    this.#server = server;
    this.#transactionMs = server.transactionLimitMs ?? server.answerMs ?? TRANSACTION_LIMIT_MS;
    this.#marginMs = Math.min(ANSWER_MARGIN_MS, server.answerMs ?? ANSWER_MARGIN_MS);
    this.#driver = this.#createDriver();
  }

  #createDriver(): Driver {
    const { uri, username, password, answerMs = ACQUISITION_LIMIT_MS } = this.#server;
    return neo4j.driver(uri, neo4j.auth.basic(username, password), {
      maxTransactionRetryTime: 0,
      connectionTimeout: CONNECT_LIMIT_MS,
      connectionAcquisitionTimeout: Math.min(ACQUISITION_LIMIT_MS, answerMs),
      connectionLivenessCheckTimeout: 0,
      maxConnectionPoolSize: POOL_CONNECTIONS,
      disableLosslessIntegers: true,
      userAgent: 'apex',
    });
  }

  /** Reads in one transaction. @throws ConfigError and StoreError by the table of errors. */
  read<Answer>(operation: string, signal: AbortSignal, work: (run: Run) => Promise<Answer>): Promise<Answer> {
    return this.#transact({ operation, signal, mode: neo4j.session.READ }, work);
  }

  /** Writes in one transaction, which may be begun again: `work` must land on itself. Errors as `read`. */
  write<Answer>(operation: string, signal: AbortSignal, work: (run: Run) => Promise<Answer>): Promise<Answer> {
    return this.#transact({ operation, signal, mode: neo4j.session.WRITE }, work);
  }

  /** Writes items in even slices of at most `size`, a transaction each, a few together; what is too much at once is halved. */
  async writeSlices<Item>(
    items: readonly Item[],
    { operation, size, signal }: { operation: string; size: number; signal: AbortSignal },
    work: (run: Run, slice: readonly Item[]) => Promise<unknown>,
  ): Promise<void> {
    const count = slicesOf(items.length, size);
    const slices = Array.from({ length: count }, (_, index) =>
      items.slice(Math.floor((index * items.length) / count), Math.floor(((index + 1) * items.length) / count)),
    ).reverse();
    const lane = async () => {
      for (let slice = slices.pop(); slice !== undefined; slice = slices.pop()) {
        const taken = slice;
        try {
          await this.write(operation, signal, (run) => work(run, taken));
        } catch (error) {
          if (!isTooMuch(error) || taken.length === 1) {
            slices.length = 0;
            throw error;
          }
          const half = Math.ceil(taken.length / 2);
          slices.push(taken.slice(half), taken.slice(0, half));
        }
      }
    };
    // Nothing may be under way when the caller begins to take back.
    const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /**
   * Repeats a write of at most `size` items until it finds none; the size is halved while it is too much at once.
   *
   * @returns what the writes gave, of those that were committed.
   */
  async writeUntilNone<Answer>(
    { operation, size, signal }: { operation: string; size: number; signal: AbortSignal },
    work: (run: Run, limit: unknown) => Promise<readonly Answer[]>,
  ): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let current = size; ; ) {
      const limit = neo4j.int(current);
      try {
        const found = await this.write(operation, signal, (run) => work(run, limit));
        if (found.length === 0) return answers;
        answers.push(...found);
      } catch (error) {
        if (!isTooMuch(error) || current === 1) throw error;
        current = Math.ceil(current / 2);
      }
    }
  }

  /** Closes what is open; what is still under way fails. */
  async close(): Promise<void> {
    await settled(this.#driver.close());
  }

  async #transact<Answer>(call: Call, work: (run: Run) => Promise<Answer>): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      call.signal.throwIfAborted();
      try {
        return await this.#once(call, work);
      } catch (error) {
        if (remedies.get(error as object) !== 'again' || attempt >= MAX_ATTEMPTS) throw error;
        const longestMs = Math.min(FIRST_DELAY_MS * 2 ** attempt, MAX_DELAY_MS);
        await delay(longestMs * (0.5 + Math.random() / 2));
      }
    }
  }

  async #once<Answer>({ operation, mode }: Call, work: (run: Run) => Promise<Answer>): Promise<Answer> {
    const driver = this.#driver;
    const { database } = this.#server;
    const session = driver.session({ defaultAccessMode: mode, ...(database == null ? {} : { database }) });
    let phase: Phase = 'run';
    let refusal: unknown = null;
    try {
      const transaction = session.beginTransaction({
        timeout: this.#transactionMs,
        metadata: { app: 'apex', operation },
      });
      // The first statement is sent with the beginning, not after it: where that is refused, both fail, and the beginning says why.
      transaction.catch((error: unknown) => {
        refusal = error;
      });
      const answer = await work(async (text, params = {}) => {
        const { records } = await this.#answered(Promise.resolve(transaction.run(text, params)));
        return records.map((record) => record.toObject() as never);
      });
      phase = 'commit';
      await this.#answered(transaction.commit());
      return answer;
    } catch (error) {
      const failure = failureOf(refusal ?? error, { place: this.place, operation, phase });
      if (failure === null) throw error;
      this.#settle(failure, driver);
      throw failure.error;
    } finally {
      await settled(session.close());
    }
  }

  /** A connection that has gone silent stays so for two minutes whatever is set: the next call gets new ones. */
  #settle({ remedy, error }: Failure, driver: Driver): void {
    remedies.set(error, remedy);
    if (remedy !== 'down' || this.#driver !== driver) return;
    this.#driver = this.#createDriver();
    void settled(driver.close());
  }

  #answered<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return within(answer, this.#transactionMs + this.#marginMs);
  }
}

/** How many slices these items make: as many for each lane as for every other, where there is enough to do. */
function slicesOf(items: number, size: number): number {
  const least = Math.ceil(items / size);
  return items < LANES * MIN_SLICE ? least : Math.ceil(least / LANES) * LANES;
}

interface Call {
  readonly operation: string;
  readonly signal: AbortSignal;
  readonly mode: 'READ' | 'WRITE';
}

/** @throws SilenceError when there is no answer by then. */
async function within<Answer>(answer: Promise<Answer>, limitMs: number): Promise<Answer> {
  // Given up, it may still fail, and nobody hears it.
  answer.catch(() => {});
  const over = new AbortController();
  const silence = delay(limitMs, undefined, { signal: over.signal }).then(() =>
    Promise.reject(new SilenceError(limitMs)),
  );
  silence.catch(() => {});
  try {
    return await Promise.race([answer, silence]);
  } finally {
    over.abort();
  }
}

/** Waits for an end that nothing depends on, and not for long. */
async function settled(end: Promise<unknown>): Promise<void> {
  await within(end, CLOSE_LIMIT_MS).catch(() => {});
}

/** @throws ConfigError. The address is not shown where it may hold a password. */
function placeOf(uri: string): string {
  const url = URL.parse(uri);
  if (url === null || !SCHEMES.includes(url.protocol) || url.hostname === '')
    throw new ConfigError(`NEO4J_URI is no address of a Neo4j: it must begin with ${SCHEMES[0]}// or ${SCHEMES[3]}//`, {
      code: 'APEX_CONFIG',
    });
  if (url.username !== '' || url.password !== '')
    throw new ConfigError('NEO4J_URI holds a user name or a password: set NEO4J_USERNAME and NEO4J_PASSWORD instead', {
      code: 'APEX_CONFIG',
    });
  return url.port === '' ? `${url.hostname}:7687` : url.host;
}
