import { expect, test } from 'vitest';
import { concealed, secretsOf, withoutSecrets } from '../../../src/config/secrets.ts';

const layerOf = (values: Readonly<Record<string, string>>) => ({ values: new Map(Object.entries(values)) });

test('a secret setting is taken out of a text wherever it stands, also one of a layer that does not count', () => {
  const secrets = secretsOf([layerOf({ OPENAI_API_KEY: 'sk-first' }), layerOf({ OPENAI_API_KEY: 'sk-second' })]);
  expect(withoutSecrets('key sk-first, url ?k=sk-second.', secrets)).toBe('key [redacted], url ?k=[redacted].');
});

test('a secret is found in the forms that JSON and addresses give it', () => {
  const secrets = secretsOf([layerOf({ OPENAI_API_KEY: 'a"b c/d' })]);
  const text = JSON.stringify({ message: `bad a"b c/d at ?key=${encodeURIComponent('a"b c/d')}` });
  expect(withoutSecrets(text, secrets)).toBe('{"message":"bad [redacted] at ?key=[redacted]"}');
});

test('a secret that holds another one leaves nothing of itself', () => {
  const secrets = secretsOf([layerOf({ OPENAI_API_KEY: 'abcd' }), layerOf({ OPENAI_API_KEY: 'abcdefgh' })]);
  expect(withoutSecrets('abcdefgh abcd', secrets)).toBe('[redacted] [redacted]');
});

test.each([
  ['https://me:pass%20word@host/v1', ['pass word', 'pass%20word'], ['host']],
  ['https://tokenalone@host/v1', ['tokenalone'], ['host']],
  ['https://host/v1?api_key=k-12345&page=1000', ['k-12345'], ['host', '1000']],
])('what is secret in the address %s is taken out', (address, secret, open) => {
  const secrets = secretsOf([layerOf({ OPENAI_BASE_URL: address })]);
  for (const text of secret) expect(withoutSecrets(`<${text}>`, secrets)).toBe('<[redacted]>');
  for (const text of open) expect(withoutSecrets(text, secrets)).toBe(text);
});

test('settings that are no secrets are shown, and so is what is too short to be one', () => {
  const secrets = secretsOf([
    layerOf({ OPENAI_API_KEY: 'abc', APEX_GROUP: 'tenant', APEX_HOME: '/data', PATH: '/usr/bin' }),
  ]);
  expect(withoutSecrets('abc tenant /data /usr/bin', secrets)).toBe('abc tenant /data /usr/bin');
});

test('in a message no address keeps its user, whatever the settings say', () => {
  expect(concealed('GET https://me:word@host/a failed, see "redis://word@cache" and mail@host', [])).toBe(
    'GET https://[redacted]@host/a failed, see "redis://[redacted]@cache" and mail@host',
  );
});
