import type { Neo4jServer } from '../../lib/stores/graph/neo4j-connection.ts';

/** The settings of a server that tests name by one URL with credentials in it. */
export function neo4jSettings(url: string): Neo4jServer {
  const { protocol, host, username, password } = new URL(url);
  return { uri: `${protocol}//${host}`, username, password };
}
