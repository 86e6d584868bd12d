import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigError } from '../contracts/errors.ts';
import { jsonErrorPlace, jsonMembers, type Place } from './json-place.ts';

/** What a settings file says, as far as it can be read, and what is wrong with it. */
export interface SettingsFile {
  /** Null when there is no such file. */
  readonly path: string | null;
  readonly values: ReadonlyMap<string, string>;
  /** Where each name stands, and its value; a line alone has no column. */
  readonly places: ReadonlyMap<string, NamedPlace>;
  readonly problems: readonly ConfigError[];
}

/** Where a setting stands in its file, from 1. */
export interface NamedPlace {
  readonly name: SettingPlace;
  readonly value: SettingPlace;
}

interface SettingPlace {
  readonly line: number;
  readonly column: number | null;
}

const NOTHING: SettingsFile = { path: null, values: new Map(), places: new Map(), problems: [] };

/** A comment, a name with or without a value (which may go over several lines in quotes), or nothing; to the line's end. */
const ENV_STATEMENT =
  /[^\S\n]*(?:#[^\n]*|(?:export[^\S\n]+)?(?<name>[\w.-]+)[^\S\n]*(?:=[^\S\n]*(?:"[^"]*"|'[^']*'|`[^`]*`)?[^\n]*)?)?(?:\n|$)/y;

/** Reads a file of lines `NAME=value`. Node's parser passes over what it does not understand: here it is a problem. */
export function readEnvFile(path: string): SettingsFile {
  return readFile(path, (text) => {
    const places = new Map<string, NamedPlace>();
    const problems: ConfigError[] = [];
    for (let offset = 0, line = 1; offset < text.length; ) {
      ENV_STATEMENT.lastIndex = offset;
      const found = ENV_STATEMENT.exec(text);
      const name = found?.groups?.['name'];
      if (name !== undefined) places.set(name, { name: { line, column: null }, value: { line, column: null } });
      if (found === null) problems.push(refusal(path, `line ${line} is no setting: write NAME=value`));
      const end = found === null ? lineEnd(text, offset) : ENV_STATEMENT.lastIndex;
      line += text.slice(offset, end).split('\n').length - 1;
      offset = end;
    }
    const values = Object.entries(parseEnv(text)).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return { values: new Map(values), places, problems };
  });
}

/** Reads a file with one JSON object of settings. A name that comes twice is a problem: it would not be clear which one counts. */
export function readConfigFile(path: string): SettingsFile {
  return readFile(path, (text) => {
    const parsed = parseObject(path, text);
    if (parsed instanceof ConfigError) return { values: new Map(), places: new Map(), problems: [parsed] };
    const places = new Map<string, NamedPlace>();
    const problems: ConfigError[] = [];
    for (const { name, at, valueAt } of jsonMembers(text)) {
      const first = places.get(name)?.name.line;
      const refuse = (place: Place, problem: string) =>
        problems.push(
          refusal(path, `line ${place.line}, column ${place.column}: ${JSON.stringify(name)} ${problem}`, { name }),
        );
      if (first !== undefined) refuse(at, `is there twice, first in line ${first}; keep one of them`);
      else if (!isScalar(parsed[name])) refuse(valueAt, 'must be a text or a number');
      places.set(name, { name: at, value: valueAt });
    }
    const values = Object.entries(parsed).filter(([, value]) => isScalar(value));
    return { values: new Map(values.map(([name, value]) => [name, String(value)])), places, problems };
  });
}

function parseObject(path: string, text: string): Record<string, unknown> | ConfigError {
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
    return refusal(path, 'must hold one JSON object of settings');
  } catch (cause) {
    const { line, column } = jsonErrorPlace(text);
    return refusal(path, `is not valid JSON at line ${line}, column ${column}`, { cause });
  }
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function readFile(path: string, read: (text: string) => Omit<SettingsFile, 'path'>): SettingsFile {
  try {
    const text = readText(path);
    return text === null ? NOTHING : { path, ...read(text) };
  } catch (error) {
    if (error instanceof ConfigError) return { ...NOTHING, path, problems: [error] };
    throw error;
  }
}

/** The text of a settings file, or null when it is not there. A folder of that name (some tools make a `.env`) is none. */
function readText(path: string): string | null {
  let file: number;
  try {
    // Opening a fifo would wait for its writer.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOENT') return null;
    throw refusal(path, `cannot be read (${code})`, { cause: error });
  }
  try {
    const stats = fstatSync(file);
    if (stats.isDirectory()) return null;
    if (!stats.isFile()) throw refusal(path, 'is not a regular file');
    // Some editors put a mark of the byte order before the text.
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } finally {
    closeSync(file);
  }
}

function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end === -1 ? text.length : end + 1;
}

/** @param about the setting that it is about, when it is about one alone, and what caused it. */
function refusal(path: string, problem: string, about: { name?: string; cause?: unknown } = {}): ConfigError {
  const { code } = (about.cause ?? {}) as { code?: string };
  return new ConfigError(`${path} ${problem}`, {
    code: code === 'EACCES' || code === 'EPERM' ? 'APEX_PERMISSION' : 'APEX_CONFIG',
    details: about.name === undefined ? { path } : { path, name: about.name },
    cause: about.cause,
  });
}
