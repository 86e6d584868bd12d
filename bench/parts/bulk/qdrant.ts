import { randomUUID } from 'node:crypto';
import { QdrantClient } from '@qdrant/js-client-rest';
import type { StoredChunk, VersionRecord } from '../../../lib/contracts/store.ts';
import { openQdrantVectors } from '../../../lib/stores/vectors/qdrant.ts';
import { collectionNameOf } from '../../../lib/stores/vectors/qdrant-collection.ts';
import { PAYLOAD_INDEXES } from '../../../lib/stores/vectors/qdrant-filters.ts';
import type { Loader, Place } from './loader.ts';

const never = new AbortController().signal;
const REQUEST_POINTS = 256;
const AT_ONCE = 2;
const KEY = process.env['APEX_TEST_QDRANT_API_KEY'] || null;

/** Through apex. */
export async function apexQdrant({ url, name, dimensions }: Place): Promise<Loader> {
  const embedder = { model: 'bench', dimensions };
  const settings = { url, apiKey: KEY, collection: name, memoryId: randomUUID(), embedder };
  const vectors = await openQdrantVectors(settings, never);
  return {
    write: async (batch, batchNo) => {
      await vectors.write({ runId: name, batchNo }, batch, never);
    },
    show: (batch) => vectors.publish(batch, never),
    ...looking(url, collectionNameOf(name, embedder)),
  };
}

/** The same points by the same requests. */
export async function bareQdrant({ url, name, dimensions }: Place): Promise<Loader> {
  const client = clientOf(url);
  const memory = randomUUID();
  await client.createCollection(name, { vectors: { size: dimensions, distance: 'Cosine' }, on_disk_payload: true });
  for (const [field, type] of Object.entries(PAYLOAD_INDEXES))
    await client.createPayloadIndex(name, { field_name: field, field_schema: type, wait: true });
  return {
    write: async (batch, batchNo) => {
      const chunks = batch.flatMap((record) => record.chunks.map((chunk) => ({ record, chunk })));
      let from = 0;
      const lane = async () => {
        while (from < chunks.length) {
          const slice = chunks.slice(from, from + REQUEST_POINTS);
          from += REQUEST_POINTS;
          const points = slice.map(({ record, chunk }) => pointOf(record, chunk, { memory, run: name, batchNo }));
          await client.upsert(name, { wait: true, points });
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, lane));
    },
    show: async () => {},
    ...looking(url, name),
  };
}

/** As long as those that apex makes; a bare script makes none. */
const DIGEST = '0'.repeat(32);
const HIDDEN = [
  ...['id', 'doc_id', 'document_id', 'ref_doc_id', 'content', 'page_content', 'text', 'metadata', 'memory', 'run_id'],
  ...['batch_no', 'version', 'group', 'document_version', 'vector_length', 'vector_digest', 'payload_digest'],
];

function pointOf(
  record: VersionRecord,
  chunk: StoredChunk,
  { memory, run, batchNo }: { readonly memory: string; readonly run: string; readonly batchNo: number },
) {
  const { text } = chunk;
  const source = { node_id: record.uuid, node_type: '4', metadata: {}, hash: record.contentDigest };
  const vector = new Array<number>(chunk.vector.length);
  for (let index = 0; index < vector.length; index += 1) vector[index] = Math.round(chunk.vector[index]! * 1e7) / 1e7;
  return {
    ...{ id: chunk.chunkId, vector },
    payload: {
      ...{ id: chunk.chunkId, doc_id: record.uuid, document_id: record.uuid, ref_doc_id: record.uuid },
      ...{ content: text, page_content: text, text },
      metadata: {
        ...{ live: true, source: record.source, source_uri: record.sourceUri, name: record.name, title: record.title },
        ...{ doc_id: record.uuid, document_id: record.documentId, version: record.version, group: record.group },
        ...{ chunk_index: chunk.ordinal, page: chunk.page, start: chunk.start, end: chunk.end },
        ...{ heading_path: chunk.headingPath, media_type: record.mediaType, content_hash: record.contentDigest },
        ...{ stated_at: record.statedAt, created_at: record.createdAt, run_id: run },
      },
      _node_type: 'TextNode',
      _node_content: JSON.stringify({
        ...{ id_: chunk.chunkId, embedding: null, metadata: {} },
        ...{ excluded_embed_metadata_keys: HIDDEN, excluded_llm_metadata_keys: HIDDEN },
        ...{ excludedEmbedMetadataKeys: HIDDEN, excludedLlmMetadataKeys: HIDDEN },
        relationships: { '1': { ...source, class_name: 'RelatedNodeInfo' } },
        ...{ text, start_char_idx: chunk.start, end_char_idx: chunk.end, class_name: 'TextNode' },
      }),
      ...{ memory, run_id: run, batch_no: batchNo, version: record.version, group: record.group },
      ...{ document_version: `${record.version}:${record.documentId}`, vector_length: 1 },
      ...{ vector_digest: DIGEST, payload_digest: DIGEST },
    },
  };
}

function looking(url: string, collection: string): Omit<Loader, 'write' | 'show'> {
  const client = clientOf(url);
  const count = async (filter: object) => (await client.count(collection, { exact: true, ...filter })).count;
  return {
    counts: async () => ({
      points: await count({}),
      visible: await count({ filter: { must: [{ key: 'metadata.live', match: { value: true } }] } }),
    }),
    sizes: async () => ({}),
    remove: async () => {
      await client.deleteCollection(collection);
    },
  };
}

function clientOf(url: string): QdrantClient {
  return new QdrantClient({ url, checkCompatibility: false, ...(KEY === null ? {} : { apiKey: KEY }) });
}
