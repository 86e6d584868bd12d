import { recordDigest } from '../../contracts/identity.ts';
import type { DocumentSummary, DocumentVersion, VersionRecord, WriteRef } from '../../contracts/store.ts';
import type { PgTransaction } from './postgres-connection.ts';
import type { PostgresMemory } from './postgres-memory.ts';
import { lockSeed } from './postgres-memory.ts';

/** The pairs of `versionsParams`, as a table `w`; they are the first two parameters. */
export const WANTED = 'unnest($1::text[], $2::integer[]) AS w (document_id, version)';

/** Versions as the parameters of `WANTED`. */
export function versionsParams(versions: readonly DocumentVersion[]): [string[], number[]] {
  return [versions.map(({ documentId }) => documentId), versions.map(({ version }) => version)];
}

/**
 * A page of the rows of the wanted versions, in order of a key that each table's index by version ends with. Of each version no more
 * is read than the page takes, so that the pages of a large one cost no more than those of many small ones.
 *
 * @param where what else is asked of the rows, beginning with AND. The third parameter is the key of the row before the page.
 */
export function pageOfWanted(
  at: string,
  {
    table,
    fields,
    key,
    where = '',
    limit,
  }: {
    readonly table: 'chunk c' | 'fact f';
    readonly fields: string;
    readonly key: string;
    readonly where?: string;
    readonly limit: number;
  },
): string {
  const name = table.slice(-1);
  return `SELECT page.* FROM ${WANTED} CROSS JOIN LATERAL (
      SELECT ${fields}, ${name}.${key} AS page_key FROM ${at}${table}
      WHERE ${name}.document_id = w.document_id AND ${name}.version = w.version AND ${name}.${key} > $3 ${where}
      ORDER BY ${name}.${key} LIMIT ${limit}) AS page ORDER BY page_key LIMIT ${limit}`;
}

/** Columns of `version v` that say what the document is, named as in the contract. */
export const DOCUMENT_FIELDS = `v.document_id AS "documentId", v.version, v.uuid, v.group_id AS "group", v.source, v.source_uri AS "sourceUri",
  v.name, v.parent_id AS "parentId", v.media_type AS "mediaType", v.content_digest AS "contentDigest", v.title, v.stated_at AS "statedAt"`;

export const SUMMARY_FIELDS = `${DOCUMENT_FIELDS}, v.bytes, v.metadata, v.warnings, v.chunks, v.entities, v.relations,
  v.run_id AS "runId", v.created_at AS "createdAt"`;

/** Columns of `chunk c`. */
export const CHUNK_FIELDS = `c.document_id AS "documentId", c.version, c.chunk_id AS "chunkId", c.ordinal, c.text, c.start_offset AS start,
  c.end_offset AS "end", c.heading_path AS "headingPath", c.page, c.token_count AS "tokenCount"`;

/** Columns of `fact f`. */
export const RELATION_FIELDS = `f.document_id AS "documentId", f.version, f.relation_id AS "relationId", f.type, f.subject_id AS "subjectId",
  f.object_id AS "objectId", f.chunk_id AS "chunkId", f.quote, f.valid_at AS "validAt", f.stated_until AS "invalidAt", f.detail`;

/** A version's own row as `inventory` reads it. */
export type StoredVersion = DocumentSummary & {
  readonly state: string;
  readonly statedAt: string | null;
  readonly settingsDigest: string;
  readonly storesDigest: string;
  readonly extraction: Pick<VersionRecord, 'entities' | 'mentions'>;
};

export function storedDigest(row: StoredVersion): string {
  const { chunks, entities, relations } = row;
  return recordDigest({ ...row, counts: { chunks, entities, relations } });
}

/** A kept heading path; a damaged one is the one heading that its text is. */
export function pathOf(kept: unknown): readonly string[] {
  return Array.isArray(kept) ? (kept as string[]) : [JSON.stringify(kept)];
}

/** The headings above a chunk as one text, as full text has them. */
export function headingOf(path: readonly string[]): string {
  return path.join(' > ');
}

/** Just the name. */
export function named({ documentId, version }: DocumentVersion): DocumentVersion {
  return { documentId, version };
}

/**
 * Waits until no other transaction works on this batch, and keeps others waiting. Every transaction that writes, discards, commits
 * or doubts a batch begins with it: what a statement after it reads, no lost one will change.
 */
export async function lockBatch(
  transaction: PgTransaction,
  { memoryId }: PostgresMemory,
  { runId, batchNo }: WriteRef,
): Promise<void> {
  await transaction.run('SELECT pg_advisory_xact_lock(hashtextextended($1, $2::bigint))', [
    JSON.stringify([runId, batchNo]),
    lockSeed(memoryId, 'batch'),
  ]);
}

/** Pages of a list. */
export function* pagesOf<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}

/**
 * That `v`, a version that is looked up by its key, is the current one. Concatenated, so that no index is of it: where the planner's
 * statistics stem from a time when few were current, it would begin with the index of those, and go through all of them.
 */
export const IS_CURRENT_VERSION = "(v.state || '') = 'current'";
