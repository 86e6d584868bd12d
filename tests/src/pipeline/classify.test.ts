import { describe, expect, test } from 'vitest';
import type { QuarantineEntry } from '../../../lib/contracts/document.ts';
import { sha256 } from '../../../lib/contracts/identity.ts';
import type { KnownBytes, Look, SourceItem } from '../../../lib/contracts/source.ts';
import { type Candidate, classify } from '../../../src/pipeline/classify.ts';
import { Quarantine, type QuarantineOptions } from '../../../src/pipeline/quarantine.ts';
import { FakeSource, itemOf } from '../../helpers/fakes/parts.ts';
import { FakeRecordsStore } from '../../helpers/fakes/records.ts';
import { Faults } from '../../helpers/faults.ts';
import { never, pivotOf, recordOf, ref } from '../../helpers/records.ts';

/** Goal: work is done exactly where something changed. Method: a document that is current, and one thing changed about it. */

const TEXT = 'Bay nine is free.';

/** A memory in which document `a` is current as it stands in the source. */
async function openCase(quarantine: readonly QuarantineEntry[] = []) {
  const faults = new Faults();
  const records = faults.wrap('records', new FakeRecordsStore());
  const { fence } = await records.openRun({ runId: 'run-1', journalId: 'journal' }, never);
  await records.allocate([recordOf('a')], never);
  const record = { ...recordOf('a'), contentDigest: sha256(TEXT) };
  await records.write(ref('run-1'), [record], never);
  await records.pivot(pivotOf({ ref: ref('run-1'), fence }, [record]), never);
  faults.forget();
  const source = new FakeSource({ a: TEXT });
  const parts = {
    ...{ source: faults.wrap('source', source), records, quarantine: new Quarantine(quarantine) },
    ...{ group: 'default', settingsDigest: 'settings', failureDigest: 'failure', storesDigest: 'stores' },
  };
  return { faults, source, records, parts };
}

function candidate(documentId: string): Candidate {
  return { documentId, parentId: null, item: itemOf(documentId) };
}

const refused: QuarantineEntry = {
  ...{ documentId: 'a', group: 'default', source: 'fake', sourceUri: 'file:///a', contentDigest: sha256(TEXT) },
  ...{
    sourceVersion: null,
    settingsDigest: 'failure',
    runId: 'run-0',
    code: 'CORRUPT',
    message: 'damaged',
    step: 'parse',
  },
  ...{ retryable: false, at: '2026-01-01T00:00:00Z' },
};

/** The verdict on document `a`. */
async function verdictWith(quarantine: readonly QuarantineEntry[], change: object = {}) {
  const { parts } = await openCase(quarantine);
  return (await classify([candidate('a')], { ...parts, ...change }, never))[0]!;
}

test('the same content under the same settings and stores is unchanged', async () => {
  expect(await verdictWith([])).toMatchObject({ kind: 'unchanged', current: { version: 1 } });
});

describe('a document is processed', () => {
  test('when it is new, on no base', async () => {
    const { source, parts } = await openCase();
    source.texts.set('b', 'new');
    const [verdict] = await classify([candidate('b')], parts, never);
    expect(verdict).toEqual({
      kind: 'process',
      bytes: 3,
      input: {
        ...{ documentId: 'b', parentId: null, sourceName: 'fake', item: itemOf('b'), baseVersion: null },
        ...{ contentDigest: sha256('new'), keptVersion: null },
      },
    });
  });

  test('when its content changed, also by one byte and no size, on the version that is current now', async () => {
    const { source, parts } = await openCase();
    source.texts.set('a', TEXT.replace('nine', 'five'));
    const [verdict] = await classify([candidate('a')], parts, never);
    expect(verdict).toMatchObject({ kind: 'process', bytes: TEXT.length, input: { baseVersion: 1 } });
  });

  test.each(['settingsDigest', 'storesDigest'])('when %s changed', async (digest) => {
    expect(await verdictWith([], { [digest]: 'other' })).toMatchObject({ kind: 'process', input: { baseVersion: 1 } });
  });

  test('when it was deleted, on no base', async () => {
    const { records, parts } = await openCase();
    const { fence } = await records.openRun({ runId: 'run-2', journalId: 'journal' }, never);
    const deletes = [{ documentId: 'a', baseVersion: 1 }];
    await records.pivot(pivotOf({ ref: ref('run-2'), fence, deletes }, []), never);
    const [verdict] = await classify([candidate('a')], parts, never);
    expect(verdict).toMatchObject({ kind: 'process', input: { baseVersion: null } });
  });

  test.each<[string, Partial<QuarantineEntry>]>([
    ['that may be tried again', { retryable: true }],
    ['whose content changed since', { contentDigest: 'other' }],
    ['whose settings or limits changed since', { settingsDigest: 'other' }],
  ])('when it was set aside by a failure %s', async (_, change) => {
    expect(await verdictWith([{ ...refused, ...change }])).toMatchObject({ kind: 'process' });
  });

  test('when something in it was set aside and may be tried again', async () => {
    const entry = { ...refused, documentId: 'a.attachment-1', retryable: true };
    expect(await verdictWith([entry])).toMatchObject({ kind: 'process', input: { keptVersion: 1 } });
    const changed = await verdictWith([entry], { settingsDigest: 'other' });
    expect(changed).toMatchObject({ kind: 'process', input: { keptVersion: null } });
    expect(await verdictWith([{ ...entry, retryable: false }])).toMatchObject({ kind: 'unchanged' });
  });
});

test('the same content that failed for good under the same settings is remembered, not tried again', async () => {
  expect(await verdictWith([refused])).toEqual({
    ...{ kind: 'remembered', candidate: candidate('a'), entry: refused, baseVersion: 1 },
  });
});

test('what is asked for is tried again whatever is remembered, but once by a run', async () => {
  const { source, parts } = await openCase();
  const lookWith = async (options: QuarantineOptions, entry = refused) =>
    (await classify([candidate('a')], { ...parts, quarantine: new Quarantine([entry], options) }, never))[0]!.kind;
  const isWanted = () => true;
  expect(await lookWith({ isWanted })).toBe('process');
  expect(await lookWith({ isWanted, triedByRunId: 'run-0' })).toBe('remembered');
  expect(await lookWith({ triedByRunId: 'run-0' }, { ...refused, retryable: true })).toBe('remembered');
  source.texts.delete('a');
  expect(await lookWith({ isWanted }, { ...refused, code: 'NOT_FOUND' })).toBe('process');
  expect(await lookWith({}, { ...refused, code: 'NOT_FOUND' })).toBe('remembered');
});

describe('a source', () => {
  test('that cannot deliver an item has its batch set it aside, and the others are looked at', async () => {
    const { parts } = await openCase();
    const verdicts = await classify([candidate('gone'), candidate('a')], parts, never);
    expect(verdicts).toMatchObject([{ kind: 'process', bytes: 0 }, { kind: 'unchanged' }]);
  });

  test('that fails as it did before has nothing new to write, and another failure has', async () => {
    const entry = { ...refused, documentId: 'gone', contentDigest: '', code: 'NOT_FOUND' } as const;
    const look = async (code: QuarantineEntry['code']) => {
      const { parts } = await openCase([{ ...entry, code }]);
      return (await classify([candidate('gone')], parts, never))[0]!.kind;
    };
    expect([await look('NOT_FOUND'), await look('DENIED')]).toEqual(['remembered', 'process']);
  });

  test('that fails by a bug stops the run', async () => {
    const { faults, parts } = await openCase();
    faults.fail('source.digest:before', new TypeError('x is not a function'));
    await expect(classify([candidate('a')], parts, never)).rejects.toThrow(TypeError);
  });
});

test('an id that names a document of another group is refused; one that was deleted there is free', async () => {
  const { records, parts } = await openCase();
  const look = () => classify([candidate('a')], { ...parts, group: 'other' }, never);
  await expect(look()).rejects.toMatchObject({ code: 'APEX_USAGE' });
  const { fence } = await records.openRun({ runId: 'run-2', journalId: 'journal' }, never);
  const deletes = [{ documentId: 'a', baseVersion: 1 }];
  await records.pivot(pivotOf({ ref: ref('run-2'), fence, deletes }, []), never);
  expect(await look()).toMatchObject([{ kind: 'process' }]);
});

test('the records store is asked once for all, and verdicts come in the order of the candidates', async () => {
  const { faults, source, parts } = await openCase();
  for (const id of ['b', 'c']) source.texts.set(id, id);
  const verdicts = await classify([candidate('c'), candidate('a'), candidate('b')], parts, never);
  expect(verdicts.map(({ kind }) => kind)).toEqual(['process', 'unchanged', 'process']);
  expect(faults.calls.filter((call) => call.startsWith('records.'))).toEqual(['records.current']);
  expect(await classify([], parts, never)).toEqual([]);
});

describe('a source that compares bytes itself', () => {
  /** As `openCase`, with such a source. @param look what it finds. */
  async function openLook(
    look: Look | ((known: KnownBytes | null) => Look),
    quarantine: readonly QuarantineEntry[] = [],
  ) {
    const { parts, source } = await openCase(quarantine);
    const asked: (KnownBytes | null)[] = [];
    const found = (known: KnownBytes | null) => (typeof look === 'function' ? look(known) : look);
    const looking = Object.assign(source, {
      look: async (_: SourceItem, known: KnownBytes | null) => {
        asked.push(known);
        return found(known);
      },
    });
    return { asked, source, parts: { ...parts, source: looking } };
  }

  const known = { digest: sha256(TEXT), version: null };

  test('is asked with what is known, and what is the same is unchanged', async () => {
    const { asked, parts } = await openLook({ kind: 'same' });
    const [verdict] = await classify([candidate('a')], parts, never);
    expect([verdict, asked]).toEqual([expect.objectContaining({ kind: 'unchanged', newSourceVersion: null }), [known]]);
  });

  test('and finds the same bytes under another mark, tells the mark', async () => {
    const { parts } = await openLook({ kind: 'read', digest: sha256(TEXT), bytes: 9, version: 'etag-2' });
    const [verdict] = await classify([candidate('a')], parts, never);
    expect(verdict).toMatchObject({ kind: 'unchanged', newSourceVersion: 'etag-2' });
  });

  test('and finds other bytes, has them processed', async () => {
    const { parts } = await openLook({ kind: 'read', digest: sha256('other'), bytes: 5, version: 'etag-2' });
    const [verdict] = await classify([candidate('a')], parts, never);
    expect(verdict).toMatchObject({
      kind: 'process',
      bytes: 5,
      input: { baseVersion: 1, contentDigest: sha256('other') },
    });
  });

  test.each(['settingsDigest', 'storesDigest'])('is asked to compare nothing when %s changed', async (digest) => {
    const { asked, parts } = await openLook({ kind: 'unread' });
    const [verdict] = await classify([candidate('a')], { ...parts, [digest]: 'other' }, never);
    expect([verdict!.kind, asked]).toEqual(['process', [null]]);
  });

  test('need not read what is new: it counts for a megabyte, unless its size was listed', async () => {
    const { asked, parts } = await openLook({ kind: 'unread' });
    const sized = { ...candidate('c'), item: { ...itemOf('c'), bytes: 7 } };
    const verdicts = await classify([candidate('b'), sized], parts, never);
    expect([
      verdicts.map((verdict) => verdict.kind === 'process' && [verdict.bytes, verdict.input.contentDigest]),
      asked,
    ]).toEqual([
      [
        [1_048_576, ''],
        [7, ''],
      ],
      [null, null],
    ]);
  });

  test('compares what is in quarantine by its bytes and where they lay, by no mark', async () => {
    const { asked, parts } = await openLook({ kind: 'read', digest: sha256(TEXT), bytes: 9, version: 'etag-1' }, [
      refused,
    ]);
    const [verdict] = await classify([candidate('a')], parts, never);
    expect([verdict!.kind, asked]).toEqual(['remembered', [{ ...known, uri: refused.sourceUri }]]);
  });

  test('is not asked about a known place of a document: the bytes there are the document’s', async () => {
    const { asked, parts } = await openLook({ kind: 'unread' });
    const known = { ...candidate('a'), isKnownPlace: true };
    const [verdict] = await classify([known], parts, never);
    expect([verdict, asked]).toMatchObject([{ kind: 'unchanged', newSourceVersion: null }, []]);
    const [other] = await classify([known], { ...parts, settingsDigest: 'other' }, never);
    expect([other!.kind, asked]).toEqual(['process', [null]]);
  });

  test('looks at several side by side, and their order stays', async () => {
    const { source, parts } = await openCase();
    let underWay = 0;
    let most = 0;
    const looking = Object.assign(source, {
      looksAtOnce: 3,
      look: async ({ id }: SourceItem): Promise<Look> => {
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise((resolve) => setTimeout(resolve, id === 'b' ? 30 : 5));
        underWay -= 1;
        return { kind: 'unread' };
      },
    });
    const verdicts = await classify(['b', 'c', 'd', 'e', 'f'].map(candidate), { ...parts, source: looking }, never);
    const ids = verdicts.map((verdict) => (verdict.kind === 'process' ? verdict.input.documentId : ''));
    expect([ids, most]).toEqual([['b', 'c', 'd', 'e', 'f'], 3]);
  });
});
