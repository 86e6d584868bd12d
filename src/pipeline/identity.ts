import { canonicalJson, sha256, uuidOf } from '../../lib/contracts/identity.ts';
import type { DocumentVersion, StoredEntity, StoredMention, StoredRelation } from '../../lib/contracts/store.ts';

/** The id of a document that its user did not name: derived from its source and location, in each group another one. */
export function documentIdOf(source: string, itemId: string, group: string): string {
  const named = group === '' ? [source, itemId] : [source, itemId, group];
  return `doc-${sha256(JSON.stringify(named)).slice(0, 24)}`;
}

/** The id in staging of a payload of records. */
export function payloadIdOf(source: string, itemId: string, group: string): string {
  return `payload-${sha256(JSON.stringify([source, itemId, group])).slice(0, 24)}`;
}

/** The id of a file that came inside another document: its place among the attachments, from 1. */
export function attachmentIdOf(parentId: string, position: number): string {
  return `${parentId}.attachment-${position}`;
}

/** Where that file is, for people and for `rootOf`. */
export function attachmentUriOf(parentUri: string, position: number): string {
  return `${parentUri}#attachment-${position}`;
}

/** Place among the attachments, from 1; 0 when the id tells none. */
export function attachmentPositionOf(documentId: string): number {
  return Number(/\.attachment-(\d+)$/.exec(documentId)?.[1] ?? 0);
}

/** The ids of the documents that this one came in, outermost first; none when it stands alone. */
export function ancestorIdsOf(documentId: string): string[] {
  return [...documentId.matchAll(/\.attachment-\d+/g)].map(({ index }) => documentId.slice(0, index));
}

/**
 * The outermost document that the one of this id and location came in, itself when it stands alone. Told by the location: a user
 * may name a document like an attachment.
 */
export function rootOf(documentId: string, uri: string): { readonly documentId: string; readonly uri: string } {
  const rootUri = uri.replace(/(?:#attachment-\d+)+$/, '');
  const depth = uri.slice(rootUri.length).split('#').length - 1;
  const rootId = depth === 0 ? documentId : ancestorIdsOf(documentId).at(-depth);
  return { documentId: rootId ?? documentId, uri: rootUri };
}

/** The UUIDv5 of a document; the same wherever the document is ingested under this id and group. */
export function documentUuid(group: string, documentId: string): string {
  return uuidOf('document', group, documentId);
}

/** The id of a chunk: its place in one version. */
export function chunkIdOf(
  { group, documentId, version }: DocumentVersion & { readonly group: string },
  ordinal: number,
): string {
  return uuidOf('chunk', group, documentId, version, ordinal);
}

/** The id of an entity: the same wherever it is mentioned in the group. */
export function entityIdOf(
  group: string,
  { type, key }: Readonly<Record<'type' | 'key', string>>,
): StoredEntity['entityId'] {
  return uuidOf('entity', group, type, key);
}

/** The id of a mention: its place in a chunk. */
export function mentionIdOf({ chunkId, entityId, start, end }: Omit<StoredMention, 'mentionId' | 'quote'>): string {
  return uuidOf('mention', chunkId, entityId, start, end);
}

/**
 * The id of a relation as one version states it. One that says more than that it holds may hold several times, at different times and
 * in different ways: those of records do.
 */
export function relationIdOf(
  { documentId, version }: DocumentVersion,
  { type, subjectId, objectId, chunkId, validAt, detail = {} }: Omit<StoredRelation, 'relationId' | 'quote'>,
): string {
  return Object.keys(detail).length === 0
    ? uuidOf('relation', documentId, version, type, subjectId, objectId, chunkId)
    : uuidOf('relation', documentId, version, type, subjectId, objectId, validAt, canonicalJson(detail));
}

/** The document of a thing, in each group another one. */
export function thingDocumentId(group: string, key: string): string {
  return group === '' ? key : `${group}/${key}`;
}
