// Settings: the only code that reads the environment and the settings files.
// May import lib/contracts and lib/support.
// Must never decide what a value means.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError } from '../contracts/errors.ts';

/** Values by name, from one place. */
export interface RawLayer {
  readonly origin: 'environment' | '.env' | 'apex.config.json';
  readonly values: ReadonlyMap<string, string>;
}

/** The environment, `.env` and `apex.config.json` of a folder, strongest first. @throws ConfigError on a malformed file. */
export function readLayers(folder: string): RawLayer[] {
  return [
    { origin: 'environment', values: mapOf(process.env) },
    { origin: '.env', values: mapOf(parseEnv(readText(join(folder, '.env')) ?? '')) },
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

function readConfigFile(path: string): ReadonlyMap<string, string> {
  const text = readText(path);
  if (text === null) return new Map();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    const place = /\(line (\d+) column (\d+)\)/.exec((cause as Error).message);
    const where = place === null ? '' : ` at line ${place[1]}, column ${place[2]}`;
    throw new ConfigError(`${path} is not valid JSON${where}`, { code: 'APEX_CONFIG', details: { path }, cause });
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new ConfigError(`${path} must hold one JSON object of settings`, { code: 'APEX_CONFIG', details: { path } });
  }
  return new Map(
    Object.entries(parsed).map(([name, value]) => {
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
        return [name, String(value)];
      throw new ConfigError(`${path}: ${name} must be a text or a number`, {
        code: 'APEX_CONFIG',
        details: { path, name },
      });
    }),
  );
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOENT' || code === 'EISDIR') return null;
    throw new ConfigError(`${path} cannot be read (${code})`, {
      code: 'APEX_PERMISSION',
      details: { path },
      cause: error,
    });
  }
}

function mapOf(values: { readonly [name: string]: string | undefined }): ReadonlyMap<string, string> {
  return new Map(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
