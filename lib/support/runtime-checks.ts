import { type Check, ok, problem, warning } from '../contracts/check.ts';
import { isSafeSqlite } from './sql-thread.ts';

/** The oldest Node that the parts work on, and the one they are tried with. */
const MIN_NODE = [22, 19] as const;
const RECOMMENDED_NODE = 24;

/** Whether apex can trust what it runs on: Node and the SQLite that came with it. */
export function runtimeChecks(): Check[] {
  return [
    { name: 'node', run: async () => judgeNode(process.versions.node) },
    { name: 'sqlite', run: async () => judgeSqlite(await sqliteVersion()) },
  ];
}

/** What a version of Node is good for. */
export function judgeNode(version: string) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minMajor, minMinor] = MIN_NODE;
  if (major < minMajor || (major === minMajor && minor < minMinor))
    return problem('APEX_CONFIG', `Node ${version} is too old`, `Install Node ${RECOMMENDED_NODE}.`);
  if (major < RECOMMENDED_NODE)
    return warning(`Node ${version} works, but is not what apex is tried with`, `Install Node ${RECOMMENDED_NODE}.`);
  return ok(`Node ${version}`);
}

/** What a version of SQLite is good for; see `isSafeSqlite`. */
export function judgeSqlite(version: string) {
  if (isSafeSqlite(version)) return ok(`SQLite ${version}`);
  return problem(
    'APEX_CONFIG',
    `SQLite ${version} can lose commits when two processes write (the WAL-reset bug)`,
    'Install better-sqlite3 with SQLite 3.51.3 or newer.',
  );
}

async function sqliteVersion(): Promise<string> {
  const { default: Database } = await import('better-sqlite3');
  const db = new Database(':memory:');
  try {
    return db.prepare('SELECT sqlite_version()').pluck().get() as string;
  } finally {
    db.close();
  }
}
