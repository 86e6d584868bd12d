import neo4j from 'neo4j-driver';
import type { Neo4jServer } from '../../lib/stores/graph/neo4j-connection.ts';

/** The settings of a server that tests name by one URL with credentials in it. */
export function neo4jSettings(url: string): Neo4jServer {
  const { protocol, host, username, password } = new URL(url);
  return { uri: `${protocol}//${host}`, username, password };
}

/** Asks a server past the adapter. */
export async function cypher(url: string, text: string, params: object = {}, database = 'neo4j') {
  const { uri, username, password } = neo4jSettings(url);
  const options = { disableLosslessIntegers: true, maxTransactionRetryTime: 0 };
  const driver = neo4j.driver(uri, neo4j.auth.basic(username, password), options);
  try {
    const session = driver.session({ database });
    const { records } = await session.run(text, params);
    await session.close();
    return records.map((record) => record.toObject());
  } finally {
    await driver.close();
  }
}
