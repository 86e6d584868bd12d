import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { QdrantVectorStore } from '../../lib/stores/vectors/qdrant.ts';
import { collectionNameOf } from '../../lib/stores/vectors/qdrant-collection.ts';
import { openVectors, qdrantClient } from '../helpers/qdrant.ts';
import { collect, DIMENSIONS, never, recordOf, ref, versionOf } from '../helpers/records.ts';

/**
 * Goal: what apex wrote opens in tools of others as it is. Method: their own code searches, filters and deletes by document in the
 * collection of two memories. Told and passed over where the tools are not installed.
 */

/** What is used of them; by names that are values, so that this file can be read without them. */
const TOOLS = { langchain: '@langchain/qdrant', llamaindex: '@llamaindex/qdrant' } as const;

async function load<Module>(name: string): Promise<Module | null> {
  try {
    return (await import(name)) as Module;
  } catch {
    console.log(`${name} is not installed: what apex wrote is not opened with it`);
    return null;
  }
}

interface LangChain {
  readonly QdrantVectorStore: new (embeddings: object, settings: object) => LangChainStore;
}

interface LangChainStore {
  similaritySearchVectorWithScore(query: number[], k: number, filter?: object): Promise<[LangChainDocument, number][]>;
  delete(selection: object): Promise<void>;
}

interface LangChainDocument {
  readonly id: string;
  readonly pageContent: string;
  readonly metadata: Record<string, unknown>;
}

interface LlamaIndex {
  readonly QdrantVectorStore: new (settings: object) => LlamaIndexStore;
}

interface LlamaIndexStore {
  query(query: object): Promise<{ nodes: LlamaNode[]; similarities: number[] }>;
  delete(documentId: string): Promise<void>;
}

interface LlamaNode {
  readonly id_: string;
  readonly text: string;
  getContent(mode: string): string;
  readonly metadata: Record<string, unknown>;
}

const [langchain, llamaindex] = await Promise.all([
  load<LangChain>(TOOLS.langchain),
  load<LlamaIndex>(TOOLS.llamaindex),
]);

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

describe.skipIf(langchain === null)('LangChain', () => {
  const open = () => new langchain!.QdrantVectorStore({ embedQuery: async () => query }, { client, collectionName });

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

describe.skipIf(llamaindex === null)('LlamaIndex', () => {
  const open = () => new llamaindex!.QdrantVectorStore({ client, collectionName, embedModel: {} });
  const ask = async (filters: readonly object[], more: object = {}) =>
    (await open().query({ queryEmbedding: query, similarityTopK: 10, mode: 'default', filters: { filters }, ...more }))
      .nodes;
  const live = { key: 'metadata.live', value: true, operator: '==' };

  test('finds what is visible as nodes with their texts, and shows models nothing else', async () => {
    const nodes = await ask([live]);
    expect(nodes.map(({ text }) => text)).toEqual(['ACME ships steel', 'to Globex', 'a mail about rates']);
    expect(nodes.map(({ id_ }) => id_)).toEqual([...steel.chunks, ...mail.chunks].map(({ chunkId }) => chunkId));
    for (const mode of ['LLM', 'EMBED']) expect(nodes[0]!.getContent(mode).trim()).toBe('ACME ships steel');
  });

  test('filters by document and by group', async () => {
    expect((await ask([live], { docIds: [mail.uuid] })).map(({ text }) => text)).toEqual(['a mail about rates']);
    const inGroup = await ask([live, { key: 'group', value: 'other', operator: '==' }]);
    expect(inGroup.map(({ text }) => text)).toEqual(['a mail about rates']);
  });

  test('deletes by document, which apex sees', async () => {
    await open().delete(steel.uuid);
    await vi.waitFor(async () => expect(await heldOf(steel)).toBe(0));
    expect(await heldOf(mail)).toBe(1);
  });
});
