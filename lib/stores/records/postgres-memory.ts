import { ConfigError } from '../../contracts/errors.ts';
import { sha256 } from '../../contracts/identity.ts';
import { limitsFor, type PgTransaction, Postgres, type PostgresLimits } from './postgres-connection.ts';
import { POSTGRES_FORMAT, type PostgresFormat, postgresSchema } from './postgres-schema.ts';

export interface PostgresSettings {
  /** `postgres://user:password@host:port/database`, with `?sslmode=verify-full` for TLS. */
  readonly url: string;
  /** The schema that holds apex's tables: a memory of its own. Default: `apex`. */
  readonly schema?: string;
  readonly embedder: { readonly model: string; readonly dimensions: number };
  /** Gives the UUID of a memory that is made now. */
  readonly createMemoryId: () => string;
  /** How long things may take; what is left out is as it is for everybody. */
  readonly limits?: Partial<PostgresLimits>;
  /** The format that the tables must have when they are used. Default: this apex's. */
  readonly format?: PostgresFormat;
  /** How long an answer is waited for, as far as `limits` does not say. */
  readonly answerMs?: number;
}

/** A memory's tables in PostgreSQL, opened. */
export interface PostgresMemory {
  readonly db: Postgres;
  /** Stands before every table's name: no setting of the connection decides which is meant. */
  readonly at: string;
  readonly schema: string;
  readonly memoryId: string;
}

export const DEFAULT_SCHEMA = 'apex';
const PLAIN_NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/**
 * Opens a memory's tables, making them, or bringing them to this format, when they are not so. Several may come at once.
 *
 * @throws ConfigError for a wrong URL, schema, user or password; NEWER_FORMAT; EMBEDDER_MISMATCH; StoreError as PostgreSQL fails.
 */
export async function openPostgresMemory(settings: PostgresSettings, signal: AbortSignal): Promise<PostgresMemory> {
  const schema = settings.schema ?? DEFAULT_SCHEMA;
  const at = schemaPrefix(schema);
  const db = new Postgres(settings.url, { ...limitsFor(settings.answerMs), ...settings.limits });
  try {
    const wanted = settings.format ?? POSTGRES_FORMAT;
    const format = await formatOf(db, at, signal, wanted);
    if (format === null || format < wanted.number) await make({ db, at, schema, settings, wanted }, signal);
    return { db, at, schema, memoryId: await identityOf(db, at, settings, signal) };
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** As `openPostgresMemory` for one who only looks: null while there are no tables. Nothing is made. */
export async function readPostgresMemory(
  settings: Omit<PostgresSettings, 'createMemoryId'>,
  signal: AbortSignal,
): Promise<PostgresMemory | null> {
  const schema = settings.schema ?? DEFAULT_SCHEMA;
  const at = schemaPrefix(schema);
  const db = new Postgres(settings.url, limitsFor(settings.answerMs));
  try {
    const format = await formatOf(db, at, signal);
    if (format !== null && format < POSTGRES_FORMAT.number) throw olderFormat(schema, format);
    if (format !== null) return { db, at, schema, memoryId: await identityOf(db, at, settings, signal) };
  } catch (error) {
    await db.close();
    throw error;
  }
  await db.close();
  return null;
}

/** To bring it up to date is to write. */
function olderFormat(schema: string, format: number): ConfigError {
  const message = `the schema ${schema} has format ${format}, of an older apex: let another command bring it up to date, as apex runs list`;
  return new ConfigError(message, { code: 'APEX_CONFIG', details: { format } });
}

/** @throws ConfigError when the name is not one that needs no quotes. */
export function schemaPrefix(schema: string): string {
  if (PLAIN_NAME.test(schema) && !schema.startsWith('pg_')) return `"${schema}".`;
  const message = `${JSON.stringify(schema)} cannot be the schema of the records store: use lower-case letters, digits and _`;
  throw new ConfigError(message, { code: 'APEX_CONFIG', details: { schema } });
}

/** The format of the tables, or null when there are none. */
export async function formatOf(
  db: Pick<Postgres, 'all' | 'place'>,
  at: string,
  signal: AbortSignal,
  { number: newest }: Pick<PostgresFormat, 'number'> = POSTGRES_FORMAT,
): Promise<number | null> {
  // From the tables of names: `to_regclass` may still answer what was so before this transaction waited.
  const found = await db.all(
    'open',
    `SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = 'memory'`,
    [at.slice(1, -2)],
    signal,
  );
  if (found.length === 0) return null;
  const [row] = await db.all<{ value: string }>(
    'open',
    `SELECT value FROM ${at}memory WHERE name = 'format'`,
    [],
    signal,
  );
  const format = Number(row?.value ?? Number.NaN);
  if (format <= newest) return format;
  const what = `schema ${at.slice(1, -2)} at ${db.place}`;
  if (Number.isNaN(format))
    throw new ConfigError(`the ${what} is another program's: name another schema`, { code: 'APEX_CONFIG' });
  const message = `the ${what} has format ${format}, this apex reads up to ${newest}: use the newer apex, or another schema`;
  throw new ConfigError(message, { code: 'NEWER_FORMAT', details: { format } });
}

/** What of a server decides whether it can hold a memory. */
export interface ServerFacts {
  /** As 130004 for 13.4. */
  readonly version: number;
  readonly versionName: string;
  readonly encoding: string;
}

export const SERVER_FACTS = `current_setting('server_version_num')::integer AS version,
  current_setting('server_version') AS "versionName", current_setting('server_encoding') AS encoding`;

const LEAST_VERSION = 130_000;

/** Why a server cannot hold a memory, and what to do; null when it can. */
export function unfitServer({
  version,
  versionName,
  encoding,
}: ServerFacts): { problem: string; advice: string } | null {
  if (version < LEAST_VERSION)
    return { problem: `is PostgreSQL ${versionName}, which is too old`, advice: 'Use PostgreSQL 13 or newer.' };
  if (encoding === 'UTF8') return null;
  return { problem: `has a database of encoding ${encoding}`, advice: 'Make a database with ENCODING UTF8.' };
}

interface Making {
  readonly db: Postgres;
  readonly at: string;
  readonly schema: string;
  readonly settings: PostgresSettings;
  readonly wanted: PostgresFormat;
}

/** Whoever comes second waits, and finds the tables made. */
async function make({ db, at, schema, settings, wanted }: Making, signal: AbortSignal): Promise<void> {
  await db.transaction({ operation: 'make', signal, isDurable: true, isPatient: true }, async (transaction) => {
    await transaction.run('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`apex ${schema}`]);
    const within = {
      place: db.place,
      all: <Row>(_: string, sql: string, params: readonly never[]) => transaction.all<Row>(sql, params),
    };
    const format = await formatOf(within, at, signal, wanted);
    if (format === null) await create(transaction, { at, schema, settings, wanted });
    else await migrate(transaction, at, format, wanted);
  });
}

async function create(
  transaction: PgTransaction,
  { at, schema, settings: { embedder, createMemoryId }, wanted }: Omit<Making, 'db'>,
): Promise<void> {
  const [server] = await transaction.all<ServerFacts & { hasSchema: boolean }>(
    `SELECT ${SERVER_FACTS}, EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1) AS "hasSchema"`,
    [schema],
  );
  const unfit = unfitServer(server!);
  if (unfit !== null)
    throw new ConfigError(`the records store ${unfit.problem}. ${unfit.advice}`, {
      code: 'APEX_CONFIG',
      details: { ...server! },
    });
  // Asked for although it is there, a schema needs the right to make one.
  if (!server!.hasSchema) await transaction.run(`CREATE SCHEMA ${at.slice(0, -1)}`);
  await transaction.run(postgresSchema(at).join(';\n'));
  const values = {
    format: String(wanted.number),
    memory_id: createMemoryId(),
    embedder: embedder.model,
    dimensions: String(embedder.dimensions),
  };
  await transaction.run(`INSERT INTO ${at}memory (name, value) SELECT * FROM unnest($1::text[], $2::text[])`, [
    Object.keys(values),
    Object.values(values),
  ]);
}

/** One format at a time, all in one transaction: tables are of one format or another, never of something between. */
async function migrate(transaction: PgTransaction, at: string, from: number, wanted: PostgresFormat): Promise<void> {
  for (let format = from + 1; format <= wanted.number; format += 1) {
    for (const sql of wanted.migrations[format]!) await transaction.run(sql.replaceAll('@', () => at));
    await transaction.run(`UPDATE ${at}memory SET value = $1 WHERE name = 'format'`, [String(format)]);
  }
}

async function identityOf(
  db: Postgres,
  at: string,
  { embedder: { model, dimensions } }: Pick<PostgresSettings, 'embedder'>,
  signal: AbortSignal,
): Promise<string> {
  const rows = await db.all<{ name: string; value: string }>('open', `SELECT name, value FROM ${at}memory`, [], signal);
  const values = new Map(rows.map(({ name, value }) => [name, value]));
  if (values.get('embedder') !== model || Number(values.get('dimensions')) !== dimensions) {
    const held = `${values.get('embedder')} with ${values.get('dimensions')} dimensions`;
    throw new ConfigError(
      `this memory holds vectors of ${held}, not of ${model} with ${dimensions}; use that embedder, or another schema`,
      { code: 'EMBEDDER_MISMATCH', details: { held, wanted: `${model} with ${dimensions} dimensions` } },
    );
  }
  return values.get('memory_id')!;
}

/** What the keys of a memory's locks are made with: two memories in one database do not wait for each other. */
export function lockSeed(memoryId: string, kind: 'batch' | 'document' | 'all documents' | 'facts'): string {
  return BigInt.asIntN(64, BigInt(`0x${sha256(`${kind} ${memoryId}`).slice(0, 16)}`)).toString();
}
