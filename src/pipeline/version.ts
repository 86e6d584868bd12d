import { inventoryOf, type Spelled, storedVector } from '../../lib/contracts/identity.ts';
import type {
  StoredChunk,
  StoredEntity,
  StoredMention,
  StoredRelation,
  VersionRecord,
} from '../../lib/contracts/store.ts';
import type { PreparedDocument } from './document.ts';

/** What a version is made of. */
export type VersionContent = Pick<
  PreparedDocument,
  'documentId' | 'parentId' | 'sourceName' | 'parsed' | 'chunks' | 'extraction' | 'vectors'
> & {
  readonly item: Pick<PreparedDocument['item'], 'uri' | 'name' | 'metadata'>;
  readonly file: Pick<PreparedDocument['file'], 'bytes' | 'digest' | 'sourceVersion'>;
};

/** What of a version the graph is made of. */
export type VersionGraph = Pick<VersionRecord, 'entities' | 'mentions' | 'relations'>;

import { chunkIdOf, documentUuid, entityIdOf, mentionIdOf, relationIdOf } from './identity.ts';

interface VersionOptions {
  readonly version: number;
  readonly group: string;
  readonly settingsDigest: string;
  readonly storesDigest: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** What is stated beside what extraction found in the text, about the chunks with their ids. Absent: nothing. */
  readonly stated?: (chunks: readonly StoredChunk[]) => VersionGraph;
  /** Canonical texts of what is in its metadata, where they are at hand. */
  readonly spelled?: Spelled;
}

/** The record of a prepared document under a version: every id a UUIDv5 of what it names, so a repeated write lands on itself. */
export function versionRecord(prepared: VersionContent, options: VersionOptions): VersionRecord {
  const { documentId, parsed, file, item } = prepared;
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
    sourceUri: item.uri,
    name: item.name,
    parentId: prepared.parentId,
    mediaType: parsed.mediaType,
    bytes: file.bytes,
    contentDigest: file.digest,
    sourceVersion: file.sourceVersion ?? null,
    settingsDigest: options.settingsDigest,
    storesDigest: options.storesDigest,
    title: typeof title === 'string' && title !== '' ? title : null,
    metadata: item.metadata === undefined ? parsed.metadata : { ...parsed.metadata, origin: item.metadata },
    statedAt: prepared.extraction.statedAt,
    createdAt: options.createdAt,
    warnings: parsed.warnings,
    ...content,
  };
  return { ...record, inventory: inventoryOf(record, options.spelled) };
}

/** Entities, mentions and relations with their ids; equal ones of one chunk are one. */
export function graphOf(
  { documentId, extraction }: Pick<VersionContent, 'documentId' | 'extraction'>,
  chunks: readonly StoredChunk[],
  options: Pick<VersionOptions, 'version' | 'group' | 'stated'>,
): VersionGraph {
  const { group, version } = options;
  const stated = options.stated?.(chunks) ?? { entities: [], mentions: [], relations: [] };
  const entities = new Map<string, StoredEntity>(stated.entities.map((entity) => [entity.entityId, entity]));
  const mentions = new Map<string, StoredMention>(stated.mentions.map((mention) => [mention.mentionId, mention]));
  for (const { type, key, name, ordinal, start, end, quote } of extraction.mentions) {
    const entityId = entityIdOf(group, { type, key });
    const { chunkId } = chunks[ordinal]!;
    if (!entities.has(entityId)) entities.set(entityId, { entityId, type, key, name });
    const mentionId = mentionIdOf({ chunkId, entityId, start, end });
    mentions.set(mentionId, { mentionId, entityId, chunkId, start, end, quote });
  }
  const relations = new Map<string, StoredRelation>(
    stated.relations.map((relation) => [relation.relationId, relation]),
  );
  for (const { type, subject, object, ordinal, quote } of extraction.relations) {
    const { chunkId } = chunks[ordinal]!;
    const subjectId = entityIdOf(group, subject);
    const objectId = entityIdOf(group, object);
    const relation = { type, subjectId, objectId, chunkId, quote, validAt: extraction.statedAt };
    const relationId = relationIdOf({ documentId, version }, relation);
    relations.set(relationId, { relationId, ...relation });
  }
  return { entities: [...entities.values()], mentions: [...mentions.values()], relations: [...relations.values()] };
}
