import { EXIT } from '../../lib/contracts/error-codes.ts';
import type { PivotRequest } from '../../lib/contracts/store.ts';
import type { RunReplay } from '../journal/replay.ts';
import { finishBatch, writeOrDiscard } from '../saga/saga.ts';
import { Quarantine } from './quarantine.ts';
import { failedResult, itemOutcome, LOST_RACE, settledResult } from './results.ts';
import type { RunSession } from './session.ts';

/**
 * Deletes documents and what came in them from all stores, under the same saga as a write: a tombstone by one commit,
 * then everything derived from them goes. A document of which another run made a new version meanwhile is looked at again, once.
 */
export async function deleteAll(session: RunSession, replay: RunReplay): Promise<void> {
  const { targets } = session.plan;
  const onUnknown = (documentId: string) => {
    if (!replay.isDone(documentId)) reportUnknown(documentId, session);
  };
  const found = await withAttachments(targets, session, onUnknown);
  session.onEvent({ kind: 'listed', documents: found.length, isFinal: true });
  const lost = await deleteInBatches(found, session, false);
  const again = lost.length === 0 ? [] : await withAttachments(lost, session, () => {});
  const kept = new Set(await deleteInBatches(again, session, true));
  // Also those that an earlier process of this run deleted and did not come to forget.
  const gone = [...targets, ...[...found, ...again].map(({ documentId }) => documentId)];
  await session.parts.staging.forget(gone.filter((documentId) => !kept.has(documentId)));
}

/** @returns the documents whose version is no longer the one that was to be deleted; on the last try they have failed. */
async function deleteInBatches(
  found: PivotRequest['deletes'],
  session: RunSession,
  isLastTry: boolean,
): Promise<string[]> {
  const { parts, plan, signal, journal, runId } = session;
  const batchSize = parts.limits.batchDocuments;
  const named = (documentId: string) => ({ documentId, group: plan.group, source: plan.source, sourceUri: '' });
  const allLost: string[] = [];
  for (let from = 0; from < found.length; from += batchSize) {
    signal.throwIfAborted();
    const batchNo = session.takeBatchNo();
    await journal.append({ kind: 'batch_assigned', batchNo, isIsolated: false, items: [] });
    const deletes = found.slice(from, from + batchSize);
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
    allLost.push(...lost);
  }
  return allLost;
}

/** The documents to delete, each followed by what came in it. */
async function withAttachments(
  documentIds: readonly string[],
  session: RunSession,
  onUnknown: (documentId: string) => void,
): Promise<PivotRequest['deletes']> {
  const { records } = session.parts.stores;
  const current = await records.current(documentIds, session.signal);
  const quarantine = new Quarantine(await records.quarantined(null, session.signal));
  const deletes = new Map<string, number | null>();
  for (const documentId of documentIds) {
    const version = current.get(documentId)?.version ?? null;
    if (version !== null || quarantine.entryOf(documentId) !== null) deletes.set(documentId, version);
    else onUnknown(documentId);
  }
  // Also of documents that an earlier process of this run has deleted: what came in them may still be there.
  let parentIds: readonly string[] = documentIds;
  while (parentIds.length > 0) {
    const children = await records.children(parentIds, session.signal);
    for (const { documentId, version } of children) deletes.set(documentId, version);
    parentIds = children.map(({ documentId }) => documentId);
  }
  for (const { documentId } of documentIds.flatMap((id) => quarantine.attachmentsOf(id)))
    if (!deletes.has(documentId)) deletes.set(documentId, null);
  return [...deletes].map(([documentId, baseVersion]) => ({ documentId, baseVersion }));
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
