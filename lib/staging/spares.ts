import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** The folder of spare ones in the staging area; no source has such a name. */
export const SPARES = '.spare';
/** Spare folders that are kept at once. */
const MAX_SPARES = 512;
/** Larger files are removed: overwriting them would take longer. */
const MAX_FILE_BYTES = 65_536;

const REMOVAL = { recursive: true, force: true } as const;

const ZEROS = Buffer.alloc(MAX_FILE_BYTES);

/**
 * Folders of documents that are done with, kept for the next documents with their files overwritten by zeros.
 *
 * Files are dear to make and to remove on some disks: ext4 without a journal searches past every file that was removed in the last
 * minutes, and with online discard it waits for the disk. Measured over batches of 256 documents, renaming a folder back and forth
 * took a twentieth of the time, and the same time from the first batch to the last. Files keep their lengths, because ext4 writes
 * one that was cut to nothing to the disk as soon as it is closed again.
 * Whenever it does not work out, because another process has cleaned up or something unknown lies in a folder, the caller makes and
 * removes folders as ever.
 */
export class SpareFolders {
  readonly #folder: string;
  /** Makes the names of spare folders this process's own. */
  readonly #prefix = randomUUID();
  readonly #spares: { readonly path: string; readonly run: string }[] = [];
  #kept = 0;

  /** @param base the staging area. */
  constructor(base: string) {
    this.#folder = join(base, SPARES);
  }

  /** Makes a spare folder the run's folder at `path`. @returns false when there is none, or the document has a folder already. */
  take(path: string): boolean {
    const spare = this.#spares.pop();
    if (spare === undefined) return false;
    const document = dirname(path);
    try {
      mkdirSync(dirname(document), { recursive: true, mode: 0o700 });
      renameSync(spare.path, document);
    } catch {
      rmSync(spare.path, REMOVAL);
      return false;
    }
    if (spare.run !== basename(path)) renameSync(join(document, spare.run), path);
    return true;
  }

  /**
   * Takes the document's folder, with the run's folder at `path` in it, away.
   *
   * @returns false when it is left as it was: another run's folder lies beside this one, or something that is not to be reused in it.
   */
  keep(path: string, isReusable: (name: string) => boolean): boolean {
    if (this.#spares.length === MAX_SPARES) return false;
    const document = dirname(path);
    const spare = join(this.#folder, `${this.#prefix}-${this.#kept}`);
    let names: string[];
    try {
      const entries = readdirSync(path, { withFileTypes: true });
      if (!entries.every((entry) => entry.isFile() && isReusable(entry.name))) return false;
      if (readdirSync(document).length > 1) return false;
      names = entries.map(({ name }) => name);
      if (this.#kept === 0) mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      renameSync(document, spare);
    } catch {
      return false;
    }
    this.#kept += 1;
    const run = basename(path);
    if (names.every((name) => overwritten(join(spare, run, name)))) this.#spares.push({ path: spare, run });
    else rmSync(spare, REMOVAL);
    return true;
  }

  /** Removes every spare folder, those of processes that died too; a live one makes folders as ever from then on. */
  remove(): void {
    this.#forget();
    try {
      rmSync(this.#folder, REMOVAL);
    } catch {
      // Another process is just putting one there, and will remove it.
    }
  }

  /** As `remove`, with other work in between. */
  async close(): Promise<void> {
    this.#forget();
    await rm(this.#folder, REMOVAL).catch(() => {});
  }

  #forget(): void {
    this.#spares.length = 0;
    this.#kept = 0;
  }
}

/** Overwrites a file by zeros. @returns false when it is too large for that, or could not be done. */
function overwritten(path: string): boolean {
  try {
    const file = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
    try {
      const { size } = fstatSync(file);
      if (size > MAX_FILE_BYTES) return false;
      for (let at = 0; at < size; ) at += writeSync(file, ZEROS, 0, size - at, at);
      return true;
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}
