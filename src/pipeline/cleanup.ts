import type { StagingFolder } from '../../lib/contracts/staging.ts';

/**
 * Step 7 of 7, cleanup: removes the staging folders of documents that are safely in the stores.
 *
 * Runs after the pivot's follow-up and before the batch is recorded as done, so that a folder is never left unnoticed.
 * @param neededIds documents whose bytes are needed again and cannot be fetched: they are kept as those of failed ones are.
 */
export async function cleanUp(
  documents: readonly { readonly documentId: string; readonly folder: StagingFolder }[],
  neededIds: ReadonlySet<string>,
): Promise<void> {
  for (const { documentId, folder } of documents)
    await (neededIds.has(documentId) ? folder.markFailed() : folder.remove());
}
