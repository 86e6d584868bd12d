import {
  digestOf,
  documentDigest,
  entityDigest,
  entityNames,
  mentionDigest,
  relationDigest,
} from '../../contracts/identity.ts';
import type {
  Closing,
  DocumentVersion,
  GraphDocument,
  GraphStore,
  InventoryRow,
  LatestValue,
  Ranked,
  StoredEntity,
  StoredMention,
  Stray,
  VersionRecord,
  WriteRef,
} from '../../contracts/store.ts';
import type { Sql } from '../../support/sql-thread.ts';
import type { MemoryDb } from '../memory-db.ts';
import {
  countByRef,
  deleteByRef,
  folded,
  LISTED,
  listParam,
  parsedOrText,
  RELATION_FIELDS,
  type RelationRow,
  relationOf,
  retireVersions,
  VERSIONS,
  versionsIn,
  versionsParam,
} from '../rows.ts';

/** What a batch writes here, in the order in which it is removed: entities go with their last mention, by a trigger. */
const TABLES = ['mention', 'relation', 'graph_chunk', 'graph_document'];

const DOCUMENT_FIELDS = `SELECT document_id AS documentId, version, uuid, group_id AS "group", source, source_uri AS sourceUri, name,
  parent_id AS parentId, media_type AS mediaType, content_digest AS contentDigest, title, stated_at AS statedAt`;

/** An entity's id says what it is, so one that says otherwise is damaged, and mended by whoever mentions it next. */
const ENTITY_WRITE = `INSERT INTO entity (entity_id, group_id, type, key, folded_key) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (entity_id) DO UPDATE SET group_id = excluded.group_id, type = excluded.type, key = excluded.key, folded_key = excluded.folded_key
  WHERE (group_id, type, key, folded_key) IS NOT (excluded.group_id, excluded.type, excluded.key, excluded.folded_key)`;

/** The graph in `memory.db`: documents, chunks, entities, mentions and relations as tables. */
export class SqliteGraphStore implements GraphStore {
  readonly name = 'graph';
  readonly identity: string;
  readonly capabilities = { transactional: true };
  readonly #sql: Sql;

  constructor({ sql, memoryId }: MemoryDb) {
    this.#sql = sql;
    this.identity = `sqlite:${memoryId}`;
  }

  async write(ref: WriteRef, records: readonly VersionRecord[], signal: AbortSignal): Promise<number> {
    const stamp = [ref.runId, ref.batchNo];
    const documents = records.map((r) => [
      ...[r.documentId, r.version, ...stamp, 0, r.uuid, r.group, r.source, r.sourceUri, r.name],
      ...[r.parentId, r.mediaType, r.contentDigest, r.title, r.statedAt],
    ]);
    const chunks = records.flatMap((r) =>
      r.chunks.map((chunk) => [chunk.chunkId, r.documentId, r.version, ...stamp, chunk.ordinal]),
    );
    const entities = records.flatMap((r) =>
      r.entities.map(({ entityId, type, key }) => [entityId, r.group, type, key, folded(key)]),
    );
    const mentions = records.flatMap((r) => {
      const nameOf = entityNames(r);
      return r.mentions.map((m) => {
        const name = nameOf(m);
        return [
          m.mentionId,
          m.entityId,
          m.chunkId,
          r.documentId,
          r.version,
          ...stamp,
          name,
          folded(name),
          m.start,
          m.end,
          m.quote,
        ];
      });
    });
    const relations = records.flatMap((r) =>
      r.relations.map((x) => [
        x.relationId,
        x.type,
        x.subjectId,
        x.objectId,
        x.chunkId,
        r.documentId,
        r.version,
        ...stamp,
        x.quote,
        x.validAt,
        x.invalidAt ?? null,
        x.invalidAt == null ? null : r.createdAt,
        x.invalidAt ?? null,
        JSON.stringify(x.detail ?? {}),
      ]),
    );
    await this.#sql.transaction(
      [
        ...deleteByRef(TABLES, ref),
        { sql: 'INSERT INTO graph_document VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', rows: documents },
        { sql: 'INSERT INTO graph_chunk VALUES (?, ?, ?, ?, ?, ?)', rows: chunks },
        { sql: ENTITY_WRITE, rows: entities },
        { sql: 'INSERT INTO mention VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', rows: mentions },
        { sql: 'INSERT INTO relation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', rows: relations },
      ],
      { label: 'graph.write' },
    );
    return this.count(ref, signal);
  }

  async publish(versions: readonly DocumentVersion[], _signal: AbortSignal): Promise<void> {
    const sql = `UPDATE graph_document SET is_live = 1 WHERE (document_id, version) IN ${VERSIONS}`;
    if (versions.length > 0)
      await this.#sql.transaction([{ sql, params: [versionsParam(versions)] }], { label: 'graph.publish' });
  }

  async discard(ref: WriteRef, _signal: AbortSignal): Promise<void> {
    await this.#sql.transaction(deleteByRef(TABLES, ref), { label: 'graph.discard' });
  }

  retire(versions: readonly DocumentVersion[], _signal: AbortSignal): Promise<number[]> {
    return retireVersions(this.#sql, { tables: TABLES, versions, label: 'graph.retire' });
  }

  count(ref: WriteRef, _signal: AbortSignal): Promise<number> {
    return countByRef(this.#sql, TABLES, ref);
  }

  async *inventory(versions: readonly DocumentVersion[], _signal: AbortSignal): AsyncGenerator<InventoryRow> {
    const param = [versionsParam(versions)];
    const where = `WHERE (document_id, version) IN ${VERSIONS}`;
    type Row<Content> = DocumentVersion & Content;
    const documents = await this.#sql.all<Row<Parameters<typeof documentDigest>[0] & { isLive: number }>>(
      `${DOCUMENT_FIELDS}, is_live AS isLive FROM graph_document ${where}`,
      param,
    );
    for (const row of documents)
      yield {
        ...named(row),
        kind: 'document',
        id: row.documentId,
        digest: documentDigest(row),
        isLive: row.isLive === 1,
      };
    const chunks = await this.#sql.all<Row<{ id: string; ordinal: number }>>(
      `SELECT document_id AS documentId, version, chunk_id AS id, ordinal FROM graph_chunk ${where}`,
      param,
    );
    for (const row of chunks) yield { ...named(row), kind: 'chunk', id: row.id, digest: digestOf(row.ordinal) };
    const mentions = await this.#sql.all<Row<StoredMention & { name: string; foldedName: string }>>(
      `SELECT document_id AS documentId, version, mention_id AS mentionId, entity_id AS entityId, chunk_id AS chunkId, start, end, quote,
         name, folded_name AS foldedName FROM mention ${where}`,
      param,
    );
    for (const row of mentions) {
      const digest = withFound(mentionDigest(row, row.name), row.name, row.foldedName);
      yield { ...named(row), kind: 'mention', id: row.mentionId, digest };
    }
    const entities = await this.#sql.all<Row<EntityRow>>(
      `SELECT DISTINCT m.document_id AS documentId, m.version, e.entity_id AS entityId, e.type, e.key, e.folded_key AS foldedKey,
         e.group_id = d.group_id AS isOwn
       FROM mention m JOIN entity e ON e.entity_id = m.entity_id
       LEFT JOIN graph_document d ON d.document_id = m.document_id AND d.version = m.version
       WHERE (m.document_id, m.version) IN ${VERSIONS}`,
      param,
    );
    for (const row of entities) {
      const found = withFound(entityDigest(row), row.key, row.foldedKey);
      yield {
        ...named(row),
        kind: 'entity',
        id: row.entityId,
        digest: row.isOwn === 0 ? digestOf(found, false) : found,
      };
    }
    const relations = await this.#sql.all<Row<RelationRow>>(`${RELATION_FIELDS} FROM relation ${where}`, param);
    for (const row of relations)
      yield { ...named(row), kind: 'relation', id: row.relationId, digest: relationDigest(relationOf(row)) };
  }

  async *versions(_signal: AbortSignal): AsyncGenerator<DocumentVersion & WriteRef> {
    const seen = new Set<string>();
    for (const table of TABLES.toReversed()) {
      for await (const row of versionsIn(this.#sql, table)) {
        const key = JSON.stringify([row.documentId, row.version]);
        if (!seen.has(key)) yield row;
        seen.add(key);
      }
    }
  }

  async setClosings(closings: readonly Closing[], _signal: AbortSignal): Promise<void> {
    const rows = closings.map(({ relationId, invalidAt, expiredAt }) => [invalidAt, expiredAt, relationId]);
    await this.#sql.transaction(
      [{ sql: 'UPDATE relation SET invalid_at = ?, expired_at = ? WHERE relation_id = ?', rows }],
      { label: 'graph.close' },
    );
  }

  async setLatest(values: readonly LatestValue[], _signal: AbortSignal): Promise<void> {
    const rows = values.map(({ entityId, at, value }) => [JSON.stringify(value), at, entityId]);
    await this.#sql.transaction([{ sql: 'UPDATE entity SET latest = ?, latest_at = ? WHERE entity_id = ?', rows }], {
      label: 'graph.latest',
    });
  }

  async latest(entityIds: readonly string[], _signal: AbortSignal): Promise<LatestValue[]> {
    const rows = await this.#sql.all<{ entityId: string; at: string; value: string }>(
      `SELECT entity_id AS entityId, latest_at AS at, latest AS value FROM entity WHERE latest_at IS NOT NULL AND entity_id IN ${LISTED}`,
      [listParam(entityIds)],
    );
    return rows.map(({ value, ...row }) => {
      const kept = parsedOrText(value);
      return { ...row, value: (typeof kept === 'object' && kept !== null ? kept : {}) as LatestValue['value'] };
    });
  }

  documents(versions: readonly DocumentVersion[], _signal: AbortSignal): Promise<GraphDocument[]> {
    return this.#sql.all<GraphDocument>(
      `${DOCUMENT_FIELDS} FROM graph_document WHERE (document_id, version) IN ${VERSIONS}`,
      [versionsParam(versions)],
    );
  }

  closings(versions: readonly DocumentVersion[], _signal: AbortSignal): Promise<Closing[]> {
    return this.#sql.all<Closing>(
      `SELECT relation_id AS relationId, invalid_at AS invalidAt, expired_at AS expiredAt FROM relation WHERE (document_id, version) IN ${VERSIONS}`,
      [versionsParam(versions)],
    );
  }

  async mendStrays(strays: readonly Stray[], _signal: AbortSignal): Promise<void> {
    // All that nothing mentions, which is what strays names: a damaged id may be no text that could be asked for.
    const sql = 'DELETE FROM entity WHERE NOT EXISTS (SELECT 1 FROM mention m WHERE m.entity_id = entity.entity_id)';
    if (strays.some(({ kind }) => kind === 'entity')) await this.#sql.transaction([{ sql }], { label: 'graph.mend' });
  }

  async strays(_signal: AbortSignal): Promise<Stray[]> {
    const rows = await this.#sql.all<{ id: string }>(
      'SELECT entity_id AS id FROM entity e WHERE NOT EXISTS (SELECT 1 FROM mention m WHERE m.entity_id = e.entity_id)',
    );
    return rows.map(({ id }) => ({ kind: 'entity', id, problem: 'extra' }));
  }

  searchEntities(
    names: readonly string[],
    limit: number,
    group: string | null,
    _signal: AbortSignal,
  ): Promise<Ranked[]> {
    const wanted = listParam([...new Set(names.map(folded))]);
    return this.#sql.all<Ranked>(
      `WITH live AS NOT MATERIALIZED (
           SELECT document_id, version FROM graph_document WHERE is_live = 1 AND group_id = coalesce(?, group_id)),
         wanted (name) AS (SELECT value FROM json_each(?)),
         named (entity_id) AS (
           SELECT entity_id FROM mention JOIN live USING (document_id, version) WHERE folded_name IN (SELECT name FROM wanted)
           UNION SELECT entity_id FROM entity WHERE folded_key IN (SELECT name FROM wanted)),
         weighted (entity_id, weight) AS (
           SELECT entity_id, 1.0 FROM named
           UNION ALL SELECT object_id, 0.5 FROM relation JOIN live USING (document_id, version) WHERE subject_id IN (SELECT entity_id FROM named)
           UNION ALL SELECT subject_id, 0.5 FROM relation JOIN live USING (document_id, version) WHERE object_id IN (SELECT entity_id FROM named)),
         best (entity_id, weight) AS (SELECT entity_id, max(weight) FROM weighted GROUP BY entity_id),
         found (chunk_id, entity_id, weight) AS (
           SELECT DISTINCT m.chunk_id, b.entity_id, b.weight
           FROM best b JOIN mention m ON m.entity_id = b.entity_id JOIN live USING (document_id, version))
       SELECT chunk_id AS id, sum(weight) AS score FROM found GROUP BY chunk_id ORDER BY score DESC, id LIMIT ?`,
      [group, wanted, limit],
    );
  }

  async entitiesOf(
    chunkIds: readonly string[],
    _signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly StoredEntity[]>> {
    const rows = await this.#sql.all<StoredEntity & { chunkId: string }>(
      `SELECT m.chunk_id AS chunkId, e.entity_id AS entityId, e.type, e.key, min(m.name) AS name
       FROM mention m JOIN entity e ON e.entity_id = m.entity_id WHERE m.chunk_id IN ${LISTED}
       GROUP BY m.chunk_id, e.entity_id ORDER BY m.chunk_id, min(m.start)`,
      [listParam(chunkIds)],
    );
    const entities = new Map<string, StoredEntity[]>();
    for (const { chunkId, ...entity } of rows) entities.set(chunkId, [...(entities.get(chunkId) ?? []), entity]);
    return entities;
  }

  /** The connection belongs to the memory, which closes it. */
  async close(): Promise<void> {}
}

function named({ documentId, version }: DocumentVersion): DocumentVersion {
  return { documentId, version };
}

interface EntityRow extends Pick<StoredEntity, 'entityId' | 'type' | 'key'> {
  readonly foldedKey: string;
  /** 0 when it belongs to another group than the document that mentions it. */
  readonly isOwn: number | null;
}

/** The digest of what is found by a folded name: another one when the folded name is not that of the name. A damaged name may be no text. */
function withFound(digest: string, name: unknown, foldedName: string): string {
  return typeof name === 'string' && foldedName === folded(name) ? digest : digestOf(digest, foldedName);
}
