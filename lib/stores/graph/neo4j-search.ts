import neo4j from 'neo4j-driver';
import type { Ranked, StoredEntity } from '../../contracts/store.ts';
import type { Reading } from './neo4j-inventory.ts';
import { groupIdOf, nameKey } from './neo4j-rows.ts';

/** How many chunks are asked about together. */
const PAGE_CHUNKS = 1_000;

const LIVE = (item: string) => `${item}.live = true AND ($group IS NULL OR ${item}.group_id = $group)`;

/** By what documents call it, and by its key. An index finds relationships only where nothing else is asked of their ends. */
const NAMED = `
  MATCH ()-[m:MENTIONS]->() WHERE m.apex_name IN $names AND m.apex_memory = $memory
  WITH startNode(m) AS c, endNode(m) AS e WHERE c:ApexChunk AND ${LIVE('c')}
  RETURN DISTINCT e.uuid AS uuid
  UNION
  MATCH (e:ApexEntity) WHERE e.apex_name IN $names AND e.apex_memory = $memory
  RETURN e.uuid AS uuid`;

/** A named entity counts whole, its neighbours half; each entity once for each chunk. */
const CHUNKS = `
  UNWIND $named AS uuid MATCH (n:ApexEntity {uuid: uuid})
  OPTIONAL MATCH (n)-[x:RELATES_TO]-(m:ApexEntity) WHERE x.apex_memory = $memory AND ${LIVE('x')}
  WITH collect(DISTINCT n) + collect(DISTINCT m) AS entities
  UNWIND entities AS e
  WITH DISTINCT e, CASE WHEN e.uuid IN $named THEN 1.0 ELSE 0.5 END AS weight
  MATCH (e)<-[:MENTIONS]-(c:ApexChunk) WHERE ${LIVE('c')}
  WITH DISTINCT c, e, weight
  RETURN c.id AS id, sum(weight) AS score ORDER BY score DESC, id LIMIT $limit`;

/** As `GraphStore.searchEntities`. */
export function searchChunks(
  { connection, memory, signal }: Reading,
  { names, limit, group }: { readonly names: readonly string[]; readonly limit: number; readonly group: string | null },
): Promise<Ranked[]> {
  const params = {
    memory,
    names: [...new Set(names.map(nameKey))],
    group: group === null ? null : groupIdOf(group),
    limit: neo4j.int(limit),
  };
  return connection.read('search', signal, async (run) => {
    const found = await run<{ uuid: string }>(NAMED, params);
    if (found.length === 0) return [];
    return run<{ id: string; score: number }>(CHUNKS, { ...params, named: found.map(({ uuid }) => uuid) });
  });
}

/** As `GraphStore.entitiesOf`; `chunks` are keys. */
export async function readEntitiesOf(
  { connection, signal }: Reading,
  chunks: readonly string[],
): Promise<ReadonlyMap<string, readonly StoredEntity[]>> {
  const entities = new Map<string, StoredEntity[]>();
  for (let from = 0; from < chunks.length; from += PAGE_CHUNKS) {
    const rows = await connection.read('entities', signal, (run) =>
      run<StoredEntity & { chunkId: string }>(
        `MATCH (c:ApexChunk)-[m:MENTIONS]->(e:ApexEntity) WHERE c.uuid IN $chunks
         WITH c.id AS chunkId, e, min(m.name) AS name, min(m.start) AS start ORDER BY chunkId, start
         RETURN chunkId, e.entity_id AS entityId, e.apex_type AS type, e.apex_key AS key, name`,
        { chunks: chunks.slice(from, from + PAGE_CHUNKS) },
      ),
    );
    for (const { chunkId, ...entity } of rows) entities.set(chunkId, [...(entities.get(chunkId) ?? []), entity]);
  }
  return entities;
}
