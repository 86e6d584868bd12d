import { type Check, type Finding, ok, warning } from '../../contracts/check.ts';
import type { VectorServer } from '../../contracts/servers.ts';
import {
  assertFits,
  assertVersion,
  collectionNameOf,
  type EmbedderName,
  findCollection,
  identityOf,
} from './qdrant-collection.ts';
import { isKeyExposed, QdrantConnection } from './qdrant-connection.ts';
import { PAYLOAD_INDEXES } from './qdrant-filters.ts';

/** How long any answer is waited for. */
const LIMITS = { requestMs: 5_000, throttleMs: [] };
const LIMIT_MS = 20_000;

/** Tools that open a collection with an unnamed vector, cosine, and the payload that apex writes. */
const READERS = 'LangChain, LlamaIndex and neo4j-graphrag can open it';

/**
 * Whether the Qdrant of the settings can be used, and what is in its collection. It makes nothing.
 *
 * @param embedder what the settings name, or null when it cannot be known.
 */
export function qdrantChecks(server: VectorServer, embedder: () => Promise<EmbedderName | null>): Check[] {
  return [{ name: 'vectors', limitMs: LIMIT_MS, run: (signal) => judge(server, embedder, signal) }];
}

/** @throws ApexError as `openQdrantVectors`: its code and message say what is wrong. */
async function judge(
  server: VectorServer,
  embedder: () => Promise<EmbedderName | null>,
  signal: AbortSignal,
): Promise<Finding> {
  const connection = new QdrantConnection(server, LIMITS);
  const startedMs = performance.now();
  const version = await assertVersion(connection, signal);
  const latencyMs = Math.max(1, Math.round(performance.now() - startedMs));
  const name = await embedder();
  const held = name === null ? 'no embedder to look for' : await collectionIn(connection, server, name, signal);
  const found = `Qdrant ${version} at ${connection.place}, ${latencyMs} ms; ${held}`;
  if (!isKeyExposed(server)) return ok(found);
  return warning(`${found}; the API key goes over the network unencrypted`, 'Use https:// in QDRANT_URL.');
}

async function collectionIn(
  connection: QdrantConnection,
  { collection }: VectorServer,
  embedder: EmbedderName,
  signal: AbortSignal,
): Promise<string> {
  const { dimensions } = embedder;
  const name = collectionNameOf(collection, embedder);
  const info = await findCollection(connection, name, signal);
  if (info === null) return `no collection ${name} yet: the first ingest makes it`;
  assertFits(info, { name, dimensions, place: connection.place });
  await identityOf(connection, name, signal);
  const lacking = Object.keys(PAYLOAD_INDEXES).filter((path) => info.payload_schema[path] === undefined);
  const indexes = lacking.length === 0 ? '' : `, without indexes of ${lacking.join(', ')} until the next ingest`;
  return `collection ${name}: ${info.points_count ?? 0} points, ${dimensions} dimensions, Cosine${indexes}; ${READERS}`;
}
