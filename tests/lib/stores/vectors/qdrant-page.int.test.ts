import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { storedVector } from '../../../../lib/contracts/identity.ts';
import { createLexicalEmbedder } from '../../../../lib/embedders/lexical.ts';
import { openQdrantVectors } from '../../../../lib/stores/vectors/qdrant.ts';
import { collectionNameOf } from '../../../../lib/stores/vectors/qdrant-collection.ts';
import { pointOf } from '../../../../lib/stores/vectors/qdrant-point.ts';
import { QDRANT_KEY, qdrantSettings } from '../../../helpers/qdrant.ts';
import { never, recordOf, ref, versionOf } from '../../../helpers/records.ts';

/** Goal: docs/qdrant.md is true. Method: its requests are sent to a collection with a document in it, its tables held to the code. */

const page = readFileSync('docs/qdrant.md', 'utf8');
const requests = [...page.matchAll(/```http\n(\w+) (\S+)\n([\s\S]*?)```/g)].map(
  ([, method = '', path = '', body = '']) => ({
    ...{ method, path, body: body.trim() },
  }),
);

/** Users have it unless they set another. */
const { model, dimensions } = createLexicalEmbedder();
const embedder = { model, dimensions };
const collection = `apex-page-${randomUUID().slice(0, 8)}`;
const url = inject('servers').qdrant!;
const headers = { 'content-type': 'application/json', ...(QDRANT_KEY === null ? {} : { 'api-key': QDRANT_KEY }) };

async function send({ method, path, body }: (typeof requests)[number]) {
  const own = path.replace('/apex_', `/${collection}_`);
  const answer = await fetch(url + own, { method, headers, ...(body === '' ? {} : { body }) });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { result: Record<string, unknown> }).result;
}

const vector = storedVector(Float32Array.from({ length: dimensions }, (_, index) => index + 1));
const document = recordOf('steel', { vectors: [[...vector], [...vector]] });

beforeAll(async () => {
  const store = await openQdrantVectors(qdrantSettings({ collection, embedder }), never);
  await store.write(ref('run-1'), [document], never);
  await store.publish([versionOf(document)], never);
});

afterAll(async () => {
  await fetch(`${url}/collections/${collectionNameOf(collection, embedder)}`, { method: 'DELETE', headers });
});

test.each(requests.map((request) => [`${request.method} ${request.path} ${request.body}`, request] as const))(
  '%s',
  async (_, request) => {
    const result = await send(request);
    const lists = [result['points'], result['aliases']].filter((list) => list !== undefined);
    for (const list of lists) expect(list).not.toEqual([]);
    if (request.path.endsWith('/count')) expect(result['count']).toBe(2);
  },
);

test('its collection is the one of that embedder', () => {
  expect(page).toContain(collectionNameOf('apex', embedder));
  expect(requests.every(({ path }) => path.startsWith(`/collections/${collectionNameOf('apex', embedder)}`))).toBe(
    true,
  );
});

test('every field of a point is explained, and none that is not there', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const explained = rows.flatMap((row) => [...row.split('|')[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!));
  const { payload } = pointOf(document.chunks[0]!, document, { memoryId: 'memory-1', ref: ref('run-1') });
  expect(explained.sort()).toEqual(Object.keys(payload).sort());
});
