import { describe, expect, test } from 'vitest';
import { MAX_KEPT_RAW } from '../../../lib/contracts/feed.ts';
import { redactedText, redactedValue } from '../../../lib/support/redaction.ts';

const NAMES = [
  'authorization',
  'Authorization',
  'x-api-key',
  'X-API-Key',
  'client_secret',
  'clientSecret',
  'password',
  'access_token',
  'refresh_token',
  'secretKey',
  'licenseNumber',
  'license_number',
  'taxId',
  'api_key',
];

const SIGNED = [
  'https://bucket.s3.amazonaws.com/a.pdf?X-Amz-Credential=AKIA%2F1&X-Amz-Signature=hunter2',
  'https://storage.googleapis.com/b/a.pdf?X-Goog-Signature=hunter2',
  'https://x.blob.core.windows.net/a?sv=1&sig=hunter2',
  'https://d1.cloudfront.net/a?Expires=1&Signature=hunter2&Key-Pair-Id=K',
];

describe('a value', () => {
  test.each(NAMES)('keeps no %s, of whatever type', (name) => {
    for (const secret of ['hunter2', 42, true, ['hunter2'], { token: 'hunter2' }])
      expect(redactedValue({ id: '1', list: [{ [name]: secret }] })).toEqual({
        id: '1',
        list: [{ [name]: '[redacted]' }],
      });
    expect(redactedValue({ [name]: null })).toEqual({ [name]: null });
  });

  test('leaves out means of payment', () => {
    const value = { name: 'Acme', paymentMethod: { bank: 'hush' }, payment_methods: [1] };
    expect(redactedValue(value)).toEqual({ name: 'Acme' });
  });

  test('is left as it was given', () => {
    const value = { password: 'hunter2' };
    redactedValue(value);
    expect(value).toEqual({ password: 'hunter2' });
  });

  test('keeps what only sounds alike', () => {
    const value = { passwordHint: 'x', tax: 7, license: { state: 'IL' }, note: 'the password is in the safe' };
    expect(redactedValue(value)).toEqual(value);
  });

  test.each(SIGNED)('keeps a pre-signed address without what signs it: %s', (url) => {
    const text = JSON.stringify(redactedValue({ url, note: `see ${url}, and call` }));
    expect(text).not.toContain('hunter2');
    expect(text).toContain(`${url.split('?')[0]}?[redacted]`);
    expect(redactedValue({ url: 'https://app.example/list?page=2&q=signature' })).toEqual({
      url: 'https://app.example/list?page=2&q=signature',
    });
  });

  test('keeps names of prototypes as data, and stands any depth', () => {
    const value = JSON.parse('{"__proto__":{"password":"hunter2","a":1}}') as { [name: string]: never };
    expect(JSON.stringify(redactedValue(value))).toBe('{"__proto__":{"password":"[redacted]","a":1}}');
    const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`) as { [name: string]: never };
    expect(JSON.stringify(redactedValue(deep))).toBe(`${'{"a":'.repeat(100)}"[nested too deeply]"${'}'.repeat(100)}`);
  });
});

describe('a text', () => {
  test.each([...NAMES, 'paymentMethod'])('keeps no %s, however it is written', (name) => {
    for (const secret of [
      '"hunter2"',
      '"a\\"hunter2"',
      '["hunter2"]',
      '{"a":{"b":"}hunter2"}}',
      '"hunter2',
      "'hunter2'",
    ]) {
      const text = redactedText(`{"id":"1", "${name}" : ${secret}`);
      expect(text).not.toContain('hunter2');
      expect(text).toMatch(new RegExp(`^\\{"id":"1", "${name}" : "\\[redacted\\]"`));
    }
    expect(redactedText(`${name}: Bearer hunter2`)).not.toContain('hunter2');
    expect(redactedText(`'${name}'=hunter2, b`)).toBe(`'${name}'="[redacted]", b`);
  });

  test('keeps all around a secret', () => {
    const text = '{"a":[1,{"password":{"x":[1,2]},"b":"c"}],"taxId":12,"d":"e","taxId":null,x}';
    expect(redactedText(text)).toBe(
      '{"a":[1,{"password":"[redacted]","b":"c"}],"taxId":"[redacted]","d":"e","taxId":null,x}',
    );
  });

  test.each(SIGNED)('keeps a pre-signed address without what signs it: %s', (url) => {
    for (const written of [url, url.replaceAll('&', '\\u0026'), url.replaceAll('/', '\\/')]) {
      const text = redactedText(`{"url":"${written}","id":}`);
      expect(text).not.toContain('hunter2');
      expect(text).toMatch(/\?\[redacted\]","id":\}$/);
    }
  });

  test('is cut to what is kept, and no secret comes back by that', () => {
    const text = redactedText(`{"password":"${'x'.repeat(MAX_KEPT_RAW)}hunter2","a":"${'😀'.repeat(MAX_KEPT_RAW)}"`);
    expect(text).toBe('{"password":"[redacted]"');
    expect(redactedText(`a${'😀'.repeat(MAX_KEPT_RAW)}`)).toHaveLength(MAX_KEPT_RAW);
    expect(redactedText(`a${'😀'.repeat(MAX_KEPT_RAW)}`).isWellFormed()).toBe(true);
    expect(redactedText('"a\u0000b"')).toBe('"a\ufffdb"');
  });

  test('is done with hostile ones, too', () => {
    expect(redactedText('"password":{'.repeat(6_000))).toBe('"password":"[redacted]"');
    for (const text of ['\\"'.repeat(32_000), 'https://a/?'.repeat(5_000)]) expect(redactedText(text)).toBe(text);
  });
});
