import type {
  AfterDocument,
  DocumentPlace,
  DocumentVersion,
  PlacedFilter,
  PlacesStore,
  SelectedDocument,
  WriteRef,
} from '../../contracts/store.ts';
import type { PgTransaction } from './postgres-connection.ts';
import type { PostgresMemory } from './postgres-memory.ts';
import { PLACE_CHARACTERS } from './postgres-schema.ts';

type Of = Pick<PlacedFilter, 'source' | 'group'>;

/** Where the bytes of documents came from, in PostgreSQL. */
export class PostgresPlaces implements PlacesStore {
  readonly #memory: PostgresMemory;

  constructor(memory: PostgresMemory) {
    this.#memory = memory;
  }

  async ofContent(
    contentDigests: readonly string[],
    { source, group }: Of,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, DocumentVersion>> {
    const { db, at } = this.#memory;
    const rows = await db.all<DocumentVersion & { readonly digest: string }>(
      'of-content',
      `SELECT DISTINCT ON (content_digest) content_digest AS digest, document_id AS "documentId", version FROM ${at}version
       WHERE ${MARKED} AND content_digest = ANY ($1::text[]) AND source = $2 AND group_id = $3 ORDER BY content_digest, document_id`,
      [contentDigests, source, group],
      signal,
    );
    return new Map(rows.map(({ digest, ...version }) => [digest, version]));
  }

  async placedAt(
    sourceUris: readonly string[],
    { source, group }: Of,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    const { db, at } = this.#memory;
    const rows = await db.all<{ readonly uri: string; readonly documentId: string }>(
      'placed-at',
      `SELECT DISTINCT ON (p.source_uri) p.source_uri AS uri, p.document_id AS "documentId"
       FROM ${at}place p JOIN ${at}version v ON ${CURRENT}
       WHERE left(p.source_uri, ${PLACE_CHARACTERS}) = ANY (SELECT left(u, ${PLACE_CHARACTERS}) FROM unnest($1::text[]) u)
         AND p.source_uri = ANY ($1::text[]) AND v.source = $2 AND v.group_id = $3 ORDER BY p.source_uri, p.document_id`,
      [sourceUris, source, group],
      signal,
    );
    return new Map(rows.map(({ uri, documentId }) => [uri, documentId]));
  }

  placesOf(documentIds: readonly string[], signal: AbortSignal): Promise<DocumentPlace[]> {
    const { db, at } = this.#memory;
    return db.all<DocumentPlace>(
      'places',
      `SELECT document_id AS "documentId", source_uri AS "sourceUri", metadata FROM ${at}place WHERE document_id = ANY ($1::text[])
       ORDER BY document_id, source_uri`,
      [documentIds],
      signal,
    );
  }

  placesUnder(
    { source, group, uriPrefix }: PlacedFilter,
    { after, limit }: { readonly after: AfterDocument; readonly limit: number },
    signal: AbortSignal,
  ): Promise<SelectedDocument[]> {
    const { db, at } = this.#memory;
    const place = `left(p.source_uri, ${PLACE_CHARACTERS})`;
    return db.all<SelectedDocument>(
      'places-under',
      `SELECT p.document_id AS "documentId", v.version, p.source_uri AS "sourceUri", v.content_digest AS "contentDigest"
       FROM ${at}place p JOIN ${at}version v ON ${CURRENT}
       WHERE ${place} >= greatest(left($1, ${PLACE_CHARACTERS}), left($3, ${PLACE_CHARACTERS}))
         AND ${place} <= left($3, ${PLACE_CHARACTERS}) || chr(1114111) AND starts_with(p.source_uri, $3)
         AND (p.source_uri, p.document_id) > ($1, $2) AND v.source = $4 AND v.group_id = $5
       ORDER BY ${place}, p.source_uri, p.document_id LIMIT $6`,
      [after?.sourceUri ?? '', after?.documentId ?? '', uriPrefix, source, group, limit],
      signal,
    );
  }

  async notePlaces(places: readonly DocumentPlace[], signal: AbortSignal): Promise<void> {
    if (places.length === 0) return;
    const { db, at } = this.#memory;
    const params = [places.map(({ documentId }) => documentId), places.map(({ sourceUri }) => sourceUri)];
    await db.transaction({ operation: 'note-places', signal }, async (transaction) => {
      await transaction.run(
        `INSERT INTO ${at}place (document_id, source_uri, metadata)
         SELECT DISTINCT v.document_id, v.source_uri, coalesce(v.metadata -> 'origin', '{}') FROM ${noted(at)}
         WHERE v.source_uri <> n.source_uri AND NOT EXISTS (SELECT 1 FROM ${at}place p WHERE p.document_id = v.document_id)
         ON CONFLICT DO NOTHING`,
        params,
      );
      await transaction.run(
        `INSERT INTO ${at}place (document_id, source_uri, metadata) SELECT v.document_id, n.source_uri, n.metadata::jsonb
         FROM ${noted(at, ', $3::text[]', ', metadata')}
         WHERE v.source_uri <> n.source_uri OR EXISTS (SELECT 1 FROM ${at}place p WHERE p.document_id = v.document_id)
         ON CONFLICT DO NOTHING`,
        [...params, places.map(({ metadata }) => JSON.stringify(metadata))],
      );
    });
  }

  async forgetPlaces(
    places: readonly Pick<DocumentPlace, 'documentId' | 'sourceUri'>[],
    signal: AbortSignal,
  ): Promise<void> {
    if (places.length === 0) return;
    const { db, at } = this.#memory;
    await db.transaction({ operation: 'forget-places', signal }, (transaction) =>
      transaction.run(
        `DELETE FROM ${at}place p USING unnest($1::text[], $2::text[]) AS n (document_id, source_uri)
         WHERE p.document_id = n.document_id AND p.source_uri = n.source_uri`,
        [places.map(({ documentId }) => documentId), places.map(({ sourceUri }) => sourceUri)],
      ),
    );
  }
}

/** Removes, with its pivot, the places of a batch's deleted documents. */
export async function removePlaces(transaction: PgTransaction, at: string, ref: WriteRef): Promise<void> {
  await transaction.run(
    `DELETE FROM ${at}place p USING ${at}pivot_item i
     WHERE i.run_id = $1 AND i.batch_no = $2 AND i.result = 'done' AND i.version IS NULL AND p.document_id = i.document_id`,
    [ref.runId, ref.batchNo],
  );
}

/** What is noted, beside the current versions of the documents. */
function noted(at: string, lists = '', columns = ''): string {
  return `unnest($1::text[], $2::text[]${lists}) AS n (document_id, source_uri${columns})
    JOIN ${at}version v ON v.document_id = n.document_id AND v.state = 'current'`;
}

const CURRENT = "v.document_id = p.document_id AND v.state = 'current'";

/** As the index has it (`version_by_content`). */
const MARKED = "state = 'current' AND parent_id IS NULL AND source_version IS NOT NULL";
