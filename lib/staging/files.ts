import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  createReadStream,
  type Dirent,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { ConfigError } from '../contracts/errors.ts';

const PLAIN_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/;

const DIGEST_PREFIX = 'sha256-';

/** The folder of what waits, beside those of runs; `waiting@<run>` once a run has taken it. No run has such a name. */
export const WAITING = 'waiting';
export const TAKEN = `${WAITING}@`;

/** Is it the folder of what waits, and not of a run? */
export function isWaiting(folderName: string): boolean {
  return folderName === WAITING || folderName.startsWith(TAKEN);
}

/** The name itself where it can be a folder's name, else a digest of it; a name that looks like such a digest is digested too. */
export function plainName(name: string): string {
  return PLAIN_NAME.test(name) && !name.startsWith(DIGEST_PREFIX) ? name : `${DIGEST_PREFIX}${digestOf(name)}`;
}

const DIGEST_NAME = /^sha256-[0-9a-f]{64}$/;

/** Can it be what `plainName` makes of a name that cannot be a folder's? */
export function isDigestName(name: string): boolean {
  return DIGEST_NAME.test(name);
}

/** Lower-case hexadecimal SHA-256. */
export function digestOf(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Lower-case hexadecimal SHA-256 of a file of any size, or null when it is not there. */
export async function digestOfFile(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for await (const part of readParts(path)) hash.update(part);
  } catch (error) {
    return nullIfGone(error);
  }
  return hash.digest('hex');
}

/** How a file is opened that must not be a link. */
const NO_LINK = constants.O_RDONLY | constants.O_NOFOLLOW;

/** The bytes of a staged file, in parts. @throws the file system's error. */
export function readParts(path: string): AsyncIterable<Buffer> {
  return createReadStream(path, { fd: openSync(path, NO_LINK) });
}

/** The file's bytes, or null when it is not there. */
export function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path, { flag: NO_LINK });
  } catch (error) {
    return nullIfGone(error);
  }
}

/** Longer than what any small file holds that apex writes. */
const SMALL_FILE = Buffer.allocUnsafe(262_144);

/** The text of a small file, in half the time that `readIfThere` takes; a longer one is cut. @throws the file system's error. */
export function readSmall(path: string): { readonly text: string; readonly bytes: number } {
  const file = openSync(path, NO_LINK);
  try {
    const bytes = readSync(file, SMALL_FILE, 0, SMALL_FILE.byteLength, 0);
    return { text: SMALL_FILE.toString('utf8', 0, bytes), bytes };
  } finally {
    closeSync(file);
  }
}

/** What is in a folder. Other processes remove folders at any time: what is gone has nothing in it. */
export function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    return nullIfGone(error) ?? [];
  }
}

/** @throws the error, unless it says that something is not there. */
export function nullIfGone(error: unknown): null {
  if ((error as { code?: unknown }).code === 'ENOENT') return null;
  throw error;
}

/** The paths of the folders in a folder; links are none. */
export function subfolders(path: string): string[] {
  return (
    entriesOf(path)
      .filter((entry) => entry.isDirectory())
      // There may be very many, and nothing in these names needs to be made plain.
      .map(({ name }) => `${path}/${name}`)
  );
}

/** The links to a folder that one folder is in: its name, its own `.` and the `..` of that one. */
const LINKS_OF_ONE = 3;

/**
 * Is a folder of this name, and no other folder, in a folder? A third of the time that reading it takes. False also where the file system
 * does not count links to folders: that is for `subfolders` to tell.
 *
 * Source: https://www.gnu.org/software/findutils/manual/html_node/find_html/Directories.html (-noleaf: 2 links, and one a subfolder)
 */
export function isOnlyFolder(path: string, name: string): boolean {
  return (
    lstatSync(path, { throwIfNoEntry: false })?.nlink === LINKS_OF_ONE &&
    lstatSync(`${path}/${name}`, { throwIfNoEntry: false })?.isDirectory() === true
  );
}

/** When something was last added to a folder or removed from it, in milliseconds since 1970. */
export function changedAt(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** When a folder, or a file in it, was changed last, in milliseconds since 1970. */
export function newestIn(path: string): number {
  return Math.max(changedAt(path), ...entriesOf(path).map(({ name }) => changedAt(join(path, name))));
}

/** Removes a folder in a document's, and the folders above it that are empty then. `rm` does not follow links. */
export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
  removeEmptyAbove(path);
}

/** Removes the document's folder that a folder was in, and the source's, where nothing is in them any more. */
export function removeEmptyAbove(path: string): void {
  if (removeEmpty(dirname(path))) removeEmpty(dirname(dirname(path)));
}

/** Removes a folder unless something is in it. */
export function removeEmpty(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Writes a file (0600), over the one that is there; it is not cut before, see `SpareFolders`. @param isSynced it survives a power cut. */
export function writeOver(path: string, bytes: Uint8Array, isSynced = false): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    for (let written = 0; written < bytes.byteLength; ) written += writeSync(file, bytes, written);
    ftruncateSync(file, bytes.byteLength);
    if (isSynced) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes a file (0600) of so many bytes, or brings the one that is there to that length. */
export function setLength(path: string, bytes: number): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    ftruncateSync(file, bytes);
  } finally {
    closeSync(file);
  }
}

/** Makes a file or a folder survive a power cut as it is. */
export function sync(path: string): void {
  const file = openSync(path, NO_LINK);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Bytes of all files below a folder; links are not followed. */
export function sizeOf(path: string): number {
  let bytes = 0;
  for (const entry of entriesOf(path)) {
    const inside = join(path, entry.name);
    if (entry.isDirectory()) bytes += sizeOf(inside);
    else if (entry.isFile()) bytes += lstatSync(inside, { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/** Whoever may write into a folder could put files of his own in the place of ours. */
const SHARED_WRITE_BITS = 0o022;

/** How often another process may remove an empty folder just as one is made in it, before it is no coincidence. */
const MAX_TRIES = 100;

/**
 * Makes a folder below the staging area (0700), and those between. None is made through a link or in another user's folder.
 *
 * @throws ConfigError as `assertOwnFolder`; the file system's error.
 */
export function makeFolderBelow(base: string, path: string): void {
  const names = relative(base, path).split('/');
  for (let tries = 1; ; tries += 1) {
    try {
      for (let count = 1; count <= names.length; count += 1) makeOwnFolder(join(base, ...names.slice(0, count)));
      return;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT' || tries === MAX_TRIES) throw error;
    }
  }
}

function makeOwnFolder(path: string): void {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process was faster.
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
  }
  assertOwnFolder(path);
}

/** @throws ConfigError for a folder of the staging area that is a link, no folder, another user's or open to the writing of others. */
export function assertOwnFolder(path: string): void {
  const stats = lstatSync(path);
  const isForeign = process.geteuid !== undefined && stats.uid !== process.geteuid();
  if (isForeign) throw unusable(path, 'belongs to another user', 'APEX_PERMISSION');
  if (stats.isSymbolicLink()) throw unusable(path, 'is a link', 'APEX_CONFIG');
  if (!stats.isDirectory()) throw unusable(path, 'is not a folder', 'APEX_CONFIG');
  if ((stats.mode & SHARED_WRITE_BITS) !== 0) throw unusable(path, 'can be written by other users', 'APEX_PERMISSION');
}

function unusable(path: string, problem: string, code: 'APEX_CONFIG' | 'APEX_PERMISSION'): ConfigError {
  return new ConfigError(
    `the staging folder ${path} ${problem}; make it a folder of your own (0700), or set STAGING_BASE_DIR to another`,
    { code, details: { path, name: basename(path) } },
  );
}
