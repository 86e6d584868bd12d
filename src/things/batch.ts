import type { DocumentResult } from '../../lib/contracts/apex.ts';
import { isApexError, StoreError } from '../../lib/contracts/errors.ts';
import type { Observation } from '../../lib/contracts/feed.ts';
import type { CursorMove, RejectedEntry } from '../../lib/contracts/series.ts';
import type { StepWatch } from '../metrics/measures.ts';
import { embed } from '../pipeline/embed.ts';
import { documentUuid, thingDocumentId } from '../pipeline/identity.ts';
import { deletedResult, itemOutcome, LOST_RACE, unchangedResult, writtenResult } from '../pipeline/results.ts';
import type { RunSession } from '../pipeline/session.ts';
import { versionRecord } from '../pipeline/version.ts';
import { finishBatch, type PreparedBatch, writeOrDiscard } from '../saga/saga.ts';
import { KnownThings, RememberedStates } from './known.ts';
import {
  type GoneThing,
  type PreparedThing,
  type PreparedThings,
  prepareThings,
  type ThingContent,
  thingsSettingsDigest,
} from './prepare.ts';
import { sourceOf } from './resolve.ts';
import { stateMetadata } from './state.ts';
import { statedGraph } from './version.ts';

/** Records that are written and become visible together. */
export interface RecordBatch {
  readonly observations: readonly Observation[];
  readonly rejected: readonly RejectedEntry[];
  /** How many could not be taken, those that are kept already included. */
  readonly rejectedCount: number;
  /** Rejected records of before that are taken now. */
  readonly accepted: readonly string[];
  readonly cursors: readonly CursorMove[];
  /** The stream that has been fetched to its end with this, or null. */
  readonly endsStream: string | null;
  /** What its source has no more: it goes with this, unless another run changes it meanwhile. */
  readonly gone: readonly GoneThing[];
  /** ISO 8601. */
  readonly readAt: string;
}

/** How often a batch is made ready again because other runs changed the same things meanwhile. */
const MAX_TRIES = 10;

/** What a batch came to. */
export interface BatchSummary {
  readonly readings: number;
  /** Those that were to go and were changed by another run meanwhile: they stay. */
  readonly staying: readonly GoneThing[];
}

/** What a batch says of things. */
type SaidOfThings = Pick<RecordBatch, 'observations' | 'gone' | 'readAt'>;

/** Makes a batch ready, against what the memory holds now. @param remembered states that the run has met. */
export function prepareRecordBatch(
  { observations, gone, readAt }: SaidOfThings,
  session: RunSession,
  remembered: RememberedStates,
): Promise<PreparedThings> {
  const { parts, plan, signal, storesDigest } = session;
  return prepareThings(observations, {
    ...{ parts, context: { signal, surroundings: parts.surroundings } },
    known: new KnownThings(parts.stores.records, plan.group, signal, remembered),
    ...{ settingsDigest: thingsSettingsDigest(parts), storesDigest, readAt, gone },
  });
}

/** The keys of the things that are others once a batch is written. */
export function changedKeys({ things, absorbed, gone }: PreparedThings): Set<string> {
  const written = things.filter(isWritten).map(({ state: { key } }) => key);
  return new Set([
    ...written,
    ...absorbed.flatMap(({ known, into }) => [known.state.key, into]),
    ...gone.map(({ key }) => key),
  ]);
}

/**
 * Takes the records of a batch into the memory: folded into what is known of their things, written and made visible together. Things
 * that were changed after they were read, by another run or by the batch before, are made ready again. A batch that says nothing new
 * writes nothing.
 *
 * @param remembered states that the run has met.
 * @param ready the batch as it was made ready; absent: that is done here.
 * @throws StoreError LOST_RACE when others are faster ten times.
 */
export async function runRecordBatch(
  batch: RecordBatch,
  session: RunSession,
  remembered = new RememberedStates(),
  ready?: PreparedThings,
): Promise<BatchSummary> {
  const startedMs = session.parts.surroundings.elapsed();
  const results = new Map<string, DocumentResult>();
  const deleted = new Set<string>();
  let readings = 0;
  let left: RecordBatch = batch;
  let prepared = ready ?? (await prepareRecordBatch(batch, session, remembered));
  for (let tries = 1; ; tries += 1) {
    const done = await unlessOvertaken(() => tryBatch({ batch: left, prepared }, { session, remembered, startedMs }));
    if (done !== null) {
      for (const result of done.results)
        if ((results.get(result.document_id)?.outcome ?? 'unchanged') === 'unchanged')
          results.set(result.document_id, result);
      readings += done.readings;
      for (const documentId of done.deleted) deleted.add(documentId);
      if (done.hasLost === false) break;
      left = { ...batch, rejected: [], rejectedCount: 0, accepted: [], cursors: [] };
    }
    if (tries === MAX_TRIES) throw new StoreError(LOST_RACE.message, { code: 'LOST_RACE', retryable: true });
    prepared = await prepareRecordBatch(batch, session, remembered);
  }
  for (const result of results.values())
    if (result.outcome === 'unchanged') session.settle(result);
    else session.finish(result);
  return { readings, staying: batch.gone.filter(({ documentId }) => !deleted.has(documentId)) };
}

/** Null when other runs changed what the batch was made from, and nothing of it was kept. */
async function unlessOvertaken<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (isApexError(error) && error.code === 'LOST_RACE') return null;
    throw error;
  }
}

/** A thing of which a version is to be written. */
export type ChangedThing = PreparedThing & { readonly content: ThingContent };

/** Those of which a version is to be written, in their order. */
export function changedThings(things: readonly PreparedThing[]): ChangedThing[] {
  return things.flatMap((thing) => (thing.content === null ? [] : [{ ...thing, content: thing.content }]));
}

function isWritten({ content, addition }: PreparedThing): boolean {
  return content !== null || addition !== null;
}

interface Try {
  readonly results: readonly DocumentResult[];
  readonly deleted: readonly string[];
  readonly readings: number;
  readonly hasLost: boolean;
}

interface Trying {
  readonly session: RunSession;
  readonly remembered: RememberedStates;
  readonly startedMs: number;
}

async function tryBatch(
  { batch, prepared }: Pick<Making, 'batch' | 'prepared'>,
  { session, remembered, startedMs }: Trying,
): Promise<Try> {
  const { plan } = session;
  const unchanged = prepared.things
    .filter(({ isNamed, content, addition }) => isNamed && content === null && addition === null)
    .map((thing) => unchangedResult(identifiedThing(thing, plan.group), thing.known!.document.version));
  if (isNothing(prepared, batch)) return { results: unchanged, deleted: [], readings: 0, hasLost: false };
  const changed = changedThings(prepared.things);
  const making = { batch, prepared, changed, remembered, startedMs };
  const made = await session.measures.during(changed.length, (watch) => writeTry(making, watch, session));
  return { ...made, results: [...unchanged, ...made.results] };
}

/** What a try writes. */
interface Making {
  readonly batch: RecordBatch;
  readonly prepared: PreparedThings;
  readonly changed: readonly ChangedThing[];
  readonly remembered: RememberedStates;
  readonly startedMs: number;
}

async function writeTry(
  { batch, prepared, changed, remembered, startedMs }: Making,
  watch: StepWatch,
  session: RunSession,
): Promise<Try> {
  const { parts, journal } = session;
  const batchNo = session.takeBatchNo();
  const { endsStream, rejectedCount: rejected } = batch;
  const told = { ...(endsStream !== null && { endsStream }), ...(rejected > 0 && { rejected }) };
  await journal.append({ kind: 'batch_assigned', batchNo, isIsolated: false, items: [], ...told });
  watch.begin('embed');
  const vectors = await vectorsOf(changed, session);
  watch.begin('write');
  await session.recordUse();
  const written = await numbered({ changed, vectors, batch, batchNo, prepared }, session);
  const outcome = await writeOrDiscard(written, session.saga, session.writeSignal);
  const removed = await finishBatch({ ...written, outcome }, session.saga, session.writeSignal);
  const committed = new Set([...outcome.committed.map(({ documentId }) => documentId), ...outcome.extended]);
  for (const [index, { documentId, version }] of written.records.entries())
    if (committed.has(documentId)) remembered.set(documentId, version, changed[index]!.state);
  const durationMs = Math.round(parts.surroundings.elapsed() - startedMs);
  // Readings are counted as what they are: a thing that only got some is the version that it was.
  const writtenResults = written.records
    .filter(({ documentId }) => committed.has(documentId))
    .map((record) => writtenResult(record, record.baseVersion === null ? 'added' : 'updated', durationMs));
  watch.complete();
  session.measures.noteResults(writtenResults);
  await session.recordUse();
  const deleted = new Set(outcome.deleted);
  const left = prepared.gone.filter(({ documentId }) => deleted.has(documentId));
  const results = [
    ...writtenResults,
    ...left.map((thing) => deletedResult(identifiedGone(thing, session.plan.group), removed.of(thing.documentId))),
  ];
  await journal.append({ kind: 'batch_done', batchNo, results: results.map(itemOutcome) });
  const lost = prepared.things.filter((thing) => isWritten(thing) && !committed.has(thing.documentId));
  const extended = new Set(outcome.extended);
  const readings = prepared.things.reduce(
    (sum, { documentId, addition }) => sum + (extended.has(documentId) ? (addition?.readings.length ?? 0) : 0),
    0,
  );
  const hasLost = lost.length > 0 || left.length < prepared.gone.length;
  return { results, deleted: outcome.deleted, readings, hasLost };
}

function isNothing({ things, absorbed, gone }: PreparedThings, { rejected, accepted, cursors }: RecordBatch): boolean {
  const isIdle = !things.some(isWritten);
  return isIdle && absorbed.length + gone.length + rejected.length + accepted.length + cursors.length === 0;
}

/** All cards in as few requests as the embedder takes. */
async function vectorsOf(changed: readonly ChangedThing[], session: RunSession): Promise<Float32Array[]> {
  const { parts, use, signal } = session;
  const onCacheFailure = (error: unknown) => session.warnOfCache(error);
  return embed(
    changed.flatMap(({ content }) => content.chunks),
    { embedder: parts.embedder, cache: parts.stores.cache, use, onCacheFailure },
    { runId: session.runId, signal, surroundings: parts.surroundings, onStep: () => {} },
  );
}

interface Numbering {
  readonly changed: readonly ChangedThing[];
  readonly vectors: readonly Float32Array[];
  readonly batch: RecordBatch;
  readonly batchNo: number;
  readonly prepared: PreparedThings;
}

async function numbered(
  { changed, vectors, batch, batchNo, prepared }: Numbering,
  session: RunSession,
): Promise<PreparedBatch> {
  const { parts, plan, storesDigest, runId } = session;
  const { group } = plan;
  const fence = await session.fence();
  const createdAt = new Date(parts.surroundings.now()).toISOString();
  const settingsDigest = thingsSettingsDigest(parts);
  const documents = changed.map(({ documentId }) => ({ documentId, uuid: documentUuid(group, documentId) }));
  const versions = await parts.stores.records.allocate(documents, session.writeSignal);
  let from = 0;
  const records = changed.map((thing, index) => {
    const version = versions[index]!;
    const own = vectors.slice(from, from + thing.content.chunks.length);
    from += thing.content.chunks.length;
    return {
      ...thingRecord(thing, own, { version, group, settingsDigest, storesDigest, createdAt }),
      baseVersion: thing.known?.document.version ?? null,
    };
  });
  const deletes = [
    ...prepared.absorbed.map(({ known: { document } }) => ({
      documentId: document.documentId,
      baseVersion: document.version,
    })),
    ...prepared.gone.map(({ documentId, baseVersion }) => ({ documentId, baseVersion, isGone: true })),
  ];
  const absorbed = prepared.absorbed.map(({ known: { document }, into }) => ({
    documentId: document.documentId,
    into: thingDocumentId(group, into),
  }));
  const { rejected, accepted, cursors } = batch;
  const series = prepared.things.flatMap(({ addition }) => (addition === null ? [] : [addition]));
  const reads = [...changed.flatMap(({ content }) => content.reads), ...prepared.reads];
  return {
    ref: { runId, batchNo },
    ...{ fence, records, deletes, quarantined: [] },
    beside: { series, absorbed, cursors, rejected, accepted, reads, together: prepared.together },
  };
}

/** What a version of a thing is numbered and dated with. */
interface Numbered {
  readonly version: number;
  readonly group: string;
  readonly settingsDigest: string;
  readonly storesDigest: string;
  readonly createdAt: string;
}

/** A version of a thing. @param vectors of its chunks. */
export function thingRecord(
  { documentId, state, content: { facts, card, chunks, extraction, stateText, contentDigest } }: ChangedThing,
  vectors: readonly Float32Array[],
  numbering: Numbered,
) {
  const metadata = { ...card.metadata, ...stateMetadata(state) };
  const made = {
    ...{ documentId, parentId: null, sourceName: feedSourceOf(state.key) },
    // Wherever its records came from, it is the same thing.
    item: { uri: state.key, name: state.name },
    ...{ file: { bytes: JSON.stringify(state.raw).length, digest: contentDigest } },
    ...{ parsed: { ...card, metadata }, chunks, extraction, vectors },
  };
  const { version, group } = numbering;
  return versionRecord(made, {
    ...numbering,
    spelled: new Map([[state, stateText]]),
    stated: (stored) => statedGraph(state, facts, { documentId, version, group, chunks: stored }),
  });
}

/** The source of records that a thing is of: keys of Front begin with its name alone. */
function feedSourceOf(key: string): string {
  const source = sourceOf(key);
  return source === 'front' ? 'frontapp' : source;
}

/** A thing that goes as documents are told of. */
export function identifiedGone({ documentId, key }: GoneThing, group: string) {
  return { documentId, group, source: feedSourceOf(key), sourceUri: key };
}

/** A thing as documents are told of. */
export function identifiedThing({ documentId, state: { key } }: PreparedThing, group: string) {
  return { documentId, group, source: feedSourceOf(key), sourceUri: key };
}
