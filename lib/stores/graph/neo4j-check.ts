import { type Check, type Finding, ok, warning } from '../../contracts/check.ts';
import { Neo4jConnection, type Neo4jServer } from './neo4j-connection.ts';
import { GRAPH_FORMAT, missingSchema, readMemory } from './neo4j-schema.ts';

export interface Neo4jCheckSettings extends Neo4jServer {
  /** Null while there is no memory yet. */
  readonly memoryId: () => Promise<string | null>;
}

/** Whether the Neo4j of the settings can be used as graph. A wrong address or password, or too old a server, is an error of its own. */
export function neo4jChecks(settings: Neo4jCheckSettings): Check[] {
  return [{ name: 'graph', limitMs: 30_000, run: (signal) => judge(settings, signal) }];
}

async function judge(settings: Neo4jCheckSettings, signal: AbortSignal): Promise<Finding> {
  const connection = new Neo4jConnection(settings);
  try {
    // The first one also connects.
    const { serverVersion, edition, storeId } = await readMemory(connection, (await settings.memoryId()) ?? '', signal);
    const startedMs = performance.now();
    await connection.read('ping', signal, (run) => run('RETURN 1'));
    const latencyMs = Math.max(1, Math.round(performance.now() - startedMs));
    const found = `Neo4j ${serverVersion} ${edition} at ${connection.place}, ${latencyMs} ms`;
    if (storeId === null) return judgeWay(settings.uri, `${found}, holds nothing of this memory yet`);
    const missing = await missingSchema(connection, signal);
    if (missing.length > 0)
      return warning(
        `${found}, format ${GRAPH_FORMAT.number}, without ${missing.length} of its indexes, ${missing[0]} first`,
        'The next ingest makes them; look who removed them.',
      );
    return judgeWay(settings.uri, `${found}, format ${GRAPH_FORMAT.number}`);
  } finally {
    await connection.close();
  }
}

const OWN_MACHINE = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Do password and documents cross a network as they are, or to anybody who pretends to be the server? */
function judgeWay(uri: string, found: string): Finding {
  const { protocol, hostname } = new URL(uri);
  if (OWN_MACHINE.test(hostname) || protocol.endsWith('+s:')) return ok(found);
  if (protocol.endsWith('+ssc:'))
    return warning(`${found}, whoever it is: its certificate is not checked`, 'Use bolt+s:// or neo4j+s://.');
  return warning(`${found}, without encryption`, 'Use bolt+s:// or neo4j+s:// for a server on another machine.');
}
