import type { CacheEntry, CacheStore, DocumentVersion } from '../../contracts/store.ts';
import type { Sql } from '../../support/sql-thread.ts';
import type { MemoryDb } from '../memory-db.ts';
import { LISTED, listParam, retireVersions } from '../rows.ts';

const TABLES = ['cache'];

/** Cached embeddings and document summaries in `memory.db`. */
export class SqliteCacheStore implements CacheStore {
  readonly name = 'cache';
  readonly identity: string;
  readonly #sql: Sql;

  constructor({ sql, memoryId }: MemoryDb) {
    this.#sql = sql;
    this.identity = `sqlite:${memoryId}`;
  }

  async get(keys: readonly string[], _signal: AbortSignal): Promise<(Uint8Array | null)[]> {
    const rows = await this.#sql.all<{ key: string; value: Uint8Array }>(
      `SELECT key, value FROM cache WHERE key IN ${LISTED}`,
      [listParam(keys)],
    );
    const values = new Map(rows.map(({ key, value }) => [key, value]));
    return keys.map((key) => values.get(key) ?? null);
  }

  async set(entries: readonly CacheEntry[], _signal: AbortSignal): Promise<void> {
    const rows = entries.map(({ key, value, document }) => [
      key,
      value,
      document?.documentId ?? null,
      document?.version ?? null,
    ]);
    const sql = 'INSERT OR REPLACE INTO cache (key, value, document_id, version) VALUES (?, ?, ?, ?)';
    await this.#sql.transaction([{ sql, rows }], { label: 'cache.set' });
  }

  retire(versions: readonly DocumentVersion[], _signal: AbortSignal): Promise<number[]> {
    return retireVersions(this.#sql, { tables: TABLES, versions, label: 'cache.retire' });
  }

  async remove(keys: readonly string[], _signal: AbortSignal): Promise<void> {
    if (keys.length === 0) return;
    const sql = `DELETE FROM cache WHERE key IN ${LISTED}`;
    await this.#sql.transaction([{ sql, params: [listParam(keys)] }], { label: 'cache.remove' });
  }

  async *versions(_signal: AbortSignal): AsyncGenerator<DocumentVersion> {
    yield* await this.#sql.all<DocumentVersion>(
      'SELECT DISTINCT document_id AS documentId, version FROM cache WHERE document_id IS NOT NULL',
    );
  }

  /** The connection belongs to the memory, which closes it. */
  async close(): Promise<void> {}
}
