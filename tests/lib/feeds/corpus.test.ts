import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { itemsOf } from './reading.ts';

const CORPUS = join(import.meta.dirname, '../../../../shared/corpus/json');
const isPresent = existsSync(join(CORPUS, 'SOURCES.tsv'));
if (!isPresent) console.log('The corpus is absent: what it proves of reading feeds is not proven here.');

/** Files of a folder of the corpus; none when it is absent. */
function filesIn(folder: string, pattern: RegExp): string[] {
  return isPresent ? readdirSync(join(CORPUS, folder)).filter((file) => pattern.test(file)) : [];
}

/** Two arrays one behind the other are no JSON, but a feed: of no records here. */
const FEEDS = ['n_structure_double_array.json'];

describe.skipIf(!isPresent)('the conformance suite', () => {
  const read = (file: string) => itemsOf(readFileSync(join(CORPUS, 'jsontestsuite', file)));

  test('is there', () => {
    expect(filesIn('jsontestsuite', /^[yni]_.*\.json$/).length).toBeGreaterThan(100);
  });

  test.each(filesIn('jsontestsuite', /^y_/))(
    'is taken, or rejected only by what a record must be: %s',
    async (file) => {
      for (const item of await read(file))
        if (item.kind === 'rejected')
          expect(item.rejected.reason).toMatch(
            /^expected an object, found (?:an array|a string|a number|true|false|null)$|^expected an object or an array, found |stands twice in one object/,
          );
    },
  );

  test.each(filesIn('jsontestsuite', /^n_/))('is rejected: %s', async (file) => {
    const items = await read(file);
    expect(items.filter(({ kind }) => kind === 'record')).toEqual([]);
    if (!FEEDS.includes(file)) expect(items.length).toBeGreaterThan(0);
  });

  test.each(filesIn('jsontestsuite', /^i_/))('ends with one item, whatever it is: %s', async (file) => {
    expect(await read(file)).toHaveLength(1);
  });
});

describe.skipIf(!isPresent)('lines with bad ones among them', () => {
  test.each(filesIn('lines', /\.ndjson$/))(
    'are read but for the bad ones, each of which is one item: %s',
    async (file) => {
      const { good_records: goodCount, bad_lines: badLines } = JSON.parse(
        readFileSync(join(CORPUS, 'lines', file.replace('.ndjson', '.expect.json')), 'utf8'),
      ) as { good_records: number; bad_lines: number[] };
      const bytes = readFileSync(join(CORPUS, 'lines', file));
      for (const cuts of [[], [1, 2, 65_536, 65_537], [50_000, 100_000, 100_001]]) {
        const items = await itemsOf(bytes, { cuts: cuts.filter((cut) => cut < bytes.length) });
        const rejected = items.flatMap((item) => (item.kind === 'rejected' ? [item.rejected.place] : []));
        expect(rejected).toEqual(badLines.map((line) => `line ${line}`));
        expect(items.length - rejected.length).toBe(goodCount);
      }
    },
  );
});

test.skipIf(!isPresent)('records of naughty strings are what they are written as', async () => {
  const text = readFileSync(join(CORPUS, 'naughty/records.ndjson'), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '');
  expect(lines.length).toBeGreaterThan(100);
  const items = await itemsOf(text);
  const written = (value: unknown) => JSON.stringify(value).replaceAll('\\u0000', '\ufffd');
  expect(items.map((item) => (item.kind === 'record' ? JSON.stringify(item.record.value) : item.rejected))).toEqual(
    lines.map((line) => written(JSON.parse(line))),
  );
});

describe.skipIf(!isPresent)('recorded answers and payloads', () => {
  test.each(
    ['samsara', 'github', 'generic'].flatMap((folder) => filesIn(folder, /json$/).map((file) => `${folder}/${file}`)),
  )('give records and nothing else: %s', async (file) => {
    const items = await itemsOf(readFileSync(join(CORPUS, file)));
    expect(items.length).toBeGreaterThan(0);
    expect(items.filter(({ kind }) => kind === 'rejected')).toEqual([]);
  });
});
