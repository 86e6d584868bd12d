import { ConfigError } from '../../lib/contracts/errors.ts';
import { nearest } from './nearest.ts';

/** One setting: its name everywhere, what it takes, and what it is when nobody says. */
export interface SettingEntry {
  /** The variable in the environment, in `.env` and in `apex.config.json`. */
  readonly name: string;
  readonly type: 'text' | 'whole' | 'choice' | 'url';
  readonly fallback: string;
  readonly summary: string;
  readonly isSecret?: boolean;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
}

/** Every setting, in one table. `docs/reference/settings.md` is generated from it. */
export const SETTINGS = {
  home: {
    name: 'APEX_HOME',
    type: 'text',
    fallback: '',
    summary: 'Data directory; the platform’s user data folder by default.',
  },
  stagingBase: {
    name: 'STAGING_BASE_DIR',
    type: 'text',
    fallback: '',
    summary: 'Where documents are staged; `staging` in the data directory by default.',
  },
  stagingMaxGigabytes: {
    name: 'STAGING_MAX_SIZE_GB',
    type: 'whole',
    fallback: '10',
    min: 1,
    max: 100_000,
    summary: 'Quota of the staging area, in GB.',
  },
  stagingRetentionHours: {
    name: 'STAGING_FAILED_RETENTION_HOURS',
    type: 'whole',
    fallback: '24',
    min: 0,
    max: 87_600,
    summary: 'How long failed documents stay staged, in hours.',
  },
  group: {
    name: 'APEX_GROUP',
    type: 'text',
    fallback: '',
    summary: 'The group (tenant) that documents belong to and searches are limited to.',
  },
  extractor: {
    name: 'APEX_EXTRACTOR',
    type: 'choice',
    choices: ['rules'],
    fallback: 'rules',
    summary: 'What finds entities and relations.',
  },
  embedder: {
    name: 'APEX_EMBEDDER',
    type: 'choice',
    choices: ['lexical', 'openai'],
    fallback: 'lexical',
    summary: 'What turns texts into vectors.',
  },
  openAiKey: {
    name: 'OPENAI_API_KEY',
    type: 'text',
    fallback: '',
    isSecret: true,
    summary: 'Key of the OpenAI-compatible endpoint.',
  },
  openAiBaseUrl: {
    name: 'OPENAI_BASE_URL',
    type: 'url',
    fallback: '',
    summary: 'Address of the OpenAI-compatible endpoint.',
  },
  openAiModel: {
    name: 'OPENAI_EMBEDDING_MODEL',
    type: 'text',
    fallback: 'text-embedding-3-small',
    summary: 'Its embedding model.',
  },
  openAiDimensions: {
    name: 'OPENAI_EMBEDDING_DIMENSIONS',
    type: 'whole',
    fallback: '1536',
    min: 1,
    max: 8_192,
    summary: 'Floats of its vectors.',
  },
  chunkTokens: {
    name: 'APEX_CHUNK_TOKENS',
    type: 'whole',
    fallback: '270',
    min: 20,
    max: 8_000,
    summary: 'The most tokens of a chunk, by the embedder’s count.',
  },
  batchDocuments: {
    name: 'APEX_BATCH_SIZE',
    type: 'whole',
    fallback: '256',
    min: 1,
    max: 4_096,
    summary: 'Documents that are made visible together.',
  },
  concurrency: {
    name: 'APEX_CONCURRENCY',
    type: 'whole',
    fallback: '4',
    min: 1,
    max: 64,
    summary: 'Documents prepared at once.',
  },
  maxFileMegabytes: {
    name: 'APEX_MAX_FILE_MB',
    type: 'whole',
    fallback: '100',
    min: 1,
    max: 100_000,
    summary: 'Larger files are set aside unread, in MB.',
  },
  parseTimeoutSeconds: {
    name: 'APEX_PARSE_TIMEOUT_SECONDS',
    type: 'whole',
    fallback: '300',
    min: 1,
    max: 86_400,
    summary: 'The longest a document may take to parse, in seconds.',
  },
  parseMemoryMegabytes: {
    name: 'APEX_PARSE_MEMORY_MB',
    type: 'whole',
    fallback: '1024',
    min: 64,
    max: 1_000_000,
    summary: 'The most memory a parser may take, in MB.',
  },
  parseMaxPages: {
    name: 'APEX_PARSE_MAX_PAGES',
    type: 'whole',
    fallback: '5000',
    min: 1,
    max: 1_000_000,
    summary: 'The most pages of a document.',
  },
  graceSeconds: {
    name: 'APEX_GRACE_SECONDS',
    type: 'whole',
    fallback: '30',
    min: 0,
    max: 3_600,
    summary: 'After an interruption, how long writing may take to finish, in seconds.',
  },
  debug: {
    name: 'APEX_DEBUG',
    type: 'choice',
    choices: ['off', 'on'],
    fallback: 'off',
    summary: 'For developers: `on` shows where in the code a bug was met.',
  },
  crashPoint: {
    name: 'APEX_CRASH_POINT',
    type: 'text',
    fallback: '',
    summary:
      'For tests: kills the process at this point: `name`, `name@n` for its nth time, or `name#file` for one document.',
  },
  crashLog: {
    name: 'APEX_CRASH_LOG',
    type: 'text',
    fallback: '',
    summary: 'For tests: a file that gets the name of every crash point passed.',
  },
} as const satisfies Record<string, SettingEntry>;

export type SettingKey = keyof typeof SETTINGS;

/** Where a value came from, the strongest first. */
export type SettingOrigin = 'flag' | 'environment' | '.env' | 'apex.config.json' | 'default';

/** A setting's value with where it came from. */
export interface SettingValue {
  readonly value: string;
  readonly origin: SettingOrigin;
}

/** The checked settings: numbers for `whole` entries, texts for the others. */
export type Settings = {
  readonly [key in SettingKey]: (typeof SETTINGS)[key]['type'] extends 'whole' ? number : string;
};

/** Values by variable name, from one origin. */
export interface SettingLayer {
  readonly origin: SettingOrigin;
  readonly values: ReadonlyMap<string, string>;
}

/**
 * Merges layers, strongest first, and checks every value.
 *
 * @throws ConfigError naming the value, where it came from and what would be right.
 */
export function mergeSettings(layers: readonly SettingLayer[]): {
  settings: Settings;
  origins: ReadonlyMap<SettingKey, SettingValue>;
} {
  const known = new Map(Object.entries(SETTINGS).map(([key, entry]) => [entry.name as string, key as SettingKey]));
  for (const { origin, values } of layers)
    for (const name of values.keys()) if (!known.has(name)) assertOthers(name, origin, [...known.keys()]);
  const origins = new Map<SettingKey, SettingValue>();
  const checked = Object.entries(SETTINGS).map(([key, entry]): [string, string | number] => {
    const layer = layers.find(({ values }) => (values.get(entry.name) ?? '') !== '');
    const found: SettingValue =
      layer === undefined
        ? { value: entry.fallback, origin: 'default' }
        : { value: layer.values.get(entry.name)!, origin: layer.origin };
    origins.set(key as SettingKey, found);
    return [key, checkedValue(entry, found)];
  });
  return { settings: Object.fromEntries(checked) as unknown as Settings, origins };
}

/** The settings as variables of an environment, in which another process finds the same ones. */
export function environmentOf(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(SETTINGS).map(([key, { name }]) => [name, String(settings[key as SettingKey])]),
  );
}

function checkedValue(entry: SettingEntry, { value, origin }: SettingValue): string | number {
  const refuse = (expected: string): never => {
    const shown = entry.isSecret === true ? 'its value' : `"${value}"`;
    throw new ConfigError(`${entry.name} is ${shown} (from ${origin}): ${expected}`, {
      code: 'APEX_CONFIG',
      details: { name: entry.name, origin },
    });
  };
  if (entry.type === 'choice')
    return entry.choices?.includes(value) === true ? value : refuse(`choose one of ${entry.choices?.join(', ')}`);
  if (entry.type === 'url')
    return value === '' || isWebAddress(value) ? value : refuse('give an address that begins with http:// or https://');
  if (entry.type === 'text') return value;
  const number = Number(value);
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = entry;
  if (!/^\d+$/.test(value) || number < min || number > max) refuse(`give a whole number from ${min} to ${max}`);
  return number;
}

function isWebAddress(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

/** How every setting that is apex's alone begins. */
const OWN_PREFIX = 'APEX_';

/**
 * Accepts a name that is no setting where it may be another program's. The environment and `.env` belong to all programs: there
 * only what looks like a slip of the pen is refused. @throws ConfigError
 */
function assertOthers(name: string, origin: SettingOrigin, names: readonly string[]): void {
  const near = nearest(name, names);
  const isSlip = name.toUpperCase().startsWith(OWN_PREFIX) && near !== null;
  if (origin !== 'apex.config.json' && !isSlip) return;
  const place = origin === 'environment' ? 'the environment' : origin;
  const hint = near === null ? '' : `; did you mean ${near}?`;
  throw new ConfigError(`${place}: there is no setting ${JSON.stringify(name)}${hint}`, {
    code: 'APEX_CONFIG',
    details: { name, origin },
  });
}
