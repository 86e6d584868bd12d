import type { Json, QuarantineEntry, RelationType } from '../../contracts/document.ts';
import { isApexError, StoreError } from '../../contracts/errors.ts';
import { chunkDigest, digestOf, recordDigest, relationDigest } from '../../contracts/identity.ts';
import type {
  CursorMove,
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
  Stray,
  UnsharedText,
  VersionRecord,
  WriteRef,
} from '../../contracts/store.ts';
import { type Sql, type SqlValue, UnexpectedChangesError } from '../../support/sql-thread.ts';
import type { MemoryDb } from '../memory-db.ts';
import { COUNT_DELETES, eraseTraces } from '../memory-traces.ts';
import {
  countByRef,
  deleteByRef,
  LISTED,
  listParam,
  parsedOrText,
  RELATION_FIELDS,
  type RelationRow,
  relationOf,
  retireVersions,
  VERSIONS,
  versionsIn,
  versionsParam,
} from '../rows.ts';
import { expectedRows } from './kept-shape.ts';
import { checkedStorage, documentMending, indexMending, keptVersions, pathOf, TEXT_MENDING } from './sqlite-mending.ts';
import { placeRemoval, SqlitePlaces } from './sqlite-places.ts';
import {
  absorptionStatements,
  additionStatements,
  cursorStatements,
  latestReadings,
  MISREAD,
  misreadParam,
  readings,
  rejectionStatements,
  removalStatements,
  STALE,
  seriesWindows,
  staleParam,
  wholeStatement,
  withReadings,
  wrongSeries,
} from './sqlite-series.ts';

/** Chunks whose texts are compared together. */
const PAGE_CHUNKS = 500;

/** What a batch writes here, in the order in which it is removed. */
const TABLES = ['chunk', 'fact', 'version'];

const DOCUMENT_FIELDS = `document_id AS documentId, version, uuid, group_id AS "group", source, source_uri AS sourceUri, name,
  parent_id AS parentId, media_type AS mediaType, content_digest AS contentDigest, title, stated_at AS statedAt`;

const SUMMARY_FIELDS = `${DOCUMENT_FIELDS}, bytes, metadata, warnings, chunks, entities, relations, run_id AS runId, created_at AS createdAt`;

type PlacesOf = Pick<PlacedFilter, 'source' | 'group'>;

/** The records in `memory.db`. Its transactions are the pivot; the pivot's commit is the one that is synced. */
export class SqliteRecordsStore implements RecordsStore {
  readonly name = 'records';
  readonly identity: string;
  readonly memoryId: string;
  readonly capabilities = { transactional: true };
  readonly leaseMs = null;
  readonly #sql: Sql;
  readonly #path: string;
  readonly #places: SqlitePlaces;

  constructor({ sql, memoryId, path }: MemoryDb) {
    this.#sql = sql;
    this.#places = new SqlitePlaces(sql);
    this.#path = path;
    this.memoryId = memoryId;
    this.identity = `sqlite:${memoryId}`;
  }

  async openRun(
    { runId, journalId }: { runId: string; journalId: string },
    _signal: AbortSignal,
  ): Promise<{ fence: number; lastLsn: number }> {
    const [, selected] = await this.#sql.transaction(
      [
        {
          sql: `INSERT INTO run (run_id, journal_id, fence, last_lsn) VALUES (?, ?, (SELECT coalesce(max(fence), 0) + 1 FROM run), 0)
                ON CONFLICT (run_id) DO UPDATE SET fence = (SELECT max(fence) + 1 FROM run)`,
          params: [runId, journalId],
        },
        { sql: 'SELECT fence, last_lsn AS lastLsn FROM run WHERE run_id = ?', params: [runId] },
      ],
      { label: 'records.open-run', isDurable: true },
    );
    return selected!.rows[0] as { fence: number; lastLsn: number };
  }

  async runMirror(
    runId: string,
    _signal: AbortSignal,
  ): Promise<{ fence: number; lastLsn: number; journalId: string } | null> {
    const [row] = await this.#sql.all<{ fence: number; lastLsn: number; journalId: string }>(
      'SELECT fence, last_lsn AS lastLsn, journal_id AS journalId FROM run WHERE run_id = ?',
      [runId],
    );
    return row ?? null;
  }

  async renewLease(): Promise<boolean> {
    return true;
  }

  async endLease(): Promise<void> {}

  async heldRuns(): Promise<{ runs: readonly HeldRun[]; lastFence: number }> {
    return { runs: [], lastFence: 0 };
  }

  async abortRun(runId: string): Promise<boolean> {
    const sql = 'UPDATE run SET fence = (SELECT max(fence) + 1 FROM run) WHERE run_id = ?';
    await this.#sql.transaction([{ sql, params: [runId] }], { label: 'records.abort-run', isDurable: true });
    return true;
  }

  unsettled(_signal: AbortSignal): Promise<WriteRef[]> {
    return this.#sql.all<WriteRef>(
      `SELECT run_id AS runId, batch_no AS batchNo FROM version WHERE state = 'building'
       UNION SELECT run_id, batch_no FROM pivot WHERE is_finished = 0 ORDER BY runId, batchNo`,
    );
  }

  async current(documentIds: readonly string[], _signal: AbortSignal): Promise<ReadonlyMap<string, CurrentDocument>> {
    // A tombstone has no version.
    const rows = await this.#sql.all<CurrentRow>(
      `${CURRENT_FIELDS} FROM document d LEFT JOIN version v ON ${CURRENT} WHERE d.document_id IN ${LISTED}`,
      [listParam(documentIds)],
    );
    return new Map(rows.map((row) => [row.documentId, currentOf(row)]));
  }

  async children(parentIds: readonly string[], _signal: AbortSignal): Promise<CurrentDocument[]> {
    const rows = await this.#sql.all<CurrentRow>(
      `${CURRENT_FIELDS} FROM version v JOIN document d ON ${CURRENT} WHERE v.parent_id IN ${LISTED} ORDER BY d.document_id`,
      [listParam(parentIds)],
    );
    return rows.map(currentOf);
  }

  async allocate(documents: readonly { documentId: string; uuid: string }[], _signal: AbortSignal): Promise<number[]> {
    if (documents.length === 0) return [];
    const sql = `INSERT INTO document (document_id, uuid, last_version) VALUES (?, ?, 1)
      ON CONFLICT (document_id) DO UPDATE SET last_version = last_version + 1 RETURNING last_version AS version`;
    const rows = documents.map(({ documentId, uuid }) => [documentId, uuid]);
    const [result] = await this.#sql.transaction([{ sql, rows }], { label: 'records.allocate', isDurable: true });
    return (result!.rows as { version: number }[]).map(({ version }) => version);
  }

  /** The other stores are in the same file, and wait for the same thread. */
  async announce(): Promise<boolean> {
    return false;
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
    const stamp = [ref.runId, ref.batchNo];
    const chunks = records.flatMap((r) =>
      r.chunks.map((c) => [
        ...[c.chunkId, r.documentId, r.version, ...stamp, c.ordinal, c.headingPath.join(' > '), c.text, c.start, c.end],
        ...[JSON.stringify(c.headingPath), c.page, c.tokenCount],
      ]),
    );
    const facts = records.flatMap((r) =>
      r.relations.map((x) => [
        x.relationId,
        r.documentId,
        r.version,
        ...stamp,
        x.type,
        x.subjectId,
        x.objectId,
        x.chunkId,
        x.quote,
        x.validAt,
        x.invalidAt ?? null,
        JSON.stringify(x.detail ?? {}),
      ]),
    );
    await this.#sql.transaction(
      [
        ...deleteByRef(TABLES, ref),
        { sql: `INSERT INTO version VALUES (${marks(27)})`, rows: records.map((record) => versionRow(record, ref)) },
        {
          sql: `INSERT INTO chunk (chunk_id, document_id, version, run_id, batch_no, ordinal, heading, text, start, end, heading_path, page, token_count)
                VALUES (${marks(13)})`,
          rows: chunks,
        },
        { sql: `INSERT INTO fact VALUES (${marks(13)})`, rows: facts },
        { sql: 'UPDATE run SET last_lsn = max(last_lsn, ?) WHERE run_id = ?', params: [lsn, ref.runId] },
      ],
      { label: 'records.write' },
    );
    return this.count(ref, signal);
  }

  /** Visibility belongs to the pivot. */
  async publish(): Promise<void> {}

  async discard(ref: WriteRef, _signal: AbortSignal): Promise<void> {
    // The guard stands in the statement itself: what a pivot has made visible is never discarded.
    const isCommitted = 'EXISTS (SELECT 1 FROM pivot WHERE run_id = ? AND batch_no = ?)';
    const { runId, batchNo } = ref;
    const statements = TABLES.map((table) => ({
      sql: `DELETE FROM ${table} WHERE run_id = ? AND batch_no = ? AND NOT ${isCommitted}`,
      params: [runId, batchNo, runId, batchNo],
    }));
    await this.#sql.transaction(statements, { label: 'records.discard' });
  }

  retire(versions: readonly DocumentVersion[], _signal: AbortSignal): Promise<number[]> {
    return retireVersions(this.#sql, { tables: TABLES, versions, label: 'records.retire' });
  }

  count(ref: WriteRef, _signal: AbortSignal): Promise<number> {
    return countByRef(this.#sql, TABLES, ref);
  }

  async *inventory(versions: readonly DocumentVersion[], _signal: AbortSignal): AsyncGenerator<InventoryRow> {
    const param = [versionsParam(versions)];
    const where = `WHERE (document_id, version) IN ${VERSIONS}`;
    type Row<Content> = DocumentVersion & Content;
    const documents = await this.#sql.all<StoredVersion>(
      `SELECT ${SUMMARY_FIELDS}, settings_digest AS settingsDigest, stores_digest AS storesDigest, extraction, state FROM version ${where}`,
      param,
    );
    for (const row of documents) {
      const isLive = row.state === 'current';
      yield { ...named(row), kind: 'document', id: row.documentId, digest: storedDigest(row), isLive };
    }
    const chunks = await this.#sql.all<Row<ChunkRow>>(
      `SELECT document_id AS documentId, version, chunk_id AS chunkId, ordinal, text, start, end, heading, heading_path AS headingPath, page,
         token_count AS tokenCount FROM chunk ${where}`,
      param,
    );
    for (const row of chunks) {
      const headingPath = pathOf(row.headingPath);
      const content = chunkDigest({ ...row, headingPath });
      // The heading that full text has is derived from the path.
      const digest = row.heading === headingPath.join(' > ') ? content : digestOf(content);
      yield { ...named(row), kind: 'chunk', id: row.chunkId, digest };
    }
    const relations = await this.#sql.all<Row<RelationRow>>(`${RELATION_FIELDS} FROM fact ${where}`, param);
    for (const row of relations)
      yield { ...named(row), kind: 'relation', id: row.relationId, digest: relationDigest(relationOf(row)) };
  }

  async *versions(_signal: AbortSignal): AsyncGenerator<DocumentVersion & WriteRef> {
    const seen = new Set<string>();
    for (const table of TABLES.toReversed()) {
      for await (const row of versionsIn(this.#sql, table)) {
        const key = JSON.stringify([row.documentId, row.version]);
        if (!seen.has(key)) yield row;
        seen.add(key);
      }
    }
  }

  async pivot(request: PivotRequest, signal: AbortSignal): Promise<PivotOutcome> {
    const { ref, fence, lsn } = request;
    const { runId, batchNo } = ref;
    const repeated = await this.pivotOutcome(ref, signal);
    if (repeated !== null) return repeated;
    const batch = [runId, batchNo];
    const ours = 'i.run_id = ? AND i.batch_no = ?';
    const done = `FROM pivot_item i WHERE ${ours} AND i.result = 'done'`;
    const { series = [], absorbed = [], cursors = [], reads = [], together = [] } = request;
    const gone = request.deletes.filter(({ isGone }) => isGone === true).map(({ documentId }) => documentId);
    const judged = new Set([...request.versions, ...request.deletes].map(({ documentId }) => documentId));
    const unwritten = [...(request.kept ?? []), ...series.filter(({ documentId }) => !judged.has(documentId))];
    const kept = JSON.stringify(unwritten.map(({ documentId, baseVersion }) => [documentId, baseVersion]));
    const pairs = JSON.stringify([...absorbed.map(({ documentId, into }) => [documentId, into]), ...together]);
    const overtakenIds = `SELECT d.document_id FROM json_each(?) JOIN document d ON d.document_id = json_extract(value, '$[0]')
      WHERE d.current_version IS NOT json_extract(value, '$[1]')`;
    const quarantined = request.quarantined.map((q) => [
      ...[q.documentId, q.source, q.sourceUri, q.contentDigest, q.settingsDigest, q.runId],
      ...[q.code, q.message, q.step, q.retryable ? 1 : 0, q.at, q.group, q.sourceVersion],
      ...[q.documentId, q.baseVersion, q.parentId ?? '', ...batch, kept],
    ]);
    try {
      await this.#sql.transaction(
        [
          {
            sql: 'INSERT INTO pivot (run_id, batch_no, fence, lsn) SELECT run_id, ?, fence, ? FROM run WHERE run_id = ? AND fence = ?',
            params: [batchNo, lsn, runId, fence],
            expectChanges: 1,
          },
          ...cursorStatements(cursors, runId),
          // Only what stands written under this batch can become current.
          {
            sql: `INSERT INTO pivot_item (run_id, batch_no, document_id, version, base_version) SELECT run_id, batch_no, document_id, version, ?
                  FROM version WHERE run_id = ? AND batch_no = ? AND document_id = ? AND version = ? AND state = 'building'`,
            rows: request.versions.map((item) => [item.baseVersion, ...batch, item.documentId, item.version]),
            expectChanges: request.versions.length,
          },
          {
            sql: 'INSERT INTO pivot_item (run_id, batch_no, document_id, base_version) VALUES (?, ?, ?, ?)',
            rows: request.deletes.map((item) => [...batch, item.documentId, item.baseVersion]),
          },
          // Whoever staged from a version that is no longer current has lost: its content may be older than what is there.
          {
            sql: `UPDATE pivot_item AS i SET result = iif(
                    (SELECT d.current_version FROM document d WHERE d.document_id = i.document_id) IS i.base_version, 'done', 'lost') WHERE ${ours}`,
            params: batch,
          },
          // What came in a document that lost is of its old content too: its versions lose and its deletes are left undone.
          {
            sql: `WITH RECURSIVE lost (document_id) AS (
                    SELECT document_id FROM pivot_item i WHERE ${ours} AND i.result = 'lost'
                    UNION ${overtakenIds} UNION ${STALE} UNION ${MISREAD}
                    UNION SELECT json_extract(value, iif(json_extract(value, '$[0]') = l.document_id, '$[1]', '$[0]'))
                      FROM lost l JOIN json_each(?) ON l.document_id IN (json_extract(value, '$[0]'), json_extract(value, '$[1]'))
                    UNION SELECT i.document_id FROM lost l JOIN version v ON v.parent_id = l.document_id JOIN pivot_item i
                      ON ${ours} AND i.document_id = v.document_id AND coalesce(i.version, i.base_version) = v.version)
                  UPDATE pivot_item AS i SET result = 'lost' WHERE ${ours} AND i.document_id IN (SELECT document_id FROM lost)`,
            params: [...batch, kept, staleParam(series), misreadParam(reads), pairs, ...batch, ...batch],
          },
          {
            sql: `UPDATE version SET state = 'superseded' WHERE (document_id, version) IN (SELECT i.document_id, i.base_version ${done})`,
            params: batch,
          },
          {
            sql: `UPDATE version SET state = 'current' WHERE (document_id, version) IN (SELECT i.document_id, i.version ${done})`,
            params: batch,
          },
          {
            sql: "UPDATE version SET state = 'lost' WHERE run_id = ? AND batch_no = ? AND state = 'building'",
            params: batch,
          },
          {
            sql: `UPDATE document AS d SET current_version = i.version,
                    is_gone = i.version IS NULL AND i.document_id IN ${LISTED} ${done} AND i.document_id = d.document_id`,
            params: [listParam(gone), ...batch],
          },
          // Until it is erased, the file holds traces of what goes.
          ...(request.deletes.length === 0 ? [] : [COUNT_DELETES]),
          { sql: `DELETE FROM quarantine WHERE document_id IN (SELECT i.document_id ${done})`, params: batch },
          {
            sql: `INSERT OR REPLACE INTO quarantine SELECT ${marks(13)}
                  WHERE (SELECT d.current_version FROM document d WHERE d.document_id = ?) IS ?
                    AND ? NOT IN (SELECT i.document_id FROM pivot_item i WHERE ${ours} AND i.result = 'lost' UNION ${overtakenIds})`,
            rows: quarantined,
          },
          ...additionStatements(ref, series, { sql: overtakenIds, params: [kept] }),
          ...(cursors.length === 0 ? [] : [wholeStatement(ref)]),
          ...absorptionStatements(ref, absorbed),
          ...(request.deletes.length === 0 ? [] : [...removalStatements(ref), placeRemoval(ref)]),
          ...rejectionStatements(request.rejected ?? [], request.accepted ?? []),
          { sql: 'UPDATE run SET last_lsn = max(last_lsn, ?) WHERE run_id = ?', params: [lsn, runId] },
        ],
        { label: 'records.pivot', isDurable: true },
      );
    } catch (error) {
      if (!(error instanceof UnexpectedChangesError)) throw error;
      const details = { runId, batchNo, fence };
      const isFenced = error.index === 0;
      if (!isFenced && error.index <= cursors.length) throw cursorMoved(cursors[error.index - 1]!);
      if (!isFenced && error.index > cursors.length + 1) throw overtaken(runId, batchNo);
      const why = isFenced ? 'was taken over by another process' : `has not all documents of batch ${batchNo} written`;
      throw new StoreError(`run ${runId} ${why}`, { code: isFenced ? 'FENCED' : 'STORE_COUNT', details, cause: error });
    }
    return (await this.pivotOutcome(ref, signal))!;
  }

  async finish({ runId, batchNo }: WriteRef, _signal: AbortSignal): Promise<void> {
    const sql = 'UPDATE pivot SET is_finished = 1 WHERE run_id = ? AND batch_no = ?';
    await this.#sql.transaction([{ sql, params: [runId, batchNo] }], { label: 'records.finish', isDurable: true });
  }

  async pivotOutcome({ runId, batchNo }: WriteRef, _signal: AbortSignal): Promise<PivotOutcome | null> {
    const [commit] = await this.#sql.all('SELECT 1 FROM pivot WHERE run_id = ? AND batch_no = ?', [runId, batchNo]);
    if (commit === undefined) return null;
    type Item = { documentId: string; version: number | null; baseVersion: number | null; result: 'done' | 'lost' };
    const items = await this.#sql.all<Item>(
      `SELECT document_id AS documentId, version, base_version AS baseVersion, result FROM pivot_item
       WHERE run_id = ? AND batch_no = ? ORDER BY document_id`,
      [runId, batchNo],
    );
    const extended = await this.#sql.all<{ documentId: string }>(
      `SELECT document_id AS documentId FROM pivot_series WHERE run_id = ? AND batch_no = ? AND result = 'done' ORDER BY document_id`,
      [runId, batchNo],
    );
    const done = items.filter(({ result }) => result === 'done');
    const numbered = (documentId: string, version: number | null) =>
      version === null ? [] : [{ documentId, version }];
    return {
      committed: done.flatMap(({ documentId, version }) => numbered(documentId, version)),
      retiring: done.flatMap(({ documentId, baseVersion }) => numbered(documentId, baseVersion)),
      lost: items
        .filter(({ result }) => result === 'lost')
        .flatMap(({ documentId, version }) => numbered(documentId, version)),
      deleted: done.filter(({ version }) => version === null).map(({ documentId }) => documentId),
      extended: extended.map(({ documentId }) => documentId),
    };
  }

  currentVersions(afterDocumentId: string | null, limit: number, _signal: AbortSignal): Promise<DocumentVersion[]> {
    return this.#sql.all<DocumentVersion>(
      `SELECT document_id AS documentId, current_version AS version FROM document
       WHERE document_id > ? AND current_version IS NOT NULL ORDER BY document_id LIMIT ?`,
      [afterDocumentId ?? '', limit],
    );
  }

  async *expectedInventory(
    versions: readonly DocumentVersion[],
    _signal: AbortSignal,
  ): AsyncGenerator<InventoryRow & { role: Role }> {
    const rows = await this.#sql.all<DocumentVersion & { inventory: string }>(
      `SELECT document_id AS documentId, version, inventory FROM version WHERE (document_id, version) IN ${VERSIONS}`,
      [versionsParam(versions)],
    );
    for (const { inventory, ...version } of rows) yield* expectedRows(parsedOrText(inventory), version);
  }

  factsAbout(
    versions: readonly DocumentVersion[],
    anchors: readonly FactAnchor[],
    _signal: AbortSignal,
  ): Promise<Fact[]> {
    const typesAt = (end: FactAnchor['end']) =>
      listParam(anchors.filter((anchor) => anchor.end === end).map(({ type }) => type));
    return this.#sql.all<Fact>(
      `WITH touched AS (SELECT DISTINCT type, subject_id, object_id FROM fact WHERE (document_id, version) IN ${VERSIONS}),
         about (place) AS (
           SELECT f.rowid FROM touched t CROSS JOIN fact f ON f.subject_id = t.subject_id AND f.type = t.type WHERE t.type IN ${LISTED}
           UNION SELECT f.rowid FROM touched t CROSS JOIN fact f ON f.object_id = t.object_id AND f.type = t.type WHERE t.type IN ${LISTED})
       ${FACT_FIELDS} FROM about a CROSS JOIN fact f ON f.rowid = a.place ${OF_CURRENT} ORDER BY f.relation_id`,
      [versionsParam(versions), typesAt('subject'), typesAt('object')],
    );
  }

  facts(afterRelationId: string | null, limit: number, _signal: AbortSignal): Promise<Fact[]> {
    return this.#sql.all<Fact>(
      `${FACT_FIELDS} FROM fact f ${OF_CURRENT} WHERE f.relation_id > ? ORDER BY f.relation_id LIMIT ?`,
      [afterRelationId ?? '', limit],
    );
  }

  async quarantined(selection: readonly string[] | QuarantinePage, _signal: AbortSignal): Promise<QuarantineEntry[]> {
    const [where, params] =
      'limit' in selection
        ? ([
            'document_id > ? AND group_id = coalesce(?, group_id) AND code = coalesce(?, code) ORDER BY document_id LIMIT ?',
            [selection.afterDocumentId ?? '', selection.group, selection.code, selection.limit],
          ] as const)
        : ([`document_id IN ${LISTED} ORDER BY document_id`, [listParam(selection)]] as const);
    const rows = await this.#sql.all<Omit<QuarantineEntry, 'retryable'> & { retryable: number }>(
      `SELECT document_id AS documentId, group_id AS "group", source, source_uri AS sourceUri, content_digest AS contentDigest,
         source_version AS sourceVersion, settings_digest AS settingsDigest, run_id AS runId, code, message, step, retryable, at FROM quarantine WHERE ${where}`,
      params,
    );
    return rows.map((row) => ({ ...row, retryable: row.retryable === 1 }));
  }

  async documents(
    options: { afterDocumentId: string | null; limit: number; group: string | null },
    _signal: AbortSignal,
  ): Promise<DocumentSummary[]> {
    const rows = await this.#sql.all<SummaryRow>(
      `SELECT ${SUMMARY_FIELDS} FROM version WHERE state = 'current' AND document_id > ? AND group_id = coalesce(?, group_id)
       ORDER BY document_id LIMIT ?`,
      [options.afterDocumentId ?? '', options.group, options.limit],
    );
    return rows.map(summaryOf);
  }

  async document(documentId: string, _signal: AbortSignal): Promise<DocumentSummary | null> {
    const [row] = await this.#sql.all<SummaryRow>(
      `SELECT ${SUMMARY_FIELDS} FROM version WHERE state = 'current' AND document_id = ?`,
      [documentId],
    );
    return row === undefined ? null : summaryOf(row);
  }

  select(
    { source, group, uriPrefix, createdBefore }: DocumentFilter,
    { after, limit }: { after: AfterDocument; limit: number },
    _signal: AbortSignal,
  ): Promise<SelectedDocument[]> {
    const prefix = uriPrefix ?? '';
    // Whatever begins with the prefix lies between it and itself followed by the last of all characters.
    return this.#sql.all<SelectedDocument>(
      `SELECT document_id AS documentId, version, source_uri AS sourceUri, content_digest AS contentDigest FROM version
       WHERE state = 'current' AND parent_id IS NULL AND (source_uri, document_id) > (?, ?) AND source_uri >= ?
         AND source_uri <= ? || char(1114111) AND substr(source_uri, 1, length(?)) = ?
         AND source = coalesce(?, source) AND group_id = coalesce(?, group_id) AND created_at < coalesce(?, created_at || '~')
       ORDER BY source_uri, document_id LIMIT ?`,
      [after?.sourceUri ?? '', after?.documentId ?? '', ...Array(4).fill(prefix), source, group, createdBefore, limit],
    );
  }

  async *unshared(versions: readonly DocumentVersion[], _signal: AbortSignal): AsyncGenerator<UnsharedText> {
    const param = versionsParam(versions);
    for (let after = 0; ; ) {
      const page: (Omit<UnsharedText, 'headingPath'> & { headingPath: string; row: number })[] = await this.#sql.all(
        // The beginning and the length find what may be equal by the index; only that is compared.
        `SELECT c.chunk_row AS row, c.document_id AS documentId, c.version, c.heading_path AS headingPath, c.text FROM chunk c
         WHERE (c.document_id, c.version) IN ${VERSIONS} AND c.chunk_row > ? AND NOT EXISTS (
           SELECT 1 FROM chunk o WHERE substr(o.text, 1, 32) = substr(c.text, 1, 32) AND length(o.text) = length(c.text)
             AND o.text = c.text AND o.heading = c.heading
             AND (o.chunk_row < c.chunk_row OR (o.document_id, o.version) NOT IN ${VERSIONS}))
         ORDER BY c.chunk_row LIMIT ?`,
        [param, after, param, PAGE_CHUNKS],
      );
      for (const { documentId, version, headingPath, text } of page)
        yield { documentId, version, headingPath: pathOf(headingPath), text };
      if (page.length < PAGE_CHUNKS) return;
      after = page[page.length - 1]!.row;
    }
  }

  erase(_signal: AbortSignal): Promise<boolean> {
    return eraseTraces(this.#sql);
  }

  unindexed(
    versions: readonly DocumentVersion[],
    _signal: AbortSignal,
  ): Promise<(DocumentVersion & { chunkId: string })[]> {
    return this.#sql.all(
      `SELECT document_id AS documentId, version, chunk_id AS chunkId FROM chunk
       WHERE (document_id, version) IN ${VERSIONS} AND chunk_row NOT IN (SELECT id FROM chunk_text_docsize)`,
      [versionsParam(versions)],
    );
  }

  /** Entries of full text without their chunk, and full text as a whole when it holds other words than the chunks. */
  async strays(_signal: AbortSignal): Promise<Stray[]> {
    // Source: FTS5 keeps one row for each entry in `<name>_docsize`; https://sqlite.org/fts5.html, section 9.
    const rows = await this.#sql.all<{ id: number }>(
      'SELECT id FROM chunk_text_docsize WHERE id NOT IN (SELECT chunk_row FROM chunk)',
    );
    if (rows.length > 0) return rows.map(({ id }) => ({ kind: 'text', id: String(id), problem: 'extra' }));
    const [lost] = await this.#sql.all(
      'SELECT 1 FROM chunk WHERE chunk_row NOT IN (SELECT id FROM chunk_text_docsize) LIMIT 1',
    );
    return lost !== undefined || (await this.#isTextWhole())
      ? []
      : [{ kind: 'text', id: 'chunk_text', problem: 'changed' }];
  }

  async mendStrays(strays: readonly Stray[], _signal: AbortSignal): Promise<void> {
    const statements = await indexMending(this.#sql, strays);
    if (strays.some(({ kind }) => kind === 'text')) statements.push(TEXT_MENDING);
    if (statements.length > 0) await this.#sql.transaction(statements, { label: 'records.mend' });
  }

  checkStorage(_signal: AbortSignal): Promise<Stray[]> {
    return checkedStorage(this.#sql, this.#path);
  }

  kept(versions: readonly DocumentVersion[], _signal: AbortSignal): Promise<KeptVersion[]> {
    return keptVersions(this.#sql, versions);
  }

  async mendDocuments(documentIds: readonly string[], _signal: AbortSignal): Promise<void> {
    if (documentIds.length === 0) return;
    await this.#sql.transaction(documentMending(documentIds), { label: 'records.mend-documents', isDurable: true });
  }

  async noteSourceVersions(notes: readonly SourceVersionNote[], _signal: AbortSignal): Promise<void> {
    if (notes.length === 0) return;
    const sql = "UPDATE version SET source_version = ? WHERE document_id = ? AND version = ? AND state = 'current'";
    const rows = notes.map(({ documentId, version, sourceVersion }) => [sourceVersion, documentId, version]);
    await this.#sql.transaction([{ sql, rows }], { label: 'records.note-source-versions' });
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

  /** FTS5 compares every word with the chunks; it takes the writers' lock for that, about 20 microseconds for each chunk. */
  async #isTextWhole(): Promise<boolean> {
    try {
      const sql = "INSERT INTO chunk_text (chunk_text, rank) VALUES ('integrity-check', 1)";
      await this.#sql.transaction([{ sql }], { label: 'records.check-text' });
      return true;
    } catch (error) {
      if (isApexError(error) && error.details['sqliteCode'] === 'SQLITE_CORRUPT_VTAB') return false;
      throw error;
    }
  }

  async searchText(
    terms: readonly KeywordTerm[],
    limit: number,
    group: string | null,
    _signal: AbortSignal,
  ): Promise<Ranked[]> {
    if (terms.length === 0) return [];
    return this.#sql.all<Ranked>(
      `SELECT c.chunk_id AS id, -bm25(chunk_text) AS score FROM chunk_text
       JOIN chunk c ON c.chunk_row = chunk_text.rowid
       JOIN version v ON v.document_id = c.document_id AND v.version = c.version AND v.state = 'current' AND v.group_id = coalesce(?, v.group_id)
       WHERE chunk_text MATCH ? ORDER BY bm25(chunk_text), c.chunk_id LIMIT ?`,
      [group, expressionOf(terms), limit],
    );
  }

  async described(documentIds: readonly string[], _signal: AbortSignal) {
    const rows = await this.#sql.all<{ documentId: string; version: number; metadata: string }>(
      `SELECT document_id AS documentId, version, metadata FROM version WHERE state = 'current' AND document_id IN ${LISTED}`,
      [listParam(documentIds)],
    );
    return new Map(
      rows.map(({ documentId, version, metadata }) => {
        const kept = parsedOrText(metadata);
        return [documentId, { version, metadata: (typeof kept === 'object' ? kept : {}) as { [key: string]: Json } }];
      }),
    );
  }

  factsOn(objectIds: readonly string[], types: readonly RelationType[] | null, _signal: AbortSignal): Promise<Fact[]> {
    return this.#sql.all<Fact>(
      `${FACT_FIELDS} FROM json_each(?) o CROSS JOIN fact f ON f.object_id = o.value ${OF_CURRENT}
       WHERE ? OR f.type IN ${LISTED} ORDER BY f.relation_id`,
      [listParam(objectIds), types === null ? 1 : 0, listParam(types ?? [])],
    );
  }

  seriesWindows(requests: readonly SeriesRequest[], _signal: AbortSignal): Promise<SeriesWindow[]> {
    return seriesWindows(this.#sql, requests);
  }

  latestReadings(documentIds: readonly string[], _signal: AbortSignal): Promise<StoredReading[]> {
    return latestReadings(this.#sql, documentIds);
  }

  readings(cursor: SeriesCursor, limit: number, _signal: AbortSignal): Promise<StoredReading[]> {
    return readings(this.#sql, cursor, limit);
  }

  withReadings(afterDocumentId: string | null, limit: number, _signal: AbortSignal): Promise<string[]> {
    return withReadings(this.#sql, afterDocumentId, limit);
  }

  wrongSeries(documentIds: readonly string[], _signal: AbortSignal) {
    return wrongSeries(this.#sql, documentIds);
  }

  async cursor({ source, stream, group }: { source: string; stream: string; group: string }, _signal: AbortSignal) {
    const [row] = await this.#sql.all<{ value: string; previous: string | null; movedAt: string }>(
      'SELECT value, previous, moved_at AS movedAt FROM stream_cursor WHERE source = ? AND stream = ? AND group_id = ?',
      [source, stream, group],
    );
    return row ?? null;
  }

  async rejectedAmong(ids: readonly string[], _signal: AbortSignal): Promise<string[]> {
    const rows = await this.#sql.all<{ id: string }>(`SELECT id FROM rejected WHERE id IN ${LISTED}`, [listParam(ids)]);
    return rows.map(({ id }) => id);
  }

  rejected({ afterId, limit, group, source }: RejectedPage, _signal: AbortSignal): Promise<RejectedEntry[]> {
    return this.#sql.all<RejectedEntry>(
      `SELECT id, source, stream, group_id AS "group", source_uri AS sourceUri, place, path, reason, raw, run_id AS runId, at
       FROM rejected WHERE id > ? AND group_id = coalesce(?, group_id) AND source = coalesce(?, source) ORDER BY id LIMIT ?`,
      [afterId ?? '', group, source, limit],
    );
  }

  async chunks(chunkIds: readonly string[], _signal: AbortSignal): Promise<ReadonlyMap<string, ChunkRecord>> {
    const rows = await this.#sql.all<
      Omit<ChunkRecord, 'headingPath' | 'isReplaced'> & { headingPath: string; state: string }
    >(
      `SELECT c.chunk_id AS chunkId, c.document_id AS documentId, c.version, c.ordinal, c.text, c.heading_path AS headingPath, c.page,
         c.start, c.end, v.source_uri AS sourceUri, v.name, v.title, v.state
       FROM chunk c JOIN version v ON v.document_id = c.document_id AND v.version = c.version
       JOIN document d ON d.document_id = c.document_id
       WHERE c.chunk_id IN ${LISTED} AND (v.state = 'current' OR v.state = 'superseded' AND d.current_version IS NOT NULL)`,
      [listParam(chunkIds)],
    );
    return new Map(
      rows.map(({ state, ...row }) => [
        row.chunkId,
        { ...row, headingPath: pathOf(row.headingPath), isReplaced: state !== 'current' },
      ]),
    );
  }

  /** The connection belongs to the memory, which closes it. */
  async close(): Promise<void> {}
}

/** Each occurrence in an expression counts in the ranking. Source: https://sqlite.org/fts5.html, section 3. */
function expressionOf(terms: readonly KeywordTerm[]): string {
  return terms
    .flatMap(({ text, isBeginning, weight }) =>
      Array<string>(weight).fill(`"${text.replaceAll('"', '""')}"${isBeginning ? ' *' : ''}`),
    )
    .join(' OR ');
}

const CURRENT_FIELDS = `SELECT d.document_id AS documentId, d.uuid, d.current_version AS version, d.last_version AS lastVersion,
  d.is_gone AS isGone, v.source_uri AS sourceUri, v.content_digest AS contentDigest, v.settings_digest AS settingsDigest, v.stores_digest AS storesDigest,
  v.source_version AS sourceVersion, v.parent_id AS parentId, coalesce(v.group_id, '') AS "group"`;
const CURRENT = 'v.document_id = d.document_id AND v.version = d.current_version';

interface CurrentRow extends Omit<CurrentDocument, 'isGone'> {
  readonly isGone: number;
}

function currentOf(row: CurrentRow): CurrentDocument {
  return { ...row, isGone: row.isGone === 1 };
}

const FACT_FIELDS = `SELECT f.relation_id AS relationId, f.document_id AS documentId, f.version, f.type, f.subject_id AS subjectId,
    f.object_id AS objectId, f.valid_at AS validAt, f.stated_until AS invalidAt, v.created_at AS createdAt`;
/** Behind `fact f`: CROSS, because the planner would else read every version or every fact to find a few. */
const OF_CURRENT =
  "CROSS JOIN version v ON v.document_id = f.document_id AND v.version = f.version AND v.state = 'current'";

/** Something that the batch was made from has changed meanwhile. */
function overtaken(runId: string, batchNo: number): StoreError {
  return new StoreError('another run changed the same documents meanwhile; nothing of this batch was kept', {
    code: 'LOST_RACE',
    details: { runId, batchNo },
  });
}

/** Another run has read the stream meanwhile. */
function cursorMoved({ source, stream }: CursorMove): StoreError {
  return new StoreError(`another run has read ${source} ${stream} meanwhile; nothing of this page was kept`, {
    code: 'CURSOR_MOVED',
    retryable: false,
    details: { source, stream },
  });
}

interface ChunkRow {
  readonly heading: string;
  readonly chunkId: string;
  readonly ordinal: number;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** JSON. */
  readonly headingPath: string;
  readonly page: number | null;
  readonly tokenCount: number;
}

type SummaryRow = Omit<DocumentSummary, 'metadata' | 'warnings'> & {
  readonly metadata: string;
  readonly warnings: string;
};

function summaryOf(row: SummaryRow): DocumentSummary {
  return {
    ...row,
    metadata: parsedOrText(row.metadata) as { [key: string]: Json },
    warnings: parsedOrText(row.warnings) as DocumentSummary['warnings'],
  };
}

type StoredVersion = SummaryRow & {
  readonly state: string;
  readonly statedAt: string | null;
  readonly settingsDigest: string;
  readonly storesDigest: string;
  /** JSON. */
  readonly extraction: string;
};

function storedDigest(row: StoredVersion): string {
  const { chunks, entities, relations } = row;
  const extraction = parsedOrText(row.extraction) as Pick<VersionRecord, 'entities' | 'mentions'>;
  return recordDigest({ ...row, ...summaryOf(row), extraction, counts: { chunks, entities, relations } });
}

/** The values of a `version` row, in the order of its columns. */
function versionRow(record: VersionRecord, ref: WriteRef): SqlValue[] {
  const { entities, mentions } = record;
  return [
    ...[record.documentId, record.version, 'building', ref.runId, ref.batchNo, record.uuid, record.group],
    ...[
      record.source,
      record.sourceUri,
      record.name,
      record.parentId,
      record.mediaType,
      record.bytes,
      record.contentDigest,
    ],
    ...[record.settingsDigest, record.storesDigest, record.title, record.statedAt, record.createdAt],
    ...[JSON.stringify(record.metadata), JSON.stringify(record.warnings)],
    ...[record.chunks.length, entities.length, record.relations.length],
    ...[JSON.stringify(record.inventory), JSON.stringify({ entities, mentions }), record.sourceVersion ?? null],
  ];
}

function named({ documentId, version }: DocumentVersion): DocumentVersion {
  return { documentId, version };
}

/** So many parameter marks. */
function marks(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ');
}
