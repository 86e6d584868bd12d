import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Finding } from '../../../../lib/contracts/check.ts';
import { openQdrantVectors } from '../../../../lib/stores/vectors/qdrant.ts';
import { qdrantChecks } from '../../../../lib/stores/vectors/qdrant-check.ts';
import { DIMENSIONS, never, recordOf, ref } from '../../../helpers/records.ts';
import { openQdrantStandIn, type QdrantStandIn } from '../../../servers/qdrant/stand-in.ts';

/** Goal: doctor tells what an ingest would meet, and makes nothing. Method: servers in each state. */

const embedder = { model: 'test', dimensions: DIMENSIONS };
const KEY = 'key-of-the-tests';
let standIn: QdrantStandIn;
beforeEach(async () => {
  standIn = await openQdrantStandIn({ apiKey: KEY });
});
afterEach(() => standIn.stop());

const server = () => ({ url: standIn.url, apiKey: KEY, collection: 'apex' });
const look = (changes = {}, wanted: typeof embedder | null = embedder): Promise<Finding> =>
  qdrantChecks({ ...server(), ...changes }, async () => wanted)[0]!.run(never);

test('a server without the collection is told so, and still has none', async () => {
  expect(await look()).toMatchObject({ level: 'ok', found: expect.stringContaining('no collection apex_test_4 yet') });
  expect(standIn.state.collections.size).toBe(0);
  expect(standIn.seen.every(({ method }) => method === 'GET')).toBe(true);
});

test('a collection is told with its points, version, place and who can open it', async () => {
  const store = await openQdrantVectors({ ...server(), memoryId: 'memory-1', embedder }, never);
  await store.write(ref('run-1'), [recordOf('a')], never);
  const { level, found } = await look();
  expect(level).toBe('ok');
  for (const part of [
    'Qdrant 1.18.3',
    new URL(standIn.url).host,
    'collection apex_test_4',
    '2 points',
    '4 dimensions',
    'Cosine',
    'LangChain',
  ])
    expect(found).toContain(part);
  expect(found).not.toContain('without indexes');
});

test('an index that is gone is told', async () => {
  await openQdrantVectors({ ...server(), memoryId: 'memory-1', embedder }, never);
  standIn.state.collections.get('apex_test_4')!.indexes.delete('run_id');
  expect((await look()).found).toContain('without indexes of run_id');
});

test('without an embedder the server is looked at', async () => {
  expect(await look({}, null)).toMatchObject({ level: 'ok', found: expect.stringContaining('Qdrant 1.18.3') });
});

test.each([
  ['a wrong key', { apiKey: 'another' }, 'APEX_CONFIG'],
  ['no key', { apiKey: null }, 'APEX_CONFIG'],
  ['a wrong URL', { url: 'nonsense' }, 'APEX_CONFIG'],
  ['nobody there', { url: 'http://nowhere.invalid' }, 'APEX_STORE'],
  ['a wrong prefix', { collection: 'a/b' }, 'APEX_CONFIG'],
])('%s is a problem', async (_, changes, code) => {
  const error = await look(changes).catch((failure: unknown) => failure);
  expect(error).toMatchObject({ code });
  expect((error as Error).message).not.toContain(KEY);
});

test('vectors of another embedder are a problem', async () => {
  await openQdrantVectors({ ...server(), memoryId: 'memory-1', embedder }, never);
  standIn.state.aliases.set('apex_test_8', 'apex_test_4');
  await expect(look({}, { ...embedder, dimensions: 8 })).rejects.toMatchObject({ code: 'EMBEDDER_MISMATCH' });
});
