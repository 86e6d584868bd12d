import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';

/** Settings that give every role a server of the tests; each call names places of its own in them. Null without the servers. */
export function serverEnvironment(): Record<string, string> | null {
  const { postgres, neo4j, qdrant, redis } = inject('servers');
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
