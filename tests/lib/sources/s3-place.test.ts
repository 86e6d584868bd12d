import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPrefix, placeAt, uriOf } from '../../../lib/sources/s3-place.ts';

test.each([
  ['s3://freight/in/a b.txt', 'in/a b.txt'],
  ['s3://freight/in/a%20b.txt', 'in/a%20b.txt'],
  ['s3://freight/../a', '../a'],
  ['s3://freight//a', '/a'],
  ['s3://freight/a?b#c', 'a?b#c'],
  ['s3://freight/100%.txt', '100%.txt'],
  ['s3://freight/a%0Ab', 'a\nb'],
  ['s3://freight/a%250Ab', 'a%0Ab'],
  ['s3://freight/a%2525', 'a%25'],
])('%s is the location of the key %j, and the other way round', (uri, key) => {
  expect(placeAt(uri)).toEqual({ bucket: 'freight', key });
  expect(uriOf({ bucket: 'freight', key })).toBe(uri);
});

test('every key comes back from its location, and no two share one; none holds a control character', () => {
  const key = fc.stringMatching(/^(?:[\x00-\x20%0-9A-F/a]|\x7f|%25|%0A|ü){0,12}$/);
  fc.assert(
    fc.property(key, (one) => {
      const uri = uriOf({ bucket: 'b', key: one });
      expect(placeAt(uri)).toEqual({ bucket: 'b', key: one });
      expect(uri).not.toMatch(/[\x00-\x1f\x7f]/);
    }),
    { numRuns: 5_000 },
  );
});

test('a bucket alone, and what ends with a slash, stands for all keys that begin so', () => {
  const isOne = (uri: string) => isPrefix(placeAt(uri)!);
  expect(['s3://b', 's3://b/', 's3://b/in/', 'S3://b/in//', 's3://b/in', 's3://b/in/a'].map(isOne)).toEqual([
    ...[true, true, true, true],
    ...[false, false],
  ]);
});

test('what names no bucket is no place', () => {
  expect(['s3://', 's3:///a', 'https://b/a', 'b/a', 's3:b'].map(placeAt)).toEqual(Array(5).fill(null));
});
