import type { EntityType, Json, QuarantineEntry, RelationType } from './document.ts';
import type { ErrorCode } from './error-codes.ts';
import type {
  CursorMove,
  RejectedEntry,
  RejectedPage,
  SeriesAddition,
  SeriesCursor,
  SeriesRequest,
  SeriesWindow,
  StoredReading,
} from './series.ts';

/** Who wrote: every row, point, mention and relation carries it, and a discard selects by nothing else. */
export interface WriteRef {
  readonly runId: string;
  readonly batchNo: number;
}

/** One version of one document; part of every stored id, so that old and new coexist until the pivot. */
export interface DocumentVersion {
  readonly documentId: string;
  readonly version: number;
}

/** The four places of the memory. */
export const ROLES = ['records', 'graph', 'vectors', 'cache'] as const;
export type Role = (typeof ROLES)[number];

/** How many items were removed from each of them. */
export type RemovedCounts = { readonly [role in Role]: number };

export interface StoredChunk {
  /** UUIDv5 of document, version and ordinal. */
  readonly chunkId: string;
  readonly ordinal: number;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly headingPath: readonly string[];
  readonly page: number | null;
  readonly tokenCount: number;
  /** As `storedVector` makes it, so that its digest can be told again from what any product keeps of it. */
  readonly vector: Float32Array;
}

export interface StoredEntity {
  /** UUIDv5 of group, type and key: the same in every document that mentions it. */
  readonly entityId: string;
  readonly type: EntityType;
  readonly key: string;
  readonly name: string;
}

export interface StoredMention {
  /** UUIDv5 of chunk, entity and offsets. */
  readonly mentionId: string;
  readonly entityId: string;
  readonly chunkId: string;
  /** In the chunk's text, UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly quote: string;
}

export interface StoredRelation {
  /** UUIDv5 of document, version, type, subject, object and chunk. */
  readonly relationId: string;
  readonly type: RelationType;
  readonly subjectId: string;
  readonly objectId: string;
  readonly chunkId: string;
  readonly quote: string;
  /** From when the fact holds, ISO 8601, or null when the document does not say. */
  readonly validAt: string | null;
  /** Until when it held, where the version that states it says so too; absent, null: a later fact may end it. */
  readonly invalidAt?: string | null;
  /** What else it says (`confidence`, `sequence`); absent: nothing. */
  readonly detail?: { readonly [name: string]: string | number | boolean };
}

/** One version of a document, whole: each store writes its own part of it. */
export interface VersionRecord extends DocumentVersion {
  readonly uuid: string;
  readonly group: string;
  readonly source: string;
  readonly sourceUri: string;
  readonly name: string;
  /** The document this one came in (a mail's attachment), or null. */
  readonly parentId: string | null;
  readonly mediaType: string;
  readonly bytes: number;
  readonly contentDigest: string;
  /** What the source calls the bytes it was made of (`Source.look`); absent, null: nothing. A hint, in no inventory. */
  readonly sourceVersion?: string | null;
  readonly settingsDigest: string;
  /** Digest over the identities of the four stores when it was written. */
  readonly storesDigest: string;
  readonly title: string | null;
  readonly metadata: { readonly [key: string]: Json };
  readonly statedAt: string | null;
  /** ISO 8601, for people; nothing is ordered by it. */
  readonly createdAt: string;
  readonly chunks: readonly StoredChunk[];
  readonly entities: readonly StoredEntity[];
  readonly mentions: readonly StoredMention[];
  readonly relations: readonly StoredRelation[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  /** What each store must hold of this version; kept by the records store, so that verify needs neither staging nor source. */
  readonly inventory: { readonly [role in Role]: readonly Pick<InventoryRow, 'kind' | 'id' | 'digest'>[] };
}

/** One stored thing and the digest of its content as it lies in the store now (recomputed from the content, never a stored digest). */
export interface InventoryRow extends DocumentVersion {
  readonly kind: 'document' | 'chunk' | 'point' | 'mention' | 'relation' | 'entity' | 'summary' | 'embedding';
  readonly id: string;
  readonly digest: string;
  /** Whether readers that filter by the store's live mark see it; absent where it carries no mark. */
  readonly isLive?: boolean;
}

/** What lies in a store and hangs on no version. */
export interface Stray {
  readonly kind: InventoryRow['kind'] | 'text' | 'index';
  readonly id: string;
  /** It should not be there, or it is not what it should be. */
  readonly problem: 'extra' | 'changed';
}

/** What the records store keeps of a version to write it again: all of its record but the vectors and the inventory. */
export type KeptVersion = Omit<VersionRecord, 'chunks' | 'inventory'> & {
  readonly chunks: readonly Omit<StoredChunk, 'vector'>[];
};

/** What the graph says of a version's document. */
export type GraphDocument = DocumentVersion &
  Pick<
    VersionRecord,
    | 'uuid'
    | 'group'
    | 'source'
    | 'sourceUri'
    | 'name'
    | 'parentId'
    | 'mediaType'
    | 'contentDigest'
    | 'title'
    | 'statedAt'
  >;

/**
 * A store behind the saga. Any call may be repeated, and may follow a call whose answer was lost. Errors: StoreError.
 *
 * Items are invisible to readers until `publish`; readers of the records store join with the current version.
 */
export interface Store {
  readonly name: string;
  /** Which store it is (not where): a new server in this role has another identity, so that nothing counts as unchanged. */
  readonly identity: string;
  readonly capabilities: { readonly transactional: boolean };
  /**
   * Writes each record's part under `ref`; a repeated write lands on itself, and an entity that is there already becomes what the
   * record says. @returns items now stored under `ref`.
   */
  write(ref: WriteRef, records: readonly VersionRecord[], signal: AbortSignal): Promise<number>;
  /** After the pivot: makes these versions visible to readers that filter on the live mark. */
  publish(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<void>;
  /** Compensation: removes what `ref` wrote, selecting by `ref` only; quiet on nothing. Entities go when nobody mentions them. */
  discard(ref: WriteRef, signal: AbortSignal): Promise<void>;
  /**
   * Removes exactly these versions (none given: none removed).
   *
   * @returns how many items of each this call removed, in the same order: what is told to people, not what is proved. A call that comes
   * after one that failed, or whose answer was lost, finds less, so nothing may be decided by it; `inventory` tells what is left.
   */
  retire(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<readonly number[]>;
  /** Items stored under `ref`, checked before the pivot: rows of `inventory` except entities. */
  count(ref: WriteRef, signal: AbortSignal): Promise<number>;
  /** What lies in the store for these versions, ids with content digests, in any order. */
  inventory(versions: readonly DocumentVersion[], signal: AbortSignal): AsyncIterable<InventoryRow>;
  /** Every version the store holds anything of, each once, with who wrote it: how orphans are found. */
  versions(signal: AbortSignal): AsyncIterable<DocumentVersion & WriteRef>;
  /** What `versions` cannot name: an entity that nothing mentions, a vector without its point. There should be nothing. */
  strays(signal: AbortSignal): Promise<readonly Stray[]>;
  /**
   * Puts right what `strays` or `checkStorage` named: an extra one goes, a changed one is made anew from what it hangs on. Each
   * is looked at again in the transaction that mends it, so one that is none by then is passed over.
   */
  mendStrays(strays: readonly Stray[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** The current version of a document, or its tombstone. */
export interface CurrentDocument {
  readonly documentId: string;
  readonly uuid: string;
  /** The current version, or null after a delete. */
  readonly version: number | null;
  readonly lastVersion: number;
  /** It was deleted because its source had it no more. */
  readonly isGone: boolean;
  /** Where the current version came from; null after a delete. */
  readonly sourceUri: string | null;
  readonly contentDigest: string | null;
  /** As `VersionRecord.sourceVersion`, of the current version. */
  readonly sourceVersion: string | null;
  readonly settingsDigest: string | null;
  readonly storesDigest: string | null;
  readonly parentId: string | null;
  readonly group: string;
}

/** A document that is to be deleted. */
export interface Tombstone {
  readonly documentId: string;
  /** The version that was current when that was decided; null for what is in quarantine only. */
  readonly baseVersion: number | null;
  /** Its source has it no more. Absent: somebody asked. */
  readonly isGone?: boolean;
}

/** What a source calls the bytes of a version. */
export interface SourceVersionNote extends DocumentVersion {
  readonly sourceVersion: string;
}

/** What `apex documents` and `apex status` show of a document. */
export interface DocumentSummary extends DocumentVersion {
  readonly uuid: string;
  readonly source: string;
  readonly sourceUri: string;
  readonly name: string;
  readonly parentId: string | null;
  readonly group: string;
  readonly title: string | null;
  readonly mediaType: string;
  readonly bytes: number;
  readonly contentDigest: string;
  readonly metadata: { readonly [key: string]: Json };
  readonly chunks: number;
  readonly entities: number;
  readonly relations: number;
  readonly runId: string;
  readonly createdAt: string;
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

/** Which current documents are meant; what is null does not limit. What came in another document is never among them. */
export interface DocumentFilter {
  readonly source: string | null;
  readonly group: string | null;
  /** How their locations begin, byte by byte. */
  readonly uriPrefix: string | null;
  /** Made before this moment, ISO 8601 in UTC. */
  readonly createdBefore: string | null;
}

/** A current document as it was selected. */
export interface SelectedDocument extends DocumentVersion {
  readonly sourceUri: string;
  readonly contentDigest: string;
}

/** Where a page of selected documents goes on. */
export type AfterDocument = Pick<SelectedDocument, 'sourceUri' | 'documentId'> | null;

/** One of the places that the bytes of a document came from. */
export interface DocumentPlace {
  readonly documentId: string;
  /** Location. */
  readonly sourceUri: string;
  /** What its source tells of it (`SourceItem.metadata`). */
  readonly metadata: { readonly [name: string]: Json };
}

/** Whose places are meant, and how they begin, byte by byte. */
export interface PlacedFilter {
  readonly source: string;
  readonly group: string;
  readonly uriPrefix: string;
}

/**
 * Where documents came from that were met in several places, as a file in two mails: one document, with all its places.
 *
 * Of a document that was met in one place only, nothing is kept here: its version tells it. Places are of current documents; they go
 * with a delete's pivot. Nothing of them is part of a version, or in an inventory.
 */
export interface PlacesStore {
  /** A current document of each of these contents, that came in no other and has a mark of its source's (`sourceVersion`): the first by id. */
  ofContent(
    contentDigests: readonly string[],
    of: Pick<PlacedFilter, 'source' | 'group'>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, DocumentVersion>>;
  /** The ids of the current documents that have these places among several, by location. */
  placedAt(
    sourceUris: readonly string[],
    of: Pick<PlacedFilter, 'source' | 'group'>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>>;
  /** All places of those of these documents that have, or had, several; in order of document and location. */
  placesOf(documentIds: readonly string[], signal: AbortSignal): Promise<readonly DocumentPlace[]>;
  /** A page of them in order of location, then of id: each with its document, whose location here is the place's. */
  placesUnder(
    filter: PlacedFilter,
    page: { readonly after: AfterDocument; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly SelectedDocument[]>;
  /**
   * Notes places of documents; with the first further one of a document, the one that its version tells, too. What is noted, or told by
   * a version alone, stays as it is; of a document that is not current nothing is noted.
   */
  notePlaces(places: readonly DocumentPlace[], signal: AbortSignal): Promise<void>;
  /** Forgets places; quiet about unknown ones. */
  forgetPlaces(places: readonly Pick<DocumentPlace, 'documentId' | 'sourceUri'>[], signal: AbortSignal): Promise<void>;
}

/** A relation as the records store keeps it, of current versions only: what closings are derived from. */
export interface Fact extends DocumentVersion {
  readonly relationId: string;
  readonly type: RelationType;
  readonly subjectId: string;
  readonly objectId: string;
  readonly validAt: string | null;
  /** As the version that states it says it itself. */
  readonly invalidAt: string | null;
  readonly createdAt: string;
}

/** The end of a relation type that a fact of it is about: a load has one carrier, a carrier many loads. */
export interface FactAnchor {
  readonly type: RelationType;
  readonly end: 'subject' | 'object';
}

/** The end of a relation's validity. Both null while it holds. */
export interface Closing {
  readonly relationId: string;
  readonly invalidAt: string | null;
  readonly expiredAt: string | null;
}

/** A document to be put into quarantine by a pivot. */
export interface SetAsideDocument extends QuarantineEntry {
  /** The version that must be current once the pivot is done: the one when its source was read (null: none), or one it commits. */
  readonly baseVersion: number | null;
  /** The document it came in, or null. */
  readonly parentId: string | null;
}

/** What one pivot is asked to do, in one records transaction. */
/** That these documents, and no others, stated facts about an entity when another document was made from that. */
export interface FactRead {
  /** What was made from it. */
  readonly documentId: string;
  /** The entity that is the object of the facts. */
  readonly objectId: string;
  /** Null: of any type. */
  readonly type: RelationType | null;
  /** The documents whose current versions state them, in order, each once. */
  readonly subjectIds: readonly string[];
}

export interface PivotRequest {
  readonly ref: WriteRef;
  /** Must equal the fence of the run's row, else FENCED: somebody took the run over. */
  readonly fence: number;
  /** The journal's sequence number; mirrored so that a journal that went back is noticed. */
  readonly lsn: number;
  /** New versions and the version that was current when their source was read (null: none was). */
  readonly versions: readonly (DocumentVersion & { readonly baseVersion: number | null })[];
  /**
   * Documents that stay as they are, with the version that was current when their source was read, and in which some of the others
   * came. Where another one is current by now, what came in them loses. Absent: none.
   */
  readonly kept?: readonly { readonly documentId: string; readonly baseVersion: number | null }[];
  /** Documents to tombstone. */
  readonly deletes: readonly Tombstone[];
  /**
   * Set aside in this batch. One whose document has another current version by now is left out, and so is one that came in a
   * document which loses: it is about content that is no longer there.
   */
  readonly quarantined: readonly SetAsideDocument[];
  /** Readings to be added. Those of a document that loses are not, and a document loses whose series has grown since. Absent: none. */
  readonly series?: readonly SeriesAddition[];
  /** Documents that become others: the one is deleted and its readings are the other's, or both lose. Absent: none. */
  readonly absorbed?: readonly { readonly documentId: string; readonly into: string }[];
  /** What documents of the batch were made from; a document loses when that is another by now. Absent: nothing. */
  readonly reads?: readonly FactRead[];
  /** Two documents each, of which neither is changed without the other. Absent: none. */
  readonly together?: readonly (readonly [string, string])[];
  /**
   * Where streams go on once this is committed. @throws StoreError CURSOR_MOVED when one stands elsewhere by now, LOST_RACE when a
   * document loses: a cursor never moves past what was not taken. Absent: none.
   */
  readonly cursors?: readonly CursorMove[];
  /** Records that could not be taken; one that was rejected before is kept once. Absent: none. */
  readonly rejected?: readonly RejectedEntry[];
  /** Of rejected records that are taken now. Absent: none. */
  readonly accepted?: readonly string[];
}

/** What the pivot did; kept with the commit row, so that a repeated or doubted pivot gives the same answer. */
export interface PivotOutcome {
  /** Now current. Leaves quarantine too. */
  readonly committed: readonly DocumentVersion[];
  /** Were current, are superseded or deleted, wait to be retired. */
  readonly retiring: readonly DocumentVersion[];
  /** Built, but another run was faster; wait to be retired. */
  readonly lost: readonly DocumentVersion[];
  /** Tombstoned documents. */
  readonly deleted: readonly string[];
  /** Documents whose readings were added; those that were asked for and are absent have lost. */
  readonly extended: readonly string[];
}

/** A part of what is in quarantine, so that it is never asked for at once. */
export interface QuarantinePage {
  readonly afterDocumentId: string | null;
  readonly limit: number;
  /** Null: of all groups. */
  readonly group: string | null;
  /** Null: for whatever reason. */
  readonly code: ErrorCode | null;
}

/** A chunk with its document, as a search hit needs it. */
export interface ChunkRecord extends DocumentVersion {
  readonly chunkId: string;
  readonly ordinal: number;
  readonly text: string;
  readonly headingPath: readonly string[];
  readonly page: number | null;
  readonly start: number;
  readonly end: number;
  readonly sourceUri: string;
  readonly name: string;
  readonly title: string | null;
  /** A newer version is current, whose parts other stores may not show yet. */
  readonly isReplaced: boolean;
}

/** An id with a score: higher is better; best first, ties by id. */
export interface Ranked {
  readonly id: string;
  readonly score: number;
}

/** One of the words that full text is asked for. */
export interface KeywordTerm {
  /** A word. Where full text takes it for several, they must follow each other. */
  readonly text: string;
  /** Words that begin with it are meant, too. */
  readonly isBeginning: boolean;
  /** How often it counts in the ranking, from 1. */
  readonly weight: number;
}

/** A text that only one version holds. */
export interface UnsharedText extends DocumentVersion {
  readonly headingPath: readonly string[];
  readonly text: string;
}

/** A run as its owner knows it. The fence is another one as soon as somebody else has taken the run over. */
export interface FencedRun {
  readonly runId: string;
  readonly fence: number;
}

/** A run that some process is at work on, as other hosts know of it. */
export interface HeldRun {
  readonly runId: string;
  /** The name of the machine it is on. */
  readonly host: string;
  /** When its lease runs out unless it is renewed: ISO 8601, by the clock of the store. */
  readonly until: string;
}

/** The store that decides which version is current. Its transactions are the pivot. */
export interface RecordsStore extends Store, PlacesStore {
  /** UUID of this memory, made with it; stamps everything apex writes into shared servers. */
  readonly memoryId: string;
  /**
   * How long a run is held for a process that does not renew its lease, in milliseconds; null where no other host can reach the
   * store: nothing is held there, and whether a process lives is known without.
   */
  readonly leaseMs: number | null;
  /** Claims a run: registers it or takes it over, always with a new, higher fence, and with a lease of `leaseMs` from now. */
  openRun(run: { runId: string; journalId: string }, signal: AbortSignal): Promise<{ fence: number; lastLsn: number }>;
  /** Holds a run for `leaseMs` from now, also when its lease ran out and nobody came. @returns false when it was taken over. */
  renewLease(run: FencedRun, signal: AbortSignal): Promise<boolean>;
  /** Lets go of a run whose lease has not run out. Quiet when it was taken over. */
  endLease(run: FencedRun, signal: AbortSignal): Promise<void>;
  /** The runs that are held now, in order of id, and the highest fence there is: another one whenever a run was claimed since. */
  heldRuns(signal: AbortSignal): Promise<{ readonly runs: readonly HeldRun[]; readonly lastFence: number }>;
  /**
   * Takes a run away from a process on another host that let its lease run out: nothing it asks for under its fence is committed from
   * here. @returns false, and nothing is changed, while the run is held.
   */
  abortRun(runId: string, signal: AbortSignal): Promise<boolean>;
  /** The mirror of a run's journal, or null when unknown here. */
  runMirror(runId: string, signal: AbortSignal): Promise<{ fence: number; lastLsn: number; journalId: string } | null>;
  /** Every batch with rows in state building, or with a pivot that is not finished: what a vanished journal would have told. */
  unsettled(signal: AbortSignal): Promise<readonly WriteRef[]>;
  /** The given documents, current or tombstoned; unknown ones are absent from the map. */
  current(documentIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, CurrentDocument>>;
  /** Current documents that came in one of the given parents. */
  children(parentIds: readonly string[], signal: AbortSignal): Promise<readonly CurrentDocument[]>;
  /** Next version number for each, never given twice, also after a delete. Same order. */
  allocate(documents: readonly { documentId: string; uuid: string }[], signal: AbortSignal): Promise<number[]>;
  /**
   * Makes a batch known before any store is written, with the journal's lsn mirrored: from here on `unsettled` tells of it, whatever
   * becomes of its process. In place of all that the batch has comes the row of one of its versions, in state `building`.
   *
   * @returns false, and nothing is done, where that would gain nothing: there `writeBuilding` makes it known, and has to come first.
   */
  announce(ref: WriteRef, lsn: number, record: VersionRecord, signal: AbortSignal): Promise<boolean>;
  /** Writes `building` rows (with the journal's lsn mirrored); same promise as `Store.write`. */
  writeBuilding(ref: WriteRef, lsn: number, records: readonly VersionRecord[], signal: AbortSignal): Promise<number>;
  /**
   * The one commit that makes a batch visible; synced to disk. Repeated: the same outcome. What came in a document that loses
   * the race loses with it, also where it is to be deleted. @throws StoreError FENCED.
   */
  pivot(request: PivotRequest, signal: AbortSignal): Promise<PivotOutcome>;
  /** Notes that nothing is left to follow a pivot; synced, and with it all that embedded roles wrote before. Quiet without a pivot. */
  finish(ref: WriteRef, signal: AbortSignal): Promise<void>;
  /** Did the pivot of this batch happen? Its outcome, or null. */
  pivotOutcome(ref: WriteRef, signal: AbortSignal): Promise<PivotOutcome | null>;
  /** All current versions in order of document id, after `afterDocumentId`. */
  currentVersions(
    afterDocumentId: string | null,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly DocumentVersion[]>;
  /** The inventory that was expected of each store when these versions were written. */
  expectedInventory(
    versions: readonly DocumentVersion[],
    signal: AbortSignal,
  ): AsyncIterable<InventoryRow & { role: Role }>;
  /**
   * Looks at what holds the rows themselves, before their content is compared. @returns what `mendStrays` can put right: an index
   * that does not agree with its rows. @throws StoreError MEMORY_DAMAGED when rows cannot be told any more.
   */
  checkStorage(signal: AbortSignal): Promise<readonly Stray[]>;
  /** What is kept of these versions, whatever their state, as it lies in the store: `inventory` tells whether it is right. Lists that cannot be read are empty. */
  kept(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<readonly KeptVersion[]>;
  /**
   * Makes these documents' own rows agree with their versions again: the row is there with the UUID of the version that is marked as
   * current, names that version where it names none or one that is not there, and its last number is no lower than that of any
   * version. A row without any version that bears the UUID of another document that has one goes. A current version of a document
   * without a row becomes that of the document that bears its UUID, names its number and has its chunks, but lacks it. Else it changes nothing.
   */
  mendDocuments(documentIds: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Notes what a source calls the bytes of these versions now: the same bytes may be marked anew. Of a version that is not there, or no
   * longer current, nothing is noted.
   */
  noteSourceVersions(notes: readonly SourceVersionNote[], signal: AbortSignal): Promise<void>;
  /**
   * Facts of current versions about what these versions state, or stated, facts about: those of a type among the anchors that
   * share the anchored end. All of them or none, so that what follows from them follows from the whole.
   */
  factsAbout(
    versions: readonly DocumentVersion[],
    anchors: readonly FactAnchor[],
    signal: AbortSignal,
  ): Promise<readonly Fact[]>;
  /** All facts of current versions, ordered by relation id, after `afterRelationId`. */
  facts(afterRelationId: string | null, limit: number, signal: AbortSignal): Promise<readonly Fact[]>;
  /** What is in quarantine of these documents, or a page of all, in order of document id. */
  quarantined(selection: readonly string[] | QuarantinePage, signal: AbortSignal): Promise<readonly QuarantineEntry[]>;
  documents(
    options: { afterDocumentId: string | null; limit: number; group: string | null },
    signal: AbortSignal,
  ): Promise<readonly DocumentSummary[]>;
  document(documentId: string, signal: AbortSignal): Promise<DocumentSummary | null>;
  /** A page of the current documents that are meant, in order of location, then of id, byte by byte. */
  select(
    filter: DocumentFilter,
    page: { readonly after: AfterDocument; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly SelectedDocument[]>;
  /**
   * The chunks of these versions whose embedded text (headings and text) no chunk of any other version has, whatever its state.
   * One text comes once.
   */
  unshared(versions: readonly DocumentVersion[], signal: AbortSignal): AsyncIterable<UnsharedText>;
  /**
   * Overwrites what deletes have left of removed rows in files on this machine, when there were any since it was last done.
   *
   * @returns false while that cannot be done, because another process writes, or reads an older state: to be tried again later.
   */
  erase(signal: AbortSignal): Promise<boolean>;
  /** The chunks of these versions that full text has no entry of, so that no search by words finds them. There should be none. */
  unindexed(
    versions: readonly DocumentVersion[],
    signal: AbortSignal,
  ): Promise<readonly (DocumentVersion & { readonly chunkId: string })[]>;
  /**
   * Current chunks that hold any of these words in their headings or text, without case and accents; none for no words. Ranked by
   * BM25 over all chunks that are stored (k1 1.2, b 0.75), so that every product gives the same order.
   * Source: https://sqlite.org/fts5.html#the_bm25_function
   */
  searchText(
    terms: readonly KeywordTerm[],
    limit: number,
    group: string | null,
    signal: AbortSignal,
  ): Promise<readonly Ranked[]>;
  /** Number and metadata of the current versions of these documents; those that have none are absent. */
  described(
    documentIds: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, { readonly version: number; readonly metadata: { readonly [key: string]: Json } }>>;
  /** Facts of current versions whose object is one of these entities, of these types (null: of any), in order of relation id. */
  factsOn(
    objectIds: readonly string[],
    types: readonly RelationType[] | null,
    signal: AbortSignal,
  ): Promise<readonly Fact[]>;
  /** What readings that are to be added meet, in the order of the requests. */
  seriesWindows(requests: readonly SeriesRequest[], signal: AbortSignal): Promise<readonly SeriesWindow[]>;
  /** The latest reading of every series of these documents. */
  latestReadings(documentIds: readonly string[], signal: AbortSignal): Promise<readonly StoredReading[]>;
  /** A page of a document's series in order of time; `fromAt` and `toAt` (exclusive) are ISO 8601 as readings have them, or null. */
  readings(cursor: SeriesCursor, limit: number, signal: AbortSignal): Promise<readonly StoredReading[]>;
  /** A page of the documents that have readings, in order of id. */
  withReadings(afterDocumentId: string | null, limit: number, signal: AbortSignal): Promise<readonly string[]>;
  /** Series whose rows are not those that were added: other ones, more or fewer. There should be none. */
  wrongSeries(
    documentIds: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly { readonly documentId: string; readonly series: string }[]>;
  /** Where a stream goes on, and where it went on before that; null when it was never read. */
  cursor(
    stream: { readonly source: string; readonly stream: string; readonly group: string },
    signal: AbortSignal,
  ): Promise<{ readonly value: string; readonly previous: string | null; readonly movedAt: string } | null>;
  /** Which of these rejected records are kept. */
  rejectedAmong(ids: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /** A page of the rejected records, in order of id. */
  rejected(page: RejectedPage, signal: AbortSignal): Promise<readonly RejectedEntry[]>;
  /** Those among these ids of current versions, and of versions that newer ones have replaced, until they are retired. */
  chunks(chunkIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, ChunkRecord>>;
}

/** One vector per chunk. */
export interface VectorStore extends Store {
  readonly dimensions: number;
  /** Nearest live chunks by cosine similarity; `score` is the cosine. */
  search(vector: Float32Array, limit: number, group: string | null, signal: AbortSignal): Promise<readonly Ranked[]>;
}

/** The latest reading of a series, as the entity that stands for it has it. Derived from the records, written after the pivot. */
export interface LatestValue {
  readonly entityId: string;
  /** ISO 8601 in UTC, milliseconds. */
  readonly at: string;
  readonly value: { readonly [name: string]: string | number | boolean };
}

/** Documents, chunks, entities, mentions and relations. Entities are shared and carry no run stamp. */
export interface GraphStore extends Store {
  /** Sets the end of validity of these relations; unknown ids are passed over. */
  setClosings(closings: readonly Closing[], signal: AbortSignal): Promise<void>;
  /** What it says of the documents of these versions; those it does not hold are absent. */
  documents(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<readonly GraphDocument[]>;
  /** Sets what these entities were last observed as; one that is not there is passed over. */
  setLatest(values: readonly LatestValue[], signal: AbortSignal): Promise<void>;
  /** What entities of these ids were last observed as; those without a value are absent. */
  latest(entityIds: readonly string[], signal: AbortSignal): Promise<readonly LatestValue[]>;
  /** The validity as stored, of the relations of these versions. */
  closings(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<readonly Closing[]>;
  /** Live chunks that mention an entity named by one of the folded names or keys, or (for half the score) a neighbour of one. */
  searchEntities(
    names: readonly string[],
    limit: number,
    group: string | null,
    signal: AbortSignal,
  ): Promise<readonly Ranked[]>;
  /** Entities mentioned in each of these chunks. */
  entitiesOf(chunkIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, readonly StoredEntity[]>>;
}

/** An entry of the cache. Document summaries carry their version, embeddings do not. */
export interface CacheEntry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly document: DocumentVersion | null;
}

/** Best effort: a failure is reported once and never changes an outcome. Keys carry versions or digests, so nothing old is served. */
export interface CacheStore {
  readonly name: string;
  readonly identity: string;
  /** Same order; null where absent. */
  get(keys: readonly string[], signal: AbortSignal): Promise<(Uint8Array | null)[]>;
  set(entries: readonly CacheEntry[], signal: AbortSignal): Promise<void>;
  /** Removes the entries that carry these versions. @returns how many of each, in the same order. */
  retire(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<readonly number[]>;
  /** Removes the entries of these keys; quiet about those that are not there. */
  remove(keys: readonly string[], signal: AbortSignal): Promise<void>;
  /** Versions that some entry carries. */
  versions(signal: AbortSignal): AsyncIterable<DocumentVersion>;
  close(): Promise<void>;
}

/** The four stores of one memory. */
export interface Stores {
  readonly records: RecordsStore;
  readonly graph: GraphStore;
  readonly vectors: VectorStore;
  readonly cache: CacheStore;
}
