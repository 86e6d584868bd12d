import { expect, test } from 'vitest';
import { etagOf, readVersion, versionIn, versionText } from '../../../lib/sources/s3-version.ts';

test('a version is read as it was written; the id that a bucket gives is kept beside its mark', () => {
  const told = versionIn({ etag: '"v1"', 'content-length': '12', 'x-amz-version-id': '3HL4kqtJlcpXrof3' });
  expect(told).toEqual({ etag: '"v1"', bytes: 12, versionId: '3HL4kqtJlcpXrof3' });
  expect(readVersion(versionText(told))).toEqual(told);
});

test('without a mark there is no version; of what is damaged, or of another source, nothing is known', () => {
  expect(versionText(versionIn({ 'content-length': '12' }))).toBeNull();
  const nothing = { etag: null, bytes: null, versionId: null };
  for (const text of [null, undefined, '', 'null', '7', '{', '[]', '{"etag":7,"bytes":"12"}', '{"etag":""}'])
    expect(readVersion(text)).toEqual(nothing);
  expect(readVersion('{"etag":"\\"v1\\"","modified":null}')).toEqual({ ...nothing, etag: '"v1"' });
});

test('a mark is the same with and without its quotes', () => {
  expect(['"v1"', 'v1', 'W/"v1"', '""', '', undefined].map(etagOf)).toEqual(['"v1"', '"v1"', '"v1"', null, null, null]);
});
