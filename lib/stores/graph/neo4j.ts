import type {
  Closing,
  DocumentVersion,
  GraphDocument,
  GraphStore,
  InventoryRow,
  LatestValue,
  Ranked,
  StoredEntity,
  Stray,
  VersionRecord,
  WriteRef,
} from '../../contracts/store.ts';
import { Neo4jConnection, type Neo4jServer } from './neo4j-connection.ts';
import {
  type Reading,
  readClosings,
  readDocuments,
  readInventory,
  readLatest,
  readStrays,
  readVersions,
} from './neo4j-inventory.ts';
import { removeEntities, removeItems } from './neo4j-removal.ts';
import { batchRows, closingRow, Keys, latestRow } from './neo4j-rows.ts';
import { type GraphFormat, openMemory, readMemory } from './neo4j-schema.ts';
import { readEntitiesOf, searchChunks } from './neo4j-search.ts';
import { writeBatch } from './neo4j-writing.ts';

export interface Neo4jGraphSettings extends Neo4jServer {
  /** The memory that everything belongs to: several may share a server, and none sees another's. */
  readonly memoryId: string;
  /** The format that the memory must have when it is used. Default: this apex's. */
  readonly format?: GraphFormat;
}

/** How many versions are published, or facts closed, together. */
const SLICE_ITEMS = 1_000;
/** How many chunks or facts of a version become visible in one transaction. */
const SLICE_LIVE = 10_000;

/**
 * Opens the graph of a memory in Neo4j, making what it needs there; two may do so at once.
 *
 * @throws ConfigError when an address, a name or a password is wrong, the server is too old, or NEWER_FORMAT; StoreError as it fails.
 */
export async function openNeo4jGraph(settings: Neo4jGraphSettings, signal: AbortSignal): Promise<GraphStore> {
  const connection = new Neo4jConnection(settings);
  try {
    const { storeId } = await openMemory(connection, settings, signal);
    return new Neo4jGraphStore(connection, { memoryId: settings.memoryId, storeId });
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/**
 * Which graph it is that `openNeo4jGraph` would open, for one who only looks: nothing is made. Empty while it is not there. Errors
 * as `openNeo4jGraph`.
 */
export async function readNeo4jIdentity(settings: Neo4jGraphSettings, signal: AbortSignal): Promise<string> {
  const connection = new Neo4jConnection(settings);
  try {
    const { storeId } = await readMemory(connection, settings.memoryId, signal);
    return storeId === null ? '' : identityOf(storeId);
  } finally {
    await connection.close();
  }
}

function identityOf(storeId: string): string {
  return `neo4j:${storeId}`;
}

/**
 * The graph in Neo4j, in shapes that Graphiti and readers of lexical graphs open. Each call is made of several transactions, and
 * any of them may be repeated.
 */
class Neo4jGraphStore implements GraphStore {
  readonly name = 'graph';
  readonly identity: string;
  readonly capabilities = { transactional: false };
  readonly #connection: Neo4jConnection;
  readonly #memory: string;
  readonly #keys: Keys;

  constructor(connection: Neo4jConnection, { memoryId, storeId }: { memoryId: string; storeId: string }) {
    this.identity = identityOf(storeId);
    this.#connection = connection;
    this.#memory = memoryId;
    this.#keys = new Keys(memoryId);
  }

  async write(ref: WriteRef, records: readonly VersionRecord[], signal: AbortSignal): Promise<number> {
    // What an earlier attempt wrote may be of other records.
    if ((await this.count(ref, signal)) > 0) await this.discard(ref, signal);
    const rows = batchRows(this.#memory, ref, records);
    await writeBatch(this.#connection, rows, (from, to) => this.#keys.link(from, to), signal);
    return this.count(ref, signal);
  }

  /** The documents come last: one that is visible is so as a whole. */
  async publish(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<void> {
    const memory = this.#memory;
    const keys = versions.map((version) => this.#keys.version(version));
    for (let from = 0; from < keys.length; from += SLICE_ITEMS) {
      const page = keys.slice(from, from + SLICE_ITEMS);
      for (const pattern of ['(x:ApexChunk)', '()-[x:RELATES_TO]->()'])
        await this.#connection.writeUntilNone(
          { operation: 'publish', size: SLICE_LIVE, signal },
          async (run, limit) => {
            const rows = await run<{ count: number }>(
              `MATCH ${pattern} WHERE x.apex_memory = $memory AND x.apex_version IN $page AND coalesce(x.live, false) <> true
             WITH x LIMIT $limit SET x.live = true RETURN count(*) AS count`,
              { memory, page, limit },
            );
            return rows.filter(({ count }) => count > 0);
          },
        );
      await this.#connection.write('publish', signal, (run) =>
        run('MATCH (d:ApexDocument) WHERE d.uuid IN $page SET d.live = true', { page }),
      );
    }
  }

  async discard(ref: WriteRef, signal: AbortSignal): Promise<void> {
    const selection = { memory: this.#memory, by: 'apex_batch', keys: [this.#keys.batch(ref)] } as const;
    await removeItems(this.#connection, selection, { operation: 'discard', signal });
  }

  async retire(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<number[]> {
    const keys = versions.map((version) => this.#keys.version(version));
    const selection = { memory: this.#memory, by: 'apex_version', keys } as const;
    const removed = await removeItems(this.#connection, selection, { operation: 'retire', signal });
    return keys.map((key) => removed.get(key) ?? 0);
  }

  async count(ref: WriteRef, signal: AbortSignal): Promise<number> {
    const [row] = await this.#connection.read('count', signal, (run) =>
      run<{ count: number }>(COUNT, { batch: this.#keys.batch(ref) }),
    );
    return row!.count;
  }

  async *inventory(versions: readonly DocumentVersion[], signal: AbortSignal): AsyncGenerator<InventoryRow> {
    yield* readInventory(
      this.#reading(signal),
      versions.map((version) => this.#keys.version(version)),
    );
  }

  versions(signal: AbortSignal): AsyncGenerator<DocumentVersion & WriteRef> {
    return readVersions(this.#reading(signal));
  }

  async strays(signal: AbortSignal): Promise<Stray[]> {
    const strays = await readStrays(this.#reading(signal));
    return strays.map(({ id }) => ({ kind: 'entity', id, problem: 'extra' }));
  }

  /** All that nothing is tied to, which is what strays names: a damaged one may have an id that names another. */
  async mendStrays(strays: readonly Stray[], signal: AbortSignal): Promise<void> {
    if (!strays.some(({ kind }) => kind === 'entity')) return;
    const found = await readStrays(this.#reading(signal));
    const keys = found.map(({ uuid }) => uuid);
    await removeEntities(this.#connection, keys, { operation: 'mend', signal });
  }

  async setClosings(closings: readonly Closing[], signal: AbortSignal): Promise<void> {
    const rows = closings.map((closing) => closingRow(this.#keys, closing)).sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
    await this.#connection.writeSlices(rows, { operation: 'close', size: SLICE_ITEMS, signal }, (run, slice) =>
      run('UNWIND $rows AS r MATCH ()-[x:RELATES_TO {uuid: r.uuid}]->() SET x += r.p', { rows: slice }),
    );
  }

  async setLatest(values: readonly LatestValue[], signal: AbortSignal): Promise<void> {
    const rows = values.map((value) => latestRow(this.#keys, value)).sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
    await this.#connection.writeSlices(rows, { operation: 'latest', size: SLICE_ITEMS, signal }, (run, slice) =>
      run('UNWIND $rows AS r MATCH (e:ApexEntity {uuid: r.uuid}) SET e += r.p', { rows: slice }),
    );
  }

  latest(entityIds: readonly string[], signal: AbortSignal): Promise<LatestValue[]> {
    const keys = entityIds.map((entityId) => this.#keys.item('entity', entityId));
    return readLatest(this.#reading(signal), keys);
  }

  async documents(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<GraphDocument[]> {
    const keys = versions.map((version) => this.#keys.version(version));
    return readDocuments(this.#reading(signal), keys);
  }

  async closings(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<Closing[]> {
    const keys = versions.map((version) => this.#keys.version(version));
    return readClosings(this.#reading(signal), keys);
  }

  searchEntities(
    names: readonly string[],
    limit: number,
    group: string | null,
    signal: AbortSignal,
  ): Promise<readonly Ranked[]> {
    return searchChunks(this.#reading(signal), { names, limit, group });
  }

  entitiesOf(chunkIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, readonly StoredEntity[]>> {
    return readEntitiesOf(
      this.#reading(signal),
      chunkIds.map((id) => this.#keys.item('chunk', id)),
    );
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #reading(signal: AbortSignal): Reading {
    return { connection: this.#connection, memory: this.#memory, signal };
  }
}

/** Mentions are counted by their chunks, whose batch is theirs. */
const COUNT = `RETURN COUNT { (:ApexDocument {apex_batch: $batch}) } + COUNT { (:ApexChunk {apex_batch: $batch}) }
  + COUNT { (:ApexChunk {apex_batch: $batch})-[:MENTIONS]->(:ApexEntity) }
  + COUNT { ()-[:RELATES_TO {apex_batch: $batch}]->() } AS count`;
