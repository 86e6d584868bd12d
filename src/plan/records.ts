import type { RecordsRequest } from '../../lib/contracts/apex.ts';
import { embeddingText } from '../../lib/contracts/document.ts';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import type {
  FeedRecord,
  FeedSourceName,
  Observation,
  RecordMapper,
  RejectedRecord,
} from '../../lib/contracts/feed.ts';
import type { Feed, FeedPage } from '../../lib/contracts/feed-source.ts';
import type { FetchRequest } from '../../lib/contracts/journal.ts';
import type { FeedReader } from '../../lib/contracts/parts.ts';
import type { PlannedEmbedding, PlanSummary } from '../../lib/contracts/plan.ts';
import { type Source, STAGED_SOURCE } from '../../lib/contracts/source.ts';
import { targetsBySource } from '../config/locations.ts';
import { Allowance, NO_CAPS } from '../pipeline/allowance.ts';
import { embed } from '../pipeline/embed.ts';
import { storesDigest } from '../pipeline/parts.ts';
import { isProblem, listAhead, listedSoFar, type OnListed } from '../pipeline/run.ts';
import { EmbeddingUse } from '../pipeline/use.ts';
import { offeredItems } from '../staged/take.ts';
import { absentThings, isGoneFrom, Met, type WalkedStream } from '../things/absent.ts';
import { type ChangedThing, changedThings, identifiedGone, identifiedThing, thingRecord } from '../things/batch.ts';
import { feedListeners, feedSource, isFull, isOfSource } from '../things/ingest.ts';
import { KnownThings } from '../things/known.ts';
import { mapRecord } from '../things/mapping.ts';
import { type GoneThing, prepareThings, thingsSettingsDigest } from '../things/prepare.ts';
import { embeddingOf, PlannedCache, plannedEmbedder } from './embedding.ts';
import { PlanReport, planned } from './report.ts';
import { deletedOf, type Named, unchangedOf, writtenOf } from './results.ts';
import { PLAN_RUN, type PlanOptions, type PlanParts, readableItem } from './session.ts';

/** What a plan for records is asked, and who hears of it. */
export interface RecordPlanOptions extends Omit<PlanOptions, 'request' | 'parts'> {
  readonly request: RecordsRequest;
  readonly parts: PlanParts & { readonly feeds: FeedReader };
}

/**
 * Says what an ingest of records would do, thing by thing as it first changes, by doing all of it but embedding and writing; an API is
 * asked, and its streams stay as far as they were. Every batch is compared with the memory alone, as nothing is written: what a record
 * says of a thing that an earlier one of the same input names otherwise may come out as one thing more.
 *
 * Stopped by its signal it says what it has seen. @throws as the ingest would before its run begins.
 */
export function planRecords(options: RecordPlanOptions): Promise<PlanSummary> {
  return planned(new RecordPlanning(options), options.signal);
}

/** A stream of a source that is open, on its walk. */
interface PlannedStream {
  readonly feed: Feed;
  readonly walk: AsyncIterable<FeedPage>;
  readonly mapper: RecordMapper;
  /** What it meets, where the memory is compared with it. */
  readonly met: Met | null;
}

class RecordPlanning {
  readonly #options: RecordPlanOptions;
  readonly #report: PlanReport;
  readonly #source: FeedSourceName;
  readonly #use = new EmbeddingUse(new Allowance(NO_CAPS, () => 0));
  readonly #cache: PlannedCache;
  readonly #readAt: string;
  /** The things that were told. */
  readonly #told = new Set<string>();
  /** Things that have not changed so far, with their version: they are told at the end. */
  readonly #unchanged = new Map<string, { readonly named: Named; readonly version: number }>();
  #counts = { records: 0, readings: 0, rejected: 0 };
  #observations: Observation[] = [];
  /** Records since the last batch. */
  #waiting = 0;

  constructor(options: RecordPlanOptions) {
    const { parts, request } = options;
    this.#options = options;
    this.#source = feedSource(request.source);
    this.#report = new PlanReport(options);
    this.#cache = new PlannedCache(parts.stores.cache, parts.embedder.dimensions);
    this.#readAt = new Date(parts.surroundings.now()).toISOString();
  }

  async work(): Promise<void> {
    const { request, parts } = this.#options;
    const mapper = await parts.feeds.mapper(this.#source);
    if (request.fetch === undefined) await this.#planFiles(mapper);
    else await this.#planFetch(request.fetch, mapper);
    await this.#planBatch();
  }

  end(state: PlanSummary['state']): PlanSummary {
    for (const { named, version } of this.#unchanged.values())
      if (this.#isNews(named.documentId)) this.#report.tell(unchangedOf(named, version));
    return this.#report.end(state, this.#counts);
  }

  async #planFiles(mapper: RecordMapper): Promise<void> {
    const { request, parts, onEvent } = this.#options;
    const { listedBy = 'local_upload', targets: named } = request;
    const sources = listedBy === STAGED_SOURCE ? new Map([[listedBy, named]]) : targetsBySource(listedBy, named);
    const onListed = listedSoFar(onEvent, sources.size);
    for (const [name, targets] of sources) await this.#planFrom(parts.source(name), targets, mapper, onListed);
  }

  async #planFrom(source: Source, targets: readonly string[], mapper: RecordMapper, onListed: OnListed): Promise<void> {
    const { parts, group, signal } = this.#options;
    const listing =
      source.name === STAGED_SOURCE
        ? offeredItems({ kind: 'records', source: this.#source, targets, group }, parts.waiting)
        : source.list(targets, signal);
    for await (const entry of listAhead(listing, onListed)) {
      if (isProblem(entry)) {
        this.#report.takeProblem(entry);
        continue;
      }
      try {
        const item = await readableItem(entry, source, this.#options);
        for await (const found of parts.feeds.read(source.read(item, signal), signal)) {
          if (found.kind === 'rejected') this.#reject(found.rejected, item.uri);
          else await this.#take(found.record, item.uri, mapper, null);
        }
      } catch (error) {
        this.#tellUnlessGrave(error, entry.uri);
      }
    }
  }

  /** What one source cannot give is told, and the others are asked. */
  #tellUnlessGrave(error: unknown, uri: string): void {
    if (!isOfSource(error) || this.#options.signal.aborted) throw error;
    const { code, message } = error;
    this.#report.takeProblem({ uri, code, message });
  }

  async #planFetch(request: FetchRequest, mapper: RecordMapper): Promise<void> {
    const { parts, onEvent, signal } = this.#options;
    const feed = await parts.feeds.open(this.#source, feedListeners(this.#source, onEvent));
    try {
      for (const stream of request.streams) {
        const { since, until, isAll, id, sync } = request;
        const met = sync?.streams.includes(stream) === true ? new Met() : null;
        const saved = await parts.stores.records.cursor(
          { source: this.#source, stream, group: this.#options.group },
          signal,
        );
        const walk = feed.walk({
          ...{ stream, cursor: saved?.value ?? null, isResume: false, since, until, isAll, id, signal },
        });
        await this.#planStream(stream, { feed, walk, mapper, met });
      }
    } finally {
      await feed.close();
    }
  }

  async #planStream(stream: string, { feed, walk, mapper, met }: PlannedStream): Promise<void> {
    const uri = `${this.#source}:${stream}`;
    try {
      for await (const { records, rejected, isLast, allOf } of walk) {
        for (const entry of rejected) this.#reject(entry, uri, met);
        for (const record of records) await this.#take(record, uri, mapper, met);
        if (isLast && met !== null) await this.#planAbsent({ name: stream, allOf, met }, feed);
      }
    } catch (error) {
      this.#tellUnlessGrave(error, uri);
    }
  }

  async #planAbsent(stream: WalkedStream, feed: Feed): Promise<void> {
    const { request, group, parts, signal, onEvent } = this.#options;
    const allowsEmpty = request.fetch?.sync?.allowsEmpty === true;
    const isGone = isGoneFrom(feed, stream.name, signal);
    const { records } = parts.stores;
    const comparison = { source: this.#source, group, records, allowsEmpty, isGone, signal, onEvent };
    for await (const page of absentThings(stream, comparison)) await this.#planBatch(page);
  }

  async #take(record: FeedRecord, uri: string, mapper: RecordMapper, met: Met | null): Promise<void> {
    const waiting = { records: this.#waiting, observations: this.#observations };
    if (isFull(waiting, this.#options.parts.limits.batchSize)) await this.#planBatch();
    this.#waiting += 1;
    const mapped = mapRecord(mapper, record);
    if ('rejected' in mapped) return this.#reject(mapped.rejected, uri, met);
    this.#counts.records += 1;
    this.#observations.push(...mapped.observations);
    for (const observation of mapped.observations) met?.add(observation);
  }

  #reject({ place, path, reason }: RejectedRecord, uri: string, met: Met | null = null): void {
    this.#counts.records += 1;
    this.#counts.rejected += 1;
    if (met !== null) met.hasRejected = true;
    this.#report.earn(EXIT.quarantined);
    this.#options.onEvent({ kind: 'rejected', uri, place, path, reason });
  }

  /** @param gone what goes with it. */
  async #planBatch(gone: readonly GoneThing[] = []): Promise<void> {
    const { parts, group, signal } = this.#options;
    signal.throwIfAborted();
    const observed = this.#observations;
    [this.#observations, this.#waiting] = [[], 0];
    if (observed.length + gone.length === 0) return;
    const settingsDigest = thingsSettingsDigest(parts);
    const digests = { settingsDigest, storesDigest: storesDigest(parts.stores), readAt: this.#readAt };
    const { things, absorbed } = await prepareThings(observed, {
      ...{ gone, parts, known: new KnownThings(parts.stores.records, group, signal), ...digests },
      context: { signal, surroundings: parts.surroundings },
    });
    for (const thing of things) {
      this.#counts.readings += thing.addition?.readings.length ?? 0;
      if (thing.content === null && thing.isNamed)
        this.#unchanged.set(thing.documentId, {
          named: identifiedThing(thing, group),
          version: thing.known!.document.version!,
        });
    }
    await this.#planWritten(changedThings(things), digests);
    for (const thing of gone) this.#report.tell(deletedOf(identifiedGone(thing, group)));
    for (const { known } of absorbed) {
      const { documentId } = known.document;
      if (!this.#isNews(documentId)) continue;
      this.#report.tell(deletedOf({ documentId, group, source: this.#source, sourceUri: known.state.key }));
    }
  }

  async #planWritten(
    changed: readonly ChangedThing[],
    digests: { readonly settingsDigest: string; readonly storesDigest: string },
  ): Promise<void> {
    const { parts, group, signal } = this.#options;
    const embeddings = await this.#planEmbedding(changed);
    // Also of a thing that was deleted the number is not given again.
    const current = await parts.stores.records.current(
      changed.map(({ documentId }) => documentId),
      signal,
    );
    for (const [index, thing] of changed.entries()) {
      if (!this.#isNews(thing.documentId)) continue;
      // Only what is counted is needed, not what a vector says.
      const vectors = thing.content.chunks.map(() => new Float32Array());
      const version = (current.get(thing.documentId)?.lastVersion ?? 0) + 1;
      const record = thingRecord(thing, vectors, { ...digests, version, group, createdAt: this.#readAt });
      this.#report.tell(writtenOf(record, thing.known === null ? 'add' : 'update', embeddings[index]!));
    }
  }

  /** Of each thing its share of the requests that are made for all: a request is of the thing whose text comes first in it. */
  async #planEmbedding(changed: readonly ChangedThing[]): Promise<PlannedEmbedding[]> {
    const { parts, signal } = this.#options;
    const requests: (readonly string[])[] = [];
    await embed(
      changed.flatMap(({ content }) => content.chunks),
      {
        embedder: plannedEmbedder(parts.embedder, (texts) => requests.push(texts)),
        ...{ cache: this.#cache, use: this.#use, onCacheFailure: () => this.#report.warnOfCache() },
      },
      { runId: PLAN_RUN, signal, surroundings: parts.surroundings, onStep: () => {} },
    );
    const firsts = new Set(requests.map(([first]) => first));
    const left = new Set(requests.flat());
    return changed.map(({ content }) => {
      const own = content.chunks.map(embeddingText).filter((text) => left.delete(text));
      const calls = own.filter((text) => firsts.has(text)).length;
      return { ...embeddingOf(own.length === 0 ? [] : [own], parts.embedder), embedding_calls: calls };
    });
  }

  /** Whether nothing was told of it yet. */
  #isNews(documentId: string): boolean {
    if (this.#told.has(documentId)) return false;
    this.#told.add(documentId);
    return true;
  }
}
