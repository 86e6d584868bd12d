import { expect, test } from 'vitest';
import type { Difference, RunSummary, VerifyReport } from '../../../lib/contracts/apex.ts';
import { RepairNotes } from '../../../src/repair/report.ts';

const difference = (documentId: string, version = 1): Difference => ({
  ...{ document_id: documentId, version, role: 'graph', kind: 'mention', id: 'm', problem: 'missing' },
});

const lookOf = (...differences: Difference[]): VerifyReport => ({
  ...{ documents: 2, items: 9, items_by_store: { records: 3, graph: 4, vectors: 2 }, differences, uncompared: [] },
  ...{ exit_status: differences.length === 0 ? 0 : 5 },
});

const run = (changes: Partial<RunSummary> = {}) => ({ error: null, exit_status: 0, ...changes }) as RunSummary;

test('what the last look does not find is healed', () => {
  const notes = new RepairNotes(lookOf(difference('a'), difference('b')));
  notes.take({ kind: 'looked', report: lookOf(difference('b')) });
  notes.take({ kind: 'not_healed', documentId: 'b', code: 'SOURCE_GONE', message: 'gone' });
  expect(notes.report(run({ exit_status: 5 }))).toMatchObject({
    exit_status: 5,
    differences: [
      { document_id: 'a', healed: true, error: null },
      { document_id: 'b', healed: false, error: { code: 'SOURCE_GONE', message: 'gone' } },
    ],
  });
});

test('what nobody explains, and what came up since, is told as drift', () => {
  const notes = new RepairNotes(lookOf(difference('a')));
  notes.take({ kind: 'looked', report: lookOf(difference('c')) });
  expect(notes.report(run({ exit_status: 5 })).differences).toEqual([
    expect.objectContaining({ document_id: 'a', healed: true }),
    expect.objectContaining({ document_id: 'c', healed: false, error: expect.objectContaining({ code: 'DRIFT' }) }),
  ]);
});

test('of a repair that stopped early, only what it has written counts as healed', () => {
  const notes = new RepairNotes(lookOf(difference('a'), difference('b')));
  notes.take({ kind: 'looked', report: lookOf(difference('a'), difference('b')) });
  notes.take({ kind: 'document', result: { document_id: 'a' } as never });
  const error = { code: 'DISK_FULL', message: 'full', retryable: true, step: null } as const;
  expect(notes.report(run({ error, exit_status: 75 }))).toMatchObject({
    exit_status: 75,
    differences: [
      { document_id: 'a', healed: true },
      { document_id: 'b', healed: false, error: { code: 'ABORTED' } },
    ],
  });
});

test('without anything to heal there is no run, and it is done', () => {
  expect(new RepairNotes(lookOf()).report(null)).toMatchObject({
    isDone: true,
    differences: [],
    run: null,
    exit_status: 0,
  });
});
