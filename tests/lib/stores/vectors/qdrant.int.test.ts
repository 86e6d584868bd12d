import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { InventoryRow } from '../../../../lib/contracts/store.ts';
import {
  openQdrantVectors,
  type QdrantVectorStore,
  readQdrantIdentity,
} from '../../../../lib/stores/vectors/qdrant.ts';
import { collectionNameOf } from '../../../../lib/stores/vectors/qdrant-collection.ts';
import { PAYLOAD_INDEXES } from '../../../../lib/stores/vectors/qdrant-filters.ts';
import { pointIdOf } from '../../../../lib/stores/vectors/qdrant-point.ts';
import { storeContract } from '../../../contracts/store.contract.ts';
import { vectorStoreContract } from '../../../contracts/vector-store.contract.ts';
import { openVectors, qdrantClient, qdrantSettings } from '../../../helpers/qdrant.ts';
import {
  collect,
  DIMENSIONS,
  expectedTexts,
  never,
  recordOf,
  ref,
  rowTexts,
  versionOf,
} from '../../../helpers/records.ts';

storeContract('qdrant', 'vectors', () => openVectors());
vectorStoreContract('qdrant', () => openVectors());

/** What somebody else does to a server that apex uses. */
const client = qdrantClient();

/** A prefix of this test's own; what lies under it goes with the test. */
function ownPrefix(): string {
  const prefix = `apex-test-${randomUUID().slice(0, 8)}`;
  onTestFinished(async () => {
    const { collections } = await client.getCollections();
    for (const { name } of collections) if (name.startsWith(prefix)) await client.deleteCollection(name);
  });
  return prefix;
}

const embedder = { model: 'test', dimensions: DIMENSIONS };
const shared = collectionNameOf('apex-tests', embedder);
afterAll(async () => {
  // The collection of the contract suites; others may be using it on a server that is shared.
  if (process.env['APEX_TEST_QDRANT_URL'] === undefined) await client.deleteCollection(shared);
});

const ids = (rows: readonly InventoryRow[]) => rows.map(({ id }) => id).sort();
const records = [recordOf('a'), recordOf('b', { group: 'other' })];
const versions = records.map(versionOf);

describe('two memories in one collection', () => {
  let mine: QdrantVectorStore;
  let theirs: QdrantVectorStore;
  const inventory = async (store: QdrantVectorStore) => rowTexts(await collect(store.inventory(versions, never)));
  const query = records[0]!.chunks[0]!.vector;
  beforeEach(async () => {
    [mine, theirs] = [await openVectors(), await openVectors()];
    await mine.write(ref('run-1'), records, never);
    await theirs.write(ref('run-1'), records, never);
  });

  test('hold the same documents of the same runs, each its own', async () => {
    for (const store of [mine, theirs]) expect(await inventory(store)).toEqual(expectedTexts('vectors', records));
    expect(await mine.count(ref('run-1'), never)).toBe(4);
  });

  test.each([
    ['discard', (store: QdrantVectorStore) => store.discard(ref('run-1'), never)],
    ['retire', (store: QdrantVectorStore) => store.retire(versions, never)],
  ])('%s takes nothing of the other', async (_, remove) => {
    await remove(mine);
    expect(await inventory(mine)).toEqual([]);
    expect(await collect(mine.versions(never))).toEqual([]);
    expect(await inventory(theirs)).toEqual(expectedTexts('vectors', records));
  });

  test('publish and search are each its own', async () => {
    await mine.publish(versions, never);
    expect(await mine.search(query, 10, null, never)).toHaveLength(4);
    expect(await theirs.search(query, 10, null, never)).toEqual([]);
  });
});

describe('a document of thousands of chunks', () => {
  test('is written, found, made visible, superseded and removed whole', async () => {
    const store = await openVectors();
    const texts = Array.from({ length: 2_345 }, (_, index) => `${index} ${'x'.repeat(40)}`);
    const vectors = texts.map((_, index) => [Math.cos(index), Math.sin(index), index % 7, 1]);
    const large = recordOf('large', { texts, vectors });
    expect(await store.write(ref('run-1'), [large], never)).toBe(2_345);
    expect(rowTexts(await collect(store.inventory([versionOf(large)], never)))).toEqual(
      expectedTexts('vectors', [large]),
    );
    await store.publish([versionOf(large)], never);
    const rows = await collect(store.inventory([versionOf(large)], never));
    expect(rows.every(({ isLive }) => isLive === true)).toBe(true);
    expect(await collect(store.versions(never))).toHaveLength(1);
    const next = recordOf('large', { version: 2 });
    await store.write(ref('run-2'), [next], never);
    expect(await store.retire([versionOf(large), versionOf(next)].toReversed(), never)).toEqual([2, 2_345]);
    expect(await collect(store.versions(never))).toEqual([]);
  });

  test('ties come in order of id', async () => {
    const store = await openVectors();
    const texts = Array.from({ length: 20 }, (_, index) => `${index}`);
    const same = recordOf('same', { texts, vectors: texts.map(() => [1, 2, 3, 4]) });
    await store.write(ref('run-1'), [same], never);
    await store.publish([versionOf(same)], never);
    const ranked = await store.search(same.chunks[0]!.vector, 20, null, never);
    expect(ranked.map(({ id }) => id)).toEqual(same.chunks.map(({ chunkId }) => chunkId).sort());
    expect(await store.search(same.chunks[0]!.vector, 0, null, never)).toEqual([]);
  });

  test('what an earlier write left under the same name goes', async () => {
    const store = await openVectors();
    await store.write(ref('run-1'), [recordOf('a', { texts: ['1', '2', '3'] }), recordOf('gone')], never);
    expect(await store.write(ref('run-1'), records, never)).toBe(4);
    expect(await collect(store.versions(never))).toHaveLength(2);
    expect(await store.write(ref('run-1'), [], never)).toBe(0);
  });

  test('ids and texts that are no proper Unicode, or hold anything else, are kept apart', async () => {
    const store = await openVectors();
    const odd = [
      recordOf('1:a"\\ü', { texts: ['half \ud83d of a pair', 'and \u0000'] }),
      recordOf(''),
      recordOf('1:1:a'),
    ];
    await store.write(ref('run-1'), odd, never);
    expect(rowTexts(await collect(store.inventory(odd.map(versionOf), never)))).toEqual(expectedTexts('vectors', odd));
    expect(await store.retire([versionOf(odd[0]!)], never)).toEqual([2]);
  });
});

describe('what somebody changed behind apex’s back', () => {
  let store: QdrantVectorStore;
  let memoryId: string;
  beforeEach(async () => {
    memoryId = randomUUID();
    store = await openVectors({ memoryId });
    await store.write(ref('run-1'), records, never);
    await store.publish(versions, never);
  });
  const pointsOf = (chunkId: string) => ({
    must: [
      { key: 'memory', match: { value: memoryId } },
      { key: 'id', match: { value: chunkId } },
    ],
  });
  const [first] = records[0]!.chunks;
  const itsPoint = () => pointsOf(first!.chunkId);
  const changed = async () => {
    const expected = new Set(expectedTexts('vectors', records));
    return (await collect(store.inventory(versions, never))).filter((row) => !expected.has(rowTexts([row])[0]!));
  };

  test('is nothing at first', async () => {
    expect(await changed()).toEqual([]);
  });

  test.each([
    ['its text', { page_content: 'other' }],
    ['its node', { _node_content: '{}' }],
    ['its group', { group: 'other' }],
    ['the length of its vector', { vector_length: 2 }],
    ['its run', { run_id: 'run-2' }],
    ['its chunk', { id: randomUUID() }],
  ])('%s, and the point is told as changed', async (_, payload) => {
    await client.setPayload(shared, { payload, filter: itsPoint(), wait: true });
    expect(await changed()).toHaveLength(1);
  });

  test('its metadata, and the point is told as changed', async () => {
    await client.setPayload(shared, { payload: { source: 'x' }, key: 'metadata', filter: itsPoint(), wait: true });
    expect(await changed()).toHaveLength(1);
  });

  test('its live mark, and that is told', async () => {
    await client.setPayload(shared, { payload: { live: false }, key: 'metadata', filter: itsPoint(), wait: true });
    const rows = await collect(store.inventory(versions, never));
    expect(ids(rows.filter(({ isLive }) => isLive === false))).toEqual([first!.chunkId]);
  });

  test('its vector, and the point is told as changed', async () => {
    const { points } = await client.scroll(shared, { filter: itsPoint(), with_payload: false });
    await client.updateVectors(shared, { points: [{ id: points[0]!.id, vector: [0, 0, 1, 0] }], wait: true });
    expect(ids(await changed())).toEqual([first!.chunkId]);
  });

  test('a copy of a point under another id is told as changed', async () => {
    const { points } = await client.scroll(shared, { filter: itsPoint(), with_payload: true, with_vector: true });
    const { payload, vector } = points[0]!;
    await client.upsert(shared, {
      points: [{ id: randomUUID(), payload: payload!, vector: vector as number[] }],
      wait: true,
    });
    expect(await changed()).toHaveLength(1);
  });

  test('a point of no version strays, and only that is mended', async () => {
    await client.deletePayload(shared, { keys: ['document_version'], filter: itsPoint(), wait: true });
    const strays = await store.strays(never);
    expect(strays).toMatchObject([{ kind: 'point', problem: 'extra' }]);
    const { points } = await client.scroll(shared, {
      filter: pointsOf(records[1]!.chunks[0]!.chunkId),
      with_payload: false,
    });
    await store.mendStrays([...strays, { kind: 'point', id: String(points[0]!.id), problem: 'extra' }], never);
    expect(await store.strays(never)).toEqual([]);
    expect(await collect(store.inventory(versions, never))).toHaveLength(3);
  });
});

describe('a point whose name of a version', () => {
  const WRONG: readonly (readonly [string, unknown])[] = [
    ['is no name', 'x'],
    ['is empty', ''],
    ['has no number', ':invoice-42'],
    ['has its number in another spelling', '01:invoice-42'],
    ['has a number larger than numbers are', '99999999999999999999:invoice-42'],
    ['is a number', 1],
    ['is a list', ['1:invoice-42']],
    ['is null', null],
  ];

  test.each(WRONG)('%s strays, is counted for no version, and is mended', async (_, name) => {
    const memoryId = randomUUID();
    const store = await openVectors({ memoryId });
    await store.write(ref('run-1'), records, never);
    const chunkId = records[0]!.chunks[0]!.chunkId;
    const id = pointIdOf(memoryId, chunkId);
    await client.setPayload(shared, { payload: { document_version: name }, points: [id], wait: true });
    expect(await store.strays(never)).toEqual([{ kind: 'point', id, problem: 'extra' }]);
    expect(ids(await collect(store.inventory(versions, never)))).not.toContain(chunkId);
    expect(await collect(store.versions(never))).toHaveLength(2);
    await store.mendStrays(await store.strays(never), never);
    expect(await store.strays(never)).toEqual([]);
    expect(await store.count(ref('run-1'), never)).toBe(3);
  });

  test('is nothing to us in a point of another’s: it is neither told nor touched', async () => {
    const store = await openVectors();
    await store.write(ref('run-1'), records, never);
    const foreign = [
      { id: randomUUID(), payload: { content: 'of no memory', document_version: 'x' } },
      { id: randomUUID(), payload: { memory: randomUUID(), document_version: 'x' } },
      { id: Number.parseInt(randomUUID().slice(0, 8), 16), payload: { metadata: { live: true } } },
    ];
    onTestFinished(async () => {
      await client.delete(shared, { points: foreign.map(({ id }) => id) });
    });
    await client.upsert(shared, { points: foreign.map((point) => ({ ...point, vector: [0, 0, 1, 0] })), wait: true });
    expect(await store.strays(never)).toEqual([]);
    const asked = foreign.map(({ id }) => ({ kind: 'point' as const, id: String(id), problem: 'extra' as const }));
    await store.mendStrays(asked, never);
    await store.retire(versions, never);
    await store.discard(ref('run-1'), never);
    expect(await client.retrieve(shared, { ids: foreign.map(({ id }) => id) })).toHaveLength(3);
  });

  test('is wrong and its id a number: it is mended as well', async () => {
    const memoryId = randomUUID();
    const store = await openVectors({ memoryId });
    const id = Number.parseInt(randomUUID().slice(0, 8), 16);
    await client.upsert(shared, { points: [{ id, payload: { memory: memoryId }, vector: [0, 0, 1, 0] }], wait: true });
    expect(await store.strays(never)).toEqual([{ kind: 'point', id: String(id), problem: 'extra' }]);
    await store.mendStrays(await store.strays(never), never);
    expect(await store.strays(never)).toEqual([]);
  });
});

describe('a collection', () => {
  test('is made with its indexes, unnamed vectors and cosine, by any number of openings at once', async () => {
    const collection = ownPrefix();
    const stores = await Promise.all(Array.from({ length: 5 }, () => openVectors({ collection })));
    expect(new Set(stores.map(({ identity }) => identity)).size).toBe(1);
    const { config, payload_schema: schema } = await client.getCollection(collectionNameOf(collection, embedder));
    expect(config.params.vectors).toMatchObject({ size: DIMENSIONS, distance: 'Cosine' });
    expect(Object.fromEntries(Object.entries(schema).map(([path, field]) => [path, field?.data_type]))).toEqual(
      PAYLOAD_INDEXES,
    );
    await stores[0]!.write(ref('run-1'), records, never);
    expect(await stores[1]!.count(ref('run-1'), never)).toBe(0);
  });

  test('keeps its identity, and is another one when it was made anew', async () => {
    const collection = ownPrefix();
    const settings = qdrantSettings({ collection });
    expect(await readQdrantIdentity(settings, never)).toBe('');
    const first = await openQdrantVectors(settings, never);
    expect((await openQdrantVectors(settings, never)).identity).toBe(first.identity);
    expect(await readQdrantIdentity(settings, never)).toBe(first.identity);
    await client.deleteCollection(collectionNameOf(collection, embedder));
    expect((await openQdrantVectors(settings, never)).identity).not.toBe(first.identity);
  });

  test('that another tool has made is used when it fits', async () => {
    const collection = ownPrefix();
    const name = collectionNameOf(collection, embedder);
    await client.createCollection(name, { vectors: { size: DIMENSIONS, distance: 'Cosine' } });
    const store = await openVectors({ collection });
    expect(await store.write(ref('run-1'), records, never)).toBe(4);
  });

  test.each([
    ['other dimensions', { size: 8, distance: 'Cosine' as const }, 'EMBEDDER_MISMATCH', '8 dimensions'],
    ['another distance', { size: DIMENSIONS, distance: 'Dot' as const }, 'APEX_CONFIG', 'Dot'],
  ])('of %s is refused', async (_, vectors, code, message) => {
    const collection = ownPrefix();
    await client.createCollection(collectionNameOf(collection, embedder), { vectors });
    const settings = qdrantSettings({ collection });
    for (const opening of [openQdrantVectors(settings, never), readQdrantIdentity(settings, never)])
      await expect(opening).rejects.toMatchObject({
        code,
        retryable: false,
        message: expect.stringContaining(message),
      });
  });

  /** Two formats after this apex's, of calls that land on themselves. */
  const later = (more: readonly { readonly call: 'setPayload'; readonly payload: object }[] = []) => {
    const note = (text: string) =>
      ({ call: 'setPayload', payload: { payload: { note: text }, filter: { must: [] }, wait: true } }) as const;
    return { number: 3, migrations: { 2: [note('of format 2')], 3: [...more, note('of format 3')] } };
  };
  const notesIn = async (name: string) => {
    const { points } = await client.scroll(name, { with_payload: ['note'] });
    return new Set(points.map(({ payload }) => payload?.['note']));
  };

  test('of older formats is brought to the one that is asked for, and keeps its identity, however many come', async () => {
    const collection = ownPrefix();
    const name = collectionNameOf(collection, embedder);
    const store = await openVectors({ collection });
    await store.write(ref('run-1'), records, never);
    const opened = await Promise.all([1, 2, 3].map(() => openVectors({ collection, format: later() })));
    expect(new Set([store, ...opened].map(({ identity }) => identity)).size).toBe(1);
    expect(await notesIn(name)).toEqual(new Set(['of format 3']));
    await expect(openVectors({ collection })).rejects.toMatchObject({ code: 'NEWER_FORMAT' });
  });

  test('that cannot be brought to a newer format stays of the last that it came to', async () => {
    const collection = ownPrefix();
    const name = collectionNameOf(collection, embedder);
    await (await openVectors({ collection })).write(ref('run-1'), records, never);
    const wrong = later([{ call: 'setPayload', payload: { payload: 'none' } }]);
    await expect(openVectors({ collection, format: wrong })).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    expect(await notesIn(name)).toEqual(new Set(['of format 2']));
    await openVectors({ collection, format: { ...later(), number: 2 } });
    await openVectors({ collection, format: later() });
    expect(await notesIn(name)).toEqual(new Set(['of format 3']));
  });

  test('of a newer format is refused', async () => {
    const collection = ownPrefix();
    const name = collectionNameOf(collection, embedder);
    await client.createCollection(name, { vectors: { size: DIMENSIONS, distance: 'Cosine' } });
    const alias = { collection_name: name, alias_name: `${name}--apex2--${randomUUID()}` };
    await client.updateCollectionAliases({ actions: [{ create_alias: alias }] });
    await expect(openVectors({ collection })).rejects.toMatchObject({ code: 'NEWER_FORMAT' });
  });
});
