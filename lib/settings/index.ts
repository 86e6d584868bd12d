// Settings: the only code that reads the environment and the settings files.
// May import lib/contracts and lib/support.
// Must never decide what a value means.

import { homedir } from 'node:os';
import { join } from 'node:path';
import { readConfigFile, readEnvFile, type SettingsFile } from './files.ts';

/** What reads a file of headers, loaded when one is named. */
export const loadHeaderFile = () => import('./header-file.ts');

/** What reads the files of profiles, loaded when a bucket is asked for. */
export const loadAwsProfile = () => import('./aws-profile.ts');

/** Values by name, from one place, with what is wrong there. */
export interface RawLayer extends SettingsFile {
  readonly origin: 'environment' | '.env' | 'apex.config.json';
}

/** The environment, `.env` and `apex.config.json` of a folder, strongest first. A file that is malformed says so in `problems`. */
export function inspectLayers(folder: string): RawLayer[] {
  const environment = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return [
    { origin: 'environment', path: null, values: new Map(environment), places: new Map(), problems: [] },
    { origin: '.env', ...readEnvFile(join(folder, '.env')) },
    { origin: 'apex.config.json', ...readConfigFile(join(folder, 'apex.config.json')) },
  ];
}

/** As `inspectLayers`. @throws ConfigError on a malformed file. */
export function readLayers(folder: string): RawLayer[] {
  const layers = inspectLayers(folder);
  for (const { problems } of layers) for (const problem of problems) throw problem;
  return layers;
}

/** Where data lies when nobody says: the platform's folder for a user's data. Source: the XDG Base Directory Specification. */
export function defaultHome(): string {
  const { XDG_DATA_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'apex');
  if (process.platform === 'win32') return join(LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'apex');
  return join(XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'apex');
}
