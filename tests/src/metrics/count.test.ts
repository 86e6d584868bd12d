import { expect, test } from 'vitest';
import type { JournalEntry, NumberedEntry, RunListing } from '../../../lib/contracts/journal.ts';
import type { Counted, RunMark } from '../../../lib/contracts/metrics.ts';
import { countRuns } from '../../../src/metrics/count.ts';

const AT = '2026-11-27T10:00:00.000Z';
const RUN: RunListing = {
  ...{ runId: 'run-1', kind: 'ingest', state: 'completed', isOwned: false },
  ...{ startedAt: AT, finishedAt: AT, exitStatus: 0, targets: [] },
};
const FINISHED = { kind: 'run_finished', state: 'completed', exitStatus: 0, counts: {} as never, at: AT } as const;

async function counted(
  entries: readonly JournalEntry[],
  { run = RUN, mark }: { run?: RunListing; mark?: RunMark } = {},
): Promise<Counted[]> {
  const readEntries = async function* (): AsyncGenerator<NumberedEntry> {
    for (const [index, entry] of entries.entries()) yield { lsn: index + 1, atMs: null, entry };
  };
  const marks = new Map(mark === undefined ? [] : [[mark.runId, mark]]);
  const found: Counted[] = [];
  for await (const piece of countRuns([run], marks, { readEntries })) found.push(piece);
  return found;
}

const result = (outcome: 'added' | 'quarantined', code?: 'EMPTY_TEXT' | 'APEX_BUG') => ({
  ...{ documentId: outcome, outcome, version: null },
  error: code === undefined ? null : { code, message: '', retryable: false, step: null },
});

test('every entry that says something counts, and the run is known as counted', async () => {
  const [piece] = await counted([
    { kind: 'run_started', plan: {} as never, memoryId: 'm', at: AT },
    { kind: 'waiting_store', role: 'graph', reason: 'away', at: AT },
    { kind: 'providers_used', use: { calls: 2, texts: 5, tokens: 40, costNanos: 3_000_000_000 } },
    { kind: 'measured', amounts: { apex_chunks_total: 4 } },
    {
      kind: 'batch_done',
      batchNo: 1,
      results: [result('added'), result('added'), result('quarantined', 'EMPTY_TEXT')],
    },
    { kind: 'discard_done', batchNo: 2 },
    { kind: 'discard_parked', batchNo: 3, stores: [], error: {} as never },
    { kind: 'run_claimed', fence: 1, reason: 'resume', at: AT },
    { kind: 'run_interrupted', reason: 'ABORTED', at: AT },
    FINISHED,
  ]);
  expect(piece).toEqual({
    marks: [{ runId: 'run-1', lsn: 10, state: 'completed', finishedAt: AT }],
    amounts: {
      'apex_runs_started_total{kind="ingest"}': 1,
      'apex_store_waits_total{role="graph"}': 1,
      apex_provider_calls_total: 2,
      apex_provider_texts_total: 5,
      apex_provider_tokens_total: 40,
      apex_provider_cost_dollars_total: 3,
      apex_chunks_total: 4,
      'apex_batches_total{end="done"}': 1,
      'apex_documents_total{outcome="added"}': 2,
      'apex_documents_total{outcome="quarantined"}': 1,
      'apex_documents_quarantined_total{code="EMPTY_TEXT"}': 1,
      'apex_empty_results_total{step="parse"}': 1,
      'apex_batches_total{end="discarded"}': 1,
      'apex_batches_total{end="parked"}': 1,
      'apex_runs_claimed_total{reason="resume"}': 1,
      'apex_runs_ended_total{kind="ingest",state="interrupted"}': 1,
      'apex_runs_ended_total{kind="ingest",state="completed"}': 1,
    },
    latest: { 'apex_run_last_success_timestamp_seconds{kind="ingest"}': Date.parse(AT) / 1_000 },
  });
});

const MARK: RunMark = { runId: 'run-1', lsn: 2, state: 'interrupted', finishedAt: AT };

test('what was counted before does not count again', async () => {
  const entries: JournalEntry[] = [
    { kind: 'measured', amounts: { apex_chunks_total: 1 } },
    { kind: 'run_interrupted', reason: 'ABORTED', at: AT },
    { kind: 'measured', amounts: { apex_chunks_total: 2 } },
  ];
  const [piece] = await counted(entries, { mark: MARK });
  expect(piece?.amounts).toEqual({ apex_chunks_total: 2 });
  expect(piece?.marks).toEqual([{ ...MARK, lsn: 3, state: 'completed' }]);
});

test('a run whose end was counted is not read again; one that is running, or was gone on with, is', async () => {
  const entries = [FINISHED];
  const mark = { ...MARK, lsn: 0, state: 'completed' } as const;
  expect(await counted(entries, { mark })).toEqual([]);
  expect(await counted(entries, { mark, run: { ...RUN, finishedAt: '2026-11-28T00:00:00Z' } })).toHaveLength(1);
  const running = { ...RUN, state: 'running', finishedAt: null } as const;
  expect(await counted(entries, { mark: { ...mark, state: 'running', finishedAt: null }, run: running })).toHaveLength(
    1,
  );
});

test('what another release measured, what has no series and what would go back is passed over', async () => {
  const [piece] = await counted([
    {
      kind: 'measured',
      amounts: { apex_later_total: 4, 'apex_steps_started_total{step="dream"}': 1, apex_chunks_total: -3 },
    },
    { kind: 'providers_used', use: { calls: 1, texts: 0, tokens: -40, costNanos: null } },
    { kind: 'batch_done', batchNo: 1, results: [result('quarantined', 'APEX_BUG')] },
  ]);
  expect(piece?.amounts).toEqual({
    apex_provider_calls_total: 1,
    'apex_batches_total{end="done"}': 1,
    'apex_documents_total{outcome="quarantined"}': 1,
  });
});
