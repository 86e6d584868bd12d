import { summaryKey } from '../../lib/contracts/identity.ts';
import type { CacheEntry, DocumentSummary, VersionRecord } from '../../lib/contracts/store.ts';

type Summarised = Pick<
  DocumentSummary,
  | 'documentId'
  | 'version'
  | 'uuid'
  | 'source'
  | 'sourceUri'
  | 'title'
  | 'mediaType'
  | 'contentDigest'
  | 'chunks'
  | 'entities'
  | 'relations'
>;

/** The cached summary of a document's current version: what agents ask for most. JSON with keys in a fixed order. */
export function summaryText(document: Summarised): string {
  const { documentId, version, uuid, source, sourceUri, title, mediaType, contentDigest, chunks, entities, relations } =
    document;
  return JSON.stringify([
    documentId,
    version,
    uuid,
    source,
    sourceUri,
    title,
    mediaType,
    contentDigest,
    chunks,
    entities,
    relations,
  ]);
}

/** The cache entry of a version that has become current. */
export function summaryEntry(memoryId: string, record: VersionRecord): CacheEntry {
  const { documentId, version, chunks, entities, relations } = record;
  const text = summaryText({
    ...record,
    chunks: chunks.length,
    entities: entities.length,
    relations: relations.length,
  });
  return {
    key: summaryKey(memoryId, documentId, version),
    value: Buffer.from(text),
    document: { documentId, version },
  };
}
