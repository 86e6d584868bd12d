import type { DeleteSelection } from '../../lib/contracts/journal.ts';
import type { AfterDocument, RecordsStore, SelectedDocument } from '../../lib/contracts/store.ts';
import type { RunReplay } from '../journal/replay.ts';
import { pagesOf } from './bounded.ts';
import { deletedBefore, deleteTogether, eraseTraces, forgetStaged, withAttachments } from './delete.ts';
import { allQuarantined, Quarantine } from './quarantine.ts';
import type { RunSession } from './session.ts';

/** How many documents are counted together. */
const PAGE_DOCUMENTS = 1_000;

/** A selection within a group. */
export interface SelectedGroup extends Pick<DeleteSelection, 'source' | 'createdBefore'> {
  readonly group: string;
}

/** A selected document; one that is in quarantine only has no version. */
interface Selected extends Pick<SelectedDocument, 'documentId' | 'sourceUri'> {
  readonly version: number | null;
}

/**
 * Deletes the documents of a plan's selection, and what came in them, batch after batch. What was selected is found again by every
 * process of the run: what is gone is gone. A document of which another run made a new version meanwhile is not selected any more.
 */
export async function deleteSelected(session: RunSession, replay: RunReplay): Promise<void> {
  const { plan, parts, signal } = session;
  const { group, selection } = plan;
  const { records } = parts.stores;
  const deleted = new Set(deletedBefore(replay));
  for (const isLastTry of [false, true]) {
    let hasLost = false;
    const quarantine = new Quarantine(await allQuarantined(records, signal));
    const pages = selectedPages({ ...selection!, group }, { records, quarantine }, parts.limits.batchSize, signal);
    for await (const page of pages) {
      const documentIds = page.map(({ documentId }) => documentId);
      const deletions = page.map(({ version, ...document }) => ({ ...document, baseVersion: version }));
      const found = await withAttachments(deletions, { documentIds, quarantine }, session);
      for (const { documentId } of found) deleted.add(documentId);
      session.onEvent({ kind: 'listed', documents: deleted.size, isFinal: false });
      for (const documentId of await deleteTogether(found, session, isLastTry)) {
        deleted.delete(documentId);
        hasLost = true;
      }
    }
    if (!hasLost) break;
  }
  session.onEvent({ kind: 'listed', documents: deleted.size, isFinal: true });
  await forgetStaged([...deleted], session);
  await eraseTraces(session);
}

/** How many documents are selected, without what came in them. */
export async function countSelected(
  selection: SelectedGroup,
  records: RecordsStore,
  signal: AbortSignal,
): Promise<number> {
  const quarantine = new Quarantine(await allQuarantined(records, signal));
  let count = 0;
  for await (const page of selectedPages(selection, { records, quarantine }, PAGE_DOCUMENTS, signal))
    count += page.length;
  return count;
}

interface SelectionParts {
  readonly records: RecordsStore;
  readonly quarantine: Quarantine;
}

/** What is selected, current documents first, then what is in quarantine only. */
async function* selectedPages(
  { source, createdBefore, group }: SelectedGroup,
  { records, quarantine }: SelectionParts,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<readonly Selected[]> {
  const filter = { source, group, createdBefore, uriPrefix: null };
  for (let after: AfterDocument = null; ; ) {
    const page: readonly SelectedDocument[] = await records.select(filter, { after, limit }, signal);
    if (page.length > 0) yield page.map(({ documentId, sourceUri, version }) => ({ documentId, sourceUri, version }));
    if (page.length < limit) break;
    after = page[page.length - 1]!;
  }
  const setAside = quarantine.standingAlone(group, source).filter(({ at }) => at < createdBefore);
  for (const entries of pagesOf(setAside, limit)) {
    const current = await records.current(
      entries.map(({ documentId }) => documentId),
      signal,
    );
    const page = entries
      .filter(({ documentId }) => (current.get(documentId)?.version ?? null) === null)
      .map(({ documentId, sourceUri }) => ({ documentId, sourceUri, version: null }));
    if (page.length > 0) yield page;
  }
}
