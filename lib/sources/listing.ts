import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SourceError } from '../contracts/errors.ts';
import type { SourceItem, SourceProblem, SourceRoot } from '../contracts/source.ts';
import { fileError, type RawPath, Slices, shownPath, sourceError, textOf } from './files.ts';
import { matchGlob } from './glob.ts';
import type { OwnFolders } from './own-folders.ts';

type Listed = (SourceItem | SourceProblem)[];

/** What a target gave. */
interface Listing {
  readonly found: Listed;
  /** Each path that may hold several documents, or cannot be listed. */
  readonly roots: readonly SourceRoot[];
}

/** What a path or a glob stands for: files as items, everything that cannot be one as a problem. */
export async function listTarget(target: string, own: OwnFolders, signal: AbortSignal): Promise<Listing> {
  const found: Listed = [];
  const roots: SourceRoot[] = [];
  // An argument comes decoded: it may stand for files whose names are not text.
  for (const path of namedAs(resolve(target))) {
    const listing = await listPath(path, target, own, signal);
    for (const entry of listing.found) found.push(entry);
    roots.push(...listing.roots);
  }
  return { found, roots };
}

async function listPath(path: RawPath, target: string, own: OwnFolders, signal: AbortSignal): Promise<Listing> {
  const root = (state: SourceRoot['state']): SourceRoot => ({ target, uri: rootUriOf(path), isPattern: false, state });
  const unlisted = (problem: SourceError): Listing => ({
    found: [problemOf(problem, target)],
    roots: [root('incomplete')],
  });
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    const failure = fileError(error, target);
    if (!(failure instanceof SourceError)) throw failure;
    // A path that is there is a path, whatever characters it has.
    const matched = failure.code === 'NOT_FOUND' ? await listGlob(target, own) : null;
    return matched ?? unlisted(failure);
  }
  if (own.hold(path)) return unlisted(sourceError('NOT_A_FILE', target, 'holds data of apex itself, no documents'));
  if (stats.isFile()) return { found: [itemOf(path, stats.size)], roots: [] };
  if (!stats.isDirectory())
    return unlisted(sourceError('NOT_A_FILE', target, 'is neither a regular file nor a folder'));
  const found = await listFolder(Buffer.from(path), own, signal);
  if (found.length > 0)
    return { found, roots: [root(found.some((entry) => 'code' in entry) ? 'incomplete' : 'whole')] };
  return { found: [problemOf(sourceError('NO_MATCH', target, 'holds no document'), target)], roots: [root('empty')] };
}

/** Null when it is no pattern. */
async function listGlob(pattern: string, own: OwnFolders): Promise<Listing | null> {
  const matches = await matchGlob(pattern);
  if (matches === null) return null;
  const root = (state: SourceRoot['state']): SourceRoot[] => [
    { target: pattern, uri: rootUriOf(beginningOf(resolve(pattern))), isPattern: true, state },
  ];
  const problems = matches.problems.map((error) => problemOf(error, String(error.details['path'])));
  const found = matches.paths.filter((path) => !own.hold(path)).map((path) => itemOf(absolute(path), sizeOf(path)));
  if (problems.length > 0) return { found: [...problems, ...found], roots: root('incomplete') };
  if (found.length > 0) return { found, roots: root('whole') };
  return { found: [problemOf(sourceError('NO_MATCH', pattern, 'matches no file'), pattern)], roots: root('empty') };
}

/** The folders of a pattern that come before anything in it that could stand for several names. */
function beginningOf(pattern: string): string {
  const parts = pattern.split('/');
  const first = parts.findIndex((part) => /[\\*?[\]{}()!+@|]/.test(part));
  return first === -1 ? pattern : parts.slice(0, first).join('/');
}

function absolute(path: RawPath): RawPath {
  return typeof path === 'string'
    ? resolve(path)
    : path[0] === SLASH[0]
      ? path
      : Buffer.concat([Buffer.from(resolve('.')), SLASH, path]);
}

/** Names are read as bytes, because not every name is text. */
async function listFolder(root: Buffer, own: OwnFolders, signal: AbortSignal): Promise<Listed> {
  const found: Listed = [];
  const slices = new Slices();
  const folders: Buffer[] = [root];
  while (folders.length > 0) {
    signal.throwIfAborted();
    const folder = folders.pop()!;
    try {
      for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
        if (entry.name[0] === DOT) continue;
        const path = Buffer.concat([folder, SLASH, entry.name]);
        if (entry.isDirectory()) {
          if (!own.hold(path)) folders.push(path);
        } else if (entry.isFile()) found.push(itemOf(textOf(path) ?? path, sizeOf(path)));
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

/**
 * What a decoded path may stand for: bytes that are not text all decode to U+FFFD, so the folder is asked for them. The path
 * itself when nothing there has such a name.
 */
function namedAs(path: string): RawPath[] {
  const folder = Buffer.from(dirname(path));
  if (!path.includes('\uFFFD') || sizeOf(path) !== null || sizeOf(folder) === null) return [path];
  const names = namesIn(folder).filter((name) => name.toString('utf8') === basename(path));
  return names.length === 0 ? [path] : names.map((name) => Buffer.concat([folder, SLASH, name]));
}

function namesIn(folder: Buffer): Buffer[] {
  try {
    return readdirSync(folder, { encoding: 'buffer' });
  } catch {
    return [];
  }
}

/** Null where it cannot be told: reading the file will say why. */
function sizeOf(path: RawPath): number | null {
  try {
    return lstatSync(path).size;
  } catch {
    return null;
  }
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

/** Without the slash that the root of all folders ends with. */
function rootUriOf(path: RawPath): string {
  return uriOf(path).replace(/\/+$/, '');
}

const FILE_SCHEME = 'file://';

/** The path of a location that this source gave; null for what has none, as standard input. */
export function pathOf(uri: string): RawPath | null {
  if (!uri.startsWith(`${FILE_SCHEME}/`)) return null;
  const encoded = Buffer.from(uri.slice(FILE_SCHEME.length), 'utf8').toString('latin1');
  const bytes = encoded.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const path = Buffer.from(bytes, 'latin1');
  return textOf(path) ?? path;
}

/** The file at a location that this source gave, there or not; null for what has no path. */
export function fileAt(uri: string): SourceItem | null {
  const path = pathOf(uri);
  return path === null || path.includes('\0') ? null : itemOf(path, sizeOf(path));
}

/** Plain JSON: `{ "path" }`, or `{ "base64" }` when the path is not text. */
export function locatorOf(path: RawPath): string {
  return JSON.stringify(typeof path === 'string' ? { path } : { base64: path.toString('base64') });
}

/** The path that a locator was made of. */
export function rawPathOf(locator: string): RawPath {
  const { path, base64 } = JSON.parse(locator) as { path?: string; base64?: string };
  return path ?? Buffer.from(base64 ?? '', 'base64');
}

function problemOf({ code, message }: SourceError, uri: string): SourceProblem {
  return { uri, code, message };
}
