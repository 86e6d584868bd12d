import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { installServers } from '../../../tests/servers/install.ts';
import { neo4jServer } from '../../../tests/servers/neo4j.ts';
import { postgres } from '../../../tests/servers/postgres.ts';
import { redis } from '../../../tests/servers/redis.ts';
import { type ServerProgram, startServer } from '../../../tests/servers/start.ts';
import type { Measured } from './loader.ts';

/** A server to load into. */
export interface BenchServer {
  readonly url: string;
  /** What the report says of it. */
  readonly what: string;
  readonly isStandIn: boolean;
  stop(): Promise<void>;
}

const PROGRAMS: { readonly [store in Exclude<Measured, 'vectors'>]: () => ServerProgram | Promise<ServerProgram> } = {
  records: postgres,
  graph: neo4jServer,
  cache: () => redis,
};

const VARIABLES: { readonly [store in Measured]: string } = {
  records: 'APEX_TEST_POSTGRES_URL',
  graph: 'APEX_TEST_NEO4J_URL',
  vectors: 'APEX_TEST_QDRANT_URL',
  cache: 'APEX_TEST_REDIS_URL',
};

/** The server that its variable names, else one started as for the tests; for vectors a stand-in. */
export async function benchServer(store: Measured): Promise<BenchServer> {
  const url = process.env[VARIABLES[store]] ?? '';
  if (url !== '') return { url, isStandIn: false, what: 'named by its URL', stop: async () => {} };
  if (store === 'vectors') return standIn();
  installServers();
  const server = await startServer(await PROGRAMS[store]());
  const what = store === 'records' ? 'started as for the tests, without fsync' : 'started as for the tests';
  return { url: server.url, isStandIn: false, what, stop: () => server.stop() };
}

async function standIn(): Promise<BenchServer> {
  const script = fileURLToPath(new URL('./stand-in.ts', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    ...{ url: line.toString().trim(), isStandIn: true, what: 'THE STAND-IN, no Qdrant' },
    stop: async () => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

const POLL_MS = 500;
/** Files that have not changed for so long are written out. */
const QUIET_MS = 10_000;
const BLOCK_BYTES = 512;

/** What the files of a fresh Neo4j take with `load` in it, its logs of transactions aside: known once it has ended by itself. */
export async function neo4jBytes(load: (url: string) => void): Promise<number> {
  const server = await startServer(await neo4jServer());
  try {
    load(server.url);
    server.signal('SIGTERM');
    // What it holds in memory is written out before it ends.
    for (let [last, quietMs] = [-1, 0]; quietMs < QUIET_MS; quietMs += POLL_MS) {
      const bytes = bytesIn(server.folder);
      if (bytes !== last) quietMs = 0;
      last = bytes;
      await delay(POLL_MS);
    }
    return bytesIn(server.folder);
  } finally {
    await server.stop();
  }
}

function bytesIn(folder: string): number {
  return readdirSync(join(folder, 'home', 'data', 'databases'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).blocks * BLOCK_BYTES, 0);
}
