import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AssignedItem, ItemOutcome, JournalEntry, RunPlan } from '../../../lib/contracts/journal.ts';
import { type BatchState, RunReplay } from '../../../src/journal/replay.ts';

const AT = '2026-01-01T00:00:00.000Z';
const PLAN: RunPlan = {
  kind: 'ingest',
  source: 'local_upload',
  targets: ['/docs'],
  documentId: null,
  group: 'default',
  settingsDigest: 's',
};
const STARTED: JournalEntry = { kind: 'run_started', plan: PLAN, memoryId: 'm', at: AT };
const CLAIMED: JournalEntry = { kind: 'run_claimed', fence: 2, reason: 'resume', at: AT };
const INTERRUPTED: JournalEntry = { kind: 'run_interrupted', reason: 'ABORTED', at: AT };

function assigned(batchNo: number, ...documentIds: string[]): JournalEntry {
  const items = documentIds.map(
    (documentId): AssignedItem => ({
      documentId,
      item: { id: documentId, uri: documentId, name: '', bytes: 1, mediaType: null, locator: '', isRepeatable: true },
      parentId: null,
      baseVersion: null,
      attempt: 1,
    }),
  );
  return { kind: 'batch_assigned', batchNo, items, isIsolated: false };
}

function outcomeOf(documentId: string): ItemOutcome {
  return { documentId, outcome: 'added', version: 1, error: null };
}

/** Each entry about a batch and the state it brings it to. */
const steps = (batchNo: number, documentIds: readonly string[]) =>
  ({
    assigned: assigned(batchNo, ...documentIds),
    planned: { kind: 'effects_planned', batchNo, stores: ['records'], versions: [], deletes: [] },
    pivot_planned: { kind: 'pivot_planned', batchNo },
    pivoted: { kind: 'pivot_done', batchNo },
    done: { kind: 'batch_done', batchNo, results: documentIds.map(outcomeOf) },
    discarding: { kind: 'discard_planned', batchNo, reason: 'x' },
    discarded: { kind: 'discard_done', batchNo },
    parked: {
      kind: 'discard_parked',
      batchNo,
      stores: ['graph'],
      error: { code: 'APEX_STORE', message: 'gone', retryable: true, step: 'write' },
    },
  }) as const satisfies { [state in BatchState]: JournalEntry };

/** The ways a batch may go; each may end anywhere. */
const PATHS: readonly (readonly BatchState[])[] = [
  ['assigned', 'done'],
  ['assigned', 'planned', 'pivot_planned', 'pivoted', 'done'],
  ['assigned', 'discarding', 'discarded'],
  ['assigned', 'planned', 'discarding', 'discarded'],
  ['assigned', 'planned', 'pivot_planned', 'discarding', 'parked', 'discarding', 'discarded'],
];

function replayOf(...entries: JournalEntry[]): RunReplay {
  const replay = new RunReplay();
  for (const entry of entries) replay.take(entry);
  return replay;
}

test('an empty journal is a run without a plan and without batches', () => {
  const replay = replayOf();
  expect([replay.plan, replay.batches, replay.nextBatchNo, replay.unsettled]).toEqual([null, [], 1, []]);
});

test('the plan is what the run was started with', () => {
  expect(replayOf(STARTED).plan).toEqual(PLAN);
});

test('each entry about a batch brings it to its state', () => {
  for (const [state, entry] of Object.entries(steps(1, ['a'])))
    expect(replayOf(STARTED, assigned(1, 'a'), entry).batches.at(-1)?.state).toBe(state);
});

test('entries that only tell of progress leave the state of a batch alone', () => {
  const { batches } = replayOf(
    STARTED,
    assigned(1, 'a'),
    { kind: 'isolated_attempt', batchNo: 1, documentId: 'a', attempt: 1 },
    { kind: 'item_set_aside', batchNo: 1, result: outcomeOf('a') },
    { kind: 'effect_applied', batchNo: 1, store: 'graph' },
  );
  expect(batches).toMatchObject([{ state: 'assigned', setAside: [outcomeOf('a')] }]);
});

test('a document is done only when its batch is', () => {
  const { planned, done } = steps(1, ['a']);
  expect(replayOf(STARTED, assigned(1, 'a'), planned).isDone('a')).toBe(false);
  const replay = replayOf(STARTED, assigned(1, 'a'), planned, done);
  expect(replay.isDone('a')).toBe(true);
  expect(replay.results).toEqual([outcomeOf('a')]);
});

test('a stream is fetched to its end only when the batch that ends it is done', () => {
  const { planned, done, discarded } = steps(2, []);
  const ends: JournalEntry = {
    kind: 'batch_assigned',
    batchNo: 2,
    items: [],
    isIsolated: false,
    endsStream: 'vehicles',
  };
  const ended = (...entries: JournalEntry[]) => [...replayOf(assigned(1), steps(1, []).done, ...entries).endedStreams];
  expect(ended(ends)).toEqual([]);
  expect(ended(ends, planned, CLAIMED)).toEqual([]);
  expect(ended(ends, planned, discarded)).toEqual([]);
  expect(ended(ends, planned, done)).toEqual(['vehicles']);
});

test('records that could not be taken count once their batch is done', () => {
  const { done, discarded } = steps(2, []);
  const took = (batchNo: number): JournalEntry => ({ ...assigned(batchNo), rejected: 2 }) as JournalEntry;
  expect(replayOf(took(1), steps(1, []).done, took(2)).rejected).toBe(2);
  expect(replayOf(took(1), steps(1, []).done, took(2), discarded).rejected).toBe(2);
  expect(replayOf(took(1), steps(1, []).done, took(2), done).rejected).toBe(4);
});

test('a claim after a death counts against the documents in flight, and only those', () => {
  const { done } = steps(1, ['a']);
  const replay = replayOf(STARTED, assigned(1, 'a'), done, assigned(2, 'b'), CLAIMED, CLAIMED);
  expect([replay.deathsOf('a'), replay.deathsOf('b'), replay.deathsOf('never seen')]).toEqual([0, 2, 0]);
});

test('a claim after a clean interruption counts against nobody', () => {
  expect(replayOf(STARTED, assigned(1, 'a'), INTERRUPTED, CLAIMED).deathsOf('a')).toBe(0);
});

test('deaths and attempts add up over the batches a document was in', () => {
  const { discarding, discarded } = steps(1, ['a']);
  const replay = replayOf(STARTED, assigned(1, 'a'), CLAIMED, discarding, discarded, assigned(2, 'a'), CLAIMED);
  expect([replay.deathsOf('a'), replay.attemptsOf('a'), replay.nextBatchNo]).toEqual([2, 2, 3]);
});

test('the last attempt that was begun at a document alone is known, over all batches', () => {
  const attempt = (batchNo: number, number: number): JournalEntry => ({
    kind: 'isolated_attempt',
    batchNo,
    documentId: 'a',
    attempt: number,
  });
  const replay = replayOf(
    STARTED,
    assigned(1, 'a'),
    attempt(1, 1),
    attempt(1, 2),
    CLAIMED,
    assigned(2, 'a'),
    attempt(2, 2),
  );
  expect([replay.isolatedAttemptOf('a'), replay.isolatedAttemptOf('never seen')]).toEqual([2, 0]);
});

test('a parked batch stays unsettled and keeps its reason', () => {
  const { parked } = steps(1, ['a']);
  const replay = replayOf(STARTED, assigned(1, 'a'), parked);
  expect(replay.unsettled).toEqual([1]);
  expect(replay.batches[0]?.error).toEqual(parked.error);
});

test('every prefix of a legal journal replays to a legal state', () => {
  const batchPath = fc.constantFrom(...PATHS);
  fc.assert(
    fc.property(fc.array(batchPath, { maxLength: 6 }), fc.nat(), fc.boolean(), (paths, cut, isCut) => {
      const journal = paths.flatMap((path, index) =>
        path.map((state) => ({ batchNo: index + 1, state, entry: steps(index + 1, [`d${index}`])[state] })),
      );
      const prefix = isCut ? journal.slice(0, cut % (journal.length + 1)) : journal;
      const replay = replayOf(STARTED, ...prefix.map(({ entry }) => entry));
      const expected = new Map(prefix.map(({ batchNo, state }) => [batchNo, state]));
      expect(replay.batches.map(({ batchNo, state }) => [batchNo, state])).toEqual([...expected]);
      const isSettled = (state: BatchState) => state === 'done' || state === 'discarded';
      expect(replay.unsettled).toEqual([...expected].filter(([, state]) => !isSettled(state)).map(([no]) => no));
      for (const [batchNo, state] of expected) expect(replay.isDone(`d${batchNo - 1}`)).toBe(state === 'done');
      expect(replay.nextBatchNo).toBe(expected.size + 1);
    }),
  );
});

test('what providers were used for is the sum over all processes, and not known where one of them did not know', () => {
  const replay = new RunReplay();
  const use = { calls: 1, texts: 2, tokens: 30, costNanos: 4 };
  for (const entry of [STARTED, { kind: 'providers_used', use }, CLAIMED, { kind: 'providers_used', use }] as const)
    replay.take(entry);
  expect(replay.use).toEqual({ calls: 2, texts: 4, tokens: 60, costNanos: 8 });
  replay.take({ kind: 'providers_used', use: { ...use, costNanos: null } });
  expect(replay.use).toEqual({ calls: 3, texts: 6, tokens: 90, costNanos: null });
});

test('what a batch left for another time counts as never assigned to it', () => {
  const replay = new RunReplay();
  const setAside = { ...outcomeOf('b.attachment-1'), outcome: 'quarantined' } as const;
  replay.take(assigned(1, 'a', 'b'));
  replay.take({ kind: 'item_set_aside', batchNo: 1, result: setAside });
  replay.take({ kind: 'items_left', batchNo: 1, documentIds: ['b', 'b.attachment-1'] });
  expect([replay.attemptsOf('a'), replay.attemptsOf('b')]).toEqual([1, 0]);
  expect(replay.batches).toMatchObject([{ items: [{ documentId: 'a' }], setAside: [] }]);
});
