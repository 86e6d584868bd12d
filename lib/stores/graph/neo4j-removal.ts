import type { Neo4jConnection, Run } from './neo4j-connection.ts';

/** How many nodes or relationships a transaction removes. */
const SLICE_ITEMS = 10_000;
/** A chunk takes its mentions and its other relationships along, about four of these together. */
const SLICE_CHUNKS = 2_500;

/** What is removed: items of this memory that carry one of the keys in this property. */
interface Selection {
  readonly memory: string;
  readonly by: 'apex_version' | 'apex_batch';
  readonly keys: readonly string[];
}

/** A name of a property is no parameter: each selects by an index of its own. */
const SELECTED = {
  apex_version: { document: 'd.uuid IN $keys', item: 'x.apex_memory = $memory AND x.apex_version IN $keys' },
  apex_batch: { document: 'd.apex_batch IN $keys', item: 'x.apex_batch IN $keys' },
} as const;

/** Items of a version that went together. */
type Removed = { readonly version: string; readonly count: number };

/** Writing to a node locks it until the commit; removing what is not there leaves no trace, see `ensureLocks`. Sorted, so that two of these do not meet. */
const LOCK_ENTITIES = 'UNWIND $entities AS u MATCH (e:ApexEntity {uuid: u}) REMOVE e._lock';

/** Never detaching: what somebody else has tied to an entity keeps it. */
const REMOVE_ENTITIES = `UNWIND $entities AS u MATCH (e:ApexEntity {uuid: u}) WHERE NOT EXISTS { (e)--() }
  DELETE e RETURN count(*) AS count`;

/**
 * Removes what is selected, in slices, each in a transaction of its own: facts, then chunks with their mentions and the entities
 * that nobody mentions any more, and last the documents, which tell until then that something is left.
 *
 * @returns how many items of each version went, by its key.
 */
export async function removeItems(
  connection: Neo4jConnection,
  { memory, by, keys }: Selection,
  { operation, signal }: { readonly operation: string; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, number>> {
  const removed = new Map<string, number>();
  if (keys.length === 0) return removed;
  const where = SELECTED[by];
  const remove = (size: number, work: (run: Run, params: Params) => Promise<readonly Removed[]>) =>
    connection.writeUntilNone({ operation, size, signal }, (run, limit) => work(run, { memory, keys, limit }));
  const facts = await remove(SLICE_ITEMS, (run, params) =>
    run<Removed>(
      `MATCH ()-[x:RELATES_TO]->() WHERE ${where.item} WITH x, x.apex_version AS version LIMIT $limit
       DELETE x RETURN version, count(*) AS count`,
      params,
    ),
  );
  // Those of the documents' own nodes say again what the mentions of their chunks say.
  await remove(SLICE_ITEMS, (run, params) =>
    run<Removed>(
      `MATCH (d:ApexDocument)-[m:MENTIONS]->() WHERE ${where.document} WITH d.uuid AS version, m LIMIT $limit
       DELETE m RETURN version, count(*) AS count`,
      params,
    ),
  );
  const chunks = await remove(SLICE_CHUNKS, (run, params) => removeChunks(run, where.item, params));
  const documents = await remove(SLICE_ITEMS, (run, params) =>
    run<Removed>(
      `MATCH (d:ApexDocument) WHERE ${where.document} WITH d, d.uuid AS version LIMIT $limit
       DETACH DELETE d RETURN version, count(*) AS count`,
      params,
    ),
  );
  for (const { version, count } of [...facts, ...chunks, ...documents])
    removed.set(version, (removed.get(version) ?? 0) + count);
  return removed;
}

type Params = { readonly memory: string; readonly keys: readonly string[]; readonly limit: unknown };

/** The locks come first: a mention made after they were asked for waits, and one made before keeps its entity. */
async function removeChunks(run: Run, where: string, params: Params): Promise<Removed[]> {
  const [found] = await run<{ chunks: string[]; entities: string[] }>(
    `MATCH (x:ApexChunk) WHERE ${where} WITH x LIMIT $limit REMOVE x._lock
     WITH x OPTIONAL MATCH (x)-[:MENTIONS]->(e:ApexEntity)
     RETURN collect(DISTINCT x.uuid) AS chunks, collect(DISTINCT e.uuid) AS entities`,
    params,
  );
  const { chunks, entities } = found!;
  if (chunks.length === 0) return [];
  entities.sort();
  await run(LOCK_ENTITIES, { entities });
  const removed = await run<Removed>(
    `UNWIND $chunks AS u MATCH (c:ApexChunk {uuid: u})
     WITH c, c.apex_version AS version, COUNT { (c)-[:MENTIONS]->(:ApexEntity) } AS mentions
     DETACH DELETE c RETURN version, sum(1 + mentions) AS count`,
    { chunks },
  );
  await run(REMOVE_ENTITIES, { entities });
  return removed;
}

/** Removes those of these entities that nothing is tied to, looked at again under a lock. */
export async function removeEntities(
  connection: Neo4jConnection,
  entities: readonly string[],
  { operation, signal }: { readonly operation: string; readonly signal: AbortSignal },
): Promise<void> {
  const options = { operation, size: SLICE_ITEMS, signal };
  await connection.writeSlices(entities.toSorted(), options, async (run, slice) => {
    await run(LOCK_ENTITIES, { entities: slice });
    await run(REMOVE_ENTITIES, { entities: slice });
  });
}
