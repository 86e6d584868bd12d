import {
  canonicalJson,
  digestOf,
  lengthOf,
  pointDigest,
  restoredVector,
  sha256,
  uuidOf,
} from '../../contracts/identity.ts';
import type { DocumentVersion, InventoryRow, StoredChunk, VersionRecord, WriteRef } from '../../contracts/store.ts';

/** A point as Qdrant takes it. */
export interface QdrantPoint {
  readonly id: string;
  readonly vector: readonly number[];
  readonly payload: PointPayload;
}

/**
 * What lies beside a vector: the fields that other tools look for, then apex's own stamps.
 *
 * Source: LangChain JS 1.0 reads `content` and `metadata`, LangChain Python `page_content` and `metadata`, LlamaIndex `_node_content`,
 * `_node_type` and `doc_id`, in Python also `text`, neo4j-graphrag `id`.
 */
export interface PointPayload {
  readonly id: string;
  readonly doc_id: string;
  readonly document_id: string;
  readonly ref_doc_id: string;
  readonly content: string;
  readonly page_content: string;
  readonly text: string;
  readonly metadata: PointMetadata;
  readonly _node_type: 'TextNode';
  readonly _node_content: string;
  /** The memory that it belongs to: several may share a collection. */
  readonly memory: string;
  readonly run_id: string;
  readonly batch_no: number;
  readonly version: number;
  readonly group: string;
  /** Version and document as one text, which one index finds. */
  readonly document_version: string;
  /** Length of the vector before Qdrant made it one. */
  readonly vector_length: number;
  /** Of the vector and the group: what the inventory of the version has. */
  readonly vector_digest: string;
  /** Of everything here but itself and the live mark. */
  readonly payload_digest: string;
}

interface PointMetadata {
  /** Readers of current content filter on it. */
  readonly live: boolean;
  readonly [name: string]: unknown;
}

/** Fields that LlamaIndex would add to what it shows a model, since each of the payload becomes metadata of its node. */
const HIDDEN_KEYS = [
  ...['id', 'doc_id', 'document_id', 'ref_doc_id', 'content', 'page_content', 'text', 'metadata', 'memory', 'run_id'],
  ...['batch_no', 'version', 'group', 'document_version', 'vector_length', 'vector_digest', 'payload_digest'],
];

/** Vectors are sent in multiples of one part in so many: finer than what they are rounded to, and half as long in JSON. */
const SENT_PARTS = 1e7;

/** The id of a chunk's point: two memories may hold the same chunk. */
export function pointIdOf(memoryId: string, chunkId: string): string {
  return uuidOf('point', memoryId, chunkId);
}

/** What `String` made of an id. */
export function pointIdOfText(text: string): PointId {
  return /^\d+$/.test(text) ? Number(text) : text;
}

/** A version as one text: its number first, because an id may hold anything. */
export function versionKeyOf({ documentId, version }: DocumentVersion): string {
  return `${version}:${documentId.toWellFormed()}`;
}

/** The version that a key names; null for what is no key, or another spelling of one, which no filter finds. */
export function versionOfKey(key: unknown): DocumentVersion | null {
  const [, number = '', documentId = ''] = typeof key === 'string' ? (/^(\d+):(.*)$/s.exec(key) ?? []) : [];
  const version = { documentId, version: Number(number) };
  return key === versionKeyOf(version) ? version : null;
}

/**
 * The point of a chunk, not live. Unpaired surrogates, which JSON parsers of servers refuse, become U+FFFD.
 *
 * @param digest of the vector and the group, where it is known already.
 */
export function pointOf(
  chunk: StoredChunk,
  record: VersionRecord,
  { memoryId, ref }: { readonly memoryId: string; readonly ref: WriteRef },
  digest = pointDigest(chunk.vector, record.group),
): QdrantPoint {
  const text = chunk.text.toWellFormed();
  const content = {
    id: chunk.chunkId,
    ...{ doc_id: record.uuid, document_id: record.uuid, ref_doc_id: record.uuid },
    ...{ content: text, page_content: text, text },
    metadata: metadataOf(chunk, record, ref),
    ...{ _node_type: 'TextNode' as const, _node_content: nodeContentOf(chunk, record, text) },
    ...{ memory: memoryId, run_id: ref.runId, batch_no: ref.batchNo, version: record.version, group: record.group },
    document_version: versionKeyOf(record),
    ...{ vector_length: lengthOf(chunk.vector), vector_digest: digest },
  };
  return {
    id: pointIdOf(memoryId, chunk.chunkId),
    vector: numbersOf(chunk.vector),
    payload: { ...content, payload_digest: payloadDigest(content) },
  };
}

/** In a loop: `Array.from` with a function calls it for each of a million numbers in a request or two. */
function numbersOf(vector: Float32Array): number[] {
  const numbers = new Array<number>(vector.length);
  for (let index = 0; index < vector.length; index += 1)
    numbers[index] = Math.round(vector[index]! * SENT_PARTS) / SENT_PARTS;
  return numbers;
}

/** What LangChain's readers get with a passage, and filter by. */
function metadataOf(chunk: StoredChunk, record: VersionRecord, ref: WriteRef): PointMetadata {
  return {
    live: false,
    source: record.source,
    ...wellFormed({ source_uri: record.sourceUri, name: record.name, title: record.title }),
    doc_id: record.uuid,
    document_id: record.documentId.toWellFormed(),
    ...{ version: record.version, group: record.group, chunk_index: chunk.ordinal, page: chunk.page },
    ...{ start: chunk.start, end: chunk.end, heading_path: chunk.headingPath.map((heading) => heading.toWellFormed()) },
    ...{ media_type: record.mediaType, content_hash: record.contentDigest, stated_at: record.statedAt },
    ...{ created_at: record.createdAt, run_id: ref.runId },
  };
}

function wellFormed(texts: { readonly [name: string]: string | null }) {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, text?.toWellFormed() ?? null]));
}

/**
 * A node of LlamaIndex. Its source is named as Python needs it, which TypeScript passes over: a name that Python does not know would
 * make it refuse the node.
 */
function nodeContentOf(chunk: StoredChunk, record: VersionRecord, text: string): string {
  const source = { node_id: record.uuid, node_type: '4', metadata: {}, hash: record.contentDigest };
  return JSON.stringify({
    id_: chunk.chunkId,
    embedding: null,
    metadata: {},
    ...{ excluded_embed_metadata_keys: HIDDEN_KEYS, excluded_llm_metadata_keys: HIDDEN_KEYS },
    ...{ excludedEmbedMetadataKeys: HIDDEN_KEYS, excludedLlmMetadataKeys: HIDDEN_KEYS },
    relationships: { '1': { ...source, class_name: 'RelatedNodeInfo' } },
    text,
    ...{ start_char_idx: chunk.start, end_char_idx: chunk.end, class_name: 'TextNode' },
  });
}

/** As Qdrant takes and gives them: apex's own are UUIDs, others' may be numbers. */
export type PointId = string | number;

/** A point as Qdrant gives it back; what is in it is checked, not trusted. */
export interface GivenPoint {
  readonly id: PointId;
  readonly payload?: Partial<PointPayload> | null;
  readonly vector?: unknown;
}

/** The point in the inventory, its digest told from what lies there; null when it names no version. */
export function inventoryRowOf(point: GivenPoint, memoryId: string): InventoryRow | null {
  const payload = point.payload ?? {};
  const version = versionOfKey(payload.document_version);
  if (version === null) return null;
  const id = String(payload.id);
  const isOwn = point.id === pointIdOf(memoryId, id) && payload.payload_digest === payloadDigest(payload);
  const content = contentDigest(point.vector, payload);
  // Text or stamps that somebody changed are told like a vector that is another.
  const digest = isOwn ? content : digestOf(content, 'changed');
  return { ...version, kind: 'point', id, digest, isLive: payload.metadata?.live === true };
}

function contentDigest(vector: unknown, { vector_length: length, group }: Partial<PointPayload>): string {
  if (!Array.isArray(vector) || typeof length !== 'number' || typeof group !== 'string') return '';
  return pointDigest(restoredVector(Float32Array.from(vector), length), group);
}

/** As long as the digests of the inventory. */
const DIGEST_DIGITS = 32;

function payloadDigest(payload: object): string {
  const { payload_digest: _own, metadata, ...rest } = payload as Partial<PointPayload>;
  const { live: _mark, ...others } = metadata ?? { live: false };
  return sha256(canonicalJson({ ...rest, metadata: others })).slice(0, DIGEST_DIGITS);
}
