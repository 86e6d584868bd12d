import { ConfigError } from '../../lib/contracts/errors.ts';
import { EXPECTED_HOSTS, wrongHost } from './hosts.ts';
import { nearest } from './nearest.ts';
import { redacted } from './redact.ts';

/** One setting: its name everywhere, what it takes, and what it is when nobody says. */
export interface SettingEntry {
  /** The variable in the environment, in `.env` and in `apex.config.json`. */
  readonly name: string;
  readonly type: 'text' | 'whole' | 'choice' | 'url' | 'dollars' | 'hosts' | 'name';
  readonly fallback: string;
  readonly summary: string;
  readonly isSecret?: boolean;
  readonly choices?: readonly string[];
  /** How an address may begin; `http` and `https` when left out. */
  readonly schemes?: readonly string[];
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
    summary:
      'Where documents are staged; `staging` in the data directory by default. Each data directory needs its own.',
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
  stagingCleanupMinutes: {
    name: 'STAGING_CLEANUP_INTERVAL_MINUTES',
    type: 'whole',
    fallback: '60',
    min: 1,
    max: 525_600,
    summary: 'How long after one cleanup `apex cleanup --if-due` does the next, in minutes.',
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
  openAiPrice: {
    name: 'OPENAI_EMBEDDING_PRICE',
    type: 'dollars',
    fallback: '',
    summary: 'Its price in US dollars for a million tokens; by default what OpenAI lists for the model.',
  },
  databaseUrl: {
    name: 'DATABASE_URL',
    type: 'url',
    schemes: ['postgres', 'postgresql'],
    fallback: '',
    summary: 'The PostgreSQL that keeps the records; without it the embedded memory does.',
  },
  postgresSchema: {
    name: 'APEX_POSTGRES_SCHEMA',
    type: 'text',
    fallback: 'apex',
    summary: 'The schema of its tables there: small letters, digits and underscores.',
  },
  neo4jUri: {
    name: 'NEO4J_URI',
    type: 'url',
    schemes: ['bolt', 'bolt+s', 'bolt+ssc', 'neo4j', 'neo4j+s', 'neo4j+ssc'],
    fallback: '',
    summary: 'The Neo4j that holds the graph; without it the embedded memory does.',
  },
  neo4jUsername: {
    name: 'NEO4J_USERNAME',
    type: 'text',
    fallback: 'neo4j',
    summary: 'Its user.',
  },
  neo4jPassword: {
    name: 'NEO4J_PASSWORD',
    type: 'text',
    fallback: '',
    isSecret: true,
    summary: 'The password of that user.',
  },
  qdrantUrl: {
    name: 'QDRANT_URL',
    type: 'url',
    fallback: '',
    summary: 'The Qdrant that holds the vectors; without it the embedded memory does.',
  },
  qdrantApiKey: {
    name: 'QDRANT_API_KEY',
    type: 'text',
    fallback: '',
    isSecret: true,
    summary: 'Its API key.',
  },
  qdrantCollection: {
    name: 'APEX_QDRANT_COLLECTION',
    type: 'text',
    fallback: 'apex',
    summary: 'How the names of its collections begin; one for each embedder.',
  },
  redisUrl: {
    name: 'REDIS_URL',
    type: 'url',
    schemes: ['redis', 'rediss'],
    fallback: '',
    summary: 'The Redis that caches; without it the embedded memory does.',
  },
  cacheHours: {
    name: 'APEX_CACHE_HOURS',
    type: 'whole',
    fallback: '720',
    min: 1,
    max: 87_600,
    summary: 'How long Redis keeps what it caches, in hours.',
  },
  // As the sources of records describe them (`lib/sources`), which a test compares.
  samsaraApiToken: {
    name: 'SAMSARA_API_TOKEN',
    type: 'text',
    fallback: '',
    isSecret: true,
    summary: 'API token that may read vehicles, statistics, drivers, addresses and assignments.',
  },
  samsaraBaseUrl: {
    name: 'SAMSARA_BASE_URL',
    type: 'url',
    fallback: 'https://api.samsara.com',
    summary: 'Address of the API; `https://api.eu.samsara.com` for organisations in the EU.',
  },
  samsaraApiVersion: {
    name: 'SAMSARA_API_VERSION',
    type: 'text',
    fallback: '',
    summary: 'Version of the API, as a date; that of the token by default.',
  },
  samsaraRequestsPerSecond: {
    name: 'SAMSARA_REQUESTS_PER_SECOND',
    type: 'whole',
    fallback: '25',
    min: 1,
    max: 150,
    summary: 'Requests in a second, at most 150; single streams have lower limits.',
  },
  turvoApiToken: {
    name: 'TURVO_API_TOKEN',
    type: 'text',
    fallback: '',
    isSecret: true,
    summary: 'Bearer token; without it one is asked for with the client, the user and the key.',
  },
  turvoApiKey: {
    name: 'TURVO_API_KEY',
    type: 'text',
    fallback: '',
    isSecret: true,
    summary: 'The key of the API, sent with every request.',
  },
  turvoClientId: {
    name: 'TURVO_CLIENT_ID',
    type: 'text',
    fallback: '',
    summary: 'Name of the API client.',
  },
  turvoClientSecret: {
    name: 'TURVO_CLIENT_SECRET',
    type: 'text',
    fallback: '',
    isSecret: true,
    summary: 'Secret of the API client.',
  },
  turvoUsername: {
    name: 'TURVO_USERNAME',
    type: 'text',
    fallback: '',
    summary: 'User that the API client acts for.',
  },
  turvoPassword: {
    name: 'TURVO_PASSWORD',
    type: 'text',
    fallback: '',
    isSecret: true,
    summary: 'Password of that user.',
  },
  turvoClientIdIn: {
    name: 'TURVO_CLIENT_ID_IN',
    type: 'choice',
    fallback: 'query',
    choices: ['query', 'body'],
    summary: 'Where the token request holds the client and its secret: `query` or `body`.',
  },
  turvoBaseUrl: {
    name: 'TURVO_BASE_URL',
    type: 'url',
    fallback: 'https://publicapi.turvo.com/v1',
    summary: 'Address of the API.',
  },
  turvoRequestsPerSecond: {
    name: 'TURVO_REQUESTS_PER_SECOND',
    type: 'whole',
    fallback: '1',
    min: 1,
    max: 1_000,
    summary: 'Requests in a second; what Turvo allows is not documented.',
  },
  frontappApiToken: {
    name: 'FRONTAPP_API_TOKEN',
    type: 'text',
    fallback: '',
    isSecret: true,
    summary: 'API token that may read conversations, messages, comments, events, contacts, accounts and tags.',
  },
  frontappBaseUrl: {
    name: 'FRONTAPP_BASE_URL',
    type: 'url',
    fallback: 'https://api2.frontapp.com',
    summary: 'Address of the API.',
  },
  frontappRequestsPerMinute: {
    name: 'FRONTAPP_REQUESTS_PER_MINUTE',
    type: 'whole',
    fallback: '50',
    min: 1,
    max: 100_000,
    summary: 'Requests in a minute: the plan of the company allows 50, 100 or 200, for all its programs together.',
  },
  sourceAllowedHosts: {
    name: 'SOURCE_ALLOWED_HOSTS',
    type: 'hosts',
    fallback: '',
    summary:
      'Hosts that are fetched from though they are not public: names (`.corp.example` for all below it), addresses, networks (`10.1.0.0/16`), with commas.',
  },
  sourceAllowHttp: {
    name: 'SOURCE_ALLOW_HTTP',
    type: 'choice',
    choices: ['off', 'on'],
    fallback: 'off',
    summary: 'Whether `http://` addresses are fetched, too; as `--allow-http`.',
  },
  sourceHeaderFile: {
    name: 'SOURCE_HEADER_FILE',
    type: 'text',
    fallback: '',
    summary: 'A file (0600) of headers for private servers, each below the origin it is for; as `--header-file`.',
  },
  sourceTimeoutSeconds: {
    name: 'SOURCE_TIMEOUT_SECONDS',
    type: 'whole',
    fallback: '300',
    min: 1,
    max: 86_400,
    summary: 'The longest that fetching one document may take, in seconds.',
  },
  sourceMinBytesPerSecond: {
    name: 'SOURCE_MIN_BYTES_PER_SECOND',
    type: 'whole',
    fallback: '1024',
    min: 0,
    max: 1_000_000_000,
    summary: 'A server that sends less in a second is given up; 0: however slow it is.',
  },
  // The names that the tools of AWS know them by.
  awsAccessKeyId: {
    name: 'AWS_ACCESS_KEY_ID',
    type: 'text',
    fallback: '',
    isSecret: true,
    summary: 'Access key that `s3://` locations are read with; without it the profile’s.',
  },
  awsSecretAccessKey: {
    name: 'AWS_SECRET_ACCESS_KEY',
    type: 'text',
    fallback: '',
    isSecret: true,
    summary: 'Secret of the access key.',
  },
  awsSessionToken: {
    name: 'AWS_SESSION_TOKEN',
    type: 'text',
    fallback: '',
    isSecret: true,
    summary: 'Token of keys that hold for a while.',
  },
  awsProfile: {
    name: 'AWS_PROFILE',
    type: 'text',
    fallback: '',
    summary:
      'Profile of the files below that keys, region and endpoint come from where no variable names them; `default` by default.',
  },
  awsCredentialsFile: {
    name: 'AWS_SHARED_CREDENTIALS_FILE',
    type: 'text',
    fallback: '',
    summary: 'File with the keys of profiles; `~/.aws/credentials` by default.',
  },
  awsConfigFile: {
    name: 'AWS_CONFIG_FILE',
    type: 'text',
    fallback: '',
    summary: 'File with what else is set for profiles; `~/.aws/config` by default.',
  },
  awsRegion: {
    name: 'AWS_REGION',
    type: 'text',
    fallback: '',
    summary: 'Region of the buckets; else AWS_DEFAULT_REGION, the profile’s, or `us-east-1`.',
  },
  awsDefaultRegion: {
    name: 'AWS_DEFAULT_REGION',
    type: 'text',
    fallback: '',
    summary: 'Region where AWS_REGION says none.',
  },
  awsEndpoint: {
    name: 'AWS_ENDPOINT_URL',
    type: 'url',
    fallback: '',
    summary: 'Address of a server that speaks as S3 does; else the profile’s, or that of AWS in the region.',
  },
  awsS3Endpoint: {
    name: 'AWS_ENDPOINT_URL_S3',
    type: 'url',
    fallback: '',
    summary: 'The same for S3 alone; it counts before AWS_ENDPOINT_URL.',
  },
  s3Addressing: {
    name: 'SOURCE_S3_ADDRESSING',
    type: 'choice',
    choices: ['auto', 'path', 'virtual'],
    fallback: 'auto',
    summary:
      'Where a bucket stands in addresses: in the `path`, or before the host (`virtual`); by itself in the path of endpoints that are named, and before the host of AWS.',
  },
  leaseSeconds: {
    name: 'APEX_LEASE_SECONDS',
    type: 'whole',
    fallback: '60',
    min: 1,
    max: 86_400,
    summary: 'With records in PostgreSQL: after how many seconds of silence another host may abort a run of this one.',
  },
  maxOutageSeconds: {
    name: 'APEX_MAX_OUTAGE_SECONDS',
    type: 'whole',
    fallback: '900',
    min: 0,
    max: 604_800,
    summary: 'How long a run waits for a store that is out of reach, in seconds; as `--max-outage`.',
  },
  chunkTokens: {
    name: 'APEX_CHUNK_TOKENS',
    type: 'whole',
    fallback: '270',
    min: 20,
    max: 8_000,
    summary: 'The most tokens of a chunk, by the embedder’s count.',
  },
  batchSize: {
    name: 'APEX_BATCH_SIZE',
    type: 'whole',
    fallback: '256',
    min: 1,
    max: 4_096,
    summary: 'Documents, or records, that are made visible together.',
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
  logFile: {
    name: 'APEX_LOG_FILE',
    type: 'text',
    fallback: '',
    summary: 'A file that a log is appended to, one JSON object a line; as `--log-file`.',
  },
  logLevel: {
    name: 'APEX_LOG_LEVEL',
    type: 'choice',
    choices: ['error', 'warn', 'info', 'debug'],
    fallback: 'info',
    summary: 'How much is logged; without a log file the log goes to standard error. As `--log-level`.',
  },
  metricsDir: {
    name: 'APEX_METRICS_DIR',
    type: 'text',
    fallback: '',
    summary:
      'A folder that every command which changes something leaves its metrics in, for the node exporter’s textfile collector.',
  },
  metricsName: {
    name: 'APEX_METRICS_NAME',
    type: 'name',
    fallback: 'apex',
    summary:
      'The name of the file there, without `.prom`, and of the label `memory`: another one for each data directory of a host.',
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
  dnsServer: {
    name: 'APEX_DNS_SERVER',
    type: 'text',
    fallback: '',
    summary: 'For tests: the name server, an address with a port, that the hosts of addresses are asked from.',
  },
  answerMs: {
    name: 'APEX_ANSWER_MS',
    type: 'whole',
    fallback: '0',
    min: 0,
    max: 3_600_000,
    summary: 'For tests: how long a server’s answer is waited for, in milliseconds; 0: as long as suits the server.',
  },
} as const satisfies Record<string, SettingEntry>;

export type SettingKey = keyof typeof SETTINGS;

/** Where a value came from, the strongest first. */
export type SettingOrigin = 'flag' | 'environment' | '.env' | 'apex.config.json' | 'default';

/** Where something stands in a settings file, from 1; a line alone has no column. */
export interface SettingPlace {
  readonly line: number;
  readonly column: number | null;
}

/** A setting's value with where it came from. */
export interface SettingValue {
  readonly value: string;
  readonly origin: SettingOrigin;
  /** The file and the place in it, where it came from one. */
  readonly path: string | null;
  readonly place: SettingPlace | null;
}

/** A setting as it is, and what is wrong with it. */
export interface InspectedSetting extends SettingValue {
  readonly key: SettingKey;
  readonly problem: ConfigError | null;
}

/** The checked settings: numbers for `whole` entries, texts for the others. */
export type Settings = {
  readonly [key in SettingKey]: (typeof SETTINGS)[key]['type'] extends 'whole' ? number : string;
};

/** Values by variable name, from one origin. */
export interface SettingLayer {
  readonly origin: SettingOrigin;
  readonly values: ReadonlyMap<string, string>;
  /** The file that was read. */
  readonly path?: string | null;
  readonly places?: ReadonlyMap<string, { readonly name: SettingPlace; readonly value: SettingPlace }>;
  /** What is wrong with the file itself. */
  readonly problems?: readonly ConfigError[];
}

/** Every setting as the layers say it, strongest first, and all that is wrong. */
export interface Inspection {
  /** The values that are right; a wrong one is left at its default. */
  readonly settings: Settings;
  readonly values: readonly InspectedSetting[];
  /** Of files, then of names, then of values; each once. */
  readonly problems: readonly ConfigError[];
}

/** Merges layers, strongest first, and checks every name and value. */
export function inspectSettings(layers: readonly SettingLayer[]): Inspection {
  const checked: [string, string | number][] = [];
  const values = Object.entries(SETTINGS).map(([key, entry]): InspectedSetting => {
    const found = foundValue(entry, layers);
    const result = checkedValue(entry, found);
    const problem = result instanceof ConfigError ? result : null;
    checked.push([key, result instanceof ConfigError ? fallbackOf(entry) : result]);
    return { key: key as SettingKey, ...found, problem };
  });
  const problems = [
    ...layers.flatMap((layer) => layer.problems ?? []),
    ...layers.flatMap((layer) => unknownNames(layer)),
    ...values.flatMap(({ problem }) => problem ?? []),
  ];
  return { settings: Object.fromEntries(checked) as unknown as Settings, values, problems };
}

/** As `inspectSettings`. @throws ConfigError naming the first wrong value, where it came from and what would be right. */
export function mergeSettings(layers: readonly SettingLayer[]): Inspection {
  const inspection = inspectSettings(layers);
  for (const problem of inspection.problems) throw problem;
  return inspection;
}

/** The strongest layer that says something decides; an empty value says nothing. */
function foundValue({ name, fallback }: SettingEntry, layers: readonly SettingLayer[]): SettingValue {
  const layer = layers.find(({ values }) => (values.get(name) ?? '') !== '');
  if (layer === undefined) return { value: fallback, origin: 'default', path: null, place: null };
  const place = layer.places?.get(name)?.value ?? null;
  return { value: layer.values.get(name)!, origin: layer.origin, path: layer.path ?? null, place };
}

/** The settings as variables of an environment, in which another process finds the same ones. */
export function environmentOf(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(SETTINGS).map(([key, { name }]) => [name, String(settings[key as SettingKey])]),
  );
}

function checkedValue(entry: SettingEntry, found: SettingValue): string | number | ConfigError {
  const { value, origin } = found;
  const refuse = (expected: string) => {
    const shown = entry.isSecret === true ? 'its value' : `"${redacted(entry, value)}"`;
    return new ConfigError(`${entry.name} is ${shown} (from ${shownOrigin(found)}): ${expected}`, {
      code: 'APEX_CONFIG',
      details: { name: entry.name, origin },
    });
  };
  if (entry.type === 'choice')
    return entry.choices?.includes(value) === true ? value : refuse(`choose one of ${entry.choices?.join(', ')}`);
  if (entry.type === 'url')
    return value === '' || isAddress(value, entry.schemes ?? WEB_SCHEMES) ? value : refuse(expectedAddress(entry));
  if (entry.type === 'dollars') return value === '' || isDollars(value) ? value : refuse('give dollars, as in 0.02');
  if (entry.type === 'hosts')
    return wrongHost(value) === null ? value : refuse(`${wrongHost(value)} is no host: ${EXPECTED_HOSTS}`);
  if (entry.type === 'name')
    return PLAIN_NAME.test(value) ? value : refuse('give letters, digits, _ and -, at most 64');
  if (entry.type === 'text') return value;
  const number = Number(value);
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = entry;
  const isRight = /^\d+$/.test(value) && number >= min && number <= max;
  return isRight ? number : refuse(`give a whole number from ${min} to ${max}`);
}

function fallbackOf({ type, fallback }: SettingEntry): string | number {
  return type === 'whole' ? Number(fallback) : fallback;
}

/** Where a value came from, as messages say it: the file with the place, or the origin's name. */
export function shownOrigin({ origin, path, place }: Omit<SettingValue, 'value'>): string {
  if (path === null || path === undefined || place === null) return origin;
  return `${path} ${shownPosition(place)}`;
}

function shownPosition({ line, column }: SettingPlace): string {
  return column === null ? `line ${line}` : `line ${line}, column ${column}`;
}

/** What is a part of a file’s name, and of a label. */
const PLAIN_NAME = /^[\w-]{1,64}$/;

/** Dollars to a millionth, below a million. */
function isDollars(value: string): boolean {
  return /^\d{1,6}(?:\.\d{1,6})?$/.test(value);
}

const WEB_SCHEMES = ['http', 'https'];

function isAddress(value: string, schemes: readonly string[]): boolean {
  return URL.canParse(value) && schemes.includes(new URL(value).protocol.slice(0, -1)) && new URL(value).host !== '';
}

function expectedAddress({ schemes = WEB_SCHEMES }: SettingEntry): string {
  const [last, ...others] = schemes.map((scheme) => `${scheme}://`).toReversed();
  return `give an address that begins with ${others.toReversed().join(', ')} or ${last}`;
}

/** How every setting that is apex's alone begins. */
const OWN_PREFIX = 'APEX_';

/**
 * The names of a layer that are wrong. The environment and `.env` belong to all programs: there only what looks like a slip of the
 * pen is refused, in `apex.config.json` every name that is no setting.
 */
function unknownNames(layer: SettingLayer): ConfigError[] {
  const names = Object.values(SETTINGS).map(({ name }) => name as string);
  const known = new Set(names);
  return [...layer.values.keys()].flatMap((name) => {
    const isRefused = layer.origin === 'apex.config.json' || name.toUpperCase().startsWith(OWN_PREFIX);
    if (known.has(name) || !isRefused) return [];
    const near = nearest(name, names);
    return near === null && layer.origin !== 'apex.config.json' ? [] : [unknownName(name, near, layer)];
  });
}

function unknownName(name: string, near: string | null, { origin, path, places }: SettingLayer): ConfigError {
  const place = places?.get(name)?.name ?? null;
  const shown = origin === 'environment' ? 'the environment' : shownOrigin({ origin, path: path ?? null, place });
  const hint = near === null ? '' : `; did you mean ${near}?`;
  return new ConfigError(`${shown}: there is no setting ${JSON.stringify(name)}${hint}`, {
    code: 'APEX_CONFIG',
    details: { name, origin },
  });
}
