import type { CurrentDocument } from '../../lib/contracts/store.ts';
import type { Candidate } from './classify.ts';
import type { Deletion } from './delete.ts';
import type { ReadDocument } from './document.ts';
import { ancestorIdsOf, attachmentIdOf, attachmentUriOf } from './identity.ts';
import type { AttachmentSource } from './parts.ts';
import type { Quarantine } from './quarantine.ts';

/** How deep attachments may lie in attachments; deeper ones are not read. */
export const MAX_ATTACHMENT_DEPTH = 5;

/** What came in a document, to be looked at as documents of their own. */
export function attachmentCandidates(parent: ReadDocument, source: AttachmentSource): Candidate[] {
  return parent.parsed.attachments.map((attachment, index): Candidate => {
    const id = attachmentIdOf(parent.documentId, index + 1);
    const uri = attachmentUriOf(parent.item.uri, index + 1);
    const item = source.itemOf(attachment, parent.folder.attachmentsPath, { id, uri });
    return { documentId: id, parentId: parent.documentId, item };
  });
}

/** What a memory holds of attachments. */
interface HeldAttachments {
  /** Current documents that came in one of these. */
  readonly children: (parentIds: readonly string[]) => Promise<readonly CurrentDocument[]>;
  readonly quarantine: Quarantine;
}

/**
 * Attachments follow their mail: those that the new version no longer has are deleted with its pivot, and what came in them too.
 *
 * @param prepared documents that get a new version. @param kept all that their new versions have in them, and they themselves.
 */
export async function lostAttachments(
  prepared: readonly string[],
  kept: ReadonlySet<string>,
  { children, quarantine }: HeldAttachments,
): Promise<Deletion[]> {
  const deletes: Deletion[] = [];
  let parentIds = prepared;
  while (parentIds.length > 0) {
    const lost = (await children(parentIds)).filter(({ documentId }) => !kept.has(documentId));
    deletes.push(...lost.map(({ documentId, version }) => ({ documentId, baseVersion: version, sourceUri: '' })));
    parentIds = lost.map(({ documentId }) => documentId);
  }
  // What was set aside is no document; it leaves quarantine with the text it came in.
  const found = new Set(deletes.map(({ documentId }) => documentId));
  const rewritten = new Set([...prepared, ...found]);
  for (const { documentId, sourceUri } of prepared.flatMap((id) => quarantine.attachmentsOf(id))) {
    const isLost = !kept.has(documentId) && !found.has(documentId);
    if (isLost && rewritten.has(ancestorIdsOf(documentId).at(-1)!))
      deletes.push({ documentId, baseVersion: null, sourceUri });
  }
  return deletes;
}
