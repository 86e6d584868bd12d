import type { Check } from '../contracts/check.ts';
import type { Servers } from '../contracts/servers.ts';
import { readMemoryDb } from './memory-db.ts';

interface CheckedMemory {
  /** Of the embedded memory, which tells whose the parts on servers are where its records are not on one. */
  readonly path: string;
  /** What the settings name, or null when it cannot be known. */
  readonly embedder: () => Promise<{ readonly model: string; readonly dimensions: number } | null>;
}

/** Whether the servers that are named can be used, and what they hold of this memory. */
export async function serverChecks(servers: Servers, memory: CheckedMemory): Promise<Check[]> {
  const { records, graph, vectors, cache } = servers;
  return [
    ...(records === null ? [] : (await import('./records/postgres-check.ts')).postgresChecks(records, memory.embedder)),
    ...(graph === null ? [] : await graphChecks(graph, () => memoryIdOf(records, memory))),
    ...(vectors === null ? [] : (await import('./vectors/qdrant-check.ts')).qdrantChecks(vectors, memory.embedder)),
    ...(cache === null ? [] : (await import('./cache/redis-check.ts')).redisChecks(cache.url)),
  ];
}

async function graphChecks(
  server: NonNullable<Servers['graph']>,
  memoryId: () => Promise<string | null>,
): Promise<Check[]> {
  const { neo4jChecks } = await import('./graph/neo4j-check.ts');
  return neo4jChecks({ ...server, memoryId });
}

/** Null where there is no memory yet, or it cannot be told: the check of the records says why. */
async function memoryIdOf(records: Servers['records'], { path, embedder }: CheckedMemory): Promise<string | null> {
  try {
    const named = await embedder();
    if (named === null) return null;
    if (records === null) return (await readMemoryDb({ path, embedder: named }))?.memoryId ?? null;
    const { readPostgresRecords } = await import('./records/postgres.ts');
    const store = await readPostgresRecords({ ...records, embedder: named }, new AbortController().signal);
    await store?.close();
    return store?.memoryId ?? null;
  } catch {
    return null;
  }
}
