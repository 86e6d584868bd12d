import { randomUUID } from 'node:crypto';
import neo4j from 'neo4j-driver';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import type { GraphStore, VersionRecord } from '../../../../lib/contracts/store.ts';
import { type Neo4jGraphSettings, openNeo4jGraph, readNeo4jIdentity } from '../../../../lib/stores/graph/neo4j.ts';
import { graphStoreContract } from '../../../contracts/graph-store.contract.ts';
import { storeContract } from '../../../contracts/store.contract.ts';
import { largeRecord } from '../../../helpers/large.ts';
import { cypher, neo4jSettings } from '../../../helpers/neo4j.ts';
import {
  collect,
  entityOf,
  expectedTexts,
  never,
  recordOf,
  ref,
  rowTexts,
  versionOf,
} from '../../../helpers/records.ts';

const { neo4j: url } = inject('servers');

const settingsOf = (memoryId: string) => ({ ...neo4jSettings(url!), memoryId });

async function openGraph(
  memoryId: string = randomUUID(),
  changes: Partial<Neo4jGraphSettings> = {},
): Promise<GraphStore> {
  const store = await openNeo4jGraph({ ...settingsOf(memoryId), ...changes }, never);
  onTestFinished(() => store.close());
  return store;
}

const textsOf = async (store: GraphStore, records: readonly VersionRecord[]) =>
  rowTexts(await collect(store.inventory(records.map(versionOf), never)));

const itemsOf = (record: VersionRecord) => record.inventory.graph.filter(({ kind }) => kind !== 'entity').length;

/** Everything of a memory, past the adapter. */
const nodesOf = (memoryId: string) =>
  cypher(url!, 'MATCH (n {apex_memory: $memoryId}) RETURN labels(n) AS labels, n.uuid AS uuid', { memoryId });

const a = recordOf('a', { organizations: ['acme', 'globex'] });

describe.skipIf(url === null)('neo4j', () => {
  const openOwn = () => openNeo4jGraph(settingsOf(randomUUID()), never);
  storeContract('neo4j', 'graph', openOwn);
  graphStoreContract('neo4j', openOwn);
});

describe.skipIf(url === null)('two memories in one Neo4j', () => {
  test('do not see, count, end or remove each other’s items, though these are the same', async () => {
    const memoryId = randomUUID();
    const [one, other] = [await openGraph(memoryId), await openGraph()];
    await one.write(ref('run-1'), [a], never);
    await one.publish([versionOf(a)], never);
    expect(await other.count(ref('run-1'), never)).toBe(0);
    expect(await collect(other.versions(never))).toEqual([]);
    expect(await other.documents([versionOf(a)], never)).toEqual([]);
    expect(await other.searchEntities(['acme'], 10, null, never)).toEqual([]);
    expect(await other.entitiesOf([a.chunks[0]!.chunkId], never)).toEqual(new Map());
    const { relationId } = a.relations[0]!;
    await other.setClosings([{ relationId, invalidAt: '2026-01-01', expiredAt: null }], never);
    expect(await one.closings([versionOf(a)], never)).toEqual([{ relationId, invalidAt: null, expiredAt: null }]);

    await other.write(ref('run-1'), [a], never);
    await other.discard(ref('run-1'), never);
    expect(await other.retire([versionOf(a)], never)).toEqual([0]);
    expect(await textsOf(one, [a])).toEqual(expectedTexts('graph', [a]));
    expect(await one.searchEntities(['acme'], 10, null, never)).toHaveLength(1);
  });

  test('have identities of their own, which a memory keeps and which reading does not make', async () => {
    const memoryId = randomUUID();
    expect(await readNeo4jIdentity(settingsOf(memoryId), never)).toBe('');
    expect(await cypher(url!, 'MATCH (m:ApexMemory {uuid: $memoryId}) RETURN m', { memoryId })).toEqual([]);
    const [one, again, other] = [await openGraph(memoryId), await openGraph(memoryId), await openGraph()];
    expect(again.identity).toBe(one.identity);
    expect(await readNeo4jIdentity(settingsOf(memoryId), never)).toBe(one.identity);
    expect(other.identity).not.toBe(one.identity);
  });

  test('have strays of their own', async () => {
    const [memoryId, otherId] = [randomUUID(), randomUUID()];
    const [one, other] = [await openGraph(memoryId), await openGraph(otherId)];
    for (const memory of [memoryId, otherId])
      await cypher(url!, "CREATE (:ApexEntity {uuid: $uuid, apex_memory: $memory, entity_id: 'stray'})", {
        ...{ uuid: randomUUID(), memory },
      });
    expect(await one.strays(never)).toEqual([{ kind: 'entity', id: 'stray', problem: 'extra' }]);
    await one.mendStrays(await one.strays(never), never);
    expect(await one.strays(never)).toEqual([]);
    expect(await other.strays(never)).toHaveLength(1);
  });
});

describe.skipIf(url === null)('a graph in Neo4j', () => {
  test('of a newer format is refused, and left as it is', async () => {
    const memoryId = randomUUID();
    await cypher(url!, 'CREATE (:ApexMemory {uuid: $memoryId, format: 99})', { memoryId });
    await expect(openNeo4jGraph(settingsOf(memoryId), never)).rejects.toMatchObject({
      code: 'NEWER_FORMAT',
      message: expect.stringContaining('99'),
    });
    const rows = await cypher(url!, 'MATCH (m:ApexMemory {uuid: $memoryId}) RETURN properties(m) AS p', { memoryId });
    expect(rows).toEqual([{ p: { uuid: memoryId, format: 99 } }]);
  });

  test('is in a database that knows the property by whose removal nodes are locked', async () => {
    await openGraph();
    expect(
      await cypher(url!, "CALL db.propertyKeys() YIELD propertyKey WHERE propertyKey = '_lock' RETURN 1 AS n"),
    ).toEqual([{ n: 1 }]);
  });

  /** Two formats after this apex's; what each does would show if it were done twice. */
  const later = (more: readonly string[] = []) => ({
    number: 3,
    migrations: {
      2: ["MATCH (d:ApexDocument {apex_memory: $memory}) SET d.note = coalesce(d.note, '') + '2'"],
      3: ["MATCH (d:ApexDocument {apex_memory: $memory}) SET d.note = d.note + '3'", ...more],
    },
  });
  const notesOf = (memoryId: string) =>
    cypher(
      url!,
      `MATCH (m:ApexMemory {uuid: $memoryId}) MATCH (d:ApexDocument {apex_memory: $memoryId})
       RETURN m.format AS format, d.note AS note`,
      { memoryId },
    );

  test('of older formats is brought to the one that is asked for, format by format, once, however many come', async () => {
    const [memoryId, otherId] = [randomUUID(), randomUUID()];
    const [store, other] = [await openGraph(memoryId), await openGraph(otherId)];
    for (const graph of [store, other]) await graph.write(ref('run-1'), [recordOf('a')], never);
    const opened = await Promise.all([1, 2, 3].map(() => openGraph(memoryId, { format: later() })));
    expect(new Set([store, ...opened].map(({ identity }) => identity)).size).toBe(1);
    expect(await notesOf(memoryId)).toEqual([{ format: 3, note: '23' }]);
    expect(await notesOf(otherId)).toEqual([{ format: 1, note: null }]);
    await expect(openGraph(memoryId)).rejects.toMatchObject({ code: 'NEWER_FORMAT' });
  });

  test('that cannot be brought to a newer format stays of the last that it came to', async () => {
    const memoryId = randomUUID();
    await (await openGraph(memoryId)).write(ref('run-1'), [recordOf('a')], never);
    const wrong = later(['MATCH (d:ApexDocument {apex_memory: $memory}) MERGE (:ApexDocument {uuid: null})']);
    await expect(openGraph(memoryId, { format: wrong })).rejects.toMatchObject({ retryable: false });
    expect(await notesOf(memoryId)).toEqual([{ format: 2, note: '2' }]);
    await openGraph(memoryId, { format: later() });
    expect(await notesOf(memoryId)).toEqual([{ format: 3, note: '23' }]);
  });

  test('takes a large document, another version of it, and the removal of both, and nothing is left', async () => {
    const memoryId = randomUUID();
    const store = await openGraph(memoryId);
    const [first, second] = [1, 2].map((version) => largeRecord('large', { chunkCount: 3_000, version }));
    expect(await store.write(ref('run-1'), [first!], never)).toBe(itemsOf(first!));
    await store.publish([versionOf(first!)], never);
    await store.write(ref('run-2'), [second!], never);
    await store.publish([versionOf(second!)], never);
    expect(await store.retire([versionOf(first!)], never)).toEqual([itemsOf(first!)]);
    expect(await textsOf(store, [second!])).toEqual(expectedTexts('graph', [second!]));
    expect(await store.strays(never)).toEqual([]);
    await store.discard(ref('run-2'), never);
    expect(await nodesOf(memoryId)).toEqual([]);
  });

  test('holds only what was written last under a batch', async () => {
    const store = await openGraph();
    const b = recordOf('b', { organizations: ['initech'] });
    await store.write(ref('run-1'), [a, b], never);
    expect(await store.write(ref('run-1'), [a], never)).toBe(itemsOf(a));
    expect(await textsOf(store, [a, b])).toEqual(expectedTexts('graph', [a]));
    expect(await store.strays(never)).toEqual([]);
  });

  test('takes names, keys, quotes and ids of any length', async () => {
    const store = await openGraph();
    const long = 'x'.repeat(20_000);
    const record = recordOf(`doc-${long}`, { group: long, organizations: [long, 'acme'] });
    await store.write(ref('run-1'), [record], never);
    await store.publish([versionOf(record)], never);
    expect(await textsOf(store, [record])).toEqual(expectedTexts('graph', [record]));
    expect(await store.searchEntities([long], 10, long, never)).toHaveLength(1);
  });

  test('lists a version once that has lost its document’s node', async () => {
    const memoryId = randomUUID();
    const store = await openGraph(memoryId);
    const b = recordOf('b', { organizations: ['acme', 'initech'] });
    await store.write(ref('run-1', 3), [a, b], never);
    await cypher(url!, "MATCH (d:ApexDocument {apex_memory: $memoryId, document_id: 'a'}) DETACH DELETE d", {
      memoryId,
    });
    await cypher(url!, "MATCH (n {apex_memory: $memoryId, document_id: 'b'}) DETACH DELETE n", { memoryId });
    const listed = await collect(store.versions(never));
    expect(listed.toSorted((x, y) => (x.documentId < y.documentId ? -1 : 1))).toEqual([
      { documentId: 'a', version: 1, runId: 'run-1', batchNo: 3 },
      { documentId: 'b', version: 1, runId: 'run-1', batchNo: 3 },
    ]);
    expect(await store.retire([versionOf(a), versionOf(b)], never)).toEqual([itemsOf(a) - 1, b.relations.length]);
  });

  test('keeps an entity that somebody else has tied something to, and it is no stray', async () => {
    const memoryId = randomUUID();
    const store = await openGraph(memoryId);
    await store.write(ref('run-1'), [a], never);
    await cypher(
      url!,
      "MATCH (e:ApexEntity {apex_memory: $memoryId, apex_key: 'acme'}) CREATE (:Community {uuid: $memoryId})-[:HAS_MEMBER]->(e)",
      { memoryId },
    );
    await store.discard(ref('run-1'), never);
    expect(await store.strays(never)).toEqual([]);
    expect(await nodesOf(memoryId)).toHaveLength(1);
  });

  test('leaves no entity behind of a batch whose chunks were discarded while it was written', async () => {
    const memoryId = randomUUID();
    const store = await openGraph(memoryId);
    const ofNoChunk = { ...a, chunks: a.chunks.slice(1), relations: [] };
    await expect(store.write(ref('run-1'), [ofNoChunk], never)).rejects.toMatchObject({
      code: 'STORE_COUNT',
      retryable: true,
    });
    expect(await store.strays(never)).toEqual([]);
    await store.discard(ref('run-1'), never);
    expect(await nodesOf(memoryId)).toEqual([]);
  });

  test('begins nothing for one who has given up', async () => {
    const memoryId = randomUUID();
    const store = await openGraph(memoryId);
    const reason = new Error('given up');
    await expect(store.write(ref('run-1'), [a], AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await nodesOf(memoryId)).toEqual([]);
  });

  test('holds every entity while many write and discard it at once', async () => {
    const memoryId = randomUUID();
    const store = await openGraph(memoryId);
    const organizations = Array.from({ length: 20 }, (_, index) => `org ${index}`);
    const kept = Array.from({ length: 4 }, (_, lane) => recordOf(`kept-${lane}`, { organizations }));
    await Promise.all(
      kept.map(async (record, lane) => {
        for (let round = 0; round < 4; round += 1) {
          const passing = recordOf(`passing-${lane}-${round}`, {
            organizations: lane % 2 === 0 ? organizations : organizations.toReversed(),
          });
          await store.write(ref(`run-${lane}`, round), [passing], never);
          await store.discard(ref(`run-${lane}`, round), never);
        }
        await store.write(ref(`run-${lane}`, 99), [record], never);
      }),
    );
    expect(await textsOf(store, kept)).toEqual(expectedTexts('graph', kept));
    expect(await store.strays(never)).toEqual([]);
    await store.retire(kept.map(versionOf), never);
    expect(await nodesOf(memoryId)).toEqual([]);
  });
});

describe.skipIf(url === null)('verify sees in Neo4j', () => {
  test.each([
    ['a document’s name', "MATCH (n:ApexDocument {apex_memory: $m}) SET n.name = 'x'", 'document'],
    [
      'a document’s group for other readers',
      "MATCH (n:ApexDocument {apex_memory: $m}) SET n.group_id = 'x'",
      'document',
    ],
    ['a chunk’s place', 'MATCH (n:ApexChunk {apex_memory: $m}) SET n.index = 7', 'chunk'],
    ['a chunk’s text', "MATCH (n:ApexChunk {apex_memory: $m}) SET n.text = 'x'", 'chunk'],
    ['a mention’s quote', "MATCH (:ApexChunk {apex_memory: $m})-[n:MENTIONS]->() SET n.quote = 'x'", 'mention'],
    [
      'what a mention is found by',
      "MATCH (:ApexChunk {apex_memory: $m})-[n:MENTIONS]->() SET n.apex_name = 'x'",
      'mention',
    ],
    ['an entity’s key', "MATCH (n:ApexEntity {apex_memory: $m}) SET n.apex_key = 'x'", 'entity'],
    ['what an entity is found by', "MATCH (n:ApexEntity {apex_memory: $m}) SET n.apex_name = 'x'", 'entity'],
    ['an entity’s group', "MATCH (n:ApexEntity {apex_memory: $m}) SET n.apex_group = 'x'", 'entity'],
    ['an entity’s label', 'MATCH (n:ApexEntity {apex_memory: $m}) REMOVE n:Organization', 'entity'],
    ['a fact’s text', "MATCH ()-[n:RELATES_TO {apex_memory: $m}]->() SET n.fact = 'x'", 'relation'],
    ['a fact’s beginning', "MATCH ()-[n:RELATES_TO {apex_memory: $m}]->() SET n.apex_valid_at = 'x'", 'relation'],
  ])('that %s was changed, and whoever writes it again mends it', async (_, damage, kind) => {
    const memoryId = randomUUID();
    const store = await openGraph(memoryId);
    await store.write(ref('run-1'), [a], never);
    await cypher(url!, damage, { m: memoryId });
    const right = new Set(expectedTexts('graph', [a]));
    const rows = await collect(store.inventory([versionOf(a)], never));
    const changed = rows.filter((row) => !right.has(rowTexts([row])[0]!));
    expect(new Set(changed.map((row) => row.kind))).toEqual(new Set([kind]));
    await store.write(ref('run-1'), [a], never);
    expect(await textsOf(store, [a])).toEqual([...right].sort());
  });

  test.each(['ApexDocument', 'ApexChunk'])('that %s is marked as not visible', async (label) => {
    const memoryId = randomUUID();
    const store = await openGraph(memoryId);
    await store.write(ref('run-1'), [a], never);
    await store.publish([versionOf(a)], never);
    await cypher(url!, `MATCH (n:${label} {apex_memory: $m}) REMOVE n.live`, { m: memoryId });
    const marks = async () => (await collect(store.inventory([versionOf(a)], never))).map(({ isLive }) => isLive);
    expect(await marks()).toContain(false);
    await store.publish([versionOf(a)], never);
    expect(await marks()).not.toContain(false);
  });
});

/** Goal: Graphiti and readers of lexical graphs open it. Method: what they require, asked of the server as they ask. */
describe.skipIf(url === null)('other readers find in Neo4j', () => {
  const published = async () => {
    const memoryId = randomUUID();
    const record = recordOf('a', { organizations: [`acme${memoryId.slice(0, 8)}`, 'globex'], group: 'north_2' });
    const store = await openGraph(memoryId);
    await store.write(ref('run-1'), [record], never);
    await store.publish([versionOf(record)], never);
    return { memoryId, record, store };
  };
  const isUtc = (value: unknown) =>
    value instanceof neo4j.types.DateTime &&
    Number(value.timeZoneOffsetSeconds) === 0 &&
    value.timeZoneId === undefined;

  test('every property that Graphiti needs, and times as zoned datetimes in UTC', async () => {
    const { memoryId, record } = await published();
    const [found] = await cypher(
      url!,
      `MATCH (p:Episodic {apex_memory: $m})-[w:MENTIONS]->(s:Entity {apex_memory: $m})-[x:RELATES_TO]->(o:Entity)
       RETURN properties(p) AS episode, labels(s) AS labels, properties(s) AS entity, properties(x) AS edge,
         properties(w) AS mention, o.uuid AS object`,
      { m: memoryId },
    );
    const { episode, entity, edge, mention, labels, object } = found!;
    expect(episode).toMatchObject({ group_id: 'north_5f2', source: 'text', source_description: 'local_upload' });
    expect(episode).toMatchObject({ name: 'a', content: 'ACME ships steel\n\nto Globex', entity_edges: [edge.uuid] });
    expect(entity).toMatchObject({ group_id: 'north_5f2', summary: '', name: record.entities[0]!.key });
    expect(labels).toEqual(expect.arrayContaining(['Entity', '__Entity__', '__Node__', 'Organization']));
    for (const label of labels) expect(label).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
    expect(edge).toMatchObject({ group_id: 'north_5f2', name: 'SHIPPER_OF', fact: 'ships', episodes: [episode.uuid] });
    expect(edge).toMatchObject({ source_node_uuid: entity.uuid, target_node_uuid: object });
    expect(mention).toMatchObject({ group_id: 'north_5f2', uuid: expect.any(String) });
    for (const time of [episode.created_at, episode.valid_at, entity.created_at, edge.created_at, mention.created_at])
      expect(isUtc(time)).toBe(true);
  });

  test('the end of a fact as a time that compares with others', async () => {
    const { memoryId, record, store } = await published();
    const { relationId } = record.relations[0]!;
    await store.setClosings([{ relationId, invalidAt: '2026-03-01', expiredAt: '2026-03-02T00:00:00+02:00' }], never);
    const rows = await cypher(
      url!,
      `MATCH ()-[x:RELATES_TO {apex_memory: $m}]->() RETURN x.invalid_at = datetime('2026-03-01T00:00:00Z') AS invalid,
         x.expired_at = datetime('2026-03-01T22:00:00Z') AS expired`,
      { m: memoryId },
    );
    expect(rows).toEqual([{ invalid: true, expired: true }]);
  });

  test('chunks in order, each of its document, and entities that come from them', async () => {
    const { memoryId, record } = await published();
    const rows = await cypher(
      url!,
      `MATCH (d:Document)<-[:FROM_DOCUMENT]-(c:Chunk {apex_memory: $m})-[:NEXT_CHUNK]->(n:Chunk)-[:FROM_DOCUMENT]->(d)
       RETURN d.path AS path, c.id AS id, c.text AS text, c.index AS index, n.index AS next, c.live AS live,
         size([(e:__Entity__)-[:FROM_CHUNK]->(c) | e]) AS entities`,
      { m: memoryId },
    );
    const { chunkId, text } = record.chunks[0]!;
    expect(rows).toEqual([{ path: 'file:///a', id: chunkId, text, index: 0, next: 1, live: true, entities: 2 }]);
  });

  test('the full-text indexes that they ask by name', async () => {
    const { memoryId, record } = await published();
    const ask = (procedure: string, index: string, text: string) =>
      cypher(
        url!,
        `CALL db.index.fulltext.${procedure}($index, $text) YIELD ${procedure === 'queryNodes' ? 'node AS n' : 'relationship AS n'}
         WHERE n.apex_memory = $m RETURN count(n) AS count`,
        { index, text, m: memoryId },
      );
    await cypher(url!, 'CALL db.index.fulltext.awaitEventuallyConsistentIndexRefresh()');
    expect(await ask('queryNodes', 'node_name_and_summary', record.entities[0]!.key)).toEqual([{ count: 1 }]);
    expect(await ask('queryNodes', 'episode_content', 'steel')).toEqual([{ count: 1 }]);
    expect(await ask('queryNodes', 'keyword', 'steel')).toEqual([{ count: 1 }]);
    expect(await ask('queryRelationships', 'edge_name_and_fact', 'ships')).toEqual([{ count: 1 }]);
  });

  test('nothing marked as visible before it is published', async () => {
    const memoryId = randomUUID();
    const store = await openGraph(memoryId);
    await store.write(ref('run-1'), [a], never);
    const live = () =>
      cypher(
        url!,
        `MATCH (n {apex_memory: $m}) WHERE n.live RETURN count(n) AS count
         UNION ALL MATCH ()-[n {apex_memory: $m}]->() WHERE n.live RETURN count(n) AS count`,
        { m: memoryId },
      );
    expect(await live()).toEqual([{ count: 0 }, { count: 0 }]);
    await store.publish([versionOf(a)], never);
    expect(await live()).toEqual([{ count: 1 + a.chunks.length }, { count: a.relations.length }]);
  });

  test('an entity by its key, and by none of the names that documents give it', async () => {
    const { memoryId } = await published();
    const rows = await cypher(url!, 'MATCH (e:Entity {apex_memory: $m}) RETURN e.name AS name, e.id AS id', {
      m: memoryId,
    });
    expect(rows).toContainEqual({ name: 'globex', id: 'globex (Organization)' });
    expect(JSON.stringify(rows)).not.toContain(entityOf('globex').name);
  });
});
