import { embeddingText, type QuarantineEntry, type RelationType } from '../../../lib/contracts/document.ts';
import { StoreError } from '../../../lib/contracts/errors.ts';
import type {
  RejectedEntry,
  RejectedPage,
  SeriesCursor,
  SeriesRequest,
  SeriesWindow,
  StoredReading,
} from '../../../lib/contracts/series.ts';
import type {
  AfterDocument,
  ChunkRecord,
  CurrentDocument,
  DocumentFilter,
  DocumentPlace,
  DocumentSummary,
  DocumentVersion,
  Fact,
  FactAnchor,
  FactRead,
  FencedRun,
  HeldRun,
  InventoryRow,
  KeptVersion,
  KeywordTerm,
  PivotOutcome,
  PivotRequest,
  PlacedFilter,
  QuarantinePage,
  Ranked,
  RecordsStore,
  Role,
  SelectedDocument,
  SourceVersionNote,
  UnsharedText,
  VersionRecord,
  WriteRef,
} from '../../../lib/contracts/store.ts';
import { folded } from '../../../lib/stores/rows.ts';
import { versionOf } from '../records.ts';
import { FakePlaces } from './places.ts';
import { FakeSeries } from './series.ts';
import { FakeStore, type Held, isSameRef, keyOf } from './store.ts';

type PlacesOf = Pick<PlacedFilter, 'source' | 'group'>;

interface Numbered {
  readonly uuid: string;
  lastVersion: number;
  current: number | null;
  isGone?: boolean;
}

/** The records in memory, with the pivot and its commit table. */
export class FakeRecordsStore extends FakeStore implements RecordsStore {
  readonly memoryId = 'memory-1';
  readonly leaseMs: number | null;
  readonly #runs = new Map<string, { fence: number; lastLsn: number; journalId: string }>();
  readonly #documents = new Map<string, Numbered>();
  readonly #pivots = new Map<string, { readonly ref: WriteRef; readonly outcome: PivotOutcome; isFinished: boolean }>();
  readonly #quarantine = new Map<string, QuarantineEntry>();
  /** Batches that are told of and have no pivot. */
  readonly #announced = new Map<string, WriteRef>();
  readonly #series = new FakeSeries();
  readonly #places = new FakePlaces(() => this.live());
  #lastFence = 0;

  /** Runs and when their leases run out, by the clock below. */
  readonly #leases = new Map<string, number>();
  readonly #now: () => number;

  /** With a lease as several hosts have it, by a clock in milliseconds; without one, nothing is held. */
  constructor({ leaseMs = null, now = () => 0 }: { leaseMs?: number | null; now?: () => number } = {}) {
    super('records');
    this.leaseMs = leaseMs;
    this.#now = now;
  }

  async openRun({ runId, journalId }: { runId: string; journalId: string }, signal: AbortSignal) {
    signal.throwIfAborted();
    this.#lastFence += 1;
    const { lastLsn = 0, journalId: known = journalId } = this.#runs.get(runId) ?? {};
    this.#runs.set(runId, { fence: this.#lastFence, lastLsn, journalId: known });
    this.#hold(runId);
    return { fence: this.#lastFence, lastLsn };
  }

  #hold(runId: string): void {
    if (this.leaseMs !== null) this.#leases.set(runId, this.#now() + this.leaseMs);
  }

  async renewLease({ runId, fence }: FencedRun, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (this.leaseMs !== null && this.#runs.get(runId)?.fence !== fence) return false;
    this.#hold(runId);
    return true;
  }

  async endLease({ runId, fence }: FencedRun, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#runs.get(runId)?.fence === fence) this.#leases.delete(runId);
  }

  async heldRuns(signal: AbortSignal): Promise<{ runs: readonly HeldRun[]; lastFence: number }> {
    signal.throwIfAborted();
    const held = [...this.#leases].filter(([, until]) => until > this.#now()).sort();
    const runs = held.map(([runId, until]) => ({ runId, host: 'fake', until: new Date(until).toISOString() }));
    return { runs, lastFence: this.#lastFence };
  }

  async abortRun(runId: string, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if ((this.#leases.get(runId) ?? 0) > this.#now()) return false;
    const run = this.#runs.get(runId);
    if (run === undefined) return true;
    this.#lastFence += 1;
    this.#runs.set(runId, { ...run, fence: this.#lastFence });
    return true;
  }

  async runMirror(runId: string, signal: AbortSignal) {
    signal.throwIfAborted();
    return this.#runs.get(runId) ?? null;
  }

  async unsettled(signal: AbortSignal): Promise<WriteRef[]> {
    signal.throwIfAborted();
    const building = [...this.held.values()].filter(({ state }) => state === 'building');
    const unfinished = [...this.#pivots.values()].filter(({ isFinished }) => !isFinished);
    const refs = [...this.#announced.values(), ...[...building, ...unfinished].map(({ ref }) => ref)];
    return [...new Map(refs.map((ref) => [refKey(ref), ref])).values()].sort((a, b) =>
      refKey(a) < refKey(b) ? -1 : 1,
    );
  }

  async finish(ref: WriteRef, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const pivot = this.#pivots.get(refKey(ref));
    if (pivot !== undefined) pivot.isFinished = true;
  }

  async current(documentIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, CurrentDocument>> {
    signal.throwIfAborted();
    const known = documentIds.filter((documentId) => this.#documents.has(documentId));
    return new Map(known.map((documentId) => [documentId, this.#currentDocument(documentId)]));
  }

  async children(parentIds: readonly string[], signal: AbortSignal): Promise<CurrentDocument[]> {
    signal.throwIfAborted();
    return this.#ordered()
      .filter(({ parentId }) => parentId !== null && parentIds.includes(parentId))
      .map(({ documentId }) => this.#currentDocument(documentId));
  }

  async allocate(documents: readonly { documentId: string; uuid: string }[], signal: AbortSignal): Promise<number[]> {
    signal.throwIfAborted();
    return documents.map(({ documentId, uuid }) => {
      const document = this.#documents.get(documentId) ?? { uuid, lastVersion: 0, current: null };
      document.lastVersion += 1;
      this.#documents.set(documentId, document);
      return document.lastVersion;
    });
  }

  /** As servers do, where it has a lease as they have. Nothing is held of the version yet: the batch is only told of. */
  async announce(ref: WriteRef, lsn: number, _record: VersionRecord, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (this.leaseMs === null) return false;
    await super.discard(ref, signal);
    this.#mirror(ref.runId, lsn);
    this.#announced.set(refKey(ref), ref);
    return true;
  }

  writeBuilding(ref: WriteRef, lsn: number, records: readonly VersionRecord[], signal: AbortSignal): Promise<number> {
    this.#mirror(ref.runId, lsn);
    return this.write(ref, records, signal);
  }

  override async publish(): Promise<void> {}

  override async discard(ref: WriteRef, signal: AbortSignal): Promise<void> {
    if (this.#pivots.has(refKey(ref))) return;
    await super.discard(ref, signal);
    this.#announced.delete(refKey(ref));
  }

  async pivot(request: PivotRequest, signal: AbortSignal): Promise<PivotOutcome> {
    signal.throwIfAborted();
    const { ref, versions, deletes, kept = [] } = request;
    const repeated = this.#pivots.get(refKey(ref));
    if (repeated !== undefined) return repeated.outcome;
    if (this.#runs.get(ref.runId)?.fence !== request.fence)
      throw new StoreError(`run ${ref.runId} was taken over`, { code: 'FENCED' });
    const isWritten = ({ held }: { held: Held }) => isSameRef(held.ref, ref) && held.state === 'building';
    if (this.heldOf(versions).filter(isWritten).length !== versions.length)
      throw new StoreError('not all documents of the batch are written', { code: 'STORE_COUNT' });
    const { series = [], absorbed = [], cursors = [], reads = [], together = [] } = request;
    this.#series.assertCursors(cursors);
    const misread = reads.filter((read) => !this.#isSoStill(read)).map(({ documentId }) => documentId);
    const stale = new Set([...this.#series.stale(series), ...misread]);
    const pairs = [...absorbed.map(({ documentId, into }) => [documentId, into]), ...together];
    const isDone = (item: { documentId: string; baseVersion: number | null }): boolean => {
      if (stale.has(item.documentId)) return false;
      if ((this.#documents.get(item.documentId)?.current ?? null) !== item.baseVersion) return false;
      const own = versions.find(({ documentId }) => documentId === item.documentId)?.version ?? item.baseVersion;
      const parentId = own === null ? null : this.#parentOf({ documentId: item.documentId, version: own });
      const parent = [...versions, ...deletes, ...kept].find(({ documentId }) => documentId === parentId);
      return parent === undefined || isDone(parent);
    };
    const isPairDone = (documentId: string): boolean =>
      pairs
        .filter((pair) => pair.includes(documentId))
        .every((pair) => [...versions, ...deletes].filter((item) => pair.includes(item.documentId)).every(isDone));
    const won = versions.filter((item) => isDone(item) && isPairDone(item.documentId));
    const gone = deletes.filter((item) => isDone(item) && isPairDone(item.documentId));
    const retiring = [...won, ...gone].flatMap(({ documentId, baseVersion }) =>
      baseVersion === null ? [] : [{ documentId, version: baseVersion }],
    );
    const outcome = {
      committed: won.map(versionOf).sort(byDocumentId),
      retiring: retiring.sort(byDocumentId),
      lost: versions
        .filter((item) => !won.includes(item))
        .map(versionOf)
        .sort(byDocumentId),
      deleted: gone.map(({ documentId }) => documentId).sort(),
      extended: series
        .filter((item) => {
          const own = versions.find(({ documentId }) => documentId === item.documentId);
          return own === undefined ? isDone(item) : won.includes(own);
        })
        .map(({ documentId }) => documentId)
        .sort(),
    };
    const asked = versions.length + deletes.length + series.length;
    const taken = outcome.committed.length + outcome.deleted.length + outcome.extended.length;
    if (cursors.length > 0 && taken < asked) throw new StoreError('overtaken', { code: 'LOST_RACE' });
    this.#commit(outcome, request);
    return outcome;
  }

  async pivotOutcome(ref: WriteRef, signal: AbortSignal): Promise<PivotOutcome | null> {
    signal.throwIfAborted();
    return this.#pivots.get(refKey(ref))?.outcome ?? null;
  }

  async currentVersions(afterDocumentId: string | null, limit: number, signal: AbortSignal) {
    signal.throwIfAborted();
    return this.#ordered(afterDocumentId).slice(0, limit).map(versionOf);
  }

  async *expectedInventory(
    versions: readonly DocumentVersion[],
    signal: AbortSignal,
  ): AsyncGenerator<InventoryRow & { role: Role }> {
    signal.throwIfAborted();
    for (const { version, held } of this.heldOf(versions))
      for (const [role, rows] of Object.entries(held.record.inventory))
        for (const row of rows) yield { ...version, role: role as Role, ...row };
  }

  async *unshared(versions: readonly DocumentVersion[], signal: AbortSignal): AsyncGenerator<UnsharedText> {
    signal.throwIfAborted();
    const keys = new Set(versions.map(keyOf));
    const others = [...this.held.values()].filter(({ record }) => !keys.has(keyOf(record)));
    const seen = new Set(others.flatMap(({ record }) => record.chunks.map(embeddingText)));
    for (const { version, held } of this.heldOf(versions)) {
      for (const chunk of held.record.chunks) {
        if (seen.has(embeddingText(chunk))) continue;
        seen.add(embeddingText(chunk));
        yield { ...version, headingPath: chunk.headingPath, text: chunk.text };
      }
    }
  }

  /** Nothing is in files. */
  async erase(): Promise<boolean> {
    return true;
  }

  /** What is held is searched as it is. */
  async unindexed(): Promise<[]> {
    return [];
  }

  /** Nothing lies below what is held. */
  async checkStorage(): Promise<[]> {
    return [];
  }

  async kept(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<KeptVersion[]> {
    signal.throwIfAborted();
    return this.heldOf(versions).map(({ held }) => held.record);
  }

  /** A document's number and its versions are one thing here. */
  async mendDocuments(): Promise<void> {}

  async noteSourceVersions(notes: readonly SourceVersionNote[]): Promise<void> {
    for (const { sourceVersion, ...version } of notes) {
      const held = this.held.get(keyOf(version));
      if (held?.state === 'live') this.held.set(keyOf(version), { ...held, record: { ...held.record, sourceVersion } });
    }
  }

  ofContent(contentDigests: readonly string[], of: PlacesOf, _signal: AbortSignal) {
    return this.#places.ofContent(contentDigests, of);
  }

  placedAt(sourceUris: readonly string[], of: PlacesOf, _signal: AbortSignal) {
    return this.#places.placedAt(sourceUris, of);
  }

  placesOf(documentIds: readonly string[], _signal: AbortSignal) {
    return this.#places.placesOf(documentIds);
  }

  placesUnder(filter: PlacedFilter, page: { after: AfterDocument; limit: number }, _signal: AbortSignal) {
    return this.#places.placesUnder(filter, page);
  }

  notePlaces(places: readonly DocumentPlace[], _signal: AbortSignal) {
    return this.#places.notePlaces(places);
  }

  forgetPlaces(places: readonly Pick<DocumentPlace, 'documentId' | 'sourceUri'>[], _signal: AbortSignal) {
    return this.#places.forgetPlaces(places);
  }

  async factsAbout(
    versions: readonly DocumentVersion[],
    anchors: readonly FactAnchor[],
    signal: AbortSignal,
  ): Promise<Fact[]> {
    signal.throwIfAborted();
    const ends = new Map(anchors.map(({ type, end }) => [type, end]));
    const about = ({ type, subjectId, objectId }: Pick<Fact, 'type' | 'subjectId' | 'objectId'>) =>
      ends.has(type) ? `${type} ${ends.get(type) === 'subject' ? subjectId : objectId}` : null;
    const wanted = new Set(this.heldOf(versions).flatMap(({ held }) => held.record.relations.map(about)));
    return this.#facts().filter((fact) => about(fact) !== null && wanted.has(about(fact)));
  }

  async facts(afterRelationId: string | null, limit: number, signal: AbortSignal): Promise<Fact[]> {
    signal.throwIfAborted();
    const after = afterRelationId ?? '';
    return this.#facts()
      .filter(({ relationId }) => relationId > after)
      .slice(0, limit);
  }

  async described(documentIds: readonly string[], signal: AbortSignal) {
    signal.throwIfAborted();
    const found = this.live().filter(({ documentId }) => documentIds.includes(documentId));
    return new Map(found.map(({ documentId, version, metadata }) => [documentId, { version, metadata }]));
  }

  async factsOn(
    objectIds: readonly string[],
    types: readonly RelationType[] | null,
    signal: AbortSignal,
  ): Promise<Fact[]> {
    signal.throwIfAborted();
    return this.#facts().filter(
      ({ objectId, type }) => objectIds.includes(objectId) && (types === null || types.includes(type)),
    );
  }

  async seriesWindows(requests: readonly SeriesRequest[], signal: AbortSignal): Promise<SeriesWindow[]> {
    signal.throwIfAborted();
    return requests.map((request) => this.#series.window(request));
  }

  async latestReadings(documentIds: readonly string[], signal: AbortSignal): Promise<StoredReading[]> {
    signal.throwIfAborted();
    return this.#series.latest(documentIds);
  }

  async readings(cursor: SeriesCursor, limit: number, signal: AbortSignal): Promise<StoredReading[]> {
    signal.throwIfAborted();
    return this.#series.readings(cursor, limit);
  }

  async withReadings(afterDocumentId: string | null, limit: number, signal: AbortSignal): Promise<string[]> {
    signal.throwIfAborted();
    return this.#series.documents(afterDocumentId, limit);
  }

  /** Nothing damages what is in memory. */
  async wrongSeries(): Promise<[]> {
    return [];
  }

  async cursor(stream: { source: string; stream: string; group: string }, signal: AbortSignal) {
    signal.throwIfAborted();
    return this.#series.cursor(stream);
  }

  async rejectedAmong(ids: readonly string[], signal: AbortSignal): Promise<string[]> {
    signal.throwIfAborted();
    return this.#series.rejectedAmong(ids);
  }

  async rejected(page: RejectedPage, signal: AbortSignal): Promise<RejectedEntry[]> {
    signal.throwIfAborted();
    return this.#series.rejected(page);
  }

  async quarantined(selection: readonly string[] | QuarantinePage, signal: AbortSignal): Promise<QuarantineEntry[]> {
    signal.throwIfAborted();
    const entries = [...this.#quarantine.values()].sort(byDocumentId);
    if (!('limit' in selection)) return entries.filter(({ documentId }) => selection.includes(documentId));
    const { afterDocumentId, limit, group, code } = selection;
    return entries
      .filter((entry) => entry.documentId > (afterDocumentId ?? ''))
      .filter((entry) => entry.group === (group ?? entry.group) && entry.code === (code ?? entry.code))
      .slice(0, limit);
  }

  async documents(
    options: { afterDocumentId: string | null; limit: number; group: string | null },
    signal: AbortSignal,
  ): Promise<DocumentSummary[]> {
    signal.throwIfAborted();
    return this.#ordered(options.afterDocumentId, options.group)
      .slice(0, options.limit)
      .map((record) => summaryOf(record, this.held.get(keyOf(record))!.ref));
  }

  async select(
    { source, group, uriPrefix, createdBefore }: DocumentFilter,
    { after, limit }: { after: AfterDocument; limit: number },
    signal: AbortSignal,
  ): Promise<SelectedDocument[]> {
    signal.throwIfAborted();
    const placeOf = ({ sourceUri, documentId }: NonNullable<AfterDocument>) => [sourceUri, documentId] as const;
    const isBefore = ([uri, id]: readonly [string, string], [otherUri, otherId]: readonly [string, string]) =>
      uri === otherUri ? id < otherId : uri < otherUri;
    return this.live(group)
      .filter((record) => record.parentId === null && record.source === (source ?? record.source))
      .filter(({ sourceUri, createdAt }) => sourceUri.startsWith(uriPrefix ?? '') && createdAt < (createdBefore ?? '~'))
      .filter((record) => after === null || isBefore(placeOf(after), placeOf(record)))
      .sort((a, b) => (isBefore(placeOf(a), placeOf(b)) ? -1 : 1))
      .slice(0, limit)
      .map(({ documentId, version, sourceUri, contentDigest }) => ({ documentId, version, sourceUri, contentDigest }));
  }

  async document(documentId: string, signal: AbortSignal): Promise<DocumentSummary | null> {
    signal.throwIfAborted();
    const record = this.live().find((live) => live.documentId === documentId);
    return record === undefined ? null : summaryOf(record, this.held.get(keyOf(record))!.ref);
  }

  /** The score is the share of the words that were asked for. */
  async searchText(
    terms: readonly KeywordTerm[],
    limit: number,
    group: string | null,
    signal: AbortSignal,
  ): Promise<Ranked[]> {
    signal.throwIfAborted();
    const wanted = terms.map(({ text, isBeginning }) => ({ word: folded(text), isBeginning }));
    const isWanted = (found: string) =>
      wanted.some(({ word, isBeginning }) => (isBeginning ? found.startsWith(word) : found === word));
    const chunks = this.live(group).flatMap(({ chunks }) => chunks);
    const scored = chunks.map(({ chunkId, headingPath, text }) => {
      const words = folded([...headingPath, text].join(' ')).split(' ');
      return { id: chunkId, score: words.filter(isWanted).length / words.length };
    });
    return scored
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  }

  async chunks(chunkIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, ChunkRecord>> {
    signal.throwIfAborted();
    const found = new Map<string, ChunkRecord>();
    const replaced = [...this.held.values()].flatMap(({ record, state }) =>
      state === 'old' && this.#documents.get(record.documentId)?.current != null ? [record] : [],
    );
    for (const record of [...replaced, ...this.live()]) {
      const { sourceUri, name, title } = record;
      const isReplaced = replaced.includes(record);
      for (const { vector: _v, tokenCount: _t, ...chunk } of record.chunks)
        if (chunkIds.includes(chunk.chunkId))
          found.set(chunk.chunkId, { ...versionOf(record), ...chunk, sourceUri, name, title, isReplaced });
    }
    return found;
  }

  #commit(outcome: PivotOutcome, request: PivotRequest): void {
    const { ref, lsn, deletes, quarantined, kept = [] } = request;
    const move = (versions: readonly DocumentVersion[], state: Held['state']) => {
      for (const { held } of this.heldOf(versions)) held.state = state;
    };
    move(outcome.retiring, 'old');
    move(outcome.lost, 'lost');
    move(outcome.committed, 'live');
    for (const { documentId, version } of outcome.committed) {
      const document = this.#documents.get(documentId) ?? { uuid: '', lastVersion: version, current: null };
      this.#documents.set(documentId, { ...document, current: version, isGone: false });
      this.#quarantine.delete(documentId);
    }
    for (const documentId of outcome.deleted) {
      const document = this.#documents.get(documentId);
      if (document !== undefined) {
        document.current = null;
        document.isGone = deletes.some((item) => item.documentId === documentId && item.isGone === true);
      }
      this.#quarantine.delete(documentId);
    }
    const isCurrent = ({ documentId, baseVersion }: { documentId: string; baseVersion: number | null }) =>
      (this.#documents.get(documentId)?.current ?? null) === baseVersion;
    const lost = new Set([...outcome.lost, ...kept.filter((item) => !isCurrent(item))].map((item) => item.documentId));
    for (const { baseVersion, parentId, ...entry } of quarantined) {
      const { documentId } = entry;
      if (isCurrent({ documentId, baseVersion }) && (parentId === null || !lost.has(parentId)))
        this.#quarantine.set(documentId, entry);
    }
    this.#places.remove(outcome.deleted);
    this.#series.commit(request, outcome);
    this.#mirror(ref.runId, lsn);
    this.#announced.delete(refKey(ref));
    this.#pivots.set(refKey(ref), { ref, outcome, isFinished: false });
  }

  #parentOf(version: DocumentVersion): string | null {
    return this.held.get(keyOf(version))?.record.parentId ?? null;
  }

  #mirror(runId: string, lsn: number): void {
    const run = this.#runs.get(runId);
    if (run !== undefined) run.lastLsn = Math.max(run.lastLsn, lsn);
  }

  /** Current versions in order of document id. */
  #ordered(afterDocumentId: string | null = null, group: string | null = null): VersionRecord[] {
    const after = afterDocumentId ?? '';
    return this.live(group)
      .filter(({ documentId }) => documentId > after)
      .sort(byDocumentId);
  }

  #currentDocument(documentId: string): CurrentDocument {
    const { uuid, lastVersion, current: version, isGone = false } = this.#documents.get(documentId)!;
    const record = version === null ? undefined : this.held.get(keyOf({ documentId, version }))?.record;
    const { contentDigest = null, settingsDigest = null, storesDigest = null, parentId = null } = record ?? {};
    const { group = '', sourceVersion = null, sourceUri = null } = record ?? {};
    return {
      documentId,
      uuid,
      version,
      lastVersion,
      isGone,
      sourceUri,
      sourceVersion,
      contentDigest,
      settingsDigest,
      storesDigest,
      parentId,
      group,
    };
  }

  #isSoStill({ objectId, type, subjectIds }: FactRead): boolean {
    const stated = this.#facts().filter((fact) => fact.objectId === objectId && (type ?? fact.type) === fact.type);
    const found = new Set(stated.map(({ documentId }) => documentId));
    return JSON.stringify([...found].sort()) === JSON.stringify(subjectIds);
  }

  #facts(): Fact[] {
    const facts = this.live().flatMap((record) =>
      record.relations.map(({ relationId, type, subjectId, objectId, validAt, invalidAt = null }) => ({
        ...versionOf(record),
        ...{ relationId, type, subjectId, objectId, validAt, invalidAt, createdAt: record.createdAt },
      })),
    );
    return facts.sort((a, b) => (a.relationId < b.relationId ? -1 : 1));
  }
}

function refKey({ runId, batchNo }: WriteRef): string {
  return JSON.stringify([runId, batchNo]);
}

function byDocumentId(a: { readonly documentId: string }, b: { readonly documentId: string }): number {
  return a.documentId < b.documentId ? -1 : 1;
}

function summaryOf(record: VersionRecord, { runId }: WriteRef): DocumentSummary {
  const { settingsDigest: _s, storesDigest: _d, mentions: _m, inventory: _i, sourceVersion: _v, ...document } = record;
  const { chunks, entities, relations } = record;
  return { ...document, chunks: chunks.length, entities: entities.length, relations: relations.length, runId };
}
