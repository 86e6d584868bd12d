import type { TestProject } from 'vitest/node';
import { installServers } from './install.ts';
import { neo4jServer } from './neo4j.ts';
import { postgres } from './postgres.ts';
import { openQdrantStandIn } from './qdrant/stand-in.ts';
import { redis } from './redis.ts';
import { type ServerProgram, startServer, type TestServer } from './start.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where each server answers; null where it could not be had, which fails in CI. */
    readonly servers: { readonly [name in ServerName]: string | null };
  }
}

export type ServerName = 'postgres' | 'redis' | 'neo4j' | 'qdrant';
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

/** Starts the servers that no variable names, once for all test files that need some, and stops them afterwards. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
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
  project.provide('servers', Object.fromEntries(started.map(([name, server]) => [name, server?.url ?? null])) as never);
  return async () => {
    await Promise.all(started.map(([, server]) => server?.stop()));
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
