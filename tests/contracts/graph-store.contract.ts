import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GraphStore, VersionRecord } from '../../lib/contracts/store.ts';
import { collect, entityOf, never, recordOf, ref, versionOf } from '../helpers/records.ts';

/**
 * Goal: entities are shared and never lost, nor left over. Method: documents that mention the same entity, in every state, and
 * removals in between. The calls shared by all stores are in `store.contract.ts`.
 */
export function graphStoreContract(name: string, open: () => Promise<GraphStore>): void {
  describe(`${name} keeps the graph store contract`, () => {
    let store: GraphStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.close();
    });

    const a = recordOf('a', { organizations: ['acme', 'globex'] });
    const b = recordOf('b', { organizations: ['acme'] });
    const publish = async (runId: string, ...records: VersionRecord[]) => {
      await store.write(ref(runId), records, never);
      await store.publish(records.map(versionOf), never);
    };
    const entitiesIn = async (record: VersionRecord) =>
      (await collect(store.inventory([versionOf(record)], never)))
        .filter(({ kind }) => kind === 'entity')
        .map(({ id }) => id);
    const hits = (names: string[], group: string | null = null) => store.searchEntities(names, 10, group, never);

    test.each(['live', 'still building'])('an entity stays while another version, %s, mentions it', async (state) => {
      await publish('run-1', a);
      await store.write(ref('run-2'), [b], never);
      if (state === 'live') await store.publish([versionOf(b)], never);
      await store.retire([versionOf(a)], never);
      expect(await entitiesIn(b)).toEqual([entityOf('acme').entityId]);
      expect(await store.strays(never)).toEqual([]);
    });

    test('what it says of a version’s document is what was written', async () => {
      await publish('run-1', a);
      const { documentId, version, uuid, group, source, sourceUri, name, parentId, mediaType, contentDigest } = a;
      const { title, statedAt } = a;
      expect(await store.documents([versionOf(a), versionOf(b)], never)).toEqual([
        expect.objectContaining({
          ...{ documentId, version, uuid, group, source, sourceUri, name, parentId, mediaType, contentDigest },
          ...{ title, statedAt },
        }),
      ]);
    });

    test('a discard takes the entities that only it mentioned', async () => {
      await publish('run-1', b);
      await store.write(ref('run-2'), [a], never);
      await store.discard(ref('run-2'), never);
      expect(await entitiesIn(b)).toEqual([entityOf('acme').entityId]);
      expect(await hits(['globex'])).toEqual([]);
      expect(await store.strays(never)).toEqual([]);
    });

    test('chunks are found by the names and keys they mention, and for half the score by a neighbour', async () => {
      const c = recordOf('c', { organizations: ['globex'] });
      await publish('run-1', a, c);
      const found = await hits(['Acme']);
      expect(found).toEqual([
        { id: a.chunks[0]!.chunkId, score: 1.5 },
        { id: c.chunks[0]!.chunkId, score: 0.5 },
      ]);
    });

    test('what is not published, retired or of another group is not found and ties nothing together', async () => {
      await publish('run-1', recordOf('c', { organizations: ['globex'] }));
      await store.write(ref('run-2'), [a], never);
      expect(await hits(['acme'])).toEqual([]);
      expect(await hits(['globex'])).toHaveLength(1);
      expect(await hits(['globex'], 'other')).toEqual([]);
      await store.publish([versionOf(a)], never);
      expect(await hits(['acme'])).toHaveLength(2);
      await store.retire([versionOf(a)], never);
      expect(await hits(['acme'])).toEqual([]);
    });

    test('the end of a fact is set, read back and taken back; unknown facts are passed over', async () => {
      await publish('run-1', a);
      const relationId = a.relations[0]!.relationId;
      const closing = { relationId, invalidAt: '2026-03-01', expiredAt: '2026-03-02T00:00:00Z' };
      await store.setClosings([closing, { ...closing, relationId: 'unknown' }], never);
      expect(await store.closings([versionOf(a)], never)).toEqual([closing]);
      await store.setClosings([{ relationId, invalidAt: null, expiredAt: null }], never);
      expect(await store.closings([versionOf(a)], never)).toEqual([{ relationId, invalidAt: null, expiredAt: null }]);
      await store.setClosings([], never);
    });

    test('a fact that states its own end and more has both, and another one is noticed', async () => {
      const stated = {
        validAt: '2026-01-01',
        invalidAt: '2026-02-03T00:00:00.000Z',
        detail: { basis: 'event', sequence: 2, isPlanned: true },
      };
      const record = recordOf('stated', { organizations: ['acme', 'globex'], stated });
      await store.write(ref('run-1'), [record], never);
      const { relationId } = record.relations[0]!;
      const ended = { relationId, invalidAt: stated.invalidAt, expiredAt: record.createdAt };
      expect(await store.closings([versionOf(record)], never)).toEqual([ended]);
      const rows = await collect(store.inventory([versionOf(record)], never));
      const { digest } = record.inventory.graph.find(({ kind }) => kind === 'relation')!;
      expect(rows.find(({ kind }) => kind === 'relation')?.digest).toBe(digest);
      for (const other of [
        { ...stated, invalidAt: null },
        { ...stated, detail: { sequence: 3 } },
      ])
        expect(
          recordOf('stated', { organizations: ['acme', 'globex'], stated: other }).inventory.graph,
        ).not.toContainEqual(expect.objectContaining({ digest }));
    });

    test('an entity says what it was last observed as, until it is observed again', async () => {
      await publish('run-1', a);
      const { entityId } = a.entities[0]!;
      const value = { latitude: 41.8781, speed_mph: 55, isMoving: true, name: 'Müller' };
      const latest = { entityId, at: '2026-02-01T12:00:00.000Z', value };
      expect(await store.latest([entityId], never)).toEqual([]);
      await store.setLatest([latest, { ...latest, entityId: 'unknown' }], never);
      expect(await store.latest([entityId, 'unknown'], never)).toEqual([latest]);
      const earlier = { entityId, at: '2026-02-01T11:00:00.000Z', value: { latitude: 1 } };
      await store.setLatest([earlier], never);
      expect(await store.latest([entityId], never)).toEqual([earlier]);
      const digests = (await collect(store.inventory([versionOf(a)], never))).map(
        ({ id, digest }) => `${id} ${digest}`,
      );
      for (const { id, digest } of a.inventory.graph) expect(digests).toContain(`${id} ${digest}`);
      await store.setLatest([], never);
      expect(await store.latest([], never)).toEqual([]);
    });

    test('entities are listed by the chunks that mention them', async () => {
      await publish('run-1', a, b);
      const [mentioning, silent] = a.chunks.map(({ chunkId }) => chunkId);
      const found = await store.entitiesOf([mentioning!, silent!], never);
      expect(found).toEqual(new Map([[mentioning, [entityOf('acme'), entityOf('globex')]]]));
    });
  });
}
