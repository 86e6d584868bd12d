import type { QuarantineEntry, StagedFile } from '../../lib/contracts/document.ts';
import { ERROR_CODES } from '../../lib/contracts/error-codes.ts';
import { type ErrorReport, groupNamed, UsageError } from '../../lib/contracts/errors.ts';
import type { RunPlan } from '../../lib/contracts/journal.ts';
import type { SourceItem } from '../../lib/contracts/source.ts';
import type { RecordsStore } from '../../lib/contracts/store.ts';
import { hintOf, nearQuarantinedId } from '../config/near-ids.ts';
import type { RunReplay } from '../journal/replay.ts';
import { pagesOf } from './bounded.ts';
import { classify, type Verdict } from './classify.ts';
import { isDocumentsFault, reportOf } from './failure.ts';
import { rootOf } from './identity.ts';
import { allQuarantined, quarantinePages } from './quarantine.ts';
import { failedResult, unchangedResult } from './results.ts';
import { BatchBuilder } from './run.ts';
import type { RunSession } from './session.ts';

/** What `apex retry` asks for, as a plan: the same request again is the same plan. */
export function retryPlan(
  { documentIds, reason }: { readonly documentIds: readonly string[]; readonly reason: RunPlan['reason'] | null },
  group: string,
  settingsDigest: string,
): RunPlan {
  const common = { kind: 'retry', source: '', documentId: null, group, settingsDigest } as const;
  if (documentIds.length > 0) return { ...common, targets: [...new Set(documentIds)].sort() };
  const targets = reason === null || reason === undefined ? ['--all'] : ['--reason', reason];
  return { ...common, targets, reason: reason ?? 'all' };
}

/** @throws UsageError when a document is named that is not in quarantine. @returns false when nothing at all is to be retried. */
export async function isAnythingToRetry(
  { targets, reason, group }: RunPlan,
  records: RecordsStore,
  signal: AbortSignal,
): Promise<boolean> {
  if (reason !== undefined) {
    const code = reason === 'all' ? null : reason;
    return (await records.quarantined({ afterDocumentId: null, limit: 1, group, code }, signal)).length > 0;
  }
  const entries = new Map((await records.quarantined(targets, signal)).map((entry) => [entry.documentId, entry]));
  const wrong = targets.find((documentId) => entries.get(documentId)?.group !== group);
  if (wrong !== undefined) throw await notInQuarantine(wrong, entries.get(wrong) ?? null, { records, group }, signal);
  return true;
}

/** The names of the sources that are read from again. */
export async function sourcesToRetry(
  { targets, reason, group }: RunPlan,
  records: Pick<RecordsStore, 'quarantined'>,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  if (reason === undefined) return sourcesOf(await records.quarantined(targets, signal));
  const names = new Set<string>();
  for await (const page of quarantinePages(records, group, signal))
    for (const name of sourcesOf(page.filter(({ code }) => reason === 'all' || code === reason))) names.add(name);
  return names;
}

function sourcesOf(entries: readonly QuarantineEntry[]): Set<string> {
  return new Set(entries.map(({ source }) => source));
}

async function notInQuarantine(
  documentId: string,
  entry: QuarantineEntry | null,
  { records, group }: { readonly records: RecordsStore; readonly group: string },
  signal: AbortSignal,
): Promise<UsageError> {
  const details = { documentId };
  if (entry !== null) {
    return new UsageError(`document ${documentId} belongs to ${groupNamed(entry.group)}`, {
      code: 'APEX_USAGE',
      details,
    });
  }
  const version = (await records.current([documentId], signal)).get(documentId)?.version ?? null;
  if (version !== null) {
    const problem = `document ${documentId} is not in quarantine: its version ${version} is current`;
    return new UsageError(problem, { code: 'APEX_USAGE', details });
  }
  const hint = hintOf(await nearQuarantinedId(documentId, records, group, signal));
  return new UsageError(`no document ${documentId} is in quarantine${hint}`, { code: 'NOT_FOUND', details });
}

/** How many documents are looked at together. */
const LOOK_DOCUMENTS = 256;

/** What is read again for documents in quarantine: each itself, or the document it came in. */
interface Root {
  readonly documentId: string;
  readonly uri: string;
  readonly source: string;
  readonly entries: QuarantineEntry[];
}

/**
 * Reads the plan's documents in quarantine again from their sources and takes them through the steps, whatever is remembered of
 * them. What works leaves quarantine with the pivot of its batch; what fails again stays, with the new reason.
 *
 * Each is tried once by a run: what an earlier process of this run set aside again is told and not tried.
 */
export async function retryAll(session: RunSession, replay: RunReplay): Promise<void> {
  const { wanted } = await session.quarantine();
  session.onEvent({ kind: 'listed', documents: wanted.length, isFinal: true });
  await reportEarlier(session);
  const batches = new BatchBuilder(session, replay, null);
  for (const roots of Map.groupBy(rootsOf(wanted), ({ source }) => source).values())
    for (const page of pagesOf(roots, LOOK_DOCUMENTS)) {
      if (session.isFull) break;
      await lookAt(page, batches, session);
    }
  await batches.end();
  await forgetCopies(wanted, session);
  session.throwIfStopping();
}

function rootsOf(entries: readonly QuarantineEntry[]): Root[] {
  const roots = new Map<string, Root>();
  for (const entry of entries) {
    const { documentId, uri } = rootOf(entry.documentId, entry.sourceUri);
    const root = roots.get(documentId) ?? { documentId, uri, source: entry.source, entries: [] };
    root.entries.push(entry);
    roots.set(documentId, root);
  }
  return [...roots.values()];
}

/** Says what became of the documents that earlier processes of this run have brought to their end. */
async function reportEarlier(session: RunSession): Promise<void> {
  const { plan, parts, runId, signal } = session;
  const entries =
    plan.reason === undefined
      ? await parts.stores.records.quarantined(plan.targets, signal)
      : await allQuarantined(parts.stores.records, signal);
  for (const entry of entries) if (entry.runId === runId) reportFailed(entry, { ...entry, step: null }, session);
  if (plan.reason !== undefined) return;
  const known = new Set(entries.map(({ documentId }) => documentId));
  const left = plan.targets.filter((documentId) => !known.has(documentId));
  const current = await parts.stores.records.current(left, signal);
  for (const documentId of left) {
    const version = current.get(documentId)?.version ?? null;
    if (version === null) reportGone(documentId, session);
    else session.settle(unchangedResult(named({ documentId, source: '', sourceUri: '' }, session), version));
  }
}

/** Looks at documents of one source, and gives to the batches what is to be read again. */
async function lookAt(roots: readonly Root[], batches: BatchBuilder, session: RunSession): Promise<void> {
  const { parts, signal } = session;
  const source = parts.source(roots[0]!.source);
  const found = [];
  for (const root of roots) {
    const item = await itemOf(root, session);
    if (item !== null) found.push({ root, documentId: root.documentId, parentId: null, item });
  }
  const verdicts = await classify(found, await session.look(source), signal);
  for (const [index, verdict] of verdicts.entries()) {
    const { root } = found[index]!;
    const isSuspect = root.entries.some(({ code }) => code === 'CRASHED');
    if (verdict.kind === 'process') {
      if (!session.takeDocument()) return;
      await batches.add(verdict.input, verdict.bytes, isSuspect);
    } else reportUnread(root, verdict, session);
  }
}

/** How a document is read again; null, and said, where that cannot be. */
async function itemOf(root: Root, session: RunSession): Promise<SourceItem | null> {
  const { parts, signal } = session;
  const source = parts.source(root.source);
  const item = source.itemAt(root.uri);
  if (item === null) {
    const folder = await parts.staging.open(root.source, root.documentId, root.entries[0]!.runId);
    const kept = await folder.staged();
    if (kept !== null) return source.fromCopy(copiedItem(root.uri, kept), kept);
    reportAll(root, { code: 'NOT_FOUND', message: GONE, retryable: false, step: 'stage' }, session);
    return null;
  }
  // What came in a document that cannot be read is no reason to set that document aside.
  if (root.entries.every(({ documentId }) => documentId !== root.documentId)) {
    try {
      await source.digest(item, signal);
    } catch (error) {
      if (!isDocumentsFault(error)) throw error;
      reportAll(root, reportOf(error, 'stage'), session);
      return null;
    }
  }
  return item;
}

/** What cannot be read again from where it came, before it is read from its copy. */
function copiedItem(uri: string, { name, bytes, mediaType }: StagedFile): SourceItem {
  return { id: uri, uri, name, bytes, mediaType, locator: '', isRepeatable: false };
}

const GONE = 'its bytes came by standard input and are no longer kept: pipe them into a new ingest under the same id';

/** Of what came in a document that is in quarantine itself, or that another run has brought in meanwhile. */
function reportUnread(root: Root, verdict: Verdict, session: RunSession): void {
  if (verdict.kind === 'remembered') {
    const { code } = verdict.entry;
    const message = `it came in ${root.documentId}, which is in quarantine itself (${code}): retry that one`;
    reportAll(root, { code, message, retryable: false, step: 'stage' }, session);
  } else if (verdict.kind === 'unchanged') {
    const { version } = verdict.current;
    for (const entry of root.entries) session.settle(unchangedResult(named(entry, session), version));
  }
}

function reportAll(root: Root, error: ErrorReport, session: RunSession): void {
  for (const entry of root.entries) reportFailed(entry, error, session);
}

function reportFailed(entry: QuarantineEntry, { code, message, retryable, step }: ErrorReport, session: RunSession) {
  session.settle(failedResult(named(entry, session), 'quarantined', { code, message, retryable, step }, 0));
}

function named(
  { documentId, source, sourceUri }: Pick<QuarantineEntry, 'documentId' | 'source' | 'sourceUri'>,
  session: RunSession,
) {
  return { documentId, group: session.plan.group, source, sourceUri };
}

function reportGone(documentId: string, session: RunSession): void {
  session.earn(ERROR_CODES.NOT_FOUND.exit);
  const message = `document ${documentId} is in quarantine no longer, and not in the memory`;
  session.onEvent({ kind: 'problem', uri: documentId, code: 'NOT_FOUND', message });
}

/** What was kept of failed attempts at documents that are through is needed no longer. */
async function forgetCopies(tried: readonly QuarantineEntry[], session: RunSession): Promise<void> {
  session.forgetQuarantine();
  const left = await session.quarantine();
  const ids = tried.flatMap(({ documentId, sourceUri }) => [documentId, rootOf(documentId, sourceUri).documentId]);
  const isThrough = (id: string) => left.entryOf(id) === null && left.attachmentsOf(id).length === 0;
  await session.parts.staging.forget([...new Set(ids)].filter(isThrough), () => true);
}
