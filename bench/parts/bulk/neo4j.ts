import { randomUUID } from 'node:crypto';
import neo4j, { type Driver } from 'neo4j-driver';
import { ENTITY_TYPES } from '../../../lib/contracts/document.ts';
import type { StoredRelation, VersionRecord } from '../../../lib/contracts/store.ts';
import { openNeo4jGraph } from '../../../lib/stores/graph/neo4j.ts';
import { Neo4jConnection } from '../../../lib/stores/graph/neo4j-connection.ts';
import { openMemory } from '../../../lib/stores/graph/neo4j-schema.ts';
import { neo4jSettings } from '../../../tests/helpers/neo4j.ts';
import type { Loader, Place } from './loader.ts';

const never = new AbortController().signal;
const SLICE_ROWS = 1_000;
const LANES = 2;

/** Through apex. */
export async function apexNeo4j({ url, name }: Place): Promise<Loader> {
  const memoryId = randomUUID();
  const graph = await openNeo4jGraph({ ...neo4jSettings(url), memoryId }, never);
  return {
    write: async (batch, batchNo) => {
      await graph.write({ runId: name, batchNo }, batch, never);
    },
    show: (batch) => graph.publish(batch, never),
    ...looking(url, memoryId, () => graph.close()),
  };
}

/** The same nodes and relationships by the same statements, under the same constraints and indexes, from two sessions too. */
export async function bareNeo4j({ url }: Place): Promise<Loader> {
  const memoryId = randomUUID();
  const connection = new Neo4jConnection(neo4jSettings(url));
  await openMemory(connection, { memoryId }, never);
  await connection.close();
  const driver = driverOf(url);
  return {
    write: async (batch, batchNo) => {
      const rows = rowsOf(batch, memoryId, `${memoryId}-${batchNo}`);
      for (const [statements, items] of rows) await inSlices(driver, statements, items);
    },
    show: async () => {},
    ...looking(url, memoryId, () => driver.close()),
  };
}

type Row = { readonly [name: string]: unknown };
/** Statements of one transaction, each with its rows of an item. */
type Statements = readonly (readonly [text: string, rowsOf: (items: readonly Row[]) => readonly Row[]])[];

const own = (items: readonly Row[]) => items;

/** A label cannot be a parameter. */
const LABELS = ENTITY_TYPES.map(
  (type) => `FOREACH (_ IN CASE WHEN r.type = '${type}' THEN [1] ELSE [] END | SET e:${type})`,
).join(' ');

const DOCUMENTS: Statements = [
  [
    `UNWIND $rows AS r MERGE (d:ApexDocument {uuid: r.uuid}) ON CREATE SET d:Document:Episodic:__Node__:__KGBuilder__ SET d += r.p`,
    own,
  ],
];
const CHUNKS: Statements = [
  [
    `UNWIND $rows AS r MERGE (c:ApexChunk {uuid: r.uuid}) ON CREATE SET c:Chunk:__Node__:__KGBuilder__ SET c += r.p
     WITH c, r MATCH (d:ApexDocument {uuid: r.to}) MERGE (c)-[:FROM_DOCUMENT]->(d)`,
    own,
  ],
];
const NEXT: Statements = [
  [
    `UNWIND $rows AS r MATCH (a:ApexChunk {uuid: r.from}) MATCH (b:ApexChunk {uuid: r.to}) MERGE (a)-[:NEXT_CHUNK]->(b)`,
    own,
  ],
];
const MENTIONS: Statements = [
  [
    `UNWIND $rows AS r MERGE (e:ApexEntity {uuid: r.uuid})
     ON CREATE SET e:Entity:__Entity__:__Node__:__KGBuilder__, e.created_at = r.createdAt, e.summary = ''
     SET e += r.p ${LABELS}`,
    (items) =>
      distinct(
        items.map(({ entity }) => entity as Row),
        ({ uuid }) => String(uuid),
      ),
  ],
  [
    `UNWIND $rows AS r MATCH (c:ApexChunk {uuid: r.from}) MATCH (e:ApexEntity {uuid: r.to})
     MERGE (c)-[m:MENTIONS {uuid: r.uuid}]->(e) SET m += r.p`,
    (items) => items.map(({ uuid, from, to, p }) => ({ uuid, from, to, p })),
  ],
  [
    `UNWIND $rows AS r MATCH (c:ApexChunk {uuid: r.from}) MATCH (e:ApexEntity {uuid: r.to}) MERGE (e)-[:FROM_CHUNK]->(c)`,
    (items) =>
      distinct(
        items.map(({ from, to }) => ({ from, to })),
        ({ from, to }) => `${from}${to}`,
      ),
  ],
  [
    `UNWIND $rows AS r MATCH (d:ApexDocument {uuid: r.from}) MATCH (e:ApexEntity {uuid: r.to})
     MERGE (d)-[m:MENTIONS {uuid: r.uuid}]->(e) SET m += r.p`,
    (items) =>
      distinct(
        items.map(({ document, to, episode }) => ({ from: document, to, uuid: `${document}${to}`, p: episode })),
        ({ uuid }) => uuid,
      ),
  ],
];
const RELATIONS: Statements = [
  [
    `UNWIND $rows AS r MATCH (s:ApexEntity {uuid: r.from}) MATCH (o:ApexEntity {uuid: r.to})
     MERGE (s)-[x:RELATES_TO {uuid: r.uuid}]->(o) SET x += r.p`,
    own,
  ],
];

/** A digest is as long as this; a bare script makes none. */
const DIGEST = '0'.repeat(64);

function rowsOf(batch: readonly VersionRecord[], memory: string, batchKey: string): (readonly [Statements, Row[]])[] {
  const documents: Row[] = [];
  const chunks: Row[] = [];
  const next: Row[] = [];
  const mentions: Row[] = [];
  const relations: Row[] = [];
  for (const record of batch) {
    const document = `${memory}${record.documentId}`;
    const createdAt = neo4j.types.DateTime.fromStandardDate(new Date(record.createdAt));
    const statedAt = neo4j.types.DateTime.fromStandardDate(new Date(record.statedAt ?? record.createdAt));
    const stamp = {
      ...{ apex_memory: memory, document_id: record.documentId, version: neo4j.int(record.version) },
      ...{ run_id: batchKey, batch_no: neo4j.int(0), group_id: record.group, created_at: createdAt },
    };
    const found = { ...stamp, apex_version: document, apex_batch: batchKey, live: true };
    documents.push({
      uuid: document,
      p: {
        ...found,
        ...{ id: record.uuid, name: record.name, path: record.sourceUri, fileName: record.name },
        ...{ createdAt: record.createdAt, document_type: record.mediaType, source: 'text' },
        ...{ source_description: record.source, entity_edges: record.relations.map(({ relationId }) => relationId) },
        content: record.chunks
          .map(({ text }) => text)
          .join('\n\n')
          .slice(0, 4_000),
        ...{ valid_at: statedAt, apex_group: record.group, apex_source: record.source, parent_id: record.parentId },
        ...{ content_digest: record.contentDigest, title: record.title, stated_at: record.statedAt },
      },
    });
    for (const [index, chunk] of record.chunks.entries()) {
      const uuid = `${memory}${chunk.chunkId}`;
      const position = neo4j.int(chunk.ordinal);
      const texts = { id: chunk.chunkId, text: chunk.text, text_digest: DIGEST, fileName: record.name };
      chunks.push({ uuid, to: document, p: { ...found, ...texts, index: position, position, page: chunk.page } });
      if (index > 0) next.push({ from: `${memory}${record.chunks[index - 1]!.chunkId}`, to: uuid });
    }
    const entities = new Map(record.entities.map((entity) => [entity.entityId, entity]));
    for (const mention of record.mentions) {
      const { type, key, name, entityId } = entities.get(mention.entityId)!;
      const names = {
        apex_key: key,
        apex_name: DIGEST.slice(32),
        group_id: record.group,
        name: key,
        id: `${key} (${type})`,
      };
      const p = { apex_memory: memory, entity_id: entityId, apex_group: record.group, apex_type: type, ...names };
      mentions.push({
        ...{ uuid: `${memory}${mention.mentionId}`, from: `${memory}${mention.chunkId}`, to: `${memory}${entityId}` },
        ...{ document, episode: stamp, entity: { uuid: `${memory}${entityId}`, type, p, createdAt } },
        p: {
          ...stamp,
          ...{ mention_id: mention.mentionId, name, apex_name: DIGEST.slice(32), quote: mention.quote },
          ...{ start: neo4j.int(mention.start), end: neo4j.int(mention.end) },
        },
      });
    }
    for (const relation of record.relations) {
      const [from, to] = [`${memory}${relation.subjectId}`, `${memory}${relation.objectId}`];
      relations.push({
        ...{ uuid: `${memory}${relation.relationId}`, from, to },
        p: {
          ...found,
          ...{
            relation_id: relation.relationId,
            name: relation.type,
            fact: relation.quote,
            chunk_id: relation.chunkId,
          },
          ...{ episodes: [document], source_node_uuid: from, target_node_uuid: to, apex_valid_at: relation.validAt },
          ...{ valid_at: dateTime(relation.validAt), ...endOf(relation, record.createdAt) },
          ...detailProperties(relation.detail ?? {}),
        },
      });
    }
  }
  const byEntity = (a: Row, b: Row) => (String(a['to']) < String(b['to']) ? -1 : 1);
  return [
    [DOCUMENTS, documents],
    [CHUNKS, chunks],
    [NEXT, next],
    [MENTIONS, mentions.sort(byEntity)],
    [RELATIONS, relations.sort(byEntity)],
  ];
}

function dateTime(text: string | null): unknown {
  return text === null ? null : neo4j.types.DateTime.fromStandardDate(new Date(text));
}

function endOf({ invalidAt = null }: StoredRelation, createdAt: string): Row {
  if (invalidAt === null) return {};
  return {
    ...{ apex_stated_until: invalidAt, apex_invalid_at: invalidAt, invalid_at: dateTime(invalidAt) },
    ...{ apex_expired_at: createdAt, expired_at: dateTime(createdAt) },
  };
}

function detailProperties(detail: NonNullable<StoredRelation['detail']>): Row {
  const named = Object.entries(detail).map(([name, value]) => [`detail_${name}`, value] as const);
  return named.length === 0 ? {} : { apex_detail: JSON.stringify(detail), ...Object.fromEntries(named) };
}

async function inSlices(driver: Driver, statements: Statements, items: readonly Row[]): Promise<void> {
  let from = 0;
  const lane = async () => {
    while (from < items.length) {
      const slice = items.slice(from, from + SLICE_ROWS);
      from += SLICE_ROWS;
      await repeated(() => inTransaction(driver, statements, slice));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function inTransaction(driver: Driver, statements: Statements, slice: readonly Row[]): Promise<void> {
  const session = driver.session();
  try {
    const transaction = session.beginTransaction();
    for (const [text, rowsOf] of statements) await transaction.run(text, { rows: rowsOf(slice) });
    await transaction.commit();
  } finally {
    await session.close();
  }
}

/** Two sessions may deadlock. */
async function repeated(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof neo4j.Neo4jError && error.retriable) || attempt === 10) throw error;
    }
}

function distinct<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] {
  return [...new Map(items.map((item) => [keyOf(item), item])).values()];
}

function driverOf(url: string): Driver {
  const { uri, username, password } = neo4jSettings(url);
  return neo4j.driver(uri, neo4j.auth.basic(username, password), {
    disableLosslessIntegers: true,
    maxTransactionRetryTime: 0,
  });
}

const COUNTS: { readonly [name: string]: string } = {
  documents: '(n:ApexDocument {apex_memory: $memory})',
  chunks: '(n:ApexChunk {apex_memory: $memory})',
  'visible chunks': '(n:ApexChunk {apex_memory: $memory, live: true})',
  entities: '(n:ApexEntity {apex_memory: $memory})',
  mentions: '(:ApexChunk {apex_memory: $memory})-[n:MENTIONS]->()',
  episodes: '(:ApexDocument {apex_memory: $memory})-[n:MENTIONS]->()',
  'from chunk': '(:ApexChunk {apex_memory: $memory})<-[n:FROM_CHUNK]-()',
  'next chunk': '(:ApexChunk {apex_memory: $memory})-[n:NEXT_CHUNK]->()',
  relations: '(:ApexEntity {apex_memory: $memory})-[n:RELATES_TO]->()',
};

function looking(url: string, memory: string, close: () => Promise<void>): Omit<Loader, 'write' | 'show'> {
  const ask = async (text: string) => {
    const driver = driverOf(url);
    const session = driver.session();
    try {
      const { records } = await session.run(text, { memory });
      return records[0]?.keys.includes('n') ? Number(records[0].get('n')) : 0;
    } finally {
      await session.close();
      await driver.close();
    }
  };
  return {
    counts: async () => {
      const counts: Record<string, number> = {};
      for (const [name, pattern] of Object.entries(COUNTS))
        counts[name] = await ask(`MATCH ${pattern} RETURN count(n) AS n`);
      return counts;
    },
    // The server does not tell.
    sizes: async () => ({}),
    remove: async () => {
      for (const match of REMOVED)
        while ((await ask(`MATCH ${match} WITH n LIMIT 1000 DETACH DELETE n RETURN count(*) AS n`)) > 0);
      await close();
    },
  };
}

/** How much is visible in each memory of a server, the fullest first. */
export async function visibleByMemory(url: string): Promise<Readonly<Record<string, number>>[]> {
  const driver = driverOf(url);
  const found = new Map<string, Record<string, number>>();
  for (const [name, match] of Object.entries(VISIBLE)) {
    const { records } = await driver.executeQuery(`MATCH ${match} RETURN n.apex_memory AS memory, count(n) AS count`);
    for (const record of records) {
      const memory: string = record.get('memory');
      found.set(memory, { ...found.get(memory), [name]: Number(record.get('count')) });
    }
  }
  await driver.close();
  const relationsOf = ({ relations = 0 }: Record<string, number>) => relations;
  return [...found.values()].sort((a, b) => relationsOf(b) - relationsOf(a));
}

const VISIBLE: { readonly [name: string]: string } = {
  documents: '(n:ApexDocument {live: true})',
  chunks: '(n:ApexChunk {live: true})',
  entities: '(n:ApexEntity)',
  mentions: '(:ApexChunk)-[n:MENTIONS]->()',
  relations: '()-[n:RELATES_TO {live: true}]->()',
};

const REMOVED = [
  ...['Chunk', 'Document', 'Entity'].map((label) => `(n:Apex${label} {apex_memory: $memory})`),
  '(n:ApexMemory {uuid: $memory})',
];
