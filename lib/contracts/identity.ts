import { createHash } from 'node:crypto';
import type { InventoryRow, StoredChunk, StoredEntity, StoredMention, StoredRelation, VersionRecord } from './store.ts';

// Ids and content digests are part of the contract between the machine and its stores: both sides compute them,
// so they live here and nowhere else. Pure; the only import is the hash function.

/** The namespace of every UUIDv5 that apex makes: UUIDv5 of the DNS name `apex.invalid`, fixed for ever. */
const NAMESPACE = Buffer.from('5f0e0b8b7c1f5d6c9a3e4b1d2c6f7a80', 'hex');

/** Lower-case hexadecimal SHA-256. Strings are hashed as UTF-8. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** UUIDv5 of the parts, joined unambiguously (as a JSON array). Source: RFC 9562 section 5.5. */
export function uuidOf(...parts: readonly (string | number | null)[]): string {
  const hash = createHash('sha1').update(NAMESPACE).update(JSON.stringify(parts)).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** Digest of plain values in a fixed order; short, since it only tells equal from different (128 bits). */
export function digestOf(...values: readonly (string | number | boolean | null | readonly string[])[]): string {
  return sha256(JSON.stringify(values)).slice(0, 32);
}

/** Content of a chunk as the records store keeps it. */
export function chunkDigest(chunk: Omit<StoredChunk, 'vector' | 'chunkId'>): string {
  return digestOf(chunk.ordinal, chunk.text, chunk.start, chunk.end, chunk.headingPath, chunk.page, chunk.tokenCount);
}

/** Content of a vector: its little-endian floats. */
export function vectorDigest(vector: Float32Array): string {
  return sha256(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)).slice(0, 32);
}

/** Content of a document's own row. */
export function documentDigest(
  record: Pick<
    VersionRecord,
    | 'uuid'
    | 'group'
    | 'source'
    | 'sourceUri'
    | 'name'
    | 'parentId'
    | 'mediaType'
    | 'contentDigest'
    | 'title'
    | 'statedAt'
  >,
): string {
  const { uuid, group, source, sourceUri, name, parentId, mediaType, contentDigest, title, statedAt } = record;
  return digestOf(uuid, group, source, sourceUri, name, parentId, mediaType, contentDigest, title, statedAt);
}

/** Content of an entity. The readable name is the first writer's and not part of it. */
export function entityDigest(entity: Pick<StoredEntity, 'type' | 'key'>): string {
  return digestOf(entity.type, entity.key);
}

/** Content of a mention. */
export function mentionDigest(mention: Omit<StoredMention, 'mentionId'>): string {
  return digestOf(mention.entityId, mention.chunkId, mention.start, mention.end, mention.quote);
}

/** Content of a relation as the document states it; the end of its validity is derived and checked apart. */
export function relationDigest(relation: Omit<StoredRelation, 'relationId'>): string {
  const { type, subjectId, objectId, chunkId, quote, validAt } = relation;
  return digestOf(type, subjectId, objectId, chunkId, quote, validAt);
}

/** Cache key of a text's embedding; `model` carries version and dimensions. */
export function embeddingKey(model: string, text: string): string {
  return `embedding:${model}:${sha256(text)}`;
}

/** Cache key of a version's summary. */
export function summaryKey(memoryId: string, documentId: string, version: number): string {
  return `summary:${memoryId}:${documentId}:v${version}`;
}

/** What each store must hold of a version: the inventory that verify compares with. */
export function inventoryOf(record: Omit<VersionRecord, 'inventory'>): VersionRecord['inventory'] {
  type Row = Pick<InventoryRow, 'kind' | 'id' | 'digest'>;
  const document: Row = { kind: 'document', id: record.documentId, digest: documentDigest(record) };
  const chunks = record.chunks.map((chunk): Row => ({ kind: 'chunk', id: chunk.chunkId, digest: chunkDigest(chunk) }));
  return {
    records: [
      document,
      ...chunks,
      ...record.relations.map(
        (relation): Row => ({ kind: 'relation', id: relation.relationId, digest: relationDigest(relation) }),
      ),
    ],
    graph: [
      document,
      ...record.chunks.map((chunk): Row => ({ kind: 'chunk', id: chunk.chunkId, digest: digestOf(chunk.ordinal) })),
      ...record.entities.map((entity): Row => ({ kind: 'entity', id: entity.entityId, digest: entityDigest(entity) })),
      ...record.mentions.map(
        (mention): Row => ({ kind: 'mention', id: mention.mentionId, digest: mentionDigest(mention) }),
      ),
      ...record.relations.map(
        (relation): Row => ({ kind: 'relation', id: relation.relationId, digest: relationDigest(relation) }),
      ),
    ],
    vectors: record.chunks.map(
      (chunk): Row => ({ kind: 'point', id: chunk.chunkId, digest: vectorDigest(chunk.vector) }),
    ),
    cache: [],
  };
}
