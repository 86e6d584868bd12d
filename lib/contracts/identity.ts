import { hash } from 'node:crypto';
import type { StoredReading } from './series.ts';
import type {
  DocumentVersion,
  GraphDocument,
  InventoryRow,
  StoredChunk,
  StoredEntity,
  StoredMention,
  StoredRelation,
  VersionRecord,
} from './store.ts';

// Ids and content digests are part of the contract between the machine and its stores: both sides compute them,
// so they live here and nowhere else. Pure; the only import is the hash function.

/** The namespace of every UUIDv5 that apex makes: UUIDv5 of the DNS name `apex.invalid`, fixed for ever. */
const NAMESPACE = Buffer.from('5f0e0b8b7c1f5d6c9a3e4b1d2c6f7a80', 'hex');

/** Lower-case hexadecimal SHA-256. Strings are hashed as UTF-8. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data);
}

/** UUIDv5 of the parts, joined unambiguously (as a JSON array). Source: RFC 9562 section 5.5. */
export function uuidOf(...parts: readonly (string | number | null)[]): string {
  const hex = hash('sha1', Buffer.concat([NAMESPACE, Buffer.from(JSON.stringify(parts))]));
  const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Digest of plain values in a fixed order; short, since it only tells equal from different (128 bits). */
export function digestOf(...values: readonly (string | number | boolean | null | readonly string[])[]): string {
  return sha256(JSON.stringify(values)).slice(0, 32);
}

/** Content of a chunk as the records store keeps it. */
export function chunkDigest(chunk: Omit<StoredChunk, 'vector' | 'chunkId'>): string {
  return digestOf(chunk.ordinal, chunk.text, chunk.start, chunk.end, chunk.headingPath, chunk.page, chunk.tokenCount);
}

/** Values of a stored vector are multiples of one part in so many. */
const VECTOR_GRID = 2 ** 20;

/**
 * A vector as memories keep it: its direction, each value rounded to a multiple of 2^-20. A store that makes vectors unit length
 * with an arithmetic of its own gives other last digits back, and these are still told for what they were (`restoredVector`). Its
 * cosine with the given one is 1 but for 1e-9. One without a direction stays as it is.
 */
export function storedVector(vector: Float32Array): Float32Array {
  const length = lengthOf(vector);
  if (!Number.isFinite(length) || length === 0) return vector;
  return vector.map((value) => rounded(value / length));
}

/**
 * What `storedVector` made, from the same direction in digits that may differ by up to 4e-7.
 *
 * @param length of what it made: rounded values are of unit length only nearly.
 */
export function restoredVector(direction: Float32Array, length: number): Float32Array {
  const scale = length / (lengthOf(direction) || 1);
  return direction.map((value) => rounded(value * scale));
}

/** Euclidean length in double precision. */
export function lengthOf(vector: Float32Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}

/** Never the zero that has a sign: it has bits of its own. */
function rounded(value: number): number {
  return Math.round(value * VECTOR_GRID) / VECTOR_GRID + 0;
}

/** Content of a point: the little-endian floats of its vector, and the group that searches are limited to. */
export function pointDigest(vector: Float32Array, group: string): string {
  return digestOf(sha256(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)), group);
}

/** Canonical texts of objects that somebody has spelled already. */
export type Spelled = ReadonlyMap<object, string>;

/**
 * JSON with the keys of every object in order: the same text for equal values, however a store has kept them. Keys that are numbers of
 * list places come first, by number, as JavaScript has them in every object.
 *
 * @param spelled texts of objects within, where they are at hand.
 */
export function canonicalJson(value: unknown, spelled?: Spelled): string {
  if (typeof value === 'string') return textJson(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, spelled)).join(',')}]`;
  const known = spelled?.get(value);
  if (known !== undefined) return known;
  let members = '';
  for (const key of orderedKeys(value)) {
    const member = (value as { readonly [key: string]: unknown })[key];
    if (member !== undefined)
      members += `${members === '' ? '' : ','}${textJson(key)}:${canonicalJson(member, spelled)}`;
  }
  return `{${members}}`;
}

/** Most texts are short and need no escapes: they are spelled without asking for it. */
function textJson(text: string): string {
  return text.length < 64 && /^[ !#-[\]-~]*$/.test(text) ? `"${text}"` : JSON.stringify(text);
}

function orderedKeys(value: object): string[] {
  const keys = Object.keys(value);
  if (keys.every((key, index) => index === 0 || keys[index - 1]! < key) && !/^\d/.test(keys[0] ?? '')) return keys;
  // They come first, so that one look tells whether there are any.
  const first = keys.findIndex((key) => !isPlace(key));
  const places = first < 0 ? keys.length : first;
  return places === 0 ? keys.sort() : [...keys.slice(0, places), ...keys.slice(places).sort()];
}

/** Is it a number that names a place of a list? Source: ECMA-262, "array index". */
function isPlace(key: string): boolean {
  return /^(?:0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1;
}

/** What a version's own row in the records store says besides `documentDigest`. */
interface RecordContent
  extends Pick<VersionRecord, 'bytes' | 'settingsDigest' | 'storesDigest' | 'createdAt' | 'metadata' | 'warnings'> {
  /** What extraction found, kept for repair. */
  readonly extraction: Pick<VersionRecord, 'entities' | 'mentions'>;
  readonly counts: { readonly chunks: number; readonly entities: number; readonly relations: number };
}

/** Content of a version's own row in the records store. @param spelled texts of what is in its metadata, where they are at hand. */
export function recordDigest(record: Parameters<typeof documentDigest>[0] & RecordContent, spelled?: Spelled): string {
  const { bytes, settingsDigest, storesDigest, createdAt, metadata, warnings, extraction, counts } = record;
  return digestOf(
    documentDigest(record),
    bytes,
    settingsDigest,
    storesDigest,
    createdAt,
    canonicalJson([metadata, warnings, extraction, counts], spelled),
  );
}

/** Content of a document as the graph has it. */
export function documentDigest(record: Omit<GraphDocument, keyof DocumentVersion>): string {
  const { uuid, group, source, sourceUri, name, parentId, mediaType, contentDigest, title, statedAt } = record;
  return digestOf(uuid, group, source, sourceUri, name, parentId, mediaType, contentDigest, title, statedAt);
}

/** Content of an entity. The readable name is the first writer's and not part of it. */
export function entityDigest(entity: Pick<StoredEntity, 'type' | 'key'>): string {
  return digestOf(entity.type, entity.key);
}

/** Content of a mention, with the name that its document gives the entity. */
export function mentionDigest(mention: Omit<StoredMention, 'mentionId'>, name: string): string {
  return digestOf(mention.entityId, mention.chunkId, mention.start, mention.end, mention.quote, name);
}

/** The name that a version gives each of its entities. */
export function entityNames(record: Pick<VersionRecord, 'entities'>): (mention: StoredMention) => string {
  const names = new Map(record.entities.map(({ entityId, name }) => [entityId, name]));
  return ({ entityId, quote }) => names.get(entityId) ?? quote;
}

/** Content of a relation as the document states it; the end of its validity is derived and checked apart. */
export function relationDigest(relation: Omit<StoredRelation, 'relationId'>): string {
  const { type, subjectId, objectId, chunkId, quote, validAt, invalidAt = null, detail = {} } = relation;
  const stated = digestOf(type, subjectId, objectId, chunkId, quote, validAt);
  // As it always was for those that say no more.
  return invalidAt === null && Object.keys(detail).length === 0
    ? stated
    : digestOf(stated, invalidAt, canonicalJson(detail));
}

/** Content of a reading. */
export function readingDigest({ series, at, value, placeKey }: Omit<StoredReading, 'documentId'>): string {
  return digestOf(series, at, canonicalJson(value), placeKey);
}

/** Cache key of a text's embedding; `model` carries version and dimensions. */
export function embeddingKey(model: string, text: string): string {
  return `embedding:${model}:${sha256(text)}`;
}

/** Cache key of a version's summary. */
export function summaryKey(memoryId: string, documentId: string, version: number): string {
  return `summary:${memoryId}:${documentId}:v${version}`;
}

/** What each store must hold of a version: the inventory that verify compares with. @param spelled as of `recordDigest`. */
export function inventoryOf(record: Omit<VersionRecord, 'inventory'>, spelled?: Spelled): VersionRecord['inventory'] {
  type Row = Pick<InventoryRow, 'kind' | 'id' | 'digest'>;
  const { documentId, group, entities, mentions } = record;
  const counts = { chunks: record.chunks.length, entities: entities.length, relations: record.relations.length };
  const ownRow = recordDigest({ ...record, extraction: { entities, mentions }, counts }, spelled);
  const nameOf = entityNames(record);
  const chunks = record.chunks.map((chunk): Row => ({ kind: 'chunk', id: chunk.chunkId, digest: chunkDigest(chunk) }));
  const relations = record.relations.map(
    (relation): Row => ({ kind: 'relation', id: relation.relationId, digest: relationDigest(relation) }),
  );
  return {
    records: [{ kind: 'document', id: documentId, digest: ownRow }, ...chunks, ...relations],
    graph: [
      { kind: 'document', id: documentId, digest: documentDigest(record) },
      ...record.chunks.map((chunk): Row => ({ kind: 'chunk', id: chunk.chunkId, digest: digestOf(chunk.ordinal) })),
      ...record.entities.map((entity): Row => ({ kind: 'entity', id: entity.entityId, digest: entityDigest(entity) })),
      ...record.mentions.map(
        (mention): Row => ({
          kind: 'mention',
          id: mention.mentionId,
          digest: mentionDigest(mention, nameOf(mention)),
        }),
      ),
      ...relations,
    ],
    vectors: record.chunks.map(
      (chunk): Row => ({ kind: 'point', id: chunk.chunkId, digest: pointDigest(chunk.vector, group) }),
    ),
    cache: [],
  };
}
