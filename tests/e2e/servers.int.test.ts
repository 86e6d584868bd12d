import neo4j from 'neo4j-driver';
import pg from 'pg';
import { describe, expect, inject, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { qdrantClient } from '../helpers/qdrant.ts';
import { serverEnvironment } from '../servers/environment.ts';

/** Goal: with servers the same commands do the same. Method: the built program over all four, and over each beside embedded ones. */

const all = serverEnvironment();
const CANARY = 'kumquat harbour nineteen';
const FILES = {
  'contract.md': `# Contract\n\nThe ${CANARY} clause. Dated January 5, 2026.\n\nShipper: Tarrow Foods Inc\n`,
  'load.txt':
    'Date: January 10, 2026\n\nLoad number: LD-700001\nCarrier: Farrow Freight LLC\nShipper: Tarrow Foods Inc\n',
  'other.md': '# Yard\n\nLoad LD-700001 waits at dock four. The pallet jack stays beside the loading bay.\n',
};

/** Which settings give a role to a server. */
const ROLES: { readonly [role: string]: readonly string[] } = {
  records: ['DATABASE_URL', 'APEX_POSTGRES_SCHEMA'],
  graph: ['NEO4J_URI', 'NEO4J_USERNAME', 'NEO4J_PASSWORD'],
  vectors: ['QDRANT_URL', 'QDRANT_API_KEY'],
  cache: ['REDIS_URL'],
};

function environmentOf(roles: readonly string[]): Record<string, string> {
  const env = serverEnvironment()!;
  const names = new Set(roles.flatMap((role) => ROLES[role]!));
  return Object.fromEntries(Object.entries(env).filter(([name]) => names.has(name)));
}

/** All texts in the schema of a records store. */
async function rowsOf(schema: string): Promise<string> {
  const client = new pg.Client({ connectionString: inject('servers').postgres! });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1',
      [schema],
    );
    const texts = [];
    for (const { name } of tables.rows)
      texts.push(JSON.stringify((await client.query(`SELECT t::text FROM "${schema}"."${name}" t`)).rows));
    return texts.join('\n');
  } finally {
    await client.end();
  }
}

/** All texts on the nodes and relationships of a graph that hold the words. */
async function itemsWith(
  words: string,
  { NEO4J_URI, NEO4J_USERNAME, NEO4J_PASSWORD }: Record<string, string>,
): Promise<number> {
  const driver = neo4j.driver(NEO4J_URI!, neo4j.auth.basic(NEO4J_USERNAME!, NEO4J_PASSWORD!));
  try {
    const query = `MATCH (n) WHERE any(key IN keys(n) WHERE toStringOrNull(n[key]) CONTAINS $words) RETURN count(n) AS count
      UNION ALL MATCH ()-[r]->() WHERE any(key IN keys(r) WHERE toStringOrNull(r[key]) CONTAINS $words) RETURN count(r) AS count`;
    const { records } = await driver.executeQuery(query, { words });
    return records.reduce((sum, record) => sum + Number(record.get('count')), 0);
  } finally {
    await driver.close();
  }
}

/** How many points hold the words. */
async function pointsWith(words: string): Promise<number> {
  const client = qdrantClient();
  const { collections } = await client.getCollections();
  let count = 0;
  for (const { name } of collections) {
    const { points } = await client.scroll(name, { limit: 10_000, with_payload: true });
    count += points.filter((point) => JSON.stringify(point).includes(words)).length;
  }
  return count;
}

describe.skipIf(all === null)('on servers', () => {
  test.each([...Object.keys(ROLES), Object.keys(ROLES).join(' ')])(
    'an update, a search and a delete, with these roles on servers: %s',
    async (roles) => {
      const memory = openCase(FILES, environmentOf(roles.split(' ')));
      const embedded = openCase(FILES);
      for (const { ingest, write } of [memory, embedded]) {
        await ingest();
        write('load.txt', FILES['load.txt'].replace('Farrow Freight LLC', 'Brightwater Trucking Inc'));
        expect((await ingest()).summary).toMatchObject({ updated: 1, unchanged: 2, exit_status: 0 });
      }
      expect((await memory.ingest()).summary).toMatchObject({ unchanged: 3, embedding_calls: 0, exit_status: 0 });
      expect(await memory.verify()).toBe(0);
      for (const mode of ['keyword', 'vector', 'hybrid', 'graph']) {
        const found = async ({ run }: typeof memory) =>
          (await run('search', 'pallet jack of LD-700001', '--mode', mode)).lines.map(({ text }) => text);
        expect(await found(memory), mode).toEqual(await found(embedded));
      }
      expect((await memory.run('delete', await memory.idOf('contract.md'))).exitCode).toBe(0);
      expect(await memory.verify()).toBe(0);
      expect(await memory.search('kumquat')).toEqual([]);
      expect((await memory.run('delete', '--source', 'local_upload', '--yes')).lines.at(-1)).toMatchObject({
        deleted: 2,
      });
      expect(await memory.verify()).toBe(0);
    },
  );

  test('after a delete no store holds a word of the document', async () => {
    const env = serverEnvironment()!;
    const memory = openCase(FILES, env);
    const places = async () => [
      (await rowsOf(env['APEX_POSTGRES_SCHEMA']!)).includes(CANARY),
      await itemsWith(CANARY, env),
      await pointsWith(CANARY),
    ];
    const before = await places();
    await memory.ingest();
    const held = await places();
    expect(held[0]).toBe(true);
    // The graph has the text of the document and of its chunk.
    expect(held.slice(1).map((count, index) => Number(count) - Number(before[index + 1]))).toEqual([2, 1]);
    await memory.run('delete', await memory.idOf('contract.md'));
    expect(await places()).toEqual(before);
  });

  test('a run that was killed between its pivot and showing the new version keeps every document in sight', async () => {
    const memory = openCase(FILES, serverEnvironment()!);
    await memory.ingest();
    const found = async () =>
      (await memory.run('search', 'where is the pallet jack?', '--mode', 'vector')).lines.map(({ text }) =>
        String(text),
      );
    memory.write('other.md', FILES['other.md'].replace('beside the loading bay', 'behind the gate'));
    await memory.kill('vectors.publish:before', 'ingest', memory.documents);
    expect((await found()).filter((text) => text.includes('pallet jack'))).toEqual([
      expect.stringContaining('beside the loading bay'),
    ]);
    await memory.run('cleanup');
    expect((await found()).filter((text) => text.includes('pallet jack'))).toEqual([
      expect.stringContaining('behind the gate'),
    ]);
  });

  test('two data directories over one set of servers are one memory', async () => {
    const env = serverEnvironment()!;
    const one = openCase(FILES, env);
    const other = openCase({}, env);
    await one.ingest();
    expect((await other.ingest(one.documents)).summary).toMatchObject({ unchanged: 3, exit_status: 0 });
    expect(await other.verify()).toBe(0);
  });
});
