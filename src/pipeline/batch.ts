import type { DocumentResult } from '../../lib/contracts/apex.ts';
import type { QuarantineEntry } from '../../lib/contracts/document.ts';
import { type ApexError, type ErrorReport, isApexError, ParseError } from '../../lib/contracts/errors.ts';
import type { AssignedItem } from '../../lib/contracts/journal.ts';
import type { StepName } from '../../lib/contracts/pipeline.ts';
import type { PivotOutcome, SetAsideDocument } from '../../lib/contracts/store.ts';
import type { RunReplay } from '../journal/replay.ts';
import type { RemovedItems } from '../saga/removal.ts';
import { finishBatch, type PreparedBatch, writeOrDiscard } from '../saga/saga.ts';
import { endStaged } from '../staged/take.ts';
import { attachmentCandidates, lostAttachments, MAX_ATTACHMENT_DEPTH } from './attachments.ts';
import { workThrough } from './bounded.ts';
import { classify, type Verdict } from './classify.ts';
import { cleanUp } from './cleanup.ts';
import type { StepContext } from './context.ts';
import type { Deletion } from './delete.ts';
import {
  type DocumentInput,
  type PreparedDocument,
  prepareDocument,
  type ReadDocument,
  readDocument,
} from './document.ts';
import { isDocumentsFault, isTooMuchTogether, reportOf } from './failure.ts';
import { Families } from './families.ts';
import { ancestorIdsOf, documentUuid, rootOf } from './identity.ts';
import { type JoinedDocument, joinedWithOthers } from './places.ts';
import {
  deletedResult,
  failedResult,
  itemOutcome,
  journaledError,
  LOST_RACE,
  unchangedResult,
  writtenResult,
} from './results.ts';
import type { RunSession } from './session.ts';
import { versionRecord } from './version.ts';

/** A document of a batch that will not be written. */
interface SetAside {
  readonly input: DocumentInput;
  readonly error: ErrorReport;
  readonly contentDigest: string;
  /** What its source calls these bytes. */
  readonly sourceVersion: string | null;
  /** How an earlier run set it aside, where it was not tried again; else null. */
  readonly remembered: QuarantineEntry | null;
}

/** What preparing a batch's documents gave. */
interface Preparation {
  readonly prepared: PreparedDocument[];
  readonly setAside: SetAside[];
  /** Attachments found unchanged, and documents that were read only for what came in them. */
  readonly unchanged: { readonly input: DocumentInput; readonly version: number | null }[];
  /** Documents that were read only for what came in them. */
  readonly kept: ReadDocument[];
  /** Documents whose bytes are those of others. They count as unchanged. */
  readonly joined: readonly JoinedDocument[];
}

interface BatchOptions {
  readonly inputs: readonly DocumentInput[];
  /** What is deleted together with documents of these contents, because it was moved to where they are. */
  readonly movedTo: (contentDigests: readonly string[]) => Promise<readonly Deletion[]>;
  /** What earlier processes of this run tried. */
  readonly replay: RunReplay;
  /** These documents lost the race before; whoever loses again is given up. */
  readonly isLastTry: boolean;
  /** Each document is prepared in a process of its own first, because these documents were in flight when the main one died. */
  readonly isIsolated: boolean;
}

/**
 * Takes a batch of documents from their sources to the stores: prepared side by side, written and made visible together.
 *
 * Four synced commits of the journal: assigned, effects planned, pivot planned, done.
 * @returns the documents that another run overtook; their sources are to be read again.
 */
export async function runBatch(options: BatchOptions, session: RunSession): Promise<DocumentInput[]> {
  const { journal, parts } = session;
  const batchNo = session.takeBatchNo();
  const startedMs = parts.surroundings.elapsed();
  const items = options.inputs.map((input) => assignedItem(input, options.replay.attemptsOf(input.documentId) + 1));
  await journal.append({ kind: 'batch_assigned', batchNo, isIsolated: options.isIsolated, items });
  const preparation = await prepareAll(options, batchNo, session);
  if (isEmpty(preparation)) {
    await session.recordUse();
    await journal.append({ kind: 'batch_done', batchNo, results: [] });
    return [];
  }
  const deletes = [
    ...(await lostOf(preparation, session)),
    ...(await options.movedTo(contentsOf(preparation))),
    ...(await setAsideBefore(preparation, session)),
  ];
  return writePrepared({ ...preparation, deletes, batchNo, isLastTry: options.isLastTry, startedMs }, session);
}

/** Everything in the batch was left for another time. */
function isEmpty({ prepared, setAside, unchanged }: Preparation): boolean {
  return prepared.length + setAside.length + unchanged.length === 0;
}

/** The contents of what is not left for another time, without what came in it. */
function contentsOf({ prepared, setAside }: Preparation): string[] {
  const inputs = [...prepared, ...setAside.map(({ input }) => input)];
  return inputs.filter(({ parentId }) => parentId === null).map(({ contentDigest }) => contentDigest);
}

function assignedItem(
  { documentId, parentId, item, baseVersion, contentDigest }: DocumentInput,
  attempt: number,
): AssignedItem {
  // The name of what came in a document is a part of that document, and the journal keeps no contents.
  const { metadata: _contents, ...listed } = item;
  const named = parentId === null ? listed : { ...listed, name: '' };
  return { documentId, parentId, item: named, baseVersion, attempt, contentDigest };
}

async function prepareAll(options: BatchOptions, batchNo: number, session: RunSession): Promise<Preparation> {
  const { parts, signal, runId, journal } = session;
  const preparation: Preparation = { prepared: [], setAside: [], unchanged: [], kept: [], joined: [] };
  const families = new Families();
  const queue = options.inputs.map((input) => ({ input, depth: 0 }));
  await workThrough(queue, options.isIsolated ? 1 : parts.limits.concurrency, async ({ input, depth }) => {
    const { documentId, sourceName } = input;
    families.take(input);
    if (session.isLeaving(input)) {
      families.leave(input);
      session.leave();
      return;
    }
    let step: StepName = 'stage';
    const watch = session.measures.watch();
    const context: StepContext = {
      runId,
      signal,
      surroundings: parts.surroundings,
      onRetry: (retry) => session.noteRetry(step, retry, sourceName),
      onStep: (_, reached) => {
        step = reached;
        watch.begin(reached);
        session.onEvent({ kind: 'step', documentId, step });
      },
    };
    try {
      if (options.isIsolated) await prepareInIsolation({ input, batchNo, context }, options.replay, session);
      const read = await readOrPrepare(input, preparation, context, session);
      watch.complete();
      session.noteRead(read);
      const children = depth < MAX_ATTACHMENT_DEPTH ? await attachmentsOf(read, preparation, session) : [];
      queue.push(...children.map((child) => ({ input: child, depth: depth + 1 })));
    } catch (failure) {
      if (isApexError(failure) && failure.code === 'CAP_REACHED') {
        session.stopAfterBatch(failure);
        families.leave(input);
        return;
      }
      watch.fail();
      if (!isDocumentsFault(failure)) throw failure;
      const folder = await parts.staging.open(sourceName, documentId, runId);
      // What an earlier process staged is not what could not be fetched now.
      const staged = step === 'stage' ? null : await folder.staged();
      if (staged !== null) session.noteStaged(sourceName, staged.bytes);
      const contentDigest = staged?.digest ?? input.contentDigest;
      const sourceVersion = staged?.sourceVersion ?? null;
      await folder.markFailed();
      const error = reportOf(failure, step);
      preparation.setAside.push({ input, error, contentDigest, sourceVersion, remembered: null });
      session.noteSetAside(input.item, error);
      await journal.append({
        kind: 'item_set_aside',
        batchNo,
        result: { documentId, outcome: 'quarantined', version: null, error: journaledError(error) },
      });
    }
    session.onEvent({ kind: 'prepared', documentId });
  });
  preparation.prepared.sort(byDocumentId);
  preparation.setAside.sort((a, b) => byDocumentId(a.input, b.input));
  if (families.left.length === 0) return withoutJoined(preparation, session);
  await journal.append({ kind: 'items_left', batchNo, documentIds: families.left });
  return withoutJoined(
    filtered(preparation, (input) => families.isWhole(input)),
    session,
  );
}

function filtered(preparation: Preparation, isWanted: (input: DocumentInput) => boolean): Preparation {
  return {
    prepared: preparation.prepared.filter(isWanted),
    setAside: preparation.setAside.filter(({ input }) => isWanted(input)),
    unchanged: preparation.unchanged.filter(({ input }) => isWanted(input)),
    kept: preparation.kept.filter(isWanted),
    joined: preparation.joined,
  };
}

/** Where documents are of the same bytes one is written, and the others go, with what came in them. */
async function withoutJoined(preparation: Preparation, session: RunSession): Promise<Preparation> {
  const joined = await joinedWithOthers(preparation.prepared, session);
  if (joined.length === 0) return preparation;
  const gone = new Set(joined.map(({ input }) => input.documentId));
  const left = filtered(
    preparation,
    ({ documentId }) => ![documentId, ...ancestorIdsOf(documentId)].some((id) => gone.has(id)),
  );
  const asOthers = joined.map(({ input, place, version }) => ({
    input: { ...input, documentId: place.documentId },
    version,
  }));
  return { ...left, unchanged: [...left.unchanged, ...asOthers], joined };
}

/** A document that stays as it is, is read for what came in it; the others are prepared to be written. */
async function readOrPrepare(
  input: DocumentInput,
  preparation: Preparation,
  context: StepContext,
  session: RunSession,
): Promise<ReadDocument> {
  const { parts, use } = session;
  if (input.keptVersion !== null) {
    const read = await readDocument(input, parts, context);
    preparation.kept.push(read);
    preparation.unchanged.push({ input, version: input.keptVersion });
    return read;
  }
  const onCacheFailure = (error: unknown) => session.warnOfCache(error);
  const prepared = await prepareDocument(input, { ...parts, use, onCacheFailure }, context);
  preparation.prepared.push(prepared);
  return prepared;
}

function byDocumentId(a: { readonly documentId: string }, b: { readonly documentId: string }): number {
  return a.documentId < b.documentId ? -1 : 1;
}

/** How often the process of one document may die before the document is set aside. */
const MAX_ISOLATED_ATTEMPTS = 3;

/**
 * Lets a process of its own do the steps first, leaving their artifacts; only that process's deaths count against the document.
 *
 * An attempt during which this process died is made again under the same number: nobody knows which of the two it was.
 * @throws what the process reported; ParseError CRASHED, final, when it died each time.
 */
async function prepareInIsolation(
  { input, batchNo, context }: { input: DocumentInput; batchNo: number; context: StepContext },
  replay: RunReplay,
  session: RunSession,
): Promise<void> {
  const { documentId, parentId, item, sourceName } = input;
  const named = { runId: session.runId, source: sourceName, documentId, parentId, item };
  const first = Math.max(1, replay.isolatedAttemptOf(documentId));
  for (let attempt = first; attempt <= MAX_ISOLATED_ATTEMPTS; attempt += 1) {
    await session.journal.append({ kind: 'isolated_attempt', batchNo, documentId, attempt });
    const request = { ...named, allowance: session.allowance.state };
    if ((await session.parts.prepareIsolated(request, { ...context, use: session.use })) === 'prepared') return;
  }
  // Final, or the next run would let it kill three more processes.
  throw new ParseError(`${item.name}: each of ${MAX_ISOLATED_ATTEMPTS} processes that worked on it died`, {
    code: 'CRASHED',
  });
}

/** What came in a document, as documents of their own. Those that need no work are noted in the preparation. */
async function attachmentsOf(
  parent: ReadDocument,
  preparation: Preparation,
  session: RunSession,
): Promise<DocumentInput[]> {
  const { parts } = session;
  if (parent.parsed.attachments.length === 0) return [];
  const candidates = attachmentCandidates(parent, parts.attachments);
  const verdicts = await classify(candidates, await session.look(parts.attachments), session.signal);
  const inputs = verdicts.map((verdict) => takeVerdict(verdict, parent.sourceName, preparation));
  return inputs.filter((input) => input !== null);
}

function takeVerdict(verdict: Verdict, sourceName: string, preparation: Preparation): DocumentInput | null {
  if (verdict.kind === 'process') return { ...verdict.input, sourceName };
  const untouched = { ...verdict.candidate, sourceName, contentDigest: '', keptVersion: null };
  if (verdict.kind === 'unchanged') {
    const { version } = verdict.current;
    preparation.unchanged.push({ input: { ...untouched, baseVersion: version }, version });
  } else {
    const { entry, baseVersion } = verdict;
    const { code, message, retryable, contentDigest, sourceVersion } = entry;
    const error = { code, message, retryable, step: null };
    const input = { ...untouched, baseVersion };
    preparation.setAside.push({ input, error, contentDigest, sourceVersion, remembered: entry });
  }
  return null;
}

/** Those that the new versions of these documents no longer have. */
async function lostOf({ prepared, unchanged, setAside }: Preparation, session: RunSession): Promise<Deletion[]> {
  const { records } = session.parts.stores;
  const kept = [...prepared, ...[...unchanged, ...setAside].map(({ input }) => input)];
  const { quarantine } = await session.look(session.parts.attachments);
  return lostAttachments(
    prepared.map(({ documentId }) => documentId),
    new Set(kept.map(({ documentId }) => documentId)),
    { quarantine, children: (parentIds) => records.children(parentIds, session.signal) },
  );
}

/** What is a place of another document now leaves quarantine. */
async function setAsideBefore({ joined }: Preparation, session: RunSession): Promise<Deletion[]> {
  if (joined.length === 0) return [];
  const { quarantine } = await session.look(session.parts.attachments);
  return joined
    .filter(({ input }) => quarantine.entryOf(input.documentId) !== null)
    .map(({ input: { documentId, item } }) => ({ documentId, baseVersion: null, sourceUri: item.uri }));
}

/** A batch, or a part of one, whose documents are prepared. */
interface Writing extends Preparation {
  readonly batchNo: number;
  readonly deletes: readonly Deletion[];
  /** A document that loses the race is given up, because it lost before. */
  readonly isLastTry: boolean;
  readonly startedMs: number;
}

/** @returns the documents whose version lost the race and may be tried again. */
async function writePrepared(writing: Writing, session: RunSession): Promise<DocumentInput[]> {
  const reach = (step: StepName) => {
    for (const { documentId } of writing.prepared) session.onEvent({ kind: 'step', documentId, step });
  };
  const watch = session.measures.watch(writing.prepared.length);
  watch.begin('write');
  reach('write');
  await session.recordUse();
  const batch = await numberedBatch(writing, session);
  let outcome: PivotOutcome;
  try {
    outcome = await writeOrDiscard(batch, session.saga, session.writeSignal);
  } catch (failure) {
    watch.fail();
    if (!isTooMuchTogether(failure)) throw failure;
    if (failure.code === 'STORE_OVERLOADED' && writing.prepared.length <= 1 && session.noteOverload()) throw failure;
    return withoutRefused(writing, failure, session);
  }
  if (writing.prepared.length > 0) session.noteWritten();
  const removed = await finishBatch({ ...batch, outcome }, session.saga, session.writeSignal);
  const lost = new Set(outcome.lost.map(({ documentId }) => documentId));
  const losers = writing.prepared.filter(({ documentId }) => lost.has(documentId));
  const again = losers.filter((input) => !isGivenUp(input, writing, lost));
  const results = resultsOf(writing, batch, { outcome, removed, losers, again }, session);
  watch.begin('cleanup');
  reach('cleanup');
  const through = [...writing.prepared.filter(({ documentId }) => !lost.has(documentId)), ...writing.kept];
  await cleanUp(through, neededAgain(writing));
  for (const { folder } of losers.filter((input) => !again.includes(input))) await folder.markFailed();
  await endJoined(writing, session);
  await endAllStaged({ through, setAside: writing.setAside }, session);
  watch.complete();
  session.measures.noteResults(results);
  await session.recordUse();
  await session.journal.append({ kind: 'batch_done', batchNo: writing.batchNo, results: results.map(itemOutcome) });
  for (const result of results) session.finish(result);
  const overtaken = new Set(again.flatMap(({ documentId }) => ancestorIdsOf(documentId)));
  return [...again, ...writing.kept.filter(({ documentId }) => overtaken.has(documentId))];
}

/** Notes where the documents that were written, or known, were met, too. */
async function endJoined({ joined }: Preparation, session: RunSession): Promise<void> {
  if (joined.length === 0) return;
  const places = joined.map(({ place }) => place);
  await session.parts.stores.records.notePlaces(places, session.writeSignal);
  for (const { input } of joined) await input.folder.remove();
  await endAllStaged({ through: joined.map(({ input }) => input), setAside: [] }, session);
}

/** What lost the race stays in staging: the next ingest takes it. */
async function endAllStaged(
  { through, setAside }: { readonly through: readonly DocumentInput[]; readonly setAside: readonly SetAside[] },
  session: RunSession,
): Promise<void> {
  await endStaged(
    through.map(({ item }) => item),
    null,
    session,
  );
  for (const { input, error } of setAside) await endStaged([input.item], error, session);
}

/** What was set aside is tried again by the document it came in: bytes that cannot be fetched again are kept for that. */
function neededAgain({ prepared, kept, setAside }: Preparation): ReadonlySet<string> {
  const once = [...prepared, ...kept].filter(({ item }) => !item.isRepeatable).map(({ documentId }) => documentId);
  const parents = new Set(setAside.flatMap(({ input }) => ancestorIdsOf(input.documentId)));
  return new Set(once.filter((documentId) => parents.has(documentId)));
}

async function numberedBatch(writing: Writing, session: RunSession): Promise<PreparedBatch> {
  const { parts, plan, settingsDigest, storesDigest, runId } = session;
  const fence = await session.fence();
  const createdAt = new Date(parts.surroundings.now()).toISOString();
  const documents = writing.prepared.map(({ documentId }) => ({
    documentId,
    uuid: documentUuid(plan.group, documentId),
  }));
  const versions = await parts.stores.records.allocate(documents, session.writeSignal);
  const records = writing.prepared.map((prepared, index) => ({
    ...versionRecord(prepared, {
      version: versions[index]!,
      group: plan.group,
      settingsDigest,
      storesDigest,
      createdAt,
    }),
    baseVersion: prepared.baseVersion,
  }));
  const needed = neededAgain(writing);
  const quarantined = writing.setAside.map((setAside): SetAsideDocument => {
    const { documentId, parentId, baseVersion, item } = setAside.input;
    const rootId = rootOf(documentId, item.uri).documentId;
    const entry = setAside.remembered ?? quarantineEntry(setAside, session, createdAt);
    // Where the document it came in cannot be fetched again, this run has the copy.
    const runIdOfCopy = needed.has(rootId) ? runId : entry.runId;
    return { ...entry, sourceUri: item.uri, runId: runIdOfCopy, baseVersion, parentId };
  });
  const kept = writing.kept.map(({ documentId, baseVersion }) => ({ documentId, baseVersion }));
  const deletes = writing.deletes.map(({ documentId, baseVersion }) => ({ documentId, baseVersion }));
  return { ref: { runId, batchNo: writing.batchNo }, fence, records, deletes, quarantined, kept };
}

function quarantineEntry(
  { input, error, contentDigest, sourceVersion }: SetAside,
  session: RunSession,
  createdAt: string,
): QuarantineEntry {
  return {
    documentId: input.documentId,
    group: session.plan.group,
    source: input.sourceName,
    sourceUri: input.item.uri,
    contentDigest,
    sourceVersion,
    settingsDigest: session.failureDigest,
    runId: session.runId,
    code: error.code,
    message: error.message,
    step: error.step ?? 'stage',
    retryable: error.retryable,
    at: createdAt,
  };
}

/** Halves a batch until the document that a store refuses, or cannot take, stands alone, and sets that one aside; the others are written. */
async function withoutRefused(writing: Writing, why: ApexError, session: RunSession): Promise<DocumentInput[]> {
  const { prepared } = writing;
  const middle = Math.ceil(prepared.length / 2);
  const halves: Writing[] =
    prepared.length <= 1
      ? [
          {
            ...writing,
            prepared: [],
            setAside: [...writing.setAside, ...(await setRefusedAside(prepared, why, session))],
          },
        ]
      : [
          { ...writing, prepared: prepared.slice(0, middle), deletes: [] },
          // With the last half, so that what was moved is never nowhere.
          { ...writing, prepared: prepared.slice(middle), setAside: [], unchanged: [], kept: [], joined: [] },
        ];
  const lost: DocumentInput[] = [];
  for (const half of halves) {
    const batchNo = session.takeBatchNo();
    await session.journal.append({
      kind: 'batch_assigned',
      batchNo,
      isIsolated: false,
      items: half.prepared.map((input) => assignedItem(input, 1)),
    });
    lost.push(...(await writePrepared({ ...half, batchNo }, session)));
  }
  return lost;
}

async function setRefusedAside(
  prepared: readonly PreparedDocument[],
  { code, message: why }: ApexError,
  session: RunSession,
): Promise<SetAside[]> {
  const setAside: SetAside[] = [];
  for (const input of prepared) {
    const what =
      code === 'STORE_OVERLOADED' ? 'a store could not take it, not even alone' : 'a store refused it for good';
    const message = `${what}: ${why}`;
    const error: ErrorReport = { code: 'STORE_REFUSED', message, retryable: false, step: 'write' };
    await input.folder.markFailed();
    session.noteSetAside(input.item, error);
    const { digest: contentDigest, sourceVersion = null } = input.file;
    setAside.push({ input, error, contentDigest, sourceVersion, remembered: null });
  }
  return setAside;
}

/** What the pivot came to, and which of its losers are read again. */
interface Ending {
  readonly outcome: PivotOutcome;
  readonly removed: RemovedItems;
  readonly losers: readonly PreparedDocument[];
  readonly again: readonly PreparedDocument[];
}

/** Documents that are read again, and what came in them, have not come to their end and give no result yet. */
function resultsOf(
  writing: Writing,
  batch: PreparedBatch,
  { outcome, removed, losers, again }: Ending,
  session: RunSession,
): DocumentResult[] {
  const durationMs = Math.round(session.parts.surroundings.elapsed() - writing.startedMs);
  const { group } = session.plan;
  const named = (input: DocumentInput) => ({
    documentId: input.documentId,
    group,
    source: input.sourceName,
    sourceUri: input.item.uri,
  });
  const lost = new Set(losers.map(({ documentId }) => documentId));
  const deletions = new Map(writing.deletes.map((deletion) => [deletion.documentId, deletion]));
  const sources = new Map(writing.prepared.map(({ documentId, sourceName }) => [documentId, sourceName]));
  // What is deleted with others came in one of them, or was moved.
  const sourceOf = (documentId: string) =>
    ancestorIdsOf(documentId)
      .map((id) => sources.get(id))
      .find((source) => source !== undefined) ??
    deletions.get(documentId)?.source ??
    session.plan.source;
  // What is a place of a document of the same batch has the version that this one made.
  const made = new Map(batch.records.map(({ documentId, version }) => [documentId, version]));
  const madeOf = (documentId: string) => made.get(documentId) ?? null;
  const readAgain = new Set(again.map(({ documentId }) => documentId));
  // What was only read beside what a retry was asked for is nobody's concern.
  const isRetry = session.plan.kind === 'retry';
  const isEnded = ({ input: { parentId } }: { readonly input: DocumentInput }) =>
    parentId === null || !readAgain.has(parentId);
  return [
    ...batch.records
      .filter(({ documentId }) => !lost.has(documentId))
      .map((record) => writtenResult(record, record.baseVersion === null ? 'added' : 'updated', durationMs)),
    ...writing.unchanged
      .filter((found) => isEnded(found) && !isRetry)
      .map(({ input, version }) => unchangedResult(named(input), version ?? madeOf(input.documentId))),
    ...writing.setAside
      .filter((setAside) => isEnded(setAside) && !(isRetry && setAside.remembered !== null))
      .map(({ input, error }) => failedResult(named(input), 'quarantined', error, durationMs)),
    ...outcome.deleted.map((documentId) =>
      deletedResult(
        { documentId, group, source: sourceOf(documentId), sourceUri: deletions.get(documentId)?.sourceUri ?? '' },
        removed.of(documentId),
      ),
    ),
    ...losers
      .filter((input) => !again.includes(input))
      .map((input) => failedResult(named(input), 'failed', LOST_RACE, durationMs)),
  ];
}

/** A loser is read again once, an attachment with its mail; an attachment that lost alone has no source to be read from. */
function isGivenUp({ documentId, parentId }: DocumentInput, writing: Writing, lost: ReadonlySet<string>): boolean {
  if (writing.isLastTry) return true;
  const isWithKept = writing.kept.some((kept) => ancestorIdsOf(documentId).includes(kept.documentId));
  return parentId !== null && !lost.has(parentId) && !isWithKept;
}
