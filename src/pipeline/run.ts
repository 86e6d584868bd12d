import type { RunEvent } from '../../lib/contracts/apex.ts';
import { ERROR_CODES } from '../../lib/contracts/error-codes.ts';
import { UsageError } from '../../lib/contracts/errors.ts';
import { type Source, type SourceItem, type SourceProblem, STAGED_SOURCE } from '../../lib/contracts/source.ts';
import type { SourceVersionNote } from '../../lib/contracts/store.ts';
import { targetsBySource } from '../config/locations.ts';
import type { RunReplay } from '../journal/replay.ts';
import { endStaged, takeStaged, takesStaged } from '../staged/take.ts';
import { runBatch } from './batch.ts';
import { type Candidate, classify, type Verdict } from './classify.ts';
import { type DocumentInput, readerOf } from './document.ts';
import { documentIdOf } from './identity.ts';
import { tellPassedOver } from './passed-over.ts';
import { furtherPlaces, knownByPlace, withoutRepeated } from './places.ts';
import { readAhead } from './read-ahead.ts';
import { failedResult, unchangedResult } from './results.ts';
import type { RunSession } from './session.ts';
import { Spool } from './spool.ts';
import { Sync } from './sync.ts';

/** How many listed items are looked at together. */
export const LOOK_ITEMS = 256;

/** How many listed items may wait to be looked at. */
const LISTED_AHEAD_ITEMS = 100_000;

/** How many deaths of the main process a document may have been near before it is taken alone, in a process of its own. */
const DEATHS_BEFORE_ISOLATION = 3;

/**
 * Brings every document of the run's targets into the memory, source after source, batch after batch.
 *
 * @param replay what earlier processes of this run left in the journal; their batches are settled already.
 */
export async function ingestAll(session: RunSession, replay: RunReplay): Promise<void> {
  const { parts } = session;
  const spool = new Spool(session, replay);
  const sources = listersOf(session);
  const onListed = listedSoFar(session.onEvent, sources.size);
  for (const [name, targets] of sources) {
    await ingestFrom(parts.source(name), targets, { session, replay, spool, onListed });
    // What is left is dealt with when the run goes on.
    if (session.leftBecause !== null) return;
  }
  await spool.remove();
}

interface Ingesting {
  readonly session: RunSession;
  readonly replay: RunReplay;
  readonly spool: Spool;
  readonly onListed: OnListed;
}

async function ingestFrom(
  source: Source,
  targets: readonly string[],
  { session, replay, spool, onListed }: Ingesting,
): Promise<void> {
  const { plan, signal } = session;
  const sync = plan.sync == null ? null : new Sync(session, source, targets);
  const batches = new BatchBuilder(session, replay, sync);
  let waiting: Candidate[] = [];
  const lookAtWaiting = async () => {
    const candidates = await knownByPlace(waiting, source.name, session);
    waiting = [];
    const verdicts = withoutRepeated(await classify(candidates, await session.look(source), signal));
    await noteSourceVersions(verdicts, session);
    await noteFurtherPlaces(verdicts, session);
    await reportSettled(verdicts, source.name, session);
    for (const verdict of verdicts) {
      if (verdict.kind !== 'process') continue;
      if (!session.takeDocument()) return;
      await batches.add(verdict.input, verdict.bytes);
    }
  };
  for await (const listing of listAhead(sync?.list() ?? listingOf(session, replay, source, targets), onListed)) {
    if (session.isFull) {
      session.leave();
      break;
    }
    const entry = isProblem(listing) ? listing : await spool.take(listing, source);
    if (isProblem(entry)) {
      session.earn(ERROR_CODES[entry.code].exit);
      session.onEvent({ kind: 'problem', ...entry });
      continue;
    }
    // Nothing is looked at yet, so nothing was written under the id.
    if (plan.documentId !== null && waiting.length > 0) throw severalNamed(plan.documentId);
    const documentId = plan.documentId ?? entry.staged?.itemId ?? documentIdOf(source.name, entry.id, plan.group);
    waiting.push({ documentId, parentId: null, item: entry });
    if (waiting.length === LOOK_ITEMS) await lookAtWaiting();
  }
  if (!session.isFull) await lookAtWaiting();
  else if (waiting.length > 0) session.leave();
  await batches.end();
  session.throwIfStopping();
  if (session.leftBecause === null) await sync?.deleteGone(session, replay);
}

/** Hears how many documents have been listed. */
export type OnListed = (event: Extract<RunEvent, { readonly kind: 'listed' }>) => void;

/** Tells of several listings, one after the other, as of one. */
export function listedSoFar(onListed: OnListed, listings: number): OnListed {
  let left = listings;
  let before = 0;
  return ({ documents, isFinal }) => {
    if (isFinal) left -= 1;
    onListed({ kind: 'listed', documents: before + documents, isFinal: isFinal && left === 0 });
    if (isFinal) before += documents;
  };
}

/** What the run is about: what its source lists, or what it takes from staging. */
export function listingOf(
  session: RunSession,
  replay: RunReplay,
  source: Source,
  targets: readonly string[],
): AsyncIterable<SourceItem | SourceProblem> {
  if (takesStaged(session)) return takeStaged(session, replay);
  return source.list(targets, session.signal, (root) => tellPassedOver(root, session.onEvent));
}

/** The names of what lists the run's targets, each with its own. What waits in staging is listed, though nothing may be named. */
export function listersOf({ plan }: Pick<RunSession, 'plan'>): Map<string, readonly string[]> {
  if (takesStaged({ plan })) return new Map([[STAGED_SOURCE, plan.targets]]);
  return targetsBySource(plan.listedBy ?? plan.source, plan.targets);
}

/** What is listed, ahead of its use; how many documents that is so far is said as it grows. */
export function listAhead(
  listing: AsyncIterable<SourceItem | SourceProblem>,
  onEvent: OnListed,
): AsyncIterable<SourceItem | SourceProblem> {
  let documents = 0;
  return readAhead(listing, LISTED_AHEAD_ITEMS, ({ item, isFinal }) => {
    if (item !== null && !isProblem(item)) documents += 1;
    if (isFinal || documents % LOOK_ITEMS === 0) onEvent({ kind: 'listed', documents, isFinal });
  });
}

/** Of one `--id` for several documents. */
export function severalNamed(documentId: string): UsageError {
  return new UsageError(`--id ${documentId} names one document, but the target holds several: name a single file`, {
    code: 'APEX_USAGE',
    details: { documentId },
  });
}

/** Is it something that cannot be a document? */
export function isProblem(entry: SourceItem | SourceProblem): entry is SourceProblem {
  return 'code' in entry;
}

/** Unchanged bytes that their source marks anew are known by that mark from now on: the next look need not read them. */
async function noteSourceVersions(verdicts: readonly Verdict[], { parts, writeSignal }: RunSession): Promise<void> {
  const notes = verdicts.flatMap((verdict): SourceVersionNote[] => {
    if (verdict.kind !== 'unchanged' || verdict.newSourceVersion === null) return [];
    const { documentId, version } = verdict.current;
    return [{ documentId, version: version!, sourceVersion: verdict.newSourceVersion }];
  });
  if (notes.length > 0) await parts.stores.records.noteSourceVersions(notes, writeSignal);
}

async function noteFurtherPlaces(verdicts: readonly Verdict[], session: RunSession): Promise<void> {
  const { records } = session.parts.stores;
  const places = await furtherPlaces(verdicts, session.plan, (ids) => records.placesOf(ids, session.signal));
  if (places.length > 0) await records.notePlaces(places, session.writeSignal);
}

/** Says what became of the documents that need no work, with what came in them. */
async function reportSettled(verdicts: readonly Verdict[], source: string, session: RunSession): Promise<void> {
  const { group } = session.plan;
  const named = ({ documentId, item }: Candidate) => ({
    ...{ documentId, group, source: item.staged?.source ?? source },
    sourceUri: item.uri,
  });
  const unchanged: ReturnType<typeof named>[] = [];
  for (const verdict of verdicts) {
    if (verdict.kind === 'unchanged') {
      await endStaged([verdict.candidate.item], null, session);
      unchanged.push(named(verdict.candidate));
      session.settle(unchangedResult(named(verdict.candidate), verdict.current.version));
    } else if (verdict.kind === 'remembered') {
      const { code, message, retryable } = verdict.entry;
      await endStaged([verdict.candidate.item], { code, message }, session);
      session.settle(
        failedResult(named(verdict.candidate), 'quarantined', { code, message, retryable, step: null }, 0),
      );
    }
  }
  await reportAttachments(unchanged, session);
}

/** An unchanged mail has unchanged attachments, and those that were set aside still are: both are counted. */
async function reportAttachments(
  parents: readonly { readonly documentId: string; readonly source: string }[],
  session: RunSession,
): Promise<void> {
  const { group } = session.plan;
  const { quarantine, records } = await session.look(session.parts.attachments);
  for (const [source, roots] of Map.groupBy(parents, (parent) => parent.source)) {
    let ids = roots.map(({ documentId }) => documentId);
    while (ids.length > 0) {
      const children = await records.children(ids, session.signal);
      for (const { documentId, version } of children)
        session.settle(unchangedResult({ documentId, group, source, sourceUri: documentId }, version));
      ids = children.map(({ documentId }) => documentId);
    }
  }
  for (const { documentId, source, sourceUri, code, message, retryable } of parents.flatMap((parent) =>
    quarantine.attachmentsOf(parent.documentId),
  )) {
    session.settle(
      failedResult(
        { documentId, group, source, sourceUri },
        'quarantined',
        { code, message, retryable, step: null },
        0,
      ),
    );
  }
}

/** What was moved to these has been taken by their first batch. */
const NOTHING_MOVED = async () => [];

/** Collects documents until they make a batch: so many, or so many bytes, a large one alone. */
export class BatchBuilder {
  readonly #session: RunSession;
  readonly #replay: RunReplay;
  readonly #sync: Sync | null;
  #inputs: DocumentInput[] = [];
  #bytes = 0;
  /** Documents that were near too many deaths. */
  readonly #suspects: DocumentInput[] = [];

  constructor(session: RunSession, replay: RunReplay, sync: Sync | null) {
    this.#session = session;
    this.#replay = replay;
    this.#sync = sync;
  }

  /** @param isSuspect it is known to have killed processes. */
  async add(input: DocumentInput, bytes: number, isSuspect = false): Promise<void> {
    if (isSuspect || this.#replay.deathsOf(input.documentId) >= DEATHS_BEFORE_ISOLATION) {
      this.#suspects.push(input);
      return;
    }
    const { batchSize, batchBytes } = this.#session.parts.limits;
    if (this.#bytes + bytes > batchBytes) await this.#runCollected();
    this.#inputs.push(input);
    this.#bytes += bytes;
    if (this.#inputs.length >= batchSize) await this.#runCollected();
  }

  /** Runs what is left. Suspects come last and one by one, so that what kills this process too has kept nobody waiting. */
  async end(): Promise<void> {
    await this.#runCollected();
    for (const suspect of this.#suspects) await this.#run([suspect], true);
  }

  async #runCollected(): Promise<void> {
    const inputs = this.#inputs;
    this.#inputs = [];
    this.#bytes = 0;
    await this.#run(inputs, false);
  }

  async #run(inputs: readonly DocumentInput[], isIsolated: boolean): Promise<void> {
    const session = this.#session;
    if (inputs.length === 0) return;
    if (session.isStopping) return session.leave();
    session.signal.throwIfAborted();
    const replay = this.#replay;
    // What was moved is here and there in one batch, so that readers always see exactly one of the two.
    const movedTo = async (contentDigests: readonly string[]) => (await this.#sync?.movedTo(contentDigests)) ?? [];
    const lost = await runBatch({ inputs, movedTo, replay, isLastTry: false, isIsolated }, session);
    if (lost.length === 0 || session.isStopping) return;
    const again = await this.#readAgain(lost);
    if (again.length > 0)
      await runBatch({ inputs: again, movedTo: NOTHING_MOVED, replay, isLastTry: true, isIsolated }, session);
  }

  /** Another run made a version of these meanwhile: they are compared with that one, and staged anew where they still differ. */
  async #readAgain(lost: readonly DocumentInput[]): Promise<DocumentInput[]> {
    const session = this.#session;
    const { parts, runId } = session;
    for (const { documentId, sourceName } of lost)
      await (await parts.staging.open(sourceName, documentId, runId)).remove();
    session.forgetQuarantine();
    const roots = Map.groupBy(
      lost.filter(({ parentId }) => parentId === null),
      readerOf,
    );
    const again: DocumentInput[] = [];
    for (const [reader, inputs] of roots) {
      const verdicts = await classify(inputs, await session.look(parts.source(reader)), session.signal);
      await reportSettled(verdicts, reader, session);
      again.push(...verdicts.filter((verdict) => verdict.kind === 'process').map(({ input }) => input));
    }
    return again;
  }
}
