import type { StagedFile } from '../../lib/contracts/document.ts';
import type { Source, SourceItem } from '../../lib/contracts/source.ts';
import type { StagingFolder } from '../../lib/contracts/staging.ts';
import type { StepContext } from './context.ts';
import { RETRIES, withRetries } from './steps.ts';

/**
 * Step 1 of 7, stage: an item in, its bytes on local disk out.
 *
 * Bytes that an earlier attempt of the same run staged are taken as they are when they cannot be read again.
 * @throws SourceError as the source says.
 */
export async function stage(
  item: SourceItem,
  source: Source,
  folder: StagingFolder,
  context: StepContext,
): Promise<StagedFile> {
  if (!item.isRepeatable) {
    const kept = await folder.staged();
    if (kept !== null) return kept;
  }
  return withRetries(RETRIES.stage, context, () => folder.stage(source, item, context.signal));
}
