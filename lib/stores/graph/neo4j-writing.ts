import { ENTITY_TYPES } from '../../contracts/document.ts';
import { StoreError } from '../../contracts/errors.ts';
import type { Neo4jConnection, Run } from './neo4j-connection.ts';
import type { BatchRows, LinkRow } from './neo4j-rows.ts';

/** Rows of one statement. */
const SLICE_ROWS = 1_000;

const DOCUMENTS = `UNWIND $rows AS r
  MERGE (d:ApexDocument {uuid: r.uuid}) ON CREATE SET d:Document:Episodic:__Node__:__KGBuilder__
  SET d += r.p`;

const CHUNKS = `UNWIND $rows AS r
  MERGE (c:ApexChunk {uuid: r.uuid}) ON CREATE SET c:Chunk:__Node__:__KGBuilder__
  SET c += $shared[r.of], c += r.p
  WITH c, r MATCH (d:ApexDocument {uuid: r.to}) MERGE (c)-[:FROM_DOCUMENT]->(d)`;

const NEXT = `UNWIND $rows AS r
  MATCH (a:ApexChunk {uuid: r.from}) MATCH (b:ApexChunk {uuid: r.to}) MERGE (a)-[:NEXT_CHUNK]->(b)`;

/** A label cannot be a parameter: each of the table's types stands here, and nothing else can. */
const TYPE_LABELS = ENTITY_TYPES.map(
  (type) => `FOREACH (_ IN CASE WHEN r.type = '${type}' THEN [1] ELSE [] END | SET e:${type})`,
).join('\n  ');

/** Writing to each entity locks it until the commit, so that whoever removes entities waits, and then sees the mention. */
const ENTITIES = `UNWIND $rows AS r
  MERGE (e:ApexEntity {uuid: r.uuid})
  ON CREATE SET e:Entity:__Entity__:__Node__:__KGBuilder__, e.created_at = $shared[r.of].createdAt, e.summary = ''
  SET e += $shared[r.of].p, e += r.p
  ${TYPE_LABELS}`;

/** MERGE waits for the lock of an entity that is being removed; CREATE does not. */
const MENTIONS = `UNWIND $rows AS r
  MATCH (c:ApexChunk {uuid: r.from}) MATCH (e:ApexEntity {uuid: r.to})
  MERGE (c)-[m:MENTIONS {uuid: r.uuid}]->(e) SET m += $shared[r.of], m += r.p RETURN count(*) AS count`;

const FROM_CHUNK = `UNWIND $rows AS r
  MATCH (c:ApexChunk {uuid: r.from}) MATCH (e:ApexEntity {uuid: r.to}) MERGE (e)-[:FROM_CHUNK]->(c)`;

const EPISODES = `UNWIND $rows AS r
  MATCH (d:ApexDocument {uuid: r.from}) MATCH (e:ApexEntity {uuid: r.to})
  MERGE (d)-[m:MENTIONS {uuid: r.uuid}]->(e) SET m += $shared[r.of]`;

const RELATIONS = `UNWIND $rows AS r
  MATCH (s:ApexEntity {uuid: r.from}) MATCH (o:ApexEntity {uuid: r.to})
  MERGE (s)-[x:RELATES_TO {uuid: r.uuid}]->(o)
  SET x += $shared[r.of], x += r.p, x.source_node_uuid = r.from, x.target_node_uuid = r.to`;

/** Writes a batch in slices, each in a transaction of its own: what is there already becomes what the rows say. */
export async function writeBatch(
  connection: Neo4jConnection,
  rows: BatchRows,
  linkKey: (from: string, to: string) => string,
  signal: AbortSignal,
): Promise<void> {
  const options = { operation: 'write', size: SLICE_ROWS, signal };
  const { chunk, relation } = rows.shared;
  await connection.writeSlices(rows.documents, options, (run, slice) => run(DOCUMENTS, { rows: slice }));
  await connection.writeSlices(rows.chunks, options, (run, slice) => run(CHUNKS, { rows: slice, shared: chunk }));
  await connection.writeSlices(rows.next, options, (run, slice) => run(NEXT, { rows: slice }));
  await connection.writeSlices(rows.mentions, options, (run, slice) => writeMentions(run, slice, rows, linkKey));
  // Their entities are mentioned by now, so nobody removes them.
  await connection.writeSlices(rows.relations, options, (run, slice) =>
    run(RELATIONS, { rows: slice, shared: relation }),
  );
}

/** Entities and mentions in one transaction: between two, an entity without a mention would be removed by others. */
async function writeMentions(
  run: Run,
  slice: BatchRows['mentions'],
  { entities, shared }: BatchRows,
  linkKey: (from: string, to: string) => string,
): Promise<void> {
  const named = [...new Set(slice.map(({ to }) => to))].flatMap((uuid) => entities.get(uuid) ?? []);
  await run(ENTITIES, { rows: named, shared: shared.entity });
  const mentions = slice.map(({ uuid, from, to, of, p }) => ({ uuid, from, to, of, p }));
  const [written] = await run<{ count: number }>(MENTIONS, { rows: mentions, shared: shared.mention });
  assertWritten(written!.count, mentions.length);
  await run(FROM_CHUNK, { rows: distinct(slice.map(({ from, to }) => ({ from, to }))) });
  const ofDocuments = distinct(slice.map(({ document, to, of }) => ({ from: document, to, of })));
  const episodes = ofDocuments.map((pair) => ({ ...pair, uuid: linkKey(pair.from, pair.to) }));
  await run(EPISODES, { rows: episodes, shared: shared.mention });
}

/** A chunk that is gone was discarded by whoever took this batch over: without its mention an entity would stay that nobody removes. */
function assertWritten(count: number, expected: number): void {
  if (count === expected) return;
  throw new StoreError(`the graph took ${count} of ${expected} mentions: their chunks were removed meanwhile`, {
    code: 'STORE_COUNT',
    retryable: true,
    details: { count, expected },
  });
}

function distinct<Pair extends Pick<LinkRow, 'from' | 'to'>>(pairs: readonly Pair[]): Pair[] {
  return [...new Map(pairs.map((pair) => [pair.from + pair.to, pair])).values()];
}
