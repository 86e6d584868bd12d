import { randomBytes } from 'node:crypto';
import { installServers } from './install.ts';
import { neo4jServer } from './neo4j.ts';
import { postgres } from './postgres.ts';
import { openQdrantStandIn } from './qdrant/stand-in.ts';
import { redis } from './redis.ts';
import { type ServerProgram, startServer, type TestServer } from './start.ts';

export type ServerName = 'postgres' | 'redis' | 'neo4j' | 'qdrant';

/** Where each server answers; null where it could not be had, which fails in CI. */
export type ServerUrls = { readonly [name in ServerName]: string | null };

/** The servers that tests are run against. */
export interface OpenServers {
  readonly urls: ServerUrls;
  /** Ends those that were started. */
  stop(): Promise<void>;
}

type Startable = Exclude<ServerName, 'qdrant'>;

interface Entry {
  /** Names a server that runs already. */
  readonly variable: string;
  readonly program: () => ServerProgram | Promise<ServerProgram>;
}

const SERVERS: { readonly [name in Startable]: Entry } = {
  postgres: { variable: 'APEX_TEST_POSTGRES_URL', program: postgres },
  redis: { variable: 'APEX_TEST_REDIS_URL', program: () => redis },
  neo4j: { variable: 'APEX_TEST_NEO4J_URL', program: neo4jServer },
};

/** No registry carries the server of Qdrant, so it is never started. */
const QDRANT_VARIABLE = 'APEX_TEST_QDRANT_URL';

/** Starts the servers that no variable names. They end with this process, however that ends. */
export async function openServers(): Promise<OpenServers> {
  const entries = Object.entries(SERVERS) as [Startable, Entry][];
  const missing = entries.filter(([, { variable }]) => (process.env[variable] ?? '') === '');
  if (missing.length > 0) installServers();
  const started = await Promise.all([
    namedOrStandIn(),
    ...entries.map(async ([name, { variable, program }]): Promise<[ServerName, TestServer | null]> => {
      const url = process.env[variable] ?? '';
      if (url !== '') return [name, { url, stop: async () => {} }];
      return [name, await startOrTell(name, variable, program)];
    }),
  ]);
  return {
    urls: Object.fromEntries(started.map(([name, server]) => [name, server?.url ?? null])) as ServerUrls,
    stop: async () => {
      await Promise.all(started.map(([, server]) => server?.stop()));
    },
  };
}

async function namedOrStandIn(): Promise<[ServerName, TestServer]> {
  const url = process.env[QDRANT_VARIABLE] ?? '';
  if (url !== '') return ['qdrant', { url, stop: async () => {} }];
  console.log(`a stand-in over HTTP takes the place of Qdrant; to test with a real one, name it by ${QDRANT_VARIABLE}`);
  return ['qdrant', await openQdrantStandIn({ isForgetful: true })];
}

async function startOrTell(name: ServerName, variable: string, program: Entry['program']): Promise<TestServer | null> {
  try {
    return await startServer(await program());
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    console.log(`${name} cannot be started, its tests are skipped: ${(error as Error).message.split('\n')[0]}`);
    console.log(`To run them, name one that is there by ${variable}.`);
    return null;
  }
}

/** Settings that give every role a server; each call names places of its own in them. Null where one is missing. */
export function environmentOf({ postgres, neo4j, qdrant, redis }: ServerUrls): Record<string, string> | null {
  if (postgres === null || neo4j === null || qdrant === null || redis === null) return null;
  const qdrantKey = process.env['APEX_TEST_QDRANT_API_KEY'] ?? '';
  return {
    DATABASE_URL: postgres,
    APEX_POSTGRES_SCHEMA: `apex_${randomBytes(8).toString('hex')}`,
    ...graphEnvironment(neo4j),
    QDRANT_URL: qdrant,
    ...(qdrantKey === '' ? {} : { QDRANT_API_KEY: qdrantKey }),
    REDIS_URL: redis,
  };
}

function graphEnvironment(address: string): Record<string, string> {
  const url = new URL(address);
  const { username, password } = url;
  return { NEO4J_URI: `${url.protocol}//${url.host}`, NEO4J_USERNAME: username, NEO4J_PASSWORD: password };
}
