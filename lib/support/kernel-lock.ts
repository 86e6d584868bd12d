import { chmodSync, existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { ApexError } from '../contracts/errors.ts';
import type { SqlFailure } from './sql-thread.ts';

/** A lock that the kernel holds for this process and frees on any death of it. */
export interface KernelLock {
  release(): void;
}

/** Outlasts the glance of `isLockHeld`, so that asking who holds a lock never makes a claim of it fail. */
const GLANCE_MS = 50;

/** What a failure of the disk means for whoever the lock is for. */
type ToError = (failure: SqlFailure) => ApexError;

/**
 * Takes the lock, or gives null when a live process holds it for as long as `waitMs`. @throws what `toError` makes of SQLite's failures.
 *
 * An exclusive transaction on an empty database is held open: no clock, no heartbeat and no process number can lie about it.
 * The file must never be opened by other means in this process, since closing any descriptor of it would free the lock.
 */
export function takeLock(path: string, toError: ToError, waitMs = GLANCE_MS): KernelLock | null {
  const db = open(path, { timeout: waitMs }, toError);
  chmodSync(path, 0o600);
  if (isDoneUnlessBusy(db, 'BEGIN EXCLUSIVE', toError)) return { release: () => db.close() };
  db.close();
  return null;
}

/** Works under a lock, and frees it whatever comes. @returns null where it was not to be had. */
export async function underLock<T>(lock: KernelLock | null, work: () => Promise<T>): Promise<T | null> {
  if (lock === null) return null;
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/**
 * Does a live process, maybe this one, hold the lock? Looks with a shared lock, so that two who ask do not see each other, and
 * only reads: what a dead process left is still there afterwards.
 */
export function isLockHeld(path: string, toError: ToError): boolean {
  if (!existsSync(path)) return false;
  const db = open(path, { timeout: 0, readonly: true }, toError);
  try {
    return !isDoneUnlessBusy(db, 'SELECT count(*) FROM sqlite_schema', toError);
  } finally {
    db.close();
  }
}

function open(path: string, options: Database.Options, toError: ToError): Database.Database {
  try {
    return new Database(path, options);
  } catch (cause) {
    throw failure('lock.open', cause, toError);
  }
}

function failure(operation: string, cause: unknown, toError: ToError): unknown {
  const { code } = cause as { code?: unknown };
  if (typeof code !== 'string') return cause;
  const isFull = code === 'SQLITE_FULL' || code === 'ENOSPC';
  return toError({ code: isFull ? 'DISK_FULL' : null, sqliteCode: code, operation, cause: cause as Error });
}

function isDoneUnlessBusy(db: Database.Database, sql: string, toError: ToError): boolean {
  try {
    db.exec(sql);
    return true;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'SQLITE_BUSY') return false;
    // A dead process left its transaction to be taken back, which only who takes the lock may do.
    if (code === 'SQLITE_READONLY_ROLLBACK') return true;
    throw failure('lock.take', error, toError);
  }
}
