import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VectorStore, VersionRecord } from '../../lib/contracts/store.ts';
import { DIMENSIONS, never, recordOf, ref, versionOf } from '../helpers/records.ts';

/**
 * Goal: search sees exactly the live vectors. Method: near and far vectors in versions of every state. The calls shared by all
 * stores are in `store.contract.ts`.
 */
export function vectorStoreContract(name: string, open: () => Promise<VectorStore>): void {
  describe(`${name} keeps the vector store contract`, () => {
    let store: VectorStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.close();
    });

    const query = Float32Array.of(1, 0, 0, 0);
    const near = recordOf('near', { texts: ['x'], vectors: [[1, 0, 0, 0]] });
    const far = recordOf('far', { texts: ['x'], vectors: [[1, 1, 0, 0]], group: 'other' });
    const publish = async (runId: string, ...records: VersionRecord[]) => {
      await store.write(ref(runId), records, never);
      await store.publish(records.map(versionOf), never);
    };
    const found = async (limit = 10, group: string | null = null) =>
      (await store.search(query, limit, group, never)).map(({ id }) => id);
    const chunkOf = (record: VersionRecord) => record.chunks[0]!.chunkId;

    test('it says how long its vectors are', () => {
      expect(store.dimensions).toBe(DIMENSIONS);
    });

    test('the nearest come first, and the score is the cosine', async () => {
      await publish('run-1', far, near);
      const ranked = await store.search(query, 10, null, never);
      expect(ranked.map(({ id }) => id)).toEqual([chunkOf(near), chunkOf(far)]);
      expect(ranked[0]!.score).toBeCloseTo(1, 5);
      expect(ranked[1]!.score).toBeCloseTo(Math.SQRT1_2, 5);
    });

    test('nearer vectors that are not live, or of another group, take no place among the hits', async () => {
      await publish('run-1', far);
      await store.write(ref('run-2'), [near], never);
      expect(await found(1)).toEqual([chunkOf(far)]);
      await store.publish([versionOf(near)], never);
      expect(await found(1)).toEqual([chunkOf(near)]);
      expect(await found(1, 'other')).toEqual([chunkOf(far)]);
      await store.retire([versionOf(near)], never);
      expect(await found(1)).toEqual([chunkOf(far)]);
    });

    test.each([
      ['with a value that is no number', [1, Number.NaN, 0, 0]],
      ['that is too short', [1, 0, 0]],
    ])('a vector %s is refused for good, and nothing of its batch is kept', async (_, vector) => {
      const writing = store.write(ref('run-1'), [near, recordOf('bad', { texts: ['x'], vectors: [vector] })], never);
      await expect(writing).rejects.toMatchObject({ code: 'STORE_REFUSED', retryable: false });
      expect(await store.count(ref('run-1'), never)).toBe(0);
    });
  });
}
