import { isLockHeld as isHeld, type KernelLock, takeLock } from '../support/kernel-lock.ts';
import { journalError } from './run-journal.ts';

export type OwnerLock = KernelLock;

/** Takes the lock of a run or of a piece of work, or gives null when a live process holds it. @throws JournalError as SQLite fails. */
export function takeOwnerLock(path: string): OwnerLock | null {
  return takeLock(path, journalError);
}

/** Does a live process, maybe this one, hold the lock? Only looks. @throws JournalError as SQLite fails. */
export function isLockHeld(path: string): boolean {
  return isHeld(path, journalError);
}
