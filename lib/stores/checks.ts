import { statSync } from 'node:fs';
import { getLoadablePath } from 'sqlite-vec';
import { type Check, type Finding, ok, problem, warning } from '../contracts/check.ts';
import { ConfigError } from '../contracts/errors.ts';
import { diskError } from '../support/disk.ts';
import { openToRead } from '../support/sql-reading.ts';
import type { SqlThread } from '../support/sql-thread.ts';
import { storeError } from './memory-db.ts';
import { MEMORY_APPLICATION_ID, MEMORY_FORMAT } from './memory-schema.ts';

/** What a memory holds vectors of. */
interface Vectors {
  readonly model: string;
  readonly dimensions: number;
}

/** How long the tables of a memory are looked through; those that are left are said to be. */
const LOOK_MS = 20_000;
const LIMIT_MS = 60_000;

/**
 * Whether the embedded memory is whole and can be used, and what is in quarantine.
 *
 * @param embedder what the settings name, or null when it cannot be known.
 */
export function embeddedChecks(path: string, embedder: () => Promise<Vectors | null>): Check[] {
  return [
    {
      name: 'memory',
      limitMs: LIMIT_MS,
      run: async (signal) => {
        if (!isThere(path)) return ok('none yet: the first ingest makes it');
        if (isEmpty(path))
          return warning(`${path} is empty`, 'If it held documents, restore it from a copy before the next ingest.');
        return onMemory(path, (sql) => judge(sql, path, embedder, signal));
      },
    },
    {
      name: 'quarantine',
      run: async () => (!isThere(path) || isEmpty(path) ? ok('empty') : onMemory(path, countQuarantine)),
    },
  ];
}

async function onMemory(path: string, work: (sql: SqlThread) => Promise<Finding>): Promise<Finding> {
  const toError = (failure: Parameters<typeof storeError>[0]) => storeError(failure, path);
  const sql = await openToRead({ path, extensions: [getLoadablePath()], toError });
  try {
    return await work(sql);
  } finally {
    await sql.close();
  }
}

/** Without a log beside it: with one, all that the memory holds may be in there. */
function isEmpty(path: string): boolean {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
  return statSync(path).size + (log?.size ?? 0) === 0;
}

function isThere(path: string): boolean {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return false;
    if (stats.isFile()) return true;
  } catch (error) {
    throw diskError(error, path);
  }
  throw new ConfigError(`${path} is not a file`, { code: 'APEX_CONFIG', details: { path } });
}

async function judge(
  sql: SqlThread,
  path: string,
  embedder: () => Promise<Vectors | null>,
  signal: AbortSignal,
): Promise<Finding> {
  const [head] = await sql.all<{ format: number; owner: number }>(
    'SELECT user_version AS format, application_id AS owner FROM pragma_user_version, pragma_application_id',
  );
  const { format, owner } = head!;
  if (format > MEMORY_FORMAT)
    return problem('NEWER_FORMAT', `${path} has format ${format}, this apex reads up to ${MEMORY_FORMAT}`);
  if (owner !== MEMORY_APPLICATION_ID)
    return problem('APEX_CONFIG', `${path} is no memory of apex`, 'Point APEX_HOME at another folder.');
  const damage = await firstDamage(sql, signal);
  if (damage.table !== null) return problem('MEMORY_DAMAGED', `${path} is damaged in the table ${damage.table}`);
  const held = await vectorsOf(sql);
  const wanted = await embedder();
  if (wanted !== null && (held.model !== wanted.model || held.dimensions !== wanted.dimensions))
    return problem('EMBEDDER_MISMATCH', `it holds vectors of ${shown(held)}, the settings name ${shown(wanted)}`);
  const size = `format ${format}, ${(statSync(path).size / 1_000_000).toFixed(1)} MB, vectors of ${shown(held)}`;
  if (damage.left === 0) return ok(`${size}, every table is sound`);
  return ok(`${size}; it is large: ${damage.left} tables were not looked through, apex verify reads all`);
}

function shown({ model, dimensions }: Vectors): string {
  return `${model} with ${dimensions} dimensions`;
}

/** The first table whose pages do not fit together, and how many were left when the time was over. */
async function firstDamage(sql: SqlThread, signal: AbortSignal): Promise<{ table: string | null; left: number }> {
  const isOver = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
  const tables = await sql.all<{ name: string }>(
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') ORDER BY name",
  );
  for (const [index, { name }] of tables.entries()) {
    if (isOver.aborted) return { table: null, left: tables.length - index };
    const rows = await sql.all<{ found: string }>('SELECT quick_check AS found FROM pragma_quick_check(?)', [name]);
    if (rows.some(({ found }) => found !== 'ok')) return { table: name, left: 0 };
  }
  return { table: null, left: 0 };
}

async function vectorsOf(sql: SqlThread): Promise<Vectors> {
  const rows = await sql.all<{ name: string; value: string }>('SELECT name, value FROM memory');
  const values = new Map(rows.map(({ name, value }) => [name, value]));
  return { model: values.get('embedder') ?? '', dimensions: Number(values.get('dimensions')) };
}

async function countQuarantine(sql: SqlThread): Promise<Finding> {
  if (!(await isReadable(sql))) return ok('not looked at: see what is said of the memory');
  const [row] = await sql.all<{ count: number }>('SELECT count(*) AS count FROM quarantine');
  const { count } = row!;
  if (count === 0) return ok('empty');
  return warning(
    count === 1 ? '1 document is set aside' : `${count} documents are set aside`,
    'See why: apex documents list --quarantined',
  );
}

/** Is it a memory of a format that this apex knows? */
async function isReadable(sql: SqlThread): Promise<boolean> {
  const [head] = await sql.all<{ format: number }>('SELECT user_version AS format FROM pragma_user_version');
  return head!.format > 0 && head!.format <= MEMORY_FORMAT;
}
