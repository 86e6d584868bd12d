import type { DocumentVersion, WriteRef } from '../contracts/store.ts';
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
  return tables.map((table) => ({
    sql: `DELETE FROM ${table} WHERE (document_id, version) IN ${VERSIONS}`,
    params: [versionsParam(versions)],
  }));
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
    yield* page;
    if (page.length < PAGE_VERSIONS) return;
    after = page[page.length - 1]!;
  }
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
