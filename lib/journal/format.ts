import { ConfigError } from '../contracts/errors.ts';
import type { SqlStatement, SqlThread } from '../support/sql-thread.ts';

/** The format of a run's file, stored as its `user_version`. */
export const JOURNAL_FORMAT = 2;

/** The format of `registry.db`, stored as its `user_version`. */
export const REGISTRY_FORMAT = 1;

/** `apex` in ASCII: how tools that look at a file tell whose it is. */
const APPLICATION_ID = 0x61706578;

/** The statements that mark a file as apex's, in this format. */
export function stampFormat(format: number): SqlStatement[] {
  return [{ sql: `PRAGMA application_id = ${APPLICATION_ID}` }, { sql: `PRAGMA user_version = ${format}` }];
}

/** The format of a file, 0 for one that is being made. @throws ConfigError NEWER_FORMAT for one that a newer apex wrote. */
export async function formatOf(sql: SqlThread, path: string, newest: number): Promise<number> {
  const [row] = await sql.all<{ format: number }>('SELECT user_version AS format FROM pragma_user_version');
  const { format } = row!;
  if (format <= newest) return format;
  throw new ConfigError(`${path} has format ${format}, this apex reads up to ${newest}: use the newer apex`, {
    code: 'NEWER_FORMAT',
    details: { format },
  });
}
