import { StoreError } from '../../../lib/contracts/errors.ts';
import type { Ranked, VectorStore, VersionRecord, WriteRef } from '../../../lib/contracts/store.ts';
import { DIMENSIONS } from '../records.ts';
import { FakeStore } from './store.ts';

/** Vectors in memory, searched exactly. */
export class FakeVectorStore extends FakeStore implements VectorStore {
  readonly dimensions = DIMENSIONS;

  constructor() {
    super('vectors');
  }

  override async write(ref: WriteRef, records: readonly VersionRecord[], signal: AbortSignal): Promise<number> {
    const vectors = records.flatMap(({ chunks }) => chunks.map(({ vector }) => vector));
    if (vectors.every((vector) => vector.length === this.dimensions && vector.every(Number.isFinite)))
      return super.write(ref, records, signal);
    throw new StoreError('a vector is not what this store holds', { code: 'STORE_REFUSED' });
  }

  async search(vector: Float32Array, limit: number, group: string | null, signal: AbortSignal): Promise<Ranked[]> {
    signal.throwIfAborted();
    return this.live(group)
      .flatMap(({ chunks }) => chunks)
      .map((chunk) => ({ id: chunk.chunkId, score: cosine(chunk.vector, vector) }))
      .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  }
}

function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0) / (Math.hypot(...a) * Math.hypot(...b));
}
