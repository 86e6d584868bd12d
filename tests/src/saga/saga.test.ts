import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { CompensationError } from '../../../lib/contracts/errors.ts';
import { summaryKey } from '../../../lib/contracts/identity.ts';
import type { JournalEntry } from '../../../lib/contracts/journal.ts';
import type { VersionRecord, WriteRef } from '../../../lib/contracts/store.ts';
import {
  finishBatch,
  type PreparedBatch,
  type SagaParts,
  settleBatch,
  writeOrDiscard,
} from '../../../src/saga/saga.ts';
import { FakeCacheStore } from '../../helpers/fakes/cache.ts';
import { FakeGraphStore } from '../../helpers/fakes/graph.ts';
import { FakeJournal } from '../../helpers/fakes/journal.ts';
import { FakeRecordsStore } from '../../helpers/fakes/records.ts';
import { FakeSurroundings } from '../../helpers/fakes/surroundings.ts';
import { FakeVectorStore } from '../../helpers/fakes/vectors.ts';
import { Faults, journalFailure, noAnswer, refusal } from '../../helpers/faults.ts';
import { collect, never, recordOf, ref, versionOf } from '../../helpers/records.ts';

/**
 * Goal: the saga's five promises, whatever fails when. Method: the stores and the journal in memory, each watched and made to
 * fail at a chosen point, all of their calls in one log.
 */

interface SagaOptions {
  readonly graph?: FakeGraphStore;
  readonly records?: FakeRecordsStore;
  readonly discardTimeoutMs?: number;
}

function openSaga({
  graph = new FakeGraphStore(),
  records = new FakeRecordsStore(),
  discardTimeoutMs = 60_000,
}: SagaOptions = {}) {
  const faults = new Faults();
  const journal = new FakeJournal();
  const surroundings = new FakeSurroundings();
  const stores = {
    records: faults.wrap('records', records),
    graph: faults.wrap('graph', graph),
    vectors: faults.wrap('vectors', new FakeVectorStore()),
    cache: faults.wrap('cache', new FakeCacheStore()),
  };
  const cacheFailures: unknown[] = [];
  const parts: SagaParts = {
    journal: faults.wrap('journal', journal),
    ...{
      stores,
      surroundings,
      embeddingModel: 'fake-1',
      discardTimeoutMs,
      onCacheFailure: (error) => cacheFailures.push(error),
    },
  };
  let batchNo = 0;
  /** A batch of new versions of these documents, numbered and fenced; the log begins after it. */
  const prepare = async (baseVersion: number | null, ...records: VersionRecord[]): Promise<PreparedBatch> => {
    const { fence } = await stores.records.openRun({ runId: 'run-1', journalId: journal.journalId }, never);
    await stores.records.allocate(records, never);
    batchNo += 1;
    faults.forget();
    return {
      ...{ ref: ref('run-1', batchNo), fence, deletes: [], quarantined: [] },
      records: records.map((record) => ({ ...record, baseVersion })),
    };
  };
  return {
    ...{ faults, journal, surroundings, stores, parts, cacheFailures, prepare },
    write: (batch: PreparedBatch, signal = never) => writeOrDiscard(batch, parts, signal),
    /** Makes these documents current, all the way. */
    commit: async (baseVersion: number | null, ...records: VersionRecord[]) => {
      const batch = await prepare(baseVersion, ...records);
      const outcome = await writeOrDiscard(batch, parts, never);
      await finishBatch({ ...batch, outcome }, parts, never);
      return outcome;
    },
    /** What lies in the three stores. */
    held: async () => {
      const { records, graph, vectors } = stores;
      const versions = await Promise.all([records, graph, vectors].map((store) => collect(store.versions(never))));
      return versions.flat().map(({ documentId, version }) => `${documentId} v${version}`);
    },
    currentVersion: async (documentId: string) =>
      (await stores.records.current([documentId], never)).get(documentId)?.version ?? null,
  };
}

type Saga = ReturnType<typeof openSaga>;

const isDiscard = (call: string) => call.endsWith('.discard');
const DISCARDS = ['vectors.discard', 'graph.discard', 'records.discard'];

describe('up to the pivot', () => {
  /** Records that several hosts reach: a batch is announced to them. */
  const shared = () => new FakeRecordsStore({ leaseMs: 60_000 });

  test('a batch goes planned, announced, the three stores side by side, pivot planned, pivot', async () => {
    const saga = openSaga({ records: shared() });
    await saga.write(await saga.prepare(null, recordOf('a'), recordOf('b')));
    const { calls } = saga.faults;
    expect(calls.slice(0, 5)).toEqual([
      'journal.append.effects_planned',
      ...['records.announce', 'records.writeBuilding', 'graph.write', 'vectors.write'],
    ]);
    expect(calls.slice(5, 8)).toEqual(Array.from({ length: 3 }, () => 'journal.append.effect_applied'));
    expect(calls.slice(8)).toEqual(['journal.append.pivot_planned', 'records.pivot', 'journal.append.pivot_done']);
  });

  test('the records store can tell of a batch before anything lies in another one', async () => {
    for (const records of [shared(), new FakeRecordsStore()]) {
      const saga = openSaga({ records });
      await saga.write(await saga.prepare(null, recordOf('a')));
      const { points } = saga.faults;
      const told = points.indexOf(records.leaseMs === null ? 'records.writeBuilding:after' : 'records.announce:after');
      expect(told).toBeGreaterThan(0);
      for (const store of ['graph', 'vectors']) expect(points.indexOf(`${store}.write:before`)).toBeGreaterThan(told);
    }
  });

  test.each(['records.announce:before', 'records.announce:after'])(
    'at %s: a batch that cannot be announced is discarded',
    async (point) => {
      const saga = openSaga({ records: shared() });
      const batch = await saga.prepare(null, recordOf('a'));
      saga.faults.fail(point, refusal());
      await expect(saga.write(batch)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
      expect(saga.faults.calls.filter(isDiscard)).toEqual(DISCARDS);
      expect(await saga.stores.records.unsettled(never)).toEqual([]);
    },
  );

  test('a batch goes planned, records, graph beside vectors, pivot planned, pivot; each store counted', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'), recordOf('b'));
    const outcome = await saga.write(batch);
    expect(outcome.committed).toEqual(batch.records.map(versionOf));
    const { calls } = saga.faults;
    expect(calls.slice(0, 8)).toEqual([
      ...['journal.append.effects_planned', 'records.announce', 'records.writeBuilding'],
      ...['journal.append.effect_applied', 'graph.write', 'vectors.write'],
      ...['journal.append.effect_applied', 'journal.append.effect_applied'],
    ]);
    expect(calls.slice(8)).toEqual([...['journal.append.pivot_planned', 'records.pivot', 'journal.append.pivot_done']]);
  });

  test('the plan names every store and version that a discard may have to clear', async () => {
    const saga = openSaga();
    const deletes = [{ documentId: 'gone', baseVersion: 4 }];
    await saga.write({ ...(await saga.prepare(null, recordOf('a'))), deletes });
    expect(saga.journal.all('effects_planned')).toEqual([
      {
        ...{ kind: 'effects_planned', batchNo: 1, stores: ['records', 'graph', 'vectors'], deletes },
        versions: [{ documentId: 'a', version: 1, baseVersion: null }],
      },
    ]);
  });

  test('the numbers of its journal entries go with the building rows and with the pivot', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    const mirrored: number[] = [];
    const mirror = async () => mirrored.push((await saga.stores.records.runMirror('run-1', never))!.lastLsn);
    saga.faults.at('records.writeBuilding:after', mirror);
    await saga.write(batch);
    await mirror();
    expect(mirrored).toEqual([1, 5]);
  });

  test('an old version is untouched until the new one is current', async () => {
    const saga = openSaga();
    await saga.commit(null, recordOf('a'));
    const batch = await saga.prepare(1, recordOf('a', { version: 2 }));
    const outcome = await saga.write(batch);
    expect(saga.faults.calls.filter((call) => /\.(?:retire|publish)$/.test(call))).toEqual([]);
    expect((await saga.held()).filter((held) => held === 'a v1')).toHaveLength(3);
    expect(outcome.retiring).toEqual([{ documentId: 'a', version: 1 }]);
  });

  test('a batch of deletes alone writes to no store before its pivot', async () => {
    const saga = openSaga();
    await saga.commit(null, recordOf('a'));
    const outcome = await saga.write({
      ...(await saga.prepare(null)),
      deletes: [{ documentId: 'a', baseVersion: 1 }],
    });
    expect(outcome.deleted).toEqual(['a']);
    expect(saga.faults.calls.filter((call) => !call.startsWith('journal.'))).toEqual(['records.pivot']);
  });

  test.each(['records.writeBuilding', 'graph.write', 'vectors.write', 'records.pivot'])(
    'a call that fails twice for a while is made a third time: %s',
    async (call) => {
      const saga = openSaga();
      const batch = await saga.prepare(null, recordOf('a'));
      saga.faults.fail(`${call}:before`, noAnswer(), 2);
      expect((await saga.write(batch)).committed).toHaveLength(1);
      expect(saga.faults.calls.filter((made) => made === call)).toHaveLength(3);
      expect(saga.surroundings.delaysMs).toEqual([1_000, 2_000]);
    },
  );
});

describe('an intent that is not on disk', () => {
  test.each<[JournalEntry['kind'], RegExp]>([
    ['effects_planned', /write|pivot|discard/],
    ['pivot_planned', /pivot$|discard/],
  ])('%s: its effect does not begin, and nothing else does', async (kind, effects) => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail(`journal.append.${kind}:before`, journalFailure(), 1);
    await expect(saga.write(batch)).rejects.toMatchObject({ code: 'APEX_JOURNAL' });
    expect(saga.faults.calls.filter((call) => !call.startsWith('journal.') && effects.test(call))).toEqual([]);
    expect(saga.faults.calls.at(-1)).toBe(`journal.append.${kind}`);
  });

  test('discard_planned: nothing is discarded', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail('graph.write:before', refusal());
    saga.faults.fail('journal.append.discard_planned:before', journalFailure(), 1);
    await expect(saga.write(batch)).rejects.toMatchObject({ code: 'APEX_JOURNAL' });
    expect(saga.faults.calls.filter(isDiscard)).toEqual([]);
  });
});

test.each<JournalEntry['kind']>(['effect_applied', 'pivot_done'])(
  'after a journal failure nothing is done, also when the journal would work again: %s',
  async (kind) => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail(`journal.append.${kind}:before`, journalFailure(), 1);
    await expect(saga.write(batch)).rejects.toMatchObject({ code: 'APEX_JOURNAL' });
    const since = saga.faults.calls.slice(saga.faults.calls.indexOf(`journal.append.${kind}`) + 1);
    expect(since.filter((call) => /pivot|discard/.test(call))).toEqual([]);
  },
);

test('a journal failure beside a failing store is the one that counts', async () => {
  const saga = openSaga();
  const batch = await saga.prepare(null, recordOf('a'));
  saga.faults.fail('graph.write:before', refusal());
  saga.faults.fail('journal.append.effect_applied:before', journalFailure(), 1);
  await expect(saga.write(batch)).rejects.toMatchObject({ code: 'APEX_JOURNAL' });
  expect(saga.faults.calls.filter(isDiscard)).toEqual([]);
});

describe('a count that is not what was written', () => {
  test.each(['records', 'graph', 'vectors'] as const)('of the %s stops before the pivot', async (role) => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    const expected = recordOf('a').inventory[role].filter(({ kind }) => kind !== 'entity').length;
    const short = async () => expected - 1;
    Object.assign(saga.stores[role], { write: short, writeBuilding: short });
    await expect(saga.write(batch)).rejects.toMatchObject({
      ...{ code: 'STORE_COUNT', retryable: true, details: { store: role, found: expected - 1, expected } },
    });
    expect(saga.faults.calls).not.toContain('journal.append.pivot_planned');
    expect(saga.faults.calls).not.toContain('records.pivot');
    expect(await saga.held()).toEqual([]);
  });
});

/** Each place before the pivot where a batch can fail for good, with its answer given or lost. */
const FAILURES = ['records.writeBuilding', 'graph.write', 'vectors.write'].flatMap((call) => [
  `${call}:before`,
  `${call}:after`,
]);

describe('a failure before the pivot', () => {
  test.each([...FAILURES, 'records.pivot:before'])('at %s: discards in reverse and leaves nothing', async (point) => {
    const saga = openSaga();
    await saga.commit(null, recordOf('kept'));
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail(point, refusal());
    await expect(saga.write(batch)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    const { calls } = saga.faults;
    expect(calls.slice(calls.indexOf('journal.append.discard_planned'))).toEqual([
      ...['journal.append.discard_planned', ...DISCARDS, 'journal.append.discard_done'],
    ]);
    expect(await saga.held()).toEqual(['kept v1', 'kept v1', 'kept v1']);
    expect(saga.journal.all('discard_planned')).toEqual([
      { kind: 'discard_planned', batchNo: 2, reason: 'STORE_REFUSED' },
    ]);
  });

  test.each(['records.writeBuilding', 'graph.write', 'vectors.write'])(
    'of a write whose answers were lost: what landed is discarded: %s',
    async (call) => {
      const saga = openSaga();
      const batch = await saga.prepare(null, recordOf('a'));
      saga.faults.fail(`${call}:after`, noAnswer());
      await expect(saga.write(batch)).rejects.toMatchObject({ code: 'APEX_STORE' });
      expect(saga.faults.calls.filter((made) => made === call)).toHaveLength(3);
      expect(await saga.held()).toEqual([]);
    },
  );

  test('discards also when the user has interrupted, under a signal of its own', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    const user = new AbortController();
    saga.faults.at('vectors.write:after', () => user.abort('SIGINT'));
    await expect(saga.write(batch, user.signal)).rejects.toBe('SIGINT');
    expect(saga.faults.calls.filter(isDiscard)).toEqual(DISCARDS);
    expect(await saga.held()).toEqual([]);
    expect(saga.journal.all('discard_done')).toHaveLength(1);
  });

  test('waits for the writes that are under way before it discards', async () => {
    class SlowGraphStore extends FakeGraphStore {
      override async write(batch: WriteRef, records: readonly VersionRecord[], signal: AbortSignal) {
        await turn();
        return super.write(batch, records, signal);
      }
    }
    const saga = openSaga({ graph: new SlowGraphStore() });
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail('vectors.write:before', refusal());
    await expect(saga.write(batch)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    const { points } = saga.faults;
    expect(points.indexOf('graph.write:after')).toBeGreaterThan(-1);
    expect(points.indexOf('graph.write:after')).toBeLessThan(points.indexOf('graph.discard:before'));
    await turn();
    expect(await saga.held()).toEqual([]);
  });

  test('that no store is at fault for is journaled as a bug', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail('graph.write:before', new TypeError('x is not a function'));
    await expect(saga.write(batch)).rejects.toThrow(TypeError);
    expect(saga.journal.all('discard_planned')).toMatchObject([{ reason: 'APEX_BUG' }]);
    expect(await saga.held()).toEqual([]);
  });

  test('of a pivot that another process fenced off makes nothing visible, and leaves the batch to its new owner', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    await saga.stores.records.openRun({ runId: 'run-1', journalId: 'other' }, never);
    await expect(saga.write(batch)).rejects.toMatchObject({ code: 'FENCED' });
    expect(await saga.currentVersion('a')).toBeNull();
    expect(saga.faults.calls.filter((call) => isDiscard(call) || call.includes('discard_'))).toEqual([]);
    expect(await settleBatch(batch.ref, saga.parts, never)).toBe('discarded');
    expect(await saga.held()).toEqual([]);
  });
});

describe('a pivot whose answer was lost', () => {
  test('happened: the commit table says so, and nothing is discarded', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail('records.pivot:after', noAnswer());
    saga.faults.fail('records.pivotOutcome:before', noAnswer(), 2);
    const committed = [{ documentId: 'a', version: 1 }];
    await expect(saga.write(batch)).resolves.toEqual({ ...NOTHING, committed });
    expect(saga.faults.calls.filter(isDiscard)).toEqual([]);
    expect(await saga.currentVersion('a')).toBe(1);
  });

  test('did not happen: the commit table says so, and all is discarded', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail('records.pivot:before', noAnswer());
    await expect(saga.write(batch)).rejects.toMatchObject({ code: 'APEX_STORE' });
    expect(saga.faults.calls.filter(isDiscard)).toEqual(DISCARDS);
    expect(await saga.currentVersion('a')).toBeNull();
    expect(await saga.held()).toEqual([]);
  });

  test('may have happened: while nobody can say, nothing is discarded', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail('records.pivot:after', noAnswer());
    saga.faults.fail('records.pivotOutcome:before', noAnswer());
    await expect(saga.write(batch)).rejects.toMatchObject({ code: 'APEX_STORE' });
    expect(saga.faults.calls.filter(isDiscard)).toEqual([]);
    expect(await saga.currentVersion('a')).toBe(1);
  });

  test('is asked for also when the user has interrupted', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    const user = new AbortController();
    saga.faults.at('records.pivot:after', () => user.abort('SIGINT'));
    saga.faults.fail('records.pivot:after', noAnswer());
    expect((await saga.write(batch, user.signal)).committed).toHaveLength(1);
    expect(saga.faults.calls.filter(isDiscard)).toEqual([]);
  });
});

const NOTHING = { committed: [], retiring: [], lost: [], deleted: [], extended: [] };

describe('a discard that fails', () => {
  test.each(['vectors', 'graph', 'records'])('of the %s is parked and said, the others are done', async (store) => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail('vectors.write:after', refusal());
    saga.faults.fail(`${store}.discard:before`, noAnswer());
    const failure: unknown = await saga.write(batch).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CompensationError);
    expect(failure).toMatchObject({
      ...{ code: 'APEX_COMPENSATION', retryable: true, details: { runId: 'run-1', batchNo: 1, stores: store } },
    });
    const error = {
      ...{ code: 'APEX_COMPENSATION', message: 'the store does not answer', retryable: true, step: 'write' },
    };
    expect(saga.journal.all('discard_parked')).toEqual([
      { kind: 'discard_parked', batchNo: 1, stores: [store], error },
    ]);
    expect(saga.journal.all('discard_done')).toEqual([]);
    expect(saga.faults.calls.filter((call) => call === `${store}.discard`)).toHaveLength(3);
    expect(await saga.held()).toEqual(['a v1']);
  });

  test('in every store names them all, in the order in which they were tried', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    for (const call of ['records.pivot', ...DISCARDS]) saga.faults.fail(`${call}:before`, refusal());
    await expect(saga.write(batch)).rejects.toBeInstanceOf(CompensationError);
    expect(saga.journal.all('discard_parked')).toMatchObject([{ stores: ['vectors', 'graph', 'records'] }]);
  });

  test('by a bug of apex is parked as one', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail('vectors.write:after', refusal());
    saga.faults.fail('graph.discard:before', new TypeError('x is not a function'));
    await expect(saga.write(batch)).rejects.toBeInstanceOf(CompensationError);
    expect(saga.journal.all('discard_parked')).toMatchObject([{ error: { message: 'a failure inside apex' } }]);
  });

  test('to answer in time is parked when the deadline has passed', async () => {
    class HangingGraphStore extends FakeGraphStore {
      override discard(_batch: WriteRef, signal: AbortSignal): Promise<void> {
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      }
    }
    const saga = openSaga({ graph: new HangingGraphStore(), discardTimeoutMs: 20 });
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail('vectors.write:after', refusal());
    await expect(saga.write(batch)).rejects.toBeInstanceOf(CompensationError);
    expect(saga.journal.all('discard_parked')).toMatchObject([
      { stores: ['graph', 'records'], error: { message: 'the deadline for discarding ran out' } },
    ]);
  });
});

test('where nobody can say in time whether the pivot happened, the first failure is told and nothing is discarded', async () => {
  const saga = openSaga({ discardTimeoutMs: 20 });
  const batch = await saga.prepare(null, recordOf('a'));
  saga.faults.fail('vectors.write:after', refusal());
  const { stores } = saga.parts;
  const records = new Proxy(stores.records, {
    get: (target, key) =>
      key === 'pivotOutcome'
        ? (_: WriteRef, signal: AbortSignal) =>
            new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        : Reflect.get(target, key, target),
  });
  const parts = { ...saga.parts, stores: { ...stores, records } };
  await expect(writeOrDiscard(batch, parts, never)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  expect(saga.journal.all('discard_planned')).toEqual([]);
});

describe('after the pivot', () => {
  /** An update whose pivot has happened: each finishing call has something to do. */
  const pivoted = async (saga: Saga) => {
    const organizations = ['acme', 'globex'];
    await saga.commit(null, recordOf('a', { organizations }));
    const batch = await saga.prepare(1, recordOf('a', { version: 2, organizations }));
    return { ...batch, outcome: await saga.write(batch) };
  };
  const FINISHING = [
    ...[
      'graph.publish',
      'vectors.publish',
      'graph.retire',
      'vectors.retire',
      'records.factsAbout',
      'graph.setClosings',
      'records.latestReadings',
    ],
    'records.retire',
  ];

  test('makes the new visible, then removes the old, the records last', async () => {
    const saga = openSaga();
    const finished = await pivoted(saga);
    saga.faults.forget();
    await finishBatch(finished, saga.parts, never);
    expect([...new Set(saga.faults.calls)]).toEqual([
      ...FINISHING.slice(0, -1),
      ...['records.retire', 'cache.retire', 'cache.set', 'records.current', 'records.finish'],
    ]);
    expect(await saga.stores.records.unsettled(never)).toEqual([]);
    expect(await saga.held()).toEqual(['a v2', 'a v2', 'a v2']);
  });

  test.each([...FINISHING, 'records.finish'])(
    '%s is tried again, and in the end fails without a discard',
    async (call) => {
      const saga = openSaga();
      const finished = await pivoted(saga);
      saga.faults.forget();
      saga.faults.fail(`${call}:before`, noAnswer());
      await expect(finishBatch(finished, saga.parts, never)).rejects.toMatchObject({ code: 'APEX_STORE' });
      expect(saga.faults.calls.filter((made) => made === call)).toHaveLength(3);
      expect(saga.faults.calls.filter((made) => isDiscard(made) || made.includes('discard_'))).toEqual([]);
      expect(await saga.currentVersion('a')).toBe(2);
    },
  );

  test.each([...FINISHING, 'records.finish'].flatMap((call) => [`${call}:before`, `${call}:after`]))(
    'a batch interrupted at %s is finished by doing it again',
    async (point) => {
      const saga = openSaga();
      const finished = await pivoted(saga);
      saga.faults.fail(point, refusal(), 1);
      await expect(finishBatch(finished, saga.parts, never)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
      await finishBatch(finished, saga.parts, never);
      expect(await saga.held()).toEqual(['a v2', 'a v2', 'a v2']);
    },
  );

  test('the cached embeddings of what is deleted go while its chunks are still there to tell which', async () => {
    const saga = openSaga();
    await saga.commit(null, recordOf('a'));
    const batch = { ...(await saga.prepare(null)), deletes: [{ documentId: 'a', baseVersion: 1 }] };
    const outcome = await saga.write(batch);
    saga.faults.forget();
    await finishBatch({ ref: batch.ref, outcome }, saga.parts, never);
    const order = ['records.unshared', 'cache.remove', 'records.retire', 'cache.retire'];
    expect(saga.faults.calls.filter((call) => order.includes(call))).toEqual(order);
    expect(await saga.held()).toEqual([]);
  });

  test('a version that lost the race is removed like an old one', async () => {
    const saga = openSaga();
    await saga.commit(null, recordOf('a'));
    const outcome = await saga.commit(null, recordOf('a', { version: 2 }));
    expect(outcome).toEqual({ ...NOTHING, lost: [{ documentId: 'a', version: 2 }] });
    expect(await saga.held()).toEqual(['a v1', 'a v1', 'a v1']);
    expect(await saga.stores.cache.get([summaryKey('memory-1', 'a', 2)], never)).toEqual([null]);
  });

  test.each(['cache.retire:before', 'cache.set:before', 'cache.set:after'])(
    'a failing cache is said once and changes nothing: %s',
    async (point) => {
      const saga = openSaga();
      const finished = await pivoted(saga);
      saga.faults.fail(point, noAnswer());
      await expect(finishBatch(finished, saga.parts, never)).resolves.toBeDefined();
      expect(saga.cacheFailures).toHaveLength(1);
      expect(await saga.held()).toEqual(['a v2', 'a v2', 'a v2']);
    },
  );

  test('the cache holds the summary of what is current, and none of what was', async () => {
    const saga = openSaga();
    const finished = await pivoted(saga);
    await finishBatch(finished, saga.parts, never);
    const keys = [1, 2].map((version) => summaryKey('memory-1', 'a', version));
    const [old, current] = await saga.stores.cache.get(keys, never);
    expect(old).toBeNull();
    expect(JSON.parse(Buffer.from(current!).toString())).toEqual(expect.arrayContaining(['a', 2, 'content-2']));
  });
});

describe('facts', () => {
  /** A document that says, on a day, who ships to Globex. */
  const saying = (documentId: string, shipper: string, validAt: string) => {
    const record = recordOf(documentId, { organizations: [shipper, 'globex'] });
    return { ...record, relations: record.relations.map((relation) => ({ ...relation, validAt })) };
  };
  const endOf = async (saga: Saga, record: VersionRecord) =>
    (await saga.stores.graph.closings([versionOf(record)], never)).map(({ invalidAt }) => invalidAt);

  test('a newer fact ends an older one of another document, and its delete gives it back', async () => {
    const saga = openSaga();
    const older = saying('older', 'acme', '2026-01-01');
    const newer = saying('newer', 'initech', '2026-03-01');
    await saga.commit(null, older);
    expect(await endOf(saga, older)).toEqual([null]);
    await saga.commit(null, newer);
    expect(saga.faults.calls.filter((call) => call === 'graph.setClosings')).toHaveLength(1);
    expect([await endOf(saga, older), await endOf(saga, newer)]).toEqual([['2026-03-01'], [null]]);
    const deletes = [{ documentId: 'newer', baseVersion: 1 }];
    const batch = { ...(await saga.prepare(null)), deletes };
    await finishBatch({ ...batch, outcome: await saga.write(batch) }, saga.parts, never);
    expect(await endOf(saga, older)).toEqual([null]);
  });

  test('what another run changes meanwhile is seen: the last writer saw the last facts', async () => {
    const saga = openSaga();
    const older = saying('older', 'acme', '2026-01-01');
    const newer = saying('newer', 'initech', '2026-03-01');
    await saga.stores.records.allocate([newer], never);
    const { fence } = await saga.stores.records.openRun({ runId: 'run-2', journalId: 'other' }, never);
    await saga.stores.records.write(ref('run-2'), [newer], never);
    const versions = [{ ...versionOf(newer), baseVersion: null }];
    const pivot = { ref: ref('run-2'), fence, lsn: 1, versions, deletes: [], quarantined: [] };
    const batch = await saga.prepare(null, older);
    const outcome = await saga.write(batch);
    let other: Promise<unknown> | null = null;
    saga.faults.at('graph.setClosings:before', () => {
      other ??= saga.stores.records.pivot(pivot, never);
    });
    await finishBatch({ ...batch, outcome }, saga.parts, never);
    await other;
    expect(await endOf(saga, older)).toEqual(['2026-03-01']);
  });
});

describe('a batch that a dead process left', () => {
  test('is finished when its pivot happened, and recorded as done when nothing is left to do', async () => {
    const saga = openSaga();
    await saga.commit(null, recordOf('gone'));
    const batch = await saga.prepare(null, recordOf('a'));
    await saga.write({ ...batch, deletes: [{ documentId: 'gone', baseVersion: 1 }] });
    saga.faults.forget();
    expect(await settleBatch(batch.ref, saga.parts, never)).toBe('finished');
    expect(saga.faults.calls.at(-1)).toBe('journal.append.batch_done');
    expect(saga.faults.calls.filter(isDiscard)).toEqual([]);
    expect(saga.journal.all('batch_done')).toEqual([
      {
        kind: 'batch_done',
        batchNo: 2,
        results: [
          { documentId: 'a', outcome: 'added', version: 1, error: null },
          { documentId: 'gone', outcome: 'deleted', version: null, error: null },
        ],
      },
    ]);
    expect(await saga.held()).toEqual(['a v1', 'a v1', 'a v1']);
  });

  test('is recorded as what it did: a document that was there before is updated', async () => {
    const saga = openSaga();
    await saga.commit(null, recordOf('a'));
    const batch = await saga.prepare(1, recordOf('a', { version: 2 }));
    await saga.write(batch);
    await settleBatch(batch.ref, saga.parts, never);
    expect(saga.journal.all('batch_done').at(-1)).toMatchObject({
      results: [{ documentId: 'a', outcome: 'updated', version: 2 }],
    });
  });

  test('is not recorded as done while finishing it fails', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    await saga.write(batch);
    saga.faults.fail('vectors.publish:before', noAnswer());
    await expect(settleBatch(batch.ref, saga.parts, never)).rejects.toMatchObject({ code: 'APEX_STORE' });
    expect(saga.journal.all('batch_done')).toEqual([]);
    expect(saga.faults.calls.filter(isDiscard)).toEqual([]);
  });

  test('is discarded when its pivot did not happen', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail('journal.append.pivot_planned:before', journalFailure(), 1);
    await expect(saga.write(batch)).rejects.toMatchObject({ code: 'APEX_JOURNAL' });
    expect(await saga.held()).toEqual(['a v1', 'a v1', 'a v1']);
    expect(await settleBatch(batch.ref, saga.parts, never)).toBe('discarded');
    expect(await saga.held()).toEqual([]);
    expect(saga.journal.all('batch_done')).toEqual([]);
  });

  test('that was parked is discarded when the store answers again', async () => {
    const saga = openSaga();
    const batch = await saga.prepare(null, recordOf('a'));
    saga.faults.fail('vectors.write:after', refusal());
    saga.faults.fail('graph.discard:before', refusal(), 1);
    await expect(saga.write(batch)).rejects.toBeInstanceOf(CompensationError);
    expect(await saga.held()).toEqual(['a v1']);
    expect(await settleBatch(batch.ref, saga.parts, never)).toBe('discarded');
    expect(await saga.held()).toEqual([]);
    expect(saga.journal.all('discard_done')).toHaveLength(1);
  });
});
