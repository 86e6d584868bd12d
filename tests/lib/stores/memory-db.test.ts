import { readFileSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { getLoadablePath } from 'sqlite-vec';
import { expect, test } from 'vitest';
import type { Role } from '../../../lib/contracts/store.ts';
import { type MemoryDb, openMemoryDb } from '../../../lib/stores/memory-db.ts';
import { SqliteRecordsStore } from '../../../lib/stores/records/sqlite.ts';
import { MISREAD, misreadParam } from '../../../lib/stores/records/sqlite-series.ts';
import { deleteByRef, deleteByVersion, VERSIONS, versionsParam } from '../../../lib/stores/rows.ts';
import type { SqlValue } from '../../../lib/support/sql-thread.ts';
import { memorySettings, openStores } from '../../helpers/memory.ts';
import { backToFormat } from '../../helpers/older-memory.ts';
import { collect, expectedTexts, never, pivotOf, recordOf, ref, rowTexts, versionOf } from '../../helpers/records.ts';
import { watchSyncs } from '../../helpers/syncs.ts';

/** Changes a memory behind apex's back. */
function tamper(path: string, sql: string): void {
  const db = new Database(path);
  db.loadExtension(getLoadablePath());
  db.exec(sql);
  db.close();
}

test('a memory keeps its identity, and only its owner reads it', async () => {
  const settings = memorySettings();
  const made = await openMemoryDb(settings);
  await made.sql.close();
  const opened = await openMemoryDb({ ...settings, createMemoryId: () => 'another' });
  expect([made.memoryId, opened.memoryId]).toEqual(['memory-1', 'memory-1']);
  for (const suffix of ['', '-wal', '-shm']) expect(statSync(settings.path + suffix).mode & 0o777).toBe(0o600);
  await opened.sql.close();
});

test('processes that make the same memory at once open one and the same', async () => {
  const settings = memorySettings();
  const ids = ['one', 'two', 'three', 'four'];
  const opened = await Promise.all(ids.map((id) => openMemoryDb({ ...settings, createMemoryId: () => id })));
  expect(new Set(opened.map(({ memoryId }) => memoryId)).size).toBe(1);
  await Promise.all(opened.map(({ sql }) => sql.close()));
});

test('a memory of a newer format is refused', async () => {
  const settings = memorySettings();
  await (await openMemoryDb(settings)).sql.close();
  tamper(settings.path, 'PRAGMA user_version = 99');
  await expect(openMemoryDb(settings)).rejects.toMatchObject({ code: 'NEWER_FORMAT' });
});

/** Rows as every format takes them. */
const ROWS = `
  INSERT INTO entity (entity_id, group_id, type, key, folded_key) VALUES ('e', '', 'Organization', 'acme', 'acme');
  INSERT INTO fact (relation_id, document_id, version, run_id, batch_no, type, subject_id, object_id, chunk_id, quote)
    VALUES ('f', 'a', 1, 'run-1', 1, 'CARRIER_OF', 'e', 'e', 'c', 'q');
  INSERT INTO mention VALUES ('m', 'e', 'c', 'a', 1, 'run-1', 1, 'Acme', 'acme', 0, 4, 'Acme');
  INSERT INTO relation (relation_id, type, subject_id, object_id, chunk_id, document_id, version, run_id, batch_no, quote)
    VALUES ('r', 'CARRIER_OF', 'e', 'e', 'c', 'a', 1, 'run-1', 1, 'q');
  INSERT INTO quarantine (document_id, source, source_uri, content_digest, settings_digest, run_id, code, message, step, retryable, at)
    VALUES ('a', 'local_upload', 'file:///a', 'c', 's', 'run-1', 'CORRUPT', 'damaged', 'parse', 0, '2026')`;

/** Every table, column, index and trigger of a memory, however its statement is spelled. */
async function shapeOf({ sql }: MemoryDb): Promise<unknown[]> {
  const things = await sql.all('SELECT type, name, tbl_name FROM sqlite_master ORDER BY type, name');
  const columns = await sql.all(
    `SELECT m.name AS "table", c.name, c.type, c."notnull", c.dflt_value FROM sqlite_master m, pragma_table_info(m.name) c
     WHERE m.type = 'table' ORDER BY m.name, c.cid`,
  );
  return [things, columns];
}

test.each([3, 2, 1])('a memory of format %i is brought to this one, once, and keeps what it holds', async (format) => {
  const settings = memorySettings();
  const made = await openMemoryDb(settings);
  const shape = await shapeOf(made);
  await made.sql.close();
  tamper(settings.path, backToFormat(format));
  tamper(settings.path, ROWS);
  const opened = await Promise.all([openMemoryDb(settings), openMemoryDb(settings)]);
  for (const memory of opened) {
    const found = await new SqliteRecordsStore(memory).quarantined(['a'], never);
    expect(found).toMatchObject([{ documentId: 'a', group: '', code: 'CORRUPT', at: '2026' }]);
    expect(await new SqliteRecordsStore(memory).withReadings(null, 1, never)).toEqual([]);
    expect(await shapeOf(memory)).toEqual(shape);
    const kept =
      'SELECT relation_id, quote FROM fact UNION SELECT mention_id, quote FROM mention UNION SELECT relation_id, quote FROM relation';
    expect((await memory.sql.all<{ relation_id: string }>(kept)).map(({ relation_id: id }) => id)).toEqual([
      'f',
      'm',
      'r',
    ]);
  }
  await opened[0]!.sql.transaction([{ sql: 'DELETE FROM mention' }], { label: 'test' });
  expect(await opened[0]!.sql.all('SELECT * FROM entity')).toEqual([]);
  for (const memory of opened) await memory.sql.close();
});

test('a database of another program is refused', async () => {
  const settings = memorySettings();
  tamper(settings.path, 'PRAGMA user_version = 1; PRAGMA application_id = 7');
  await expect(openMemoryDb(settings)).rejects.toMatchObject({ code: 'APEX_CONFIG' });
});

test.each([
  { model: 'other', dimensions: 4 },
  { model: 'test', dimensions: 8 },
])('a memory of another embedder is refused: %o', async (embedder) => {
  const settings = memorySettings();
  await (await openMemoryDb(settings)).sql.close();
  await expect(openMemoryDb({ ...settings, embedder })).rejects.toMatchObject({ code: 'EMBEDDER_MISMATCH' });
});

test('nothing of a retired document can be read from the files', async () => {
  const settings = memorySettings();
  const { records, graph, vectors } = await openStores(settings);
  const secret = recordOf('a', { texts: ['zanzibar'], organizations: ['quetzal'], vectors: [[0.12345, 0.6789, 1, 1]] });
  for (const store of [records, graph, vectors]) await store.write(ref('run-1'), [secret, recordOf('b')], never);
  for (const store of [records, graph, vectors]) await store.retire([versionOf(secret)], never);
  const vector = Buffer.from(secret.chunks[0]!.vector.buffer);
  tamper(settings.path, 'PRAGMA wal_checkpoint(TRUNCATE)');
  const bytes = readFileSync(settings.path);
  expect(bytes.includes('steel')).toBe(true);
  expect(['zanzibar', 'quetzal', 'QUETZAL', vector].map((part) => bytes.includes(part))).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

test('the commits that decide are synced: a memory made, a fence given, a pivot; writes before it ride with the pivot', async () => {
  const commits = watchSyncs();
  const { records, graph, vectors } = await openStores();
  const { fence } = await records.openRun({ runId: 'run-1', journalId: 'journal' }, never);
  const record = recordOf('a');
  for (const store of [records, graph, vectors]) await store.write(ref('run-1'), [record], never);
  await records.pivot(pivotOf({ ref: ref('run-1'), fence }, [record]), never);
  expect(commits.map(({ label, synchronous }) => `${label} ${synchronous}`)).toEqual([
    ...[
      'memory.create 2',
      'records.open-run 2',
      'records.write 1',
      'graph.write 1',
      'vectors.write 1',
      'records.pivot 2',
    ],
  ]);
});

/** What the inventories say after a change that apex did not make. */
test.each<[Role, string, string]>([
  ['records', 'a text', "UPDATE chunk SET text = 'other' WHERE ordinal = 1"],
  ['records', 'a chunk that is gone', 'DELETE FROM chunk WHERE ordinal = 1'],
  ['records', 'a title', "UPDATE version SET title = 'other'"],
  ['records', 'a quote', "UPDATE fact SET quote = 'other'"],
  ['graph', 'a title', "UPDATE graph_document SET title = 'other'"],
  ['graph', 'an ordinal', 'UPDATE graph_chunk SET ordinal = 9 WHERE ordinal = 1'],
  ['graph', 'a mention that is gone', 'DELETE FROM mention WHERE mention_id = (SELECT min(mention_id) FROM mention)'],
  ['graph', 'a mention', 'UPDATE mention SET start = 99'],
  ['graph', 'an entity', "UPDATE entity SET key = 'other' WHERE key = 'acme'"],
  ['graph', 'an entity that is gone', "DELETE FROM entity WHERE key = 'acme'"],
  ['graph', 'a relation', "UPDATE relation SET type = 'REFERENCES'"],
  ['vectors', 'a vector that is gone', 'DELETE FROM point_vector WHERE point_row = 1'],
  ['vectors', 'a vector', "UPDATE point_vector SET embedding = '[9, 9, 9, 9]' WHERE point_row = 1"],
])('a planted change shows in the inventory of %s: %s', async (role, _, sql) => {
  const settings = memorySettings();
  const stores = await openStores(settings);
  const store = stores[role as Exclude<Role, 'cache'>];
  const record = recordOf('a', { organizations: ['acme', 'globex'] });
  await store.write(ref('run-1'), [record], never);
  const inventory = async () => rowTexts(await collect(store.inventory([versionOf(record)], never)));
  expect(await inventory()).toEqual(expectedTexts(role, [record]));
  tamper(settings.path, sql);
  expect(await inventory()).not.toEqual(expectedTexts(role, [record]));
});

test('the pivot is one commit for every role: none shows a version before it, or the old one after it', async () => {
  const { records, graph, vectors } = await openStores();
  const { fence } = await records.openRun({ runId: 'run-1', journalId: 'journal' }, never);
  const found = async () => [
    (await records.searchText([{ text: 'steel', isBeginning: false, weight: 1 }], 9, null, never)).map(({ id }) => id),
    (await graph.searchEntities(['acme'], 9, null, never)).map(({ id }) => id),
    (await vectors.search(Float32Array.of(1, 0, 1, 0.5), 9, null, never)).map(({ id }) => id),
  ];
  const commit = async (batchNo: number, baseVersion: number | null) => {
    const [version] = await records.allocate([{ documentId: 'a', uuid: 'u' }], never);
    const record = recordOf('a', { version: version!, texts: ['ACME ships steel'] });
    const before = await found();
    for (const store of [records, graph, vectors]) await store.write(ref('run-1', batchNo), [record], never);
    expect(await found()).toEqual(before);
    await records.pivot(pivotOf({ ref: ref('run-1', batchNo), fence }, [record], baseVersion), never);
    const { chunkId } = record.chunks[0]!;
    expect(await found()).toEqual([[chunkId], [chunkId], [chunkId]]);
  };
  await commit(1, null);
  await commit(2, 1);
  const deletes = [{ documentId: 'a', baseVersion: 2 }];
  await records.pivot(pivotOf({ ref: ref('run-1', 3), fence, deletes }, []), never);
  expect(await found()).toEqual([[], [], []]);
});

test('of two processes that commit the same document at once one loses', async () => {
  const settings = memorySettings();
  const both = await Promise.all([openStores(settings), openStores(settings)]);
  const outcomes = await Promise.all(
    both.map(async ({ records }, index) => {
      const batch = ref(`run-${index}`);
      const { fence } = await records.openRun({ runId: batch.runId, journalId: 'journal' }, never);
      const [version] = await records.allocate([{ documentId: 'a', uuid: 'u' }], never);
      const record = recordOf('a', { version: version! });
      await records.write(batch, [record], never);
      return records.pivot(pivotOf({ ref: batch, fence }, [record]), never);
    }),
  );
  expect(outcomes.map(({ committed, lost }) => committed.length + lost.length)).toEqual([1, 1]);
  expect(outcomes.flatMap(({ committed }) => committed)).toHaveLength(1);
});

test('what a batch asks of the records never scans a table, however much is stored', async () => {
  const memory = await openMemoryDb(memorySettings());
  const asked: [string, readonly SqlValue[]][] = [];
  const all = memory.sql.all.bind(memory.sql);
  memory.sql.all = <Row>(text: string, params: readonly SqlValue[] = []) => {
    asked.push([text, params]);
    return all<Row>(text, params);
  };
  const records = new SqliteRecordsStore(memory);
  await records.current(['a'], never);
  await records.children(['a'], never);
  await records.pivotOutcome(ref('run-1'), never);
  await records.quarantined(['a'], never);
  await records.factsAbout([{ documentId: 'a', version: 1 }], [{ type: 'CARRIER_OF', end: 'object' }], never);
  await records.document('a', never);
  await records.chunks(['a'], never);
  expect(asked.length).toBeGreaterThanOrEqual(7);
  for (const [text, params] of asked) {
    const plan = await all<{ detail: string }>(`EXPLAIN QUERY PLAN ${text}`, params);
    const scans = plan
      .map(({ detail }) => detail)
      .filter((detail) => /^SCAN (?!json_each|t$|a$|touched|about)/.test(detail));
    expect(scans, text).toEqual([]);
  }
  await memory.sql.close();
});

test('what a pivot was made from is looked up by entity and type together, whatever else is said of the entity', async () => {
  const { sql } = await openMemoryDb(memorySettings());
  const plan = await sql.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${MISREAD}`, [misreadParam([])]);
  const found = plan.map(({ detail }) => detail).filter((detail) => detail.includes('fact_by_object'));
  expect(found).toEqual([
    expect.stringContaining('(object_id=? AND type=?)'),
    expect.stringContaining('(object_id=?)'),
  ]);
  await sql.close();
});

test('queries by version and by batch never scan a table', async () => {
  const { sql } = await openMemoryDb(memorySettings());
  const tables = ['version', 'chunk', 'fact', 'graph_document', 'graph_chunk', 'mention', 'relation', 'point'];
  const versions = [{ documentId: 'a', version: 1 }];
  const reads = tables.map((table) => `SELECT * FROM ${table} WHERE (document_id, version) IN ${VERSIONS}`);
  const statements = [
    ...deleteByRef(tables, ref('run-1')),
    ...deleteByVersion(tables, versions),
    ...reads.map((text) => ({ sql: text, params: [versionsParam(versions)] })),
  ];
  for (const { sql: text, params = [] } of statements) {
    const plan = await sql.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${text}`, params);
    const scans = plan
      .map(({ detail }) => detail)
      .filter((detail) => detail.startsWith('SCAN') && !detail.includes('json_each'));
    expect(scans, text).toEqual([]);
  }
  await sql.close();
});
