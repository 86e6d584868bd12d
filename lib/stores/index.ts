// Stores: the four roles of the memory, a folder per role and a file per product.
// May import lib/contracts, lib/support and its own vendor packages.
// Must never decide which version is current by itself.

import type { ReadableStores } from '../contracts/plan.ts';
import type { Servers } from '../contracts/servers.ts';
import type { Stores } from '../contracts/store.ts';
import type { RedisCacheStore } from './cache/redis.ts';
import { SqliteCacheStore } from './cache/sqlite.ts';
import { SqliteGraphStore } from './graph/sqlite.ts';
import { type MemorySettings, openMemoryDb, readMemoryDb } from './memory-db.ts';
import { SqliteRecordsStore } from './records/sqlite.ts';
import { SqliteVectorStore } from './vectors/sqlite.ts';

export type { MemorySettings } from './memory-db.ts';

/** What `apex doctor` looks at in the embedded memory, loaded when it does. */
export const loadChecks = () => import('./checks.ts');

interface OpenStores {
  readonly stores: Stores;
  close(): Promise<void>;
}

/** Opens the four stores, each the server that is named for its role, else embedded. Errors: those of each part's opening. */
export async function openStores(settings: MemorySettings, servers: Servers): Promise<OpenStores> {
  const { stores, close } = await openEmbeddedStores(settings);
  const cache = await openCache(servers.cache, stores.records.memoryId);
  if (cache === null) return { stores, close };
  return {
    stores: { ...stores, cache },
    close: async () => {
      await cache.close();
      await close();
    },
  };
}

async function openCache(settings: Servers['cache'], memoryId: string): Promise<RedisCacheStore | null> {
  if (settings === null) return null;
  const { RedisCacheStore: Cache } = await import('./cache/redis.ts');
  return new Cache({ ...settings, memoryId });
}

/** Opens the four embedded stores over one `memory.db`. Closing them closes the file. Errors as `openMemoryDb`. */
export async function openEmbeddedStores(settings: MemorySettings): Promise<OpenStores> {
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
 * The stores for reading only: nothing in the folder of embedded ones is made or changed. A memory that is not there yet holds
 * nothing. Errors as `openStores`.
 */
export async function readStores(
  settings: Pick<MemorySettings, 'path' | 'embedder'>,
  servers: Servers,
): Promise<{ stores: ReadableStores; close: () => Promise<void> }> {
  const memory = await readMemoryDb(settings);
  if (memory === null) return { stores: NO_MEMORY, close: async () => {} };
  const cache = await openCache(servers.cache, memory.memoryId);
  const stores: ReadableStores = {
    records: new SqliteRecordsStore(memory),
    graph: new SqliteGraphStore(memory),
    vectors: new SqliteVectorStore(memory),
    cache: cache ?? new SqliteCacheStore(memory),
  };
  return { stores, close: async () => cache?.close() };
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
