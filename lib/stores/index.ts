// Stores: the four roles of the memory, a folder per role and a file per product.
// May import lib/contracts, lib/support and its own vendor packages.
// Must never decide which version is current by itself.

import type { ReadableStores } from '../contracts/plan.ts';
import type { Servers } from '../contracts/servers.ts';
import type { GraphStore, Stores } from '../contracts/store.ts';
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
  const embedded = await openEmbeddedStores(settings);
  const { memoryId } = embedded.stores.records;
  let graph: GraphStore | null = null;
  try {
    graph = await openGraph(servers.graph, memoryId);
  } catch (error) {
    await embedded.close();
    throw error;
  }
  const cache = await openCache(servers.cache, memoryId);
  const stores = { ...embedded.stores, ...(graph && { graph }), ...(cache && { cache }) };
  const close = async () => {
    await graph?.close();
    await cache?.close();
    await embedded.close();
  };
  return { stores, close };
}

/** Opening is bounded by what waits for each answer. */
const NEVER = new AbortController().signal;

async function openGraph(settings: Servers['graph'], memoryId: string): Promise<GraphStore | null> {
  if (settings === null) return null;
  const { openNeo4jGraph } = await import('./graph/neo4j.ts');
  return openNeo4jGraph({ ...settings, memoryId }, NEVER);
}

async function readGraphIdentity(settings: Servers['graph'], memoryId: string): Promise<string | null> {
  if (settings === null) return null;
  const { readNeo4jIdentity } = await import('./graph/neo4j.ts');
  return readNeo4jIdentity({ ...settings, memoryId }, NEVER);
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
  const graphIdentity = await readGraphIdentity(servers.graph, memory.memoryId);
  const cache = await openCache(servers.cache, memory.memoryId);
  const stores: ReadableStores = {
    records: new SqliteRecordsStore(memory),
    graph: graphIdentity === null ? new SqliteGraphStore(memory) : { identity: graphIdentity },
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
