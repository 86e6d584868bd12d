import type { Embedder } from '../../lib/contracts/parts.ts';
import type { PlannedEmbedding, ReadableStores } from '../../lib/contracts/plan.ts';
import type { CacheStore } from '../../lib/contracts/store.ts';
import { costOf, dollarsOf } from '../pipeline/money.ts';

/**
 * An embedder that asks nobody: what it is asked for is counted, and its vectors are of no use.
 *
 * @param onTexts hears the texts of each request that would be made.
 */
export function plannedEmbedder(embedder: Embedder, onTexts: (texts: readonly string[]) => void): Embedder {
  const vector = new Float32Array(embedder.dimensions);
  return {
    model: embedder.model,
    dimensions: embedder.dimensions,
    maxRequestItems: embedder.maxRequestItems,
    requestMs: embedder.requestMs,
    price: embedder.price,
    countTokens: (text) => embedder.countTokens(text),
    countBilledTokens: (text) => embedder.countBilledTokens(text),
    embed: async (texts) => {
      onTexts(texts);
      return { vectors: texts.map(() => vector), tokens: null };
    },
  };
}

/** What requests for these texts would take. Costs are of each request, as they are billed. */
export function embeddingOf(
  requests: readonly (readonly string[])[],
  embedder: Pick<Embedder, 'countBilledTokens' | 'price'>,
): PlannedEmbedding {
  const tokens = requests.map((texts) => texts.reduce((sum, text) => sum + embedder.countBilledTokens(text), 0));
  const costs = tokens.map((count) => costOf(count, embedder.price));
  return {
    embedded_texts: requests.flat().length,
    embedding_calls: requests.length,
    embedding_tokens: tokens.reduce((sum, count) => sum + count, 0),
    cost_usd: dollarsOf(costs.reduce((sum, cost) => (sum === null || cost === null ? null : sum + cost), 0)),
  };
}

/** The memory's cache, read, and what the plan would have put into it: a text is counted once, as it is paid once. */
export class PlannedCache implements CacheStore {
  readonly name = 'planned cache';
  readonly identity: string;
  readonly #held: ReadableStores['cache'];
  readonly #planned = new Set<string>();
  readonly #value: Uint8Array;

  /** @param dimensions floats of a vector. */
  constructor(held: ReadableStores['cache'], dimensions: number) {
    this.identity = held.identity;
    this.#held = held;
    this.#value = new Uint8Array(dimensions * 4);
  }

  async get(keys: readonly string[], signal: AbortSignal): Promise<(Uint8Array | null)[]> {
    const held = await this.#held.get(keys, signal);
    return keys.map((key, index) => (this.#planned.has(key) ? this.#value : (held[index] ?? null)));
  }

  async set(entries: Parameters<CacheStore['set']>[0]): Promise<void> {
    for (const { key } of entries) this.#planned.add(key);
  }

  async remove(): Promise<void> {}

  async retire(): Promise<number[]> {
    return [];
  }

  async *versions(): ReturnType<CacheStore['versions']> {}

  async close(): Promise<void> {}
}
