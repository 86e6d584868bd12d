import type { DocumentVersion, StoredRelation, WriteRef } from '../contracts/store.ts';
import type { Sql, SqlStatement } from '../support/sql-thread.ts';

/** A list of versions as one parameter, for `VERSIONS`. */
export function versionsParam(versions: readonly DocumentVersion[]): string {
  return JSON.stringify(versions.map(({ documentId, version }) => [documentId, version]));
}

/** A list of texts as one parameter, for `LISTED`. */
export function listParam(values: readonly string[]): string {
  return JSON.stringify(values);
}

/** The (document_id, version) pairs of a parameter made by `versionsParam`. */
export const VERSIONS = "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))";

/** An index that holds only rows which carry a version is used only when the statement says so too. */
const OF_VERSIONS = `document_id IS NOT NULL AND (document_id, version) IN ${VERSIONS}`;

/** The texts of a parameter made by `listParam`. */
export const LISTED = '(SELECT value FROM json_each(?))';

/** Removes the rows of these tables that a batch wrote. */
export function deleteByRef(tables: readonly string[], { runId, batchNo }: WriteRef): SqlStatement[] {
  return tables.map((table) => ({
    sql: `DELETE FROM ${table} WHERE run_id = ? AND batch_no = ?`,
    params: [runId, batchNo],
  }));
}

/** Removes the rows of these tables that belong to these versions. */
export function deleteByVersion(tables: readonly string[], versions: readonly DocumentVersion[]): SqlStatement[] {
  const params = [versionsParam(versions)];
  const unreadable = versions.filter(({ documentId }) => isUnreadable(documentId));
  return tables.flatMap((table) => [
    { sql: `DELETE FROM ${table} WHERE ${OF_VERSIONS}`, params },
    ...deleteUnreadable(table, unreadable),
  ]);
}

/**
 * Removes the rows of a table whose ids are damaged and no text: they are told with U+FFFD, and nothing equals them. What is known
 * under an id that reads alike stays.
 */
export function deleteUnreadable(table: string, versions: readonly DocumentVersion[]): SqlStatement[] {
  if (versions.length === 0) return [];
  return [
    {
      sql: `DELETE FROM ${table} WHERE CAST(document_id AS TEXT) GLOB ? AND version = ? AND document_id NOT IN (SELECT document_id FROM document)`,
      rows: versions.map(({ documentId, version }) => [patternOf(documentId), version]),
    },
  ];
}

/** Was the text read from bytes that are none? */
export function isUnreadable(text: string): boolean {
  return text.includes('\uFFFD');
}

/** A GLOB pattern of what is read as this text. */
export function patternOf(text: string): string {
  return text.replaceAll(/[*?[]/g, '[$&]').replaceAll('\uFFFD', '?');
}

/**
 * Removes the rows of these tables that belong to these versions, in one transaction.
 *
 * @returns how many rows of each version there were, in the same order.
 */
export async function retireVersions(
  sql: Sql,
  { tables, versions, label }: { tables: readonly string[]; versions: readonly DocumentVersion[]; label: string },
): Promise<number[]> {
  if (versions.length === 0) return [];
  const counts = tables.map((table) => ({
    sql: `SELECT document_id AS documentId, version, count(*) AS count FROM ${table}
          WHERE ${OF_VERSIONS} GROUP BY document_id, version`,
    params: [versionsParam(versions)],
  }));
  const results = await sql.transaction([...counts, ...deleteByVersion(tables, versions)], { label });
  const removed = new Map<string, number>();
  for (const { rows } of results.slice(0, tables.length)) {
    for (const row of rows as (DocumentVersion & { readonly count: number })[])
      removed.set(keyOf(row), (removed.get(keyOf(row)) ?? 0) + row.count);
  }
  return versions.map((version) => removed.get(keyOf(version)) ?? 0);
}

function keyOf({ documentId, version }: DocumentVersion): string {
  return JSON.stringify([documentId, version]);
}

/** How many rows of these tables a batch wrote. */
export async function countByRef(sql: Sql, tables: readonly string[], { runId, batchNo }: WriteRef): Promise<number> {
  const counts = tables.map((table) => `(SELECT count(*) FROM ${table} WHERE run_id = ? AND batch_no = ?)`);
  const [row] = await sql.all<{ count: number }>(
    `SELECT ${counts.join(' + ')} AS count`,
    tables.flatMap(() => [runId, batchNo]),
  );
  return row!.count;
}

/** How many versions a page of `versionsIn` holds. */
const PAGE_VERSIONS = 10_000;

/** Every version that a table holds a row of, with who wrote it. */
export async function* versionsIn(sql: Sql, table: string): AsyncGenerator<DocumentVersion & WriteRef> {
  let after = { documentId: '', version: -1 };
  for (;;) {
    const page = await sql.all<DocumentVersion & WriteRef>(
      `SELECT document_id AS documentId, version, min(run_id) AS runId, min(batch_no) AS batchNo FROM ${table}
       WHERE (document_id, version) > (?, ?) GROUP BY document_id, version ORDER BY document_id, version LIMIT ?`,
      [after.documentId, after.version, PAGE_VERSIONS],
    );
    for (const row of page) yield { ...row, documentId: readableId(row.documentId) };
    if (page.length < PAGE_VERSIONS) return;
    after = page[page.length - 1]!;
  }
}

/** An id as it is told: one that damage made bytes or a number begins with U+FFFD, as one that `isUnreadable`. */
function readableId(id: unknown): string {
  if (typeof id === 'string') return id;
  const text = id instanceof Uint8Array ? Buffer.from(id).toString() : String(id);
  return `\uFFFD${text.slice(1)}`;
}

/** A kept JSON text as a value; a damaged one as the text it is, which no digest takes for what was kept. */
export function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Letters and digits without case and accents, single blanks between words: how names are compared. */
export function folded(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/\s+/gu, ' ')
    .trim();
}

/** A relation's columns, with the columns of its version. */
export const RELATION_FIELDS = `SELECT document_id AS documentId, version, relation_id AS relationId, type, subject_id AS subjectId,
  object_id AS objectId, chunk_id AS chunkId, quote, valid_at AS validAt, stated_until AS invalidAt, detail`;

/** A relation as a row of `RELATION_FIELDS` has it. */
export type RelationRow = Omit<StoredRelation, 'detail'> & { readonly detail: string };

/** A row's relation. Detail that is damaged becomes what no digest takes for what was kept. */
export function relationOf<Row extends RelationRow>(row: Row): Omit<Row, 'detail'> & StoredRelation {
  const kept = parsedOrText(row.detail);
  const detail =
    typeof kept === 'object' && kept !== null ? (kept as NonNullable<StoredRelation['detail']>) : { kept: row.detail };
  return { ...row, detail };
}
