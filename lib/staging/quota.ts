import { join } from 'node:path';
import { SourceError, StoreError } from '../contracts/errors.ts';
import { type KernelLock, takeLock } from '../support/kernel-lock.ts';
import type { SqlFailure } from '../support/sql-thread.ts';
import { digestOf, readIfThere, writeOver } from './files.ts';
import { usedBytesIn } from './stats.ts';

export interface QuotaSettings {
  /** The staging area. */
  readonly base: string;
  /** Beyond this, nothing new is staged. */
  readonly maxBytes: number;
  /** Where processes that share the area find each other's lock and count; null: this one is alone. */
  readonly locks: string | null;
  /** Frees what can be freed at once, before anything is refused. */
  readonly free: () => void;
}

/** The longest that a process waits for another one to count: measuring 100,000 folders takes some seconds. */
const LOCK_WAIT_MS = 60_000;

/** So many bytes of small files a process may have staged before it tells the others: each telling takes half a millisecond. */
const UNTOLD_BYTES = 16_777_216;

/**
 * What may still be staged, over all processes that share the area.
 *
 * Processes count what they are about to write in one file, under a lock, and make the file that the bytes go to as long as it is going
 * to be before they let go of it: so a measurement sees also what is only being written. What is removed is not counted down: the disk
 * is measured again when the count reaches the limit, which is rare, and right also about what was removed.
 */
export class Quota {
  readonly #settings: QuotaSettings;
  /** Bytes in use when the count was last seen. */
  #seenBytes: number | null = null;
  /** Bytes that this process has added since, and not told. */
  #untoldBytes = 0;

  constructor(settings: QuotaSettings) {
    this.#settings = settings;
  }

  /** Counts bytes of small files, which other processes are told of together. @throws SourceError QUOTA_FULL. */
  count(bytes: number): void {
    const untoldBytes = this.#untoldBytes + bytes;
    const isTold = this.#seenBytes === null || untoldBytes > UNTOLD_BYTES;
    if (isTold || this.#seenBytes! + untoldBytes > this.#settings.maxBytes)
      this.take({ least: bytes, most: bytes }, () => {});
    else this.#untoldBytes = untoldBytes;
  }

  /** Counts bytes that are not held to the quota, because what they are for makes room. */
  allow(bytes: number): void {
    this.#untoldBytes += bytes;
  }

  /**
   * Takes room for a document's bytes: `most`, or where they do not fit `least`.
   *
   * @param place makes the file that they go to as long as that, before another process may measure.
   * @returns the bytes taken. @throws SourceError QUOTA_FULL, and nothing is made.
   */
  take({ least, most }: { readonly least: number; readonly most: number }, place: (bytes: number) => void): number {
    const { maxBytes, free, base } = this.#settings;
    const lock = this.#lock();
    try {
      let usedBytes = (this.#counted() ?? usedBytesIn(base)) + this.#untoldBytes;
      if (usedBytes + most > maxBytes) {
        free();
        usedBytes = usedBytesIn(base);
      }
      const bytes = usedBytes + most > maxBytes ? least : most;
      const isFull = usedBytes + bytes > maxBytes;
      if (!isFull) place(bytes);
      this.#tell(isFull ? usedBytes : usedBytes + bytes);
      if (isFull) throw full({ usedBytes, maxBytes, bytes });
      return bytes;
    } finally {
      lock?.release();
    }
  }

  /**
   * The count of all processes, or null when nobody has counted. Read under the lock. A process measures first: one that was killed, or
   * somebody else, may have left what was never told.
   */
  #counted(): number | null {
    const path = this.#pathOf('used');
    if (path === null || this.#seenBytes === null) return this.#seenBytes;
    const text = readIfThere(path)?.toString('utf8') ?? '';
    return /^\d+$/.test(text) ? Number(text) : null;
  }

  #tell(usedBytes: number): void {
    this.#seenBytes = usedBytes;
    this.#untoldBytes = 0;
    const path = this.#pathOf('used');
    if (path !== null) writeOver(path, Buffer.from(String(usedBytes)));
  }

  #lock(): KernelLock | null {
    const path = this.#pathOf('db');
    if (path === null) return null;
    const lock = takeLock(path, lockError, LOCK_WAIT_MS);
    if (lock !== null) return lock;
    throw new StoreError('another process has been counting what is staged for too long', {
      code: 'LOCKED',
      retryable: true,
    });
  }

  /** Another area, as another setting names it, has a lock and a count of its own. */
  #pathOf(extension: 'db' | 'used'): string | null {
    const { locks, base } = this.#settings;
    return locks === null ? null : sharedPath(locks, base, extension);
  }
}

/** A file of what processes that share a staging area know of it. */
export function sharedPath(locks: string, base: string, extension: 'db' | 'used' | 'cleaned'): string {
  return join(locks, `staging-${digestOf(base).slice(0, 16)}.${extension}`);
}

function full(details: { readonly usedBytes: number; readonly maxBytes: number; readonly bytes: number }): SourceError {
  const { usedBytes, maxBytes, bytes } = details;
  return new SourceError(
    `the staging area is full: ${usedBytes} of ${maxBytes} bytes are used, ${bytes} more are needed`,
    { code: 'QUOTA_FULL', retryable: true, details },
  );
}

/** What it means that a lock of the staging area could not be used. */
export function lockError({ code, sqliteCode, cause }: SqlFailure): SourceError {
  const details = { sqliteCode };
  if (code === 'DISK_FULL')
    return new SourceError('the disk is full: staging cannot be locked', { code, retryable: true, details, cause });
  return new SourceError(`the staging area could not be locked (${sqliteCode})`, {
    code: sqliteCode === 'SQLITE_CANTOPEN' ? 'APEX_PERMISSION' : 'APEX_JOURNAL',
    details,
    cause,
  });
}
