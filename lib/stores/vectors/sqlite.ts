import { StoreError } from '../../contracts/errors.ts';
import { digestOf, pointDigest } from '../../contracts/identity.ts';
import type {
  DocumentVersion,
  InventoryRow,
  Ranked,
  StoredChunk,
  Stray,
  VectorStore,
  VersionRecord,
  WriteRef,
} from '../../contracts/store.ts';
import type { Sql } from '../../support/sql-thread.ts';
import type { MemoryDb } from '../memory-db.ts';
import { countByRef, deleteByRef, retireVersions, VERSIONS, versionsIn, versionsParam } from '../rows.ts';

/** What a batch writes here; the vectors go and become live with their points, by triggers. */
const TABLES = ['point'];

/** The most neighbours vec0 gives. Source: sqlite-vec 0.1.9, `k` is limited to 4,096. */
const MAX_NEIGHBOURS = 4_096;

/** Vectors in `memory.db`, searched exactly by sqlite-vec. The live mark and the group are filters inside the search. */
export class SqliteVectorStore implements VectorStore {
  readonly name = 'vectors';
  readonly identity: string;
  readonly capabilities = { transactional: true };
  readonly dimensions: number;
  readonly #sql: Sql;

  constructor({ sql, memoryId, dimensions }: MemoryDb) {
    this.#sql = sql;
    this.identity = `sqlite:${memoryId}`;
    this.dimensions = dimensions;
  }

  async write(ref: WriteRef, records: readonly VersionRecord[], _signal: AbortSignal): Promise<number> {
    const points = records.flatMap(({ documentId, version, chunks }) =>
      chunks.map(({ chunkId }) => [chunkId, documentId, version, ref.runId, ref.batchNo]),
    );
    const vectors = records.flatMap(({ group, chunks }) =>
      chunks.map(({ chunkId, vector }) => [group, vector, chunkId]),
    );
    for (const { chunks } of records) for (const chunk of chunks) this.#assertUsable(chunk);
    await this.#sql.transaction(
      [
        ...deleteByRef(TABLES, ref),
        {
          sql: 'INSERT INTO point (chunk_id, document_id, version, run_id, batch_no) VALUES (?, ?, ?, ?, ?)',
          rows: points,
        },
        {
          sql: 'INSERT INTO point_vector (point_row, is_live, group_id, embedding) SELECT point_row, 0, ?, ? FROM point WHERE chunk_id = ?',
          rows: vectors,
        },
      ],
      { label: 'vectors.write' },
    );
    return points.length;
  }

  async publish(versions: readonly DocumentVersion[], _signal: AbortSignal): Promise<void> {
    const sql = `UPDATE point SET is_live = 1 WHERE (document_id, version) IN ${VERSIONS} AND is_live = 0`;
    if (versions.length > 0)
      await this.#sql.transaction([{ sql, params: [versionsParam(versions)] }], { label: 'vectors.publish' });
  }

  async discard(ref: WriteRef, _signal: AbortSignal): Promise<void> {
    await this.#sql.transaction(deleteByRef(TABLES, ref), { label: 'vectors.discard' });
  }

  retire(versions: readonly DocumentVersion[], _signal: AbortSignal): Promise<number[]> {
    return retireVersions(this.#sql, { tables: TABLES, versions, label: 'vectors.retire' });
  }

  count(ref: WriteRef, _signal: AbortSignal): Promise<number> {
    return countByRef(this.#sql, TABLES, ref);
  }

  async *inventory(versions: readonly DocumentVersion[], _signal: AbortSignal): AsyncGenerator<InventoryRow> {
    const rows = await this.#sql.all<PointRow>(
      `SELECT p.document_id AS documentId, p.version, p.chunk_id AS id, p.is_live AS isLive, v.is_live AS isFound, v.group_id AS "group", v.embedding
       FROM point p LEFT JOIN point_vector v ON v.point_row = p.point_row WHERE (p.document_id, p.version) IN ${VERSIONS}`,
      [versionsParam(versions)],
    );
    for (const { documentId, version, id, isLive, isFound, group, embedding } of rows) {
      if (embedding === null || group === null) {
        yield { documentId, version, kind: 'point', id, digest: '' };
        continue;
      }
      const content = pointDigest(new Float32Array(embedding.slice().buffer), group);
      // A mark that only one of the two rows has would never be set or taken back again.
      const digest = isLive === isFound ? content : digestOf(content, isLive);
      yield { documentId, version, kind: 'point', id, digest, isLive: isFound === 1 };
    }
  }

  versions(_signal: AbortSignal): AsyncIterable<DocumentVersion & WriteRef> {
    return versionsIn(this.#sql, 'point');
  }

  async strays(_signal: AbortSignal): Promise<Stray[]> {
    // Source: sqlite-vec 0.1.9 keeps the keys of a vec0 table in `<name>_rowids`; the table itself would read every vector.
    const rows = await this.#sql.all<{ id: number }>(
      'SELECT rowid AS id FROM point_vector_rowids WHERE rowid NOT IN (SELECT point_row FROM point)',
    );
    return rows.map(({ id }) => ({ kind: 'point', id: String(id), problem: 'extra' }));
  }

  async mendStrays(strays: readonly Stray[], _signal: AbortSignal): Promise<void> {
    const rows = strays.filter(({ kind }) => kind === 'point').map(({ id }) => [BigInt(id)]);
    const sql = 'DELETE FROM point_vector WHERE point_row = ? AND point_row NOT IN (SELECT point_row FROM point)';
    if (rows.length > 0) await this.#sql.transaction([{ sql, rows }], { label: 'vectors.mend' });
  }

  search(vector: Float32Array, limit: number, group: string | null, _signal: AbortSignal): Promise<Ranked[]> {
    const inGroup = group === null ? '' : 'AND group_id = ?';
    const params = [vector, Math.min(limit, MAX_NEIGHBOURS), ...(group === null ? [] : [group])];
    return this.#sql.all<Ranked>(
      `SELECT p.chunk_id AS id, 1 - n.distance AS score FROM (
         SELECT point_row, distance FROM point_vector WHERE embedding MATCH ? AND k = ? AND is_live = 1 ${inGroup}) n
       JOIN point p ON p.point_row = n.point_row ORDER BY n.distance, p.chunk_id`,
      params,
    );
  }

  /** The connection belongs to the memory, which closes it. */
  async close(): Promise<void> {}

  /** vec0 takes values that are no numbers, and search would then order by them. */
  #assertUsable({ chunkId, vector }: StoredChunk): void {
    if (vector.length === this.dimensions && vector.every(Number.isFinite)) return;
    throw new StoreError(`the vector of chunk ${chunkId} is not ${this.dimensions} finite numbers`, {
      code: 'STORE_REFUSED',
      details: { chunkId, floats: vector.length, dimensions: this.dimensions },
    });
  }
}

interface PointRow extends DocumentVersion {
  readonly id: string;
  /** The mark beside the vector, which changes are told by. */
  readonly isLive: number;
  /** The mark in the index, which search goes by. */
  readonly isFound: number | null;
  /** Null, with the others of the index, when the vector is gone. */
  readonly group: string | null;
  readonly embedding: Uint8Array | null;
}
