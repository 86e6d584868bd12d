import fc from 'fast-check';
import { expect, test } from 'vitest';
import { redacted } from '../../../src/config/redact.ts';

const text = { type: 'text' };
const address = { type: 'url' };

test('a secret is hidden whole, and one that is not set shows that', () => {
  expect(redacted({ ...text, isSecret: true }, 'sk-1234')).toBe('[redacted]');
  expect(redacted({ ...text, isSecret: true }, '')).toBe('');
});

test.each([
  ['https://host/v1', 'https://host/v1'],
  ['https://host/@scope?x=a@b', 'https://host/@scope?x=a@b'],
  ['https://me:pass@host:8080/v1/@scope', 'https://[redacted]@host:8080/v1/@scope'],
  ['https://token@host', 'https://[redacted]@host'],
  ['https://me:p@ss@host/v1', 'https://[redacted]@host/v1'],
  ['https://me:p/ss@host/v1', 'https://[redacted]@host/v1'],
  ['htps:/me:pass@host', 'htps:/[redacted]@host'],
  ['me:pass@host/v1', '[redacted]@host/v1'],
  ['me:p@ss@host/v1', '[redacted]@host/v1'],
  ['https:\t//me:pass@host', '[redacted]@host'],
  ['postgres://me:pass@one,two/db', 'postgres://[redacted]@one,two/db'],
  ['https://host/v1?api-version=7&api_key=abc#x', 'https://host/v1?api-version=7&api_key=[redacted]#x'],
  ['https://host/?Signature=a;b&page=2', 'https://host/?Signature=[redacted]&page=2'],
])('of %j is shown %j', (value, shown) => {
  expect(redacted(address, value)).toBe(shown);
});

test('a text that is an address is treated as one, any other text is left alone', () => {
  expect(redacted(text, 'https://me:pass@host')).toBe('https://[redacted]@host');
  expect(redacted(text, 'dock@north')).toBe('dock@north');
});

test('whatever a password is made of, nothing of it is left', () => {
  const password = fc.string({ minLength: 8, unit: 'grapheme-ascii' }).map((tail) => `Zq9X${tail}`);
  fc.assert(
    fc.property(password, fc.constantFrom('https://', 'https:', 'http:/\\', '', 'redis://'), (secret, scheme) => {
      expect(redacted(address, `${scheme}me:${secret}@host/v1`)).not.toContain('Zq9X');
    }),
  );
});
