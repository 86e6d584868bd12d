import { expect, test } from 'vitest';
import { LiveLine } from '../../../commands/ui/live-line.ts';
import type { DocumentResult } from '../../../lib/contracts/apex.ts';
import type { DocumentOutcome } from '../../../lib/contracts/pipeline.ts';

/** A line whose clock stands where it is put. */
function openLine() {
  let nowMs = 0;
  const line = new LiveLine(() => nowMs);
  return {
    line,
    at: (ms: number) => {
      nowMs = ms;
    },
    list: (documents: number, isFinal = true) => line.take({ kind: 'listed', documents, isFinal }),
    begin: (id: string) => line.take({ kind: 'step', documentId: id, step: 'parse' }),
    prepare: (id: string) => line.take({ kind: 'prepared', documentId: id }),
    finish: (id: string, outcome: DocumentOutcome = 'added') =>
      line.take({ kind: 'document', result: { document_id: id, outcome } as DocumentResult }),
  };
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => `doc-${index}`);

test('it tells documents done, how many wait for their batch, rate, time left and step', () => {
  const { line, at, list, begin, prepare, finish } = openLine();
  list(1_000);
  for (const id of ids(150)) begin(id);
  for (const id of ids(100)) finish(id);
  for (const id of ids(150).slice(100)) prepare(id);
  at(10_000);
  expect(line.text(80)).toBe('100 of 1,000 documents, 50 ready, 15/s, 57 s left, parse');
});

test.each([
  [60, '100 of 1,000 documents, 50 ready, 15/s, 57 s left, parse'],
  [50, '100 of 1,000 documents, 15/s, 57 s left, parse'],
  [40, '100 of 1,000 documents, 57 s left, parse'],
  [30, '100/1,000, 57 s left, parse'],
  [20, '100/1,000, parse'],
  [10, '100/1,000…'],
])('in %i columns it reads %j', (columns, expected) => {
  const { line, at, list, begin, prepare, finish } = openLine();
  list(1_000);
  for (const id of ids(150)) begin(id);
  for (const id of ids(100)) finish(id);
  for (const id of ids(150).slice(100)) prepare(id);
  at(10_000);
  expect(line.text(columns)).toBe(expected);
});

test('before anything is done it promises nothing', () => {
  const { line, at, list } = openLine();
  expect(line.text(80)).toBe('0 documents, list');
  list(256, false);
  at(1_000);
  expect(line.text(80)).toBe('0 documents, list');
  list(300);
  expect(line.text(80)).toBe('0 of 300 documents, list');
});

test('what was unchanged says nothing of how long the rest takes', () => {
  const { line, at, list, finish } = openLine();
  list(1_000);
  for (const id of ids(890)) finish(id, 'unchanged');
  for (const id of ids(900).slice(890)) finish(id);
  at(10_000);
  expect(line.text(80)).toBe('900 of 1,000 documents, 1.0/s, 2 min left, list');
});

test('attachments that were not listed count once they are begun', () => {
  const { line, at, list, begin, finish } = openLine();
  list(1);
  begin('mail');
  begin('mail.attachment-1');
  at(1_000);
  expect(line.text(80)).toBe('0 of 2 documents, parse');
  finish('mail');
  expect(line.text(80)).toBe('1 of 2 documents, 1.0/s, 1 s left, parse');
});

test('an interruption that was heard is shown', () => {
  const { line, list } = openLine();
  list(5);
  line.stopping();
  expect(line.text(80)).toBe('0 of 5 documents, stopping');
});
