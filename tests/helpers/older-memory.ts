import { MEMORY_FORMAT } from '../../lib/stores/memory-schema.ts';

/** Tables of format 2 that later lay otherwise. */
const IN_ORDER_OF_IDS = `
  DROP TABLE fact; DROP TABLE mention; DROP TABLE relation;
  CREATE TABLE fact (
    relation_id TEXT PRIMARY KEY, document_id TEXT NOT NULL, version INTEGER NOT NULL, run_id TEXT NOT NULL, batch_no INTEGER NOT NULL,
    type TEXT NOT NULL, subject_id TEXT NOT NULL, object_id TEXT NOT NULL, chunk_id TEXT NOT NULL, quote TEXT NOT NULL, valid_at TEXT) WITHOUT ROWID;
  CREATE INDEX fact_by_version ON fact (document_id, version);
  CREATE TABLE mention (
    mention_id TEXT PRIMARY KEY, entity_id TEXT NOT NULL, chunk_id TEXT NOT NULL, document_id TEXT NOT NULL, version INTEGER NOT NULL,
    run_id TEXT NOT NULL, batch_no INTEGER NOT NULL, name TEXT NOT NULL, folded_name TEXT NOT NULL,
    start INTEGER NOT NULL, end INTEGER NOT NULL, quote TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX mention_by_version ON mention (document_id, version);
  CREATE TRIGGER entity_unmentioned AFTER DELETE ON mention BEGIN
    DELETE FROM entity WHERE entity_id = OLD.entity_id AND NOT EXISTS (SELECT 1 FROM mention WHERE entity_id = OLD.entity_id); END;
  CREATE TABLE relation (
    relation_id TEXT PRIMARY KEY, type TEXT NOT NULL, subject_id TEXT NOT NULL, object_id TEXT NOT NULL, chunk_id TEXT NOT NULL,
    document_id TEXT NOT NULL, version INTEGER NOT NULL, run_id TEXT NOT NULL, batch_no INTEGER NOT NULL,
    quote TEXT NOT NULL, valid_at TEXT, invalid_at TEXT, expired_at TEXT) WITHOUT ROWID;
  CREATE INDEX relation_by_version ON relation (document_id, version);`;

/** What takes a memory of each format back to the one before. */
const BACK: { readonly [format: number]: string } = {
  6: 'ALTER TABLE quarantine DROP COLUMN source_version; PRAGMA user_version = 5',
  5: 'DROP TABLE place; DROP INDEX version_by_content; PRAGMA user_version = 4',
  4: 'ALTER TABLE version DROP COLUMN source_version; ALTER TABLE document DROP COLUMN is_gone; PRAGMA user_version = 3',
  3: `${IN_ORDER_OF_IDS}
      ALTER TABLE entity DROP COLUMN latest; ALTER TABLE entity DROP COLUMN latest_at;
      DROP TABLE reading; DROP TABLE series; DROP TABLE pivot_series; DROP TABLE stream_cursor; DROP TABLE rejected;
      PRAGMA user_version = 2`,
  2: 'ALTER TABLE quarantine DROP COLUMN group_id; PRAGMA user_version = 1',
};

/** The statements that make of a memory of this format one as an earlier apex made it. */
export function backToFormat(format: number): string {
  const steps = Array.from({ length: MEMORY_FORMAT - format }, (_, index) => BACK[MEMORY_FORMAT - index]!);
  return steps.join(';\n');
}
