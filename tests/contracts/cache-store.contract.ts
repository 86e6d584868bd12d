import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CacheStore } from '../../lib/contracts/store.ts';
import { collect, never } from '../helpers/records.ts';

/** Goal: a cache never serves what was not set. Method: entries with and without a version, set, replaced and retired. */
export function cacheStoreContract(name: string, open: () => Promise<CacheStore>): void {
  describe(`${name} keeps the cache store contract`, () => {
    let store: CacheStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.close();
    });

    const entry = (key: string, value: number, version: number | null = null) => ({
      ...{ key, value: Uint8Array.of(value), document: version === null ? null : { documentId: 'a', version } },
    });
    const values = async (...keys: string[]) => (await store.get(keys, never)).map((value) => value && [...value]);

    test('values come back in the order asked for, null where there is none', async () => {
      await store.set([entry('x', 1), entry('y', 2)], never);
      expect(await values('y', 'unknown', 'x', 'y')).toEqual([[2], null, [1], [2]]);
      expect(await values()).toEqual([]);
    });

    test('a value has its memory to itself, so that its bytes may be read as numbers', async () => {
      await store.set([entry('x', 1), { key: 'y', value: new Uint8Array(4), document: null }], never);
      const [, value] = await store.get(['x', 'y'], never);
      expect(value!.slice().buffer.byteLength).toBe(4);
    });

    test('an entry set again holds the newer value', async () => {
      await store.set([entry('x', 1)], never);
      await store.set([entry('x', 2)], never);
      expect(await values('x')).toEqual([[2]]);
    });

    test('remove takes the entries of the keys it is given, and is quiet on others', async () => {
      await store.set([entry('x', 1), entry('y', 2, 1)], never);
      await store.remove(['y', 'unknown'], never);
      await store.remove([], never);
      expect(await values('x', 'y')).toEqual([[1], null]);
    });

    test('retire removes the entries of the versions it is given, and nothing when given none', async () => {
      await store.set([entry('one', 1, 1), entry('two', 2, 2), entry('none', 3)], never);
      expect(await store.retire([], never)).toEqual([]);
      expect(await store.retire([{ documentId: 'a', version: 1 }], never)).toEqual([1]);
      expect(await values('one', 'two', 'none')).toEqual([null, [2], [3]]);
      expect(await collect(store.versions(never))).toEqual([{ documentId: 'a', version: 2 }]);
    });
  });
}
