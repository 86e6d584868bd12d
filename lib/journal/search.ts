import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';

/** A commit of the owner is over by then. */
const BUSY_TIMEOUT_MS = 2_000;

/**
 * Does a run's log hold the text in an entry? True also of a log that cannot be searched: its reader says what is wrong with it.
 *
 * It is looked at in this thread, because a thread for each of thousands of logs would take minutes.
 */
export function mayHold(path: string, text: string): boolean {
  if (!existsSync(path)) return false;
  let db: Database.Database | null = null;
  try {
    db = new Database(path, { readonly: true, timeout: BUSY_TIMEOUT_MS });
    return db.prepare('SELECT 1 FROM entry WHERE instr(body, ?) LIMIT 1').get(text) !== undefined;
  } catch {
    return true;
  } finally {
    db?.close();
  }
}
