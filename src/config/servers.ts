import type { Servers } from '../../lib/contracts/servers.ts';
import type { Role } from '../../lib/contracts/store.ts';
import type { Settings } from './settings.ts';

const HOUR_MS = 3_600_000;

/** The servers that the settings name. */
export function serversOf(settings: Settings): Servers {
  const { databaseUrl, postgresSchema, leaseSeconds, neo4jUri, neo4jUsername, neo4jPassword } = settings;
  const { qdrantUrl, qdrantApiKey, qdrantCollection, redisUrl, cacheHours, answerMs } = settings;
  const waited = answerMs === 0 ? {} : { answerMs };
  const leaseMs = leaseSeconds * 1_000;
  return {
    records: databaseUrl === '' ? null : { url: databaseUrl, schema: postgresSchema, leaseMs, ...waited },
    graph: neo4jUri === '' ? null : { uri: neo4jUri, username: neo4jUsername, password: neo4jPassword, ...waited },
    vectors:
      qdrantUrl === ''
        ? null
        : { url: qdrantUrl, apiKey: qdrantApiKey || null, collection: qdrantCollection, ...waited },
    cache: redisUrl === '' ? null : { url: redisUrl, ttlMs: cacheHours * HOUR_MS },
  };
}

/** The roles whose server a run waits for when it is out of reach. The cache is best effort. */
export function waitedFor(servers: Servers): Exclude<Role, 'cache'>[] {
  return (['records', 'graph', 'vectors'] as const).filter((role) => servers[role] !== null);
}
