import { expect, test } from 'vitest';
import type { AssignedItem, ItemOutcome, JournalEntry, RunListing, RunPlan } from '../../../lib/contracts/journal.ts';
import { RunTimeline } from '../../../src/trace/timeline.ts';

/** Goal: a timeline is right however its run was killed, settled and gone on with. Method: journals written here, a second a line. */

const STARTED_MS = Date.parse('2026-01-01T00:00:00.000Z');
const RUN: RunListing = {
  ...{ runId: 'run-1', kind: 'ingest', state: 'completed', isOwned: false, startedAt: '2026-01-01T00:00:00.000Z' },
  ...{ finishedAt: null, exitStatus: null, targets: ['/docs'] },
};
const PLAN: RunPlan = {
  ...{
    kind: 'ingest',
    source: 'local_upload',
    targets: ['/docs'],
    documentId: null,
    group: 'g',
    settingsDigest: 's-1',
  },
};
const AT = '2026-01-01T00:00:00.000Z';
const STARTED: JournalEntry = { kind: 'run_started', plan: PLAN, memoryId: 'm', at: AT };
const CLAIMED: JournalEntry = { kind: 'run_claimed', fence: 2, reason: 'resume', at: AT };
const INTERRUPTED: JournalEntry = { kind: 'run_interrupted', reason: 'ABORTED', at: AT };

function itemOf(documentId: string, attempt = 1, baseVersion: number | null = null): AssignedItem {
  const item = { id: documentId, uri: `file:///${documentId}`, name: '', bytes: 1, mediaType: null };
  return {
    ...{ documentId, parentId: null, baseVersion, attempt, contentDigest: `digest-${documentId}` },
    item: { ...item, locator: '', isRepeatable: true },
  };
}

const assigned = (batchNo: number, ...items: AssignedItem[]): JournalEntry => ({
  ...{ kind: 'batch_assigned', batchNo, items, isIsolated: false },
});
const planned = (
  batchNo: number,
  documentId: string,
  version: number,
  baseVersion: number | null = null,
): JournalEntry => ({
  ...{ kind: 'effects_planned', batchNo, stores: ['records', 'graph'], deletes: [] },
  versions: [{ documentId, version, baseVersion }],
});
const deleting = (batchNo: number, documentId: string, baseVersion: number): JournalEntry => ({
  ...{ kind: 'effects_planned', batchNo, stores: ['records'], versions: [], deletes: [{ documentId, baseVersion }] },
});
const done = (batchNo: number, ...results: ItemOutcome[]): JournalEntry => ({ kind: 'batch_done', batchNo, results });
const ended = (documentId: string, outcome: ItemOutcome['outcome'], version: number | null): ItemOutcome => ({
  ...{ documentId, outcome, version, error: null },
});
const BAD: ItemOutcome = {
  ...{ documentId: 'a', outcome: 'quarantined', version: null },
  error: { code: 'EMPTY_TEXT', message: 'no text', retryable: false, step: 'parse' },
};

/** The events of document `a`, its run's entries a second apart. */
function eventsOf(...entries: readonly JournalEntry[]) {
  const timeline = new RunTimeline('a', RUN);
  entries.forEach((entry, index) => {
    timeline.take({ entry, atMs: STARTED_MS + index * 1_000 });
  });
  return timeline.events.map(({ event }) => event);
}

const stepsOf = (...entries: readonly JournalEntry[]) => eventsOf(...entries).map(({ step }) => step);

test('a document that goes through tells every step with its time, its batch, its digests and its versions', () => {
  const events = eventsOf(
    STARTED,
    assigned(1, itemOf('a', 1, 4), itemOf('b')),
    planned(1, 'a', 5, 4),
    { kind: 'effect_applied', batchNo: 1, store: 'graph' },
    { kind: 'pivot_planned', batchNo: 1 },
    { kind: 'pivot_done', batchNo: 1 },
    done(1, ended('a', 'updated', 5), ended('b', 'added', 1)),
  );
  const ofRun = { runId: 'run-1', runKind: 'ingest', runState: 'completed', batchNo: 1 };
  expect(events).toEqual([
    {
      ...{ ...ofRun, step: 'assigned', at: '2026-01-01T00:00:01.000Z', attempt: 1, isIsolated: false },
      ...{ sourceUri: 'file:///a', baseVersion: 4, contentDigest: 'digest-a', settingsDigest: 's-1' },
    },
    {
      ...{ ...ofRun, step: 'write_planned', at: '2026-01-01T00:00:02.000Z', durationMs: 1_000, version: 5 },
      ...{ baseVersion: 4, stores: ['records', 'graph'] },
    },
    { ...ofRun, step: 'stored', at: '2026-01-01T00:00:03.000Z', durationMs: 1_000, stores: ['graph'] },
    { ...ofRun, step: 'pivot_planned', at: '2026-01-01T00:00:04.000Z', durationMs: 1_000 },
    { ...ofRun, step: 'pivoted', at: '2026-01-01T00:00:05.000Z', durationMs: 1_000 },
    { ...ofRun, step: 'finished', at: '2026-01-01T00:00:06.000Z', durationMs: 5_000, outcome: 'updated', version: 5 },
  ]);
});

test('what is of other documents and other batches is left out', () => {
  expect(
    stepsOf(
      STARTED,
      assigned(1, itemOf('b')),
      planned(1, 'b', 1),
      { kind: 'effect_applied', batchNo: 1, store: 'graph' },
      { kind: 'item_set_aside', batchNo: 1, result: { ...BAD, documentId: 'c' } },
      { kind: 'isolated_attempt', batchNo: 1, documentId: 'b', attempt: 1 },
      CLAIMED,
      INTERRUPTED,
    ),
  ).toEqual([]);
});

test('a death and a resume are told, and the second attempt with its number', () => {
  const events = eventsOf(
    STARTED,
    assigned(1, itemOf('a', 1)),
    CLAIMED,
    { kind: 'discard_planned', batchNo: 1, reason: 'its process ended before the pivot' },
    { kind: 'discard_done', batchNo: 1 },
    assigned(2, itemOf('a', 2)),
    done(2, ended('a', 'added', 1)),
    INTERRUPTED,
    CLAIMED,
  );
  expect(events.map(({ step, batchNo, attempt }) => [step, batchNo, attempt])).toEqual([
    ['assigned', 1, 1],
    ['claimed', undefined, undefined],
    ['discard_planned', 1, undefined],
    ['discarded', 1, undefined],
    ['assigned', 2, 2],
    ['finished', 2, undefined],
  ]);
  expect(events[1]).toMatchObject({ reason: 'resume', hasDied: true });
  // How long the dead process lay there is no time that a step took.
  expect(events[2]).not.toHaveProperty('durationMs');
});

test('a run that stopped with a word did not die', () => {
  const events = eventsOf(STARTED, assigned(1, itemOf('a')), INTERRUPTED, CLAIMED);
  expect(events.slice(1)).toMatchObject([
    { step: 'interrupted', reason: 'ABORTED' },
    { step: 'claimed', hasDied: false },
  ]);
});

test('what another process settled is told by what was there before', () => {
  const settled = [CLAIMED, done(1, ended('a', 'added', 5))];
  expect(eventsOf(STARTED, assigned(1, itemOf('a')), planned(1, 'a', 5, 4), ...settled).at(-1)).toMatchObject({
    step: 'finished',
    outcome: 'updated',
  });
  expect(eventsOf(STARTED, assigned(1, itemOf('a')), planned(1, 'a', 5), ...settled).at(-1)).toMatchObject({
    outcome: 'added',
  });
});

test('a document that lost the race is told so, and that it was read again', () => {
  const events = eventsOf(
    STARTED,
    assigned(1, itemOf('a'), itemOf('b')),
    planned(1, 'a', 5, 4),
    done(1, ended('b', 'added', 1)),
    assigned(2, itemOf('a', 1, 6)),
    planned(2, 'a', 7, 6),
    done(2, ended('a', 'updated', 7)),
  );
  expect(events[2]).toMatchObject({ step: 'finished', batchNo: 1, version: 5, became: 'lost' });
  expect(events.at(-1)).toMatchObject({ step: 'finished', batchNo: 2, version: 7, outcome: 'updated' });
});

test('what came in a mail is found where its batch first names it, and took its time since the batch was assigned', () => {
  const events = eventsOf(STARTED, assigned(1, itemOf('mail')), planned(1, 'a', 1), done(1, ended('a', 'added', 1)));
  expect(events).toMatchObject([
    { step: 'write_planned', durationMs: 1_000 },
    { step: 'finished', durationMs: 2_000 },
  ]);
});

test('quarantine is told with its reason, when it was found and when it counted', () => {
  const events = eventsOf(
    STARTED,
    assigned(1, itemOf('a')),
    { kind: 'isolated_attempt', batchNo: 1, documentId: 'a', attempt: 1 },
    { kind: 'item_set_aside', batchNo: 1, result: BAD },
    done(1, BAD),
  );
  expect(events.slice(1)).toMatchObject([
    { step: 'isolated_attempt', attempt: 1 },
    { step: 'set_aside', error: { code: 'EMPTY_TEXT', step: 'parse' } },
    { step: 'finished', outcome: 'quarantined', error: { code: 'EMPTY_TEXT' } },
  ]);
});

test('a deletion is told, and a parked discard with the store that refused', () => {
  const error = { code: 'APEX_COMPENSATION', message: 'no answer', retryable: true, step: 'write' } as const;
  expect(eventsOf(STARTED, assigned(1), deleting(1, 'a', 3), done(1, ended('a', 'deleted', null)))).toMatchObject([
    { step: 'delete_planned', baseVersion: 3 },
    { step: 'finished', outcome: 'deleted' },
  ]);
  expect(
    eventsOf(
      STARTED,
      assigned(1, itemOf('a')),
      { kind: 'discard_planned', batchNo: 1, reason: 'APEX_STORE' },
      { kind: 'discard_parked', batchNo: 1, stores: ['graph'], error },
      { kind: 'run_finished', state: 'rolled_back', exitStatus: 4, counts: {} as never, at: AT },
    ).slice(1),
  ).toMatchObject([
    { step: 'discard_planned', reason: 'APEX_STORE' },
    { step: 'discard_parked', stores: ['graph'], error },
    { step: 'run_ended', reason: 'rolled_back' },
  ]);
});

test('what a run used of providers is summed over its processes, and unknown where a price was', () => {
  const timeline = new RunTimeline('a', RUN);
  const used = (costNanos: number | null): JournalEntry => ({
    ...{ kind: 'providers_used', use: { calls: 1, texts: 2, tokens: 30, costNanos } },
  });
  for (const entry of [STARTED, used(5), CLAIMED, used(7)]) timeline.take({ entry, atMs: STARTED_MS });
  expect(timeline.use).toEqual({ calls: 2, texts: 4, tokens: 60, costNanos: 12 });
  timeline.take({ entry: used(null), atMs: STARTED_MS });
  expect(timeline.use.costNanos).toBeNull();
});

test('what a stopped run left for another time is told so', () => {
  expect(
    stepsOf(STARTED, assigned(1, itemOf('a'), itemOf('b')), { kind: 'items_left', batchNo: 1, documentIds: ['a'] }),
  ).toEqual(['assigned', 'left']);
});

test('entries without a time have none, and keep their place', () => {
  const timeline = new RunTimeline('a', RUN);
  for (const entry of [STARTED, assigned(1, itemOf('a')), INTERRUPTED]) timeline.take({ entry, atMs: null });
  expect(timeline.events).toMatchObject([
    { event: { at: null, step: 'assigned' }, placeMs: STARTED_MS },
    { event: { at: AT, step: 'interrupted' }, placeMs: STARTED_MS },
  ]);
});

test('a clock that was set back does not turn a run around', () => {
  const timeline = new RunTimeline('a', RUN);
  timeline.take({ entry: assigned(1, itemOf('a')), atMs: STARTED_MS + 9_000 });
  timeline.take({ entry: done(1, ended('a', 'added', 1)), atMs: STARTED_MS + 1_000 });
  expect(timeline.events.map(({ placeMs }) => placeMs - STARTED_MS)).toEqual([9_000, 9_000]);
  expect(timeline.events[1]!.event.durationMs).toBe(0);
});
