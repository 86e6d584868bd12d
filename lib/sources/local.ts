import { createHash } from 'node:crypto';
import { constants, createWriteStream, openSync, truncateSync } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { StagedFile } from '../contracts/document.ts';
import type { Source, SourceItem, SourceProblem, SourceRoot } from '../contracts/source.ts';
import { diskError } from '../support/disk.ts';
import { copyFile, fileError, partsOf, passFile, Slices, sourceError } from './files.ts';
import { goneFrom } from './gone.ts';
import { fileAt, listTarget, locatorOf, rawPathOf } from './listing.ts';
import { OwnFolders } from './own-folders.ts';

export interface LocalSettings {
  /** Larger files are refused before they are read. */
  readonly maxBytes: number;
  readonly stdin: NodeJS.ReadableStream;
  /** Name of standard input as a document: its identity, and a hint for its type. Null names it by its content. */
  readonly stdinName: string | null;
  /** Where apex keeps its own data, which is never listed. */
  readonly ownFolders: readonly string[];
}

/**
 * Files, folders, globs and standard input of this machine.
 *
 * A folder is read with all below it, but for hidden names and links: a link could lead in circles or out of the folder. A link
 * that is named itself is followed. Names are bytes: one that is not UTF-8 is listed and read like any other. What apex itself
 * keeps is no document.
 */
export function createLocalSource(settings: LocalSettings): Source {
  return new LocalSource(settings);
}

class LocalSource implements Source {
  readonly name = 'local_upload';
  readonly #settings: LocalSettings;
  readonly #slices = new Slices();

  constructor(settings: LocalSettings) {
    this.#settings = settings;
  }

  async *list(
    targets: readonly string[],
    signal: AbortSignal,
    onRoot: (root: SourceRoot) => void = () => {},
  ): AsyncGenerator<SourceItem | SourceProblem> {
    const items = new Map<string, SourceItem>();
    const problems: SourceProblem[] = [];
    const own = new OwnFolders(this.#settings.ownFolders);
    for (const target of targets) {
      signal.throwIfAborted();
      if (target === '-') {
        const item = standardInput(this.#settings.stdinName);
        items.set(item.uri, item);
        continue;
      }
      const { found, roots } = await listTarget(target, own, signal);
      for (const entry of found) {
        if ('code' in entry) problems.push(entry);
        else items.set(entry.uri, entry);
      }
      for (const root of roots) onRoot(root);
    }
    yield* problems;
    yield* [...items.values()].sort((a, b) => (a.uri < b.uri ? -1 : 1));
  }

  gone(root: SourceRoot, uris: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    return goneFrom(root, uris, signal);
  }

  itemAt(uri: string): SourceItem | null {
    return fileAt(uri);
  }

  digest(item: SourceItem, signal: AbortSignal): Promise<{ digest: string; bytes: number }> {
    return passFile(rawPathOf(item.locator), this.#passage(signal), () => {});
  }

  fromCopy(item: SourceItem, { name, path, digest, bytes }: StagedFile): SourceItem {
    const uri = name === UNNAMED ? `stdin:sha256-${digest}` : `stdin:${encodeURIComponent(name)}`;
    return { ...item, id: uri, uri, name, bytes, locator: locatorOf(path) };
  }

  copy(
    item: SourceItem,
    path: string,
    signal: AbortSignal,
    onBytes: (totalBytes: number) => void = () => {},
  ): Promise<{ digest: string; bytes: number }> {
    if (item.locator === STDIN) return this.#copyStandardInput(path, signal, onBytes);
    return copyFile(rawPathOf(item.locator), path, this.#passage(signal), onBytes);
  }

  read(item: SourceItem, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return partsOf(rawPathOf(item.locator), signal);
  }

  #passage(signal: AbortSignal) {
    return { maxBytes: this.#settings.maxBytes, slices: this.#slices, signal };
  }

  /** Reads standard input to its end. Not retryable: what it gave is gone. */
  async #copyStandardInput(
    path: string,
    signal: AbortSignal,
    onBytes: (totalBytes: number) => void,
  ): Promise<{ digest: string; bytes: number }> {
    const { stdin, maxBytes } = this.#settings;
    const hash = createHash('sha256');
    let bytes = 0;
    const counted = new Transform({
      transform(part: Uint8Array, _encoding, done) {
        bytes += part.byteLength;
        hash.update(part);
        const problem = `gives more than the ${maxBytes} bytes that APEX_MAX_FILE_MB allows`;
        const failure =
          bytes > maxBytes ? sourceError('TOO_LARGE', 'standard input', problem) : failureOf(() => onBytes(bytes));
        done(failure, part);
      },
    });
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
      await pipeline(stdin, counted, createWriteStream(path, { fd }), { signal });
      truncateSync(path, bytes);
    } catch (error) {
      // The rest is about the file that it is copied to.
      const isAboutInput = (error as { syscall?: unknown }).syscall === 'read';
      throw isAboutInput ? fileError(error, 'standard input') : diskError(error, path);
    }
    return { digest: hash.digest('hex'), bytes };
  }
}

function failureOf(work: () => void): Error | null {
  try {
    work();
    return null;
  } catch (error) {
    return error as Error;
  }
}

/** The locator of what has not been read yet. */
const STDIN = '-';
/** The name of standard input that nobody named. */
const UNNAMED = 'stdin';

function standardInput(stdinName: string | null): SourceItem {
  const name = stdinName ?? UNNAMED;
  return { id: STDIN, uri: 'stdin:', name, bytes: null, mediaType: null, locator: STDIN, isRepeatable: false };
}
