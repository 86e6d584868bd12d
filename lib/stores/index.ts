// Stores: the four roles of the memory, a folder per role and a file per product.
// May import lib/contracts, lib/support and its own vendor packages.
// Must never decide which version is current by itself.

import { dirname, join } from 'node:path';
import type { ReadableStores } from '../contracts/plan.ts';
import type { Servers } from '../contracts/servers.ts';
import type { CacheStore, GraphStore, RecordsStore, Stores, VectorStore } from '../contracts/store.ts';
import { SqliteCacheStore } from './cache/sqlite.ts';
import { SqliteGraphStore } from './graph/sqlite.ts';
import { type MemoryDb, type MemorySettings, openMemoryDb, readMemoryDb } from './memory-db.ts';
import { withTracesIn } from './memory-traces.ts';
import { SqliteRecordsStore } from './records/sqlite.ts';
import { SqliteVectorStore } from './vectors/sqlite.ts';

export type { MemorySettings } from './memory-db.ts';

/** What `apex doctor` looks at in the embedded memory, loaded when it does. */
export const loadChecks = () => import('./checks.ts');

/** What it looks at on servers. */
export const loadServerChecks = () => import('./server-checks.ts');

/** What metrics tell of quarantine, without the stores being opened. */
export const loadSetAside = () => import('./set-aside.ts');

interface OpenStores {
  readonly stores: Stores;
  close(): Promise<void>;
}

/** Opening is bounded by what waits for each answer. */
const NEVER = new AbortController().signal;

/** Opens the part of a role that a server plays; who waits for one that is out of reach calls `open` again. */
export type OpenServer = <Part extends { close(): Promise<void> }>(
  role: 'records' | 'graph' | 'vectors',
  open: () => Promise<Part>,
) => Promise<Part>;

const AT_ONCE: OpenServer = (_, open) => open();

/** Opens the four stores, each the server that is named for its role, else embedded. Errors: those of each part's opening. */
export async function openStores(
  settings: MemorySettings,
  servers: Servers,
  openServer: OpenServer = AT_ONCE,
): Promise<OpenStores> {
  const opened: { close(): Promise<void> }[] = [];
  const keep = <Part extends { close(): Promise<void> }>(part: Part): Part => {
    opened.unshift(part);
    return part;
  };
  const close = async () => {
    for (const part of opened) await part.close();
  };
  try {
    return { stores: await openRoles({ settings, servers, openServer }, keep), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Keep = <Part extends { close(): Promise<void> }>(part: Part) => Part;

interface Opening {
  readonly settings: MemorySettings;
  readonly servers: Servers;
  readonly openServer: OpenServer;
}

async function openRoles({ settings, servers, openServer }: Opening, keep: Keep): Promise<Stores> {
  if (servers.records === null) {
    const memory = await openMemoryDb(settings);
    keep(memory.sql);
    const { memoryId } = memory;
    return openOthers({ settings, servers, openServer, memory, memoryId }, new SqliteRecordsStore(memory), keep);
  }
  const { openPostgresRecords } = await import('./records/postgres.ts');
  const server = servers.records;
  const records = keep(await openServer('records', () => openPostgresRecords({ ...settings, ...server }, NEVER)));
  const { memoryId } = records;
  if (servers.graph !== null && servers.vectors !== null && servers.cache !== null)
    return openOthers({ settings, servers, openServer, memory: null, memoryId }, records, keep);
  // A file of its own: `memory.db` belongs to the records in it.
  const memory = await openMemoryDb({ ...settings, path: besidePath(settings.path, memoryId), isSynced: true });
  keep(memory.sql);
  return openOthers({ settings, servers, openServer, memory, memoryId }, withTracesIn(memory.sql, records), keep);
}

/** Where the embedded roles lie whose records are on a server. */
function besidePath(path: string, memoryId: string): string {
  return join(dirname(path), `memory-${memoryId}.db`);
}

interface OtherRoles extends Opening {
  /** What the embedded ones lie in; null when there are none. */
  readonly memory: MemoryDb | null;
  readonly memoryId: string;
}

async function openOthers(
  { settings, servers, openServer, memory, memoryId }: OtherRoles,
  records: RecordsStore,
  keep: Keep,
): Promise<Stores> {
  const graph = await openGraph(servers.graph, memoryId, openServer);
  if (graph !== null) keep(graph);
  const vectors = await openVectors(servers.vectors, { memoryId, embedder: settings.embedder }, openServer);
  if (vectors !== null) keep(vectors);
  const cache = await openCache(servers.cache, memoryId);
  if (cache !== null) keep(cache);
  return {
    records,
    graph: graph ?? new SqliteGraphStore(memory!),
    vectors: vectors ?? new SqliteVectorStore(memory!),
    cache: cache ?? new SqliteCacheStore(memory!),
  };
}

async function openGraph(
  server: Servers['graph'],
  memoryId: string,
  openServer: OpenServer,
): Promise<GraphStore | null> {
  if (server === null) return null;
  const { openNeo4jGraph } = await import('./graph/neo4j.ts');
  return openServer('graph', () => openNeo4jGraph({ ...server, memoryId }, NEVER));
}

type VectorsOwner = Pick<MemorySettings, 'embedder'> & { readonly memoryId: string };

async function openVectors(
  server: Servers['vectors'],
  owner: VectorsOwner,
  openServer: OpenServer,
): Promise<VectorStore | null> {
  if (server === null) return null;
  const { openQdrantVectors } = await import('./vectors/qdrant.ts');
  return openServer('vectors', () => openQdrantVectors({ ...server, ...owner }, NEVER));
}

async function openCache(server: Servers['cache'], memoryId: string): Promise<CacheStore | null> {
  if (server === null) return null;
  const { RedisCacheStore } = await import('./cache/redis.ts');
  return new RedisCacheStore({ ...server, memoryId });
}

/** Opens the four embedded stores over one `memory.db`. Closing them closes the file. Errors as `openMemoryDb`. */
export function openEmbeddedStores(settings: MemorySettings): Promise<OpenStores> {
  return openStores(settings, NO_SERVERS);
}

const NO_SERVERS: Servers = { records: null, graph: null, vectors: null, cache: null };

/**
 * The stores for reading only: nothing is made or changed in the folder of embedded ones, or on servers. A memory that is not there
 * yet holds nothing. Errors as `openStores`.
 */
export async function readStores(
  settings: Pick<MemorySettings, 'path' | 'embedder'>,
  servers: Servers,
): Promise<{ stores: ReadableStores; close: () => Promise<void> }> {
  const records = await readRecords(settings, servers.records);
  if (records === null) return { stores: NO_MEMORY, close: async () => {} };
  const { memoryId, path } = records;
  const memory = await readMemoryDb({ ...settings, path });
  const cache =
    (await openCache(servers.cache, memoryId)) ?? (memory === null ? NO_CACHE : new SqliteCacheStore(memory));
  const embedded = { identity: memory === null ? '' : new SqliteGraphStore(memory).identity };
  const stores: ReadableStores = {
    records: records.store,
    graph: (await readGraph(servers.graph, memoryId)) ?? embedded,
    vectors: (await readVectors(servers.vectors, { memoryId, embedder: settings.embedder })) ?? embedded,
    cache,
  };
  const close = async () => {
    await cache.close();
    await records.store.close();
  };
  return { stores, close };
}

interface ReadRecords {
  readonly store: RecordsStore;
  readonly memoryId: string;
  /** Where the embedded roles beside it lie. */
  readonly path: string;
}

async function readRecords(
  settings: Pick<MemorySettings, 'path' | 'embedder'>,
  server: Servers['records'],
): Promise<ReadRecords | null> {
  if (server === null) {
    const memory = await readMemoryDb(settings);
    if (memory === null) return null;
    return { store: new SqliteRecordsStore(memory), memoryId: memory.memoryId, path: settings.path };
  }
  const { readPostgresRecords } = await import('./records/postgres.ts');
  const store = await readPostgresRecords({ ...settings, ...server }, NEVER);
  if (store === null) return null;
  return { store, memoryId: store.memoryId, path: besidePath(settings.path, store.memoryId) };
}

async function readGraph(server: Servers['graph'], memoryId: string): Promise<{ identity: string } | null> {
  if (server === null) return null;
  const { readNeo4jIdentity } = await import('./graph/neo4j.ts');
  return { identity: await readNeo4jIdentity({ ...server, memoryId }, NEVER) };
}

async function readVectors(server: Servers['vectors'], owner: VectorsOwner): Promise<{ identity: string } | null> {
  if (server === null) return null;
  const { readQdrantIdentity } = await import('./vectors/qdrant.ts');
  return { identity: await readQdrantIdentity({ ...server, ...owner }, NEVER) };
}

const NO_CACHE = {
  identity: '',
  get: async (keys: readonly string[]) => keys.map(() => null),
  close: async () => {},
};

const NO_MEMORY: ReadableStores = {
  records: {
    identity: '',
    current: async () => new Map(),
    children: async () => [],
    quarantined: async () => [],
    select: async () => [],
    described: async () => new Map(),
    factsOn: async () => [],
    ofContent: async () => new Map(),
    placedAt: async () => new Map(),
    placesOf: async () => [],
    placesUnder: async () => [],
    seriesWindows: async (requests) =>
      requests.map(({ readings: fresh }) => ({
        ...{ count: 0, fresh, nextAts: fresh.map(() => null), before: null, moves: [] },
      })),
    cursor: async () => null,
  },
  graph: { identity: '' },
  vectors: { identity: '' },
  cache: NO_CACHE,
};
