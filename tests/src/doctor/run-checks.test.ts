import { expect, test } from 'vitest';
import type { RunReader } from '../../../lib/contracts/check.ts';
import type { JournalEntry, RunListing } from '../../../lib/contracts/journal.ts';
import { runChecks } from '../../../src/doctor/run-checks.ts';

const run = (runId: string, more: Partial<RunListing> = {}): RunListing => ({
  runId,
  kind: 'ingest',
  state: 'running',
  isOwned: false,
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: null,
  exitStatus: null,
  targets: ['/mail', '/more'],
  ...more,
});

const PARKED: JournalEntry[] = [
  { kind: 'batch_assigned', batchNo: 3, items: [], isIsolated: false },
  {
    kind: 'discard_parked',
    batchNo: 3,
    stores: ['graph'],
    error: { code: 'APEX_STORE', message: 'the graph did not answer', retryable: true, step: null },
  },
];

/** What the checks find, by name. */
async function found(runs: readonly RunListing[], entries: readonly JournalEntry[] = [], processes: number[] = []) {
  const reader: RunReader = {
    unfinished: async () => runs,
    holders: () => processes,
    async *readEntries() {
      for (const [index, entry] of entries.entries()) yield { lsn: index + 1, entry, atMs: null };
    },
    close: async () => {},
  };
  const signal = new AbortController().signal;
  const all = await Promise.all(runChecks(reader).map(async (check) => [check.name, await check.run(signal)] as const));
  return Object.fromEntries(all);
}

test('without runs nothing is to be said', async () => {
  const all = await found([]);
  expect(Object.keys(all)).toEqual(['live_runs', 'interrupted_runs', 'parked_discards']);
  for (const finding of Object.values(all)) expect(finding).toMatchObject({ level: 'ok', found: 'none' });
});

test('a live run is told with its process where the kernel tells it, and is neither interrupted nor parked', async () => {
  const live = run('one', { isOwned: true });
  const all = await found([live], PARKED, [4711]);
  expect(all['live_runs']).toMatchObject({ level: 'ok', found: 'one (process 4711)' });
  expect(all['interrupted_runs']).toMatchObject({ found: 'none' });
  expect(all['parked_discards']).toMatchObject({ found: 'none' });
  expect((await found([live]))['live_runs']!.found).toBe('one (held by a process)');
});

test('an interrupted run is a warning with the commands that settle it', async () => {
  expect((await found([run('one')]))['interrupted_runs']).toEqual({
    level: 'warning',
    found: 'one (/mail)',
    advice: 'apex resume one; or apex rollback one',
    code: null,
  });
  const many = Array.from({ length: 7 }, (_, index) => run(`r${index}`, { state: 'interrupted' }));
  expect((await found(many))['interrupted_runs']).toMatchObject({
    found: '7: r0 (/mail), r1 (/mail), r2 (/mail), r3 (/mail), r4 (/mail) and 2 more',
    advice: 'Go on with all: apex resume; or give one up: apex rollback <run>',
  });
});

test('a parked discard is a problem with its batch, its reason and the command that tries it again', async () => {
  const all = await found([run('one', { state: 'needs_attention' })], PARKED);
  expect(all['parked_discards']).toEqual({
    level: 'problem',
    found: 'batch 3 of run one: the graph did not answer',
    advice: 'When the store answers again: apex cleanup',
    code: 'APEX_COMPENSATION',
  });
  expect(all['interrupted_runs']).toMatchObject({ found: 'none' });
});
