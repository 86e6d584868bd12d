import { summaryKey } from '../../lib/contracts/identity.ts';
import type { CacheEntry, VersionRecord } from '../../lib/contracts/store.ts';

/** The cached summary of a document's current version: what `status` and agents ask for most. Plain JSON, keys in fixed order. */
export function summaryEntry(memoryId: string, record: VersionRecord): CacheEntry {
  const { documentId, version, uuid, source, sourceUri, title, mediaType, contentDigest } = record;
  const { chunks, entities, relations } = record;
  const summary = {
    document_id: documentId,
    version,
    uuid,
    source,
    source_uri: sourceUri,
    title,
    media_type: mediaType,
    content_digest: contentDigest,
    chunks: chunks.length,
    entities: entities.length,
    relations: relations.length,
  };
  return {
    key: summaryKey(memoryId, documentId, version),
    value: Buffer.from(JSON.stringify(summary)),
    document: { documentId, version },
  };
}
