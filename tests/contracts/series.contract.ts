import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RejectedEntry, SeriesAddition, StoredReading } from '../../lib/contracts/series.ts';
import type { FactRead, PivotRequest, RecordsStore } from '../../lib/contracts/store.ts';
import { entityOf, never, pivotOf, recordOf, ref } from '../helpers/records.ts';

type Row = Omit<StoredReading, 'documentId'>;

/** A position at so many minutes past noon. */
function position(minute: number, placeKey: string | null = null, value: Row['value'] = { latitude: minute }): Row {
  return { series: 'position', at: `2026-02-01T12:${String(minute).padStart(2, '0')}:00.000Z`, value, placeKey };
}

const rejectedEntry: RejectedEntry = {
  ...{ id: 'r-1', source: 'samsara', stream: 'vehicles', group: 'default', sourceUri: 'file:///a', place: 'line 3' },
  ...{ path: 'gps.time', reason: 'no time', raw: '{}', runId: 'run-1', at: '2026-02-01T00:00:00.000Z' },
};

/**
 * Goal: readings, cursors and rejected records change only with the pivot that holds them, all or none, whoever else is at work.
 * Method: pivots as they follow each other, meet and are repeated.
 */
export function seriesContract(name: string, open: () => Promise<RecordsStore>): void {
  describe(`${name} keeps the contract of series`, () => {
    let store: RecordsStore;
    let batchNo = 0;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.close();
    });

    /** Commits a version of each document, and what else is asked. */
    const commit = async (
      versions: readonly (readonly [documentId: string, baseVersion: number | null])[],
      beside: Partial<PivotRequest>,
      organizations: readonly string[] = ['acme'],
    ) => {
      batchNo += 1;
      const where = ref('run-1', batchNo);
      const { fence } = await store.openRun({ runId: 'run-1', journalId: 'journal-1' }, never);
      const records = [];
      for (const [documentId, baseVersion] of versions) {
        const [version] = await store.allocate([{ documentId, uuid: recordOf(documentId).uuid }], never);
        records.push({ record: recordOf(documentId, { version: version!, organizations }), baseVersion });
      }
      await store.write(
        where,
        records.map(({ record }) => record),
        never,
      );
      const { versions: _none, ...request } = pivotOf({ ref: where, fence }, [], null);
      const asked = records.map(({ record: { documentId, version }, baseVersion }) => ({
        documentId,
        version,
        baseVersion,
      }));
      const whole = { ...request, versions: asked, ...beside };
      return { outcome: await store.pivot(whole, never), request: whole };
    };
    const addition = (documentId: string, readings: readonly Row[], change: Partial<SeriesAddition> = {}) => ({
      ...{ documentId, baseVersion: null, baseCounts: { position: 0 }, readings },
      ...change,
    });
    const rows = (documentId: string) =>
      store.readings({ documentId, series: 'position', fromAt: null, toAt: null }, 100, never);
    const window = async (documentId: string, ...asked: Row[]) => {
      const readings = asked.map(({ series: _s, ...row }) => row);
      return (await store.seriesWindows([{ documentId, series: 'position', readings }], never))[0]!;
    };

    test('readings come with the version of their document, in order of time, and are told by page', async () => {
      const { outcome } = await commit([['truck', null]], {
        series: [addition('truck', [position(2), position(1, 'yard')])],
      });
      expect(outcome.extended).toEqual(['truck']);
      expect(await rows('truck')).toEqual([
        { documentId: 'truck', ...position(1, 'yard') },
        { documentId: 'truck', ...position(2) },
      ]);
      const after = { documentId: 'truck', series: 'position', fromAt: position(2).at, toAt: null };
      expect(await store.readings(after, 100, never)).toEqual([{ documentId: 'truck', ...position(2) }]);
      expect(await store.readings({ ...after, fromAt: null, toAt: position(2).at }, 100, never)).toHaveLength(1);
      expect(await store.readings({ ...after, fromAt: null }, 1, never)).toHaveLength(1);
      expect(await store.withReadings(null, 9, never)).toEqual(['truck']);
      expect(await store.withReadings('truck', 9, never)).toEqual([]);
      expect(await store.wrongSeries(['truck'], never)).toEqual([]);
    });

    test('readings alone need no version, as long as their document is what it was', async () => {
      await commit([['truck', null]], {});
      const { outcome } = await commit([], { series: [addition('truck', [position(1)], { baseVersion: 1 })] });
      expect(outcome).toMatchObject({ extended: ['truck'], committed: [], lost: [] });
      const late = await commit([], {
        series: [addition('truck', [position(2)], { baseVersion: null, baseCounts: { position: 1 } })],
      });
      expect(late.outcome.extended).toEqual([]);
      expect(await rows('truck')).toHaveLength(1);
    });

    test('where a series has grown since, its document loses with its version, and the others of the batch do not', async () => {
      await commit(
        [
          ['truck', null],
          ['van', null],
        ],
        { series: [addition('truck', [position(1)])] },
      );
      const { outcome } = await commit(
        [
          ['truck', 1],
          ['van', 1],
        ],
        {
          series: [
            addition('truck', [position(2)], { baseVersion: 1 }),
            addition('van', [position(3)], { baseVersion: 1 }),
          ],
        },
      );
      expect(outcome).toMatchObject({
        committed: [{ documentId: 'van', version: 2 }],
        lost: [{ documentId: 'truck', version: 2 }],
        extended: ['van'],
      });
      expect(await rows('truck')).toHaveLength(1);
      expect(await rows('van')).toHaveLength(1);
    });

    test('readings of a document whose version loses are not added', async () => {
      await commit([['truck', null]], {});
      const { outcome } = await commit([['truck', null]], { series: [addition('truck', [position(1)])] });
      expect(outcome).toMatchObject({ lost: [{ documentId: 'truck', version: 2 }], extended: [] });
      expect(await rows('truck')).toEqual([]);
    });

    test('a repeated pivot adds nothing twice and gives the same outcome', async () => {
      const { outcome, request } = await commit([['truck', null]], { series: [addition('truck', [position(1)])] });
      expect(await store.pivot(request, never)).toEqual(outcome);
      expect(await store.pivotOutcome(request.ref, never)).toEqual(outcome);
      expect(await rows('truck')).toHaveLength(1);
      expect(await store.wrongSeries(['truck'], never)).toEqual([]);
    });

    test('two values of one time are both kept', async () => {
      await commit([['truck', null]], {
        series: [addition('truck', [position(1), position(1, null, { latitude: 9 })])],
      });
      expect(await rows('truck')).toHaveLength(2);
    });

    test('a window tells which readings are not there, what is before and after those, and where the thing moved', async () => {
      const readings = [position(10), position(20, 'yard'), position(30, 'yard'), position(40), position(50, 'dock')];
      await commit([['truck', null]], { series: [addition('truck', readings)] });
      const withoutSeries = ({ series: _s, ...row }: Row) => row;
      expect(await window('truck', position(5))).toMatchObject({
        count: 5,
        fresh: [withoutSeries(position(5))],
        before: null,
        nextAts: [position(10).at],
      });
      const other = position(30, 'dock');
      expect(await window('truck', position(45), position(20, 'yard'), other)).toEqual({
        ...{ count: 5, fresh: [position(45), other].map(withoutSeries), before: withoutSeries(position(20, 'yard')) },
        nextAts: [position(50).at, position(40).at],
        moves: [
          { at: position(40).at, placeKey: null },
          { at: position(50).at, placeKey: 'dock' },
        ],
      });
      const after = await window('truck', position(50, 'dock'), position(55));
      expect(after).toMatchObject({ count: 5, moves: [], fresh: [withoutSeries(position(55))], nextAts: [null] });
      expect(after.before?.placeKey).toBe('dock');
      const nothing = { before: null, moves: [] };
      expect(await window('nowhere', position(5))).toEqual({
        ...{ count: 0, fresh: [withoutSeries(position(5))], ...nothing, nextAts: [null] },
      });
      expect(await window('truck', ...readings)).toEqual({ count: 5, fresh: [], ...nothing, nextAts: [] });
    });

    test('windows of many series are told in the order of the requests', async () => {
      await commit(
        [
          ['truck', null],
          ['van', null],
        ],
        { series: [addition('truck', [position(1)]), addition('van', [position(2)])] },
      );
      const asked = ['van', 'nowhere', 'truck'].map((documentId) => ({
        ...{
          documentId,
          series: 'position',
          readings: [position(1), position(2)].map(({ series: _s, ...row }) => row),
        },
      }));
      const windows = await store.seriesWindows(asked, never);
      expect(windows.map(({ fresh }) => fresh.map(({ at }) => at))).toEqual([
        [position(1).at],
        [position(1).at, position(2).at],
        [position(2).at],
      ]);
    });

    test('the latest reading of each series is that of the latest time', async () => {
      const fuel = { series: 'fuel', at: position(3).at, value: { percent: 50 }, placeKey: null };
      await commit([['truck', null]], { series: [addition('truck', [position(9), position(4), fuel])] });
      expect(await store.latestReadings(['truck', 'nowhere'], never)).toEqual(
        expect.arrayContaining([
          { documentId: 'truck', ...position(9) },
          { documentId: 'truck', ...fuel },
        ]),
      );
      expect(await store.latestReadings(['truck'], never)).toHaveLength(2);
    });

    test('a deleted document takes its readings along', async () => {
      await commit([['truck', null]], { series: [addition('truck', [position(1)])] });
      await commit([], { deletes: [{ documentId: 'truck', baseVersion: 1 }] });
      expect(await rows('truck')).toEqual([]);
      expect(await store.withReadings(null, 9, never)).toEqual([]);
    });

    test('a document that becomes another leaves it its readings, and what both have stays once', async () => {
      await commit(
        [
          ['provisional', null],
          ['real', null],
        ],
        {
          series: [addition('provisional', [position(1), position(2)]), addition('real', [position(2), position(3)])],
        },
      );
      const { outcome } = await commit([['real', 1]], {
        deletes: [{ documentId: 'provisional', baseVersion: 1 }],
        absorbed: [{ documentId: 'provisional', into: 'real' }],
      });
      expect(outcome).toMatchObject({ deleted: ['provisional'], committed: [{ documentId: 'real', version: 2 }] });
      expect((await rows('real')).map(({ at }) => at)).toEqual([1, 2, 3].map((minute) => position(minute).at));
      expect(await rows('provisional')).toEqual([]);
      expect(await store.wrongSeries(['real', 'provisional'], never)).toEqual([]);
    });

    test.each(['provisional', 'real'])('where %s is another by now, neither becomes the other', async (changed) => {
      await commit(
        [
          ['provisional', null],
          ['real', null],
        ],
        { series: [addition('provisional', [position(1)])] },
      );
      await commit([[changed, 1]], {});
      const { outcome } = await commit([['real', 1]], {
        deletes: [{ documentId: 'provisional', baseVersion: 1 }],
        absorbed: [{ documentId: 'provisional', into: 'real' }],
      });
      expect(outcome).toMatchObject({ deleted: [], committed: [] });
      expect(await rows('provisional')).toHaveLength(1);
    });

    /** That `text` was made when these stated something about globex. */
    const read = (subjectIds: readonly string[], type: FactRead['type'] = 'SHIPPER_OF'): FactRead => ({
      ...{ documentId: 'text', objectId: entityOf('globex').entityId, type, subjectIds },
    });
    const STATING = ['acme', 'globex'];

    test.each(['SHIPPER_OF', null] as const)(
      'a document loses that was made before others stated (%s)',
      async (type) => {
        await commit([['b', null]], {}, STATING);
        const { outcome } = await commit(
          [
            ['text', null],
            ['other', null],
          ],
          { reads: [read([], type)] },
        );
        expect(outcome).toMatchObject({ committed: [{ documentId: 'other' }], lost: [{ documentId: 'text' }] });
        const again = await commit([['text', null]], { reads: [read(['b'], type)] });
        expect(again.outcome.lost).toEqual([]);
      },
    );

    test('a document loses that was made from what nobody states any more, and not for facts of another type', async () => {
      await commit(
        [
          ['b', null],
          ['a', null],
        ],
        {},
        STATING,
      );
      const asRead = await commit([['text', null]], { reads: [read(['a', 'b']), read([], 'MENTIONS')] });
      expect(asRead.outcome.lost).toEqual([]);
      // A newer version that states it as before changes nothing.
      await commit([['b', 1]], {}, STATING);
      expect((await commit([['text', 1]], { reads: [read(['a', 'b'])] })).outcome.lost).toEqual([]);
      await commit([['b', 2]], {});
      expect((await commit([['text', 2]], { reads: [read(['a', 'b'])] })).outcome.lost).toHaveLength(1);
      await commit([], { deletes: [{ documentId: 'a', baseVersion: 1 }] });
      expect((await commit([['text', 2]], { reads: [read(['a'])] })).outcome.lost).toHaveLength(1);
      expect((await commit([['text', 2]], { reads: [read([])] })).outcome.lost).toEqual([]);
    });

    test.each(['text', 'gone'])(
      'where %s is another by now, neither of two that go together changes',
      async (changed) => {
        await commit(
          [
            ['text', null],
            ['gone', null],
          ],
          {},
        );
        await commit([[changed, 1]], {});
        const { outcome } = await commit([['text', 1]], {
          deletes: [{ documentId: 'gone', baseVersion: 1 }],
          together: [['gone', 'text']],
        });
        expect(outcome).toMatchObject({ deleted: [], committed: [] });
      },
    );

    test('a cursor moves with its pivot, tells where it was, and only from where it stands', async () => {
      const stream = { source: 'samsara', stream: 'stats', group: 'default' };
      const move = (base: string | null, next: string) => ({ ...stream, base, next, at: '2026-02-01T00:00:00.000Z' });
      expect(await store.cursor(stream, never)).toBeNull();
      await commit([], { cursors: [move(null, 'a')] });
      await commit([], { cursors: [move('a', 'b')] });
      expect(await store.cursor(stream, never)).toMatchObject({ value: 'b', previous: 'a' });
      for (const base of [null, 'a']) {
        const moved = commit([['truck', null]], {
          cursors: [move(base, 'c')],
          series: [addition('truck', [position(1)])],
        });
        await expect(moved).rejects.toMatchObject({ code: 'CURSOR_MOVED' });
      }
      expect(await store.cursor(stream, never)).toMatchObject({ value: 'b' });
      expect(await rows('truck')).toEqual([]);
      expect(await store.cursor({ ...stream, group: 'other' }, never)).toBeNull();
    });

    test('a cursor does not move past a document that loses: nothing of its batch is kept', async () => {
      await commit(
        [
          ['truck', null],
          ['van', null],
        ],
        {},
      );
      const stream = { source: 'samsara', stream: 'stats', group: 'default' };
      const cursors = [{ ...stream, base: null, next: 'a', at: '2026-02-01T00:00:00.000Z' }];
      const lost = commit(
        [
          ['truck', null],
          ['van', 1],
        ],
        { cursors, series: [addition('van', [position(1)], { baseVersion: 1 })] },
      );
      await expect(lost).rejects.toMatchObject({ code: 'LOST_RACE', retryable: false });
      const stale = commit([], {
        cursors,
        series: [addition('van', [position(1)], { baseVersion: 1, baseCounts: { position: 9 } })],
      });
      await expect(stale).rejects.toMatchObject({ code: 'LOST_RACE' });
      expect(await store.cursor(stream, never)).toBeNull();
      expect((await store.current(['van'], never)).get('van')?.version).toBe(1);
      expect(await rows('van')).toEqual([]);
      const { outcome } = await commit([['van', 1]], {
        cursors,
        series: [addition('van', [position(1)], { baseVersion: 1 })],
      });
      expect(outcome).toMatchObject({ extended: ['van'] });
      expect(await store.cursor(stream, never)).toMatchObject({ value: 'a' });
    });

    test('rejected records are kept once, told by page, and go when they are taken', async () => {
      await commit([], { rejected: [rejectedEntry, { ...rejectedEntry, id: 'r-2', source: 'turvo' }] });
      await commit([], { rejected: [{ ...rejectedEntry, reason: 'another' }] });
      const page = { afterId: null, limit: 9, group: null, source: null };
      expect(await store.rejected(page, never)).toEqual([
        { ...rejectedEntry, reason: 'another' },
        { ...rejectedEntry, id: 'r-2', source: 'turvo' },
      ]);
      expect(await store.rejected({ ...page, source: 'turvo' }, never)).toHaveLength(1);
      expect(await store.rejected({ ...page, afterId: 'r-1' }, never)).toHaveLength(1);
      expect(await store.rejected({ ...page, group: 'other' }, never)).toEqual([]);
      expect(await store.rejectedAmong(['r-1', 'r-9'], never)).toEqual(['r-1']);
      await commit([], { accepted: ['r-1'] });
      expect(await store.rejectedAmong(['r-1', 'r-2'], never)).toEqual(['r-2']);
    });

    test('facts are found by what they say something of, of current versions and wanted types only', async () => {
      batchNo += 1;
      const { fence } = await store.openRun({ runId: 'run-1', journalId: 'journal-1' }, never);
      const [version] = await store.allocate([{ documentId: 'a', uuid: recordOf('a').uuid }], never);
      const record = recordOf('a', { version: version!, organizations: ['acme', 'globex'] });
      const globex = entityOf('globex', 'default').entityId;
      await store.write(ref('run-1', batchNo), [record], never);
      expect(await store.factsOn([globex], null, never)).toEqual([]);
      await store.pivot(pivotOf({ ref: ref('run-1', batchNo), fence }, [record], null), never);
      const found = [expect.objectContaining({ documentId: 'a', type: 'SHIPPER_OF', objectId: globex })];
      expect(await store.factsOn([globex], null, never)).toEqual(found);
      expect(await store.factsOn([globex], ['SHIPPER_OF'], never)).toEqual(found);
      expect(await store.factsOn([globex], ['MENTIONS'], never)).toEqual([]);
      expect(await store.factsOn([entityOf('acme', 'default').entityId], null, never)).toEqual([]);
    });

    test('documents are described by their metadata, current versions only', async () => {
      await commit([['a', null]], {});
      await commit([['a', 1]], {});
      await commit([], { deletes: [{ documentId: 'b', baseVersion: null }] });
      const described = await store.described(['a', 'b', 'c'], never);
      expect([...described]).toEqual([['a', { version: 2, metadata: recordOf('a').metadata }]]);
    });
  });
}
