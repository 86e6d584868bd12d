import { EXIT } from '../../lib/contracts/error-codes.ts';
import type { PivotRequest } from '../../lib/contracts/store.ts';
import type { RunReplay } from '../journal/replay.ts';
import { finishBatch, writeOrDiscard } from '../saga/saga.ts';
import { itemOutcome, settledResult } from './results.ts';
import type { RunSession } from './session.ts';

/**
 * Deletes documents and what came in them from all stores, under the same saga as a write: a tombstone by one commit,
 * then everything derived from them goes.
 */
export async function deleteAll(session: RunSession, replay: RunReplay): Promise<void> {
  const { parts, plan, signal, journal, runId } = session;
  const batchSize = parts.limits.batchDocuments;
  const found = await withAttachments(session, replay);
  session.onEvent({ kind: 'listed', documents: found.length, isFinal: true });
  for (let from = 0; from < found.length; from += batchSize) {
    signal.throwIfAborted();
    const batchNo = session.takeBatchNo();
    await journal.append({ kind: 'batch_assigned', batchNo, isIsolated: false, items: [] });
    const deletes = found.slice(from, from + batchSize);
    const batch = { ref: { runId, batchNo }, fence: await session.fence(), records: [], deletes, quarantined: [] };
    const outcome = await writeOrDiscard(batch, session.saga, session.writeSignal);
    await finishBatch(outcome, session.saga, session.writeSignal);
    const results = outcome.deleted.map((documentId) =>
      settledResult({ documentId, group: plan.group, source: plan.source, sourceUri: '' }, 'deleted', null),
    );
    await journal.append({ kind: 'batch_done', batchNo, results: results.map(itemOutcome) });
    for (const result of results) session.finish(result);
  }
}

/** The documents to delete, each followed by what came in it. Ids that name nothing are reported. */
async function withAttachments(session: RunSession, replay: RunReplay): Promise<PivotRequest['deletes']> {
  const { records } = session.parts.stores;
  const documentIds = session.plan.targets;
  const current = await records.current(documentIds, session.signal);
  const setAside = new Set(
    (await records.quarantined(documentIds, session.signal)).map(({ documentId }) => documentId),
  );
  const deletes = new Map<string, number | null>();
  for (const documentId of documentIds) {
    const version = current.get(documentId)?.version ?? null;
    if (version !== null || setAside.has(documentId)) deletes.set(documentId, version);
    else if (!replay.isDone(documentId)) reportUnknown(documentId, session);
  }
  // Also of documents that an earlier process of this run has deleted: what came in them may still be there.
  let parentIds: readonly string[] = documentIds;
  while (parentIds.length > 0) {
    const children = await records.children(parentIds, session.signal);
    for (const { documentId, version } of children) deletes.set(documentId, version);
    parentIds = children.map(({ documentId }) => documentId);
  }
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
