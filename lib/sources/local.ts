import { createHash } from 'node:crypto';
import { createWriteStream, lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import type { StagedFile } from '../contracts/document.ts';
import { SourceError } from '../contracts/errors.ts';
import type { Source, SourceItem, SourceProblem } from '../contracts/source.ts';
import { copyFile, fileError, passFile, type RawPath, Slices, shownPath, sourceError, textOf } from './files.ts';

export interface LocalSettings {
  /** Larger files are refused before they are read. */
  readonly maxBytes: number;
  readonly stdin: NodeJS.ReadableStream;
  /** Name of standard input as a document: its identity, and a hint for its type. Null names it by its content. */
  readonly stdinName: string | null;
}

/**
 * Files, folders, globs and standard input of this machine.
 *
 * A folder is read with all below it, but for hidden names and links: a link could lead in circles or out of the folder. A link
 * that is named itself is followed. Names are bytes: one that is not UTF-8 is listed and read like any other.
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

  async *list(targets: readonly string[], signal: AbortSignal): AsyncGenerator<SourceItem | SourceProblem> {
    const items = new Map<string, SourceItem>();
    const problems: SourceProblem[] = [];
    for (const target of targets) {
      signal.throwIfAborted();
      const found = target === '-' ? [standardInput(this.#settings.stdinName)] : await listTarget(target, signal);
      for (const entry of found) {
        if ('code' in entry) problems.push(entry);
        else items.set(entry.uri, entry);
      }
    }
    yield* problems;
    yield* [...items.values()].sort((a, b) => (a.uri < b.uri ? -1 : 1));
  }

  digest(item: SourceItem, signal: AbortSignal): Promise<{ digest: string; bytes: number }> {
    return passFile(rawPathOf(item.locator), this.#passage(signal), () => {});
  }

  fromCopy(item: SourceItem, { name, path, digest, bytes }: StagedFile): SourceItem {
    const uri = name === UNNAMED ? `stdin:sha256-${digest}` : `stdin:${encodeURIComponent(name)}`;
    return { ...item, id: uri, uri, name, bytes, locator: locatorOf(path) };
  }

  copy(item: SourceItem, path: string, signal: AbortSignal): Promise<{ digest: string; bytes: number }> {
    if (item.locator === STDIN) return this.#copyStandardInput(path, signal);
    return copyFile(rawPathOf(item.locator), path, this.#passage(signal));
  }

  #passage(signal: AbortSignal) {
    return { maxBytes: this.#settings.maxBytes, slices: this.#slices, signal };
  }

  /** Reads standard input to its end. Not retryable: what it gave is gone. */
  async #copyStandardInput(path: string, signal: AbortSignal): Promise<{ digest: string; bytes: number }> {
    const { stdin, maxBytes } = this.#settings;
    const hash = createHash('sha256');
    let bytes = 0;
    const counted = new Transform({
      transform(part: Uint8Array, _encoding, done) {
        bytes += part.byteLength;
        hash.update(part);
        const problem = `gives more than the ${maxBytes} bytes that APEX_MAX_FILE_MB allows`;
        done(bytes > maxBytes ? sourceError('TOO_LARGE', 'standard input', problem) : null, part);
      },
    });
    try {
      await pipeline(stdin, counted, createWriteStream(path, { mode: 0o600, flags: 'wx' }), { signal });
    } catch (error) {
      throw fileError(error, 'standard input');
    }
    return { digest: hash.digest('hex'), bytes };
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

async function listTarget(target: string, signal: AbortSignal): Promise<(SourceItem | SourceProblem)[]> {
  const path = resolve(target);
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    const failure = fileError(error, target);
    if (!(failure instanceof SourceError)) throw failure;
    // A path that is there is a path, whatever characters it has.
    return failure.code === 'NOT_FOUND' ? listGlob(target, failure) : [problemOf(failure, target)];
  }
  if (stats.isFile()) return [itemOf(path, stats.size)];
  if (!stats.isDirectory())
    return [problemOf(sourceError('NOT_A_FILE', target, 'is neither a regular file nor a folder'), target)];
  const found = await listFolder(path, signal);
  return found.length > 0 ? found : [problemOf(sourceError('NO_MATCH', target, 'holds no document'), target)];
}

async function listGlob(pattern: string, notFound: SourceError): Promise<(SourceItem | SourceProblem)[]> {
  const { default: glob } = await import('fast-glob');
  if (!glob.isDynamicPattern(pattern)) return [problemOf(notFound, pattern)];
  const paths = await glob(pattern, {
    absolute: true,
    onlyFiles: true,
    followSymbolicLinks: false,
    suppressErrors: true,
  });
  const found = [...new Set(paths)].flatMap(namedAs).map((path) => itemOf(path, sizeOf(path)));
  return found.length > 0 ? found : [problemOf(sourceError('NO_MATCH', pattern, 'matches no file'), pattern)];
}

/** Names are read as bytes, because not every name is text. */
async function listFolder(root: string, signal: AbortSignal): Promise<(SourceItem | SourceProblem)[]> {
  const found: (SourceItem | SourceProblem)[] = [];
  const slices = new Slices();
  const folders: Buffer[] = [Buffer.from(root)];
  while (folders.length > 0) {
    signal.throwIfAborted();
    const folder = folders.pop()!;
    try {
      for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
        if (entry.name[0] === DOT) continue;
        const path = Buffer.concat([folder, SLASH, entry.name]);
        if (entry.isDirectory()) folders.push(path);
        else if (entry.isFile()) found.push(itemOf(textOf(path) ?? path, sizeOf(path)));
        await slices.next(signal);
      }
    } catch (error) {
      const failure = fileError(error, textOf(folder) ?? folder);
      if (!(failure instanceof SourceError)) throw failure;
      found.push(problemOf(failure, shownPath(folder)));
    }
  }
  return found;
}

/** The files that a decoded path may stand for: bytes that are not text all decode to U+FFFD, so the folder is asked for them. */
function namedAs(path: string): RawPath[] {
  const folder = Buffer.from(dirname(path));
  if (!path.includes('\uFFFD') || sizeOf(path) !== null || sizeOf(folder) === null) return [path];
  const names = readdirSync(folder, { encoding: 'buffer' }).filter((name) => name.toString('utf8') === basename(path));
  return names.map((name) => Buffer.concat([folder, SLASH, name]));
}

function sizeOf(path: RawPath): number | null {
  return lstatSync(path, { throwIfNoEntry: false })?.size ?? null;
}

const DOT = 0x2e;
const SLASH = Buffer.from('/');

function itemOf(path: RawPath, bytes: number | null): SourceItem {
  const uri = uriOf(path);
  const name = shownPath(path).split('/').at(-1) ?? '';
  return { id: uri, uri, name, bytes, mediaType: null, locator: locatorOf(path), isRepeatable: true };
}

/** A `file:` URI; bytes that are not UTF-8 are percent-encoded one by one, so different names never share a URI. */
function uriOf(path: RawPath): string {
  if (typeof path === 'string') return pathToFileURL(path).href;
  const encoded = [...path].map((byte) =>
    /[A-Za-z0-9._~/-]/.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  );
  return `file://${encoded.join('')}`;
}

/** Plain JSON: `{ "path" }`, or `{ "base64" }` when the path is not text. */
export function locatorOf(path: RawPath): string {
  return JSON.stringify(typeof path === 'string' ? { path } : { base64: path.toString('base64') });
}

function rawPathOf(locator: string): RawPath {
  const { path, base64 } = JSON.parse(locator) as { path?: string; base64?: string };
  return path ?? Buffer.from(base64 ?? '', 'base64');
}

function problemOf({ code, message }: SourceError, uri: string): SourceProblem {
  return { uri, code: code as SourceProblem['code'], message };
}
