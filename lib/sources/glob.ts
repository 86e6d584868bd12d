import { type Dirent, lstat, readdir, type Stats, stat } from 'node:fs';
import { SourceError } from '../contracts/errors.ts';
import { fileError, type RawPath, textOf } from './files.ts';

/** What a pattern leads to. */
interface Matches {
  /** Files, in no order. */
  readonly paths: readonly RawPath[];
  /** Folders on the way that are there and cannot be read. */
  readonly problems: readonly SourceError[];
}

/** The files that a pattern matches; null when it is none. Links are not followed, and hidden names only match where they are named. */
export async function matchGlob(pattern: string): Promise<Matches | null> {
  const { default: glob } = await import('fast-glob');
  if (!glob.isDynamicPattern(pattern)) return null;
  const problems = new Map<string, SourceError>();
  const paths = await glob(disguisedText(pattern), {
    // Not `absolute`: that would turn the backslashes of a name into slashes.
    onlyFiles: true,
    followSymbolicLinks: false,
    // A folder that cannot be read costs that folder: it is noted, and the others are searched.
    suppressErrors: true,
    fs: disguisedFileSystem((path, error) => problems.set(path, error)),
  });
  return { paths: [...new Set(paths)].map(undisguised), problems: [...problems.values()] };
}

/** Those of the paths that a pattern would match, were they there as files. The pattern and the paths are absolute. */
export async function matchedBy(pattern: string, paths: readonly RawPath[]): Promise<RawPath[]> {
  const { default: glob } = await import('fast-glob');
  const shown = paths.map((path) => (typeof path === 'string' ? disguisedText(path) : disguised(path)));
  const found = await glob(disguisedText(pattern), {
    onlyFiles: true,
    followSymbolicLinks: false,
    suppressErrors: true,
    fs: imaginedFileSystem(shown),
  });
  return [...new Set(found)].map(undisguised);
}

/** A file system that holds these files and nothing else. */
function imaginedFileSystem(paths: readonly string[]) {
  const folders = new Map<string, Map<string, Dirent>>();
  for (const path of paths) {
    const parts = path.split('/');
    for (let depth = parts.length - 1, isFile = true; depth > 0; depth -= 1, isFile = false) {
      const folder = parts.slice(0, depth).join('/');
      const entries = folders.get(folder) ?? new Map<string, Dirent>();
      folders.set(folder, entries.set(parts[depth]!, imagined(parts[depth]!, isFile)));
    }
  }
  const files = new Set(paths);
  const nothing = () => Object.assign(new Error('nothing is there'), { code: 'ENOENT' });
  const look = (path: string, done: StatDone) => {
    const isFile = files.has(path);
    if (isFile || folders.has(withoutSlash(path))) done(null, imagined('', isFile) as unknown as Stats);
    else done(nothing(), undefined as unknown as Stats);
  };
  const read = (path: string, _: unknown, done: ReaddirDone) => {
    const entries = folders.get(withoutSlash(path));
    if (entries === undefined) done(nothing(), []);
    else done(null, [...entries.values()]);
  };
  return { readdir: read as unknown as typeof readdir, lstat: look as typeof lstat, stat: look as typeof stat };
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, '');
}

function imagined(name: string, isFile: boolean): Dirent {
  const no = () => false;
  return {
    ...{ name, isFile: () => isFile, isDirectory: () => !isFile, isSymbolicLink: no },
    ...{ isBlockDevice: no, isCharacterDevice: no, isFIFO: no, isSocket: no },
  } as Dirent;
}

type Note = (path: string, problem: SourceError) => void;
type StatDone = (error: NodeJS.ErrnoException | null, stats: Stats) => void;
type ReaddirDone = (error: NodeJS.ErrnoException | null, entries: Dirent[]) => void;

/**
 * The file system as the matcher may see it. It takes names for text of one line: bytes that are not UTF-8 would all be the same
 * character to it, and `**` stops at a line break. So each such byte is shown as a character that no text has, a lone surrogate.
 */
function disguisedFileSystem(note: Note) {
  const readDisguised = (path: string, _: { withFileTypes: true }, done: ReaddirDone) => {
    const folder = undisguised(path);
    readdir(folder, { withFileTypes: true, encoding: 'buffer' }, (error, entries) => {
      const failure = fileError(error ?? {}, folder);
      if (failure instanceof SourceError && failure.code !== 'NOT_FOUND') note(path, failure);
      const shown = error === null ? entries : [];
      done(
        error,
        shown.map((entry) => Object.create(entry, { name: { value: disguised(entry.name) } }) as Dirent),
      );
    });
  };
  return {
    readdir: readDisguised as unknown as typeof readdir,
    lstat: ((path: string, done: StatDone) => lstat(undisguised(path), done)) as typeof lstat,
    stat: ((path: string, done: StatDone) => stat(undisguised(path), done)) as typeof stat,
  };
}

/** The lone surrogates from here on stand for the bytes from 0. */
const FIRST = 0xdc00;

const LINE_BREAKS = /[\n\r\u2028\u2029]/g;

function disguised(name: Buffer): string {
  const text = textOf(name);
  return text === null ? name.toString('latin1').replace(/[\x80-\xff\n\r]/g, disguisedByte) : disguisedText(text);
}

function disguisedText(text: string): string {
  return text.replace(LINE_BREAKS, (character) =>
    Buffer.from(character)
      .toString('latin1')
      .replace(/[\s\S]/g, disguisedByte),
  );
}

function disguisedByte(byte: string): string {
  return String.fromCharCode(FIRST + byte.charCodeAt(0));
}

function undisguised(path: string): RawPath {
  // With the flag, a surrogate that is one half of a character does not match.
  const parts = path.split(/([\udc00-\udcff])/u);
  const bytes = Buffer.concat(
    parts.map((part, index) => (index % 2 === 0 ? Buffer.from(part) : Buffer.of(part.charCodeAt(0) - FIRST))),
  );
  return textOf(bytes) ?? bytes;
}
