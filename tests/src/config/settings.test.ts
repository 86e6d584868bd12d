import { expect, test } from 'vitest';
import { FEEDS } from '../../../lib/sources/index.ts';
import { inspectSettings, mergeSettings, SETTINGS, type SettingOrigin } from '../../../src/config/settings.ts';

const layer = (origin: SettingOrigin, values: Readonly<Record<string, string>>) => ({
  origin,
  values: new Map(Object.entries(values)),
});
const merge = (values: Readonly<Record<string, string>>, origin: SettingOrigin = 'environment') =>
  mergeSettings([layer(origin, values)]);
const refusal = (message: string | RegExp) =>
  expect.objectContaining({ name: 'ConfigError', code: 'APEX_CONFIG', message: expect.stringMatching(message) });

test('without layers every setting has its default, and the defaults pass their own checks', () => {
  const { settings, values } = mergeSettings([]);
  expect(settings).toMatchObject({ home: '', concurrency: 4, embedder: 'lexical', debug: 'off' });
  expect(values.map(({ key }) => key)).toEqual(Object.keys(SETTINGS));
  expect(values.every(({ origin }) => origin === 'default')).toBe(true);
});

test('a stronger layer counts, and one that says nothing does not', () => {
  const { settings, values } = mergeSettings([
    layer('environment', { APEX_BATCH_SIZE: '7', APEX_GROUP: '' }),
    layer('.env', { APEX_BATCH_SIZE: '8', APEX_GROUP: 'east' }),
    layer('apex.config.json', { APEX_CONCURRENCY: '2' }),
  ]);
  expect(settings).toMatchObject({ batchSize: 7, group: 'east', concurrency: 2 });
  const of = (key: string) => values.find((value) => value.key === key);
  expect(of('batchSize')).toMatchObject({ value: '7', origin: 'environment' });
  expect(of('group')).toMatchObject({ value: 'east', origin: '.env' });
});

test.each(['ten', '1e3', '-1', '1.5', '0x10', ' 7', '0', '4097', '99999999999999999999'])(
  'APEX_BATCH_SIZE cannot be %j',
  (value) => {
    expect(() => merge({ APEX_BATCH_SIZE: value }, '.env')).toThrow(
      refusal(`APEX_BATCH_SIZE is "${value}" \\(from .env\\): give a whole number from 1 to 4096`),
    );
  },
);

test('a choice is one of those named', () => {
  expect(() => merge({ APEX_EMBEDDER: 'lexicl' })).toThrow(
    refusal('APEX_EMBEDDER is "lexicl" \\(from environment\\): choose one of lexical, openai'),
  );
});

test.each(['localhost', 'ftp://example.com', 'file:///etc', '/v1'])('an address is one of the web: not %j', (value) => {
  expect(() => merge({ OPENAI_BASE_URL: value })).toThrow(refusal('begins with http:// or https://'));
});

test('addresses of the web are taken as they are', () => {
  const openAiBaseUrl = 'http://127.0.0.1:8080/v1';
  expect(merge({ OPENAI_BASE_URL: openAiBaseUrl }).settings).toMatchObject({ openAiBaseUrl });
});

test('a secret is never shown, also when it is refused', () => {
  const secrets = Object.values(SETTINGS).filter((entry) => 'isSecret' in entry);
  expect(secrets.map(({ name }) => name)).toEqual([
    ...['OPENAI_API_KEY', 'NEO4J_PASSWORD', 'QDRANT_API_KEY', 'SAMSARA_API_TOKEN', 'TURVO_API_TOKEN', 'TURVO_API_KEY'],
    ...['TURVO_CLIENT_SECRET', 'TURVO_PASSWORD', 'FRONTAPP_API_TOKEN'],
    ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
  ]);
});

test.each<[SettingOrigin, string, string]>([
  [
    'apex.config.json',
    'APEX_BATCH_SIZ',
    'apex.config.json: there is no setting "APEX_BATCH_SIZ"; did you mean APEX_BATCH_SIZE\\?$',
  ],
  ['apex.config.json', 'colour', 'apex.config.json: there is no setting "colour"$'],
  ['.env', 'APEX_HOM', '.env: there is no setting "APEX_HOM"; did you mean APEX_HOME\\?$'],
  ['environment', 'APEX_GRUOP', 'the environment: there is no setting "APEX_GRUOP"; did you mean APEX_GROUP\\?$'],
  ['environment', 'apex_home', 'the environment: there is no setting "apex_home"; did you mean APEX_HOME\\?$'],
])('in %s the name %s is refused, and the near one suggested', (origin, name, message) => {
  expect(() => merge({ [name]: 'x' }, origin)).toThrow(refusal(message));
});

test.each(['PATH', 'APEX_TEST_QDRANT_URL', 'STAGING_BASE_URL', 'OPENAI_API_KEYS'])(
  'the environment and .env belong to other programs too: %s is theirs',
  (name) => {
    expect(() => merge({ [name]: 'x' }, 'environment')).not.toThrow();
    expect(() => merge({ [name]: 'x' }, '.env')).not.toThrow();
  },
);

test('all that is wrong is said with its place, each wrong value is left at its default, and the right ones count', () => {
  const place = (line: number) => ({ name: { line, column: 3 }, value: { line, column: 9 } });
  const { settings, values, problems } = inspectSettings([
    {
      ...layer('apex.config.json', { APEX_BATCH_SIZE: 'ten', APEX_GROUP: 'east', APEX_GRUOP: 'x' }),
      path: '/a/apex.config.json',
      places: new Map([
        ['APEX_BATCH_SIZE', place(2)],
        ['APEX_GROUP', place(3)],
        ['APEX_GRUOP', place(4)],
      ]),
    },
  ]);
  expect(problems.map(({ message }) => message)).toEqual([
    '/a/apex.config.json line 4, column 3: there is no setting "APEX_GRUOP"; did you mean APEX_GROUP?',
    'APEX_BATCH_SIZE is "ten" (from /a/apex.config.json line 2, column 9): give a whole number from 1 to 4096',
  ]);
  expect(settings).toMatchObject({ batchSize: 256, group: 'east' });
  expect(values.find(({ key }) => key === 'batchSize')).toMatchObject({ value: 'ten', problem: problems[1] });
});

test('an address that is refused is shown without its password', () => {
  expect(() => merge({ OPENAI_BASE_URL: 'htps://me:pass@word@host/v1' })).toThrow(
    refusal('OPENAI_BASE_URL is "htps://\\[redacted\\]@host/v1"'),
  );
});

test('what a source of records asks for is a setting, as the source describes it', async () => {
  for (const load of Object.values(FEEDS)) {
    const { default: source } = await load();
    for (const { name, isSecret, fallback, summary } of source.options) {
      const entry = Object.values(SETTINGS).find((setting) => setting.name === name);
      const told = { name, fallback, summary, isSecret: entry !== undefined && 'isSecret' in entry };
      expect(told).toEqual({ name, fallback, summary, isSecret });
      expect(entry).toMatchObject({ fallback, summary });
    }
  }
});
