/** The format of `memory.db`, stored as its `user_version`. A newer one is refused. */
export const MEMORY_FORMAT = 6;

/** Marks the file as apex's: the bytes `apxm`. */
export const MEMORY_APPLICATION_ID = 0x6170786d;

/** Of documents that came in no other: what lies under a place is found without reading all versions. */
const VERSION_BY_PLACE = `CREATE INDEX version_by_place ON version (source_uri, document_id, source, group_id)
  WHERE state = 'current' AND parent_id IS NULL`;

/** By the beginning of the text and its length: chunks with the same text are found without reading all. */
const CHUNK_BY_TEXT = 'CREATE INDEX chunk_by_text ON chunk (substr(text, 1, 32), length(text))';

/** Of documents that their source marks: one of the same bytes is found without reading all versions. */
const VERSION_BY_CONTENT = `CREATE INDEX version_by_content ON version (content_digest)
  WHERE state = 'current' AND parent_id IS NULL AND source_version IS NOT NULL`;

/** Where documents came from that were met in several places. */
const PLACE_TABLES = [
  `CREATE TABLE place (
     document_id TEXT NOT NULL, source_uri TEXT NOT NULL, metadata TEXT NOT NULL, PRIMARY KEY (document_id, source_uri)) WITHOUT ROWID`,
  'CREATE INDEX place_by_uri ON place (source_uri, document_id)',
];

/** What is kept of structured sources beside documents (`series.ts`). */
const SERIES_TABLES = [
  `CREATE TABLE reading (
     document_id TEXT NOT NULL, series TEXT NOT NULL, at TEXT NOT NULL, digest TEXT NOT NULL, mark INTEGER NOT NULL,
     value TEXT NOT NULL, place_key TEXT, run_id TEXT NOT NULL, batch_no INTEGER NOT NULL,
     PRIMARY KEY (document_id, series, at, digest)) WITHOUT ROWID`,
  // How many readings a series has, and the sum of their marks: what is there is compared with it.
  `CREATE TABLE series (
     document_id TEXT NOT NULL, series TEXT NOT NULL, readings INTEGER NOT NULL, marks INTEGER NOT NULL,
     PRIMARY KEY (document_id, series)) WITHOUT ROWID`,
  `CREATE TABLE pivot_series (
     run_id TEXT NOT NULL, batch_no INTEGER NOT NULL, document_id TEXT NOT NULL, result TEXT NOT NULL CHECK (result IN ('done', 'lost')),
     PRIMARY KEY (run_id, batch_no, document_id)) WITHOUT ROWID`,
  `CREATE TABLE stream_cursor (
     source TEXT NOT NULL, stream TEXT NOT NULL, group_id TEXT NOT NULL, value TEXT NOT NULL, previous TEXT, moved_at TEXT NOT NULL,
     run_id TEXT NOT NULL, PRIMARY KEY (source, stream, group_id)) WITHOUT ROWID`,
  `CREATE TABLE rejected (
     id TEXT PRIMARY KEY, source TEXT NOT NULL, stream TEXT, group_id TEXT NOT NULL, source_uri TEXT NOT NULL, place TEXT NOT NULL,
     path TEXT NOT NULL, reason TEXT NOT NULL, raw TEXT NOT NULL, run_id TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID`,
];

// Rows are many and their ids are in no order, so a row lies where it came, and only indexes are in order: within the order of ids a
// batch would change a page for almost every row.

/** What documents state, as records keep it. */
const FACT_TABLES = [
  `CREATE TABLE fact (
     relation_id TEXT NOT NULL, document_id TEXT NOT NULL, version INTEGER NOT NULL, run_id TEXT NOT NULL, batch_no INTEGER NOT NULL,
     type TEXT NOT NULL, subject_id TEXT NOT NULL, object_id TEXT NOT NULL, chunk_id TEXT NOT NULL, quote TEXT NOT NULL, valid_at TEXT,
     stated_until TEXT, detail TEXT NOT NULL DEFAULT '{}')`,
  'CREATE UNIQUE INDEX fact_by_id ON fact (relation_id)',
  'CREATE INDEX fact_by_version ON fact (document_id, version)',
  'CREATE INDEX fact_by_batch ON fact (run_id, batch_no)',
  'CREATE INDEX fact_by_subject ON fact (subject_id, type)',
  'CREATE INDEX fact_by_object ON fact (object_id, type)',
];

/** Where documents speak of entities. */
const MENTION_TABLES = [
  // The readable name stands on the mention: it goes with the document it was read in.
  `CREATE TABLE mention (
     mention_id TEXT NOT NULL, entity_id TEXT NOT NULL, chunk_id TEXT NOT NULL, document_id TEXT NOT NULL, version INTEGER NOT NULL,
     run_id TEXT NOT NULL, batch_no INTEGER NOT NULL, name TEXT NOT NULL, folded_name TEXT NOT NULL,
     start INTEGER NOT NULL, end INTEGER NOT NULL, quote TEXT NOT NULL)`,
  'CREATE UNIQUE INDEX mention_by_version ON mention (document_id, version, mention_id)',
  'CREATE INDEX mention_by_entity ON mention (entity_id)',
  'CREATE INDEX mention_by_chunk ON mention (chunk_id)',
  'CREATE INDEX mention_by_batch ON mention (run_id, batch_no)',
  'CREATE INDEX mention_by_name ON mention (folded_name)',
  `CREATE TRIGGER entity_unmentioned AFTER DELETE ON mention BEGIN
     DELETE FROM entity WHERE entity_id = OLD.entity_id AND NOT EXISTS (SELECT 1 FROM mention WHERE entity_id = OLD.entity_id); END`,
];

/** What documents state, as the graph has it. */
const RELATION_TABLES = [
  `CREATE TABLE relation (
     relation_id TEXT NOT NULL, type TEXT NOT NULL, subject_id TEXT NOT NULL, object_id TEXT NOT NULL, chunk_id TEXT NOT NULL,
     document_id TEXT NOT NULL, version INTEGER NOT NULL, run_id TEXT NOT NULL, batch_no INTEGER NOT NULL,
     quote TEXT NOT NULL, valid_at TEXT, invalid_at TEXT, expired_at TEXT, stated_until TEXT, detail TEXT NOT NULL DEFAULT '{}')`,
  'CREATE UNIQUE INDEX relation_by_id ON relation (relation_id)',
  'CREATE INDEX relation_by_version ON relation (document_id, version)',
  'CREATE INDEX relation_by_batch ON relation (run_id, batch_no)',
  'CREATE INDEX relation_by_subject ON relation (subject_id)',
  'CREATE INDEX relation_by_object ON relation (object_id)',
];

/** Makes a table anew, in the order in which rows come, with the rows that it has. */
function remade(table: string, [create = '', ...others]: readonly string[]): string[] {
  const before = `${table}_before`;
  return [
    `ALTER TABLE ${table} RENAME TO ${before}`,
    create,
    `INSERT INTO ${table} SELECT * FROM ${before}`,
    // With its indexes and triggers, whose names the new ones take.
    `DROP TABLE ${before}`,
    ...others,
  ];
}

/** What makes a memory of the format before into one of this format. */
export const MEMORY_MIGRATIONS: { readonly [format: number]: readonly string[] } = {
  // Before, quarantine was not kept apart by group.
  2: [
    "ALTER TABLE quarantine ADD COLUMN group_id TEXT NOT NULL DEFAULT ''",
    ...[VERSION_BY_PLACE, CHUNK_BY_TEXT].map((sql) => sql.replace('CREATE INDEX', 'CREATE INDEX IF NOT EXISTS')),
  ],
  // Before, nothing but documents was kept, and rows lay in the order of ids that are in none.
  3: [
    'ALTER TABLE fact ADD COLUMN stated_until TEXT',
    "ALTER TABLE fact ADD COLUMN detail TEXT NOT NULL DEFAULT '{}'",
    'ALTER TABLE relation ADD COLUMN stated_until TEXT',
    "ALTER TABLE relation ADD COLUMN detail TEXT NOT NULL DEFAULT '{}'",
    ...remade('fact', FACT_TABLES),
    ...remade('mention', MENTION_TABLES),
    ...remade('relation', RELATION_TABLES),
    'ALTER TABLE entity ADD COLUMN latest TEXT',
    'ALTER TABLE entity ADD COLUMN latest_at TEXT',
    ...SERIES_TABLES,
  ],
  // Before, what a source calls the bytes of a version was not kept, nor that a source has something no more.
  4: [
    'ALTER TABLE version ADD COLUMN source_version TEXT',
    'ALTER TABLE document ADD COLUMN is_gone INTEGER NOT NULL DEFAULT 0',
  ],
  // Before, the same bytes met in two places were two documents.
  5: [...PLACE_TABLES, VERSION_BY_CONTENT],
  // Before, what a source calls the bytes of a document in quarantine was not kept.
  6: ['ALTER TABLE quarantine ADD COLUMN source_version TEXT'],
};

/**
 * The tables of a new `memory.db`.
 *
 * Everything a run writes carries `run_id` and `batch_no`; a discard selects by them alone. Triggers keep what hangs on a row:
 * the full text of a chunk, and an entity as long as something mentions it (mentions of versions still building count).
 */
export function memorySchema(dimensions: number): string[] {
  return [
    'CREATE TABLE memory (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
    `CREATE TABLE run (
       run_id TEXT PRIMARY KEY, journal_id TEXT NOT NULL, fence INTEGER NOT NULL UNIQUE, last_lsn INTEGER NOT NULL) WITHOUT ROWID`,
    // After a delete this row is the tombstone: the number may never be given again.
    `CREATE TABLE document (
       document_id TEXT PRIMARY KEY, uuid TEXT NOT NULL, last_version INTEGER NOT NULL, current_version INTEGER,
       is_gone INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID`,
    `CREATE TABLE version (
       document_id TEXT NOT NULL, version INTEGER NOT NULL,
       state TEXT NOT NULL CHECK (state IN ('building', 'current', 'superseded', 'lost')),
       run_id TEXT NOT NULL, batch_no INTEGER NOT NULL,
       uuid TEXT NOT NULL, group_id TEXT NOT NULL, source TEXT NOT NULL, source_uri TEXT NOT NULL, name TEXT NOT NULL,
       parent_id TEXT, media_type TEXT NOT NULL, bytes INTEGER NOT NULL, content_digest TEXT NOT NULL,
       settings_digest TEXT NOT NULL, stores_digest TEXT NOT NULL, title TEXT, stated_at TEXT, created_at TEXT NOT NULL,
       metadata TEXT NOT NULL, warnings TEXT NOT NULL, chunks INTEGER NOT NULL, entities INTEGER NOT NULL, relations INTEGER NOT NULL,
       inventory TEXT NOT NULL, extraction TEXT NOT NULL, source_version TEXT,
       PRIMARY KEY (document_id, version))`,
    "CREATE UNIQUE INDEX one_current ON version (document_id) WHERE state = 'current'",
    'CREATE INDEX version_by_batch ON version (run_id, batch_no)',
    "CREATE INDEX version_building ON version (run_id, batch_no) WHERE state = 'building'",
    VERSION_BY_PLACE,
    VERSION_BY_CONTENT,
    'CREATE INDEX version_by_parent ON version (parent_id) WHERE parent_id IS NOT NULL',
    `CREATE TABLE chunk (
       chunk_row INTEGER PRIMARY KEY, chunk_id TEXT NOT NULL UNIQUE, document_id TEXT NOT NULL, version INTEGER NOT NULL,
       run_id TEXT NOT NULL, batch_no INTEGER NOT NULL,
       ordinal INTEGER NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
       heading_path TEXT NOT NULL, page INTEGER, token_count INTEGER NOT NULL)`,
    CHUNK_BY_TEXT,
    'CREATE INDEX chunk_by_version ON chunk (document_id, version)',
    'CREATE INDEX chunk_by_batch ON chunk (run_id, batch_no)',
    `CREATE VIRTUAL TABLE chunk_text USING fts5 (
       heading, text, content = 'chunk', content_rowid = 'chunk_row', tokenize = 'unicode61 remove_diacritics 2')`,
    "INSERT INTO chunk_text (chunk_text, rank) VALUES ('secure-delete', 1)",
    `CREATE TRIGGER chunk_text_insert AFTER INSERT ON chunk BEGIN
       INSERT INTO chunk_text (rowid, heading, text) VALUES (NEW.chunk_row, NEW.heading, NEW.text); END`,
    `CREATE TRIGGER chunk_text_delete AFTER DELETE ON chunk BEGIN
       INSERT INTO chunk_text (chunk_text, rowid, heading, text) VALUES ('delete', OLD.chunk_row, OLD.heading, OLD.text); END`,
    ...FACT_TABLES,
    `CREATE TABLE pivot (
       run_id TEXT NOT NULL, batch_no INTEGER NOT NULL, fence INTEGER NOT NULL, lsn INTEGER NOT NULL,
       is_finished INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (run_id, batch_no)) WITHOUT ROWID`,
    'CREATE INDEX pivot_unfinished ON pivot (run_id, batch_no) WHERE is_finished = 0',
    // What a pivot was asked and did, document by document: a doubted pivot is answered from here.
    `CREATE TABLE pivot_item (
       run_id TEXT NOT NULL, batch_no INTEGER NOT NULL, document_id TEXT NOT NULL, version INTEGER, base_version INTEGER,
       result TEXT CHECK (result IN ('done', 'lost')), PRIMARY KEY (run_id, batch_no, document_id)) WITHOUT ROWID`,
    `CREATE TABLE quarantine (
       document_id TEXT PRIMARY KEY, source TEXT NOT NULL, source_uri TEXT NOT NULL, content_digest TEXT NOT NULL,
       settings_digest TEXT NOT NULL, run_id TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, step TEXT NOT NULL,
       retryable INTEGER NOT NULL, at TEXT NOT NULL, group_id TEXT NOT NULL DEFAULT '', source_version TEXT) WITHOUT ROWID`,
    ...SERIES_TABLES,
    ...PLACE_TABLES,

    `CREATE TABLE graph_document (
       document_id TEXT NOT NULL, version INTEGER NOT NULL, run_id TEXT NOT NULL, batch_no INTEGER NOT NULL, is_live INTEGER NOT NULL,
       uuid TEXT NOT NULL, group_id TEXT NOT NULL, source TEXT NOT NULL, source_uri TEXT NOT NULL, name TEXT NOT NULL,
       parent_id TEXT, media_type TEXT NOT NULL, content_digest TEXT NOT NULL, title TEXT, stated_at TEXT,
       PRIMARY KEY (document_id, version)) WITHOUT ROWID`,
    'CREATE INDEX graph_document_by_batch ON graph_document (run_id, batch_no)',
    `CREATE TABLE graph_chunk (
       chunk_id TEXT PRIMARY KEY, document_id TEXT NOT NULL, version INTEGER NOT NULL, run_id TEXT NOT NULL, batch_no INTEGER NOT NULL,
       ordinal INTEGER NOT NULL) WITHOUT ROWID`,
    'CREATE INDEX graph_chunk_by_version ON graph_chunk (document_id, version)',
    'CREATE INDEX graph_chunk_by_batch ON graph_chunk (run_id, batch_no)',
    'CREATE TABLE entity (entity_id TEXT PRIMARY KEY, group_id TEXT NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL, folded_key TEXT NOT NULL, latest TEXT, latest_at TEXT) WITHOUT ROWID',
    'CREATE INDEX entity_by_key ON entity (folded_key)',
    ...MENTION_TABLES,
    ...RELATION_TABLES,

    `CREATE TABLE point (
       point_row INTEGER PRIMARY KEY, chunk_id TEXT NOT NULL UNIQUE, document_id TEXT NOT NULL, version INTEGER NOT NULL,
       run_id TEXT NOT NULL, batch_no INTEGER NOT NULL, is_live INTEGER NOT NULL DEFAULT 0)`,
    'CREATE INDEX point_by_version ON point (document_id, version)',
    'CREATE INDEX point_by_batch ON point (run_id, batch_no)',
    `CREATE VIRTUAL TABLE point_vector USING vec0 (
       point_row INTEGER PRIMARY KEY, is_live INTEGER, group_id TEXT, embedding float[${dimensions}] distance_metric=cosine)`,
    // vec0 finds a row by its key alone, so the rows of a version are changed and removed one by one through the table beside it.
    `CREATE TRIGGER point_live AFTER UPDATE OF is_live ON point BEGIN
       UPDATE point_vector SET is_live = NEW.is_live WHERE point_row = NEW.point_row; END`,
    `CREATE TRIGGER point_delete AFTER DELETE ON point BEGIN
       DELETE FROM point_vector WHERE point_row = OLD.point_row; END`,
    // The pivot is one commit for every role that is kept here: no reader ever sees one of them ahead of the others.
    `CREATE TRIGGER document_live AFTER UPDATE OF current_version ON document BEGIN
       UPDATE graph_document SET is_live = (version IS NEW.current_version) WHERE document_id = NEW.document_id;
       UPDATE point SET is_live = (version IS NEW.current_version)
         WHERE document_id = NEW.document_id AND is_live <> (version IS NEW.current_version); END`,

    'CREATE TABLE cache (key TEXT PRIMARY KEY, value BLOB NOT NULL, document_id TEXT, version INTEGER)',
    'CREATE INDEX cache_by_version ON cache (document_id, version) WHERE document_id IS NOT NULL',
  ];
}
