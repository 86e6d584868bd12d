import { randomUUID } from 'node:crypto';
import type { QdrantClient } from '@qdrant/js-client-rest';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { Keys } from '../../lib/stores/graph/neo4j-rows.ts';

/** What can be wrong in a memory on servers, one thing a case, each planted by the server's own client. */

/** A sound memory on servers in which load.md has a version, and each server past apex. */
export interface Planting {
  readonly memoryId: string;
  /** The id of load.md. */
  readonly load: string;
  /** Statements of PostgreSQL; `@` stands for the schema and a full stop, `$load` for the id of load.md in quotes. */
  sql(text: string): Promise<pg.QueryResult>;
  /** Statements of Neo4j, with `$memory`, `$load` and more. */
  cypher(text: string, params?: object): Promise<unknown>;
  readonly qdrant: QdrantClient;
  readonly collection: string;
  readonly redis: Redis;
}

type Plant = (on: Planting) => Promise<unknown>;
type Expected = readonly [role: string, kind: string, problem: string];
export type ServerCase = readonly [name: string, plant: Plant, ...expected: Expected];

const sql =
  (text: string): Plant =>
  (on) =>
    on.sql(text);
const cypher =
  (text: string): Plant =>
  (on) =>
    on.cypher(text);

const OF_LOAD = 'WHERE document_id = $load';
const ONE_CHUNK = `WHERE chunk_row = (SELECT min(chunk_row) FROM @chunk ${OF_LOAD})`;
const ONE_FACT = `WHERE relation_id = (SELECT min(relation_id) FROM @fact ${OF_LOAD})`;

const RECORDS: readonly ServerCase[] = [
  ['a version that is gone', sql(`DELETE FROM @version ${OF_LOAD}`), 'records', 'document', 'missing'],
  [
    'a version that bears another’s id',
    sql(`UPDATE @version SET document_id = 'ghost' ${OF_LOAD}`),
    ...(['records', 'document', 'extra'] as const),
  ],
  ['a changed title', sql(`UPDATE @version SET title = 'x' ${OF_LOAD}`), 'records', 'document', 'changed'],
  [
    'a current version that is not marked as current',
    sql(`UPDATE @version SET state = 'superseded' ${OF_LOAD}`),
    ...(['records', 'document', 'stale'] as const),
  ],
  [
    'a version of a document that nobody wrote',
    sql(`CREATE TEMP TABLE ghost AS SELECT * FROM @version ${OF_LOAD};
      UPDATE ghost SET document_id = 'ghost', state = 'lost'; INSERT INTO @version SELECT * FROM ghost`),
    ...(['records', 'document', 'extra'] as const),
  ],
  ['a document whose row is gone', sql(`DELETE FROM @document ${OF_LOAD}`), 'records', 'document', 'extra'],
  ['a lost chunk', sql(`DELETE FROM @chunk ${ONE_CHUNK}`), 'records', 'chunk', 'missing'],
  ['a changed text', sql(`UPDATE @chunk SET text = text || ' x' ${ONE_CHUNK}`), 'records', 'chunk', 'changed'],
  ['a lost row of full text', sql(`UPDATE @chunk SET words = NULL ${ONE_CHUNK}`), 'records', 'text', 'missing'],
  [
    'full text of other words',
    sql(`UPDATE @chunk SET words = to_tsvector('simple', 'zebra') ${ONE_CHUNK}`),
    ...(['records', 'text', 'missing'] as const),
  ],
  ['a wrong number of words', sql('UPDATE @text_total SET words = words + 7'), 'records', 'text', 'changed'],
  ['a lost index', sql('DROP INDEX @chunk_by_words'), 'records', 'index', 'changed'],
  ['a lost fact', sql(`DELETE FROM @fact ${ONE_FACT}`), 'records', 'relation', 'missing'],
  ['a changed fact', sql(`UPDATE @fact SET quote = 'x' ${ONE_FACT}`), 'records', 'relation', 'changed'],
];

const DOCUMENT = '(d:ApexDocument {apex_memory: $memory, document_id: $load})';
const CHUNK = '(c:ApexChunk {apex_memory: $memory, document_id: $load})';
const MENTION = `${CHUNK}-[m:MENTIONS]->(e:ApexEntity)`;
const FACT = '()-[x:RELATES_TO {apex_memory: $memory, document_id: $load}]->()';

const GRAPH: readonly ServerCase[] = [
  ['a lost node of a document', cypher(`MATCH ${DOCUMENT} DETACH DELETE d`), 'graph', 'document', 'missing'],
  ['a document that readers do not see', cypher(`MATCH ${DOCUMENT} SET d.live = false`), 'graph', 'document', 'stale'],
  ['a changed document', cypher(`MATCH ${DOCUMENT} SET d.path = 'x'`), 'graph', 'document', 'changed'],
  ['a lost chunk', cypher(`MATCH ${CHUNK} WITH c LIMIT 1 DETACH DELETE c`), 'graph', 'chunk', 'missing'],
  ['a changed text', cypher(`MATCH ${CHUNK} WITH c LIMIT 1 SET c.text = 'x'`), 'graph', 'chunk', 'changed'],
  [
    'a chunk that is tied to no document',
    cypher(`MATCH ${CHUNK}-[r:FROM_DOCUMENT]->() WITH r LIMIT 1 DELETE r`),
    ...(['graph', 'chunk', 'changed'] as const),
  ],
  [
    'a chunk that follows none',
    cypher(`MATCH ${CHUNK}-[r:NEXT_CHUNK]->() WITH r LIMIT 1 DELETE r`),
    ...(['graph', 'chunk', 'changed'] as const),
  ],
  [
    'an extra node',
    ({ memoryId, cypher: run }) =>
      run(
        `MATCH ${CHUNK} WITH c{.*, uuid: $uuid, document_id: 'ghost', version: 1, apex_version: $key} AS p LIMIT 1
         CREATE (n:ApexChunk) SET n = p`,
        { uuid: randomUUID(), key: new Keys(memoryId).version({ documentId: 'ghost', version: 1 }) },
      ),
    ...(['graph', 'document', 'extra'] as const),
  ],
  [
    'an entity that nothing mentions',
    ({ cypher: run }) =>
      run("CREATE (:ApexEntity {uuid: $uuid, apex_memory: $memory, entity_id: 'stray'})", { uuid: randomUUID() }),
    ...(['graph', 'entity', 'extra'] as const),
  ],
  ['a changed entity', cypher(`MATCH ${MENTION} WITH e LIMIT 1 SET e.apex_key = 'x'`), 'graph', 'entity', 'changed'],
  ['a lost mention', cypher(`MATCH ${MENTION} WITH m LIMIT 1 DELETE m`), 'graph', 'mention', 'missing'],
  ['a changed mention', cypher(`MATCH ${MENTION} WITH m LIMIT 1 SET m.quote = 'x'`), 'graph', 'mention', 'changed'],
  [
    'an entity that is tied to no chunk',
    cypher(`MATCH ${MENTION} MATCH (e)-[r:FROM_CHUNK]->(c) WITH r LIMIT 1 DELETE r`),
    ...(['graph', 'chunk', 'changed'] as const),
  ],
  [
    'an entity that is tied to no document',
    cypher(`MATCH ${DOCUMENT}-[r:MENTIONS]->() WITH r LIMIT 1 DELETE r`),
    ...(['graph', 'document', 'changed'] as const),
  ],
  ['a lost fact', cypher(`MATCH ${FACT} WITH x LIMIT 1 DELETE x`), 'graph', 'relation', 'missing'],
  ['a changed fact', cypher(`MATCH ${FACT} WITH x LIMIT 1 SET x.fact = 'x'`), 'graph', 'relation', 'changed'],
  [
    'an end of a fact that is not written',
    cypher(`MATCH ${FACT} WHERE x.apex_invalid_at IS NOT NULL
      SET x.apex_invalid_at = null, x.apex_expired_at = null, x.invalid_at = null, x.expired_at = null`),
    ...(['graph', 'closing', 'stale'] as const),
  ],
  [
    'an end of a fact that should not be there',
    cypher(`MATCH ${FACT} WHERE x.apex_invalid_at IS NULL WITH x LIMIT 1 SET x.apex_invalid_at = '2026-01-21'`),
    ...(['graph', 'closing', 'stale'] as const),
  ],
];

const ofLoad = ({ memoryId, load }: Planting) => ({
  must: [
    { key: 'memory', match: { value: memoryId } },
    { key: 'metadata.document_id', match: { value: load } },
  ],
});

async function onePoint(on: Planting) {
  const asked = { filter: ofLoad(on), limit: 1, with_payload: true, with_vector: true };
  const { points } = await on.qdrant.scroll(on.collection, asked);
  const { id, payload, vector } = points[0]!;
  return { id, payload: payload!, vector: vector as number[] };
}

const VECTORS: readonly ServerCase[] = [
  [
    'a missing point',
    async (on) => on.qdrant.delete(on.collection, { points: [(await onePoint(on)).id] }),
    ...(['vectors', 'point', 'missing'] as const),
  ],
  [
    'a changed text',
    async (on) => on.qdrant.setPayload(on.collection, { payload: { content: 'x' }, points: [(await onePoint(on)).id] }),
    ...(['vectors', 'point', 'changed'] as const),
  ],
  [
    'another vector',
    async (on) => {
      const { id, vector } = await onePoint(on);
      return on.qdrant.updateVectors(on.collection, { points: [{ id, vector: vector.toReversed() }] });
    },
    ...(['vectors', 'point', 'changed'] as const),
  ],
  [
    'points that search does not find',
    (on) => on.qdrant.setPayload(on.collection, { payload: { live: false }, key: 'metadata', filter: ofLoad(on) }),
    ...(['vectors', 'point', 'stale'] as const),
  ],
  [
    'a point of a document that nobody wrote',
    async (on) => {
      const { payload, vector } = await onePoint(on);
      const point = { id: randomUUID(), vector, payload: { ...payload, document_version: '1:ghost' } };
      return on.qdrant.upsert(on.collection, { points: [point], wait: true });
    },
    ...(['vectors', 'document', 'extra'] as const),
  ],
  [
    'a point whose version cannot be read',
    async (on) => {
      const { payload, vector } = await onePoint(on);
      const point = { id: randomUUID(), vector, payload: { ...payload, document_version: 'x' } };
      return on.qdrant.upsert(on.collection, { points: [point], wait: true });
    },
    ...(['vectors', 'point', 'extra'] as const),
  ],
];

/** The keys of entries that begin so. */
function entries({ redis, memoryId }: Planting, beginning: string): Promise<string[]> {
  return redis.keys(`apex:${memoryId}:entry:${beginning}*`);
}

const CACHE: readonly ServerCase[] = [
  [
    'a wrong summary',
    async (on) => {
      const [key] = await entries(on, `summary:${on.memoryId}:${on.load}`);
      return on.redis.set(key!, '{}', 'KEEPTTL');
    },
    ...(['cache', 'summary', 'changed'] as const),
  ],
  [
    'a stale summary',
    async (on) => {
      const at = `apex:${on.memoryId}`;
      const key = `${at}:entry:summary:${on.memoryId}:ghost:v1`;
      await on.redis.sadd(`${at}:versions`, '1:ghost');
      await on.redis.sadd(`${at}:of:1:ghost`, key);
      return on.redis.set(key, '{}');
    },
    ...(['cache', 'summary', 'stale'] as const),
  ],
  [
    'embeddings of other texts',
    async (on) => {
      const keys = (await entries(on, 'embedding:')).sort();
      const values = await on.redis.mgetBuffer(keys);
      for (const [index, key] of keys.entries()) await on.redis.set(key, values[(index + 1) % keys.length]!, 'KEEPTTL');
    },
    ...(['cache', 'embedding', 'changed'] as const),
  ],
];

/** Every case. */
export const SERVER_DRIFT: readonly ServerCase[] = [...RECORDS, ...GRAPH, ...VECTORS, ...CACHE];
