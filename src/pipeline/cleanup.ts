import type { StagingFolder } from '../../lib/contracts/staging.ts';

/**
 * Step 7 of 7, cleanup: removes the staging folders of documents that are safely in the stores.
 *
 * Runs after the pivot's follow-up and before the batch is recorded as done, so that a folder is never left unnoticed.
 */
export async function cleanUp(documents: readonly { readonly folder: StagingFolder }[]): Promise<void> {
  for (const { folder } of documents) await folder.remove();
}
