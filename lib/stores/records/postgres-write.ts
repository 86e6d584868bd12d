import type { DocumentVersion, StoredChunk, VersionRecord, WriteRef } from '../../contracts/store.ts';
import type { PgTransaction, PgValue } from './postgres-connection.ts';
import type { PostgresMemory } from './postgres-memory.ts';
import { headingOf, lockBatch, versionsParams, WANTED } from './postgres-rows.ts';
import { toHeldJson } from './postgres-text.ts';
import { indexedText, type WordCutter } from './postgres-words.ts';

/** What one statement takes. */
const PAGE_ROWS = 1_000;
const PAGE_CHARACTERS = 8_000_000;
/** What one statement removes: it ends well within its time. */
const SLICE_ROWS = 10_000;

/** What a batch writes, in the order in which it is removed. */
export const WRITTEN = ['chunk', 'fact', 'version'] as const;
type Written = (typeof WRITTEN)[number];

/** How the rows of a table are sent: for each of its columns a list, with the type that it has in the statement. */
type Columns = readonly (readonly [column: string, type: string])[];

const STAMP: Columns = [
  ['document_id', 'text'],
  ['version', 'integer'],
  ['run_id', 'text'],
  ['batch_no', 'integer'],
];

const COLUMNS: { readonly [table in Written]: Columns } = {
  version: [
    ...STAMP,
    ...(['lsn', 'bytes'] as const).map((column) => [column, 'bigint'] as const),
    ...(['state', 'uuid', 'group_id', 'source', 'source_uri', 'name', 'parent_id', 'media_type'] as const).map(text),
    ...(['content_digest', 'settings_digest', 'stores_digest', 'title', 'stated_at', 'created_at'] as const).map(text),
    text('source_version'),
    ...(['chunks', 'entities', 'relations'] as const).map((column) => [column, 'integer'] as const),
    ['metadata', 'jsonb'],
    ...(['warnings', 'inventory', 'extraction'] as const).map((column) => [column, 'json'] as const),
  ],
  chunk: [
    ...STAMP,
    ...(['chunk_id', 'heading', 'text'] as const).map(text),
    ...(['ordinal', 'start_offset', 'end_offset', 'page', 'token_count', 'word_count'] as const).map(
      (column) => [column, 'integer'] as const,
    ),
    ['heading_path', 'json'],
    ['words', 'tsvector'],
  ],
  fact: [
    ...STAMP,
    ...(['relation_id', 'type', 'subject_id', 'object_id', 'chunk_id', 'quote', 'valid_at'] as const).map(text),
    ['stated_until', 'text'],
    ['detail', 'json'],
  ],
};

function text(column: string): readonly [string, string] {
  return [column, 'text'];
}

type Row = { readonly [column: string]: PgValue };

/** Makes a batch known by the row of one of its versions, in place of all that it has, unless its pivot has happened. */
export async function announceBatch(
  transaction: PgTransaction,
  memory: PostgresMemory,
  { ref, lsn, record }: { readonly ref: WriteRef; readonly lsn: number; readonly record: VersionRecord },
): Promise<void> {
  await lockBatch(transaction, memory, ref);
  if (await isCommitted(transaction, memory, ref)) return;
  await deleteBatch(transaction, memory, ref);
  await insert(transaction, memory, 'version', [versionRow(record, ref, lsn)]);
  await mirrorLsn(transaction, memory, ref, lsn);
}

/** Writes the rows of a batch in place of those it has, unless its pivot has happened. */
export async function writeBatch(
  transaction: PgTransaction,
  memory: PostgresMemory,
  {
    ref,
    lsn,
    records,
    cutter,
  }: {
    readonly ref: WriteRef;
    readonly lsn: number;
    readonly records: readonly VersionRecord[];
    readonly cutter: WordCutter;
  },
): Promise<void> {
  await lockBatch(transaction, memory, ref);
  if (await isCommitted(transaction, memory, ref)) return;
  await deleteBatch(transaction, memory, ref);
  await insert(
    transaction,
    memory,
    'version',
    records.map((record) => versionRow(record, ref, lsn)),
  );
  const chunks = records.flatMap((record) => record.chunks.map((chunk) => ({ record, chunk })));
  for (const page of pagesByLength(chunks, ({ chunk }) => chunk.text.length))
    await insertChunks(
      transaction,
      memory,
      page.map(({ record, chunk }) => chunkRow(record, chunk, ref, cutter)),
    );
  await insert(
    transaction,
    memory,
    'fact',
    records.flatMap((record) => factRows(record, ref)),
  );
  await mirrorLsn(transaction, memory, ref, lsn);
}

async function mirrorLsn(
  transaction: PgTransaction,
  { at }: PostgresMemory,
  { runId }: WriteRef,
  lsn: number,
): Promise<void> {
  await transaction.run(`UPDATE ${at}run SET last_lsn = greatest(last_lsn, $1) WHERE run_id = $2`, [lsn, runId]);
}

/** Removes the rows that a batch wrote, unless its pivot has happened. */
export async function discardBatch(transaction: PgTransaction, memory: PostgresMemory, ref: WriteRef): Promise<void> {
  await lockBatch(transaction, memory, ref);
  if (!(await isCommitted(transaction, memory, ref))) await deleteBatch(transaction, memory, ref);
}

/** Removes the rows of these versions. @returns how many there were of each, by `keyOf`. */
export async function deleteVersions(
  transaction: PgTransaction,
  { at }: PostgresMemory,
  versions: readonly DocumentVersion[],
): Promise<ReadonlyMap<string, number>> {
  const removed = new Map<string, number>();
  for (const table of WRITTEN) {
    const found = `SELECT t.ctid FROM ${at}${table} t JOIN ${WANTED} USING (document_id, version)`;
    await deleteSlices(transaction, at, { table, found, params: versionsParams(versions) }, (version, count) => {
      removed.set(keyOf(version), (removed.get(keyOf(version)) ?? 0) + count);
    });
  }
  return removed;
}

export function keyOf({ documentId, version }: DocumentVersion): string {
  return JSON.stringify([documentId, version]);
}

async function deleteBatch(transaction: PgTransaction, { at }: PostgresMemory, ref: WriteRef): Promise<void> {
  const params = [ref.runId, ref.batchNo];
  for (const table of WRITTEN) {
    const found = `SELECT t.ctid FROM ${at}${table} t WHERE run_id = $1 AND batch_no = $2`;
    await deleteSlices(transaction, at, { table, found, params }, () => {});
  }
}

/** Removes what is found, in statements that each end soon. */
async function deleteSlices(
  transaction: PgTransaction,
  at: string,
  { table, found, params }: { table: Written; found: string; params: readonly PgValue[] },
  onRemoved: (version: DocumentVersion, count: number) => void,
): Promise<void> {
  const words = table === 'chunk' ? ', t.word_count' : '';
  const total = `, total AS (INSERT INTO ${at}text_total (chunks, words) SELECT -count(*), -sum(word_count) FROM gone HAVING count(*) > 0)`;
  const sql = `WITH gone AS (DELETE FROM ${at}${table} t WHERE t.ctid = ANY (ARRAY(${found} LIMIT ${SLICE_ROWS}))
      RETURNING t.document_id, t.version${words})${table === 'chunk' ? total : ''}
    SELECT document_id AS "documentId", version, count(*) AS count FROM gone GROUP BY document_id, version`;
  for (;;) {
    const rows = await transaction.all<DocumentVersion & { count: number }>(sql, params);
    for (const row of rows) onRemoved(row, row.count);
    if (rows.reduce((sum, { count }) => sum + count, 0) < SLICE_ROWS) return;
  }
}

async function isCommitted(transaction: PgTransaction, { at }: PostgresMemory, ref: WriteRef): Promise<boolean> {
  const rows = await transaction.all(`SELECT 1 FROM ${at}pivot WHERE run_id = $1 AND batch_no = $2`, [
    ref.runId,
    ref.batchNo,
  ]);
  return rows.length > 0;
}

async function insert(
  transaction: PgTransaction,
  { at }: PostgresMemory,
  table: Written,
  rows: readonly Row[],
): Promise<void> {
  const { sql, paramsOf } = insertion(at, table);
  for (const page of pagesByLength(rows, rowLength)) await transaction.run(sql, paramsOf(page));
}

async function insertChunks(transaction: PgTransaction, { at }: PostgresMemory, rows: readonly Row[]): Promise<void> {
  const { sql, paramsOf } = insertion(at, 'chunk');
  const words = rows.reduce((sum, { word_count }) => sum + Number(word_count), 0);
  const params = paramsOf(rows);
  const total = `INSERT INTO ${at}text_total (chunks, words) VALUES ($${params.length + 1}, $${params.length + 2})`;
  await transaction.run(`WITH total AS (${total}) ${sql}`, [...params, rows.length, words]);
}

/** One statement for any number of rows. */
function insertion(at: string, table: Written): { sql: string; paramsOf: (rows: readonly Row[]) => PgValue[] } {
  const columns = COLUMNS[table];
  const names = columns.map(([column]) => column).join(', ');
  const lists = columns.map(([, type], index) => `$${index + 1}::${sentAs(type)}[]`).join(', ');
  const values = columns.map(([column, type]) => (sentAs(type) === type ? column : `${column}::${type}`)).join(', ');
  return {
    sql: `INSERT INTO ${at}${table} (${names}) SELECT ${values} FROM unnest(${lists}) AS r (${names})`,
    paramsOf: (rows) => columns.map(([column]) => rows.map((row) => row[column]!)),
  };
}

/** What has a syntax of its own is sent as text. */
function sentAs(type: string): string {
  return ['json', 'jsonb', 'tsvector'].includes(type) ? 'text' : type;
}

/** Pages that hold neither too many rows nor too much text. */
function* pagesByLength<Item>(items: readonly Item[], lengthOf: (item: Item) => number): Generator<readonly Item[]> {
  let page: Item[] = [];
  let characters = 0;
  for (const item of items) {
    page.push(item);
    characters += lengthOf(item);
    if (page.length < PAGE_ROWS && characters < PAGE_CHARACTERS) continue;
    yield page;
    page = [];
    characters = 0;
  }
  if (page.length > 0) yield page;
}

function rowLength(row: Row): number {
  return Object.values(row).reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 0), 0);
}

function versionRow(record: VersionRecord, { runId, batchNo }: WriteRef, lsn: number): Row {
  const { entities, mentions } = record;
  return {
    ...{ document_id: record.documentId, version: record.version, run_id: runId, batch_no: batchNo, lsn },
    ...{ state: 'building', uuid: record.uuid, group_id: record.group, source: record.source },
    ...{ source_uri: record.sourceUri, name: record.name, parent_id: record.parentId, media_type: record.mediaType },
    ...{ bytes: record.bytes, content_digest: record.contentDigest, settings_digest: record.settingsDigest },
    ...{ stores_digest: record.storesDigest, title: record.title, stated_at: record.statedAt },
    ...{ source_version: record.sourceVersion ?? null },
    ...{
      created_at: record.createdAt,
      metadata: toHeldJson(record.metadata),
      warnings: JSON.stringify(record.warnings),
    },
    ...{ chunks: record.chunks.length, entities: entities.length, relations: record.relations.length },
    ...{ inventory: JSON.stringify(record.inventory), extraction: JSON.stringify({ entities, mentions }) },
  };
}

function chunkRow(record: VersionRecord, chunk: StoredChunk, { runId, batchNo }: WriteRef, cutter: WordCutter): Row {
  const heading = headingOf(chunk.headingPath);
  const { vector, wordCount } = indexedText(cutter, heading, chunk.text);
  return {
    ...{ document_id: record.documentId, version: record.version, run_id: runId, batch_no: batchNo },
    ...{ chunk_id: chunk.chunkId, heading, text: chunk.text, ordinal: chunk.ordinal },
    ...{ start_offset: chunk.start, end_offset: chunk.end, page: chunk.page, token_count: chunk.tokenCount },
    ...{ heading_path: JSON.stringify(chunk.headingPath), words: vector, word_count: wordCount },
  };
}

function factRows(record: VersionRecord, { runId, batchNo }: WriteRef): Row[] {
  return record.relations.map((relation) => ({
    ...{ document_id: record.documentId, version: record.version, run_id: runId, batch_no: batchNo },
    ...{ relation_id: relation.relationId, type: relation.type, subject_id: relation.subjectId },
    ...{ object_id: relation.objectId, chunk_id: relation.chunkId, quote: relation.quote, valid_at: relation.validAt },
    ...{ stated_until: relation.invalidAt ?? null, detail: JSON.stringify(relation.detail ?? {}) },
  }));
}
