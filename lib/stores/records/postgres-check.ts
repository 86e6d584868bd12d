import { type Check, type Finding, ok, problem, warning } from '../../contracts/check.ts';
import { isApexError } from '../../contracts/errors.ts';
import type { RecordsServer } from '../../contracts/servers.ts';
import { Postgres } from './postgres-connection.ts';
import { formatOf, SERVER_FACTS, type ServerFacts, schemaPrefix, unfitServer } from './postgres-memory.ts';
import { POSTGRES_FORMAT, TABLE_NAMES } from './postgres-schema.ts';

/** What a memory holds vectors of. */
interface Vectors {
  readonly model: string;
  readonly dimensions: number;
}

/** Clocks that differ by more make times in lists and in the server's log hard to bring together. */
const CLOCK_TOLERANCE_MS = 5_000;
const CLOCK_LOOKS = 3;

/**
 * Whether the PostgreSQL of the settings can be used for the records. It changes nothing there.
 *
 * @param embedder what the settings name, or null when it cannot be known.
 */
export function postgresChecks(server: RecordsServer, embedder: () => Promise<Vectors | null>): Check[] {
  return [
    { name: 'records', run: (signal) => withServer(server, (db) => judge(db, server, embedder, signal)) },
    { name: 'records_clock', run: (signal) => withServer(server, (db) => judgeClock(db, signal)).catch(unknownClock) },
  ];
}

/** Why the server cannot be asked is told by the check before. */
function unknownClock(error: unknown): Finding {
  if (isApexError(error))
    return warning('the records store cannot be asked for the time', 'See what is said of the records.');
  throw error;
}

async function withServer(server: RecordsServer, look: (db: Postgres) => Promise<Finding>): Promise<Finding> {
  const db = new Postgres(server.url);
  try {
    return await look(db);
  } finally {
    await db.close();
  }
}

interface Facts extends ServerFacts {
  readonly isReplica: boolean;
  readonly hasSchema: boolean;
  readonly mayCreateSchema: boolean;
  /** In the schema; null where there is none. */
  readonly mayCreate: boolean | null;
  readonly mayUse: boolean | null;
}

async function factsOf(db: Postgres, schema: string, signal: AbortSignal): Promise<Facts> {
  const [facts] = await db.all<Facts>(
    'check',
    `SELECT ${SERVER_FACTS}, pg_is_in_recovery() AS "isReplica", n.oid IS NOT NULL AS "hasSchema",
       has_database_privilege(current_database(), 'CREATE') AS "mayCreateSchema",
       has_schema_privilege(n.oid, 'CREATE') AS "mayCreate", has_schema_privilege(n.oid, 'USAGE') AS "mayUse"
     FROM (SELECT) AS here LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $1`,
    [schema],
    signal,
  );
  return facts!;
}

async function judge(
  db: Postgres,
  server: RecordsServer,
  embedder: () => Promise<Vectors | null>,
  signal: AbortSignal,
): Promise<Finding> {
  const at = schemaPrefix(server.schema);
  const facts = await factsOf(db, server.schema, signal);
  const found = `PostgreSQL ${facts.versionName} at ${db.place}, ${await latencyMs(db, signal)} ms`;
  const wrong = wrongServer(facts, found);
  if (wrong !== null) return wrong;
  const place = `schema ${server.schema}`;
  if (facts.hasSchema && facts.mayUse !== true)
    return problem(
      'APEX_PERMISSION',
      `${found}; this user may not use its ${place}`,
      `Grant ALL on the ${place} to it.`,
    );
  const format = facts.hasSchema ? await formatOf(db, at, signal) : null;
  if (format === null) return judgeEmpty(facts, found, place);
  if (format < POSTGRES_FORMAT.number && facts.mayCreate !== true)
    return problem(
      'APEX_PERMISSION',
      `${found}; its ${place} is of format ${format}, and this user may not bring it up to date`,
    );
  const denied = await deniedTable(db, at, signal);
  if (denied !== null)
    return problem(
      'APEX_PERMISSION',
      `${found}; this user may not read and write the table ${denied} in its ${place}`,
      `Grant SELECT, INSERT, UPDATE and DELETE on all tables of the ${place}, and USAGE on its sequences.`,
    );
  const [held, wanted] = [await vectorsOf(db, at, signal), await embedder()];
  if (wanted !== null && (held.model !== wanted.model || held.dimensions !== wanted.dimensions))
    return problem(
      'EMBEDDER_MISMATCH',
      `its ${place} holds vectors of ${shown(held)}, the settings name ${shown(wanted)}`,
    );
  const whole = `${found}, ${place} of format ${format}, vectors of ${shown(held)}`;
  return isOpen(server.url)
    ? warning(
        `${whole}, without encryption`,
        'Add sslmode=verify-full to DATABASE_URL for a server on another machine.',
      )
    : ok(whole);
}

function wrongServer(facts: Facts, found: string): Finding | null {
  const unfit = unfitServer(facts);
  if (unfit !== null) return problem('APEX_CONFIG', `${found}; it ${unfit.problem}`, unfit.advice);
  if (facts.isReplica)
    return problem('APEX_STORE', `${found} only reads: it is a replica`, 'Name the primary in DATABASE_URL.');
  return null;
}

function judgeEmpty({ hasSchema, mayCreate, mayCreateSchema }: Facts, found: string, place: string): Finding {
  if (hasSchema ? mayCreate === true : mayCreateSchema)
    return ok(`${found}, nothing in ${place} yet: the first ingest makes it`);
  const advice = hasSchema
    ? `Grant CREATE on the ${place} to it.`
    : `Grant CREATE on the database to it, or make the ${place} and grant ALL on it.`;
  return problem('APEX_PERMISSION', `${found}; this user may not make tables in ${place}`, advice);
}

async function deniedTable(db: Postgres, at: string, signal: AbortSignal): Promise<string | null> {
  const [denied] = await db.all<{ name: string }>(
    'check',
    `SELECT name FROM unnest($1::text[]) AS t (name) CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p (right_to)
     WHERE has_table_privilege($2 || name, right_to) IS NOT TRUE LIMIT 1`,
    [TABLE_NAMES, at],
    signal,
  );
  return denied?.name ?? null;
}

async function vectorsOf(db: Postgres, at: string, signal: AbortSignal): Promise<Vectors> {
  const rows = await db.all<{ name: string; value: string }>(
    'check',
    `SELECT name, value FROM ${at}memory`,
    [],
    signal,
  );
  const values = new Map(rows.map(({ name, value }) => [name, value]));
  return { model: values.get('embedder') ?? '', dimensions: Number(values.get('dimensions')) };
}

function shown({ model, dimensions }: Vectors): string {
  return `${model} with ${dimensions} dimensions`;
}

/** Of a question that costs the server nothing, over a connection that is there. */
async function latencyMs(db: Postgres, signal: AbortSignal): Promise<number> {
  const startedMs = performance.now();
  await db.all('check', 'SELECT 1', [], signal);
  return Math.max(1, Math.round(performance.now() - startedMs));
}

/** The server's clock, taken for the middle of the shortest of some round trips. */
async function judgeClock(db: Postgres, signal: AbortSignal): Promise<Finding> {
  const looks: { tripMs: number; differenceMs: number }[] = [];
  for (let look = 0; look <= CLOCK_LOOKS; look += 1) {
    const startedMs = Date.now();
    const [row] = await db.all<{ now: number }>(
      'check',
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
      [],
      signal,
    );
    const tripMs = Date.now() - startedMs;
    looks.push({ tripMs, differenceMs: row!.now - (startedMs + tripMs / 2) });
  }
  const { differenceMs } = looks.reduce((best, look) => (look.tripMs < best.tripMs ? look : best));
  return clockFinding(differenceMs);
}

/** @param differenceMs how far the server is ahead of this machine. */
export function clockFinding(differenceMs: number): Finding {
  const seconds = (Math.abs(differenceMs) / 1_000).toFixed(1);
  if (Math.abs(differenceMs) <= CLOCK_TOLERANCE_MS) return ok(`the records store's clock differs by ${seconds} s`);
  const way = differenceMs > 0 ? 'ahead of' : 'behind';
  return warning(
    `the records store's clock is ${seconds} s ${way} this machine's`,
    'Set both by a time server. Nothing is lost by it: whose a run is, the server’s clock alone decides.',
  );
}

const OWN_MACHINE = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|)$/;

/** Do password and documents cross a network as they are? */
function isOpen(url: string): boolean {
  const { hostname, searchParams } = new URL(url);
  const mode = searchParams.get('sslmode') ?? 'disable';
  return !OWN_MACHINE.test(hostname) && ['disable', 'allow', 'prefer'].includes(mode);
}
