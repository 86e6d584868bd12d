import { randomUUID } from 'node:crypto';
import { ConfigError, StoreError } from '../../contracts/errors.ts';
import type { Neo4jConnection, Run } from './neo4j-connection.ts';

/** A format of what a memory holds in Neo4j, and how that of older ones becomes it. */
export interface GraphFormat {
  /** Kept on the memory's own node. A newer one is refused. */
  readonly number: number;
  /** By number, the statements that make what is of the format before into this one, of the memory `$memory`. */
  readonly migrations: { readonly [format: number]: readonly string[] };
}

export const GRAPH_FORMAT: GraphFormat = { number: 1, migrations: {} };

/** The oldest Neo4j whose statements these are. */
const OLDEST_VERSION = 5;

/** How long new indexes of what is there already may take. */
const INDEXES_SECONDS = 25;

/** apex's own: on labels of its own, so that nobody else's nodes are bound by them. */
const OWN: readonly [name: string, definition: string][] = [
  ...['Memory', 'Document', 'Chunk', 'Entity'].map((label): [string, string] => [
    `apex_${label.toLowerCase()}_uuid`,
    `CONSTRAINT apex_${label.toLowerCase()}_uuid IF NOT EXISTS FOR (n:Apex${label}) REQUIRE n.uuid IS UNIQUE`,
  ]),
  ...[
    ['document_batch', '(n:ApexDocument)', 'n.apex_batch'],
    ['document_memory', '(n:ApexDocument)', 'n.apex_memory, n.uuid'],
    ['chunk_batch', '(n:ApexChunk)', 'n.apex_batch'],
    ['chunk_version', '(n:ApexChunk)', 'n.apex_memory, n.apex_version'],
    ['entity_memory', '(n:ApexEntity)', 'n.apex_memory, n.uuid'],
    ['entity_name', '(n:ApexEntity)', 'n.apex_name'],
    ['mention_name', '()-[n:MENTIONS]-()', 'n.apex_name'],
    ['relation_batch', '()-[n:RELATES_TO]-()', 'n.apex_batch'],
    ['relation_version', '()-[n:RELATES_TO]-()', 'n.apex_memory, n.apex_version'],
  ].map(([name, pattern, properties]) => range(`apex_${name}`, pattern!, properties!)),
];

/** Those that Graphiti searches by, and makes, under these names; `keyword` is that of readers of lexical graphs. */
const FOREIGN: readonly [name: string, definition: string][] = [
  ...(
    [
      ['entity_uuid', 'Entity', 'uuid'],
      ['episode_uuid', 'Episodic', 'uuid'],
      ['community_uuid', 'Community', 'uuid'],
      ['saga_uuid', 'Saga', 'uuid'],
      ['entity_group_id', 'Entity', 'group_id'],
      ['episode_group_id', 'Episodic', 'group_id'],
      ['community_group_id', 'Community', 'group_id'],
      ['saga_group_id', 'Saga', 'group_id'],
      ['name_entity_index', 'Entity', 'name'],
      ['saga_name', 'Saga', 'name'],
      ['created_at_entity_index', 'Entity', 'created_at'],
      ['created_at_episodic_index', 'Episodic', 'created_at'],
      ['valid_at_episodic_index', 'Episodic', 'valid_at'],
    ] as const
  ).map(([name, label, property]) => range(name, `(n:${label})`, `n.${property}`)),
  ...(
    [
      ['relation_uuid', 'RELATES_TO', 'uuid'],
      ['mention_uuid', 'MENTIONS', 'uuid'],
      ['has_member_uuid', 'HAS_MEMBER', 'uuid'],
      ['has_episode_uuid', 'HAS_EPISODE', 'uuid'],
      ['next_episode_uuid', 'NEXT_EPISODE', 'uuid'],
      ['relation_group_id', 'RELATES_TO', 'group_id'],
      ['mention_group_id', 'MENTIONS', 'group_id'],
      ['has_episode_group_id', 'HAS_EPISODE', 'group_id'],
      ['next_episode_group_id', 'NEXT_EPISODE', 'group_id'],
      ['name_edge_index', 'RELATES_TO', 'name'],
      ['created_at_edge_index', 'RELATES_TO', 'created_at'],
      ['expired_at_edge_index', 'RELATES_TO', 'expired_at'],
      ['valid_at_edge_index', 'RELATES_TO', 'valid_at'],
      ['invalid_at_edge_index', 'RELATES_TO', 'invalid_at'],
    ] as const
  ).map(([name, type, property]) => range(name, `()-[n:${type}]-()`, `n.${property}`)),
  fullText('episode_content', '(n:Episodic)', 'n.content, n.source, n.source_description, n.group_id'),
  fullText('node_name_and_summary', '(n:Entity)', 'n.name, n.summary, n.group_id'),
  fullText('community_name', '(n:Community)', 'n.name, n.group_id'),
  fullText('edge_name_and_fact', '()-[n:RELATES_TO]-()', 'n.name, n.fact, n.group_id'),
  fullText('keyword', '(n:Chunk)', 'n.text'),
];

function range(name: string, pattern: string, properties: string): [string, string] {
  return [name, `INDEX ${name} IF NOT EXISTS FOR ${pattern} ON (${properties})`];
}

function fullText(name: string, pattern: string, properties: string): [string, string] {
  return [name, `FULLTEXT INDEX ${name} IF NOT EXISTS FOR ${pattern} ON EACH [${properties}]`];
}

/** What is known of the server and of this memory in it. */
export interface Neo4jMemory {
  /** Of this memory on this server: another server has another. */
  readonly storeId: string;
  /** As the server says it, such as `5.26.0`. */
  readonly serverVersion: string;
  readonly edition: string;
}

/**
 * Makes what apex needs in the database, where it is not there yet, and brings the memory to the format; two may do so at once.
 *
 * @throws ConfigError when the server is too old, or NEWER_FORMAT; StoreError as the server fails.
 */
export async function openMemory(
  connection: Neo4jConnection,
  { memoryId, format = GRAPH_FORMAT }: { readonly memoryId: string; readonly format?: GraphFormat | undefined },
  signal: AbortSignal,
): Promise<Neo4jMemory> {
  const server = await serverOf(connection, signal);
  const memory = await memoryOf(connection, memoryId, signal, format);
  await ensureSchema(connection, signal);
  await ensureLocks(connection, signal);
  if (memory !== null && memory.format < format.number) await migrate(connection, { memoryId, format }, signal);
  const storeId = await connection.write('open', signal, async (run) => {
    const [row] = await run<{ storeId: string }>(
      `MERGE (m:ApexMemory {uuid: $memoryId})
       ON CREATE SET m.format = toInteger($format), m.store_id = $storeId, m.created_at = datetime()
       RETURN m.store_id AS storeId`,
      { memoryId, format: format.number, storeId: randomUUID() },
    );
    return row!.storeId;
  });
  return { ...server, storeId };
}

/** The server, and this memory where it is known to it, changing nothing. @throws ConfigError as `openMemory`. */
export async function readMemory(
  connection: Neo4jConnection,
  memoryId: string,
  signal: AbortSignal,
): Promise<Omit<Neo4jMemory, 'storeId'> & { readonly storeId: string | null }> {
  const server = await serverOf(connection, signal);
  const memory = await memoryOf(connection, memoryId, signal);
  return { ...server, storeId: memory?.storeId ?? null };
}

/** The names of apex's own constraints and indexes that are not there. */
export async function missingSchema(connection: Neo4jConnection, signal: AbortSignal): Promise<string[]> {
  const names = await connection.read('open', signal, schemaNames);
  return OWN.map(([name]) => name).filter((name) => !names.has(name));
}

async function serverOf(
  connection: Neo4jConnection,
  signal: AbortSignal,
): Promise<Pick<Neo4jMemory, 'serverVersion' | 'edition'>> {
  const [server] = await connection.read('open', signal, (run) =>
    run<{ serverVersion: string; edition: string }>(
      `CALL dbms.components() YIELD name, versions, edition WHERE name = 'Neo4j Kernel'
       RETURN versions[0] AS serverVersion, edition`,
    ),
  );
  const { serverVersion = '', edition = '' } = server ?? {};
  assertVersion(serverVersion, connection.place);
  return { serverVersion, edition };
}

/** @throws ConfigError. Versions of after 5 are named by their year, such as `2025.01.0`. */
export function assertVersion(version: string, place: string): void {
  if (Number.parseInt(version, 10) >= OLDEST_VERSION) return;
  throw new ConfigError(`the graph at ${place} is Neo4j ${version}, apex needs ${OLDEST_VERSION} or newer`, {
    code: 'APEX_CONFIG',
    details: { version },
  });
}

async function memoryOf(
  connection: Neo4jConnection,
  memoryId: string,
  signal: AbortSignal,
  { number: newest }: Pick<GraphFormat, 'number'> = GRAPH_FORMAT,
): Promise<{ readonly storeId: string; readonly format: number } | null> {
  const [memory] = await connection.read('open', signal, (run) =>
    run<{ format: number; storeId: string }>(
      'MATCH (m:ApexMemory {uuid: $memoryId}) RETURN m.format AS format, m.store_id AS storeId',
      { memoryId },
    ),
  );
  if (memory === undefined) return null;
  const { format, storeId } = memory;
  if (format <= newest) return { storeId, format };
  throw new ConfigError(
    `the graph at ${connection.place} has format ${format} for this memory, this apex reads up to ${newest}: use the newer apex that wrote it`,
    { code: 'NEWER_FORMAT', details: { format } },
  );
}

/**
 * Removing the property `_lock`, which nothing has, locks a node and leaves no trace: but only in a database that knows a property of
 * that name, which it does for ever once one was given. Tried with Neo4j 5.26.
 */
async function ensureLocks(connection: Neo4jConnection, signal: AbortSignal): Promise<void> {
  const [known] = await connection.read('open', signal, (run) =>
    run("CALL db.propertyKeys() YIELD propertyKey WHERE propertyKey = '_lock' RETURN propertyKey"),
  );
  if (known !== undefined) return;
  const given = { uuid: randomUUID() };
  await connection.write('open', signal, async (run) => {
    await run('CREATE (:ApexMemory {uuid: $uuid, _lock: true})', given);
    await run('MATCH (m:ApexMemory {uuid: $uuid}) DELETE m', given);
  });
}

/** One format at a time, each in one transaction that has locked the memory's node: whoever comes second finds it done. */
async function migrate(
  connection: Neo4jConnection,
  {
    memoryId: memory,
    format: { number: newest, migrations },
  }: { readonly memoryId: string; readonly format: GraphFormat },
  signal: AbortSignal,
): Promise<void> {
  for (let isDone = false; !isDone; )
    isDone = await connection.write('migrate', signal, async (run) => {
      await run('MATCH (m:ApexMemory {uuid: $memory}) REMOVE m._lock', { memory });
      // A statement of its own: one that waits for the lock may have read the property before.
      const [found] = await run<{ format: number }>('MATCH (m:ApexMemory {uuid: $memory}) RETURN m.format AS format', {
        memory,
      });
      const next = (found?.format ?? newest) + 1;
      if (next > newest) return true;
      for (const statement of migrations[next]!) await run(statement, { memory });
      await run('MATCH (m:ApexMemory {uuid: $memory}) SET m.format = toInteger($next)', { memory, next });
      return false;
    });
}

async function ensureSchema(connection: Neo4jConnection, signal: AbortSignal): Promise<void> {
  const names = await connection.read('open', signal, schemaNames);
  const missing = [...OWN, ...FOREIGN].filter(([name]) => !names.has(name));
  if (missing.length === 0) return;
  for (const [, definition] of missing) {
    try {
      await connection.write('open', signal, (run) => run(`CREATE ${definition}`));
    } catch (error) {
      // Somebody has made the like of it: another apex at this moment, or a reader as a constraint.
      if (!ALREADY_THERE.test(neo4jCodeOf(error))) throw error;
    }
  }
  await connection.read('open', signal, (run) => run(`CALL db.awaitIndexes(${INDEXES_SECONDS})`));
  const left = await missingSchema(connection, signal);
  if (left.length > 0)
    throw new StoreError(`the graph at ${connection.place} has not made ${left.join(', ')}`, {
      code: 'APEX_STORE',
      retryable: true,
    });
}

const ALREADY_THERE =
  /^Neo\.ClientError\.Schema\.(?:EquivalentSchemaRuleAlreadyExists|ConstraintAlreadyExists|IndexAlreadyExists|IndexWithNameAlreadyExists|ConstraintWithNameAlreadyExists)$/;

function neo4jCodeOf(error: unknown): string {
  const { details } = error as { readonly details?: { readonly neo4jCode?: unknown } };
  return String(details?.neo4jCode);
}

/** A constraint is listed as the index that it has, under the same name. */
async function schemaNames(run: Run): Promise<ReadonlySet<unknown>> {
  const rows = await run<{ name: string }>('SHOW INDEXES YIELD name');
  return new Set(rows.map(({ name }) => name));
}
