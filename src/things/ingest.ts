// Things: what records of structured sources say, folded into documents.
// May import src and lib/contracts.
// Must never read a source or know what a source's records look like.

import type { RunEvent } from '../../lib/contracts/apex.ts';
import { ERROR_CODES, type ErrorCode, EXIT } from '../../lib/contracts/error-codes.ts';
import { type ApexError, isApexError, UsageError } from '../../lib/contracts/errors.ts';
import {
  FEED_SOURCES,
  type FeedItem,
  type FeedRecord,
  type FeedSourceName,
  type JsonObject,
  type Observation,
  type RecordMapper,
  type RejectedRecord,
} from '../../lib/contracts/feed.ts';
import type { Feed, FeedListeners } from '../../lib/contracts/feed-source.ts';
import { digestOf } from '../../lib/contracts/identity.ts';
import type { FetchRequest } from '../../lib/contracts/journal.ts';
import type { CursorMove, RejectedEntry } from '../../lib/contracts/series.ts';
import type { Source, SourceItem } from '../../lib/contracts/source.ts';
import type { RunReplay } from '../journal/replay.ts';
import { isDocumentsFault } from '../pipeline/failure.ts';
import { isProblem, listAhead, listedSoFar, listersOf, listingOf } from '../pipeline/run.ts';
import type { RunSession } from '../pipeline/session.ts';
import { Spool } from '../pipeline/spool.ts';
import { RETRIES, withRetries } from '../pipeline/steps.ts';
import { type Retry, tellingWaits } from '../pipeline/waits.ts';
import { endStaged } from '../staged/take.ts';
import { deleteAbsent, Met } from './absent.ts';
import { changedKeys, prepareRecordBatch, runRecordBatch } from './batch.ts';
import { RememberedStates } from './known.ts';
import { mapRecord } from './mapping.ts';
import type { PreparedThings } from './prepare.ts';
import { Turns } from './turns.ts';

/**
 * So many observations a batch has at the most, for each record that it may hold. A shipment of 3 KB speaks of some ten things: 256 of
 * them made batches that took 650 MB. With 1.5 a record 20,000 shipments take 285 MB, with 2 they take 305, since the next batch is made
 * ready beside the one that is written.
 */
const OBSERVATIONS_A_RECORD = 1.5;

/** Is it to be written before another record comes? @param batchSize records that are written and become visible together. */
export function isFull(
  { records, observations }: { readonly records: number; readonly observations: readonly Observation[] },
  batchSize: number,
): boolean {
  return records >= batchSize || observations.length >= batchSize * OBSERVATIONS_A_RECORD;
}

/** Brings every record of the run's targets into the memory, batch after batch. */
export async function ingestRecords(session: RunSession, replay: RunReplay): Promise<void> {
  if (session.plan.rejected === true) return retryRejected(session);
  if (session.plan.fetch !== undefined) return fetchRecords(session, session.plan.fetch, replay);
  return withBatches(session, feedSource(session.plan.source), (batches) => readTargets(batches, session, replay));
}

/** Whatever ends the work, nothing is being written or read any more when this returns. */
async function withBatches(
  session: RunSession,
  source: FeedSourceName,
  work: (batches: RecordBatches) => Promise<void>,
): Promise<void> {
  const batches = new RecordBatches(session, await session.parts.feeds.mapper(source));
  try {
    await work(batches);
  } finally {
    await batches.close();
  }
}

async function readTargets(batches: RecordBatches, session: RunSession, replay: RunReplay): Promise<void> {
  const { parts } = session;
  const spool = new Spool(session, replay);
  const taken: SourceItem[] = [];
  const sources = listersOf(session);
  const onListed = listedSoFar(session.onEvent, sources.size);
  for (const [name, targets] of sources) {
    const source = parts.source(name);
    for await (const listing of listAhead(listingOf(session, replay, source, targets), onListed)) {
      const entry = isProblem(listing) ? listing : await spool.take(listing, source);
      if (isProblem(entry)) {
        tellProblem(entry, session);
        continue;
      }
      const failure = await readRecords(entry, source, batches, session);
      if (failure === null) taken.push(entry);
      else await endStaged([entry], failure, session);
    }
  }
  await batches.end();
  session.throwIfStopping();
  await endStaged(taken, null, session);
  await spool.remove();
}

function tellProblem(problem: { uri: string; code: ErrorCode; message: string }, session: RunSession): void {
  session.earn(ERROR_CODES[problem.code].exit);
  session.onEvent({ kind: 'problem', ...problem });
}

/**
 * Takes the records of one item. Where reading breaks off it begins again, as often as staging does: what was taken before is taken
 * again, which changes nothing, and is not counted again. An item that cannot be read is told, and the others are taken.
 *
 * @returns why it could not be read, or null.
 */
async function readRecords(
  item: SourceItem,
  source: Source,
  batches: RecordBatches,
  session: RunSession,
): Promise<Pick<ApexError, 'code' | 'message'> | null> {
  const { parts, signal } = session;
  let taken = 0;
  const readOnce = async (): Promise<{ readonly error: unknown } | null> => {
    let place = 0;
    try {
      for await (const found of parts.feeds.read(source.read(item, signal), signal)) {
        place += 1;
        batches.isAgain = place <= taken;
        await batches.add(found, item.uri);
        taken = Math.max(taken, place);
        session.throwIfStopping();
      }
      return null;
    } catch (error) {
      // What a store or the journal does is nothing that reading again would help.
      if (!isOfSource(error)) return { error };
      throw error;
    } finally {
      batches.isAgain = false;
    }
  };
  try {
    const onRetry = (retry: Retry) => session.noteRetry('stage', retry, source.name);
    const retrying = { signal, surroundings: parts.surroundings, onRetry };
    const failure = await withRetries(RETRIES.stage, retrying, readOnce);
    if (failure !== null) throw failure.error;
    return null;
  } catch (error) {
    if (!isOfSource(error) || !isDocumentsFault(error) || signal.aborted) throw error;
    const { code, message } = error;
    tellProblem({ uri: item.uri, code, message }, session);
    return { code, message };
  }
}

/**
 * Fetches streams from the source's own API, page by page; the cursor of a stream moves with the last batch of its page. A stream that
 * cannot be fetched is told, and the others are fetched.
 */
async function fetchRecords(session: RunSession, request: FetchRequest, replay: RunReplay): Promise<void> {
  const { parts, plan, onEvent } = session;
  const source = feedSource(plan.source);
  const feed = await parts.feeds.open(source, feedListeners(source, onEvent));
  const { endedStreams } = replay;
  // What was rejected before the run was interrupted is not met again.
  if (replay.rejected > 0) session.earn(EXIT.quarantined);
  try {
    await withBatches(session, source, async (batches) => {
      for (const stream of request.streams.filter((name) => !endedStreams.has(name))) {
        try {
          await fetchStream(stream, { session, feed, batches, request, isResume: replay.plan !== null });
        } catch (error) {
          if (!isOfSource(error) || session.signal.aborted) throw error;
          tellProblem({ uri: `${source}:${stream}`, code: error.code, message: error.message }, session);
        }
        session.throwIfStopping();
      }
    });
  } finally {
    await feed.close();
  }
}

/** Did the source fail, and not a store or the journal? */
export function isOfSource(error: unknown): error is ApexError {
  return isApexError(error) && error.name === 'SourceError';
}

/** Tells what a feed tells beside its pages. */
export function feedListeners(
  source: FeedSourceName,
  onEvent: (event: Extract<RunEvent, { kind: 'warning' }>) => void,
): FeedListeners {
  return {
    onWaiting: tellingWaits(source, onEvent),
    onWarning: ({ code, message }) => onEvent({ kind: 'warning', code, message }),
  };
}

interface Fetching {
  readonly session: RunSession;
  readonly feed: Feed;
  readonly batches: RecordBatches;
  readonly request: FetchRequest;
  readonly isResume: boolean;
}

async function fetchStream(stream: string, { session, feed, batches, request, isResume }: Fetching): Promise<void> {
  const { parts, plan, signal } = session;
  const { group, source } = plan;
  const { since, until, isAll, id, sync } = request;
  const saved = await parts.stores.records.cursor({ source, stream, group }, signal);
  const walk = feed.walk({ stream, cursor: saved?.value ?? null, isResume, since, until, isAll, id, signal });
  const met = sync?.streams.includes(stream) === true ? new Met() : null;
  batches.meet(met);
  for await (const { records, rejected, cursor, isLast, allOf } of walk) {
    const uri = `${source}:${stream}`;
    for (const entry of rejected) await batches.reject(entry, stream, uri);
    for (const record of records) await batches.take(record, uri);
    if (met !== null && isLast) {
      // Before the stream counts as ended: a run that is killed here is told that it did not see all of it.
      await batches.end();
      await deleteAbsent({ name: stream, allOf, met }, feed, session);
    }
    const { before: base, after: next } = cursor;
    const at = new Date(parts.surroundings.now()).toISOString();
    const moves = next === null || next === base ? [] : [{ source, stream, group, base, next, at }];
    await batches.end(moves, isLast ? stream : null);
    session.throwIfStopping();
  }
}

/** How many rejected records are asked for together. */
const PAGE_REJECTED = 256;

/** Tries rejected records again: a mapper may know them by now. What is taken is rejected no longer, in the pivot that takes it. */
async function retryRejected(session: RunSession): Promise<void> {
  const { parts, plan, signal } = session;
  for (const source of FEED_SOURCES)
    await withBatches(session, source, async (batches) => {
      for (let afterId: string | null = null; ; ) {
        const page: readonly RejectedEntry[] = await parts.stores.records.rejected(
          { afterId, limit: PAGE_REJECTED, group: plan.group, source },
          signal,
        );
        for (const entry of page) await batches.again(entry);
        session.throwIfStopping();
        if (page.length < PAGE_REJECTED) break;
        afterId = page[page.length - 1]!.id;
      }
      await batches.end();
    });
}

/** The name of a source of records. @throws UsageError for any other. */
export function feedSource(name: string): FeedSourceName {
  if ((FEED_SOURCES as readonly string[]).includes(name)) return name as FeedSourceName;
  throw new UsageError(`there is no source of records named ${name}: ${FEED_SOURCES.join(', ')}`, {
    code: 'APEX_USAGE',
    details: { name },
  });
}

/** Records of a batch that is not full yet. */
interface Collected {
  readonly observations: Observation[];
  readonly rejected: RejectedEntry[];
  readonly accepted: string[];
  records: number;
  /** How many could not be taken, those that are kept already included. */
  rejectedCount: number;
  /** Of the records those that were counted before. */
  again: number;
}

const noRecords = (): Collected => ({
  ...{ observations: [], rejected: [], accepted: [] },
  ...{ records: 0, rejectedCount: 0, again: 0 },
});

/**
 * Collects records until they make a batch. While one is written, the records of the next are mapped, and it is made ready, unless it
 * speaks of things that the first changes. What else it was made from is looked at again by its pivot, as when two runs write.
 */
class RecordBatches {
  readonly #session: RunSession;
  readonly #mapper: RecordMapper;
  readonly #remembered = new RememberedStates();
  #next = noRecords();
  #writing: Promise<void> | null = null;
  /** Of the batch that is being written. */
  #prepared: Promise<PreparedThings> | null = null;
  /** Of the batch after it. */
  #ahead: Promise<PreparedThings | null> = Promise.resolve(null);
  readonly #turns = new Turns();
  /** Whether what is added now was added before, by a reading that broke off. */
  isAgain = false;
  #met: Met | null = null;

  constructor(session: RunSession, mapper: RecordMapper) {
    this.#session = session;
    this.#mapper = mapper;
  }

  /** From now on what is met is noted there. */
  meet(met: Met | null): void {
    this.#met = met;
  }

  /** @param uri where it came from. */
  add(item: FeedItem, uri: string): Promise<void> {
    return item.kind === 'rejected' ? this.reject(item.rejected, null, uri) : this.take(item.record, uri);
  }

  async take(record: FeedRecord, uri: string): Promise<void> {
    await this.#makeRoom();
    this.#map(record, uri);
  }

  async reject(rejected: RejectedRecord, stream: string | null, uri: string): Promise<void> {
    await this.#makeRoom();
    this.#reject(rejected, stream, uri);
  }

  /** A batch is written when the next record comes: a cursor may move with what is the last of its page. */
  async #makeRoom(): Promise<void> {
    if (isFull(this.#next, this.#session.parts.limits.batchSize)) {
      const full = this.#cut();
      this.#ahead = unheard(this.#prepareAhead(full));
      await this.settle();
      this.#writing = unheard(this.#write(full, this.#ahead));
    } else if (this.#writing !== null) await this.#turns.pass();
    this.#next.records += 1;
    if (this.isAgain) this.#next.again += 1;
  }

  #cut(): Collected {
    const cut = this.#next;
    this.#next = noRecords();
    return cut;
  }

  /** Waits until nothing is being written. Errors as `runRecordBatch`. */
  async settle(): Promise<void> {
    const writing = this.#writing;
    this.#writing = null;
    await writing;
    this.#prepared = null;
  }

  /** Waits until nothing is being written or made ready. Errors as `settle`. */
  async close(): Promise<void> {
    try {
      await this.settle();
    } finally {
      await this.#ahead.catch(() => {});
    }
  }

  /** The batch, ready, while another is being written; null when it is to wait for that, or nothing is. */
  async #prepareAhead({ observations }: Collected): Promise<PreparedThings | null> {
    const before = await this.#prepared;
    if (before === null) return null;
    const changed = changedKeys(before);
    if (observations.some(({ thing }) => changed.has(thing.key))) return null;
    return this.#prepare(observations);
  }

  #prepare(observations: readonly Observation[]): Promise<PreparedThings> {
    const session = this.#session;
    return prepareRecordBatch({ observations, gone: [], readAt: session.startedAt }, session, this.#remembered);
  }

  /** Tries a rejected record again; where it is rejected again, what is kept of it stays. */
  async again(entry: RejectedEntry): Promise<void> {
    await this.#makeRoom();
    const { place, stream, sourceUri } = entry;
    const value = objectIn(entry.raw);
    if (value === null) this.#tell(entry);
    else if (this.#map({ value, place, stream }, sourceUri)) this.#next.accepted.push(entry.id);
  }

  /** Writes what is left. @param cursors what moves with it. @param endsStream the stream that ends with it, or null. */
  async end(cursors: readonly CursorMove[] = [], endsStream: string | null = null): Promise<void> {
    const left = this.#cut();
    await this.settle();
    await this.#write(left, Promise.resolve(null), cursors, endsStream);
  }

  async #write(
    { records, again, rejected, ...collected }: Collected,
    ahead: Promise<PreparedThings | null>,
    cursors: readonly CursorMove[] = [],
    endsStream: string | null = null,
  ): Promise<void> {
    if (records === 0 && cursors.length === 0) return;
    const session = this.#session;
    session.signal.throwIfAborted();
    const told = { ...collected, rejected: await this.#newlyRejected(rejected), cursors, endsStream };
    const batch = { ...told, gone: [], readAt: session.startedAt };
    const prepared = unheard(ahead.then((ready) => ready ?? this.#prepare(collected.observations)));
    this.#prepared = prepared;
    const { readings } = await runRecordBatch(batch, session, this.#remembered, await prepared);
    const { rejectedCount } = collected;
    session.countRecords({ records: records - again, readings, rejected: rejectedCount });
    if (rejectedCount > 0) session.earn(EXIT.quarantined);
  }

  /** @returns whether the record was taken. */
  #map(record: FeedRecord, uri: string): boolean {
    const mapped = mapRecord(this.#mapper, record);
    if ('rejected' in mapped) {
      this.#reject(mapped.rejected, record.stream, uri);
      return false;
    }
    this.#next.observations.push(...mapped.observations);
    for (const observation of mapped.observations) this.#met?.add(observation);
    return true;
  }

  #reject(rejected: RejectedRecord, stream: string | null, sourceUri: string): void {
    const { plan, runId, startedAt } = this.#session;
    const { source } = this.#mapper;
    const entry = {
      ...{ id: digestOf(source, stream, plan.group, rejected.raw), source, stream, group: plan.group, sourceUri },
      ...{ ...rejected, runId, at: startedAt },
    };
    this.#next.rejected.push(entry);
    if (this.#met !== null) this.#met.hasRejected = true;
    this.#tell(entry);
  }

  #tell({ sourceUri: uri, place, path, reason }: RejectedEntry): void {
    if (this.isAgain) return;
    this.#next.rejectedCount += 1;
    this.#session.onEvent({ kind: 'rejected', uri, place, path, reason });
  }

  /** Those that are not kept yet: the same feed again writes nothing. */
  async #newlyRejected(rejected: readonly RejectedEntry[]): Promise<RejectedEntry[]> {
    if (rejected.length === 0) return [];
    const ids = new Set(
      await this.#session.parts.stores.records.rejectedAmong(
        rejected.map(({ id }) => id),
        this.#session.signal,
      ),
    );
    return [...new Map(rejected.map((entry) => [entry.id, entry])).values()].filter(({ id }) => !ids.has(id));
  }
}

/** Work that whoever waits for it hears of when it fails, and nobody else. */
function unheard<T>(work: Promise<T>): Promise<T> {
  work.catch(() => {});
  return work;
}

/** What a kept text holds; null when it was cut, or never was a record. */
function objectIn(raw: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}
