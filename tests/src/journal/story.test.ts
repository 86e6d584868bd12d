import { expect, test } from 'vitest';
import type { AssignedItem, JournalEntry } from '../../../lib/contracts/journal.ts';
import { RunStory, standingOf } from '../../../src/journal/story.ts';

const STARTED_MS = Date.parse('2026-01-01T00:00:00.000Z');
const AT = '2026-01-01T00:00:00.000Z';

/** The story of a run whose entries came a second apart. */
function storyOf(...entries: readonly JournalEntry[]): RunStory {
  const story = new RunStory();
  entries.forEach((entry, index) => {
    story.take({ entry, atMs: STARTED_MS + index * 1_000 });
  });
  return story;
}

const itemOf = (attempt: number) => ({ documentId: `doc-${attempt}`, attempt }) as AssignedItem;
const assigned = (batchNo: number, ...attempts: number[]): JournalEntry => ({
  ...{ kind: 'batch_assigned', batchNo, items: attempts.map(itemOf), isIsolated: false },
});
const error = { code: 'APEX_STORE', message: 'no answer', retryable: true, step: 'write' } as const;

test('a batch tells when it began, how far it is, and its highest attempt', () => {
  const story = storyOf(
    assigned(1, 1, 3, 2),
    { kind: 'item_set_aside', batchNo: 1, result: { documentId: 'a', outcome: 'quarantined', version: null, error } },
    { kind: 'effect_applied', batchNo: 1, store: 'graph' },
    assigned(2, 1),
  );
  expect(story.ofBatch(1)).toEqual({
    ...{ startedAt: AT, changedAt: '2026-01-01T00:00:02.000Z', attempt: 3, isIsolated: false, setAside: 1 },
    ...{ stored: ['graph'], reason: null, refusedBy: [] },
  });
  expect(story.ofBatch(2)).toMatchObject({ startedAt: '2026-01-01T00:00:03.000Z', attempt: 1 });
});

test('a parked discard tells why, since when and which stores refused; one that is tried again forgets who did', () => {
  const parked: JournalEntry[] = [
    assigned(1, 1),
    { kind: 'discard_planned', batchNo: 1, reason: 'STORE_COUNT' },
    { kind: 'discard_parked', batchNo: 1, stores: ['graph', 'vectors'], error },
  ];
  expect(storyOf(...parked).ofBatch(1)).toMatchObject({
    ...{ reason: 'STORE_COUNT', refusedBy: ['graph', 'vectors'], changedAt: '2026-01-01T00:00:02.000Z' },
  });
  expect(storyOf(...parked, { kind: 'discard_planned', batchNo: 1, reason: 'again' }).ofBatch(1)).toMatchObject({
    ...{ reason: 'again', refusedBy: [] },
  });
});

test('processes that came and went are told in order', () => {
  const story = storyOf(
    { kind: 'run_started', plan: { kind: 'delete' } as never, memoryId: 'm', at: AT },
    { kind: 'run_claimed', fence: 2, reason: 'resume', at: AT },
    { kind: 'run_interrupted', reason: 'RATE_LIMITED', at: AT },
    { kind: 'run_finished', state: 'failed', exitStatus: 1, counts: {} as never, at: AT },
  );
  expect(story.notes).toEqual([
    { at: AT, what: 'started', reason: 'delete' },
    { at: AT, what: 'claimed', reason: 'resume' },
    { at: AT, what: 'interrupted', reason: 'RATE_LIMITED' },
    { at: AT, what: 'finished', reason: 'failed' },
  ]);
});

const waiting = (role: 'graph' | 'records'): JournalEntry => ({
  ...{ kind: 'waiting_store', role, reason: 'no answer', at: AT },
});
const LATER = '2026-01-01T00:05:00.000Z';

test('what it waited for is told with its end, and what it waits for is open', () => {
  const back: JournalEntry = { kind: 'store_back', role: 'graph', at: LATER };
  const story = storyOf(waiting('graph'), waiting('records'), back, waiting('graph'));
  const wait = { reason: 'no answer', since: AT };
  expect(story.waits).toEqual([
    { role: 'graph', ...wait, until: LATER },
    { role: 'records', ...wait, until: null },
    { role: 'graph', ...wait, until: null },
  ]);
  expect(story.openWaits.map(({ role }) => role)).toEqual(['records', 'graph']);
  expect(story.notes).toEqual([]);
});

test.each([
  ['a run that stopped waits no longer', { kind: 'run_interrupted', reason: 'STORE_DOWN', at: LATER }, LATER],
  [
    'nobody saw the end of what a killed one waited for',
    { kind: 'run_claimed', fence: 2, reason: 'resume', at: LATER },
    null,
  ],
] as const)('%s', (_, entry, until) => {
  const story = storyOf(waiting('graph'), entry);
  expect([story.waits[0]!.until, story.openWaits]).toEqual([until, []]);
});

test('a journal without times, and a batch that it does not tell of, have none', () => {
  const story = new RunStory();
  story.take({ entry: assigned(1, 2), atMs: null });
  expect(story.ofBatch(1)).toMatchObject({ startedAt: null, changedAt: null, attempt: 2 });
  expect(story.ofBatch(7)).toMatchObject({ startedAt: null, stored: [], refusedBy: [] });
});

test('a run that says it is running and has no owner was interrupted', () => {
  expect(standingOf({ state: 'running', isOwned: false })).toBe('interrupted');
  expect(standingOf({ state: 'running', isOwned: true })).toBe('running');
  expect(standingOf({ state: 'completed', isOwned: false })).toBe('completed');
});
