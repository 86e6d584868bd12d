import type {
  AfterDocument,
  DocumentPlace,
  DocumentVersion,
  PlacedFilter,
  PlacesStore,
  SelectedDocument,
  WriteRef,
} from '../../contracts/store.ts';
import type { Sql, SqlStatement } from '../../support/sql-thread.ts';
import { COUNT_DELETES } from '../memory-traces.ts';
import { LISTED, listParam, parsedOrText } from '../rows.ts';

type Of = Pick<PlacedFilter, 'source' | 'group'>;

/** Where the bytes of documents came from, in a memory's file. */
export class SqlitePlaces implements PlacesStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  async ofContent(
    contentDigests: readonly string[],
    { source, group }: Of,
  ): Promise<ReadonlyMap<string, DocumentVersion>> {
    const rows = await this.#sql.all<DocumentVersion & { readonly digest: string }>(
      `SELECT content_digest AS digest, min(document_id) AS documentId, version FROM version
       WHERE ${MARKED} AND content_digest IN ${LISTED} AND source = ? AND group_id = ? GROUP BY content_digest`,
      [listParam(contentDigests), source, group],
    );
    return new Map(rows.map(({ digest, ...version }) => [digest, version]));
  }

  async placedAt(sourceUris: readonly string[], { source, group }: Of): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#sql.all<{ readonly uri: string; readonly documentId: string }>(
      `SELECT p.source_uri AS uri, min(p.document_id) AS documentId FROM place p JOIN version v ON ${CURRENT}
       WHERE p.source_uri IN ${LISTED} AND v.source = ? AND v.group_id = ? GROUP BY p.source_uri`,
      [listParam(sourceUris), source, group],
    );
    return new Map(rows.map(({ uri, documentId }) => [uri, documentId]));
  }

  async placesOf(documentIds: readonly string[]): Promise<DocumentPlace[]> {
    const rows = await this.#sql.all<{ documentId: string; sourceUri: string; metadata: string }>(
      `SELECT document_id AS documentId, source_uri AS sourceUri, metadata FROM place WHERE document_id IN ${LISTED}
       ORDER BY document_id, source_uri`,
      [listParam(documentIds)],
    );
    return rows.map((row) => ({ ...row, metadata: Object(parsedOrText(row.metadata)) as DocumentPlace['metadata'] }));
  }

  placesUnder(
    { source, group, uriPrefix }: PlacedFilter,
    { after, limit }: { readonly after: AfterDocument; readonly limit: number },
  ): Promise<SelectedDocument[]> {
    return this.#sql.all<SelectedDocument>(
      `SELECT p.document_id AS documentId, v.version, p.source_uri AS sourceUri, v.content_digest AS contentDigest
       FROM place p JOIN version v ON ${CURRENT}
       WHERE (p.source_uri, p.document_id) > (?, ?) AND p.source_uri >= ? AND p.source_uri <= ? || char(1114111)
         AND substr(p.source_uri, 1, length(?)) = ? AND v.source = ? AND v.group_id = ?
       ORDER BY p.source_uri, p.document_id LIMIT ?`,
      [after?.sourceUri ?? '', after?.documentId ?? '', ...Array(4).fill(uriPrefix), source, group, limit],
    );
  }

  async notePlaces(places: readonly DocumentPlace[]): Promise<void> {
    if (places.length === 0) return;
    const further = `document_id = ? AND state = 'current' AND source_uri <> ?`;
    const own = `INSERT OR IGNORE INTO place SELECT document_id, source_uri, coalesce(json_extract(metadata, '$.origin'), '{}')
      FROM version WHERE ${further} AND NOT EXISTS (SELECT 1 FROM place p WHERE p.document_id = version.document_id)`;
    const other = `INSERT OR IGNORE INTO place SELECT document_id, ?, ? FROM version
      WHERE ${further} OR document_id = ? AND state = 'current' AND EXISTS (SELECT 1 FROM place p WHERE p.document_id = version.document_id)`;
    await this.#sql.transaction(
      [
        { sql: own, rows: places.map(({ documentId, sourceUri }) => [documentId, sourceUri]) },
        {
          sql: other,
          rows: places.map(({ documentId, sourceUri, metadata }) => [
            ...[sourceUri, JSON.stringify(metadata), documentId, sourceUri, documentId],
          ]),
        },
      ],
      { label: 'records.note-places' },
    );
  }

  async forgetPlaces(places: readonly Pick<DocumentPlace, 'documentId' | 'sourceUri'>[]): Promise<void> {
    if (places.length === 0) return;
    const sql = 'DELETE FROM place WHERE document_id = ? AND source_uri = ?';
    const rows = places.map(({ documentId, sourceUri }) => [documentId, sourceUri]);
    await this.#sql.transaction([{ sql, rows }, COUNT_DELETES], { label: 'records.forget-places' });
  }
}

/** The places of a batch's deleted documents go with its pivot. */
export function placeRemoval({ runId, batchNo }: WriteRef): SqlStatement {
  return {
    sql: `DELETE FROM place WHERE document_id IN (SELECT document_id FROM pivot_item
      WHERE run_id = ? AND batch_no = ? AND result = 'done' AND version IS NULL)`,
    params: [runId, batchNo],
  };
}

const CURRENT = "v.document_id = p.document_id AND v.state = 'current'";

/** As the index has it (`version_by_content`). */
const MARKED = "state = 'current' AND parent_id IS NULL AND source_version IS NOT NULL";
