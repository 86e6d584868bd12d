import { hostname } from 'node:os';
import type { Json, QuarantineEntry, RelationType } from '../../contracts/document.ts';
import { chunkDigest, digestOf, relationDigest } from '../../contracts/identity.ts';
import type {
  RejectedEntry,
  RejectedPage,
  SeriesCursor,
  SeriesRequest,
  SeriesWindow,
  StoredReading,
} from '../../contracts/series.ts';
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
  StoredChunk,
  StoredRelation,
  Stray,
  UnsharedText,
  VersionRecord,
  WriteRef,
} from '../../contracts/store.ts';
import { expectedRows } from './kept-shape.ts';
import type { PgValue } from './postgres-connection.ts';
import {
  openPostgresMemory,
  type PostgresMemory,
  type PostgresSettings,
  readPostgresMemory,
} from './postgres-memory.ts';
import {
  checkedIndexes,
  keptVersions,
  mendDocuments,
  mendIndexes,
  mendText,
  unindexedChunks,
  wrongTotal,
} from './postgres-mending.ts';
import { pivot, settledOutcome } from './postgres-pivot.ts';
import { PostgresPlaces } from './postgres-places.ts';
import {
  CHUNK_FIELDS,
  headingOf,
  IS_CURRENT_VERSION,
  named,
  pageOfWanted,
  pagesOf,
  pathOf,
  RELATION_FIELDS,
  type StoredVersion,
  SUMMARY_FIELDS,
  storedDigest,
  versionsParams,
  WANTED,
} from './postgres-rows.ts';
import { PostgresRuns } from './postgres-runs.ts';
import { PLACE_CHARACTERS } from './postgres-schema.ts';
import { searchWords } from './postgres-search.ts';
import { PostgresSeries } from './postgres-series.ts';
import { WordCutter } from './postgres-words.ts';
import { announceBatch, deleteVersions, discardBatch, keyOf, WRITTEN, writeBatch } from './postgres-write.ts';

/** How long a run is held unless its process renews its lease. */
const DEFAULT_LEASE_MS = 60_000;
/** What one statement reads. */
const PAGE_VERSIONS = 256;
const PAGE_ROWS = 1_000;
const PAGE_NAMES = 10_000;
/** How many entries of the total are folded into one. */
const FOLDED_ENTRIES = 1_000;

/**
 * Opens the records in PostgreSQL, making their tables when they are not there. Closing them closes the connections.
 *
 * @throws ConfigError and StoreError as `openPostgresMemory`.
 */
export async function openPostgresRecords(
  settings: PostgresSettings & { readonly leaseMs?: number },
  signal: AbortSignal = new AbortController().signal,
): Promise<RecordsStore> {
  return new PostgresRecordsStore(await openPostgresMemory(settings, signal), settings.leaseMs);
}

/** As `openPostgresRecords` for one who only looks; null while there are no tables. Nothing is made. */
export async function readPostgresRecords(
  settings: Omit<PostgresSettings, 'createMemoryId'>,
  signal: AbortSignal,
): Promise<RecordsStore | null> {
  const memory = await readPostgresMemory(settings, signal);
  return memory === null ? null : new PostgresRecordsStore(memory);
}

/** The records in tables of PostgreSQL. Its transactions are the pivot. */
type PlacesOf = Pick<PlacedFilter, 'source' | 'group'>;

class PostgresRecordsStore implements RecordsStore {
  readonly name = 'records';
  readonly identity: string;
  readonly memoryId: string;
  readonly capabilities = { transactional: true };
  readonly leaseMs: number;
  readonly #memory: PostgresMemory;
  readonly #runs: PostgresRuns;
  readonly #series: PostgresSeries;
  readonly #places: PostgresPlaces;
  readonly #at: string;
  readonly #cutter = new WordCutter();

  constructor(memory: PostgresMemory, leaseMs = DEFAULT_LEASE_MS) {
    this.#memory = memory;
    this.#runs = new PostgresRuns(memory, { host: hostname(), leaseMs });
    this.#series = new PostgresSeries(memory);
    this.#places = new PostgresPlaces(memory);
    this.leaseMs = leaseMs;
    this.#at = memory.at;
    this.memoryId = memory.memoryId;
    this.identity = `postgres:${memory.memoryId}`;
  }

  openRun(run: { runId: string; journalId: string }, signal: AbortSignal): Promise<{ fence: number; lastLsn: number }> {
    return this.#runs.open(run, signal);
  }

  runMirror(runId: string, signal: AbortSignal): Promise<{ fence: number; lastLsn: number; journalId: string } | null> {
    return this.#runs.mirror(runId, signal);
  }

  renewLease(run: FencedRun, signal: AbortSignal): Promise<boolean> {
    return this.#runs.renew(run, signal);
  }

  endLease(run: FencedRun, signal: AbortSignal): Promise<void> {
    return this.#runs.end(run, signal);
  }

  heldRuns(signal: AbortSignal): Promise<{ runs: readonly HeldRun[]; lastFence: number }> {
    return this.#runs.held(signal);
  }

  abortRun(runId: string, signal: AbortSignal): Promise<boolean> {
    return this.#runs.abort(runId, signal);
  }

  unsettled(signal: AbortSignal): Promise<WriteRef[]> {
    return this.#all<WriteRef>(
      'unsettled',
      `SELECT run_id AS "runId", batch_no AS "batchNo" FROM ${this.#at}version WHERE state = 'building'
       UNION SELECT run_id, batch_no FROM ${this.#at}pivot WHERE NOT is_finished ORDER BY 1, 2`,
      [],
      signal,
    );
  }

  async current(documentIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, CurrentDocument>> {
    // A tombstone has no version.
    const rows = await this.#all<CurrentDocument>(
      'current',
      `${CURRENT_FIELDS} FROM ${this.#at}document d LEFT JOIN ${this.#at}version v ON ${IS_CURRENT} WHERE d.document_id = ANY ($1::text[])`,
      [documentIds],
      signal,
    );
    return new Map(rows.map((row) => [row.documentId, row]));
  }

  children(parentIds: readonly string[], signal: AbortSignal): Promise<CurrentDocument[]> {
    return this.#all<CurrentDocument>(
      'children',
      `${CURRENT_FIELDS} FROM ${this.#at}version v JOIN ${this.#at}document d ON ${IS_CURRENT}
       WHERE v.parent_id = ANY ($1::text[]) ORDER BY d.document_id`,
      [parentIds],
      signal,
    );
  }

  async allocate(documents: readonly { documentId: string; uuid: string }[], signal: AbortSignal): Promise<number[]> {
    if (documents.length === 0) return [];
    const asked = new Map<string, { readonly uuid: string; count: number }>();
    for (const { documentId, uuid } of documents) {
      const document = asked.get(documentId);
      if (document === undefined) asked.set(documentId, { uuid, count: 1 });
      else document.count += 1;
    }
    const rows = await this.#memory.db.transaction({ operation: 'allocate', signal, isDurable: true }, (transaction) =>
      // In one order for all, so that no two wait for each other.
      transaction.all<{ documentId: string; last: number }>(
        `INSERT INTO ${this.#at}document AS d (document_id, uuid, last_version)
         SELECT * FROM unnest($1::text[], $2::text[], $3::integer[]) AS n (document_id, uuid, last_version) ORDER BY 1
         ON CONFLICT (document_id) DO UPDATE SET last_version = d.last_version + excluded.last_version
         RETURNING d.document_id AS "documentId", d.last_version AS last`,
        [
          [...asked.keys()],
          Array.from(asked.values(), ({ uuid }) => uuid),
          Array.from(asked.values(), ({ count }) => count),
        ],
      ),
    );
    const next = new Map(rows.map(({ documentId, last }) => [documentId, last - asked.get(documentId)!.count]));
    return documents.map(({ documentId }) => {
      const version = next.get(documentId)! + 1;
      next.set(documentId, version);
      return version;
    });
  }

  async announce(ref: WriteRef, lsn: number, record: VersionRecord, signal: AbortSignal): Promise<boolean> {
    await this.#memory.db.transaction({ operation: 'write', signal }, (transaction) =>
      announceBatch(transaction, this.#memory, { ref, lsn, record }),
    );
    return true;
  }

  write(ref: WriteRef, records: readonly VersionRecord[], signal: AbortSignal): Promise<number> {
    return this.writeBuilding(ref, 0, records, signal);
  }

  async writeBuilding(
    ref: WriteRef,
    lsn: number,
    records: readonly VersionRecord[],
    signal: AbortSignal,
  ): Promise<number> {
    await this.#memory.db.transaction({ operation: 'write', signal }, (transaction) =>
      writeBatch(transaction, this.#memory, { ref, lsn, records, cutter: this.#cutter }),
    );
    return this.count(ref, signal);
  }

  /** Visibility belongs to the pivot. */
  async publish(): Promise<void> {}

  async discard(ref: WriteRef, signal: AbortSignal): Promise<void> {
    await this.#memory.db.transaction({ operation: 'discard', signal, isPatient: true }, (transaction) =>
      discardBatch(transaction, this.#memory, ref),
    );
  }

  async retire(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<number[]> {
    const counts: number[] = [];
    for (const page of pagesOf(versions, PAGE_VERSIONS)) {
      const removed = await this.#memory.db.transaction({ operation: 'retire', signal }, (transaction) =>
        deleteVersions(transaction, this.#memory, page),
      );
      counts.push(...page.map((version) => removed.get(keyOf(version)) ?? 0));
    }
    return counts;
  }

  async count({ runId, batchNo }: WriteRef, signal: AbortSignal): Promise<number> {
    const counts = WRITTEN.map(
      (table) => `(SELECT count(*) FROM ${this.#at}${table} WHERE run_id = $1 AND batch_no = $2)`,
    );
    const [row] = await this.#all<{ count: number }>(
      'count',
      `SELECT ${counts.join(' + ')} AS count`,
      [runId, batchNo],
      signal,
    );
    return row!.count;
  }

  async *inventory(versions: readonly DocumentVersion[], signal: AbortSignal): AsyncGenerator<InventoryRow> {
    for (const page of pagesOf(versions, PAGE_VERSIONS)) {
      yield* this.#documentRows(page, signal);
      yield* this.#chunkRows(page, signal);
      yield* this.#relationRows(page, signal);
    }
  }

  async *#documentRows(versions: readonly DocumentVersion[], signal: AbortSignal): AsyncGenerator<InventoryRow> {
    const rows = await this.#all<StoredVersion>(
      'inventory',
      `SELECT ${SUMMARY_FIELDS}, v.settings_digest AS "settingsDigest", v.stores_digest AS "storesDigest", v.extraction, v.state
       FROM ${this.#at}version v JOIN ${WANTED} USING (document_id, version)`,
      versionsParams(versions),
      signal,
    );
    for (const row of rows) {
      const isLive = row.state === 'current';
      yield { ...named(row), kind: 'document', id: row.documentId, digest: storedDigest(row), isLive };
    }
  }

  async *#chunkRows(versions: readonly DocumentVersion[], signal: AbortSignal): AsyncGenerator<InventoryRow> {
    type Row = DocumentVersion & StoredChunk & { readonly row: number; readonly heading: string };
    const rows = this.#pages<Row>(
      'inventory',
      (after) => ({
        sql: pageOfWanted(this.#at, {
          ...{ table: 'chunk c', fields: `${CHUNK_FIELDS}, c.chunk_row AS row, c.heading`, key: 'chunk_row' },
          limit: PAGE_ROWS,
        }),
        params: [...versionsParams(versions), after?.row ?? 0],
      }),
      signal,
    );
    for await (const row of rows) {
      const headingPath = pathOf(row.headingPath);
      const content = chunkDigest({ ...row, headingPath });
      // The heading that full text has is derived from the path.
      const digest = row.heading === headingOf(headingPath) ? content : digestOf(content);
      yield { ...named(row), kind: 'chunk', id: row.chunkId, digest };
    }
  }

  async *#relationRows(versions: readonly DocumentVersion[], signal: AbortSignal): AsyncGenerator<InventoryRow> {
    const rows = this.#pages<DocumentVersion & StoredRelation>(
      'inventory',
      (after) => ({
        sql: pageOfWanted(this.#at, { table: 'fact f', fields: RELATION_FIELDS, key: 'relation_id', limit: PAGE_ROWS }),
        params: [...versionsParams(versions), after?.relationId ?? ''],
      }),
      signal,
    );
    for await (const row of rows)
      yield { ...named(row), kind: 'relation', id: row.relationId, digest: relationDigest(row) };
  }

  async *versions(signal: AbortSignal): AsyncGenerator<DocumentVersion & WriteRef> {
    yield* this.#pages<DocumentVersion & WriteRef>(
      'versions',
      (after) => ({
        sql: `SELECT document_id AS "documentId", version, run_id AS "runId", batch_no AS "batchNo" FROM ${this.#at}version
              WHERE (document_id, version) > ($1, $2) ORDER BY document_id, version LIMIT ${PAGE_NAMES}`,
        params: [after?.documentId ?? '', after?.version ?? -1],
      }),
      signal,
      PAGE_NAMES,
    );
    yield* await this.#remains(signal);
  }

  /** Versions that something is left of without their own row. There should be none, so they are not paged. */
  async #remains(signal: AbortSignal): Promise<(DocumentVersion & WriteRef)[]> {
    const found = new Map<string, DocumentVersion & WriteRef>();
    for (const table of ['chunk', 'fact']) {
      const rows = await this.#memory.db.scan<DocumentVersion & WriteRef>(
        'versions',
        `SELECT r.document_id AS "documentId", r.version, s.run_id AS "runId", s.batch_no AS "batchNo"
         FROM (SELECT DISTINCT t.document_id, t.version FROM ${this.#at}${table} t WHERE ${isLeft(this.#at)} LIMIT ${PAGE_NAMES}) AS r
         CROSS JOIN LATERAL (SELECT run_id, batch_no FROM ${this.#at}${table} t
           WHERE t.document_id = r.document_id AND t.version = r.version LIMIT 1) AS s`,
        [],
        signal,
      );
      for (const row of rows) found.set(keyOf(row), row);
    }
    return [...found.values()];
  }

  pivot(request: PivotRequest, signal: AbortSignal): Promise<PivotOutcome> {
    return pivot(this.#memory, request, signal);
  }

  async finish({ runId, batchNo }: WriteRef, signal: AbortSignal): Promise<void> {
    await this.#memory.db.transaction({ operation: 'finish', signal, isDurable: true }, async (transaction) => {
      await transaction.run(`UPDATE ${this.#at}pivot SET is_finished = true WHERE run_id = $1 AND batch_no = $2`, [
        runId,
        batchNo,
      ]);
      // Whoever folds at the same time takes others.
      await transaction.run(
        `WITH folded AS (DELETE FROM ${this.#at}text_total WHERE entry IN
             (SELECT entry FROM ${this.#at}text_total ORDER BY entry LIMIT ${FOLDED_ENTRIES} FOR UPDATE SKIP LOCKED)
           RETURNING chunks, words)
         INSERT INTO ${this.#at}text_total (chunks, words) SELECT sum(chunks), sum(words) FROM folded HAVING count(*) > 0`,
      );
    });
  }

  pivotOutcome(ref: WriteRef, signal: AbortSignal): Promise<PivotOutcome | null> {
    return settledOutcome(this.#memory, ref, signal);
  }

  currentVersions(afterDocumentId: string | null, limit: number, signal: AbortSignal): Promise<DocumentVersion[]> {
    return this.#all<DocumentVersion>(
      'current-versions',
      `SELECT document_id AS "documentId", current_version AS version FROM ${this.#at}document
       WHERE document_id > $1 AND current_version IS NOT NULL ORDER BY document_id LIMIT $2`,
      [afterDocumentId ?? '', limit],
      signal,
    );
  }

  async *expectedInventory(
    versions: readonly DocumentVersion[],
    signal: AbortSignal,
  ): AsyncGenerator<InventoryRow & { role: Role }> {
    // One at a time: that of a large document is large.
    for (const version of versions) {
      const rows = await this.#all<DocumentVersion & { inventory: unknown }>(
        'expected-inventory',
        `SELECT document_id AS "documentId", version, inventory FROM ${this.#at}version v JOIN ${WANTED} USING (document_id, version)`,
        versionsParams([version]),
        signal,
      );
      for (const { inventory, ...own } of rows) yield* expectedRows(inventory, own);
    }
  }

  factsAbout(
    versions: readonly DocumentVersion[],
    anchors: readonly FactAnchor[],
    signal: AbortSignal,
  ): Promise<Fact[]> {
    const typesAt = (end: FactAnchor['end']) => anchors.filter((anchor) => anchor.end === end).map(({ type }) => type);
    return this.#all<Fact>(
      'facts-about',
      `WITH touched AS (SELECT DISTINCT type, subject_id, object_id FROM ${this.#at}fact JOIN ${WANTED} USING (document_id, version)),
         about AS (
           SELECT f.relation_id FROM touched t JOIN ${this.#at}fact f ON f.subject_id = t.subject_id AND f.type = t.type WHERE t.type = ANY ($3::text[])
           UNION SELECT f.relation_id FROM touched t JOIN ${this.#at}fact f ON f.object_id = t.object_id AND f.type = t.type WHERE t.type = ANY ($4::text[]))
       ${FACT_FIELDS} FROM about a JOIN ${this.#at}fact f USING (relation_id) ${ofCurrent(this.#at)} ORDER BY f.relation_id`,
      [...versionsParams(versions), typesAt('subject'), typesAt('object')],
      signal,
    );
  }

  facts(afterRelationId: string | null, limit: number, signal: AbortSignal): Promise<Fact[]> {
    return this.#all<Fact>(
      'facts',
      `${FACT_FIELDS} FROM ${this.#at}fact f ${ofCurrent(this.#at)} WHERE f.relation_id > $1 ORDER BY f.relation_id LIMIT $2`,
      [afterRelationId ?? '', limit],
      signal,
    );
  }

  quarantined(selection: readonly string[] | QuarantinePage, signal: AbortSignal): Promise<QuarantineEntry[]> {
    const [where, params]: [string, PgValue[]] =
      'limit' in selection
        ? [
            `document_id > $1 AND ($2::text IS NULL OR group_id = $2) AND ($3::text IS NULL OR code = $3) ORDER BY document_id LIMIT $4`,
            [selection.afterDocumentId ?? '', selection.group, selection.code, selection.limit],
          ]
        : ['document_id = ANY ($1::text[]) ORDER BY document_id', [selection]];
    return this.#all<QuarantineEntry>(
      'quarantined',
      `SELECT document_id AS "documentId", group_id AS "group", source, source_uri AS "sourceUri", content_digest AS "contentDigest",
         source_version AS "sourceVersion", settings_digest AS "settingsDigest", run_id AS "runId", code, message, step, retryable, at FROM ${this.#at}quarantine WHERE ${where}`,
      params,
      signal,
    );
  }

  documents(
    { afterDocumentId, limit, group }: { afterDocumentId: string | null; limit: number; group: string | null },
    signal: AbortSignal,
  ): Promise<DocumentSummary[]> {
    return this.#all<DocumentSummary>(
      'documents',
      `SELECT ${SUMMARY_FIELDS} FROM ${this.#at}version v
       WHERE v.state = 'current' AND v.document_id > $1 AND ($2::text IS NULL OR v.group_id = $2) ORDER BY v.document_id LIMIT $3`,
      [afterDocumentId ?? '', group, limit],
      signal,
    );
  }

  async document(documentId: string, signal: AbortSignal): Promise<DocumentSummary | null> {
    const [row] = await this.#all<DocumentSummary>(
      'document',
      `SELECT ${SUMMARY_FIELDS} FROM ${this.#at}version v WHERE v.state = 'current' AND v.document_id = $1`,
      [documentId],
      signal,
    );
    return row ?? null;
  }

  select(
    { source, group, uriPrefix, createdBefore }: DocumentFilter,
    { after, limit }: { after: AfterDocument; limit: number },
    signal: AbortSignal,
  ): Promise<SelectedDocument[]> {
    const place = `left(source_uri, ${PLACE_CHARACTERS})`;
    // The index knows the beginnings of places: whatever begins with the prefix lies between it and itself followed by the last of
    // all characters.
    return this.#all<SelectedDocument>(
      'select',
      `SELECT document_id AS "documentId", version, source_uri AS "sourceUri", content_digest AS "contentDigest" FROM ${this.#at}version
       WHERE state = 'current' AND parent_id IS NULL AND ${place} >= greatest(left($1, ${PLACE_CHARACTERS}), left($3, ${PLACE_CHARACTERS}))
         AND ${place} <= left($3, ${PLACE_CHARACTERS}) || chr(1114111) AND starts_with(source_uri, $3)
         AND (source_uri, document_id) > ($1, $2)
         AND ($4::text IS NULL OR source = $4) AND ($5::text IS NULL OR group_id = $5) AND ($6::text IS NULL OR created_at < $6)
       ORDER BY ${place}, source_uri, document_id LIMIT $7`,
      [after?.sourceUri ?? '', after?.documentId ?? '', uriPrefix ?? '', source, group, createdBefore, limit],
      signal,
    );
  }

  async *unshared(versions: readonly DocumentVersion[], signal: AbortSignal): AsyncGenerator<UnsharedText> {
    const rows = this.#pages<UnsharedText & { readonly row: number }>(
      'unshared',
      (after) => ({
        // The digest finds what may be equal by the index; only that is compared.
        sql: pageOfWanted(this.#at, {
          table: 'chunk c',
          fields:
            'c.chunk_row AS row, c.document_id AS "documentId", c.version, c.heading_path AS "headingPath", c.text',
          key: 'chunk_row',
          where: `AND NOT EXISTS (SELECT 1 FROM ${this.#at}chunk o
            WHERE hashtextextended(o.text, 0) = hashtextextended(c.text, 0) AND o.text = c.text AND o.heading = c.heading
              AND (o.chunk_row < c.chunk_row OR (o.document_id, o.version) NOT IN (SELECT * FROM unnest($1::text[], $2::integer[]))))`,
          limit: PAGE_ROWS,
        }),
        params: [...versionsParams(versions), after?.row ?? 0],
      }),
      signal,
    );
    for await (const { documentId, version, headingPath, text } of rows)
      yield { documentId, version, headingPath: pathOf(headingPath), text };
  }

  /** Nothing of this store is in files on this machine; the server removes what deletes have left when it vacuums. */
  async erase(): Promise<boolean> {
    return true;
  }

  unindexed(
    versions: readonly DocumentVersion[],
    signal: AbortSignal,
  ): Promise<(DocumentVersion & { chunkId: string })[]> {
    return unindexedChunks(this.#memory, this.#cutter, versions, signal);
  }

  /** The numbers of chunks and words that ranking goes by, when they are not those of the chunks. */
  strays(signal: AbortSignal): Promise<Stray[]> {
    return wrongTotal(this.#memory, signal);
  }

  async mendStrays(strays: readonly Stray[], signal: AbortSignal): Promise<void> {
    await mendIndexes(this.#memory, strays, signal);
    if (strays.some(({ kind }) => kind === 'text')) await mendText(this.#memory, this.#cutter, signal);
  }

  /** Whether apex's tables and indexes are there and in use. What lies beneath them is the server's to check. */
  checkStorage(signal: AbortSignal): Promise<Stray[]> {
    return checkedIndexes(this.#memory, signal);
  }

  kept(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<KeptVersion[]> {
    return keptVersions(this.#memory, versions, signal);
  }

  mendDocuments(documentIds: readonly string[], signal: AbortSignal): Promise<void> {
    return mendDocuments(this.#memory, documentIds, signal);
  }

  async noteSourceVersions(notes: readonly SourceVersionNote[], signal: AbortSignal): Promise<void> {
    if (notes.length === 0) return;
    await this.#memory.db.transaction({ operation: 'note-source-versions', signal }, (transaction) =>
      transaction.run(
        `UPDATE ${this.#at}version v SET source_version = n.source_version
         FROM unnest($1::text[], $2::integer[], $3::text[]) AS n (document_id, version, source_version)
         WHERE v.document_id = n.document_id AND v.version = n.version AND v.state = 'current'`,
        [
          notes.map(({ documentId }) => documentId),
          notes.map(({ version }) => version),
          notes.map(({ sourceVersion }) => sourceVersion),
        ],
      ),
    );
  }

  ofContent(contentDigests: readonly string[], of: PlacesOf, signal: AbortSignal) {
    return this.#places.ofContent(contentDigests, of, signal);
  }

  placedAt(sourceUris: readonly string[], of: PlacesOf, signal: AbortSignal) {
    return this.#places.placedAt(sourceUris, of, signal);
  }

  placesOf(documentIds: readonly string[], signal: AbortSignal) {
    return this.#places.placesOf(documentIds, signal);
  }

  placesUnder(filter: PlacedFilter, page: { after: AfterDocument; limit: number }, signal: AbortSignal) {
    return this.#places.placesUnder(filter, page, signal);
  }

  notePlaces(places: readonly DocumentPlace[], signal: AbortSignal) {
    return this.#places.notePlaces(places, signal);
  }

  forgetPlaces(places: readonly Pick<DocumentPlace, 'documentId' | 'sourceUri'>[], signal: AbortSignal) {
    return this.#places.forgetPlaces(places, signal);
  }

  searchText(
    terms: readonly KeywordTerm[],
    limit: number,
    group: string | null,
    signal: AbortSignal,
  ): Promise<Ranked[]> {
    return searchWords(this.#memory, this.#cutter, { terms, limit, group }, signal);
  }

  async chunks(chunkIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, ChunkRecord>> {
    const rows = await this.#all<ChunkRecord & { readonly tokenCount: number }>(
      'chunks',
      `SELECT ${CHUNK_FIELDS}, v.source_uri AS "sourceUri", v.name, v.title, v.state <> 'current' AS "isReplaced" FROM ${this.#at}chunk c
       JOIN ${this.#at}version v ON v.document_id = c.document_id AND v.version = c.version
       JOIN ${this.#at}document d ON d.document_id = c.document_id
       WHERE c.chunk_id = ANY ($1::text[]) AND (v.state = 'current' OR v.state = 'superseded' AND d.current_version IS NOT NULL)`,
      [chunkIds],
      signal,
    );
    return new Map(
      rows.map(({ tokenCount: _t, headingPath, ...row }) => [
        row.chunkId,
        { ...row, headingPath: pathOf(headingPath) },
      ]),
    );
  }

  close(): Promise<void> {
    return this.#memory.db.close();
  }

  #all<Row>(operation: string, sql: string, params: readonly PgValue[], signal: AbortSignal): Promise<Row[]> {
    return this.#memory.db.all<Row>(operation, sql, params, signal);
  }

  async described(documentIds: readonly string[], signal: AbortSignal) {
    const rows = await this.#all<{ documentId: string; version: number; metadata: { [key: string]: Json } }>(
      'described',
      `SELECT document_id AS "documentId", version, metadata FROM ${this.#at}version WHERE state = 'current' AND document_id = ANY ($1::text[])`,
      [documentIds],
      signal,
    );
    return new Map(rows.map(({ documentId, version, metadata }) => [documentId, { version, metadata }]));
  }

  factsOn(objectIds: readonly string[], types: readonly RelationType[] | null, signal: AbortSignal): Promise<Fact[]> {
    return this.#all<Fact>(
      'facts-on',
      `${FACT_FIELDS} FROM ${this.#at}fact f ${ofCurrent(this.#at)}
       WHERE f.object_id = ANY ($1::text[]) AND ($2::text[] IS NULL OR f.type = ANY ($2::text[])) ORDER BY f.relation_id`,
      [objectIds, types],
      signal,
    );
  }

  seriesWindows(requests: readonly SeriesRequest[], signal: AbortSignal): Promise<SeriesWindow[]> {
    return this.#series.windows(requests, signal);
  }

  latestReadings(documentIds: readonly string[], signal: AbortSignal): Promise<StoredReading[]> {
    return this.#series.latest(documentIds, signal);
  }

  readings(cursor: SeriesCursor, limit: number, signal: AbortSignal): Promise<StoredReading[]> {
    return this.#series.readings(cursor, limit, signal);
  }

  withReadings(afterDocumentId: string | null, limit: number, signal: AbortSignal): Promise<string[]> {
    return this.#series.documents(afterDocumentId, limit, signal);
  }

  wrongSeries(documentIds: readonly string[], signal: AbortSignal) {
    return this.#series.wrong(documentIds, signal);
  }

  cursor(stream: { source: string; stream: string; group: string }, signal: AbortSignal) {
    return this.#series.cursor(stream, signal);
  }

  rejectedAmong(ids: readonly string[], signal: AbortSignal): Promise<string[]> {
    return this.#series.rejectedAmong(ids, signal);
  }

  rejected(page: RejectedPage, signal: AbortSignal): Promise<RejectedEntry[]> {
    return this.#series.rejected(page, signal);
  }

  /** The rows of a statement that is asked again from its last row until a page is short. */
  async *#pages<Row>(
    operation: string,
    pageAfter: (last: Row | undefined) => { sql: string; params: readonly PgValue[] },
    signal: AbortSignal,
    pageRows = PAGE_ROWS,
  ): AsyncGenerator<Row> {
    for (let last: Row | undefined; ; ) {
      const { sql, params } = pageAfter(last);
      const page: Row[] = await this.#all<Row>(operation, sql, params, signal);
      yield* page;
      if (page.length < pageRows) return;
      last = page[page.length - 1];
    }
  }
}

const CURRENT_FIELDS = `SELECT d.document_id AS "documentId", d.uuid, d.current_version AS version, d.last_version AS "lastVersion",
  d.is_gone AS "isGone", v.source_uri AS "sourceUri", v.content_digest AS "contentDigest", v.settings_digest AS "settingsDigest", v.stores_digest AS "storesDigest",
  v.source_version AS "sourceVersion", v.parent_id AS "parentId", coalesce(v.group_id, '') AS "group"`;
const IS_CURRENT = 'v.document_id = d.document_id AND v.version = d.current_version';

const FACT_FIELDS = `SELECT f.relation_id AS "relationId", f.document_id AS "documentId", f.version, f.type, f.subject_id AS "subjectId",
  f.object_id AS "objectId", f.valid_at AS "validAt", f.stated_until AS "invalidAt", v.created_at AS "createdAt"`;

/** Behind `fact f`. */
function ofCurrent(at: string): string {
  return `JOIN ${at}version v ON v.document_id = f.document_id AND v.version = f.version AND ${IS_CURRENT_VERSION}`;
}

/** Of `t`: its version's own row is not there. */
function isLeft(at: string): string {
  return `NOT EXISTS (SELECT 1 FROM ${at}version v WHERE v.document_id = t.document_id AND v.version = t.version)`;
}
