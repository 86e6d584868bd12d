import { EXIT } from '../../lib/contracts/error-codes.ts';
import type { RecordsStore } from '../../lib/contracts/store.ts';
import type { RunReplay } from '../journal/replay.ts';
import { finishBatch, writeOrDiscard } from '../saga/saga.ts';
import { allQuarantined, Quarantine } from './quarantine.ts';
import { failedResult, itemOutcome, LOST_RACE, settledResult } from './results.ts';
import type { RunSession } from './session.ts';

/** A document to delete. */
export interface Deletion {
  readonly documentId: string;
  /** The version that was current when that was decided; null for what is in quarantine only. */
  readonly baseVersion: number | null;
  /** Where it came from, for people; empty when that is not known. */
  readonly sourceUri: string;
}

/**
 * Deletes documents and what came in them from all stores, under the same saga as a write: a tombstone by one commit,
 * then everything derived from them goes. A document of which another run made a new version meanwhile is looked at again, once.
 */
export async function deleteAll(session: RunSession, replay: RunReplay): Promise<void> {
  const { targets } = session.plan;
  const onUnknown = (documentId: string) => {
    if (!replay.isDone(documentId)) reportUnknown(documentId, session);
  };
  const seen = new Set<string>();
  const lost: string[] = [];
  for (const page of pagesOf(targets, session)) {
    const unseen = page.filter((documentId) => !seen.has(documentId));
    const found = (await named(unseen, session, onUnknown)).filter(({ documentId }) => !seen.has(documentId));
    for (const { documentId } of found) seen.add(documentId);
    session.onEvent({ kind: 'listed', documents: seen.size, isFinal: false });
    lost.push(...(await deleteTogether(found, session, false)));
  }
  session.onEvent({ kind: 'listed', documents: seen.size, isFinal: true });
  const kept = new Set<string>();
  for (const page of pagesOf(lost, session)) {
    const found = await named(page, session, () => {});
    for (const { documentId } of found) seen.add(documentId);
    for (const documentId of await deleteTogether(found, session, true)) kept.add(documentId);
  }
  // Also those that an earlier process of this run deleted and did not come to forget.
  const gone = [...targets, ...seen].filter((documentId) => !kept.has(documentId));
  await session.parts.staging.forget(gone);
}

/** So many at a time that they make a batch. */
function* pagesOf(documentIds: readonly string[], session: RunSession): Generator<readonly string[]> {
  const { batchDocuments } = session.parts.limits;
  for (let from = 0; from < documentIds.length; from += batchDocuments)
    yield documentIds.slice(from, from + batchDocuments);
}

/**
 * Deletes these documents in one batch.
 *
 * @returns the documents whose version is no longer the one that was to be deleted; on the last try they have failed.
 */
export async function deleteTogether(
  deletions: readonly Deletion[],
  session: RunSession,
  isLastTry: boolean,
): Promise<string[]> {
  if (deletions.length === 0) return [];
  const { plan, signal, journal, runId } = session;
  signal.throwIfAborted();
  const places = new Map(deletions.map(({ documentId, sourceUri }) => [documentId, sourceUri]));
  const named = (documentId: string) => ({
    ...{ documentId, group: plan.group, source: plan.source },
    sourceUri: places.get(documentId) ?? '',
  });
  const batchNo = session.takeBatchNo();
  await journal.append({ kind: 'batch_assigned', batchNo, isIsolated: false, items: [] });
  const deletes = deletions.map(({ documentId, baseVersion }) => ({ documentId, baseVersion }));
  const batch = { ref: { runId, batchNo }, fence: await session.fence(), records: [], deletes, quarantined: [] };
  const outcome = await writeOrDiscard(batch, session.saga, session.writeSignal);
  await finishBatch({ ref: batch.ref, outcome }, session.saga, session.writeSignal);
  const deleted = new Set(outcome.deleted);
  const lost = deletes.map(({ documentId }) => documentId).filter((documentId) => !deleted.has(documentId));
  const results = [
    ...outcome.deleted.map((documentId) => settledResult(named(documentId), 'deleted', null)),
    ...(isLastTry ? lost : []).map((documentId) => failedResult(named(documentId), 'failed', LOST_RACE, 0)),
  ];
  await journal.append({ kind: 'batch_done', batchNo, results: results.map(itemOutcome) });
  for (const result of results) session.finish(result);
  return lost;
}

/** The named documents to delete, each with what came in it. */
async function named(
  documentIds: readonly string[],
  session: RunSession,
  onUnknown: (documentId: string) => void,
): Promise<Deletion[]> {
  const { records } = session.parts.stores;
  const current = await records.current(documentIds, session.signal);
  const quarantine = new Quarantine(await allQuarantined(records, session.signal));
  const found: Deletion[] = [];
  for (const documentId of documentIds) {
    const baseVersion = current.get(documentId)?.version ?? null;
    if (baseVersion !== null || quarantine.entryOf(documentId) !== null)
      found.push({ documentId, baseVersion, sourceUri: quarantine.entryOf(documentId)?.sourceUri ?? '' });
    else onUnknown(documentId);
  }
  // Also of documents that an earlier process of this run has deleted: what came in them may still be there.
  return withAttachments(found, { documentIds, quarantine }, session);
}

interface Ancestors {
  /** Whose attachments are meant. */
  readonly documentIds: readonly string[];
  readonly quarantine: Quarantine;
}

/** What knows the children of documents. */
interface HasChildren {
  readonly parts: { readonly stores: { readonly records: Pick<RecordsStore, 'children'> } };
  readonly signal: AbortSignal;
}

/** The deletions, and those of all that came in these documents, at any depth; each document once. */
export async function withAttachments(
  deletions: readonly Deletion[],
  { documentIds, quarantine }: Ancestors,
  { parts, signal }: HasChildren,
): Promise<Deletion[]> {
  const all = new Map(deletions.map((deletion) => [deletion.documentId, deletion]));
  let parentIds = documentIds;
  while (parentIds.length > 0) {
    const children = await parts.stores.records.children(parentIds, signal);
    for (const { documentId, version } of children)
      if (!all.has(documentId)) all.set(documentId, { documentId, baseVersion: version, sourceUri: '' });
    parentIds = children.map(({ documentId }) => documentId);
  }
  for (const { documentId, sourceUri } of documentIds.flatMap((id) => quarantine.attachmentsOf(id)))
    if (!all.has(documentId)) all.set(documentId, { documentId, baseVersion: null, sourceUri });
  return [...all.values()];
}

function reportUnknown(documentId: string, session: RunSession): void {
  session.earn(EXIT.usage);
  session.onEvent({
    kind: 'problem',
    uri: documentId,
    code: 'NOT_FOUND',
    message: `no document has the id ${documentId}`,
  });
}
