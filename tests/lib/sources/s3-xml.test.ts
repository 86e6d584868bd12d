import { expect, test } from 'vitest';
import { readListedPage, readTrouble } from '../../../lib/sources/s3-xml.ts';

const page = (inside: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inside}</ListBucketResult>`;

test('objects of a page are read with key, size and mark, and how the next page is asked for', () => {
  const xml = page(
    '<IsTruncated>true</IsTruncated><Contents><Key>a &amp; b</Key><Size>12</Size><ETag>&quot;v1&quot;</ETag><Owner><ID>7</ID></Owner></Contents>' +
      '<Contents><Key>c</Key><ETag>v2</ETag></Contents><Contents><Key>d</Key></Contents><CommonPrefixes><Prefix>x/</Prefix></CommonPrefixes><NextContinuationToken>t+/=</NextContinuationToken>',
  );
  expect(readListedPage(xml)).toEqual({
    objects: [
      { key: 'a & b', bytes: 12, etag: '"v1"' },
      { key: 'c', bytes: null, etag: '"v2"' },
      { key: 'd', bytes: null, etag: null },
    ],
    next: 't+/=',
  });
});

test('keys that the server says it has encoded are decoded as forms are, others stay', () => {
  const keys = (inside: string) => readListedPage(page(inside))!.objects.map(({ key }) => key);
  const contents = '<Contents><Key>a+b%2Bc%0Ad/%C3%BC</Key></Contents>';
  expect(keys(`<EncodingType>url</EncodingType>${contents}`)).toEqual(['a b+c\nd/ü']);
  expect(keys(`${contents}<EncodingType>url</EncodingType>`)).toEqual(['a b+c\nd/ü']);
  expect(keys(contents)).toEqual(['a+b%2Bc%0Ad/%C3%BC']);
  expect(keys('<EncodingType>url</EncodingType><Contents><Key>%FF</Key></Contents>')).toEqual([null]);
});

test.each([
  ['nothing', ''],
  ['a page that is cut', page('<IsTruncated>false</IsTruncated>').slice(0, -5)],
  ['a failure', '<Error><Code>SlowDown</Code></Error>'],
  ['a web page', '<html><body>Sign in</body></html>'],
  ['JSON', '{"a":1}'],
  ['elements that nest without end', `<ListBucketResult>${'<a>'.repeat(200_000)}`],
])('%s is no page', (_, xml) => {
  expect(readListedPage(xml)).toBeNull();
});

test('a failure is read by its words, and nothing else is taken from it', () => {
  expect(readTrouble('<Error><Code>NoSuchKey</Code><Region>eu-west-1</Region></Error>')).toEqual({
    code: 'NoSuchKey',
    region: 'eu-west-1',
  });
  const none = { code: null, region: null };
  expect(readTrouble('<Error><Code>Your key is secret</Code><Region>a/b</Region></Error>')).toEqual(none);
  expect(readTrouble('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Error><Code>&e;</Code></Error>')).toEqual(
    none,
  );
  expect(readTrouble('<html>')).toEqual(none);
});
