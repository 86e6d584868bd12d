import { statSync } from 'node:fs';
import { isApexError } from '../contracts/errors.ts';
import type { RecordsServer } from '../contracts/servers.ts';
import { openToRead } from '../support/sql-reading.ts';
import { storeError } from './memory-db.ts';

/** Documents in quarantine that have a code. */
interface CodeCount {
  readonly code: string;
  readonly count: number;
}

/** Whoever counts goes on without the server's answer after this. */
const ANSWER_MS = 2_000;

/**
 * How many documents are in quarantine, by code, of all groups; read beside whatever has the memory open. A memory that was not made
 * yet has none; null where it cannot be told now: a server is out of reach, a file is damaged or of another format.
 *
 * @param memory where the embedded one is. @param server where the records are, or null: in the embedded one.
 */
export async function countSetAside(
  memory: { readonly path: string },
  server: RecordsServer | null,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number> | null> {
  try {
    const counts = server === null ? await countInFile(memory.path) : await countOnServer(server, signal);
    return new Map(counts.map(({ code, count }) => [code, count]));
  } catch (error) {
    if (isApexError(error)) return null;
    throw error;
  }
}

const COUNT = 'SELECT code, count(*) AS count FROM';

async function countInFile(path: string): Promise<readonly CodeCount[]> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return [];
  const sql = await openToRead({ path, toError: (failure) => storeError(failure, path) });
  try {
    return await sql.all<CodeCount>(`${COUNT} quarantine GROUP BY code`);
  } finally {
    await sql.close();
  }
}

async function countOnServer({ url, schema }: RecordsServer, signal: AbortSignal): Promise<readonly CodeCount[]> {
  const [{ limitsFor, Postgres }, { formatOf, schemaPrefix }] = await Promise.all([
    import('./records/postgres-connection.ts'),
    import('./records/postgres-memory.ts'),
  ]);
  const at = schemaPrefix(schema);
  const db = new Postgres(url, limitsFor(ANSWER_MS));
  try {
    if ((await formatOf(db, at, signal)) === null) return [];
    const rows = await db.all<CodeCount>('metrics', `${COUNT} ${at}quarantine GROUP BY code`, [], signal);
    return rows.map(({ code, count }) => ({ code, count: Number(count) }));
  } finally {
    await db.close();
  }
}
