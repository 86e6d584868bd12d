import { ERROR_CODES, EXIT } from '../../lib/contracts/error-codes.ts';
import { groupNamed } from '../../lib/contracts/errors.ts';
import type { RecordsStore, Tombstone } from '../../lib/contracts/store.ts';
import { hintOf, nearDocumentId } from '../config/near-ids.ts';
import type { RunReplay } from '../journal/replay.ts';
import { finishBatch, writeOrDiscard } from '../saga/saga.ts';
import { pagesOf } from './bounded.ts';
import { allQuarantined, Quarantine } from './quarantine.ts';
import { deletedResult, failedResult, itemOutcome, LOST_RACE } from './results.ts';
import type { RunSession } from './session.ts';

/** A document to delete. */
export interface Deletion extends Tombstone {
  /** Where it came from, for people; empty when that is not known. */
  readonly sourceUri: string;
  /** What it was read with, for people; absent: what the run reads with. */
  readonly source?: string;
}

/**
 * Deletes documents and what came in them from all stores, under the same saga as a write: a tombstone by one commit,
 * then everything derived from them goes. A document of which another run made a new version meanwhile is looked at again, once.
 */
export async function deleteAll(session: RunSession, replay: RunReplay): Promise<void> {
  const { targets } = session.plan;
  const { batchSize } = session.parts.limits;
  let hints = 0;
  const onUnknown = async (documentId: string) => {
    if (replay.isDone(documentId)) return;
    hints += 1;
    await reportUnknown(documentId, hints <= MAX_HINTS, session);
  };
  const seen = new Set<string>();
  const lost: string[] = [];
  for (const page of pagesOf(targets, batchSize)) {
    const unseen = page.filter((documentId) => !seen.has(documentId));
    const found = (await named(unseen, session, onUnknown)).filter(({ documentId }) => !seen.has(documentId));
    for (const { documentId } of found) seen.add(documentId);
    session.onEvent({ kind: 'listed', documents: seen.size, isFinal: false });
    lost.push(...(await deleteTogether(found, session, false)));
  }
  session.onEvent({ kind: 'listed', documents: seen.size, isFinal: true });
  const kept = new Set<string>();
  for (const page of pagesOf(lost, batchSize)) {
    const found = await named(page, session, async () => {});
    for (const { documentId } of found) seen.add(documentId);
    for (const documentId of await deleteTogether(found, session, true)) kept.add(documentId);
  }
  // Also those that an earlier process of this run deleted and did not come to forget.
  const gone = [...targets, ...seen, ...deletedBefore(replay)].filter((documentId) => !kept.has(documentId));
  await forgetStaged(gone, session);
  await eraseTraces(session);
}

/** What earlier processes of this run deleted, with what came in it. */
export function deletedBefore(replay: RunReplay): string[] {
  return replay.results.filter(({ outcome }) => outcome === 'deleted').map(({ documentId }) => documentId);
}

/** Removes what staging keeps of documents that were deleted. */
export async function forgetStaged(documentIds: readonly string[], { parts }: RunSession): Promise<void> {
  if (documentIds.length === 0) return;
  const atWork = new Set((await parts.registry.list()).filter(({ isOwned }) => isOwned).map(({ runId }) => runId));
  await parts.staging.forget(documentIds, (runId) => atWork.has(runId));
}

/** Sees to it that nothing of what was deleted can be read from any file, or says that it still can. */
export async function eraseTraces(session: RunSession): Promise<void> {
  const isErased = await session.parts.stores.records.erase(session.signal);
  session.erased = isErased && !session.hasCacheFailed;
  if (!isErased) warnOfTraces(session, IN_FILES);
  if (session.hasCacheFailed) warnOfTraces(session, IN_CACHE);
}

function warnOfTraces(session: RunSession, message: string): void {
  session.earn(ERROR_CODES.NOT_ERASED.exit);
  session.onEvent({ kind: 'warning', code: 'NOT_ERASED', message });
}

const IN_CACHE =
  'what was deleted is no longer found, but the cache did not answer: what it holds stays until apex verify --repair has been run with it';
const IN_FILES =
  'what was deleted is no longer found, but another process is using the memory: traces stay in its files until apex cleanup has been run without it';

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
  const known = new Map(deletions.map((deletion) => [deletion.documentId, deletion]));
  const named = (documentId: string) => ({
    ...{ documentId, group: plan.group, source: known.get(documentId)?.source ?? plan.source },
    sourceUri: known.get(documentId)?.sourceUri ?? '',
  });
  const batchNo = session.takeBatchNo();
  await journal.append({ kind: 'batch_assigned', batchNo, isIsolated: false, items: [] });
  const deletes = deletions.map(({ documentId, baseVersion }) => ({ documentId, baseVersion }));
  const batch = { ref: { runId, batchNo }, fence: await session.fence(), records: [], deletes, quarantined: [] };
  const outcome = await writeOrDiscard(batch, session.saga, session.writeSignal);
  const removed = await finishBatch({ ref: batch.ref, outcome }, session.saga, session.writeSignal);
  const deleted = new Set(outcome.deleted);
  const lost = deletes.map(({ documentId }) => documentId).filter((documentId) => !deleted.has(documentId));
  const results = [
    ...outcome.deleted.map((documentId) => deletedResult(named(documentId), removed.of(documentId))),
    ...(isLastTry ? lost : []).map((documentId) => failedResult(named(documentId), 'failed', LOST_RACE, 0)),
  ];
  await session.recordUse();
  await journal.append({ kind: 'batch_done', batchNo, results: results.map(itemOutcome) });
  for (const result of results) session.finish(result);
  return lost;
}

/** The named documents to delete, each with what came in it. */
async function named(
  documentIds: readonly string[],
  session: RunSession,
  onUnknown: (documentId: string) => Promise<void>,
): Promise<Deletion[]> {
  const { records } = session.parts.stores;
  const current = await records.current(documentIds, session.signal);
  const quarantine = new Quarantine(await allQuarantined(records, session.signal));
  const found: Deletion[] = [];
  const others = new Set<string>();
  for (const documentId of documentIds) {
    const baseVersion = current.get(documentId)?.version ?? null;
    const entry = quarantine.entryOf(documentId);
    const group = baseVersion === null ? entry?.group : current.get(documentId)?.group;
    if (group === undefined) await onUnknown(documentId);
    else if (group === session.plan.group) found.push({ documentId, baseVersion, sourceUri: entry?.sourceUri ?? '' });
    else {
      others.add(documentId);
      reportOther(documentId, group, session);
    }
  }
  // Also of documents that an earlier process of this run has deleted: what came in them may still be there.
  const own = documentIds.filter((documentId) => !others.has(documentId));
  return withAttachments(found, { documentIds: own, quarantine }, session);
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

/** For so many unknown ids near ones are looked for: each look reads all ids. */
const MAX_HINTS = 3;

async function reportUnknown(documentId: string, isHinted: boolean, session: RunSession): Promise<void> {
  const { parts, signal } = session;
  const near = isHinted ? await nearDocumentId(documentId, parts.stores.records, signal) : null;
  session.earn(EXIT.usage);
  const message = `no document has the id ${documentId}${hintOf(near)}`;
  session.onEvent({ kind: 'problem', uri: documentId, code: 'NOT_FOUND', message });
}

/** A document of another group is nobody's to delete here. */
function reportOther(documentId: string, group: string, session: RunSession): void {
  session.earn(EXIT.usage);
  const message = `document ${documentId} belongs to ${groupNamed(group)}, not to ${groupNamed(session.plan.group)}`;
  session.onEvent({ kind: 'problem', uri: documentId, code: 'NOT_FOUND', message });
}
