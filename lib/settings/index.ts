// Settings: the only code that reads the environment and the settings files.
// May import lib/contracts and lib/support.
// Must never decide what a value means.

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError } from '../contracts/errors.ts';
import { jsonErrorPlace } from './json-place.ts';

/** Values by name, from one place. */
export interface RawLayer {
  readonly origin: 'environment' | '.env' | 'apex.config.json';
  readonly values: ReadonlyMap<string, string>;
}

/** The environment, `.env` and `apex.config.json` of a folder, strongest first. @throws ConfigError on a malformed file. */
export function readLayers(folder: string): RawLayer[] {
  return [
    { origin: 'environment', values: mapOf(process.env) },
    { origin: '.env', values: readEnvFile(join(folder, '.env')) },
    { origin: 'apex.config.json', values: readConfigFile(join(folder, 'apex.config.json')) },
  ];
}

/** Where data lies when nobody says: the platform's folder for a user's data. Source: the XDG Base Directory Specification. */
export function defaultHome(): string {
  const { XDG_DATA_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'apex');
  if (process.platform === 'win32') return join(LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'apex');
  return join(XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'apex');
}

/** A comment, a name with or without a value (which may go over several lines in quotes), or nothing; to the line's end. */
const ENV_STATEMENT =
  /[^\S\n]*(?:#[^\n]*|(?:export[^\S\n]+)?[\w.-]+[^\S\n]*(?:=[^\S\n]*(?:"[^"]*"|'[^']*'|`[^`]*`)?[^\n]*)?)?(?:\n|$)/y;

/** Node's parser passes over what it does not understand: a setting that is written wrongly would be lost without a word. */
function readEnvFile(path: string): ReadonlyMap<string, string> {
  const text = readText(path) ?? '';
  for (let offset = 0; offset < text.length; offset = ENV_STATEMENT.lastIndex) {
    ENV_STATEMENT.lastIndex = offset;
    if (ENV_STATEMENT.test(text)) continue;
    const line = text.slice(0, offset).split('\n').length;
    throw refusal(path, `line ${line} is no setting: write NAME=value`);
  }
  return mapOf(parseEnv(text));
}

function readConfigFile(path: string): ReadonlyMap<string, string> {
  const text = readText(path);
  if (text === null) return new Map();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    const { line, column } = jsonErrorPlace(text);
    throw refusal(path, `is not valid JSON at line ${line}, column ${column}`, cause);
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw refusal(path, 'must hold one JSON object of settings');
  }
  return new Map(
    Object.entries(parsed).map(([name, value]) => {
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
        return [name, String(value)];
      throw refusal(path, `${JSON.stringify(name)} must be a text or a number`);
    }),
  );
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
    throw refusal(path, `cannot be read (${code})`, error);
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

function refusal(path: string, problem: string, cause?: unknown): ConfigError {
  const { code } = (cause ?? {}) as { code?: string };
  return new ConfigError(`${path} ${problem}`, {
    code: code === 'EACCES' || code === 'EPERM' ? 'APEX_PERMISSION' : 'APEX_CONFIG',
    details: { path },
    cause,
  });
}

function mapOf(values: { readonly [name: string]: string | undefined }): ReadonlyMap<string, string> {
  return new Map(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
