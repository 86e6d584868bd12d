import { expect, test } from 'vitest';
import { assertFits, assertVersion, collectionNameOf } from '../../../../lib/stores/vectors/qdrant-collection.ts';
import { isKeyExposed, QdrantConnection } from '../../../../lib/stores/vectors/qdrant-connection.ts';
import { never } from '../../../helpers/records.ts';
import { openQdrantStandIn } from '../../../servers/qdrant/stand-in.ts';

/** Goal: which collection is used, and which is refused, follows from settings alone. */

test.each([
  ['lexical-2', 'apex_lexical-2_256'],
  ['Lexical-2', 'apex_lexical-2-8dd95c7a_256'],
  [
    'openai:api.openai.com:text-embedding-3-small:512',
    /^apex_openai-api\.openai\.com-text-embedding-3-small-512-[0-9a-f]{8}_256$/,
  ],
  ['a/b', /^apex_a-b-[0-9a-f]{8}_256$/],
  ['a:b', /^apex_a-b-[0-9a-f]{8}_256$/],
  ['日本', /^apex_--[0-9a-f]{8}_256$/],
  ['x'.repeat(300), /^apex_x{80}-[0-9a-f]{8}_256$/],
])('the collection of %s is named after it', (model, name) => {
  const found = collectionNameOf('apex', { model, dimensions: 256 });
  if (typeof name === 'string') expect(found.replace(/-[0-9a-f]{8}_/, '_')).toBe(name.replace(/-[0-9a-f]{8}_/, '_'));
  else expect(found).toMatch(name);
  expect(found).toMatch(/^[A-Za-z0-9._-]+$/);
});

test('models that read alike have collections of their own', () => {
  const names = ['a/b', 'a:b', 'A/b', 'a-b'].map((model) => collectionNameOf('apex', { model, dimensions: 4 }));
  expect(new Set(names).size).toBe(4);
});

test.each(['', 'a/b', 'a b', '../x', '-a', 'x'.repeat(64), 'a\u0000'])('no name begins with %j', (prefix) => {
  expect(() => collectionNameOf(prefix, { model: 'm', dimensions: 4 })).toThrow(
    expect.objectContaining({ code: 'APEX_CONFIG' }),
  );
});

test.each([
  [{ size: 4, distance: 'Cosine' }, null],
  [{ size: 4, distance: 'Cosine', datatype: 'float32' }, null],
  [{ size: 5, distance: 'Cosine' }, 'EMBEDDER_MISMATCH'],
  [{ size: 4, distance: 'Euclid' }, 'APEX_CONFIG'],
  [{ size: 4, distance: 'Cosine', datatype: 'float16' }, 'APEX_CONFIG'],
  [{ dense: { size: 4, distance: 'Cosine' } } as object, 'APEX_CONFIG'],
  [undefined, 'APEX_CONFIG'],
])('vectors of %j are judged', (vectors, code) => {
  const check = () =>
    assertFits(
      { config: { params: vectors === undefined ? {} : { vectors } }, payload_schema: {} },
      { name: 'n', dimensions: 4, place: 'p' },
    );
  if (code === null) check();
  else expect(check).toThrow(expect.objectContaining({ code }));
});

test.each([
  '',
  'nonsense',
  'ftp://x',
  'localhost:6333',
  'http://user:secret@x',
  'http://:secret@x',
  'http://x/?api-key=secret',
  'https://',
])('no server is at %j, and nothing of it is told', (url) => {
  const open = () => new QdrantConnection({ url, apiKey: null });
  expect(open).toThrow(expect.objectContaining({ code: 'APEX_CONFIG' }));
  expect(open).not.toThrow('secret');
});

test.each([
  ['http://x', 'x:6333'],
  ['http://x/', 'x:6333'],
  ['https://x', 'x:6333'],
  ['https://x:443', 'x:443'],
  ['https://x:443/behind', 'x:443'],
  ['http://x:80', 'x:80'],
  ['http://x:7000', 'x:7000'],
  ['http://[::1]:7000', '[::1]:7000'],
])('%s is at %s', (url, place) => {
  expect(new QdrantConnection({ url, apiKey: null }).place).toBe(place);
});

test('a path in the URL is put before that of each request', async () => {
  const standIn = await openQdrantStandIn();
  try {
    await new QdrantConnection({ url: `${standIn.url}/behind/`, apiKey: null })
      .ask('countPoints', { collection_name: 'x' }, never)
      .catch(() => {});
    expect(standIn.seen.map(({ path }) => path)).toEqual(['/behind/collections/x/points/count']);
  } finally {
    await standIn.stop();
  }
});

test.each([
  ['1.18.3', true],
  ['1.10.0', true],
  ['1.9.7', false],
  ['0.11.0', false],
  ['2.0.0', true],
])('version %s of the server will do: %s', async (version, isGood) => {
  const standIn = await openQdrantStandIn();
  standIn.misbehave = () => ({ answer: { status: 200, body: { title: 'qdrant - vector search engine', version } } });
  try {
    const asking = assertVersion(new QdrantConnection({ url: standIn.url, apiKey: null }), never);
    if (isGood) expect(await asking).toBe(version);
    else await expect(asking).rejects.toMatchObject({ code: 'APEX_CONFIG', message: expect.stringContaining(version) });
  } finally {
    await standIn.stop();
  }
});

test.each([
  ['http://qdrant.example', 'key', true],
  ['http://10.0.0.1:6333', 'key', true],
  ['http://qdrant.example', null, false],
  ['https://qdrant.example', 'key', false],
  ['http://localhost:6333', 'key', false],
  ['http://127.0.0.1:6333', 'key', false],
  ['http://[::1]:6333', 'key', false],
  ['http://127.evil.example', 'key', true],
])('at %s the key %s goes over the network for anybody to read: %s', (url, apiKey, isExposed) => {
  expect(isKeyExposed({ url, apiKey })).toBe(isExposed);
});
