import { describe, expect, test } from 'vitest';
import {
  inventoryRowOf,
  pointIdOf,
  pointOf,
  versionKeyOf,
  versionOfKey,
} from '../../../../lib/stores/vectors/qdrant-point.ts';
import { recordOf, ref } from '../../../helpers/records.ts';

/** Goal: a point holds what its readers look for, and tells again what was written. */

const record = recordOf('load-42', { texts: ['ACME ships steel', 'to Globex'], group: 'north' });
const [chunk] = record.chunks;
const of = { memoryId: 'memory-1', ref: ref('run-1', 7) };
const point = pointOf(chunk!, record, of);

describe('a point holds, for', () => {
  test('LangChain, the text under both its names and an object of metadata that is not live', () => {
    const { content, page_content, metadata } = point.payload;
    expect([content, page_content]).toEqual([chunk!.text, chunk!.text]);
    expect(metadata).toMatchObject({
      ...{
        live: false,
        source: 'local_upload',
        source_uri: 'file:///load-42',
        doc_id: record.uuid,
        document_id: 'load-42',
      },
      ...{ chunk_index: 0, page: null, content_hash: 'content-1', run_id: 'run-1', group: 'north', version: 1 },
    });
  });

  test('LlamaIndex, a node whose other fields are hidden from models, with its source', () => {
    const node = JSON.parse(point.payload._node_content);
    expect(point.payload._node_type).toBe('TextNode');
    expect(node).toMatchObject({ id_: chunk!.chunkId, text: chunk!.text, class_name: 'TextNode' });
    expect(node.relationships['1']).toMatchObject({ node_id: record.uuid, node_type: '4' });
    const hidden = Object.keys(point.payload).filter((key) => !key.startsWith('_node_'));
    for (const keys of [
      'excludedEmbedMetadataKeys',
      'excludedLlmMetadataKeys',
      'excluded_embed_metadata_keys',
      'excluded_llm_metadata_keys',
    ])
      expect(
        hidden.filter((key) => !node[keys].includes(key)),
        keys,
      ).toEqual([]);
    for (const key of ['doc_id', 'document_id', 'ref_doc_id'] as const) expect(point.payload[key]).toBe(record.uuid);
  });

  test('neo4j-graphrag, the id of the chunk', () => {
    expect(point.payload.id).toBe(chunk!.chunkId);
  });

  test('apex, who wrote it', () => {
    expect(point.payload).toMatchObject({
      memory: 'memory-1',
      run_id: 'run-1',
      batch_no: 7,
      version: 1,
      group: 'north',
    });
    expect(point.payload.vector_digest).toBe(record.inventory.vectors[0]!.digest);
  });
});

test('its id is a UUIDv5 of memory and chunk: two memories with one chunk have two points', () => {
  expect(point.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(point.id).not.toBe(pointIdOf('memory-2', chunk!.chunkId));
  expect(point.id).not.toBe(chunk!.chunkId);
});

test('what comes back is what was expected of the version, whatever the order of its fields', () => {
  const turned = JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(point.payload).toReversed())));
  const [expected] = record.inventory.vectors;
  const given = { id: point.id, payload: turned, vector: point.vector };
  expect(inventoryRowOf(given, 'memory-1')).toEqual({ documentId: 'load-42', version: 1, ...expected, isLive: false });
  const live = { ...given, payload: { ...turned, metadata: { ...turned.metadata, live: true } } };
  expect(inventoryRowOf(live, 'memory-1')).toMatchObject({ digest: expected!.digest, isLive: true });
  expect(inventoryRowOf(given, 'memory-2')!.digest).not.toBe(expected!.digest);
});

test.each([
  ['nothing at all', { id: 1 }],
  ['no version', { id: 'x', payload: {} }],
])('a point with %s is of none', (_, given) => {
  expect(inventoryRowOf(given, 'memory-1')).toBeNull();
});

test('a point without a vector or its length is told as changed, not taken for a failure', () => {
  for (const given of [
    { id: point.id, payload: point.payload },
    { id: point.id, payload: { ...point.payload, vector_length: 'x' as never }, vector: point.vector },
    { id: point.id, payload: { ...point.payload, metadata: null as never }, vector: point.vector },
  ])
    expect(inventoryRowOf(given, 'memory-1')!.digest).not.toBe(record.inventory.vectors[0]!.digest);
});

test.each(['a', '', '1:a', 'a\nb', '日本:1', '"'])('a version of %j is told from its key', (documentId) => {
  expect(versionOfKey(versionKeyOf({ documentId, version: 12 }))).toEqual({ documentId, version: 12 });
});
