import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../contracts/errors.ts';

/** Where profiles are looked for; an empty text is nothing said. */
export interface AwsProfilePlaces {
  readonly profile: string;
  readonly credentialsFile: string;
  readonly configFile: string;
}

/** What the files say of a profile. */
export interface AwsProfile {
  /** For people: the profile and the file that its keys are in, or would be. */
  readonly title: string;
  /** By name in small letters, those of a section with its name before (`s3.addressing_style`); of the credentials file first. */
  readonly values: ReadonlyMap<string, string>;
}

/**
 * What the files of AWS's tools say of a profile; empty where it is not named and not there.
 *
 * Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 * @throws ConfigError when a file cannot be read, or the profile is named and in neither.
 */
export function readAwsProfile({ profile, credentialsFile, configFile }: AwsProfilePlaces): AwsProfile {
  const name = profile === '' ? 'default' : profile;
  const path = credentialsFile === '' ? join(homedir(), '.aws', 'credentials') : credentialsFile;
  const configPath = configFile === '' ? join(homedir(), '.aws', 'config') : configFile;
  const keys = sectionsOf(path, credentialsFile !== '');
  const config = sectionsOf(configPath, configFile !== '');
  const own = config.get(name === 'default' && config.has('default') ? 'default' : `profile ${name}`);
  const found = [own, keys.get(name)].filter((section) => section !== undefined);
  if (found.length === 0 && profile !== '')
    throw refusal(`there is no profile ${JSON.stringify(name)} in ${path} or ${configPath}: check AWS_PROFILE`);
  const values = new Map(found.flatMap((section) => [...section]));
  for (const [member, value] of config.get(`services ${values.get('services')}`) ?? [])
    if (member === 's3.endpoint_url') values.set(member, value);
  return { title: `profile ${JSON.stringify(name)} of ${path}`, values };
}

type Sections = Map<string, Map<string, string>>;

/** Sections by name, as it stands there with single spaces; a file that is not there has none, unless it was named. */
function sectionsOf(path: string, isNamed: boolean): Sections {
  const sections: Sections = new Map();
  let section: Map<string, string> | null = null;
  let outer = '';
  for (const text of linesOf(path, isNamed)) {
    const line = text.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const title = /^\[\s*([^\]]*?)\s*\]/.exec(line)?.[1];
    if (title !== undefined) {
      const name = title.replace(/\s+/g, ' ').replace(/"/g, '');
      section = sections.get(name) ?? new Map();
      sections.set(name, section);
      continue;
    }
    const [, name = '', value = ''] = /^([^=]+?)\s*=\s*(.*)$/.exec(line) ?? [];
    const isInner = /^\s/.test(text);
    if (!isInner) outer = name.toLowerCase();
    const key = isInner ? `${outer}.${name.toLowerCase()}` : outer;
    if (name !== '' && value !== '') section?.set(key, value);
  }
  return sections;
}

function linesOf(path: string, isNamed: boolean): string[] {
  try {
    return readFileSync(path, 'utf8')
      .replace(/^\ufeff/, '')
      .split(/\r?\n/);
  } catch (cause) {
    const code = String((cause as { code?: unknown }).code);
    if (!isNamed && (code === 'ENOENT' || code === 'ENOTDIR')) return [];
    throw refusal(`the file of profiles ${path} cannot be read (${code})`, code, cause);
  }
}

function refusal(problem: string, code = '', cause?: unknown): ConfigError {
  return new ConfigError(problem, { code: code === 'EACCES' ? 'APEX_PERMISSION' : 'APEX_CONFIG', cause });
}
