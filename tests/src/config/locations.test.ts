import { describe, expect, test } from 'vitest';
import { sha256 } from '../../../lib/contracts/identity.ts';
import { EACH, readLocations, targetsBySource } from '../../../src/config/locations.ts';

const read = (targets: readonly string[], source: string | null = null) =>
  readLocations(targets, { source, resolve: (path) => `/here/${path}` });

/** What an address is known by. */
const known = (address: string) => read([address]).targets[0];
const standIn = (value: string) => `sha256-${sha256(value).slice(0, 16)}`;

test('paths are made absolute, standard input stays, and the source is that of all', () => {
  expect(read(['a.pdf', '-'])).toEqual({ targets: ['/here/a.pdf', '-'], source: 'local_upload', addresses: new Map() });
  expect(read(['https://x.example/a.pdf']).source).toBe('https');
});

test('targets of several sources each tell their own, and are taken source after source', () => {
  const { targets, source } = read(['a.pdf', 'https://x.example/', 'b.pdf']);
  expect([...targetsBySource(source, targets)]).toEqual([
    ['local_upload', ['/here/a.pdf', '/here/b.pdf']],
    ['https', ['https://x.example/']],
  ]);
});

test('a source that is named is that of every target, whatever it looks like', () => {
  expect(read(['https://x.example/'], 'local_upload')).toMatchObject({
    targets: ['/here/https://x.example/'],
    source: 'local_upload',
  });
  expect(() => read(['a.pdf'], 'https')).toThrow('is no address that can be read');
  expect(() => read(['ftp://x.example/'], 'https')).toThrow('ftp: addresses are not read');
});

describe('an address is known', () => {
  test.each([
    ['by its normal form', 'HTTPS://X.Example:443/a/../b.pdf#page=2', 'https://x.example/b.pdf'],
    ['with its query', 'https://x.example/?id=7&lang=de', 'https://x.example/?id=7&lang=de'],
    [
      'with a stand-in for a secret',
      'https://x.example/?token=t&id=7',
      `https://x.example/?token=${standIn('t')}&id=7`,
    ],
    [
      'with a stand-in for each of two secrets',
      'https://x.example/?key=a&key=b',
      `https://x.example/?key=${standIn('a')}&key=${standIn('b')}`,
    ],
    ['with a name that has no value', 'https://x.example/?token&key=', 'https://x.example/?token&key='],
    [
      'without a signature of S3',
      'https://x.example/a?v=1&X-Amz-Date=d&X-Amz-Credential=c&x-amz-signature=s',
      'https://x.example/a?v=1',
    ],
    ['without a signature of Google', 'https://x.example/a?X-Goog-Date=d&X-Goog-Signature=s', 'https://x.example/a'],
    [
      'without an older signature of S3',
      'https://x.example/a?AWSAccessKeyId=k&Expires=1&Signature=s',
      'https://x.example/a',
    ],
    [
      'without a signature of CloudFront',
      'https://x.example/a?Expires=1&Signature=s&Key-Pair-Id=k',
      'https://x.example/a',
    ],
    ['without a signature of Azure', 'https://x.example/a?sv=1&se=2&sr=b&sp=r&sig=s&id=7', 'https://x.example/a?id=7'],
    ['with what signs nothing by itself', 'https://x.example/a?Expires=1&sv=2', 'https://x.example/a?Expires=1&sv=2'],
  ])('%s', (_, address, expected) => {
    expect(known(address)).toBe(expected);
  });

  test('and is kept whole beside it only where the two differ', () => {
    const { addresses } = read(['https://x.example/?token=t', 'https://x.example/a']);
    expect([...addresses]).toEqual([[`https://x.example/?token=${standIn('t')}`, 'https://x.example/?token=t']]);
  });
});

describe('buckets', () => {
  const read = (...targets: string[]) => readLocations(targets, { source: null, resolve: (path) => `/work/${path}` });

  test('a bucket with a key is taken as it is, and told from paths and addresses by its beginning', () => {
    expect(read('s3://freight/in/../a b%20.txt').targets).toEqual(['s3://freight/in/../a b%20.txt']);
    expect([read('S3://Freight').targets, read('s3://freight/').source]).toEqual([['s3://Freight/'], 's3']);
    expect(read('s3://freight/a', 'a.txt')).toMatchObject({ source: EACH, targets: ['s3://freight/a', '/work/a.txt'] });
  });

  test.each(['s3://', 's3:///a', 's3://../a', 's3://a@b/c', 's3://a:80/c', 's3://a b/c', 's3://-a/c'])(
    '%s names no bucket',
    (target) => {
      expect(() => read(target)).toThrow(/names no bucket: write s3:\/\/bucket\/key/);
    },
  );

  test('what is said to be a bucket has to be one', () => {
    expect(() => readLocations(['a.txt'], { source: 's3', resolve: (path) => path })).toThrow(
      /a.txt is no address of S3/,
    );
  });
});
