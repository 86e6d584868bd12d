import { accessSync, constants, lstatSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, JournalError } from '../contracts/errors.ts';
import { makeFolder } from '../support/disk.ts';

/** Something about the data directory that a person should know. */
export interface DataFolderWarning {
  readonly code: string;
  readonly message: string;
}

/** File systems on which locks and syncs cannot be trusted. Source: `f_type` in the manual page statfs(2). */
const REFUSED_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xfe534d42, 'SMB2'],
  [0xff534d42, 'CIFS'],
  [0x517b, 'SMB'],
  [0x01021997, '9p'],
]);

const DOUBTED_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x794c7630, 'overlay'],
  [0x65735546, 'FUSE'],
]);

const FOLDERS = ['runs', 'owners', 'locks'];

/**
 * Makes the data directory and its folders, for this user alone (0700), and refuses one that cannot be trusted.
 *
 * @throws ConfigError APEX_PERMISSION for a foreign-owned, shared or unwritable folder; APEX_CONFIG for a link, a file, a place
 * where no folder can be made or a network file system. JournalError DISK_FULL.
 */
export function openDataFolder(path: string): DataFolderWarning[] {
  try {
    makeFolder(path);
    assertOwn(path);
    for (const name of FOLDERS) makeFolder(join(path, name));
    for (const name of ['', ...FOLDERS]) accessSync(join(path, name), constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw folderError(path, error);
  }
  return judgeFileSystem(path, statfsSync(path).type);
}

/**
 * Looks at a data directory as `openDataFolder` does, and makes and changes nothing: one that is not there yet is fine.
 *
 * @throws ConfigError as `openDataFolder`.
 */
export function inspectDataFolder(path: string): DataFolderWarning[] {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return [];
    assertOwn(path);
  } catch (error) {
    throw folderError(path, error);
  }
  return judgeFileSystem(path, statfsSync(path).type);
}

/** Refuses or doubts the file system a folder is on. @param type the `f_type` of statfs(2). @throws ConfigError APEX_CONFIG. */
export function judgeFileSystem(path: string, type: number): DataFolderWarning[] {
  const refused = REFUSED_FILE_SYSTEMS.get(type);
  if (refused !== undefined) {
    throw new ConfigError(
      `the data directory ${path} is on ${refused}: locks do not hold there; set APEX_HOME to a local disk`,
      { code: 'APEX_CONFIG', details: { path, fileSystem: refused } },
    );
  }
  const doubted = DOUBTED_FILE_SYSTEMS.get(type);
  return doubted === undefined
    ? []
    : [
        {
          code: 'FILE_SYSTEM',
          message: `the data directory is on ${doubted}: what it holds may go with its container`,
        },
      ];
}

/** Whoever may write into the folder could put files of his own in the place of ours. */
const SHARED_WRITE_BITS = 0o022;

/** @throws ConfigError for a folder that is a link, a file, another user's or open to the writing of others. */
export function assertOwn(path: string): void {
  const stats = lstatSync(path);
  const refuse = (problem: string, code: 'APEX_CONFIG' | 'APEX_PERMISSION') => {
    throw new ConfigError(`the data directory ${path} ${problem}; set APEX_HOME to a folder of your own`, {
      code,
      details: { path },
    });
  };
  if (stats.isSymbolicLink()) refuse('is a link', 'APEX_CONFIG');
  if (!stats.isDirectory()) refuse('is not a folder', 'APEX_CONFIG');
  if (process.geteuid !== undefined && stats.uid !== process.geteuid())
    refuse('belongs to another user', 'APEX_PERMISSION');
  if ((stats.mode & SHARED_WRITE_BITS) !== 0) refuse('can be written by other users', 'APEX_PERMISSION');
}

/** What it means that a data directory could not be made or used. */
export function folderError(path: string, error: unknown): unknown {
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    const problem = code === 'EROFS' ? 'is on a disk that is read-only' : 'may not be written by this user';
    return new ConfigError(`the data directory ${path} ${problem} (${code}); set APEX_HOME to a folder of your own`, {
      code: 'APEX_PERMISSION',
      details: { path },
      cause: error,
    });
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new JournalError(`the disk is full: the data directory ${path} cannot be made`, {
      code: 'DISK_FULL',
      retryable: true,
      details: { path },
      cause: error,
    });
  }
  // A file in the way, a link that leads nowhere, a name too long: all that mkdir refuses.
  if (syscall !== undefined) {
    return new ConfigError(`the data directory ${path} cannot be made (${code}); set APEX_HOME to another folder`, {
      code: 'APEX_CONFIG',
      details: { path },
      cause: error,
    });
  }
  return error;
}
