import { randomUUID } from 'node:crypto';
import { FakeEmbeddings } from '@langchain/core/utils/testing';
import { QdrantVectorStore as LangChainStore } from '@langchain/qdrant';
import { BaseEmbedding } from '@llamaindex/core/embeddings';
import { type BaseNode, MetadataMode } from '@llamaindex/core/schema';
import { type MetadataFilter, VectorStoreQueryMode } from '@llamaindex/core/vector-store';
import { QdrantVectorStore as LlamaIndexStore } from '@llamaindex/qdrant';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { QdrantVectorStore } from '../../lib/stores/vectors/qdrant.ts';
import { collectionNameOf } from '../../lib/stores/vectors/qdrant-collection.ts';
import { openVectors, qdrantClient } from '../helpers/qdrant.ts';
import { collect, DIMENSIONS, never, recordOf, ref, versionOf } from '../helpers/records.ts';

/**
 * Goal: what apex wrote opens in tools of others as it is. Method: their own code searches, filters and deletes by document in the
 * collection of two memories.
 */

const embedder = { model: 'test', dimensions: DIMENSIONS };
const collection = `apex-interop-${randomUUID().slice(0, 8)}`;
const collectionName = collectionNameOf(collection, embedder);
const client = qdrantClient();

const steel = recordOf('steel', {
  texts: ['ACME ships steel', 'to Globex'],
  vectors: [
    [1, 0, 0, 0],
    [1, 1, 0, 0],
  ],
});
const mail = recordOf('mail', { texts: ['a mail about rates'], vectors: [[0, 0, 1, 0]], group: 'other' });
const building = recordOf('steel', { version: 2, texts: ['not visible yet'], vectors: [[1, 0, 0, 0]] });
const query = [1, 0, 0, 0];

let store: QdrantVectorStore;
let memoryId: string;
beforeEach(async () => {
  await client.deleteCollection(collectionName);
  memoryId = randomUUID();
  store = await openVectors({ collection, memoryId });
  await store.write(ref('run-1'), [steel, mail], never);
  await store.publish([steel, mail].map(versionOf), never);
  await store.write(ref('run-2'), [building], never);
  return () => client.deleteCollection(collectionName);
});

const is = (key: string, value: unknown) => ({ key, match: { value } });
const heldOf = async (record: typeof steel) => (await collect(store.inventory([versionOf(record)], never))).length;

describe('LangChain', () => {
  const open = () => new LangChainStore(new FakeEmbeddings(), { client, collectionName });

  test('finds what is visible, with its text and its metadata', async () => {
    const found = await open().similaritySearchVectorWithScore(query, 2, { must: [is('metadata.live', true)] });
    expect(found.map(([{ pageContent }]) => pageContent)).toEqual(['ACME ships steel', 'to Globex']);
    expect(found[0]![1]).toBeCloseTo(1, 5);
    expect(found[0]![0].metadata).toMatchObject({
      document_id: 'steel',
      chunk_index: 0,
      source: 'local_upload',
      live: true,
    });
  });

  test('filters by what metadata says', async () => {
    const found = await open().similaritySearchVectorWithScore(query, 10, {
      must: [is('metadata.document_id', 'mail')],
    });
    expect(found.map(([{ pageContent }]) => pageContent)).toEqual(['a mail about rates']);
  });

  test('deletes by document, which apex sees', async () => {
    await open().delete({ filter: { must: [is('metadata.doc_id', steel.uuid)] } });
    expect(await heldOf(steel)).toBe(0);
    expect(await heldOf(mail)).toBe(1);
  });
});

/** Vectors are given, so that nothing is embedded. */
class NoEmbedding extends BaseEmbedding {
  // biome-ignore lint/complexity/noUselessConstructor: that of the base is protected.
  constructor() {
    super();
  }

  getTextEmbedding(): Promise<number[]> {
    throw new Error('nothing is to be embedded');
  }
}

describe('LlamaIndex', () => {
  const open = () => new LlamaIndexStore({ client, collectionName, embedModel: new NoEmbedding() });
  const ask = async (filters: MetadataFilter[], more: { docIds?: string[] } = {}) => {
    const asked = {
      queryEmbedding: query,
      similarityTopK: 10,
      mode: VectorStoreQueryMode.DEFAULT,
      filters: { filters },
    };
    return (await open().query({ ...asked, ...more })).nodes!;
  };
  const textOf = (node: BaseNode) => node.getContent(MetadataMode.NONE);
  const live = { key: 'metadata.live', value: true, operator: '==' } as unknown as MetadataFilter;

  test('finds what is visible as nodes with their texts, and shows models nothing else', async () => {
    const nodes = await ask([live]);
    expect(nodes.map(textOf)).toEqual(['ACME ships steel', 'to Globex', 'a mail about rates']);
    expect(nodes.map(({ id_ }) => id_)).toEqual([...steel.chunks, ...mail.chunks].map(({ chunkId }) => chunkId));
    for (const mode of [MetadataMode.LLM, MetadataMode.EMBED])
      expect(nodes[0]!.getContent(mode).trim()).toBe('ACME ships steel');
  });

  test('filters by document and by group', async () => {
    expect((await ask([live], { docIds: [mail.uuid] })).map(textOf)).toEqual(['a mail about rates']);
    const inGroup = await ask([live, { key: 'group', value: 'other', operator: '==' }]);
    expect(inGroup.map(textOf)).toEqual(['a mail about rates']);
  });

  test('deletes by document, which apex sees', async () => {
    await open().delete(steel.uuid);
    await vi.waitFor(async () => expect(await heldOf(steel)).toBe(0));
    expect(await heldOf(mail)).toBe(1);
  });
});
