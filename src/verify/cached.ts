import type { Difference } from '../../lib/contracts/apex.ts';
import { embeddingText } from '../../lib/contracts/document.ts';
import { isApexError } from '../../lib/contracts/errors.ts';
import { embeddingKey, pointDigest, storedVector, summaryKey } from '../../lib/contracts/identity.ts';
import type { CacheStore, DocumentVersion, InventoryRow, Stores } from '../../lib/contracts/store.ts';
import { pagesOf } from '../pipeline/bounded.ts';
import { floatsOf } from '../pipeline/embed.ts';
import { summaryText } from '../saga/summary.ts';
import { difference } from './compare.ts';

/** How many chunks' embeddings are asked for together. */
const PAGE_CHUNKS = 500;

/** Two answers of a provider for one text are this near or nearer; those of two texts hardly ever are. */
const SAME_TEXT_COSINE = 0.99;

/** Among how many neighbours a chunk is looked for. */
const NEIGHBOURS = 50;

type Point = Pick<InventoryRow, 'documentId' | 'version' | 'id' | 'digest'>;

type ReadCache = Pick<CacheStore, 'get' | 'versions'>;
type CompareStores = Pick<Stores, 'records' | 'vectors'> & { readonly cache: ReadCache };

/** A cache that may not answer: from then on it holds nothing, which is no drift. What does not repeat itself is thrown. */
export class ForgivingCache implements ReadCache {
  hasFailed = false;
  readonly #cache: ReadCache;

  constructor(cache: ReadCache) {
    this.#cache = cache;
  }

  async get(keys: readonly string[], signal: AbortSignal): Promise<(Uint8Array | null)[]> {
    if (!this.hasFailed)
      try {
        return await this.#cache.get(keys, signal);
      } catch (error) {
        this.#forgive(error);
      }
    return keys.map(() => null);
  }

  async *versions(signal: AbortSignal): AsyncGenerator<DocumentVersion> {
    if (this.hasFailed) return;
    try {
      yield* this.#cache.versions(signal);
    } catch (error) {
      this.#forgive(error);
    }
  }

  #forgive(error: unknown): void {
    if (!isApexError(error) || error.code !== 'APEX_STORE') throw error;
    this.hasFailed = true;
  }
}

/** An absent embedding is fine; one that is not that of its text would be served to the next document that has it. */
export async function wrongEmbeddings(
  points: readonly Point[],
  stores: CompareStores,
  { model, signal }: { readonly model: string; readonly signal: AbortSignal },
): Promise<Difference[]> {
  const { cache, records } = stores;
  const differences: Difference[] = [];
  const groups = await records.current([...new Set(points.map(({ documentId }) => documentId))], signal);
  for (const page of pagesOf(points, PAGE_CHUNKS)) {
    const chunks = await records.chunks(
      page.map(({ id }) => id),
      signal,
    );
    const known = page.flatMap((point) => {
      const chunk = chunks.get(point.id);
      return chunk === undefined ? [] : [{ point, key: embeddingKey(model, embeddingText(chunk)) }];
    });
    const cached = await cache.get(
      known.map(({ key }) => key),
      signal,
    );
    for (const [index, { point, key }] of known.entries()) {
      const bytes = cached[index];
      const group = groups.get(point.documentId)?.group ?? '';
      if (bytes == null || (await isEmbeddingOf(point, bytes, group, stores, signal))) continue;
      differences.push(difference('cache', { ...point, kind: 'embedding', id: key }, 'changed'));
    }
  }
  return differences;
}

/** A provider may answer a little differently each time, so what is not equal to the point's vector must be near to it. */
async function isEmbeddingOf(
  point: Point,
  bytes: Uint8Array,
  group: string,
  { vectors }: Pick<Stores, 'vectors'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (bytes.byteLength !== vectors.dimensions * 4) return false;
  const vector = floatsOf(bytes);
  // Memories of older versions keep it as it was embedded.
  if ([storedVector(vector), vector].some((kept) => pointDigest(kept, group) === point.digest)) return true;
  const near = await vectors.search(vector, NEIGHBOURS, group, signal);
  return near.some(({ id, score }) => id === point.id && score >= SAME_TEXT_COSINE);
}

/** An absent summary is fine; one that says something else is drift. */
export async function wrongSummaries(
  versions: readonly DocumentVersion[],
  { cache, records }: Omit<CompareStores, 'vectors'>,
  signal: AbortSignal,
): Promise<Difference[]> {
  const keys = versions.map(({ documentId, version }) => summaryKey(records.memoryId, documentId, version));
  const cached = await cache.get(keys, signal);
  const differences: Difference[] = [];
  for (const [index, version] of versions.entries()) {
    const bytes = cached[index];
    const document = bytes == null ? null : await records.document(version.documentId, signal);
    if (bytes == null || document === null || document.version !== version.version) continue;
    if (!Buffer.from(bytes).equals(Buffer.from(summaryText(document))))
      differences.push(difference('cache', { ...version, kind: 'summary', id: keys[index]! }, 'changed'));
  }
  return differences;
}

/** Entries of versions that are not current: nothing would ever remove them. */
export async function staleSummaries(
  { cache, records }: Omit<CompareStores, 'vectors'>,
  current: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<Difference[]> {
  const differences: Difference[] = [];
  for await (const { documentId, version } of cache.versions(signal)) {
    if (current.get(documentId) === version) continue;
    const id = summaryKey(records.memoryId, documentId, version);
    differences.push(difference('cache', { documentId, version, kind: 'summary', id }, 'stale'));
  }
  return differences;
}
