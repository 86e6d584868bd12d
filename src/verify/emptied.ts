import { StoreError } from '../../lib/contracts/errors.ts';
import type { RunRegistry } from '../../lib/contracts/journal.ts';
import type { RecordsStore } from '../../lib/contracts/store.ts';

/**
 * A memory that was emptied, or lost and made anew, holds nothing and differs in nothing: only the journals tell that something was
 * written to it.
 *
 * @throws StoreError MEMORY_DAMAGED when it holds no document and knows none of the runs that made something visible here.
 */
export async function assertNotEmptied(
  { records, registry }: { readonly records: RecordsStore; readonly registry: RunRegistry },
  signal: AbortSignal,
): Promise<void> {
  if ((await records.currentVersions(null, 1, signal)).length > 0) return;
  let writer: string | null = null;
  for (const { runId } of await registry.list()) {
    if ((await records.runMirror(runId, signal)) !== null) return;
    if (await hasPivoted(registry, runId)) writer ??= runId;
  }
  if (writer === null) return;
  throw new StoreError(
    `memory.db holds nothing, though run ${writer} made documents visible in it: it was emptied, or lost and made anew`,
    { code: 'MEMORY_DAMAGED', details: { runId: writer } },
  );
}

async function hasPivoted(registry: RunRegistry, runId: string): Promise<boolean> {
  for await (const { entry } of registry.readEntries(runId)) if (entry.kind === 'pivot_done') return true;
  return false;
}
