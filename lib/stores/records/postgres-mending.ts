import { StoreError } from '../../contracts/errors.ts';
import type { DocumentVersion, KeptVersion, StoredRelation, Stray, VersionRecord } from '../../contracts/store.ts';
import { extractionOf } from './kept-shape.ts';
import type { PgTransaction } from './postgres-connection.ts';
import type { PostgresMemory } from './postgres-memory.ts';
import {
  CHUNK_FIELDS,
  DOCUMENT_FIELDS,
  named,
  pageOfWanted,
  pagesOf,
  pathOf,
  RELATION_FIELDS,
  versionsParams,
  WANTED,
} from './postgres-rows.ts';
import { INDEX_NAMES, indexStatement, TABLE_NAMES } from './postgres-schema.ts';
import { indexedText, type WordCutter } from './postgres-words.ts';
import { keyOf } from './postgres-write.ts';

const PAGE_VERSIONS = 64;
const PAGE_CHUNKS = 1_000;

type KeptChunk = KeptVersion['chunks'][number];
type KeptRow = Omit<KeptVersion, 'chunks' | 'entities' | 'mentions' | 'relations' | 'warnings'> & {
  readonly warnings: unknown;
  readonly extraction: unknown;
};

/** What `RecordsStore.kept` gives. */
export async function keptVersions(
  memory: PostgresMemory,
  versions: readonly DocumentVersion[],
  signal: AbortSignal,
): Promise<KeptVersion[]> {
  const kept: KeptVersion[] = [];
  for (const page of pagesOf(versions, PAGE_VERSIONS)) kept.push(...(await keptPage(memory, page, signal)));
  return kept;
}

async function keptPage(
  { db, at }: PostgresMemory,
  versions: readonly DocumentVersion[],
  signal: AbortSignal,
): Promise<KeptVersion[]> {
  const params = versionsParams(versions);
  const read = <Row>(sql: string) => db.all<Row>('kept', sql, params, signal);
  const rows = await read<KeptRow>(
    `SELECT ${DOCUMENT_FIELDS}, v.bytes, v.settings_digest AS "settingsDigest", v.stores_digest AS "storesDigest",
       v.source_version AS "sourceVersion", v.created_at AS "createdAt", v.metadata, v.warnings, v.extraction FROM ${at}version v JOIN ${WANTED} USING (document_id, version)`,
  );
  const chunks = Map.groupBy(
    await read<DocumentVersion & KeptChunk>(
      `SELECT ${CHUNK_FIELDS} FROM ${at}chunk c JOIN ${WANTED} USING (document_id, version) ORDER BY c.ordinal`,
    ),
    keyOf,
  );
  const relations = Map.groupBy(
    await read<DocumentVersion & StoredRelation>(
      `SELECT ${RELATION_FIELDS} FROM ${at}fact f JOIN ${WANTED} USING (document_id, version) ORDER BY f.relation_id`,
    ),
    keyOf,
  );
  return rows.map(({ warnings, extraction, ...row }): KeptVersion => {
    const withoutName = <Part extends DocumentVersion>({ documentId: _d, version: _v, ...part }: Part) => part;
    return {
      ...row,
      warnings: Array.isArray(warnings) ? (warnings as VersionRecord['warnings']) : [],
      ...extractionOf(extraction),
      chunks: (chunks.get(keyOf(row)) ?? []).map((chunk) => ({
        ...withoutName(chunk),
        headingPath: pathOf(chunk.headingPath),
      })),
      relations: (relations.get(keyOf(row)) ?? []).map(withoutName),
    };
  });
}

/** What `RecordsStore.mendDocuments` does. What each statement changes, it finds wrong itself. */
export async function mendDocuments(
  { db, at }: PostgresMemory,
  documentIds: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (documentIds.length === 0) return;
  const marked = `FROM ${at}version v WHERE v.document_id = d.document_id AND v.state = 'current'`;
  const highest = `(SELECT max(v.version) FROM ${at}version v WHERE v.document_id = d.document_id)`;
  const listed = 'd.document_id = ANY ($1::text[])';
  const statements = [
    `UPDATE ${at}version v SET document_id = o.document_id FROM ${at}document o
     WHERE v.document_id = ANY ($1::text[]) AND v.state = 'current'
       AND o.uuid = v.uuid AND o.current_version = v.version AND o.document_id <> v.document_id
       AND NOT EXISTS (SELECT 1 FROM ${at}document d WHERE d.document_id = v.document_id)
       AND NOT EXISTS (SELECT 1 FROM ${at}version n WHERE n.document_id = o.document_id AND n.version = o.current_version)
       AND EXISTS (SELECT 1 FROM ${at}chunk c WHERE c.document_id = o.document_id AND c.version = v.version)`,
    `INSERT INTO ${at}document (document_id, uuid, last_version, current_version)
     SELECT v.document_id, v.uuid, v.version, v.version FROM ${at}version v
     WHERE v.document_id = ANY ($1::text[]) AND v.state = 'current' ON CONFLICT (document_id) DO NOTHING`,
    `DELETE FROM ${at}document d WHERE ${listed} AND NOT EXISTS (SELECT 1 FROM ${at}version v WHERE v.document_id = d.document_id)
       AND EXISTS (SELECT 1 FROM ${at}document o JOIN ${at}version v ON v.document_id = o.document_id AND v.state = 'current'
                   WHERE o.uuid = d.uuid AND o.document_id <> d.document_id)`,
    `UPDATE ${at}document d SET last_version = ${highest} WHERE ${listed} AND d.last_version < ${highest}`,
    `UPDATE ${at}document d SET current_version = (SELECT v.version ${marked}) WHERE ${listed} AND EXISTS (SELECT 1 ${marked})
       AND NOT EXISTS (SELECT 1 FROM ${at}version v WHERE v.document_id = d.document_id AND v.version = d.current_version)`,
    `UPDATE ${at}document d SET uuid = (SELECT v.uuid ${marked}) WHERE ${listed} AND d.uuid <> (SELECT v.uuid ${marked})`,
  ];
  await db.transaction({ operation: 'mend-documents', signal, isDurable: true }, async (transaction) => {
    for (const sql of statements) await transaction.run(sql, [documentIds]);
  });
}

interface IndexableChunk extends DocumentVersion {
  readonly row: number;
  readonly chunkId: string;
  readonly heading: string;
  readonly text: string;
}

const INDEXABLE = `c.chunk_row AS row, c.chunk_id AS "chunkId", c.document_id AS "documentId", c.version, c.heading, c.text`;

/** Of `chunk c` and the words it should have, `w`. */
const IS_WRONG = '(c.words IS DISTINCT FROM w.words::tsvector OR c.word_count <> w.word_count)';
const RIGHT_WORDS = 'unnest($1::bigint[], $2::text[], $3::integer[]) AS w (chunk_row, words, word_count)';

function rightWords(cutter: WordCutter, chunks: readonly IndexableChunk[]): [number[], string[], number[]] {
  const right = chunks.map(({ heading, text }) => indexedText(cutter, heading, text));
  return [chunks.map(({ row }) => row), right.map(({ vector }) => vector), right.map(({ wordCount }) => wordCount)];
}

/** The chunks of these versions whose words are not those of their text. */
export async function unindexedChunks(
  { db, at }: PostgresMemory,
  cutter: WordCutter,
  versions: readonly DocumentVersion[],
  signal: AbortSignal,
): Promise<(DocumentVersion & { chunkId: string })[]> {
  const wrong: (DocumentVersion & { chunkId: string })[] = [];
  for (let after = 0; ; ) {
    const page: IndexableChunk[] = await db.all<IndexableChunk>(
      'unindexed',
      pageOfWanted(at, { table: 'chunk c', fields: INDEXABLE, key: 'chunk_row', limit: PAGE_CHUNKS }),
      [...versionsParams(versions), after],
      signal,
    );
    const found = await db.all<{ row: number }>(
      'unindexed',
      `SELECT c.chunk_row AS row FROM ${RIGHT_WORDS} JOIN ${at}chunk c USING (chunk_row) WHERE ${IS_WRONG}`,
      rightWords(cutter, page),
      signal,
    );
    const rows = new Set(found.map(({ row }) => row));
    wrong.push(
      ...page.filter(({ row }) => rows.has(row)).map((chunk) => ({ ...named(chunk), chunkId: chunk.chunkId })),
    );
    if (page.length < PAGE_CHUNKS) return wrong;
    after = page[page.length - 1]!.row;
  }
}

/** Makes full text anew from the chunks, where it is not right, and the numbers that ranking goes by. */
export async function mendText(memory: PostgresMemory, cutter: WordCutter, signal: AbortSignal): Promise<void> {
  const { db, at } = memory;
  for (let after = 0; ; ) {
    const page: IndexableChunk[] = await db.all<IndexableChunk>(
      'mend-text',
      `SELECT ${INDEXABLE} FROM ${at}chunk c WHERE c.chunk_row > $1 ORDER BY c.chunk_row LIMIT ${PAGE_CHUNKS}`,
      [after],
      signal,
    );
    await db.transaction({ operation: 'mend-text', signal }, async (transaction) => {
      await transaction.run(
        `UPDATE ${at}chunk c SET words = w.words::tsvector, word_count = w.word_count FROM ${RIGHT_WORDS}
         WHERE c.chunk_row = w.chunk_row AND ${IS_WRONG}`,
        rightWords(cutter, page),
      );
    });
    if (page.length < PAGE_CHUNKS) break;
    after = page[page.length - 1]!.row;
  }
  await db.transaction({ operation: 'mend-text', signal, isPatient: true, isScan: true }, (transaction) =>
    mendTotal(transaction, at),
  );
}

/** Writers wait meanwhile: what they add must not be counted twice. */
async function mendTotal(transaction: PgTransaction, at: string): Promise<void> {
  await transaction.run(`LOCK TABLE ${at}text_total IN EXCLUSIVE MODE`);
  await transaction.run(`DELETE FROM ${at}text_total`);
  await transaction.run(
    `INSERT INTO ${at}text_total (chunks, words) SELECT count(*), coalesce(sum(word_count), 0) FROM ${at}chunk`,
  );
}

/** Whether the numbers that ranking goes by are those of the chunks. */
export async function wrongTotal({ db, at }: PostgresMemory, signal: AbortSignal): Promise<Stray[]> {
  const [row] = await db.scan<{ is_wrong: boolean }>(
    'strays',
    `SELECT (SELECT (coalesce(sum(chunks), 0), coalesce(sum(words), 0)) FROM ${at}text_total)
         IS DISTINCT FROM (SELECT (count(*)::numeric, coalesce(sum(word_count), 0)::numeric) FROM ${at}chunk) AS is_wrong`,
    [],
    signal,
  );
  return row!.is_wrong ? [{ kind: 'text', id: 'text_total', problem: 'changed' }] : [];
}

/** What `RecordsStore.checkStorage` gives. @throws StoreError MEMORY_DAMAGED. */
export async function checkedIndexes({ db, at, schema }: PostgresMemory, signal: AbortSignal): Promise<Stray[]> {
  const found = await db.all<{ name: string; isSound: boolean }>(
    'check-storage',
    `SELECT c.relname::text AS name, coalesce(i.indisvalid AND i.indisready, true) AS "isSound"
     FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
     WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p', 'i')`,
    [at.slice(0, -1)],
    signal,
  );
  const sound = new Set(found.filter(({ isSound }) => isSound).map(({ name }) => name));
  const lost = TABLE_NAMES.find((name) => !sound.has(name));
  if (lost !== undefined)
    throw new StoreError(`the schema ${schema} at ${db.place} has no table ${lost} any more; it was left as it is`, {
      code: 'MEMORY_DAMAGED',
      details: { schema, table: lost },
    });
  const broken = found.filter(({ isSound }) => !isSound).map(({ name }) => name);
  const missing = INDEX_NAMES.filter((name) => !found.some((other) => other.name === name));
  return [...broken, ...missing].map((id) => ({ kind: 'index', id, problem: 'changed' }));
}

/** Makes what of `strays` is an index anew, where it still is none. */
export async function mendIndexes(
  memory: PostgresMemory,
  strays: readonly Stray[],
  signal: AbortSignal,
): Promise<void> {
  if (!strays.some(({ kind }) => kind === 'index')) return;
  const { db, at } = memory;
  const wanted = new Set(strays.filter(({ kind }) => kind === 'index').map(({ id }) => id));
  const broken = (await checkedIndexes(memory, signal)).filter(({ id }) => wanted.has(id));
  const names = new Set(
    (
      await db.all<{ name: string }>(
        'mend-indexes',
        `SELECT relname::text AS name FROM pg_catalog.pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'i'`,
        [at.slice(0, -1)],
        signal,
      )
    ).map(({ name }) => name),
  );
  for (const { id } of broken) {
    const sql = names.has(id) ? `REINDEX INDEX ${at}"${id.replaceAll('"', '""')}"` : indexStatement(at, id);
    await db.transaction({ operation: 'mend-indexes', signal, isPatient: true, isScan: true }, (transaction) =>
      transaction.run(sql),
    );
  }
}
