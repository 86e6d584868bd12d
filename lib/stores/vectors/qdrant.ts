import { setTimeout as delay } from 'node:timers/promises';
import { isApexError, StoreError } from '../../contracts/errors.ts';
import type { VectorServer } from '../../contracts/servers.ts';
import type {
  DocumentVersion,
  InventoryRow,
  Ranked,
  Stray,
  VectorStore,
  VersionRecord,
  WriteRef,
} from '../../contracts/store.ts';
import {
  assertFits,
  assertVersion,
  type CollectionFormat,
  collectionNameOf,
  type EmbedderName,
  ensureCollection,
  findCollection,
  identityOf,
} from './qdrant-collection.ts';
import { QdrantConnection, type QdrantLimits } from './qdrant-connection.ts';
import { type QdrantFilter, QdrantFilters } from './qdrant-filters.ts';
import {
  type GivenPoint,
  inventoryRowOf,
  type PointId,
  pointIdOfText,
  versionKeyOf,
  versionOfKey,
} from './qdrant-point.ts';
import { assertUsable, inParallel, requestsOf } from './qdrant-requests.ts';

export interface QdrantSettings extends VectorServer {
  /** The memory that the points belong to. */
  readonly memoryId: string;
  readonly embedder: EmbedderName;
  readonly limits?: Partial<QdrantLimits>;
  /** The format that the collection must have when it is used. Default: this apex's. */
  readonly format?: CollectionFormat;
}

/** How many requests with points are under way together: more gain nothing. */
const WRITES_AT_ONCE = 2;
/** How long the server waits for an update to be applied before it says that it is not: less than a call may take. */
const SERVER_WAIT_SECONDS = 20;
const FIRST_POLL_MS = 50;
const MAX_POLL_MS = 1_000;
/** Versions named in one filter. */
const PAGE_VERSIONS = 200;
/** Points a scroll gives at once, without their vectors and with them. */
const PAGE_POINTS = 1_000;
const PAGE_VECTORS = 256;
/** Strays removed in one request. */
const PAGE_STRAYS = 1_000;

/**
 * Opens the collection of the embedder, and makes it when it is not there.
 *
 * @throws ConfigError for settings or a collection that cannot be used; StoreError when the server does not answer.
 */
export async function openQdrantVectors(settings: QdrantSettings, signal: AbortSignal): Promise<QdrantVectorStore> {
  const { dimensions } = settings.embedder;
  const connection = new QdrantConnection(settings, settings.limits);
  const name = collectionNameOf(settings.collection, settings.embedder);
  await assertVersion(connection, signal);
  const storeId = await ensureCollection(connection, { name, dimensions, format: settings.format }, signal);
  return new QdrantVectorStore(connection, { name, storeId, dimensions, memoryId: settings.memoryId });
}

/**
 * Which store it is that `openQdrantVectors` would open, for one who only looks: nothing is made. Empty while it is not there. Errors
 * as `openQdrantVectors`.
 */
export async function readQdrantIdentity(settings: QdrantSettings, signal: AbortSignal): Promise<string> {
  const connection = new QdrantConnection(settings, settings.limits);
  const { place } = connection;
  const name = collectionNameOf(settings.collection, settings.embedder);
  await assertVersion(connection, signal);
  const info = await findCollection(connection, name, signal);
  if (info === null) return '';
  assertFits(info, { name, dimensions: settings.embedder.dimensions, place });
  const storeId = await identityOf(connection, name, signal);
  return storeId === null ? '' : nameOf(storeId);
}

function nameOf(storeId: string): string {
  return `qdrant:${storeId}`;
}

/** Vectors of one memory in a collection of Qdrant, which other memories and other tools may share. */
export class QdrantVectorStore implements VectorStore {
  readonly name = 'vectors';
  readonly identity: string;
  readonly capabilities = { transactional: false };
  readonly dimensions: number;
  readonly #connection: QdrantConnection;
  readonly #collection: string;
  readonly #memoryId: string;
  readonly #filters: QdrantFilters;

  constructor(
    connection: QdrantConnection,
    collection: {
      readonly name: string;
      readonly storeId: string;
      readonly dimensions: number;
      readonly memoryId: string;
    },
  ) {
    this.#connection = connection;
    this.#collection = collection.name;
    this.#memoryId = collection.memoryId;
    this.#filters = new QdrantFilters(collection.memoryId);
    this.identity = nameOf(collection.storeId);
    this.dimensions = collection.dimensions;
  }

  async write(ref: WriteRef, records: readonly VersionRecord[], signal: AbortSignal): Promise<number> {
    for (const { chunks } of records) for (const chunk of chunks) assertUsable(chunk, this.dimensions);
    const expected = records.reduce((sum, { chunks }) => sum + chunks.length, 0);
    await this.#upsert(ref, records, signal);
    const stored = await this.count(ref, signal);
    if (stored <= expected) return stored;
    // An earlier write under the same name held other items.
    await this.discard(ref, signal);
    await this.#upsert(ref, records, signal);
    return this.count(ref, signal);
  }

  async #upsert(ref: WriteRef, records: readonly VersionRecord[], signal: AbortSignal): Promise<void> {
    const requests = requestsOf(records, { memoryId: this.#memoryId, ref });
    await inParallel(requests, WRITES_AT_ONCE, (points) => {
      const written = this.#filters.ofPoints(
        ref,
        points.map(({ id }) => id),
      );
      const send = () => this.#change('upsertPoints', { points }, signal);
      return this.#settle(send, async () => (await this.#countOf(written, signal)) === points.length, signal);
    });
  }

  async publish(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<void> {
    for (const page of pagesOf(versions, PAGE_VERSIONS)) {
      const filter = this.#filters.notLive(page);
      // Without the key the whole object of that name would be replaced.
      const change = { payload: { live: true }, key: 'metadata', filter };
      await this.#applyTo(filter, () => this.#change('setPayload', change, signal), signal);
    }
  }

  async discard(ref: WriteRef, signal: AbortSignal): Promise<void> {
    await this.#delete(this.#filters.ofBatch(ref), signal);
  }

  async retire(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<number[]> {
    const removed = new Map<string, number>();
    for (const page of pagesOf(versions, PAGE_VERSIONS)) {
      const filter = this.#filters.ofVersions(page);
      for await (const { payload } of this.#scroll(filter, ['document_version'], signal)) {
        const key = String(payload?.document_version);
        removed.set(key, (removed.get(key) ?? 0) + 1);
      }
      await this.#delete(filter, signal);
    }
    return versions.map((version) => removed.get(versionKeyOf(version)) ?? 0);
  }

  count(ref: WriteRef, signal: AbortSignal): Promise<number> {
    return this.#countOf(this.#filters.ofBatch(ref), signal);
  }

  async *inventory(versions: readonly DocumentVersion[], signal: AbortSignal): AsyncGenerator<InventoryRow> {
    for (const page of pagesOf(versions, PAGE_VERSIONS))
      for await (const point of this.#scroll(this.#filters.ofVersions(page), true, signal)) {
        const row = inventoryRowOf(point, this.#memoryId);
        if (row !== null) yield row;
      }
  }

  async *versions(signal: AbortSignal): AsyncGenerator<DocumentVersion & WriteRef> {
    const told = new Set<string>();
    const fields = ['document_version', 'run_id', 'batch_no'];
    for await (const { payload } of this.#scroll(this.#filters.all(), fields, signal)) {
      const key = payload?.document_version;
      const version = versionOfKey(key);
      if (version === null || told.has(key!)) continue;
      told.add(key!);
      yield { ...version, runId: String(payload?.run_id), batchNo: Number(payload?.batch_no) };
    }
  }

  async strays(signal: AbortSignal): Promise<Stray[]> {
    const ids = await this.#ofNoVersion(this.#filters.all(), signal);
    return ids.map((id) => ({ kind: 'point', id: String(id), problem: 'extra' }));
  }

  async mendStrays(strays: readonly Stray[], signal: AbortSignal): Promise<void> {
    const ids = strays.filter(({ kind }) => kind === 'point').map(({ id }) => pointIdOfText(id));
    for (const page of pagesOf(ids, PAGE_STRAYS)) {
      const left = await this.#ofNoVersion(this.#filters.among(page), signal);
      if (left.length > 0) await this.#delete(this.#filters.among(left), signal);
    }
  }

  /** Points that name no version, or none that a filter would find: no filter of Qdrant's tells these. */
  async #ofNoVersion(filter: QdrantFilter, signal: AbortSignal): Promise<PointId[]> {
    const ids: PointId[] = [];
    for await (const { id, payload } of this.#scroll(filter, ['document_version'], signal))
      if (versionOfKey(payload?.document_version) === null) ids.push(id);
    return ids;
  }

  async search(vector: Float32Array, limit: number, group: string | null, signal: AbortSignal): Promise<Ranked[]> {
    if (limit < 1) return [];
    const { points } = await this.#connection.ask<{ points: (GivenPoint & { score: number })[] }>(
      'queryPoints',
      {
        ...{ collection_name: this.#collection, query: Array.from(vector), limit },
        ...{ filter: this.#filters.live(group), with_payload: ['id'] },
      },
      signal,
    );
    const ranked = points.map(({ payload, score }) => ({ id: String(payload?.id), score }));
    return ranked.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
  }

  /** The client lets idle connections go by itself, and they keep no process. */
  async close(): Promise<void> {}

  async #delete(filter: QdrantFilter, signal: AbortSignal): Promise<void> {
    await this.#applyTo(filter, () => this.#change('deletePoints', { filter }, signal), signal);
  }

  /** Makes a change after which no point fulfils the filter any more. */
  async #applyTo(filter: QdrantFilter, send: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    await this.#settle(send, async () => (await this.#countOf(filter, signal)) === 0, signal);
  }

  /** Sends a change and waits for it. @returns false when it was taken and is not applied yet. */
  async #change(
    call: 'upsertPoints' | 'setPayload' | 'deletePoints',
    change: object,
    signal: AbortSignal,
  ): Promise<boolean> {
    const waiting = { collection_name: this.#collection, wait: true, timeout: SERVER_WAIT_SECONDS };
    const { status } = await this.#connection.ask<{ status: string }>(call, { ...waiting, ...change }, signal);
    return status === 'completed';
  }

  /**
   * Sends a change once. What was taken and not applied, and what may have been, is waited for by an exact count: sent again, it
   * would come behind itself, and maybe behind what undoes it.
   *
   * @throws what it failed of when it is not applied in time.
   */
  async #settle(send: () => Promise<boolean>, isApplied: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    let failure: unknown = null;
    try {
      if (await send()) return;
    } catch (error) {
      if (!isApexError(error) || error.details['isUnknown'] !== true) throw error;
      failure = error;
    }
    const { settleMs, doubtMs } = this.#connection.limits;
    const until = AbortSignal.any([signal, AbortSignal.timeout(failure === null ? settleMs : doubtMs)]);
    for (let waitMs = FIRST_POLL_MS; !until.aborted; waitMs = Math.min(2 * waitMs, MAX_POLL_MS)) {
      // A server that does not answer here either can tell nothing: it is the first failure that matters.
      const isDone = await isApplied().catch((error: unknown) => (failure === null ? Promise.reject(error) : null));
      if (isDone === true) return;
      if (isDone === null) break;
      await delay(waitMs, undefined, { signal: until }).catch(() => {});
    }
    signal.throwIfAborted();
    throw failure ?? this.#notApplied();
  }

  #notApplied(): StoreError {
    return new StoreError(`Qdrant at ${this.#connection.place} took a change and has not applied it in time`, {
      code: 'APEX_STORE',
      retryable: true,
      details: { isUnknown: true },
    });
  }

  async #countOf(filter: QdrantFilter, signal: AbortSignal): Promise<number> {
    const asked = { collection_name: this.#collection, filter, exact: true };
    return (await this.#connection.ask<{ count: number }>('countPoints', asked, signal)).count;
  }

  /** Every point that fulfils the filter, in order of id. @param fields of the payload; true: all, and the vector. */
  async *#scroll(
    filter: QdrantFilter,
    fields: true | readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<GivenPoint> {
    const isWhole = fields === true;
    let offset: string | number | null = null;
    do {
      const page: { points: GivenPoint[]; next_page_offset: string | number | null } = await this.#connection.ask(
        'scrollPoints',
        {
          ...{ collection_name: this.#collection, filter, offset, limit: isWhole ? PAGE_VECTORS : PAGE_POINTS },
          ...{ with_payload: isWhole || (fields.length > 0 && fields), with_vector: isWhole },
        },
        signal,
      );
      yield* page.points;
      offset = page.next_page_offset;
    } while (offset !== null && offset !== undefined);
  }
}

function* pagesOf<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
