import { expect, test } from 'vitest';
import { parseJsonText } from '../../../lib/support/json-text.ts';

test.each([
  ['the end of a trip under way', '{"endMs":9223372036854775807}', { endMs: '9223372036854775807' }],
  ['a negative one', '[-9223372036854775808]', ['-9223372036854775808']],
  ['the first that is inexact', '[9007199254740992]', ['9007199254740992']],
  ['as a whole text', '12345678901234567890', '12345678901234567890'],
])('an integer that a double cannot hold is a string of its digits: %s', (_, text, value) => {
  expect(parseJsonText(text)).toEqual(value);
});

test.each([
  ['the last that is exact', '[9007199254740991]', [9007199254740991]],
  ['a position with many digits', '[-87.62980000000000012]', [-87.6298]],
  ['a power', '[12345678901234567e3]', [12345678901234567e3]],
  [
    'digits in a string',
    '{"9223372036854775807":"9223372036854775807 km"}',
    { '9223372036854775807': '9223372036854775807 km' },
  ],
  ['a quote in a string', String.raw`{"a":"\"9223372036854775807"}`, { a: '"9223372036854775807' }],
])('a number that is none stays as it is: %s', (_, text, value) => {
  expect(parseJsonText(text)).toEqual(value);
});

test.each([
  ['U+0000', String.raw`"a\u0000b"`, 'a\ufffdb'],
  ['a high surrogate', String.raw`"\uD83D!"`, '\ufffd!'],
  ['a low surrogate', String.raw`"\ude00"`, '\ufffd'],
  ['two high ones', String.raw`"\ud83d\ud83d\ude00"`, '\ufffd😀'],
  ['in a key', String.raw`{"\u0000":1}`, { '\ufffd': 1 }],
])('what no store takes is U+FFFD: %s', (_, text, value) => {
  expect(parseJsonText(text)).toEqual(value);
});

test.each([
  ['a pair', String.raw`"\ud83d\ude00\u0000"`, '😀\ufffd'],
  ['a backslash before u0000', String.raw`"\\u0000\u0000"`, '\\u0000\ufffd'],
])('escapes of something else stay: %s', (_, text, value) => {
  expect(parseJsonText(text)).toEqual(value);
});

test('keys that name what every object has are data', () => {
  const value = parseJsonText('{"__proto__":{"isAdmin":true},"id":9223372036854775807}') as object;
  expect(Object.keys(value)).toEqual(['__proto__', 'id']);
  expect((value as { isAdmin?: boolean }).isAdmin).toBeUndefined();
});

test.each(['', '{', '{"a":1}}', '<html>', '[1,]', "{'a':1}", '01', 'NaN', '9223372036854775807x'])(
  'no JSON: %j',
  (text) => {
    expect(() => parseJsonText(text)).toThrow();
  },
);

test('100,000 levels with a long number are read without recursion', () => {
  const depth = 100_000;
  let value = parseJsonText(`${'['.repeat(depth)}9223372036854775807${']'.repeat(depth)}`);
  let levels = 0;
  while (Array.isArray(value)) {
    value = value[0];
    levels += 1;
  }
  expect([levels, value]).toEqual([depth, '9223372036854775807']);
});
