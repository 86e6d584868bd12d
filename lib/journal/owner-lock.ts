import { chmodSync, existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { journalError } from './run-journal.ts';

/** A lock that the kernel holds for this process and frees on any death of it. */
export interface OwnerLock {
  release(): void;
}

/** Outlasts the glance of `isLockHeld`, so that asking who owns a run never makes a claim of it fail. */
const GLANCE_MS = 50;

/**
 * Takes the lock, or gives null when a live process holds it. @throws JournalError as SQLite fails.
 *
 * An exclusive transaction on an empty database is held open: no clock, no heartbeat and no process number can lie about it.
 * The file must never be opened by other means in this process, since closing any descriptor of it would free the lock.
 */
export function takeOwnerLock(path: string): OwnerLock | null {
  const db = open(path, { timeout: GLANCE_MS });
  chmodSync(path, 0o600);
  if (isDoneUnlessBusy(db, 'BEGIN EXCLUSIVE')) return { release: () => db.close() };
  db.close();
  return null;
}

/**
 * Does a live process, maybe this one, hold the lock? Looks with a shared lock, so that two who ask do not see each other, and
 * only reads: what a dead process left is still there afterwards.
 */
export function isLockHeld(path: string): boolean {
  if (!existsSync(path)) return false;
  const db = open(path, { timeout: 0, readonly: true });
  try {
    return !isDoneUnlessBusy(db, 'SELECT count(*) FROM sqlite_schema');
  } finally {
    db.close();
  }
}

function open(path: string, options: Database.Options): Database.Database {
  try {
    return new Database(path, options);
  } catch (cause) {
    throw failure('lock.open', cause);
  }
}

function failure(operation: string, cause: unknown): unknown {
  const { code } = cause as { code?: unknown };
  if (typeof code !== 'string') return cause;
  const isFull = code === 'SQLITE_FULL' || code === 'ENOSPC';
  return journalError({ code: isFull ? 'DISK_FULL' : null, sqliteCode: code, operation, cause: cause as Error });
}

function isDoneUnlessBusy(db: Database.Database, sql: string): boolean {
  try {
    db.exec(sql);
    return true;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'SQLITE_BUSY') return false;
    // A dead process left its transaction to be taken back, which only who takes the lock may do.
    if (code === 'SQLITE_READONLY_ROLLBACK') return true;
    throw failure('lock.take', error);
  }
}
