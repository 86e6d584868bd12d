import { embeddingText } from '../../lib/contracts/document.ts';
import { embeddingKey } from '../../lib/contracts/identity.ts';
import { type DocumentVersion, type RemovedCounts, ROLES, type Role, type Stores } from '../../lib/contracts/store.ts';

/** How many keys the cache is asked to remove together. */
const PAGE_KEYS = 1_000;

/** What was removed of versions that leave, store by store. */
export class RemovedItems {
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #counts: { [role in Role]: number }[];

  constructor(versions: readonly DocumentVersion[]) {
    this.#indexes = new Map(versions.map(({ documentId }, index) => [documentId, index]));
    this.#counts = versions.map(() => ({ ...NOTHING_REMOVED }));
  }

  /** @param counts of each of the versions, in their order. */
  add(role: Role, counts: readonly number[]): void {
    for (const [index, count] of counts.entries()) this.#counts[index]![role] += count;
  }

  /** @param counts by document. */
  addOf(role: Role, counts: ReadonlyMap<string, number>): void {
    for (const [documentId, count] of counts) this.#counts[this.#indexes.get(documentId)!]![role] += count;
  }

  /** Of all versions. */
  get total(): RemovedCounts {
    const sum = { ...NOTHING_REMOVED };
    for (const counts of this.#counts) for (const role of ROLES) sum[role] += counts[role];
    return sum;
  }

  /** Of a document that leaves with one version. */
  of(documentId: string): RemovedCounts {
    return this.#counts[this.#indexes.get(documentId) ?? -1] ?? NOTHING_REMOVED;
  }
}

/** What is removed of a document that was in quarantine only. */
export const NOTHING_REMOVED: RemovedCounts = { records: 0, graph: 0, vectors: 0, cache: 0 };

/**
 * Removes the cached embeddings of texts that no other version has: a text can be guessed from its embedding. Called while the
 * versions' chunks are still there, so that it can be repeated. Only for documents that are deleted: a text that an update
 * replaced may come back, and is not embedded again then.
 *
 * @returns how many texts of each document.
 */
export async function forgetEmbeddings(
  versions: readonly DocumentVersion[],
  { stores, embeddingModel }: { readonly stores: Pick<Stores, 'records' | 'cache'>; readonly embeddingModel: string },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  if (versions.length === 0) return counts;
  let keys: string[] = [];
  const removeCollected = async () => {
    await stores.cache.remove(keys, signal);
    keys = [];
  };
  for await (const chunk of stores.records.unshared(versions, signal)) {
    counts.set(chunk.documentId, (counts.get(chunk.documentId) ?? 0) + 1);
    keys.push(embeddingKey(embeddingModel, embeddingText(chunk)));
    if (keys.length === PAGE_KEYS) await removeCollected();
  }
  await removeCollected();
  return counts;
}
