import { describe, expect, test } from 'vitest';
import type { Caps, DocumentResult, RunEvent } from '../../../lib/contracts/apex.ts';
import { EXIT } from '../../../lib/contracts/error-codes.ts';
import { ParseError, SourceError, StoreError } from '../../../lib/contracts/errors.ts';
import type { JournalEntry, RunPlan } from '../../../lib/contracts/journal.ts';
import type { VersionRecord, WriteRef } from '../../../lib/contracts/store.ts';
import { RunReplay, replayRun } from '../../../src/journal/replay.ts';
import { Allowance, NO_CAPS } from '../../../src/pipeline/allowance.ts';
import { runBatch } from '../../../src/pipeline/batch.ts';
import type { Parts } from '../../../src/pipeline/parts.ts';
import { RunSession } from '../../../src/pipeline/session.ts';
import { Leases } from '../../../src/saga/leases.ts';
import { FakeGraphStore } from '../../helpers/fakes/graph.ts';
import { FakeJournal } from '../../helpers/fakes/journal.ts';
import { openFakeParts } from '../../helpers/fakes/machine.ts';
import { itemOf } from '../../helpers/fakes/parts.ts';
import { journalFailure, noAnswer, refusal } from '../../helpers/faults.ts';
import { never, pivotOf, recordOf, ref } from '../../helpers/records.ts';

/** Goal: what the journal says of a batch is true at every moment. Method: all parts in memory, all of their calls in one log. */

const PLAN: RunPlan = {
  ...{ kind: 'ingest', source: 'fake', targets: ['/docs'], documentId: null, group: 'default', settingsDigest: 's' },
};

interface BatchCase {
  readonly texts?: Readonly<Record<string, string>>;
  readonly graph?: FakeGraphStore;
  readonly isLastTry?: boolean;
  readonly isIsolated?: boolean;
  readonly prepareIsolated?: Parts['prepareIsolated'];
  readonly caps?: Partial<Caps>;
}

function openBatch({ caps = {}, isLastTry = false, isIsolated = false, ...options }: BatchCase = {}) {
  const { faults, source, stores, parts } = openFakeParts({ texts: { a: 'ACME ships', b: 'to Globex' }, ...options });
  const journal = new FakeJournal();
  const events: RunEvent[] = [];
  const onEvent = (event: RunEvent) => events.push(event);
  const watched = faults.wrap('journal', journal);
  const session = new RunSession({
    ...{ journal: watched, plan: PLAN, parts, onEvent, signal: never, nextBatchNo: 1, fence: null },
    leases: new Leases(parts),
    allowance: new Allowance({ ...NO_CAPS, ...caps }, () => 0),
  });
  return {
    ...{ faults, journal, stores, events, session },
    /** One batch of these documents; none of them is current when they are read. */
    run: (documentIds = [...source.texts.keys()], attemptsBefore = 0) => {
      const inputs = documentIds.map((documentId) => ({
        ...{ documentId, parentId: null, sourceName: 'fake', item: itemOf(documentId), baseVersion: null },
        contentDigest: '',
        keptVersion: null,
      }));
      const replay = new RunReplay();
      for (let batchNo = 1; batchNo <= attemptsBefore; batchNo += 1)
        replay.take({
          kind: 'batch_assigned',
          batchNo,
          isIsolated: false,
          items: inputs.map((input) => ({ ...input, attempt: batchNo })),
        });
      return runBatch({ inputs, movedTo: async () => [], replay, isLastTry, isIsolated }, session);
    },
    /** What became of each document, in the order in which it was said. */
    outcomes: () =>
      events
        .flatMap((event): DocumentResult[] => (event.kind === 'document' ? [event.result] : []))
        .map(({ document_id, outcome, error }) => [document_id, error?.code ?? outcome]),
    current: async () => (await stores.records.currentVersions(null, 99, never)).map(({ documentId }) => documentId),
  };
}

test('what cannot be fetched is set aside without a judgement on what it held before', async () => {
  const { faults, session, stores, run } = openBatch();
  const folder = await session.parts.staging.open('fake', 'a', session.runId);
  await folder.stage(session.parts.source('fake'), itemOf('a'), never);
  faults.fail('folder.stage:before', new SourceError('a may not be read', { code: 'DENIED' }));
  await run(['a']);
  expect(await stores.records.quarantined(['a'], never)).toMatchObject([{ code: 'DENIED', contentDigest: '' }]);
});

describe('a cap', () => {
  const capped = (caps: Partial<Caps>, texts = { a: 'ACME ships', b: 'to Globex', c: 'by train' }) =>
    openBatch({ texts, caps });

  test('leaves what it keeps from being embedded for another time, and the others are written', async () => {
    const batch = capped({ maxCalls: 1 });
    await batch.run();
    expect(batch.outcomes()).toEqual([['a', 'added']]);
    expect(await batch.current()).toEqual(['a']);
    expect(
      await batch.stores.records.quarantined({ afterDocumentId: null, limit: 9, group: null, code: null }, never),
    ).toEqual([]);
    expect(() => batch.session.throwIfStopping()).toThrow('--max-calls 1 is reached');
  });

  test('burns no attempt: what is left counts as never assigned', async () => {
    const batch = capped({ maxCalls: 1 });
    await batch.run();
    const replay = await replayRun(batch.journal.read());
    expect(['a', 'b', 'c'].map((id) => replay.attemptsOf(id))).toEqual([1, 0, 0]);
    expect(replay.batches).toMatchObject([{ state: 'done', items: [{ documentId: 'a' }] }]);
  });

  test('that leaves everything ends the batch without touching a store', async () => {
    const batch = capped({ maxCostNanos: 1 });
    await batch.run();
    expect(batch.faults.calls.filter((call) => call.startsWith('records.'))).toEqual([]);
    expect((await replayRun(batch.journal.read())).batches).toMatchObject([{ state: 'done', items: [], results: [] }]);
  });

  test('costs no synced commit, and what was used is in the journal before the effects are planned', async () => {
    const batch = capped({ maxCalls: 2 });
    await batch.run();
    expect(batch.journal.syncedCommits).toBe(4);
    const kinds = (await replayEntries(batch.journal)).map(({ kind }) => kind);
    expect(kinds.indexOf('providers_used')).toBeLessThan(kinds.indexOf('effects_planned'));
    expect((await replayRun(batch.journal.read())).use).toMatchObject({ calls: 2, texts: 2 });
  });
});

async function replayEntries(journal: FakeJournal): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const { entry } of journal.read()) entries.push(entry);
  return entries;
}

describe('the attempt', () => {
  test('is counted before anything of the batch is touched', async () => {
    const batch = openBatch();
    await batch.run(['a', 'b'], 2);
    expect(batch.faults.calls[0]).toBe('journal.append.batch_assigned');
    expect(batch.journal.all('batch_assigned')).toMatchObject([
      { batchNo: 1, items: [{ documentId: 'a', attempt: 3 }, { documentId: 'b', attempt: 3 }] }, // biome-ignore format: one row
    ]);
  });

  test('that could not be counted is not made', async () => {
    const batch = openBatch();
    batch.faults.fail('journal.append.batch_assigned:before', journalFailure());
    await expect(batch.run()).rejects.toMatchObject({ code: 'APEX_JOURNAL' });
    expect(batch.faults.calls).toEqual(['journal.append.batch_assigned']);
  });
});

describe('a batch', () => {
  test('costs four synced commits of the journal, whatever it holds', async () => {
    const batch = openBatch({ texts: { a: 'one', b: 'two', c: '', d: 'four' } });
    await batch.run();
    expect(batch.journal.syncedCommits).toBe(4);
  });

  test('is recorded as done when nothing of it is left to do, and then said', async () => {
    const batch = openBatch();
    let saidBefore = -1;
    batch.faults.at('journal.append.batch_done:before', () => {
      saidBefore = batch.outcomes().length;
    });
    expect(await batch.run()).toEqual([]);
    expect(batch.faults.calls.at(-1)).toBe('journal.append.batch_done');
    expect(batch.faults.calls.filter((call) => call === 'folder.remove')).toHaveLength(2);
    expect(saidBefore).toBe(0);
    expect(batch.outcomes()).toEqual([
      ['a', 'added'],
      ['b', 'added'],
    ]);
  });

  test.each(['graph.publish', 'vectors.publish', 'records.retire', 'folder.remove'])(
    'is neither recorded nor said to be done while %s fails',
    async (call) => {
      const batch = openBatch();
      batch.faults.fail(`${call}:before`, noAnswer());
      await expect(batch.run()).rejects.toMatchObject({ code: 'APEX_STORE' });
      expect(batch.journal.all('batch_done')).toEqual([]);
      expect(batch.outcomes()).toEqual([]);
      expect(await batch.current()).toEqual(['a', 'b']);
    },
  );

  test('that fails before its pivot leaves its staged files for the next attempt', async () => {
    const batch = openBatch();
    batch.faults.fail('vectors.write:before', noAnswer());
    await expect(batch.run()).rejects.toMatchObject({ code: 'APEX_STORE' });
    expect(batch.faults.calls).not.toContain('folder.remove');
    expect(await batch.current()).toEqual([]);
  });
});

describe('one bad document', () => {
  test('costs one document, with its reason, and its folder is kept', async () => {
    const batch = openBatch({ texts: { a: 'one', b: '', c: 'three' } });
    await batch.run();
    expect(batch.outcomes()).toEqual([
      ['a', 'added'],
      ['c', 'added'],
      ['b', 'EMPTY_TEXT'],
    ]);
    expect(
      await batch.stores.records.quarantined({ afterDocumentId: null, limit: 9, group: null, code: null }, never),
    ).toMatchObject([{ documentId: 'b', code: 'EMPTY_TEXT', step: 'parse', retryable: false }]);
    expect(batch.faults.calls.filter((call) => call === 'folder.remove')).toHaveLength(2);
    expect(batch.faults.calls.filter((call) => call === 'folder.markFailed')).toHaveLength(1);
    expect(batch.journal.all('item_set_aside')).toHaveLength(1);
  });

  /** A graph that cannot take so many documents at once, or certain ones at all. */
  class SmallGraphStore extends FakeGraphStore {
    readonly #most: number;
    readonly #never: string;
    constructor(most: number, never = '') {
      super();
      this.#most = most;
      this.#never = never;
    }
    override async write(batch: WriteRef, records: readonly VersionRecord[], signal: AbortSignal) {
      const isTooMuch =
        records.length > this.#most || records.some(({ documentId }) => this.#never.includes(documentId));
      if (isTooMuch) throw new StoreError('out of memory', { code: 'STORE_OVERLOADED' });
      return super.write(batch, records, signal);
    }
  }
  const FIVE = Object.fromEntries([...'abcde'].map((id) => [id, `text ${id}`]));

  test('that are too much at once are written in smaller batches, and none is set aside', async () => {
    const batch = openBatch({ texts: FIVE, graph: new SmallGraphStore(2) });
    await batch.run();
    expect(await batch.current()).toEqual([...'abcde']);
    expect(batch.session.exitStatus).toBe(EXIT.done);
  });

  test('that a store cannot take alone is set aside', async () => {
    const batch = openBatch({ texts: FIVE, graph: new SmallGraphStore(5, 'b') });
    await batch.run();
    expect(await batch.current()).toEqual([...'acde']);
    expect((await batch.stores.records.quarantined(['b'], never))[0]).toMatchObject({
      ...{ code: 'STORE_REFUSED', message: 'a store could not take it, not even alone: out of memory' },
    });
  });

  test('of which one after the other cannot be taken alone are not at fault: the run stops', async () => {
    const batch = openBatch({ texts: FIVE, graph: new SmallGraphStore(0) });
    await expect(batch.run()).rejects.toMatchObject({ code: 'STORE_OVERLOADED' });
    expect(batch.outcomes().map(([documentId]) => documentId)).toHaveLength(2);
  });

  test('that a store refuses is found among the others, which are written', async () => {
    class ChoosyGraphStore extends FakeGraphStore {
      override async write(batch: WriteRef, records: readonly VersionRecord[], signal: AbortSignal) {
        if (records.some(({ documentId }) => documentId === 'd')) throw refusal();
        return super.write(batch, records, signal);
      }
    }
    const texts = { ...Object.fromEntries([...'abcde'].map((id) => [id, `text ${id}`])), f: '' };
    const batch = openBatch({ texts, graph: new ChoosyGraphStore() });
    await batch.run();
    expect(
      batch
        .outcomes()
        .map((outcome) => outcome.join(' '))
        .toSorted(),
    ).toEqual([...['a added', 'b added', 'c added', 'd STORE_REFUSED', 'e added', 'f EMPTY_TEXT']]);
    expect(await batch.current()).toEqual(['a', 'b', 'c', 'e']);
    expect(batch.journal.all('discard_planned')).toHaveLength(batch.journal.all('discard_done').length);
  });

  test('that is a bug of apex stops the run', async () => {
    const batch = openBatch();
    batch.faults.fail('parsers.parse:before', new TypeError('x is not a function'));
    await expect(batch.run()).rejects.toThrow(TypeError);
    expect(await batch.current()).toEqual([]);
  });
});

describe('a document that another run overtook', () => {
  /** Another run makes document `a` current while the batch prepares its own. */
  const overtake = async (batch: ReturnType<typeof openBatch>) => {
    const { records } = batch.stores;
    const { fence } = await records.openRun({ runId: 'run-2', journalId: 'other' }, never);
    const [version] = await records.allocate([{ documentId: 'a', uuid: 'u' }], never);
    const record = recordOf('a', { version: version! });
    await records.write(ref('run-2'), [record], never);
    await records.pivot(pivotOf({ ref: ref('run-2'), fence }, [record]), never);
  };

  test('is given back to be read again, and the others are current', async () => {
    const batch = openBatch();
    await overtake(batch);
    expect(await batch.run()).toMatchObject([{ documentId: 'a' }]);
    expect(batch.outcomes()).toEqual([['b', 'added']]);
    expect(batch.faults.calls.filter((call) => call === 'folder.remove')).toHaveLength(1);
    expect((await batch.stores.records.current(['a'], never)).get('a')?.version).toBe(1);
  });

  test('twice is given up, and said', async () => {
    const batch = openBatch({ isLastTry: true });
    await overtake(batch);
    expect(await batch.run()).toEqual([]);
    expect(batch.outcomes()).toEqual([
      ['b', 'added'],
      ['a', 'LOST_RACE'],
    ]);
  });
});

describe('documents taken one by one, each in a process of its own', () => {
  test('are not tried again where the process did not die', async () => {
    const corrupt = new ParseError('damaged', { code: 'CORRUPT' });
    const batch = openBatch({ isIsolated: true, prepareIsolated: () => Promise.reject(corrupt) });
    await batch.run(['a']);
    expect(batch.journal.all('isolated_attempt')).toHaveLength(1);
    expect(batch.outcomes()).toEqual([['a', 'CORRUPT']]);
  });

  test('are counted before each attempt, and one that kills its process three times is set aside', async () => {
    const started: string[] = [];
    const batch = openBatch({
      isIsolated: true,
      prepareIsolated: async ({ documentId }) => {
        started.push(documentId);
        expect(batch.journal.all('isolated_attempt')).toHaveLength(started.length);
        return documentId === 'a' ? 'died' : 'prepared';
      },
    });
    await batch.run();
    expect(started).toEqual(['a', 'a', 'a', 'b']);
    expect(batch.journal.all('isolated_attempt').map(({ documentId, attempt }) => [documentId, attempt])).toEqual([
      ...[['a', 1], ['a', 2], ['a', 3], ['b', 1]], // biome-ignore format: one row
    ]);
    expect(batch.outcomes()).toEqual([
      ['b', 'added'],
      ['a', 'CRASHED'],
    ]);
  });
});
