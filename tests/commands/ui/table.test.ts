import { expect, test } from 'vitest';
import { details, table } from '../../../commands/ui/table.ts';
import { displayWidth } from '../../../commands/ui/text.ts';

const HEADER = [
  { header: 'document' },
  { header: 'chunks', align: 'right', isOptional: true },
  { header: 'title' },
] as const;
const ROWS = [
  ['doc-1', '5', 'A short title'],
  ['doc-2', '1,200', '荷物の追跡と配送に関する長い題名、とても長い題名です'],
];

test('columns are aligned by what a terminal shows, numbers to the right', () => {
  expect(
    table([{ header: 'name' }, ...HEADER.slice(1)], [['荷物', '5', 'x'], ...ROWS.slice(1)], { width: 200 }),
  ).toEqual([
    'name   chunks  title',
    '荷物        5  x',
    'doc-2   1,200  荷物の追跡と配送に関する長い題名、とても長い題名です',
  ]);
});

test('only the last column is cut', () => {
  expect(table(HEADER, ROWS, { width: 40 })).toEqual([
    'document  chunks  title',
    'doc-1          5  A short title',
    'doc-2      1,200  荷物の追跡と配送に関…',
  ]);
});

test('where it is narrow, optional columns go first', () => {
  expect(table(HEADER, ROWS, { width: 30 })).toEqual([
    'document  title',
    'doc-1     A short title',
    'doc-2     荷物の追跡と配送に…',
  ]);
});

test('where it is narrower, the first column stands alone and is never cut', () => {
  const id = 'doc-61b3fe0bbcb843863e63839d.attachment-1';
  expect(table(HEADER, [[id, '5', 'A title that is too long']], { width: 20 })).toEqual([
    'document',
    '  title',
    id,
    '  A title that is t…',
  ]);
});

test('a file or a pipe gets everything', () => {
  const title = 'long '.repeat(100).trim();
  expect(table(HEADER, [['doc-1', '5', title]], { width: Number.POSITIVE_INFINITY })[1]).toContain(title);
});

test('one long id does not push the other rows apart', () => {
  const [, long, short] = table(
    HEADER,
    [
      ['x'.repeat(300), '5', 'a'],
      ['doc-1', '5', 'b'],
    ],
    { width: 1_000 },
  );
  expect(long).toContain('x'.repeat(300));
  expect(displayWidth(short!)).toBeLessThan(80);
});

test('what a cell holds cannot move the cursor or break the row', () => {
  expect(table(HEADER, [['doc-1', '5', 'two\nlines \u001b[2J']], { width: 80 }).slice(1)).toEqual([
    'doc-1          5  two lines \\u001b[2J',
  ]);
});

test('names stand beside their values, and what does not fit goes on below', () => {
  expect(
    details(
      [
        ['run', 'one two three'],
        ['documents', '9'],
      ],
      18,
    ),
  ).toEqual(['run        one two', '           three', 'documents  9']);
});

test('a value that is copied is never broken', () => {
  const runId = '5392c3fe-a749-4721-9578-e1a58b7430f4';
  expect(details([['run', `${runId} (completed)`]], 38)).toEqual(['run', `  ${runId}`, '  (completed)']);
});
