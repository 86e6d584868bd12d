import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { execa } from 'execa';
import { dumpMemory } from '../helpers/dump.ts';
import { apex } from '../helpers/program.ts';

interface Current {
  readonly documentId: string;
  readonly version: number;
  readonly sourceUri: string;
}

/** Runs a query on one of the data directory's files; nothing when the file is not there yet. */
function query<Row>(path: string, sql: string): Row[] {
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

/** The current version of each document. */
export function currentVersions(home: string): Current[] {
  return query(
    join(home, 'memory.db'),
    "SELECT document_id AS documentId, version, source_uri AS sourceUri FROM version WHERE state = 'current' ORDER BY document_id",
  );
}

/** The runs, newest first, as the registry has them. */
export function listRuns(home: string): { runId: string; state: string }[] {
  return query(
    join(home, 'registry.db'),
    'SELECT run_id AS runId, state FROM run ORDER BY started_at DESC, run_id DESC',
  );
}

/** All that a memory holds, but for what is on its way in or out. */
export function visibleState(home: string): Record<string, unknown[]> {
  return dumpMemory(home);
}

/** What is wrong after a rollback that nobody disturbed: what was current is as it was, and of the run nothing is building. */
export function problemsOfRollback(home: string, runId: string, before: Record<string, unknown[]>): string[] {
  const after = dumpMemory(home);
  const isCurrent = (row: unknown) => (row as { state: string }).state === 'current';
  const shown = (state: Record<string, unknown[]>) => JSON.stringify(state['documents']!.filter(isCurrent));
  const building = query<{ rows: number }>(
    join(home, 'memory.db'),
    `SELECT count(*) AS rows FROM version WHERE state = 'building' AND run_id = '${runId}'`,
  );
  return [
    ...(shown(before) === shown(after) ? [] : ['rollback changed what was visible']),
    ...(building[0]!.rows === 0 ? [] : ['rollback left rows of the run']),
  ];
}

/** What is wrong with a memory that nobody works on. */
export async function problemsAtRest(
  home: string,
  { secret, isGood }: { readonly secret: string; readonly isGood: (sourceUri: string) => boolean },
): Promise<string[]> {
  const found: string[] = [];
  const verified = await apex(['verify', '--json'], { home });
  if (verified.exitCode !== 0) found.push(`verify: ${verified.stdout}${verified.stderr}`);
  const dump = dumpMemory(home);
  const left = [
    ...dump['unsettled']!,
    ...dump['unmentioned']!,
    ...dump['leftovers']!.filter((row) => (row as { rows: number }).rows > 0),
    ...query(join(home, 'memory.db'), 'SELECT run_id, batch_no FROM pivot WHERE is_finished = 0'),
  ];
  if (left.length > 0) found.push(`left over: ${JSON.stringify(left)}`);
  const setAside = (dump['quarantine'] as { source_uri: string }[]).map(({ source_uri }) => source_uri).filter(isGood);
  if (setAside.length > 0) found.push(`good documents are quarantined: ${setAside.join(', ')}`);
  const parked = listRuns(home).filter(({ state }) => state === 'needs_attention');
  if (parked.length > 0) found.push(`parked: ${JSON.stringify(parked)}`);
  return [...found, ...journalsBehind(home), ...(await strangeFiles(home, secret))];
}

/** Runs whose journal says less than the records store has seen of it. */
function journalsBehind(home: string): string[] {
  const runs = query<{ runId: string; lastLsn: number }>(
    join(home, 'memory.db'),
    'SELECT run_id AS runId, last_lsn AS lastLsn FROM run',
  );
  return runs.flatMap(({ runId, lastLsn }) => {
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
async function strangeFiles(home: string, secret: string): Promise<string[]> {
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
