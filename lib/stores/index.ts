// Stores: the four roles of the memory, a folder per role and a file per product.
// May import lib/contracts, lib/support and its own vendor packages.
// Must never decide which version is current by itself.

import type { ReadableStores } from '../contracts/plan.ts';
import type { Stores } from '../contracts/store.ts';
import { SqliteCacheStore } from './cache/sqlite.ts';
import { SqliteGraphStore } from './graph/sqlite.ts';
import { type MemorySettings, openMemoryDb, readMemoryDb } from './memory-db.ts';
import { SqliteRecordsStore } from './records/sqlite.ts';
import { SqliteVectorStore } from './vectors/sqlite.ts';

export type { MemorySettings } from './memory-db.ts';

/** What `apex doctor` looks at in the embedded memory, loaded when it does. */
export const loadChecks = () => import('./checks.ts');

/** Opens the four embedded stores over one `memory.db`. Closing them closes the file. Errors as `openMemoryDb`. */
export async function openEmbeddedStores(
  settings: MemorySettings,
): Promise<{ stores: Stores; close: () => Promise<void> }> {
  const memory = await openMemoryDb(settings);
  const stores: Stores = {
    records: new SqliteRecordsStore(memory),
    graph: new SqliteGraphStore(memory),
    vectors: new SqliteVectorStore(memory),
    cache: new SqliteCacheStore(memory),
  };
  return { stores, close: () => memory.sql.close() };
}

/**
 * The embedded stores for reading only: nothing in their folder is made or changed. A memory that is not there yet holds nothing.
 * Errors as `openMemoryDb`.
 */
export async function readEmbeddedStores(settings: Pick<MemorySettings, 'path' | 'embedder'>): Promise<ReadableStores> {
  const memory = await readMemoryDb(settings);
  if (memory === null) return NO_MEMORY;
  return {
    records: new SqliteRecordsStore(memory),
    graph: new SqliteGraphStore(memory),
    vectors: new SqliteVectorStore(memory),
    cache: new SqliteCacheStore(memory),
  };
}

const NO_MEMORY: ReadableStores = {
  records: {
    identity: '',
    current: async () => new Map(),
    children: async () => [],
    quarantined: async () => [],
    select: async () => [],
  },
  graph: { identity: '' },
  vectors: { identity: '' },
  cache: { identity: '', get: async (keys) => keys.map(() => null) },
};
