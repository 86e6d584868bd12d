import { type ApexError, isApexError } from '../../lib/contracts/errors.ts';
import type { StagingFolder } from '../../lib/contracts/staging.ts';
import type { DocumentVersion, VersionRecord } from '../../lib/contracts/store.ts';
import { pagesOf, workThrough } from '../pipeline/bounded.ts';
import { embed } from '../pipeline/embed.ts';
import { isDocumentsFault, isTooMuchTogether } from '../pipeline/failure.ts';
import { documentUuid } from '../pipeline/identity.ts';
import { itemOutcome, writtenResult } from '../pipeline/results.ts';
import type { RunSession } from '../pipeline/session.ts';
import { versionRecord } from '../pipeline/version.ts';
import { finishBatch, writeOrDiscard } from '../saga/saga.ts';
import { compareVersions } from '../verify/compare.ts';
import { originsOf, prepareAgain } from './origin.ts';
import { type ExpectedRow, provenVersion, renumbered } from './rebuild.ts';

/** How many documents are looked at, and at most written, together. */
const PAGE_DOCUMENTS = 50;

/** A document that can be written again: the next version of it, whose number is not given yet. */
interface Healing {
  readonly documentId: string;
  readonly uuid: string;
  readonly baseVersion: number;
  readonly bytes: number;
  readonly numbered: (version: number) => VersionRecord;
  /** Where its source was read to; null when the records store had it whole. */
  readonly folder: StagingFolder | null;
}

/**
 * Writes the damaged ones among these documents again, each as a new version through the saga: readers see the old version until
 * the pivot, and what the old version left anywhere is retired by its number. Each is looked at first, since a run, or the healing of
 * another document, may have mended it.
 */
export async function healDocuments(documentIds: readonly string[], session: RunSession): Promise<void> {
  for (const page of pagesOf(documentIds, PAGE_DOCUMENTS)) {
    session.signal.throwIfAborted();
    const damaged = await damagedAmong(page, session);
    const healings: Healing[] = [];
    await workThrough([...damaged], session.parts.limits.concurrency, async (version) => {
      const healing = await healingOf(version, session);
      if (healing !== null) healings.push(healing);
    });
    for (const batch of batchesOf(healings, session.parts.limits.batchBytes)) await write(batch, session);
  }
}

/** The current versions of which some store does not hold what it should. */
async function damagedAmong(documentIds: readonly string[], session: RunSession): Promise<DocumentVersion[]> {
  const { stores } = session.parts;
  const current = await stores.records.current(documentIds, session.signal);
  const versions = [...current.values()].flatMap(({ documentId, version }) =>
    version === null ? [] : [{ documentId, version }],
  );
  const { differences } = await compareVersions(versions, stores, session.signal);
  const damaged = new Set(differences.map(({ document_id }) => document_id));
  return versions.filter(({ documentId }) => damaged.has(documentId));
}

/** Null, and said why, when the document cannot be healed; the others are. */
async function healingOf(version: DocumentVersion, session: RunSession): Promise<Healing | null> {
  try {
    return (await fromRecords(version, session)) ?? (await fromSource(version, session));
  } catch (error) {
    const isOwn = isDocumentsFault(error) || (isApexError(error) && UNHEALABLE.has(error.code));
    if (!isOwn) throw error;
    const { code, message } = error;
    session.onEvent({ kind: 'not_healed', documentId: version.documentId, code, message });
    return null;
  }
}

const UNHEALABLE: ReadonlySet<string> = new Set(['SOURCE_GONE', 'SOURCE_CHANGED']);

async function fromRecords(version: DocumentVersion, session: RunSession): Promise<Healing | null> {
  const { stores, surroundings, embedder } = session.parts;
  const [kept] = await stores.records.kept([version], session.signal);
  if (kept === undefined) return null;
  const expected: ExpectedRow[] = [];
  for await (const row of stores.records.expectedInventory([version], session.signal)) expected.push(row);
  const told = await stores.graph.documents([version], session.signal);
  const proven = [kept, ...told.map((document) => ({ ...kept, ...document }))]
    .map((candidate) => provenVersion(candidate, expected))
    .find((candidate) => candidate !== null);
  if (proven === undefined) return null;
  const { runId, signal, use } = session;
  const parts = { embedder, cache: stores.cache, use, onCacheFailure: (error: unknown) => session.warnOfCache(error) };
  const vectors = await embed(proven.chunks, parts, { runId, signal, surroundings, onStep: () => {} });
  const { documentId, uuid, bytes } = proven;
  return {
    ...{ documentId, uuid, bytes, baseVersion: version.version, folder: null },
    numbered: (next) => renumbered(proven, vectors, { version: next, storesDigest: session.storesDigest }),
  };
}

async function fromSource(version: DocumentVersion, session: RunSession): Promise<Healing> {
  const origins = await originsOf(version, session);
  const { origin, prepared } = await prepareAgain(origins, version.version, session);
  const { documentId, group } = origin;
  const { settingsDigest, storesDigest } = session;
  const createdAt = new Date(session.parts.surroundings.now()).toISOString();
  return {
    ...{ documentId, uuid: documentUuid(group, documentId), bytes: prepared.file.bytes },
    ...{ baseVersion: version.version, folder: prepared.folder },
    numbered: (next) => versionRecord(prepared, { version: next, group, settingsDigest, storesDigest, createdAt }),
  };
}

/** In order of id, so many bytes together; a larger one alone. */
function batchesOf(healings: readonly Healing[], maxBytes: number): Healing[][] {
  const batches: Healing[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const healing of healings.toSorted((a, b) => (a.documentId < b.documentId ? -1 : 1))) {
    if (bytes + healing.bytes > maxBytes) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)!.push(healing);
    bytes += healing.bytes;
  }
  return batches;
}

async function write(healings: readonly Healing[], session: RunSession): Promise<void> {
  const { journal, runId, writeSignal } = session;
  const { records: store } = session.parts.stores;
  const startedMs = session.parts.surroundings.elapsed();
  const batchNo = session.takeBatchNo();
  await journal.append({ kind: 'batch_assigned', batchNo, isIsolated: false, items: [] });
  const fence = await session.fence();
  const versions = await store.allocate(healings, writeSignal);
  const records = healings.map(({ numbered, baseVersion }, index) => ({ ...numbered(versions[index]!), baseVersion }));
  // What was set aside of a newer content stays so: the pivot takes what becomes current out of quarantine.
  const quarantined = await store.quarantined(
    healings.map(({ documentId }) => documentId),
    writeSignal,
  );
  const healed = new Map(records.map(({ documentId, version }) => [documentId, version]));
  const stillSetAside = quarantined.map((entry) => ({
    ...entry,
    ...{ baseVersion: healed.get(entry.documentId) ?? null, parentId: null },
  }));
  const ref = { runId, batchNo };
  try {
    const batch = { ref, fence, records, deletes: [], quarantined: stillSetAside };
    const outcome = await writeOrDiscard(batch, session.saga, writeSignal);
    await finishBatch({ ref, outcome, records }, session.saga, writeSignal);
    for (const { folder } of healings) await folder?.remove();
    const durationMs = Math.round(session.parts.surroundings.elapsed() - startedMs);
    const committed = new Set(outcome.committed.map(({ documentId }) => documentId));
    const results = records
      .filter(({ documentId }) => committed.has(documentId))
      .map((record) => writtenResult(record, 'updated', durationMs));
    session.measures.noteResults(results);
    await session.recordUse();
    await journal.append({ kind: 'batch_done', batchNo, results: results.map(itemOutcome) });
    for (const result of results) session.finish(result);
  } catch (error) {
    if (!isTooMuchTogether(error)) throw error;
    await eachAlone(healings, error, session);
  }
}

/** A document that a store refuses must not keep the others of its batch from being healed. */
async function eachAlone(
  healings: readonly Healing[],
  { code, message }: ApexError,
  session: RunSession,
): Promise<void> {
  const [only, ...others] = healings;
  if (others.length > 0) for (const healing of healings) await write([healing], session);
  else if (only !== undefined) session.onEvent({ kind: 'not_healed', documentId: only.documentId, code, message });
}
