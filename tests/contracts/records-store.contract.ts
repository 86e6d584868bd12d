import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { QuarantineEntry } from '../../lib/contracts/document.ts';
import type {
  AfterDocument,
  RecordsStore,
  SelectedDocument,
  VersionRecord,
  WriteRef,
} from '../../lib/contracts/store.ts';
import { collect, entityOf, never, pivotOf, recordOf, ref, versionOf } from '../helpers/records.ts';

const ALL = { afterDocumentId: null, limit: 9, group: null, code: null };

const entry: QuarantineEntry = {
  ...{
    documentId: 'scan-1',
    group: 'default',
    source: 'local_upload',
    sourceUri: 'file:///scan-1',
    contentDigest: 'c',
    sourceVersion: '"etag"',
    settingsDigest: 's',
  },
  ...{
    runId: 'run-1',
    code: 'EMPTY_TEXT',
    message: 'no text',
    step: 'parse',
    retryable: false,
    at: '2026-02-01T00:00:00Z',
  },
};

const wordOf = (text: string) => ({ text, isBeginning: false, weight: 1 });

/** A document to set aside that stands alone and never was current. */
const refused = { ...entry, baseVersion: null, parentId: null };

/**
 * Goal: exactly one version of a document is current, whoever commits and however often. Method: pivots in every order that two
 * runs, a crash or a lost answer can produce. The calls shared by all stores are in `store.contract.ts`.
 */
export function recordsStoreContract(name: string, open: () => Promise<RecordsStore>): void {
  describe(`${name} keeps the records store contract`, () => {
    let store: RecordsStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.close();
    });

    const claim = async (runId: string) => (await store.openRun({ runId, journalId: `journal-${runId}` }, never)).fence;
    const number = async (documentId: string) => {
      const [version] = await store.allocate([{ documentId, uuid: recordOf(documentId).uuid }], never);
      return version!;
    };
    /** Writes and pivots one version of a document, as an ingest of its own. */
    const commit = async (runId: string, documentId: string, baseVersion: number | null, options = {}) => {
      const fence = await claim(runId);
      const record = recordOf(documentId, { ...options, version: await number(documentId) });
      await store.write(ref(runId), [record], never);
      return { record, outcome: await store.pivot(pivotOf({ ref: ref(runId), fence }, [record], baseVersion), never) };
    };
    const currentVersion = async (documentId: string) =>
      (await store.current([documentId], never)).get(documentId)?.version;
    const hits = async (word: string, group: string | null = null) =>
      (await store.searchText([wordOf(word)], 10, group, never)).map(({ id }) => id);

    test('what is kept of a version is its record but for vectors and inventory, in whatever state it is', async () => {
      const { record: current } = await commit('run-1', 'a', null, { organizations: ['acme', 'globex'] });
      const building = recordOf('b');
      await store.write(ref('run-2'), [building], never);
      const kept = await store.kept([versionOf(building), versionOf(current)], never);
      const told = ({ inventory: _i, chunks, ...record }: VersionRecord) => ({
        ...record,
        chunks: chunks.map(({ vector: _v, ...chunk }) => chunk),
      });
      for (const record of [current, building])
        expect(kept.find(({ documentId }) => documentId === record.documentId)).toMatchObject(told(record));
      expect(kept).toHaveLength(2);
      expect(await store.kept([{ documentId: 'nowhere', version: 1 }], never)).toEqual([]);
    });

    test('mending documents that are right changes nothing, and the storage of what was written is sound', async () => {
      await commit('run-1', 'a', null);
      const before = await store.current(['a'], never);
      await store.mendDocuments(['a', 'nowhere'], never);
      await store.mendDocuments([], never);
      expect(await store.current(['a', 'nowhere'], never)).toEqual(before);
      expect(await number('a')).toBe(2);
      expect(await store.checkStorage(never)).toEqual([]);
    });

    test('what a source calls the bytes is kept with a version, and noted anew as long as that is current', async () => {
      const fence = await claim('run-1');
      const record = { ...recordOf('a'), sourceVersion: 'etag-1' };
      await store.allocate([record], never);
      await store.write(ref('run-1'), [record], never);
      await store.pivot(pivotOf({ ref: ref('run-1'), fence }, [record]), never);
      const known = async () => (await store.current(['a'], never)).get('a')?.sourceVersion;
      expect(await known()).toBe('etag-1');
      expect(await store.kept([versionOf(record)], never)).toMatchObject([{ sourceVersion: 'etag-1' }]);
      await store.noteSourceVersions([{ ...versionOf(record), sourceVersion: 'etag-2' }], never);
      await store.noteSourceVersions([{ documentId: 'nowhere', version: 1, sourceVersion: 'etag-3' }], never);
      await store.noteSourceVersions([], never);
      expect(await known()).toBe('etag-2');
      await commit('run-2', 'a', 1);
      await store.noteSourceVersions([{ ...versionOf(record), sourceVersion: 'etag-3' }], never);
      expect(await known()).toBe(null);
      expect(await store.kept([versionOf(record)], never)).toMatchObject([{ sourceVersion: 'etag-2' }]);
    });

    describe('of documents that were met in several places', () => {
      const place = (documentId: string, sourceUri: string, from = '') => ({
        documentId,
        sourceUri,
        metadata: { from },
      });
      const placesOf = async (documentId: string) =>
        (await store.placesOf([documentId, 'nowhere'], never)).map(({ sourceUri }) => sourceUri);
      const scope = async (documentId: string) => {
        const { source, group, sourceUri } = (await store.document(documentId, never))!;
        return { of: { source, group }, sourceUri };
      };

      test('all places are told, the first as the version has it; one place alone is not kept', async () => {
        await commit('run-1', 'a', null);
        await commit('run-2', 'b', null);
        const { of, sourceUri } = await scope('a');
        await store.notePlaces([place('a', sourceUri), place('nowhere', 'front:z')], never);
        expect([await placesOf('a'), await placesOf('nowhere')]).toEqual([[], []]);
        await store.notePlaces([place('a', 'front:2', 'x'), place('a', 'front:1'), place('a', 'front:2', 'y')], never);
        await store.notePlaces([], never);
        expect(await placesOf('a')).toEqual(['front:1', 'front:2', sourceUri].sort());
        const noted = await store.placesOf(['a'], never);
        expect(noted.find((found) => found.sourceUri === 'front:2')).toEqual(place('a', 'front:2', 'x'));
        const at = await store.placedAt(['front:2', sourceUri, 'front:9'], of, never);
        expect([...at].sort()).toEqual(
          [
            ['front:2', 'a'],
            [sourceUri, 'a'],
          ].sort(),
        );
        expect(await store.placedAt(['front:2'], { ...of, group: 'other' }, never)).toEqual(new Map());
      });

      test('they are listed by how they begin, page after page', async () => {
        await commit('run-1', 'a', null);
        await commit('run-2', 'b', null);
        const { of } = await scope('a');
        await store.notePlaces([place('b', 'front:c/1'), place('a', 'front:c/2'), place('a', 'front:c/1')], never);
        await store.notePlaces([place('a', 'front:cc/1')], never);
        const page = async (after: AfterDocument, limit: number) =>
          (await store.placesUnder({ ...of, uriPrefix: 'front:c/' }, { after, limit }, never)).map(
            ({ sourceUri, documentId, version }) => `${sourceUri} ${documentId} ${version}`,
          );
        expect(await page(null, 9)).toEqual(['front:c/1 a 1', 'front:c/1 b 1', 'front:c/2 a 1']);
        expect(await page({ sourceUri: 'front:c/1', documentId: 'a' }, 1)).toEqual(['front:c/1 b 1']);
      });

      test('a place is forgotten alone; a document that is deleted takes all of its with it', async () => {
        await commit('run-1', 'a', null);
        const { of, sourceUri } = await scope('a');
        await store.notePlaces([place('a', 'front:1')], never);
        await store.forgetPlaces(
          [
            { documentId: 'a', sourceUri },
            { documentId: 'a', sourceUri: 'front:9' },
          ],
          never,
        );
        expect(await placesOf('a')).toEqual(['front:1']);
        // What was forgotten does not come back with the next.
        await store.notePlaces([place('a', 'front:2')], never);
        expect(await placesOf('a')).toEqual(['front:1', 'front:2']);
        const request = pivotOf({ ref: ref('run-2'), fence: await claim('run-2') }, []);
        await store.pivot({ ...request, deletes: [{ documentId: 'a', baseVersion: 1 }] }, never);
        expect([await placesOf('a'), await store.placedAt(['front:1'], of, never)]).toEqual([[], new Map()]);
      });

      test('one of the same content is found while it is current, where its source marks it', async () => {
        await commit('run-1', 'a', null);
        await commit('run-2', 'b', null, { sourceVersion: 'fil_1' });
        const { of } = await scope('b');
        // Both have the same.
        const { contentDigest: digest } = (await store.document('a', never))!;
        expect(await store.ofContent([digest, 'none'], of, never)).toEqual(
          new Map([[digest, { documentId: 'b', version: 1 }]]),
        );
        expect(await store.ofContent([digest], { ...of, source: 'other' }, never)).toEqual(new Map());
        await commit('run-3', 'b', 1);
        expect(await store.ofContent([digest], of, never)).toEqual(new Map());
      });
    });

    test('a fence is higher than every fence given before, and takes a run over', async () => {
      const fences = [await claim('run-1'), await claim('run-2'), await claim('run-1')];
      expect(fences).toEqual(fences.toSorted((a, b) => a - b));
      expect(new Set(fences).size).toBe(3);
      expect(await store.runMirror('run-1', never)).toEqual({
        fence: fences[2],
        lastLsn: 0,
        journalId: 'journal-run-1',
      });
      expect(await store.runMirror('run-9', never)).toBeNull();
    });

    test('what was aborted is fenced: its process commits nothing any more', async () => {
      const fence = await claim('run-1');
      const record = recordOf('a', { version: await number('a') });
      await store.write(ref('run-1'), [record], never);
      await store.endLease({ runId: 'run-1', fence }, never);
      expect(await store.abortRun('run-1', never)).toBe(true);
      const pivoting = store.pivot(pivotOf({ ref: ref('run-1'), fence }, [record]), never);
      await expect(pivoting).rejects.toMatchObject({ code: 'FENCED' });
      expect(await currentVersion('a')).toBeNull();
      expect(await store.abortRun('run-9', never)).toBe(true);
    });

    test('a run that is held is not aborted, and what is held is told', async () => {
      const fence = await claim('run-1');
      const { runs, lastFence } = await store.heldRuns(never);
      if (store.leaseMs === null) return expect(runs).toEqual([]);
      expect(runs).toEqual([expect.objectContaining({ runId: 'run-1' })]);
      expect(lastFence).toBe(fence);
      expect(await store.abortRun('run-1', never)).toBe(false);
      await store.endLease({ runId: 'run-1', fence: fence - 1 }, never);
      expect((await store.heldRuns(never)).runs).toHaveLength(1);
      await store.endLease({ runId: 'run-1', fence }, never);
      expect((await store.heldRuns(never)).runs).toEqual([]);
      expect(await store.renewLease({ runId: 'run-1', fence }, never)).toBe(true);
      expect((await store.heldRuns(never)).runs).toHaveLength(1);
    });

    test('the lease of a run that was taken over is not renewed', async () => {
      const fence = await claim('run-1');
      const taken = await claim('run-1');
      // Where nothing is held, nothing can be taken over by another host.
      expect(await store.renewLease({ runId: 'run-1', fence }, never)).toBe(store.leaseMs === null);
      expect(await store.renewLease({ runId: 'run-1', fence: taken }, never)).toBe(true);
    });

    test('the mirrored sequence number never goes back', async () => {
      const fence = await claim('run-1');
      await store.writeBuilding(ref('run-1'), 7, [recordOf('a')], never);
      await store.writeBuilding(ref('run-1'), 5, [recordOf('a')], never);
      expect((await store.runMirror('run-1', never))?.lastLsn).toBe(7);
      await store.pivot(pivotOf({ ref: ref('run-1'), fence, lsn: 9 }, [recordOf('a')]), never);
      expect(await store.openRun({ runId: 'run-1', journalId: 'other' }, never)).toMatchObject({ lastLsn: 9 });
    });

    test('a batch that is announced is unsettled until its pivot or discard; where nothing is announced, nothing is there', async () => {
      const fence = await claim('run-1');
      await store.write(ref('run-1'), [recordOf('old')], never);
      const records = [recordOf('a'), recordOf('b')];
      const isAnnounced = await store.announce(ref('run-1'), 4, records[0]!, never);
      expect(isAnnounced).toBe(store.leaseMs !== null);
      expect((await store.runMirror('run-1', never))?.lastLsn).toBe(isAnnounced ? 4 : 0);
      expect(await store.unsettled(never)).toEqual([ref('run-1')]);
      const items = records.flatMap((record) => record.inventory.records);
      expect(await store.writeBuilding(ref('run-1'), 4, records, never)).toBe(items.length);
      const held = async () => (await collect(store.versions(never))).map(({ documentId }) => documentId).toSorted();
      expect(await held()).toEqual(['a', 'b']);
      await store.pivot(pivotOf({ ref: ref('run-1'), fence }, records), never);
      await store.finish(ref('run-1'), never);
      expect(await store.unsettled(never)).toEqual([]);
      if (await store.announce(ref('run-1', 1), 5, recordOf('c'), never))
        expect(await store.unsettled(never)).toEqual([ref('run-1', 1)]);
      await store.discard(ref('run-1', 1), never);
      expect(await store.unsettled(never)).toEqual([]);
      expect(await held()).toEqual(['a', 'b']);
    });

    test('what is written is invisible until the pivot and visible after it', async () => {
      const fence = await claim('run-1');
      const record = recordOf('a', { version: await number('a') });
      await store.write(ref('run-1'), [record], never);
      expect(await store.unsettled(never)).toEqual([ref('run-1')]);
      expect([await currentVersion('a'), await store.document('a', never), await hits('steel')]).toEqual([
        null,
        null,
        [],
      ]);
      const outcome = await store.pivot(pivotOf({ ref: ref('run-1'), fence }, [record]), never);
      expect(outcome).toEqual({ committed: [versionOf(record)], retiring: [], lost: [], deleted: [], extended: [] });
      expect(await hits('steel')).toEqual([record.chunks[0]!.chunkId]);
      expect(await store.current(['a', 'unknown'], never)).toEqual(
        new Map([
          [
            'a',
            {
              ...{
                documentId: 'a',
                uuid: record.uuid,
                version: 1,
                lastVersion: 1,
                isGone: false,
                contentDigest: 'content-1',
              },
              ...{ sourceUri: 'file:///a', sourceVersion: null },
              ...{ settingsDigest: 'settings', storesDigest: 'stores', parentId: null, group: 'default' },
            },
          ],
        ]),
      );
    });

    test('a repeated pivot gives the same outcome, also when the memory has moved on', async () => {
      const { record, outcome } = await commit('run-1', 'a', null);
      await commit('run-2', 'a', 1);
      const request = pivotOf({ ref: ref('run-1'), fence: 1 }, [record]);
      expect(await store.pivot(request, never)).toEqual(outcome);
      expect(await store.pivotOutcome(ref('run-1'), never)).toEqual(outcome);
      expect(await currentVersion('a')).toBe(2);
    });

    test('a batch is unsettled from its first row until what follows its pivot is done', async () => {
      expect(await store.unsettled(never)).toEqual([]);
      await commit('run-1', 'a', null);
      await commit('run-2', 'b', null);
      expect(await store.unsettled(never)).toEqual([ref('run-1'), ref('run-2')]);
      for (const runId of ['run-1', 'run-1', 'run-9']) await store.finish(ref(runId), never);
      expect(await store.unsettled(never)).toEqual([ref('run-2')]);
    });

    test('a pivot that did not happen has no outcome', async () => {
      expect(await store.pivotOutcome(ref('run-1'), never)).toBeNull();
    });

    test('a pivot with an old fence changes nothing', async () => {
      const fence = await claim('run-1');
      await claim('run-1');
      await store.write(ref('run-1'), [recordOf('a')], never);
      const pivot = store.pivot(pivotOf({ ref: ref('run-1'), fence, quarantined: [refused] }, [recordOf('a')]), never);
      await expect(pivot).rejects.toMatchObject({ code: 'FENCED' });
      expect(await store.pivotOutcome(ref('run-1'), never)).toBeNull();
      expect(await store.quarantined(ALL, never)).toEqual([]);
    });

    test('a pivot of a version that was never written changes nothing', async () => {
      const fence = await claim('run-1');
      const [written, missing] = [
        recordOf('a', { version: await number('a') }),
        recordOf('b', { version: await number('b') }),
      ];
      await store.write(ref('run-1'), [written], never);
      const pivot = store.pivot(pivotOf({ ref: ref('run-1'), fence }, [written, missing]), never);
      await expect(pivot).rejects.toMatchObject({ code: 'STORE_COUNT' });
      expect([await currentVersion('a'), await currentVersion('b')]).toEqual([null, null]);
    });

    test('a new version supersedes the one before, which stays until it is retired', async () => {
      const { record: before } = await commit('run-1', 'a', null);
      const { record: after, outcome } = await commit('run-2', 'a', 1);
      expect(outcome).toEqual({
        committed: [versionOf(after)],
        retiring: [versionOf(before)],
        lost: [],
        deleted: [],
        extended: [],
      });
      expect(await hits('steel')).toEqual([after.chunks[0]!.chunkId]);
      expect(await collect(store.inventory([versionOf(before)], never))).toHaveLength(before.inventory.records.length);
    });

    test('of two runs that read the same base the second loses, and the others of its batch do not', async () => {
      await commit('run-0', 'a', null);
      const fence = await claim('run-1');
      const [late, other] = [
        recordOf('a', { version: await number('a') }),
        recordOf('b', { version: await number('b') }),
      ];
      await store.write(ref('run-1'), [late, other], never);
      await commit('run-2', 'a', 1);
      const versions = [
        { ...versionOf(late), baseVersion: 1 },
        { ...versionOf(other), baseVersion: null },
      ];
      const outcome = await store.pivot(pivotOf({ ref: ref('run-1'), fence, versions }, []), never);
      expect(outcome).toEqual({
        committed: [versionOf(other)],
        retiring: [],
        lost: [versionOf(late)],
        deleted: [],
        extended: [],
      });
      expect(await currentVersion('a')).toBe(3);
    });

    test('a document that appeared, or was deleted, since it was read is lost', async () => {
      await commit('run-1', 'a', null);
      expect((await commit('run-2', 'a', null)).outcome.lost).toEqual([{ documentId: 'a', version: 2 }]);
      const fence = await claim('run-3');
      await store.pivot(
        pivotOf({ ref: ref('run-3'), fence, deletes: [{ documentId: 'a', baseVersion: 1 }] }, []),
        never,
      );
      expect((await commit('run-4', 'a', 1)).outcome.lost).toEqual([{ documentId: 'a', version: 3 }]);
      expect(await currentVersion('a')).toBeNull();
    });

    test('a tombstone tells whether the source has the document no more, until it comes back', async () => {
      const isGone = async (documentId: string) => (await store.current([documentId], never)).get(documentId)?.isGone;
      for (const documentId of ['a', 'b', 'c']) await commit('run-1', documentId, null);
      const fence = await claim('run-2');
      const deletes = [
        { documentId: 'a', baseVersion: 1, isGone: true },
        { documentId: 'b', baseVersion: 1 },
        { documentId: 'c', baseVersion: 9, isGone: true },
      ];
      await store.pivot(pivotOf({ ref: ref('run-2'), fence, deletes }, []), never);
      expect(await Promise.all(['a', 'b', 'c'].map(isGone))).toEqual([true, false, false]);
      await commit('run-3', 'a', null);
      expect(await isGone('a')).toBe(false);
    });

    test('what came in a document that loses loses with it, at any depth, and is not deleted either', async () => {
      await commit('run-0', 'mail', null);
      await commit('run-0b', 'kept', null, { parentId: 'mail' });
      await commit('run-0c', 'dropped', null, { parentId: 'mail' });
      const fence = await claim('run-1');
      const late = await Promise.all(
        [
          recordOf('mail'),
          recordOf('kept', { parentId: 'mail' }),
          recordOf('inner', { parentId: 'kept' }),
          recordOf('b'),
        ].map(async (record) =>
          recordOf(record.documentId, { version: await number(record.documentId), parentId: record.parentId }),
        ),
      );
      await store.write(ref('run-1'), late, never);
      await commit('run-2', 'mail', 1);
      const versions = late.map((record, index) => ({ ...versionOf(record), baseVersion: index < 2 ? 1 : null }));
      const deletes = [{ documentId: 'dropped', baseVersion: 1 }];
      const outcome = await store.pivot(pivotOf({ ref: ref('run-1'), fence, versions, deletes }, []), never);
      expect(outcome).toEqual({
        ...{ committed: [{ documentId: 'b', version: 1 }], retiring: [], deleted: [], extended: [] },
        lost: [
          { documentId: 'inner', version: 1 },
          { documentId: 'kept', version: 2 },
          { documentId: 'mail', version: 2 },
        ],
      });
      expect([await currentVersion('kept'), await currentVersion('dropped')]).toEqual([1, 1]);
    });

    test('a deleted document leaves its uuid and number, and its numbers are not given again', async () => {
      const { record } = await commit('run-1', 'a', null);
      const fence = await claim('run-2');
      const deletes = [{ documentId: 'a', baseVersion: 1 }];
      const outcome = await store.pivot(pivotOf({ ref: ref('run-2'), fence, deletes }, []), never);
      expect(outcome).toEqual({ committed: [], retiring: [versionOf(record)], lost: [], deleted: ['a'], extended: [] });
      await store.retire(outcome.retiring, never);
      expect((await store.current(['a'], never)).get('a')).toMatchObject({
        ...{ uuid: record.uuid, version: null, lastVersion: 1, isGone: false, sourceUri: null, contentDigest: null },
      });
      expect([
        await hits('steel'),
        await store.documents({ afterDocumentId: null, limit: 9, group: null }, never),
      ]).toEqual([[], []]);
      expect((await commit('run-3', 'a', null)).outcome.committed).toEqual([{ documentId: 'a', version: 2 }]);
    });

    test('a delete of a version that is no longer current deletes nothing', async () => {
      await commit('run-1', 'a', null);
      await commit('run-2', 'a', 1);
      const fence = await claim('run-3');
      const deletes = [{ documentId: 'a', baseVersion: 1 }];
      const outcome = await store.pivot(pivotOf({ ref: ref('run-3'), fence, deletes }, []), never);
      expect(outcome).toEqual({ committed: [], retiring: [], lost: [], deleted: [], extended: [] });
      expect(await currentVersion('a')).toBe(2);
    });

    test('numbers of one call are given in its order, a document that comes twice gets two', async () => {
      const documents = ['b', 'a', 'b'].map((documentId) => ({ documentId, uuid: `uuid-${documentId}` }));
      expect(await store.allocate(documents, never)).toEqual([1, 1, 2]);
      expect(await store.allocate([], never)).toEqual([]);
    });

    test('a discard never removes what a pivot made visible', async () => {
      const { record } = await commit('run-1', 'a', null);
      await store.discard(ref('run-1'), never);
      expect(await collect(store.inventory([versionOf(record)], never))).toHaveLength(record.inventory.records.length);
    });

    test('a document set aside leaves quarantine when it is committed or deleted', async () => {
      const aside = (documentId: string) => ({ ...refused, documentId });
      const fence = await claim('run-1');
      const quarantined = ['a', 'b', 'c'].map(aside);
      await store.pivot(pivotOf({ ref: ref('run-1'), fence, quarantined }, []), never);
      await store.pivot(
        pivotOf({ ref: ref('run-1', 1), fence, quarantined: [{ ...aside('c'), code: 'CORRUPT' }] }, []),
        never,
      );
      await commit('run-2', 'a', null);
      const deletes = [{ documentId: 'b', baseVersion: null }];
      await store.pivot(pivotOf({ ref: ref('run-1', 2), fence, deletes }, []), never);
      expect(await store.quarantined(ALL, never)).toEqual([{ ...entry, documentId: 'c', code: 'CORRUPT' }]);
      expect(await store.quarantined(['a'], never)).toEqual([]);
    });

    test('quarantine is paged in order, by group and by reason', async () => {
      const fence = await claim('run-1');
      const quarantined = [
        { ...refused, documentId: 'c' },
        { ...refused, documentId: 'a' },
        { ...refused, documentId: 'b', group: 'other' },
        { ...refused, documentId: 'd', code: 'CORRUPT' as const },
      ];
      await store.pivot(pivotOf({ ref: ref('run-1'), fence, quarantined }, []), never);
      const listed = async (change: object) =>
        (await store.quarantined({ ...ALL, ...change }, never)).map(({ documentId }) => documentId);
      expect(await listed({})).toEqual(['a', 'b', 'c', 'd']);
      expect(await listed({ limit: 2 })).toEqual(['a', 'b']);
      expect(await listed({ afterDocumentId: 'b' })).toEqual(['c', 'd']);
      expect(await listed({ group: 'default' })).toEqual(['a', 'c', 'd']);
      expect(await listed({ code: 'EMPTY_TEXT', group: 'default' })).toEqual(['a', 'c']);
      expect((await store.quarantined(['d', 'b', 'x'], never)).map(({ documentId }) => documentId)).toEqual(['b', 'd']);
    });

    test('a document set aside for content that another run has replaced meanwhile stays out of quarantine', async () => {
      await commit('run-1', 'a', null);
      const fence = await claim('run-2');
      const quarantined = [
        { ...refused, documentId: 'a' },
        { ...refused, documentId: 'b' },
      ];
      await store.pivot(pivotOf({ ref: ref('run-2'), fence, quarantined }, []), never);
      expect(await store.quarantined(ALL, never)).toEqual([{ ...entry, documentId: 'b' }]);
      const late = [{ ...refused, documentId: 'a', baseVersion: 1 }];
      await store.pivot(pivotOf({ ref: ref('run-2', 1), fence, quarantined: late }, []), never);
      expect(await store.quarantined(['a'], never)).toHaveLength(1);
    });

    test('what came in a document that loses, or that was to stay as it was and did not, loses with it', async () => {
      await commit('run-1', 'mail', null);
      const fence = await claim('run-2');
      const part = recordOf('mail.attachment-1', { parentId: 'mail', version: await number('mail.attachment-1') });
      const attempt = async (batchNo: number, baseVersion: number | null) => {
        await store.write(ref('run-2', batchNo), [part], never);
        const quarantined = [{ ...refused, documentId: 'mail.attachment-2', parentId: 'mail' }];
        const kept = [{ documentId: 'mail', baseVersion }];
        const request = pivotOf({ ref: ref('run-2', batchNo), fence, quarantined, kept }, [part]);
        const { committed, lost } = await store.pivot(request, never);
        await store.retire(lost, never);
        return { committed, lost, quarantined: (await store.quarantined(ALL, never)).length };
      };
      expect(await attempt(0, 7)).toEqual({ committed: [], lost: [versionOf(part)], quarantined: 0 });
      expect(await attempt(1, 1)).toEqual({ committed: [versionOf(part)], lost: [], quarantined: 1 });
    });

    test('what came in a document that loses the race is not set aside', async () => {
      await commit('run-1', 'mail', null);
      const fence = await claim('run-2');
      const mail = recordOf('mail', { version: await number('mail') });
      await store.write(ref('run-2'), [mail], never);
      const quarantined = [{ ...refused, documentId: 'mail.attachment-1', parentId: 'mail' }];
      await store.pivot(pivotOf({ ref: ref('run-2'), fence, quarantined }, [mail]), never);
      expect(await store.quarantined(ALL, never)).toEqual([]);
    });

    test('current versions, documents and facts are paged in order', async () => {
      for (const id of ['c', 'a', 'b']) await commit(`run-${id}`, id, null, { organizations: ['acme', 'globex'] });
      expect(await store.currentVersions(null, 2, never)).toEqual([
        { documentId: 'a', version: 1 },
        { documentId: 'b', version: 1 },
      ]);
      expect(await store.currentVersions('b', 2, never)).toEqual([{ documentId: 'c', version: 1 }]);
      const page = await store.documents({ afterDocumentId: 'a', limit: 1, group: null }, never);
      expect(page.map(({ documentId }) => documentId)).toEqual(['b']);
      const [firstFact, ...facts] = await store.facts(null, 9, never);
      expect(facts).toHaveLength(2);
      expect(await store.facts(firstFact!.relationId, 9, never)).toEqual(facts);
    });

    test('documents are selected by where they came from, in order of location, and those that came in others are not', async () => {
      for (const [index, name] of ['a_b', 'a%b', 'a', 'Ab', 'é', 'a_b.in', 'zz'].entries())
        await commit(`run-${index}`, name, null, { parentId: name === 'a_b.in' ? 'a_b' : null });
      const filter = { source: null, group: null, uriPrefix: null, createdBefore: null };
      const selected = async (more: Partial<typeof filter> | { [key: string]: string | null }, limit = 99) => {
        const found: string[] = [];
        for (let after: AfterDocument = null; ; ) {
          const page: readonly SelectedDocument[] = await store.select({ ...filter, ...more }, { after, limit }, never);
          found.push(...page.map(({ documentId }) => documentId));
          if (page.length < limit) return found;
          after = page[page.length - 1]!;
        }
      };
      const inOrder = ['Ab', 'a', 'a%b', 'a_b', 'zz', 'é'];
      expect(await selected({})).toEqual(inOrder);
      expect(await selected({}, 1)).toEqual(inOrder);
      // No character of a beginning stands for another one, and case counts.
      expect(await selected({ uriPrefix: recordOf('a_').sourceUri })).toEqual(['a_b']);
      expect(await selected({ uriPrefix: recordOf('a%').sourceUri })).toEqual(['a%b']);
      expect(await selected({ uriPrefix: recordOf('A').sourceUri })).toEqual(['Ab']);
      const { source, group, createdAt } = recordOf('a');
      expect(await selected({ source, group, uriPrefix: recordOf('é').sourceUri })).toEqual(['é']);
      expect([await selected({ source: 'another' }), await selected({ group: 'another' })]).toEqual([[], []]);
      expect([await selected({ createdBefore: createdAt }), await selected({ createdBefore: '2999' })]).toEqual([
        [],
        inOrder,
      ]);
      const [first] = await store.select(filter, { after: null, limit: 1 }, never);
      const { version, sourceUri, contentDigest } = recordOf('Ab');
      expect(first).toEqual({ documentId: 'Ab', version, sourceUri, contentDigest });
    });

    test('a summary says what the document is and what was found in it', async () => {
      const { record } = await commit('run-1', 'a', null, { organizations: ['acme', 'globex'], parentId: 'mail' });
      expect(await store.document('a', never)).toEqual({
        ...{
          documentId: 'a',
          version: 1,
          uuid: record.uuid,
          source: 'local_upload',
          sourceUri: 'file:///a',
          name: 'a',
        },
        ...{ parentId: 'mail', group: 'default', title: 'Contract', mediaType: 'text/plain', bytes: 42 },
        ...{ contentDigest: 'content-1', metadata: record.metadata, warnings: record.warnings, statedAt: '2026-01-31' },
        ...{ chunks: 2, entities: 2, relations: 1, runId: 'run-1', createdAt: '2026-02-01T00:00:00Z' },
      });
      expect((await store.children(['mail', 'other'], never)).map(({ documentId }) => documentId)).toEqual(['a']);
      expect(await store.documents({ afterDocumentId: null, limit: 9, group: 'other' }, never)).toEqual([]);
    });

    test('the expected inventory is kept for every role', async () => {
      const { record } = await commit('run-1', 'a', null, { organizations: ['acme', 'globex'] });
      const rows = await collect(store.expectedInventory([versionOf(record)], never));
      for (const role of ['records', 'graph', 'vectors', 'cache'] as const) {
        const ofRole = rows.filter((row) => row.role === role).map(({ kind, id, digest }) => ({ kind, id, digest }));
        expect(ofRole).toEqual(record.inventory[role]);
      }
    });

    test('text is found by words, headings and without accents, and only in its group', async () => {
      const { record } = await commit('run-1', 'a', null, { group: 'north' });
      expect(await hits('steel', 'north')).toEqual([record.chunks[0]!.chunkId]);
      expect(await hits('steel', 'south')).toEqual([]);
      expect(await hits('globex')).toEqual([record.chunks[1]!.chunkId]);
      expect((await hits('muller')).toSorted()).toEqual(record.chunks.map(({ chunkId }) => chunkId).toSorted());
      expect(await hits('glob')).toEqual([]);
      const terms = [{ ...wordOf('glob'), isBeginning: true }, wordOf('absent')];
      expect((await store.searchText(terms, 10, null, never)).map(({ id }) => id)).toEqual([record.chunks[1]!.chunkId]);
      expect(await store.searchText([], 10, null, never)).toEqual([]);
    });

    test('full text has an entry of every chunk, and the pivot sets the live mark', async () => {
      const { record } = await commit('run-1', 'a', null);
      await store.write(ref('run-2'), [recordOf('b')], never);
      const versions = [versionOf(record), { documentId: 'b', version: 1 }];
      expect(await store.unindexed(versions, never)).toEqual([]);
      const rows = await collect(store.inventory(versions, never));
      expect(rows.filter(({ documentId }) => documentId === 'a').map(({ isLive }) => isLive)).not.toContain(false);
      expect(rows.filter(({ documentId }) => documentId === 'b').map(({ isLive }) => isLive)).not.toContain(true);
    });

    test('scores are higher for the better hit', async () => {
      const texts = ['steel steel steel', 'steel and many other words that are about something else'];
      const { record } = await commit('run-1', 'a', null, { texts });
      const ranked = await store.searchText([wordOf('steel')], 10, null, never);
      expect(ranked.map(({ id }) => id)).toEqual(record.chunks.map(({ chunkId }) => chunkId));
      expect(ranked[0]!.score).toBeGreaterThan(ranked[1]!.score);
    });

    test('chunks come with their document, and only current ones', async () => {
      const { record } = await commit('run-1', 'a', null);
      const building = recordOf('b');
      await store.write(ref('run-2'), [building], never);
      const ids = [...record.chunks, ...building.chunks].map(({ chunkId }) => chunkId);
      const found = await store.chunks(ids, never);
      expect([...found.keys()].toSorted()).toEqual(record.chunks.map(({ chunkId }) => chunkId).toSorted());
      const { vector: _v, tokenCount: _t, ...chunk } = record.chunks[1]!;
      expect(found.get(chunk.chunkId)).toEqual({
        ...{ ...chunk, documentId: 'a', version: 1, sourceUri: 'file:///a', name: 'a', title: 'Contract' },
        isReplaced: false,
      });
    });

    test('chunks of a replaced version are there until it is retired, those of a deleted or lost one are not', async () => {
      const first = await commit('run-1', 'a', null);
      const second = await commit('run-2', 'a', 1, { version: 2, texts: ['now about Globex'] });
      const gone = await commit('run-3', 'b', null);
      const { fence } = await store.openRun({ runId: 'run-4', journalId: 'j' }, never);
      await store.pivot(
        pivotOf({ ref: ref('run-4'), fence, deletes: [{ documentId: 'b', baseVersion: 1 }] }, []),
        never,
      );
      const late = recordOf('a', { version: 3 });
      const lost = await store.openRun({ runId: 'run-5', journalId: 'j' }, never);
      await store.write(ref('run-5'), [late], never);
      await store.pivot(pivotOf({ ref: ref('run-5'), fence: lost.fence }, [late], 1), never);
      const all = [first, second, gone].flatMap(({ record }) => record.chunks).concat(late.chunks);
      const found = async () => {
        const chunks = await store.chunks(
          all.map(({ chunkId }) => chunkId),
          never,
        );
        return [...chunks.values()].map(({ version, isReplaced }) => `${version} ${isReplaced}`).toSorted();
      };
      expect([...new Set(await found())]).toEqual(['1 true', '2 false']);
      await store.retire([{ documentId: 'a', version: 1 }], never);
      expect([...new Set(await found())]).toEqual(['2 false']);
    });

    test('facts about what a version states facts about are found, of current versions only', async () => {
      const write = (batch: WriteRef, record: VersionRecord) => store.write(batch, [record], never);
      await commit('run-1', 'a', null, { organizations: ['acme', 'globex'] });
      await commit('run-2', 'b', null, { organizations: ['acme', 'initech'] });
      await commit('run-3', 'c', null, { organizations: ['hooli', 'globex'] });
      await commit('run-4', 'd', null, { organizations: ['hooli', 'umbrella'] });
      await write(ref('run-5'), recordOf('e', { organizations: ['acme', 'building'] }));
      const facts = await store.factsAbout(
        [{ documentId: 'a', version: 1 }],
        [{ type: 'SHIPPER_OF', end: 'object' }],
        never,
      );
      expect(facts.map(({ documentId }) => documentId).toSorted()).toEqual(['a', 'c']);
      expect(facts.find(({ documentId }) => documentId === 'a')).toMatchObject({
        ...{ type: 'SHIPPER_OF', subjectId: entityOf('acme').entityId, objectId: entityOf('globex').entityId },
        ...{ version: 1, validAt: null, createdAt: '2026-02-01T00:00:00Z' },
      });
    });
  });
}
