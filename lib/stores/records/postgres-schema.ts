/** A format of apex's tables in PostgreSQL, and how tables of older ones become it. */
export interface PostgresFormat {
  /** Kept in the table `memory`. A newer one is refused. */
  readonly number: number;
  /** By number, what makes tables of the format before into those of this one; `@` stands for the schema and a full stop. */
  readonly migrations: { readonly [format: number]: readonly string[] };
}

/** Compared and sorted byte by byte, whatever the database's language: as everywhere else in apex. */
const TEXT = 'text COLLATE "C"';

/** What a place is found by: an index takes no more than 2,704 bytes, and places may be longer. */
export const PLACE_CHARACTERS = 500;

/** Where documents came from that were met in several places. */
const PLACE_TABLE = `document_id ${TEXT} NOT NULL, source_uri ${TEXT} NOT NULL, metadata jsonb NOT NULL`;

const PLACE_INDEXES: { readonly [index: string]: string } = {
  // Several places of one document are few, so a digest of a location tells them apart: locations may be longer than an index takes.
  place_of_document: 'UNIQUE INDEX place_of_document ON @place (document_id, md5(source_uri))',
  place_by_uri: `INDEX place_by_uri ON @place (left(source_uri, ${PLACE_CHARACTERS}), document_id)`,
  // Of documents that their source marks: one of the same bytes is found without reading all versions.
  version_by_content: `INDEX version_by_content ON @version (content_digest)
    WHERE state = 'current' AND parent_id IS NULL AND source_version IS NOT NULL`,
};

/** What is kept of structured sources beside documents (`series.ts`). */
const SERIES_TABLES: { readonly [table: string]: string } = {
  reading: `document_id ${TEXT} NOT NULL, series ${TEXT} NOT NULL, at ${TEXT} NOT NULL, digest ${TEXT} NOT NULL, mark bigint NOT NULL,
    value jsonb NOT NULL, place_key ${TEXT}, run_id ${TEXT} NOT NULL, batch_no integer NOT NULL,
    PRIMARY KEY (document_id, series, at, digest)`,
  // How many readings a series has, and the sum of their marks: what is there is compared with it.
  series: `document_id ${TEXT} NOT NULL, series ${TEXT} NOT NULL, readings bigint NOT NULL, marks bigint NOT NULL,
    PRIMARY KEY (document_id, series)`,
  pivot_series: `run_id ${TEXT} NOT NULL, batch_no integer NOT NULL, document_id ${TEXT} NOT NULL,
    result ${TEXT} NOT NULL CHECK (result IN ('done', 'lost')), PRIMARY KEY (run_id, batch_no, document_id)`,
  stream_cursor: `source ${TEXT} NOT NULL, stream ${TEXT} NOT NULL, group_id ${TEXT} NOT NULL, value ${TEXT} NOT NULL, previous ${TEXT},
    moved_at ${TEXT} NOT NULL, run_id ${TEXT} NOT NULL, PRIMARY KEY (source, stream, group_id)`,
  rejected: `id ${TEXT} PRIMARY KEY, source ${TEXT} NOT NULL, stream ${TEXT}, group_id ${TEXT} NOT NULL, source_uri ${TEXT} NOT NULL,
    place ${TEXT} NOT NULL, path ${TEXT} NOT NULL, reason ${TEXT} NOT NULL, raw ${TEXT} NOT NULL, run_id ${TEXT} NOT NULL, at ${TEXT} NOT NULL`,
};

export const POSTGRES_FORMAT: PostgresFormat = {
  number: 5,
  migrations: {
    // Before, nothing but documents was kept.
    2: [
      `ALTER TABLE @fact ADD COLUMN stated_until ${TEXT}, ADD COLUMN detail json NOT NULL DEFAULT '{}'`,
      ...Object.entries(SERIES_TABLES).map(([name, columns]) => `CREATE TABLE @${name} (${columns})`),
    ],
    // Before, what a source calls the bytes of a version was not kept, nor that a source has something no more.
    3: [
      `ALTER TABLE @version ADD COLUMN source_version ${TEXT}`,
      'ALTER TABLE @document ADD COLUMN is_gone boolean NOT NULL DEFAULT false',
    ],
    // Before, the same bytes met in two places were two documents.
    4: [`CREATE TABLE @place (${PLACE_TABLE})`, ...Object.values(PLACE_INDEXES).map((sql) => `CREATE ${sql}`)],
    // Before, what a source calls the bytes of a document in quarantine was not kept.
    5: [`ALTER TABLE @quarantine ADD COLUMN source_version ${TEXT}`],
  },
};

/** Every table, then its indexes, by name. */
const TABLES: { readonly [table: string]: string } = {
  memory: `name ${TEXT} PRIMARY KEY, value ${TEXT} NOT NULL`,
  // By the database's clock, so that several machines agree on whose a run is.
  run: `run_id ${TEXT} PRIMARY KEY, journal_id ${TEXT} NOT NULL, fence bigint NOT NULL UNIQUE, last_lsn bigint NOT NULL,
    host ${TEXT} NOT NULL, lease_until timestamptz`,
  // After a delete this row is the tombstone: the number may never be given again.
  document: `document_id ${TEXT} PRIMARY KEY, uuid ${TEXT} NOT NULL, last_version integer NOT NULL, current_version integer,
    is_gone boolean NOT NULL DEFAULT false`,
  version: `document_id ${TEXT} NOT NULL, version integer NOT NULL,
    state ${TEXT} NOT NULL CHECK (state IN ('building', 'current', 'superseded', 'lost')),
    run_id ${TEXT} NOT NULL, batch_no integer NOT NULL, lsn bigint NOT NULL,
    uuid ${TEXT} NOT NULL, group_id ${TEXT} NOT NULL, source ${TEXT} NOT NULL, source_uri ${TEXT} NOT NULL, name ${TEXT} NOT NULL,
    parent_id ${TEXT}, media_type ${TEXT} NOT NULL, bytes bigint NOT NULL, content_digest ${TEXT} NOT NULL,
    settings_digest ${TEXT} NOT NULL, stores_digest ${TEXT} NOT NULL, title ${TEXT}, stated_at ${TEXT}, created_at ${TEXT} NOT NULL,
    metadata jsonb NOT NULL, warnings json NOT NULL, chunks integer NOT NULL, entities integer NOT NULL, relations integer NOT NULL,
    inventory json NOT NULL, extraction json NOT NULL, source_version ${TEXT},
    PRIMARY KEY (document_id, version)`,
  chunk: `chunk_row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, chunk_id ${TEXT} NOT NULL UNIQUE,
    document_id ${TEXT} NOT NULL, version integer NOT NULL, run_id ${TEXT} NOT NULL, batch_no integer NOT NULL,
    ordinal integer NOT NULL, heading ${TEXT} NOT NULL, text ${TEXT} NOT NULL, start_offset integer NOT NULL, end_offset integer NOT NULL,
    heading_path json NOT NULL, page integer, token_count integer NOT NULL, words tsvector, word_count integer NOT NULL`,
  // How many chunks and words there are is the sum of these rows: one that all writers changed would make them wait for each other.
  text_total: 'entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, chunks bigint NOT NULL, words bigint NOT NULL',
  fact: `relation_id ${TEXT} PRIMARY KEY, document_id ${TEXT} NOT NULL, version integer NOT NULL,
    run_id ${TEXT} NOT NULL, batch_no integer NOT NULL,
    type ${TEXT} NOT NULL, subject_id ${TEXT} NOT NULL, object_id ${TEXT} NOT NULL, chunk_id ${TEXT} NOT NULL, quote ${TEXT} NOT NULL,
    valid_at ${TEXT}, stated_until ${TEXT}, detail json NOT NULL DEFAULT '{}'`,
  // Answers whether a commit whose answer was lost happened, and what is still to follow from it.
  pivot: `run_id ${TEXT} NOT NULL, batch_no integer NOT NULL, fence bigint NOT NULL, lsn bigint NOT NULL,
    is_finished boolean NOT NULL DEFAULT false, PRIMARY KEY (run_id, batch_no)`,
  // What a pivot was asked and did, document by document.
  pivot_item: `run_id ${TEXT} NOT NULL, batch_no integer NOT NULL, document_id ${TEXT} NOT NULL, version integer, base_version integer,
    result ${TEXT} CHECK (result IN ('done', 'lost')), PRIMARY KEY (run_id, batch_no, document_id)`,
  quarantine: `document_id ${TEXT} PRIMARY KEY, source ${TEXT} NOT NULL, source_uri ${TEXT} NOT NULL, content_digest ${TEXT} NOT NULL,
    settings_digest ${TEXT} NOT NULL, run_id ${TEXT} NOT NULL, code ${TEXT} NOT NULL, message ${TEXT} NOT NULL, step ${TEXT} NOT NULL,
    retryable boolean NOT NULL, at ${TEXT} NOT NULL, group_id ${TEXT} NOT NULL, source_version ${TEXT}`,
  ...SERIES_TABLES,
  place: PLACE_TABLE,
};

/**
 * Everything after `CREATE`, by the index's name; `@` stands for the schema and a full stop. What is counted over all chunks stands in
 * an index: the chunks themselves are many times larger.
 */
const INDEXES: { readonly [index: string]: string } = {
  one_current: "UNIQUE INDEX one_current ON @version (document_id) WHERE state = 'current'",
  version_by_batch: 'INDEX version_by_batch ON @version (run_id, batch_no)',
  version_building: "INDEX version_building ON @version (run_id, batch_no) WHERE state = 'building'",
  version_by_place: `INDEX version_by_place ON @version (left(source_uri, ${PLACE_CHARACTERS}), document_id)
    WHERE state = 'current' AND parent_id IS NULL`,
  version_by_parent: 'INDEX version_by_parent ON @version (parent_id) WHERE parent_id IS NOT NULL',
  chunk_by_version: 'INDEX chunk_by_version ON @chunk (document_id, version, chunk_row) INCLUDE (word_count)',
  chunk_by_batch: 'INDEX chunk_by_batch ON @chunk (run_id, batch_no)',
  chunk_by_text: 'INDEX chunk_by_text ON @chunk (hashtextextended(text, 0))',
  chunk_by_words: 'INDEX chunk_by_words ON @chunk USING gin (words)',
  fact_by_version: 'INDEX fact_by_version ON @fact (document_id, version, relation_id)',
  fact_by_batch: 'INDEX fact_by_batch ON @fact (run_id, batch_no)',
  fact_by_subject: 'INDEX fact_by_subject ON @fact (subject_id, type)',
  fact_by_object: 'INDEX fact_by_object ON @fact (object_id, type)',
  ...PLACE_INDEXES,
  pivot_unfinished: 'INDEX pivot_unfinished ON @pivot (run_id, batch_no) WHERE NOT is_finished',
};

export const TABLE_NAMES: readonly string[] = Object.keys(TABLES);
export const INDEX_NAMES: readonly string[] = Object.keys(INDEXES);

/** The statements that make all tables. @param at the schema with a full stop, as `schemaPrefix` gives it. */
export function postgresSchema(at: string): string[] {
  return [
    ...Object.entries(TABLES).map(([name, columns]) => `CREATE TABLE ${at}${name} (${columns})`),
    // Never given twice, also by a transaction that came to nothing.
    `CREATE SEQUENCE ${at}fence`,
    ...INDEX_NAMES.map((name) => indexStatement(at, name)),
  ];
}

/** The statement that makes an index of apex's. */
export function indexStatement(at: string, name: string): string {
  return `CREATE ${INDEXES[name]!.replaceAll('@', () => at)}`;
}
