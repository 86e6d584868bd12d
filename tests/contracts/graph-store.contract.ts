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

    test('entities are listed by the chunks that mention them', async () => {
      await publish('run-1', a, b);
      const [mentioning, silent] = a.chunks.map(({ chunkId }) => chunkId);
      const found = await store.entitiesOf([mentioning!, silent!], never);
      expect(found).toEqual(new Map([[mentioning, [entityOf('acme'), entityOf('globex')]]]));
    });
  });
}
