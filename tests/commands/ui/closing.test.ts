import { expect, test } from 'vitest';
import { closingTable, type SetAside, setAsideLines } from '../../../commands/ui/closing.ts';
import type { Style } from '../../../commands/ui/style.ts';
import { displayWidth } from '../../../commands/ui/text.ts';
import type { RunSummary } from '../../../lib/contracts/apex.ts';

const same = (text: string) => text;
const PLAIN: Style = { strong: same, warning: same, failure: same };

const SUMMARY: RunSummary = {
  run_id: '5392c3fe-a749-4721-9578-e1a58b7430f4',
  state: 'completed',
  documents: 1_003,
  added: 1_000,
  updated: 0,
  unchanged: 0,
  deleted: 0,
  quarantined: 3,
  failed: 0,
  chunks: 12_000,
  entities: 4,
  relations: 0,
  duration_ms: 10_000,
  exit_status: 3,
  embedded_texts: 12_000,
  embedding_calls: 1_000,
  embedding_tokens: 300_000,
  cost_usd: 0,
  journal_commits: 18,
  batches: 4,
  removed: { records: 0, graph: 0, vectors: 0, cache: 0 },
  error: null,
};

test('the closing table tells what became of the documents and leaves out what there was none of', () => {
  expect(closingTable(SUMMARY, 0)).toEqual([
    'documents      1,003',
    '  added        1,000',
    '  quarantined  3',
    'chunks         12,000',
    'entities       4',
    'time           10.0 s (100/s)',
    'run            5392c3fe-a749-4721-9578-e1a58b7430f4 (completed)',
  ]);
});

test('what could not be read is counted though it is no document', () => {
  expect(closingTable(SUMMARY, 2)).toContain('not read       2');
});

test('of records it is records that are counted in a second', () => {
  const records = { records: 4_200, readings: 4_000, rejected: 1 };
  const lines = closingTable({ ...SUMMARY, records, duration_ms: 2_000 }, 0);
  expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(/^time +2\.0 s \(2,100\/s\)$/)]));
});

const broken = (index: number): SetAside => ({
  place: `in/bad-${String(index).padStart(4, '0')}.pdf`,
  code: 'CORRUPT',
  message: 'Its header does not say which PDF it is.',
});

test('what was set aside is told by reason: what to do once, then each document with what was found', () => {
  const entries: SetAside[] = [
    broken(2),
    { place: 'in/locked.pdf', code: 'ENCRYPTED', message: 'The document is protected by a password.' },
    broken(1),
  ];
  expect(setAsideLines(entries, PLAIN, 80)).toEqual([
    '',
    '✗ CORRUPT (2): Fetch or export it again.',
    '  in/bad-0001.pdf: Its header does not say which PDF it is.',
    '  in/bad-0002.pdf: Its header does not say which PDF it is.',
    '',
    '✗ ENCRYPTED (1): Save a copy without a password.',
    '  in/locked.pdf: The document is protected by a password.',
  ]);
});

test('two thousand of a reason do not flood the terminal, and hide no other reason', () => {
  const entries = [
    ...Array.from({ length: 2_000 }, (_, index) => broken(index)),
    { place: 'z.txt', code: 'EMPTY_TEXT', message: 'The file has no bytes.' } as const,
  ];
  const lines = setAsideLines(entries, PLAIN, 80);
  expect(lines.length).toBeLessThan(20);
  expect(lines).toContain('  … and 1,990 more');
  expect(lines.at(-1)).toBe('  z.txt: The file has no bytes.');
});

test('a narrow terminal gets the end of a path, and the message below it', () => {
  const lines = setAsideLines([{ ...broken(1), place: `/a/very/long/way/to/${broken(1).place}` }], PLAIN, 30);
  expect(lines).toContain('  …long/way/to/in/bad-0001.pdf');
  for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(30);
  expect(lines.join(' ').replace(/\s+/g, ' ')).toContain('Its header does not say which PDF it is.');
});
