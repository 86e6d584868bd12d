import { chmodSync } from 'node:fs';
import Database from 'better-sqlite3';

/** A lock that the kernel holds for this process and frees on any death of it. */
export interface OwnerLock {
  release(): void;
}

/**
 * Takes the lock, or gives null when a live process holds it.
 *
 * An exclusive transaction on an empty database is held open: no clock, no heartbeat and no process number can lie about it.
 * The file must never be opened by other means in this process, since closing any descriptor of it would free the lock.
 */
export function takeOwnerLock(path: string): OwnerLock | null {
  let db: Database.Database | null = null;
  try {
    db = new Database(path, { timeout: 0 });
    chmodSync(path, 0o600);
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db?.close();
    if ((error as { code?: unknown }).code === 'SQLITE_BUSY') return null;
    throw error;
  }
  const held = db;
  return { release: () => held.close() };
}
