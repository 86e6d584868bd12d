import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Role, Store, VersionRecord } from '../../lib/contracts/store.ts';
import { collect, expectedTexts, never, recordOf, ref, rowTexts, versionOf } from '../helpers/records.ts';

/**
 * Goal: any store can stand behind the saga. Method: the same cases against every adapter of the three written roles, each on
 * a fresh store, including the calls a crash leaves behind (a repeated write, a discard of nothing).
 */
export function storeContract(name: string, role: Exclude<Role, 'cache'>, open: () => Promise<Store>): void {
  describe(`${name} keeps the store contract`, () => {
    const first = [recordOf('invoice-42'), recordOf('invoice-43', { organizations: ['acme', 'globex'] })];
    const second = [recordOf('invoice-42', { version: 2, texts: ['one', 'two', 'three'] })];
    const items = (records: readonly VersionRecord[]) =>
      records.flatMap((record) => record.inventory[role]).filter(({ kind }) => kind !== 'entity').length;
    const inventory = async (records: readonly VersionRecord[]) =>
      rowTexts(await collect(store.inventory(records.map(versionOf), never)));
    let store: Store;

    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.close();
    });

    test('a write gives the number of items stored, and count and inventory agree', async () => {
      expect(await store.write(ref('run-1'), first, never)).toBe(items(first));
      expect(await store.count(ref('run-1'), never)).toBe(items(first));
      expect(await inventory(first)).toEqual(expectedTexts(role, first));
    });

    test('a repeated write stores the same items once', async () => {
      await store.write(ref('run-1'), first, never);
      expect(await store.write(ref('run-1'), first, never)).toBe(items(first));
      expect(await inventory(first)).toEqual(expectedTexts(role, first));
    });

    test('a repeated write of other records leaves only what was written last', async () => {
      await store.write(ref('run-1'), [...first, recordOf('invoice-44')], never);
      await store.write(ref('run-2'), second, never);
      // One document less, one of fewer chunks, and one of as many that says another thing and names somebody else.
      const last = [
        recordOf('invoice-42', { texts: ['only one'], organizations: [] }),
        recordOf('invoice-43', { texts: ['ACME ships coal', 'to Initech'], organizations: ['acme', 'initech'] }),
      ];
      expect(await store.write(ref('run-1'), last, never)).toBe(items(last));
      expect(await store.count(ref('run-1'), never)).toBe(items(last));
      expect(await inventory([...last, recordOf('invoice-44')])).toEqual(expectedTexts(role, last));
      expect(await inventory(second)).toEqual(expectedTexts(role, second));
      expect(await store.strays(never)).toEqual([]);
      expect(await store.write(ref('run-1'), [], never)).toBe(0);
      expect(await inventory([...first, ...last])).toEqual([]);
      expect(await inventory(second)).toEqual(expectedTexts(role, second));
    });

    test('a repeated write of as many other items leaves none of the first', async () => {
      await store.write(ref('run-1'), [recordOf('invoice-42')], never);
      const other = [recordOf('invoice-43')];
      expect(await store.write(ref('run-1'), other, never)).toBe(items(other));
      expect(await inventory([recordOf('invoice-42'), ...other])).toEqual(expectedTexts(role, other));
      expect(await collect(store.versions(never))).toEqual([{ ...versionOf(other[0]!), ...ref('run-1') }]);
    });

    test('a write of no records stores nothing', async () => {
      expect(await store.write(ref('run-1'), [], never)).toBe(0);
      expect(await collect(store.versions(never))).toEqual([]);
    });

    test('discard takes back its own batch and leaves every other', async () => {
      await store.write(ref('run-1'), first, never);
      await store.write(ref('run-2'), second, never);
      await store.write(ref('run-2', 1), [recordOf('invoice-44')], never);
      await store.discard(ref('run-2'), never);
      expect(await store.count(ref('run-2'), never)).toBe(0);
      expect(await store.count(ref('run-2', 1), never)).toBe(items([recordOf('invoice-44')]));
      expect(await inventory([...first, ...second])).toEqual(expectedTexts(role, first));
    });

    test('discard of a write that never landed is quiet', async () => {
      await expect(store.discard(ref('run-9'), never)).resolves.toBeUndefined();
    });

    test('retire removes the versions it is given, and nothing when given none', async () => {
      await store.write(ref('run-1'), first, never);
      await store.write(ref('run-2'), second, never);
      expect(await store.retire([], never)).toEqual([]);
      expect(await store.retire([versionOf(first[0]!)], never)).toEqual([items(first.slice(0, 1))]);
      expect(await store.retire([versionOf(first[0]!)], never)).toEqual([0]);
      expect(await inventory([...first, ...second])).toEqual(expectedTexts(role, [first[1]!, ...second]));
    });

    test('every version that left something is listed once, with its writer', async () => {
      await store.write(ref('run-1'), first, never);
      await store.write(ref('run-2', 7), second, never);
      const listed = await collect(store.versions(never));
      expect(listed.toSorted((a, b) => a.documentId.localeCompare(b.documentId) || a.version - b.version)).toEqual([
        { documentId: 'invoice-42', version: 1, runId: 'run-1', batchNo: 0 },
        { documentId: 'invoice-42', version: 2, runId: 'run-2', batchNo: 7 },
        { documentId: 'invoice-43', version: 1, runId: 'run-1', batchNo: 0 },
      ]);
    });

    test('the live mark, where there is one, tells what publish has made visible', async () => {
      const marks = async () =>
        (await collect(store.inventory(first.map(versionOf), never))).map(({ isLive }) => isLive ?? null);
      await store.write(ref('run-1'), first, never);
      expect(await marks()).not.toContain(true);
      await store.publish(first.map(versionOf), never);
      // In the records store the pivot does it.
      if (role !== 'records') expect(await marks()).not.toContain(false);
    });

    test('nothing strays after a write, a discard and a removal', async () => {
      await store.write(ref('run-1'), first, never);
      await store.write(ref('run-2'), second, never);
      expect(await store.strays(never)).toEqual([]);
      await store.discard(ref('run-2'), never);
      await store.retire(first.slice(0, 1).map(versionOf), never);
      expect(await store.strays(never)).toEqual([]);
    });

    test('mending strays that are none any more changes nothing', async () => {
      await store.write(ref('run-1'), first, never);
      await store.mendStrays([], never);
      await store.mendStrays([{ kind: 'entity', id: first[0]!.entities[0]!.entityId, problem: 'extra' }], never);
      expect(await inventory(first)).toEqual(expectedTexts(role, first));
    });

    test('publish of nothing and of a version that is not there are quiet', async () => {
      await store.publish([], never);
      await store.publish([{ documentId: 'nowhere', version: 1 }], never);
    });
  });
}
