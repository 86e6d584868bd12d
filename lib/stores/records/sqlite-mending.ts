import type { Json } from '../../contracts/document.ts';
import { isApexError, StoreError } from '../../contracts/errors.ts';
import type { DocumentVersion, KeptVersion, Stray, VersionRecord } from '../../contracts/store.ts';
import type { Sql, SqlStatement } from '../../support/sql-thread.ts';
import {
  isUnreadable,
  LISTED,
  listParam,
  parsedOrText,
  patternOf,
  RELATION_FIELDS,
  type RelationRow,
  relationOf,
  VERSIONS,
  versionsParam,
} from '../rows.ts';
import { extractionOf } from './kept-shape.ts';

type KeptChunk = KeptVersion['chunks'][number];

interface KeptRow
  extends Omit<KeptVersion, 'chunks' | 'entities' | 'mentions' | 'relations' | 'metadata' | 'warnings'> {
  readonly metadata: string;
  readonly warnings: string;
  readonly extraction: string;
}

/** What `RecordsStore.kept` gives. */
export async function keptVersions(sql: Sql, versions: readonly DocumentVersion[]): Promise<KeptVersion[]> {
  const params = [versionsParam(versions)];
  const where = `WHERE (document_id, version) IN ${VERSIONS}`;
  const rows = await sql.all<KeptRow>(
    `SELECT document_id AS documentId, version, uuid, group_id AS "group", source, source_uri AS sourceUri, name, parent_id AS parentId,
       media_type AS mediaType, bytes, content_digest AS contentDigest, settings_digest AS settingsDigest, stores_digest AS storesDigest,
       source_version AS sourceVersion, title, stated_at AS statedAt, created_at AS createdAt, metadata, warnings, extraction FROM version ${where}`,
    params,
  );
  const chunks = await sql.all<DocumentVersion & Omit<KeptChunk, 'headingPath'> & { headingPath: string }>(
    `SELECT document_id AS documentId, version, chunk_id AS chunkId, ordinal, text, start, end, heading_path AS headingPath, page,
       token_count AS tokenCount FROM chunk ${where} ORDER BY document_id, version, ordinal`,
    params,
  );
  const relations = await sql.all<DocumentVersion & RelationRow>(
    `${RELATION_FIELDS} FROM fact ${where} ORDER BY relation_id`,
    params,
  );
  return rows.map(({ metadata, warnings, extraction, ...row }): KeptVersion => {
    const isOwn = (other: DocumentVersion) => other.documentId === row.documentId && other.version === row.version;
    const notes = parsedOrText(warnings);
    return {
      ...row,
      metadata: parsedOrText(metadata) as { [key: string]: Json },
      warnings: Array.isArray(notes) ? (notes as VersionRecord['warnings']) : [],
      ...extractionOf(parsedOrText(extraction)),
      chunks: chunks.filter(isOwn).map(({ documentId: _d, version: _v, headingPath, ...chunk }) => ({
        ...chunk,
        headingPath: pathOf(headingPath),
      })),
      relations: relations.filter(isOwn).map(({ documentId: _d, version: _v, ...relation }) => relationOf(relation)),
    };
  });
}

/** A kept heading path; a damaged one is the one heading that its text is. */
export function pathOf(text: string): readonly string[] {
  const path = parsedOrText(text);
  return Array.isArray(path) ? (path as string[]) : [text];
}

const MARKED = "v.document_id = d.document_id AND v.state = 'current'";

/** A row whose id was damaged bears the UUID of the document whose row it was. */
const IS_OF_ANOTHER = `AND NOT EXISTS (SELECT 1 FROM version v WHERE v.document_id = document.document_id)
  AND EXISTS (SELECT 1 FROM document o JOIN version v ON v.document_id = o.document_id AND v.state = 'current'
              WHERE o.uuid = document.uuid AND o.document_id <> document.document_id)`;

/** A version whose id was damaged bears the UUID of the document that names its number and has its chunks, but no such version. */
const RENAMING = `UPDATE version AS v SET document_id = o.document_id FROM document o
  WHERE o.uuid = v.uuid AND o.current_version = v.version AND o.document_id <> v.document_id AND v.state = 'current'
    AND NOT EXISTS (SELECT 1 FROM document d WHERE d.document_id = v.document_id)
    AND NOT EXISTS (SELECT 1 FROM version n WHERE n.document_id = o.document_id AND n.version = o.current_version)
    AND EXISTS (SELECT 1 FROM chunk c WHERE c.document_id = o.document_id AND c.version = v.version)
    AND v.document_id`;

/** The statements of `RecordsStore.mendDocuments`. What each changes, it finds wrong itself. */
export function documentMending(documentIds: readonly string[]): SqlStatement[] {
  const params = [listParam(documentIds)];
  return [
    { sql: `${RENAMING} IN ${LISTED}`, params },
    ...documentIds.filter(isUnreadable).map((documentId) => ({
      sql: `${RENAMING} GLOB ?`,
      params: [patternOf(documentId)],
    })),
    {
      sql: `INSERT INTO document (document_id, uuid, last_version, current_version)
            SELECT v.document_id, v.uuid, v.version, v.version FROM version v
            WHERE v.document_id IN ${LISTED} AND v.state = 'current' ON CONFLICT (document_id) DO NOTHING`,
      params,
    },
    { sql: `DELETE FROM document WHERE document_id IN ${LISTED} ${IS_OF_ANOTHER}`, params },
    ...documentIds.filter(isUnreadable).map((documentId) => ({
      sql: `DELETE FROM document WHERE document_id GLOB ? ${IS_OF_ANOTHER}`,
      params: [patternOf(documentId)],
    })),
    {
      sql: `UPDATE document AS d SET last_version = (SELECT max(v.version) FROM version v WHERE v.document_id = d.document_id)
            WHERE d.document_id IN ${LISTED}
              AND d.last_version < (SELECT max(v.version) FROM version v WHERE v.document_id = d.document_id)`,
      params,
    },
    {
      sql: `UPDATE document AS d SET current_version = (SELECT v.version FROM version v WHERE ${MARKED})
            WHERE d.document_id IN ${LISTED} AND EXISTS (SELECT 1 FROM version v WHERE ${MARKED})
              AND NOT EXISTS (SELECT 1 FROM version v WHERE v.document_id = d.document_id AND v.version = d.current_version)`,
      params,
    },
    {
      sql: `UPDATE document AS d SET uuid = (SELECT v.uuid FROM version v WHERE ${MARKED})
            WHERE d.document_id IN ${LISTED} AND d.uuid <> (SELECT v.uuid FROM version v WHERE ${MARKED})`,
      params,
    },
  ];
}

/** Makes full text anew from the chunks. */
export const TEXT_MENDING: SqlStatement = { sql: "INSERT INTO chunk_text (chunk_text) VALUES ('rebuild')" };

/** What of `strays` is an index, to be made anew from its rows. */
export async function indexMending(sql: Sql, strays: readonly Stray[]): Promise<SqlStatement[]> {
  const wanted = strays.filter(({ kind }) => kind === 'index').map(({ id }) => id);
  if (wanted.length === 0) return [];
  const known = await sql.all<{ name: string }>(
    `SELECT name FROM sqlite_schema WHERE type = 'index' AND name IN ${LISTED}`,
    [listParam(wanted)],
  );
  return known.map(({ name }) => ({ sql: `REINDEX "${name.replaceAll('"', '""')}"` }));
}

/** How many findings of SQLite's own check are read; there may be one for each row. */
const MAX_FINDINGS = 1_000;

/** Findings about an index that does not agree with its rows. Source: https://sqlite.org/pragma.html#pragma_integrity_check */
const INDEX_FINDING =
  /^(?:row \d+ missing from index|wrong # of entries in index|non-unique entry in index|rowid not at end-of-record for row \d+ of index|values of \S+ not in index) (.+)$/;

/** Findings about what a row holds: comparing contents tells them better, with their document. */
const CONTENT_FINDING =
  /^(?:[A-Z-]+ value in |CHECK constraint failed in |non-[A-Z]+ value in |malformed inverted index for FTS5 table |unable to validate the inverted index for FTS5 table |fts5: corruption found )/;

/** What `RecordsStore.checkStorage` gives. @throws StoreError MEMORY_DAMAGED. */
export async function checkedStorage(sql: Sql, path: string): Promise<Stray[]> {
  const findings = await findingsOf(sql, path);
  const indexes = new Set<string>();
  for (const finding of findings) {
    const [, index] = INDEX_FINDING.exec(finding) ?? [];
    if (index !== undefined) indexes.add(index);
    else if (!CONTENT_FINDING.test(finding)) throw damaged(path, finding);
  }
  return [...indexes].map((id) => ({ kind: 'index', id, problem: 'changed' }));
}

async function findingsOf(sql: Sql, path: string): Promise<string[]> {
  try {
    const rows = await sql.all<{ integrity_check: string }>(`PRAGMA integrity_check(${MAX_FINDINGS})`);
    return rows.flatMap(({ integrity_check }) => integrity_check.split('\n')).filter((text) => text !== 'ok');
  } catch (error) {
    // What cannot even be checked, for no reason that SQLite has a name for, will not be right the next time either.
    if (isApexError(error) && error.code === 'APEX_STORE') throw damaged(path, String(error.details['sqliteCode']));
    throw error;
  }
}

function damaged(path: string, finding: string): StoreError {
  return new StoreError(`${path} is damaged; it was left as it is`, {
    code: 'MEMORY_DAMAGED',
    details: { path, finding },
  });
}
