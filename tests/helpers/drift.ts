import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { afterAll, expect } from 'vitest';
import { onMemory } from './case.ts';
import { apex, newFolder } from './program.ts';

/** What can be wrong in a memory, one thing a case, and a sound memory to plant it in. */

export const DOCUMENTS = {
  'load.md':
    '# Load LD-700001\n\nDate: January 10, 2026\n\nLoad number: LD-700001\nCarrier: Farrow Freight LLC\nShipper: Tarrow Foods Inc\n\n## Notes\n\nThe dock is narrow.\n',
  'change.txt': 'Date: January 20, 2026\n\nLoad number: LD-700001\nCarrier: Brightwater Trucking Inc\n',
  'mail.eml':
    'From: Dana Reyes <dana@tarrow.example>\nTo: ops@farrow.example\nSubject: LD-700001\nDate: Mon, 12 Jan 2026 09:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nLoad LD-700001 leaves today.\n--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a.txt"\n\nBOL number: BOL-880001\n--b--\n',
};

/** A memory in which load.md has its second version, and nothing is wrong; copies of it to plant something in. */
export async function openDrift(name: string) {
  const root = newFolder(name);
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const home = join(root, 'sound');
  const documents = join(root, 'documents');
  mkdirSync(documents);
  for (const [file, text] of Object.entries(DOCUMENTS)) writeFileSync(join(documents, file), text);
  writeFileSync(join(documents, 'load.md'), 'An older text.\n');
  await apex(['ingest', documents], { home });
  writeFileSync(join(documents, 'load.md'), DOCUMENTS['load.md']);
  await apex(['ingest', documents], { home });
  const { lines } = await apex(['documents', 'list', '--json'], { home });
  const found = lines.find(({ source_uri }) => String(source_uri).endsWith('/load.md'));
  expect(found).toMatchObject({ version: 2, entities: expect.any(Number) });
  const load = String(found!['document_id']);
  let copies = 0;
  return {
    home,
    documents,
    load,
    /** A copy of the sound memory with something planted in it. */
    planted: (plant: Plant): string => {
      copies += 1;
      const copy = join(root, `copy-${copies}`);
      cpSync(home, copy, { recursive: true });
      onMemory(copy, (db) => {
        if (typeof plant !== 'string') plant(db, load);
        else db.exec(plant.replaceAll('$load', load));
      });
      return copy;
    },
  };
}

/** Statements, or a function of the memory and the id of load.md, for which `$load` stands in statements. */
export type Plant = string | ((db: Database.Database, load: string) => void);

const OF_LOAD = "WHERE document_id = '$load'";

/** One row of a table that belongs to load.md. */
const one = (table: string, key: string) => `WHERE ${key} = (SELECT min(${key}) FROM ${table} ${OF_LOAD})`;

/** Copies one row of load.md with other values in some columns. */
export function copyOf(table: string, changes: Readonly<Record<string, string>>): Plant {
  return (db, load) => {
    const columns = (db.pragma(`table_info(${table})`) as { name: string; pk: number }[]).map(({ name }) => name);
    const kept = columns.filter((name) => changes[name] !== 'NONE');
    const values = kept.map((name) => changes[name] ?? name);
    db.exec(
      `INSERT INTO ${table} (${kept.join(', ')}) SELECT ${values.join(', ')} FROM ${table} WHERE document_id = '${load}' LIMIT 1`,
    );
  };
}

type Expected = readonly [role: string, kind: string, problem: string, of: 'load' | 'ghost' | 'bytes' | 'none'];
export type Case = readonly [name: string, plant: Plant, ...expected: Expected];

const GHOST = { document_id: "'ghost'", version: '1' };
const OLD = { version: '1' };

/** One row of load.md in a table is changed, column by column. */
function changed(
  what: string,
  table: string,
  [role, kind]: readonly [string, string],
  changes: readonly string[],
): Case[] {
  const key = KEYS[table];
  const where = key === undefined ? OF_LOAD : one(table, key);
  return changes.map((change) => [
    `${what} whose ${change}`,
    `UPDATE ${table} SET ${change} ${where}`,
    role,
    kind,
    'changed',
    'load',
  ]);
}

const KEYS: { readonly [table: string]: string } = {
  ...{
    chunk: 'chunk_id',
    fact: 'relation_id',
    graph_chunk: 'chunk_id',
    mention: 'mention_id',
    relation: 'relation_id',
  },
};

const TABLES = ['version', 'chunk', 'fact', 'graph_document', 'graph_chunk', 'mention', 'relation', 'point'];
const LOST_ROW = `INSERT INTO chunk_text (chunk_text, rowid, heading, text)
  SELECT 'delete', chunk_row, heading, text FROM chunk ${one('chunk', 'chunk_id')}`;
const OTHER_WORDS = `INSERT INTO chunk_text (rowid, heading, text)
  SELECT chunk_row, heading, 'other ' || text FROM chunk ${one('chunk', 'chunk_id')}`;
const OTHER_VECTOR =
  'embedding = (SELECT embedding FROM point_vector WHERE point_row = (SELECT max(point_row) FROM point))';
const IS_CLOSED = `${OF_LOAD} AND invalid_at IS NOT NULL`;

/** A document of which only its id is left: nothing in the memory tells where it came from. */
export const HOLLOW = TABLES.map((table) => `DELETE FROM ${table} ${OF_LOAD}`).join('; ');

const RECORDS: readonly Case[] = [
  ['a version that is gone', `DELETE FROM version ${OF_LOAD}`, 'records', 'document', 'missing', 'load'],
  [
    'a version that bears another’s id',
    `UPDATE version SET document_id = 'ghost' ${OF_LOAD}`,
    ...(['records', 'document', 'extra', 'ghost'] as const),
  ],
  ['an old version', copyOf('version', { ...OLD, state: "'superseded'" }), 'records', 'document', 'extra', 'load'],
  ['a ghost’s version', copyOf('version', { ...GHOST, state: "'lost'" }), 'records', 'document', 'extra', 'ghost'],
  [
    'a current version that is not marked as current',
    `UPDATE version SET state = 'superseded' ${OF_LOAD}`,
    ...(['records', 'document', 'stale', 'load'] as const),
  ],
  [
    'a version marked as current of a document that has none',
    `UPDATE document SET current_version = NULL ${OF_LOAD}`,
    ...(['records', 'document', 'extra', 'load'] as const),
  ],
  ['a document whose row is gone', `DELETE FROM document ${OF_LOAD}`, 'records', 'document', 'extra', 'load'],
  [
    'a version number that would be given again',
    `UPDATE document SET last_version = 1 ${OF_LOAD}`,
    ...(['records', 'document', 'changed', 'load'] as const),
  ],
  [
    'a document that bears another’s UUID',
    `UPDATE document SET uuid = 'x' ${OF_LOAD}`,
    ...(['records', 'document', 'changed', 'load'] as const),
  ],
  ...changed(
    'a version',
    'version',
    ['records', 'document'],
    [
      ...[
        "uuid = 'x'",
        "group_id = 'x'",
        "source = 'x'",
        "source_uri = 'x'",
        "name = 'x'",
        "parent_id = 'x'",
        'bytes = 1',
      ],
      ...["media_type = 'x'", "content_digest = 'x'", "settings_digest = 'x'", "stores_digest = 'x'", "title = 'x'"],
      ...["stated_at = 'x'", "created_at = 'x'", `metadata = '{"x":1}'`, "metadata = 'no JSON'", `warnings = '[1]'`],
      ...['chunks = 9', 'entities = 9', 'relations = 9', "extraction = '{}'"],
    ],
  ),
  ['a damaged inventory', `UPDATE version SET inventory = '{' ${OF_LOAD}`, 'records', 'document', 'missing', 'load'],
  ['a lost chunk', `DELETE FROM chunk ${one('chunk', 'chunk_id')}`, 'records', 'chunk', 'missing', 'load'],
  ['a chunk too many', copyOf('chunk', { chunk_row: 'NONE', chunk_id: "'x'" }), 'records', 'chunk', 'extra', 'load'],
  [
    'an old version’s chunk',
    copyOf('chunk', { ...OLD, chunk_row: 'NONE', chunk_id: "'x'" }),
    ...(['records', 'document', 'extra', 'load'] as const),
  ],
  [
    'a ghost’s chunk',
    copyOf('chunk', { ...GHOST, chunk_row: 'NONE', chunk_id: "'x'" }),
    ...(['records', 'document', 'extra', 'ghost'] as const),
  ],
  ...changed(
    'a chunk',
    'chunk',
    ['records', 'chunk'],
    [
      ...['ordinal = 9', "heading = 'x'", "text = 'x'", 'start = 9', 'end = 9', "heading_path = '[]'"],
      ...["heading_path = 'no JSON'", 'page = 9', 'token_count = 999'],
    ],
  ),
  ['full text that lost a row', LOST_ROW, 'records', 'text', 'missing', 'load'],
  [
    'full text of no chunk',
    "INSERT INTO chunk_text (rowid, heading, text) VALUES (999999, '', 'deleted long ago')",
    ...(['records', 'text', 'extra', 'none'] as const),
  ],
  ['full text of other words', `${LOST_ROW}; ${OTHER_WORDS}`, 'records', 'text', 'changed', 'none'],
  ['a lost fact', `DELETE FROM fact ${one('fact', 'relation_id')}`, 'records', 'relation', 'missing', 'load'],
  ['a fact too many', copyOf('fact', { relation_id: "'x'" }), 'records', 'relation', 'extra', 'load'],
  ['an old version’s fact', copyOf('fact', { ...OLD, relation_id: "'x'" }), 'records', 'document', 'extra', 'load'],
  ['a ghost’s fact', copyOf('fact', { ...GHOST, relation_id: "'x'" }), 'records', 'document', 'extra', 'ghost'],
  [
    'a fact of a ghost whose id is bytes',
    copyOf('fact', { ...GHOST, document_id: "x'67686f7374'", relation_id: "'x'" }),
    ...(['records', 'document', 'extra', 'bytes'] as const),
  ],
  ...changed(
    'a fact',
    'fact',
    ['records', 'relation'],
    [
      ...[
        "type = 'x'",
        "subject_id = 'x'",
        "object_id = 'x'",
        "chunk_id = 'x'",
        "quote = 'x'",
        "valid_at = '2020-01-01'",
      ],
    ],
  ),
];

const GRAPH: readonly Case[] = [
  ['a lost document in the graph', `DELETE FROM graph_document ${OF_LOAD}`, 'graph', 'document', 'missing', 'load'],
  [
    'an old version in the graph',
    copyOf('graph_document', { ...OLD, is_live: '0' }),
    ...(['graph', 'document', 'extra', 'load'] as const),
  ],
  [
    'an old version that the graph still shows',
    copyOf('graph_document', { ...OLD, is_live: '1' }),
    ...(['graph', 'document', 'extra', 'load'] as const),
  ],
  [
    'a current version that the graph does not show',
    `UPDATE graph_document SET is_live = 0 ${OF_LOAD}`,
    ...(['graph', 'document', 'stale', 'load'] as const),
  ],
  ['a ghost’s document in the graph', copyOf('graph_document', GHOST), 'graph', 'document', 'extra', 'ghost'],
  ...changed(
    'a document in the graph',
    'graph_document',
    ['graph', 'document'],
    [
      ...["uuid = 'x'", "group_id = 'x'", "source = 'x'", "source_uri = 'x'", "name = 'x'", "parent_id = 'x'"],
      ...["media_type = 'x'", "content_digest = 'x'", "title = 'x'", "stated_at = 'x'"],
    ],
  ),
  [
    'a lost chunk in the graph',
    `DELETE FROM graph_chunk ${one('graph_chunk', 'chunk_id')}`,
    ...(['graph', 'chunk', 'missing', 'load'] as const),
  ],
  ['a chunk too many in the graph', copyOf('graph_chunk', { chunk_id: "'x'" }), 'graph', 'chunk', 'extra', 'load'],
  [
    'a ghost’s chunk in the graph',
    copyOf('graph_chunk', { ...GHOST, chunk_id: "'x'" }),
    'graph',
    'document',
    'extra',
    'ghost',
  ],
  ...changed('a chunk in the graph', 'graph_chunk', ['graph', 'chunk'], ['ordinal = 9']),
  [
    'a lost entity',
    `DELETE FROM entity WHERE entity_id IN (SELECT entity_id FROM mention ${OF_LOAD})`,
    ...(['graph', 'entity', 'missing', 'load'] as const),
  ],
  [
    'an entity that nothing mentions',
    "INSERT INTO entity (entity_id, group_id, type, key, folded_key) VALUES ('stray', '', 'Load', 'LD-1', 'ld-1')",
    ...(['graph', 'entity', 'extra', 'none'] as const),
  ],
  ...["type = 'Vin'", "key = 'x'", "key = x'4142'", "folded_key = 'x'", "group_id = 'x'"].map(
    (change): Case => [
      `an entity whose ${change}`,
      `UPDATE entity SET ${change} WHERE entity_id = (SELECT min(entity_id) FROM mention ${OF_LOAD})`,
      ...(['graph', 'entity', 'changed', 'load'] as const),
    ],
  ),
  ['a lost mention', `DELETE FROM mention ${one('mention', 'mention_id')}`, 'graph', 'mention', 'missing', 'load'],
  ['a mention too many', copyOf('mention', { mention_id: "'x'" }), 'graph', 'mention', 'extra', 'load'],
  ['a ghost’s mention', copyOf('mention', { ...GHOST, mention_id: "'x'" }), 'graph', 'document', 'extra', 'ghost'],
  ...changed(
    'a mention',
    'mention',
    ['graph', 'mention'],
    [
      ...[
        "chunk_id = 'x'",
        "name = 'x'",
        "name = 'x', folded_name = 'x'",
        "folded_name = 'x'",
        'start = 999',
        'end = 999',
        "quote = 'x'",
      ],
    ],
  ),
  ['a lost relation', `DELETE FROM relation ${one('relation', 'relation_id')}`, 'graph', 'relation', 'missing', 'load'],
  ['a relation too many', copyOf('relation', { relation_id: "'x'" }), 'graph', 'relation', 'extra', 'load'],
  ['a ghost’s relation', copyOf('relation', { ...GHOST, relation_id: "'x'" }), 'graph', 'document', 'extra', 'ghost'],
  ...changed(
    'a relation',
    'relation',
    ['graph', 'relation'],
    [
      ...[
        "type = 'x'",
        "subject_id = 'x'",
        "object_id = 'x'",
        "chunk_id = 'x'",
        "quote = 'x'",
        "valid_at = '2020-01-01'",
      ],
    ],
  ),
  ...[
    ['is not written', `invalid_at = NULL, expired_at = NULL ${IS_CLOSED}`],
    ['stands at another time', `invalid_at = '2026-01-21' ${IS_CLOSED}`],
    ['was learned at another time', `expired_at = '2020-01-01T00:00:00.000Z' ${IS_CLOSED}`],
    ['should not be there', `invalid_at = '2026-01-21' ${OF_LOAD} AND invalid_at IS NULL`],
  ].map(
    ([name, change]): Case => [
      `an end of a fact that ${name}`,
      `UPDATE relation SET ${change}`,
      ...(['graph', 'closing', 'stale', 'load'] as const),
    ],
  ),
];

const VECTORS: readonly Case[] = [
  ['a lost point', `DELETE FROM point ${one('point', 'chunk_id')}`, 'vectors', 'point', 'missing', 'load'],
  [
    'a lost vector',
    `DELETE FROM point_vector WHERE point_row = (SELECT min(point_row) FROM point ${OF_LOAD})`,
    ...(['vectors', 'point', 'changed', 'load'] as const),
  ],
  [
    'a point too many, without a vector',
    copyOf('point', { point_row: 'NONE', chunk_id: "'x'" }),
    ...(['vectors', 'point', 'extra', 'load'] as const),
  ],
  ['a point too many', (db, load) => addPoint(db, `'${load}', 2, 1`), 'vectors', 'point', 'extra', 'load'],
  ['an old version’s point', (db, load) => addPoint(db, `'${load}', 1, 0`), 'vectors', 'document', 'extra', 'load'],
  [
    'an old version’s point that search still finds',
    (db, load) => addPoint(db, `'${load}', 1, 1`),
    ...(['vectors', 'document', 'extra', 'load'] as const),
  ],
  ['a ghost’s point', (db) => addPoint(db, "'ghost', 1, 0"), 'vectors', 'document', 'extra', 'ghost'],
  [
    'a vector without its point',
    (db) => {
      addPoint(db, "'ghost', 1, 0");
      withoutTrigger(db, 'point_delete', "DELETE FROM point WHERE chunk_id = 'planted'");
    },
    ...(['vectors', 'point', 'extra', 'none'] as const),
  ],
  ['points that search does not find', `UPDATE point SET is_live = 0 ${OF_LOAD}`, 'vectors', 'point', 'stale', 'load'],
  [
    'a mark beside the vector that is not that in the index',
    (db, load) => withoutTrigger(db, 'point_live', `UPDATE point SET is_live = 0 ${OF_LOAD}`.replaceAll('$load', load)),
    ...(['vectors', 'point', 'changed', 'load'] as const),
  ],
  ...['is_live = 0', "group_id = 'x'", OTHER_VECTOR].map(
    (change): Case => [
      `a vector whose ${change.slice(0, 16)}`,
      `UPDATE point_vector SET ${change} WHERE point_row = (SELECT min(point_row) FROM point ${OF_LOAD})`,
      ...(['vectors', 'point', 'changed', 'load'] as const),
    ],
  ),
];

const CACHE: readonly Case[] = [
  ['a summary that is none', `UPDATE cache SET value = x'7b7d' ${OF_LOAD}`, 'cache', 'summary', 'changed', 'load'],
  [
    'a wrong summary that does not say whose it is',
    `UPDATE cache SET value = x'7b7d', document_id = NULL ${OF_LOAD}`,
    ...(['cache', 'summary', 'changed', 'load'] as const),
  ],
  ['an old version’s summary', `UPDATE cache SET version = 1 ${OF_LOAD}`, 'cache', 'summary', 'stale', 'load'],
  [
    'a ghost’s summary',
    "INSERT INTO cache VALUES ('summary:x:ghost:v1', x'7b7d', 'ghost', 1)",
    ...(['cache', 'summary', 'stale', 'ghost'] as const),
  ],
  ['embeddings of other texts', exchangeEmbeddings, 'cache', 'embedding', 'changed', 'load'],
  [
    'embeddings that are cut off',
    "UPDATE cache SET value = substr(value, 1, 400) WHERE key LIKE 'embedding:%'",
    ...(['cache', 'embedding', 'changed', 'load'] as const),
  ],
];

/** Adds a point with a vector. @param values document, version and live mark. */
function addPoint(db: Database.Database, values: string): void {
  db.exec(
    `INSERT INTO point (document_id, version, is_live, chunk_id, run_id, batch_no) VALUES (${values}, 'planted', 'run', 1)`,
  );
  db.exec(`INSERT INTO point_vector (point_row, is_live, group_id, embedding)
    SELECT point_row, is_live, '', (SELECT embedding FROM point_vector LIMIT 1) FROM point WHERE chunk_id = 'planted'`);
}

/** Runs a statement as if a trigger were not there. */
function withoutTrigger(db: Database.Database, name: string, sql: string): void {
  const trigger = db.prepare('SELECT sql FROM sqlite_schema WHERE name = ?').pluck().get(name) as string;
  db.exec(`DROP TRIGGER ${name}; ${sql}; ${trigger}`);
}

/** Gives every text the embedding of the next. */
function exchangeEmbeddings(db: Database.Database): void {
  const rows = embeddings(db);
  const set = db.prepare('UPDATE cache SET value = ? WHERE key = ?');
  for (const [index, { key }] of rows.entries()) set.run(rows[(index + 1) % rows.length]!.value, key);
}

/** Changes every float a little, as another answer of the same provider would. */
export function blurEmbeddings(db: Database.Database): void {
  for (const { key, value } of embeddings(db)) {
    const floats = new Float32Array(new Uint8Array(value).buffer).map((float) => float * 1.001 + 0.0001);
    db.prepare('UPDATE cache SET value = ? WHERE key = ?').run(Buffer.from(floats.buffer), key);
  }
}

function embeddings(db: Database.Database): { key: string; value: Buffer }[] {
  const sql = "SELECT key, value FROM cache WHERE key LIKE 'embedding:%' ORDER BY key";
  return db.prepare(sql).all() as { key: string; value: Buffer }[];
}

/** Every case. */
export const DRIFT: readonly Case[] = [...RECORDS, ...GRAPH, ...VECTORS, ...CACHE];
