import { sha256, uuidOf } from '../../lib/contracts/identity.ts';

/** The id of a document that its user did not name: derived from its source and location, in each group another one. */
export function documentIdOf(source: string, itemId: string, group: string): string {
  const named = group === '' ? [source, itemId] : [source, itemId, group];
  return `doc-${sha256(JSON.stringify(named)).slice(0, 24)}`;
}

/** The id of a file that came inside another document: its place among the attachments, from 1. */
export function attachmentIdOf(parentId: string, position: number): string {
  return `${parentId}.attachment-${position}`;
}

/** The ids of the documents that this one came in, outermost first; none when it stands alone. */
export function ancestorIdsOf(documentId: string): string[] {
  return [...documentId.matchAll(/\.attachment-\d+/g)].map(({ index }) => documentId.slice(0, index));
}

/** The UUIDv5 of a document; the same wherever the document is ingested under this id and group. */
export function documentUuid(group: string, documentId: string): string {
  return uuidOf('document', group, documentId);
}
