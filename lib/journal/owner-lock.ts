import { chmodSync, existsSync } from 'node:fs';
import Database from 'better-sqlite3';

/** A lock that the kernel holds for this process and frees on any death of it. */
export interface OwnerLock {
  release(): void;
}

/** Outlasts the glance of `isLockHeld`, so that asking who owns a run never makes a claim of it fail. */
const GLANCE_MS = 50;

/**
 * Takes the lock, or gives null when a live process holds it.
 *
 * An exclusive transaction on an empty database is held open: no clock, no heartbeat and no process number can lie about it.
 * The file must never be opened by other means in this process, since closing any descriptor of it would free the lock.
 */
export function takeOwnerLock(path: string): OwnerLock | null {
  const db = new Database(path, { timeout: GLANCE_MS });
  chmodSync(path, 0o600);
  if (isDoneUnlessBusy(db, 'BEGIN EXCLUSIVE')) return { release: () => db.close() };
  db.close();
  return null;
}

/** Does a live process, maybe this one, hold the lock? Looks with a shared lock, so that two who ask do not see each other. */
export function isLockHeld(path: string): boolean {
  if (!existsSync(path)) return false;
  const db = new Database(path, { timeout: 0 });
  try {
    return !isDoneUnlessBusy(db, 'SELECT count(*) FROM sqlite_schema');
  } finally {
    db.close();
  }
}

function isDoneUnlessBusy(db: Database.Database, sql: string): boolean {
  try {
    db.exec(sql);
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'SQLITE_BUSY') return false;
    throw error;
  }
}
