import pg from 'pg';
import { sha256 } from '../../../lib/contracts/identity.ts';
import type { StoredChunk, VersionRecord } from '../../../lib/contracts/store.ts';
import { openPostgresRecords } from '../../../lib/stores/records/postgres.ts';
import { postgresSchema } from '../../../lib/stores/records/postgres-schema.ts';
import { indexedText, WordCutter } from '../../../lib/stores/records/postgres-words.ts';
import type { BareReading } from '../bare-memory.ts';
import type { Loader, Place } from './loader.ts';

const never = new AbortController().signal;
const STATEMENT_ROWS = 1_000;

/** Who writes readings of things, too. */
interface ReadingsLoader {
  /** @param id the document that is the thing. */
  writeReadings(id: string, readings: readonly BareReading[]): Promise<void>;
}

/** Through apex: its schema, its writes, its pivot. */
export async function apexPostgres({ url, name, dimensions }: Place): Promise<Loader> {
  const embedder = { model: 'bench', dimensions };
  const settings = { url, schema: name, embedder, createMemoryId: () => crypto.randomUUID() as string };
  const records = await openPostgresRecords(settings);
  const { fence } = await records.openRun({ runId: name, journalId: name }, never);
  return {
    write: async (batch, batchNo) => {
      await records.allocate(batch, never);
      await records.writeBuilding({ runId: name, batchNo }, 1, batch, never);
    },
    show: async (batch, batchNo) => {
      const versions = batch.map(({ documentId, version }) => ({ documentId, version, baseVersion: null }));
      const ref = { runId: name, batchNo };
      await records.pivot({ ref, fence, lsn: 1, versions, deletes: [], quarantined: [] }, never);
      await records.finish(ref, never);
    },
    counts: () => countsOf(url, name),
    sizes: () => sizesOf(url, name),
    remove: async () => {
      await records.close();
      await drop(url, name);
    },
  };
}

/** The same rows by the same statements, a transaction a batch, over one connection. */
export async function barePostgres({ url, name }: Place): Promise<Loader & ReadingsLoader> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE SCHEMA ${name}`);
  for (const sql of postgresSchema(`${name}.`)) await client.query(sql);
  const cutter = new WordCutter();
  return {
    write: async (batch, batchNo) => {
      await client.query('BEGIN');
      await insert(client, `${name}.document`, DOCUMENT, batch.map(documentRow));
      await insert(
        client,
        `${name}.version`,
        VERSION,
        batch.map((record) => versionRow(record, name, batchNo)),
      );
      const chunks = batch.flatMap((record) => record.chunks.map((chunk) => ({ record, chunk })));
      for (let from = 0; from < chunks.length; from += STATEMENT_ROWS) {
        const rows = chunks
          .slice(from, from + STATEMENT_ROWS)
          .map(({ record, chunk }) => chunkRow(record, chunk, [name, batchNo], cutter));
        await insert(client, `${name}.chunk`, CHUNK, rows);
        const words = rows.reduce((sum, row) => sum + Number(row.at(-2)), 0);
        await client.query(`INSERT INTO ${name}.text_total (chunks, words) VALUES ($1, $2)`, [rows.length, words]);
      }
      await insert(
        client,
        `${name}.fact`,
        FACT,
        batch.flatMap((record) => factRows(record, name, batchNo)),
      );
      await client.query('COMMIT');
    },
    writeReadings: async (id, readings) => {
      // A digest for each, since it is part of the key.
      const rows = readings.map(({ series, at, value, place }) => {
        const text = JSON.stringify(value);
        return [id, series, at, sha256(text), 0, text, place, name, 1];
      });
      await insert(client, `${name}.reading`, READING, rows);
    },
    show: async () => {},
    counts: () => countsOf(url, name),
    sizes: () => sizesOf(url, name),
    remove: async () => {
      await client.end();
      await drop(url, name);
    },
  };
}

/** Columns with their types, as `unnest` gives them. */
const READING = `document_id text, series text, at text, digest text, mark bigint, value jsonb, place_key text, run_id text,
  batch_no integer`;

const DOCUMENT = 'document_id text, uuid text, last_version integer, current_version integer';
const VERSION = `document_id text, version integer, state text, run_id text, batch_no integer, lsn bigint, uuid text, group_id text,
  source text, source_uri text, name text, parent_id text, media_type text, bytes bigint, content_digest text, settings_digest text,
  stores_digest text, title text, stated_at text, created_at text, metadata jsonb, warnings json, chunks integer, entities integer,
  relations integer, inventory json, extraction json`;
const CHUNK = `document_id text, version integer, run_id text, batch_no integer, chunk_id text, heading text, text text, ordinal integer,
  start_offset integer, end_offset integer, page integer, token_count integer, heading_path json, word_count integer, words tsvector`;
const FACT = `relation_id text, document_id text, version integer, run_id text, batch_no integer, type text, subject_id text,
  object_id text, chunk_id text, quote text, valid_at text, stated_until text, detail json`;

async function insert(
  client: pg.Client,
  table: string,
  shape: string,
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  const columns = shape.split(',').map((column) => column.trim().split(' ') as [string, string]);
  const names = columns.map(([column]) => column).join(', ');
  const isText = (type: string) => ['json', 'jsonb', 'tsvector'].includes(type);
  const values = columns.map(([column, type]) => (isText(type) ? `${column}::${type}` : column)).join(', ');
  const lists = columns.map(([, type], index) => `$${index + 1}::${isText(type) ? 'text' : type}[]`).join(', ');
  await client.query(
    `INSERT INTO ${table} (${names}) SELECT ${values} FROM unnest(${lists}) AS r (${names})`,
    columns.map((_, index) => rows.map((row) => row[index])),
  );
}

function documentRow({ documentId, uuid, version }: VersionRecord) {
  return [documentId, uuid, version, version];
}

function versionRow(record: VersionRecord, runId: string, batchNo: number) {
  const { entities, mentions, relations, chunks } = record;
  return [
    ...[record.documentId, record.version, 'current', runId, batchNo, 1, record.uuid, record.group, record.source],
    ...[record.sourceUri, record.name, record.parentId, record.mediaType, record.bytes, record.contentDigest],
    ...[record.settingsDigest, record.storesDigest, record.title, record.statedAt, record.createdAt],
    ...[JSON.stringify(record.metadata), JSON.stringify(record.warnings), chunks.length, entities.length],
    ...[relations.length, JSON.stringify(record.inventory), JSON.stringify({ entities, mentions })],
  ];
}

function chunkRow(
  record: VersionRecord,
  chunk: StoredChunk,
  [runId, batchNo]: readonly [string, number],
  cutter: WordCutter,
) {
  const heading = chunk.headingPath.join(' > ');
  const { vector, wordCount } = indexedText(cutter, heading, chunk.text);
  return [
    ...[
      record.documentId,
      record.version,
      runId,
      batchNo,
      chunk.chunkId,
      heading,
      chunk.text,
      chunk.ordinal,
      chunk.start,
    ],
    ...[chunk.end, chunk.page, chunk.tokenCount, JSON.stringify(chunk.headingPath), wordCount, vector],
  ];
}

function factRows(record: VersionRecord, runId: string, batchNo: number) {
  return record.relations.map((relation) => [
    ...[relation.relationId, record.documentId, record.version, runId, batchNo, relation.type, relation.subjectId],
    ...[relation.objectId, relation.chunkId, relation.quote, relation.validAt, relation.invalidAt ?? null],
    JSON.stringify(relation.detail ?? {}),
  ]);
}

async function countsOf(url: string, name: string): Promise<Record<string, number>> {
  return asked(url, async (client) => {
    const { rows } = await client.query<Record<string, string>>(
      `SELECT (SELECT count(*) FROM ${name}.document WHERE current_version = 1) AS documents,
         (SELECT count(*) FROM ${name}.version WHERE state = 'current') AS versions, count(*) AS chunks,
         sum(length(text)) AS characters, sum(length(words)) AS words,
         (SELECT sum(words) FROM ${name}.text_total) AS counted, (SELECT count(*) FROM ${name}.fact) AS facts FROM ${name}.chunk`,
    );
    return Object.fromEntries(Object.entries(rows[0]!).map(([key, value]) => [key, Number(value)]));
  });
}

async function sizesOf(url: string, name: string): Promise<Record<string, number>> {
  return asked(url, async (client) => {
    const { rows } = await client.query<{ name: string; bytes: string }>(
      `SELECT relname AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
       WHERE relnamespace = $1::regnamespace AND relkind = 'r' AND relname IN ('chunk', 'version', 'fact')`,
      [name],
    );
    return Object.fromEntries(rows.map(({ name: table, bytes }) => [table, Number(bytes)]));
  });
}

async function drop(url: string, name: string): Promise<void> {
  await asked(url, (client) => client.query(`DROP SCHEMA ${name} CASCADE`));
}

async function asked<Answer>(url: string, ask: (client: pg.Client) => Promise<Answer>): Promise<Answer> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await ask(client);
  } finally {
    await client.end();
  }
}
