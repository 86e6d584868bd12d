import neo4j from 'neo4j-driver';
import { MEDIA_TYPES } from '../../contracts/document.ts';
import { digestOf, entityNames, sha256, uuidOf } from '../../contracts/identity.ts';
import type {
  Closing,
  DocumentVersion,
  LatestValue,
  StoredEntity,
  StoredRelation,
  VersionRecord,
  WriteRef,
} from '../../contracts/store.ts';
import { folded } from '../rows.ts';

// What apex writes into Neo4j. Every `uuid` is made of the memory's and of what the thing is, so that two memories on one server
// share nothing; the ids that callers know stand beside it. Names that other readers require are theirs.

/** Properties of a node or relationship; null removes one. */
type Properties = { readonly [name: string]: unknown };

/** An item with its unique key. */
export interface ItemRow {
  readonly uuid: string;
  readonly p: Properties;
}

/** An item of a document, with what it does not share with the document's other items of its kind. */
export interface OwnedRow extends ItemRow {
  /** The place of its document in the batch, as an integer of Neo4j. */
  readonly of: unknown;
}

/** A relationship between two items, by their keys. */
export interface LinkRow extends OwnedRow {
  readonly from: string;
  readonly to: string;
}

export interface EntityRow extends OwnedRow {
  readonly type: string;
}

/**
 * What all items of a document say alike, by kind: sent once a statement instead of with each row, which halves what the driver
 * has to encode.
 */
export interface Shared {
  readonly chunk: Properties;
  readonly mention: Properties;
  readonly relation: Properties;
  /** `createdAt` is for an entity that the document is the first to mention. */
  readonly entity: { readonly createdAt: unknown; readonly p: Properties };
}

/** The keys of one memory's items. */
export class Keys {
  readonly #memoryId: string;

  constructor(memoryId: string) {
    this.#memoryId = memoryId;
  }

  /** A version: the key of its document's node, and what its chunks and relations are found by. */
  version({ documentId, version }: DocumentVersion): string {
    return uuidOf('neo4j', this.#memoryId, 'version', documentId, version);
  }

  /** What a batch wrote is found by it. */
  batch({ runId, batchNo }: WriteRef): string {
    return uuidOf('neo4j', this.#memoryId, 'batch', runId, batchNo);
  }

  item(kind: 'chunk' | 'entity' | 'mention' | 'relation', id: string): string {
    return uuidOf('neo4j', this.#memoryId, kind, id);
  }

  link(from: string, to: string): string {
    return uuidOf('neo4j', this.#memoryId, 'link', from, to);
  }
}

/** Everything a batch writes, each list in the order in which locks are taken. */
export interface BatchRows {
  readonly documents: readonly ItemRow[];
  /** By the place of the document in the batch. */
  readonly shared: { readonly [kind in keyof Shared]: readonly Shared[kind][] };
  /** From chunk to document. */
  readonly chunks: readonly LinkRow[];
  /** From each chunk to the next. */
  readonly next: readonly { readonly from: string; readonly to: string }[];
  /** From chunk to entity, sorted by entity. */
  readonly mentions: readonly (LinkRow & { readonly document: string })[];
  readonly entities: ReadonlyMap<string, EntityRow>;
  /** From subject to object. */
  readonly relations: readonly LinkRow[];
}

/** How much of a document's text its own node repeats, in UTF-16 units: readers of episodes show it, chunks hold all. */
const CONTENT_LENGTH = 4_000;
/** How many facts a document's own node lists. */
const MAX_LISTED_EDGES = 1_000;
/** Indexed texts have a limit of about 8 kB. */
const INDEXED_LENGTH = 500;

/** The rows of a batch. Pure. */
export function batchRows(memoryId: string, ref: WriteRef, records: readonly VersionRecord[]): BatchRows {
  const keys = new Keys(memoryId);
  const parts = records.map((record, index) => versionRows(keys, memoryId, ref, { record, of: neo4j.int(index) }));
  const shared = <Kind extends keyof Shared>(kind: Kind) => parts.map((part) => part.shared[kind]);
  return {
    documents: sorted(
      parts.map(({ document }) => document),
      ({ uuid }) => uuid,
    ),
    shared: {
      ...{ chunk: shared('chunk'), mention: shared('mention') },
      ...{ relation: shared('relation'), entity: shared('entity') },
    },
    chunks: parts.flatMap(({ chunks }) => chunks),
    next: parts.flatMap(({ chunks }) =>
      chunks.slice(1).map((chunk, index) => ({ from: chunks[index]!.uuid, to: chunk.uuid })),
    ),
    mentions: sorted(
      parts.flatMap(({ mentions }) => mentions),
      ({ to }) => to,
    ),
    entities: new Map(parts.flatMap(({ entities }) => entities.map((entity) => [entity.uuid, entity] as const))),
    relations: sorted(
      parts.flatMap(({ relations }) => relations),
      ({ from, to }) => (from < to ? from + to : to + from),
    ),
  };
}

function versionRows(
  keys: Keys,
  memoryId: string,
  ref: WriteRef,
  { record, of }: { readonly record: VersionRecord; readonly of: unknown },
) {
  const { documentId, version, group } = record;
  const versionKey = keys.version(record);
  const createdAt = dateTime(record.createdAt) ?? dateTime('1970-01-01')!;
  const stamp: Properties = {
    apex_memory: memoryId,
    ...{ document_id: documentId, version: neo4j.int(version) },
    ...{ run_id: ref.runId, batch_no: neo4j.int(ref.batchNo) },
    ...{ group_id: groupIdOf(group), created_at: createdAt },
  };
  // What is found by version or batch by itself; mentions are found by their chunks.
  const found: Properties = { ...stamp, apex_version: versionKey, apex_batch: keys.batch(ref) };
  const shared: Shared = {
    chunk: { ...found, fileName: record.name, live: false },
    mention: stamp,
    relation: { ...found, ...NO_END, episodes: [versionKey], live: false },
    entity: { createdAt, p: { apex_memory: memoryId, apex_group: group, group_id: groupIdOf(group) } },
  };
  const nameOf = entityNames(record);
  const entities = record.entities.map((entity) => entityRow(keys, of, entity));
  const chunks = record.chunks
    .toSorted((a, b) => a.ordinal - b.ordinal)
    .map(({ chunkId: id, ordinal, text, page }) => ({
      uuid: keys.item('chunk', id),
      ...{ from: keys.item('chunk', id), to: versionKey, of },
      p: {
        ...{ id, text, text_digest: sha256(text) },
        ...{ index: neo4j.int(ordinal), position: neo4j.int(ordinal), page: page === null ? null : neo4j.int(page) },
      },
    }));
  const mentions = record.mentions.map((mention) => {
    const name = nameOf(mention);
    return {
      uuid: keys.item('mention', mention.mentionId),
      from: keys.item('chunk', mention.chunkId),
      to: keys.item('entity', mention.entityId),
      ...{ document: versionKey, of },
      p: {
        ...{ mention_id: mention.mentionId, name, apex_name: nameKey(name), quote: mention.quote },
        ...{ start: neo4j.int(mention.start), end: neo4j.int(mention.end) },
      },
    };
  });
  const relations = record.relations.map((relation) => ({
    uuid: keys.item('relation', relation.relationId),
    ...{ from: keys.item('entity', relation.subjectId), to: keys.item('entity', relation.objectId), of },
    p: {
      ...{ relation_id: relation.relationId, name: relation.type, fact: relation.quote, chunk_id: relation.chunkId },
      ...{ apex_valid_at: relation.validAt, valid_at: dateTime(relation.validAt) },
      ...statedEnd(relation, record.createdAt),
      ...detailProperties(relation.detail),
    },
  }));
  const edges = relations.slice(0, MAX_LISTED_EDGES).map(({ uuid }) => uuid);
  const document = { uuid: versionKey, p: { ...found, ...documentProperties(record, edges), live: false } };
  return { document, shared, chunks, mentions, entities, relations };
}

/** What LangChain, LlamaIndex, neo4j-graphrag and Graphiti read of a document, and what comes back exactly. */
function documentProperties(record: VersionRecord, edges: readonly string[]): Properties {
  return {
    ...{ id: record.uuid, name: record.name, path: record.sourceUri, fileName: record.name },
    ...{ createdAt: record.createdAt, document_type: record.mediaType },
    ...{ source: episodeSource(record.mediaType), source_description: record.source, entity_edges: edges },
    content: excerpt(record.chunks.map(({ text }) => text)),
    valid_at: dateTime(record.statedAt) ?? dateTime(record.createdAt) ?? dateTime('1970-01-01'),
    ...{ apex_group: record.group, apex_source: record.source, parent_id: record.parentId },
    ...{ content_digest: record.contentDigest, title: record.title, stated_at: record.statedAt },
  };
}

/** Graphiti knows three kinds of episodes that somebody wrote. */
function episodeSource(mediaType: string): string {
  return mediaType === MEDIA_TYPES.json ? 'json' : 'text';
}

function excerpt(texts: readonly string[]): string {
  let content = '';
  for (const text of texts) {
    if (content.length >= CONTENT_LENGTH) break;
    content += content === '' ? text : `\n\n${text}`;
  }
  return content.slice(0, CONTENT_LENGTH).toWellFormed();
}

/**
 * An entity is shared by all documents that mention it, so nothing of it comes from one of them: its name here is its key, and what
 * a document calls it stands on the mention.
 */
function entityRow(keys: Keys, of: unknown, { entityId, type, key }: StoredEntity): EntityRow {
  const name = key.slice(0, INDEXED_LENGTH).toWellFormed();
  return {
    ...{ uuid: keys.item('entity', entityId), of, type },
    p: {
      ...{ entity_id: entityId, apex_type: type, apex_key: key, apex_name: nameKey(key) },
      ...{ name, id: `${key} (${type})` },
    },
  };
}

/** A fact that nothing ends, and that says nothing besides. */
const NO_END = {
  ...{ apex_stated_until: null, apex_detail: null },
  ...{ apex_invalid_at: null, invalid_at: null, apex_expired_at: null, expired_at: null },
};

/** The end that a version states itself is known since it was written. */
function statedEnd({ invalidAt = null }: StoredRelation, createdAt: string): Properties {
  if (invalidAt === null) return {};
  return {
    ...{ apex_stated_until: invalidAt, apex_invalid_at: invalidAt, invalid_at: dateTime(invalidAt) },
    ...{ apex_expired_at: createdAt, expired_at: dateTime(createdAt) },
  };
}

/** What a fact says besides, once as it comes back exactly and once by its names, for those who ask in Cypher. */
function detailProperties(detail: NonNullable<StoredRelation['detail']> = {}): Properties {
  const named = Object.entries(detail).map(([name, value]) => [`detail_${name}`, value] as const);
  return named.length === 0 ? {} : { apex_detail: JSON.stringify(detail), ...Object.fromEntries(named) };
}

/** What an entity was last observed as. */
export function latestRow(keys: Keys, { entityId, at, value }: LatestValue): ItemRow {
  const named = Object.entries(value).map(([name, part]) => [`latest_${name}`, part] as const);
  return {
    uuid: keys.item('entity', entityId),
    p: {
      ...{ apex_latest: JSON.stringify(value), apex_latest_at: at, observed_at: dateTime(at) },
      ...Object.fromEntries(named),
    },
  };
}

/** The end of a fact, as text that comes back exactly and as a time that others compare. */
export function closingRow(keys: Keys, { relationId, invalidAt, expiredAt }: Closing): ItemRow {
  return {
    uuid: keys.item('relation', relationId),
    p: {
      ...{ apex_invalid_at: invalidAt, invalid_at: dateTime(invalidAt) },
      ...{ apex_expired_at: expiredAt, expired_at: dateTime(expiredAt) },
    },
  };
}

/** What a name is found by: a digest of its folded form, because an index takes no long texts. */
export function nameKey(name: string): string {
  return digestOf(folded(name));
}

/**
 * A group as Graphiti takes it: letters, digits, `-` and `_` only. Every other character, and `_` itself, becomes the bytes of its
 * UTF-8, each as `_` and two hexadecimal digits: `north_2` is `north_5f2`. No group is the empty text. One that is longer than an
 * index takes becomes `_x` and a digest, which cannot be turned back; `apex_group` says what it is.
 */
export function groupIdOf(group: string): string {
  const groupId = group.replace(/[^A-Za-z0-9-]+/gu, (text) =>
    Buffer.from(text)
      .toString('hex')
      .replace(/../g, (byte) => `_${byte}`),
  );
  return groupId.length <= INDEXED_LENGTH ? groupId : `_x${digestOf(group)}`;
}

/** The group of such an id; null where it is a digest. */
export function groupOf(groupId: string): string | null {
  if (groupId.startsWith('_x')) return null;
  return groupId.replace(/(?:_[0-9a-f]{2})+/g, (text) => Buffer.from(text.replaceAll('_', ''), 'hex').toString());
}

/** A moment as a zoned datetime, always in UTC: one moment in two zones is not equal to Neo4j. Null where the text is none. */
export function dateTime(text: string | null): unknown {
  const date = new Date(text ?? Number.NaN);
  if (Number.isNaN(date.getTime())) return null;
  return new neo4j.types.DateTime(
    ...([date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()] as const),
    ...([date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()] as const),
    date.getUTCMilliseconds() * 1_000_000,
    0,
  );
}

function sorted<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] {
  const keyed = items.map((item) => ({ item, key: keyOf(item) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ item }) => item);
}
