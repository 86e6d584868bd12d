import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { execa } from 'execa';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import { apex, type Finished } from '../helpers/program.ts';
import type { Memory, Mirror } from './memories.ts';

/** A document as it is now. */
export interface Current {
  readonly documentId: string;
  readonly version: number;
  readonly sourceUri: string;
}

/** Runs a query on one of the data directory's files; nothing when the file is not there yet. */
export function query<Row>(path: string, sql: string): Row[] {
  let db: Database.Database;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true });
  } catch {
    return [];
  }
  try {
    return db.prepare(sql).all() as Row[];
  } catch (error) {
    if (String(error).includes('no such table')) return [];
    throw error;
  } finally {
    db.close();
  }
}

/** The runs, newest first, as the registry has them. */
export function listRuns(home: string): { runId: string; state: string }[] {
  return query(
    join(home, 'registry.db'),
    'SELECT run_id AS runId, state FROM run ORDER BY started_at DESC, run_id DESC',
  );
}

/** What a cleanup ends with: 75 where somebody searches, or an ingest was opening the memory, while it wanted to write that anew. */
export function endOfCleanup({ lines: [report] }: Pick<Finished, 'lines'>): typeof EXIT.done | typeof EXIT.temporary {
  return report?.['erased'] === false ? EXIT.temporary : EXIT.done;
}

/** What is wrong after a rollback that nobody disturbed: what was current is as it was, and of no run anything is building. */
export async function problemsOfRollback(memory: Memory, before: readonly unknown[]): Promise<string[]> {
  const [was, is] = [before, await memory.visible()].map((documents) => JSON.stringify(documents));
  const left = await memory.leftovers();
  return [
    ...(was === is ? [] : [`rollback changed what was visible: ${was} became ${is}`]),
    ...(left.length === 0 ? [] : [`rollback left ${JSON.stringify(left)}`]),
  ];
}

/** What is wrong with a memory that nobody works on. */
export async function problemsAtRest(
  memory: Memory,
  { secret, isGood }: { readonly secret: string; readonly isGood: (sourceUri: string) => boolean },
): Promise<string[]> {
  const { home, env } = memory;
  const found: string[] = [];
  const verified = await apex(['verify', '--json'], { home, env });
  if (verified.exitCode !== 0) found.push(`verify: ${verified.stdout}${verified.stderr}`);
  const left = await memory.leftovers();
  if (left.length > 0) found.push(`left over: ${JSON.stringify(left)}`);
  const { quarantine } = await memory.state();
  const setAside = quarantine!.map(locationOf).filter(isGood);
  if (setAside.length > 0) found.push(`good documents are quarantined: ${setAside.join(', ')}`);
  const parked = listRuns(home).filter(({ state }) => state === 'needs_attention');
  if (parked.length > 0) found.push(`parked: ${JSON.stringify(parked)}`);
  return [...found, ...journalsBehind(home, await memory.mirrors()), ...(await strangeFiles(home, secret))];
}

function locationOf(entry: unknown): string {
  const { source_uri, sourceUri } = entry as { source_uri?: string; sourceUri?: string };
  return source_uri ?? sourceUri ?? '';
}

/** Runs whose journal says less than the records store has seen of it. */
function journalsBehind(home: string, mirrors: readonly Mirror[]): string[] {
  return mirrors.flatMap(({ runId, lastLsn }) => {
    const [journal] = query<{ first: number; last: number; count: number }>(
      join(home, 'runs', `${runId}.db`),
      'SELECT min(lsn) AS first, max(lsn) AS last, count(*) AS count FROM entry',
    );
    if (journal === undefined) return [`the journal of run ${runId} is gone`];
    const hasGaps = journal.last - journal.first + 1 !== journal.count || journal.first !== 1;
    return [
      ...(journal.last < lastLsn
        ? [`the journal of run ${runId} is at ${journal.last}, its mirror at ${lastLsn}`]
        : []),
      ...(hasGaps ? [`the journal of run ${runId} has gaps`] : []),
    ];
  });
}

/** Files that others may read, links, and files that hold the secret. */
export async function strangeFiles(home: string, secret: string): Promise<string[]> {
  const { stdout } = await execa('grep', ['-rl', secret, home], { reject: false });
  const names = readdirSync(home, { recursive: true, encoding: 'utf8' });
  const open = names.filter((name) => {
    const stats = lstatSync(join(home, name), { throwIfNoEntry: false });
    return stats !== undefined && (stats.isSymbolicLink() || (stats.mode & 0o077) !== 0);
  });
  return [
    ...(stdout === '' ? [] : [`the secret is in ${stdout}`]),
    ...(open.length === 0 ? [] : [`others may read, or links: ${open.join(', ')}`]),
  ];
}
