import { inventoryOf, storedVector } from '../../lib/contracts/identity.ts';
import type {
  StoredChunk,
  StoredEntity,
  StoredMention,
  StoredRelation,
  VersionRecord,
} from '../../lib/contracts/store.ts';
import type { PreparedDocument } from './document.ts';
import { chunkIdOf, documentUuid, entityIdOf, mentionIdOf, relationIdOf } from './identity.ts';

interface VersionOptions {
  readonly version: number;
  readonly group: string;
  readonly settingsDigest: string;
  readonly storesDigest: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** The record of a prepared document under a version: every id a UUIDv5 of what it names, so a repeated write lands on itself. */
export function versionRecord(prepared: PreparedDocument, options: VersionOptions): VersionRecord {
  const { documentId, parsed, file } = prepared;
  const { version, group } = options;
  const chunks = prepared.chunks.map(
    (chunk, index): StoredChunk => ({
      ...chunk,
      chunkId: chunkIdOf({ group, documentId, version }, chunk.ordinal),
      vector: storedVector(prepared.vectors[index]!),
    }),
  );
  const content = { chunks, ...graphOf(prepared, chunks, options) };
  const title = parsed.metadata['title'];
  const record = {
    documentId,
    version,
    uuid: documentUuid(group, documentId),
    group,
    source: prepared.sourceName,
    sourceUri: prepared.item.uri,
    name: prepared.item.name,
    parentId: prepared.parentId,
    mediaType: parsed.mediaType,
    bytes: file.bytes,
    contentDigest: file.digest,
    settingsDigest: options.settingsDigest,
    storesDigest: options.storesDigest,
    title: typeof title === 'string' && title !== '' ? title : null,
    metadata: parsed.metadata,
    statedAt: prepared.extraction.statedAt,
    createdAt: options.createdAt,
    warnings: parsed.warnings,
    ...content,
  };
  return { ...record, inventory: inventoryOf(record) };
}

/** Entities, mentions and relations with their ids; equal ones of one chunk are one. */
function graphOf(
  prepared: PreparedDocument,
  chunks: readonly StoredChunk[],
  options: VersionOptions,
): Pick<VersionRecord, 'entities' | 'mentions' | 'relations'> {
  const { group, version } = options;
  const { documentId, extraction } = prepared;
  const entities = new Map<string, StoredEntity>();
  const mentions = new Map<string, StoredMention>();
  for (const { type, key, name, ordinal, start, end, quote } of extraction.mentions) {
    const entityId = entityIdOf(group, { type, key });
    const { chunkId } = chunks[ordinal]!;
    if (!entities.has(entityId)) entities.set(entityId, { entityId, type, key, name });
    const mentionId = mentionIdOf({ chunkId, entityId, start, end });
    mentions.set(mentionId, { mentionId, entityId, chunkId, start, end, quote });
  }
  const relations = new Map<string, StoredRelation>();
  for (const { type, subject, object, ordinal, quote } of extraction.relations) {
    const { chunkId } = chunks[ordinal]!;
    const subjectId = entityIdOf(group, subject);
    const objectId = entityIdOf(group, object);
    const relationId = relationIdOf({ documentId, version }, { type, subjectId, objectId, chunkId });
    relations.set(relationId, { relationId, type, subjectId, objectId, chunkId, quote, validAt: extraction.statedAt });
  }
  return { entities: [...entities.values()], mentions: [...mentions.values()], relations: [...relations.values()] };
}
