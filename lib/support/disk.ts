import { mkdirSync, statSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SourceError } from '../contracts/errors.ts';

/**
 * Makes a folder, and those above it that are missing, for this user alone (0700). Quiet when it is there.
 *
 * Node's own `recursive` never returns where a missing parent cannot be made, as under `/proc`.
 * @throws the file system's error.
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolder(dirname(path));
    // Another process may have made it meanwhile.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) mkdirSync(path, { mode: 0o700 });
  }
}

/** What it means for the work that a place on the local disk could not be used. Other errors are returned as they are. */
export function diskError(error: unknown, place: string): unknown {
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  if (typeof code !== 'string' || syscall === undefined) return error;
  const details = { systemCode: code };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const message = `the disk is full: ${place} cannot grow`;
    return new SourceError(message, { code: 'DISK_FULL', retryable: true, details, cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const message = `${place} may not be written by this user (${code})`;
    return new SourceError(message, { code: 'APEX_PERMISSION', details, cause: error });
  }
  return new SourceError(`the disk failed under ${place} (${code})`, { code: 'APEX_JOURNAL', details, cause: error });
}

/** The path itself, or the folder nearest above it that is there. @throws the file system's error. */
export async function nearestThere(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || dirname(path) === path) throw error;
    return nearestThere(dirname(path));
  }
}

/** Bytes that this user may still write where the path lies, and which disk that is. @throws the file system's error. */
export async function freeSpace(path: string): Promise<{ readonly freeBytes: number; readonly device: number }> {
  const there = await nearestThere(path);
  const [{ bavail, bsize }, { dev }] = await Promise.all([statfs(there), stat(there)]);
  return { freeBytes: bavail * bsize, device: dev };
}
