import { chmodSync, closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ConfigError } from '../contracts/errors.ts';

/** Whoever collects is another user. */
const MODE = 0o644;

/**
 * Puts a file of metrics in place, whole, readable by everybody (0644). The folder must be there: one that is made here, for this user
 * alone, nobody else could read.
 *
 * @throws ConfigError APEX_CONFIG where the folder is missing or none; APEX_PERMISSION; APEX_JOURNAL when the disk fails.
 */
export function writeTextfile(path: string, text: string): void {
  // The ending is not `.prom`, so that a collector never reads a part of it.
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  try {
    const file = openSync(temporary, 'w', MODE);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    chmodSync(temporary, MODE);
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw textfileError(path, error);
  }
}

/** What keeps the file from being written may keep the rest of it from being removed. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The first failure is the one that is told.
  }
}

/** Why a file of metrics cannot be written, by what the system said. Errors as `writeTextfile`. */
export function textfileError(path: string, cause: unknown): unknown {
  const { code } = cause as { code?: unknown };
  if (typeof code !== 'string') return cause;
  const details = { path, systemCode: code };
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') {
    const message = `the metrics cannot be written to ${path} (${code}): make its folder, readable by who collects them, or name another in APEX_METRICS_DIR`;
    return new ConfigError(message, { code: 'APEX_CONFIG', details, cause });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const message = `the metrics may not be written to ${path} by this user (${code}): let it write there, or name another folder in APEX_METRICS_DIR`;
    return new ConfigError(message, { code: 'APEX_PERMISSION', details, cause });
  }
  return new ConfigError(`the metrics cannot be written to ${path} (${code}): look at the disk`, {
    code: code === 'ENOSPC' || code === 'EDQUOT' ? 'DISK_FULL' : 'APEX_JOURNAL',
    details,
    cause,
  });
}
