import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';

/** Settings that give every role a server of the tests; each call names places of its own in them. Null without the servers. */
export function serverEnvironment(): Record<string, string> | null {
  const { neo4j, redis } = inject('servers');
  if (neo4j === null || redis === null) return null;
  return {
    ...graphEnvironment(neo4j),
    REDIS_URL: redis,
    APEX_POSTGRES_SCHEMA: `apex_${randomBytes(8).toString('hex')}`,
  };
}

function graphEnvironment(address: string): Record<string, string> {
  const url = new URL(address);
  const { username, password } = url;
  return { NEO4J_URI: `${url.protocol}//${url.host}`, NEO4J_USERNAME: username, NEO4J_PASSWORD: password };
}
