import { QdrantClient } from '@qdrant/js-client-rest';
import { Redis } from 'ioredis';
import neo4j from 'neo4j-driver';
import pg from 'pg';
import { environmentOf, type ServerName, type ServerUrls } from './open.ts';

/** The places in the servers that are looked at. */
interface Places {
  readonly schema: string;
  /** How the name of the collection begins. */
  readonly collection: string;
}

/** What `apex verify --json` says in its last line, as far as it is compared. */
export interface Verified {
  readonly documents: number;
  readonly items_by_store: { readonly [store: string]: number };
}

/** A number that a server gave, beside what verify says of it; null where it says nothing of its own. */
export interface Counted {
  readonly what: string;
  readonly count: number;
  readonly verified: number | null;
}

/** What was counted in one store. */
export interface CountedStore {
  readonly store: string;
  /** The package that asked. */
  readonly client: string;
  readonly counted: readonly Counted[];
}

/** The four servers, asked by their own clients and not through apex. */
export class CountedServers {
  readonly #urls: { readonly [name in ServerName]: string };
  /** The settings with which apex writes there. */
  readonly settings: Readonly<Record<string, string>>;
  readonly #places: Places;

  /** @throws when one could not be had. */
  constructor(urls: ServerUrls, places: Places) {
    const settings = environmentOf(urls);
    if (settings === null) throw new Error('all four servers are needed');
    this.#urls = urls as { readonly [name in ServerName]: string };
    this.#places = places;
    this.settings = { ...settings, APEX_POSTGRES_SCHEMA: places.schema, APEX_QDRANT_COLLECTION: places.collection };
  }

  /** A line for each: what it is and where. */
  async describe(): Promise<string[]> {
    const [version] = await this.#sql<{ version: string }>(`SELECT current_setting('server_version') AS version`);
    const [kernel] = await this.#cypher<{ version: string }>(
      `CALL dbms.components() YIELD name, versions WHERE name = 'Neo4j Kernel' RETURN versions[0] AS version`,
    );
    const { version: qdrant } = await this.#qdrant().versionInfo();
    const redis = await this.#redis(async (client) => /^redis_version:(\S+)/m.exec(await client.info())?.[1] ?? '');
    const isStandIn = (process.env['APEX_TEST_QDRANT_URL'] ?? '') === '';
    const at = (url: string) => new URL(url).host;
    return [
      `records  PostgreSQL ${version!.version.split(' ')[0]} at ${at(this.#urls.postgres)}`,
      `graph    Neo4j ${kernel!.version} at ${at(this.#urls.neo4j)}`,
      isStandIn
        ? `vectors  NO QDRANT: a stand-in of the tests at ${at(this.#urls.qdrant)}\n         (for a real one set APEX_TEST_QDRANT_URL)`
        : `vectors  Qdrant ${qdrant} at ${at(this.#urls.qdrant)}`,
      `cache    Redis ${redis} at ${at(this.#urls.redis)}`,
    ];
  }

  /** Counts everything of the memory in each store. */
  async count({ documents, items_by_store: items }: Verified): Promise<CountedStore[]> {
    const memory = await this.memoryId();
    return [
      { store: 'records', client: 'pg', counted: total(await this.#records(), items['records']!) },
      { store: 'graph', client: 'neo4j-driver', counted: total(await this.#graph(memory), items['graph']!) },
      {
        store: 'vectors',
        client: '@qdrant/js-client-rest',
        counted: [{ what: 'points', count: await this.#points(memory), verified: items['vectors']! }],
      },
      {
        ...{ store: 'cache', client: 'ioredis' },
        counted: [
          // An entry that is gone is made again: verify compares those that are there and counts none.
          { what: 'embeddings', count: await this.#keys(`apex:${memory}:entry:embedding:*`), verified: null },
          { what: 'summaries', count: await this.#keys(`apex:${memory}:entry:summary:*`), verified: documents },
        ],
      },
    ];
  }

  /** Takes everything of the memory away. */
  async remove(): Promise<void> {
    const memory = await this.memoryId();
    await this.#sql(`DROP SCHEMA ${this.#places.schema} CASCADE`);
    await this.#cypher('MATCH (n {apex_memory: $memory}) DETACH DELETE n', { memory });
    await this.#cypher('MATCH (n:ApexMemory {uuid: $memory}) DELETE n', { memory });
    await this.#qdrant().deleteCollection(await this.collection());
    await this.#redis(async (client) => {
      const keys = await client.keys(`apex:${memory}:*`);
      if (keys.length > 0) await client.del(...keys);
    });
  }

  /** The memory in these places. */
  async memoryId(): Promise<string> {
    const rows = await this.#sql<{ value: string }>(
      `SELECT value FROM ${this.#places.schema}.memory WHERE name = 'memory_id'`,
    );
    return rows[0]!.value;
  }

  async #records(): Promise<Record<string, number>> {
    const current = `JOIN ${this.#places.schema}.version v USING (document_id, version) WHERE v.state = 'current'`;
    const [row] = await this.#sql<Record<string, string>>(
      `SELECT (SELECT count(*) FROM ${this.#places.schema}.version WHERE state = 'current') AS documents,
         (SELECT count(*) FROM ${this.#places.schema}.chunk ${current}) AS chunks,
         (SELECT count(*) FROM ${this.#places.schema}.fact ${current}) AS facts`,
    );
    return Object.fromEntries(Object.entries(row!).map(([what, count]) => [what, Number(count)]));
  }

  async #graph(memory: string): Promise<Record<string, number>> {
    const [row] = await this.#cypher<Record<string, number>>(
      `RETURN COUNT { (:Document {apex_memory: $memory, live: true}) } AS documents,
         COUNT { (:Chunk {apex_memory: $memory, live: true}) } AS chunks,
         COUNT { (:Episodic {apex_memory: $memory})-[:MENTIONS]->(:Entity) } AS \`entities by document\`,
         COUNT { (:Chunk {apex_memory: $memory})-[:MENTIONS]->(:Entity) } AS mentions,
         COUNT { ()-[:RELATES_TO {apex_memory: $memory, live: true}]->() } AS relations`,
      { memory },
    );
    return row!;
  }

  async #points(memory: string): Promise<number> {
    const must = [
      { key: 'memory', match: { value: memory } },
      { key: 'metadata.live', match: { value: true } },
    ];
    return (await this.#qdrant().count(await this.collection(), { filter: { must }, exact: true })).count;
  }

  /** The collection that apex made. */
  async collection(): Promise<string> {
    const { collections } = await this.#qdrant().getCollections();
    return collections.find(({ name }) => name.startsWith(`${this.#places.collection}_`))!.name;
  }

  async #keys(pattern: string): Promise<number> {
    return (await this.#redis((client) => client.keys(pattern))).length;
  }

  #qdrant(): QdrantClient {
    const { QDRANT_URL: url, QDRANT_API_KEY: apiKey } = this.settings;
    return new QdrantClient({ url: url!, checkCompatibility: false, ...(apiKey === undefined ? {} : { apiKey }) });
  }

  async #sql<Row extends object>(text: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.#urls.postgres });
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  async #cypher<Row extends object>(text: string, parameters: object = {}): Promise<Row[]> {
    const { NEO4J_URI: uri, NEO4J_USERNAME: user, NEO4J_PASSWORD: password } = this.settings;
    const driver = neo4j.driver(uri!, neo4j.auth.basic(user!, password!), { disableLosslessIntegers: true });
    try {
      const { records } = await driver.executeQuery(text, parameters);
      return records.map((record) => record.toObject() as Row);
    } finally {
      await driver.close();
    }
  }

  async #redis<Answer>(ask: (client: Redis) => Promise<Answer>): Promise<Answer> {
    const client = new Redis(this.#urls.redis);
    try {
      return await ask(client);
    } finally {
      client.disconnect();
    }
  }
}

function total(counts: Readonly<Record<string, number>>, verified: number): Counted[] {
  const parts = Object.entries(counts).map(([what, count]) => ({ what, count, verified: null }));
  return [...parts, { what: 'in all', count: parts.reduce((sum, { count }) => sum + count, 0), verified }];
}
