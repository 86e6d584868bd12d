import { type Chunk, embeddingText } from '../../lib/contracts/document.ts';
import { isApexError, ProviderError } from '../../lib/contracts/errors.ts';
import { embeddingKey } from '../../lib/contracts/identity.ts';
import type { Embedder } from '../../lib/contracts/parts.ts';
import type { CacheStore } from '../../lib/contracts/store.ts';
import { pagesOf } from './bounded.ts';
import type { StepContext } from './context.ts';
import { RETRIES, withRetries } from './steps.ts';
import type { EmbeddingUse } from './use.ts';

interface EmbedParts {
  readonly embedder: Embedder;
  readonly cache: CacheStore;
  readonly use: EmbeddingUse;
  /** The cache is best effort: without it the same texts are paid again, and nothing else changes. */
  readonly onCacheFailure: (error: unknown) => void;
}

/**
 * Step 5 of 7, embed: chunks in, one vector per chunk out, same order.
 *
 * A text that was embedded before, in any document, is taken from the cache; what is embedded now is in the cache before
 * this resolves, so that a run killed afterwards does not pay again.
 * @throws ProviderError CAP_REACHED before a request that would cross a cap.
 * @throws ProviderError, retried here when retryable, as a wrong count or size is.
 */
export async function embed(
  chunks: readonly Chunk[],
  parts: EmbedParts,
  context: StepContext,
): Promise<Float32Array[]> {
  const { embedder, use } = parts;
  const texts = chunks.map(embeddingText);
  const keys = texts.map((text) => embeddingKey(embedder.model, text));
  const known = await cachedVectors(keys, parts, context);
  const take = (vectors: ReadonlyMap<string, Float32Array>) => {
    for (const [key, vector] of vectors) known.set(key, vector);
  };
  const wanted = new Map(keys.map((key, index) => [key, texts[index]!] as const).filter(([key]) => !known.has(key)));
  const elsewhere = new Set([...wanted.keys()].flatMap((key) => use.underWay.get(key) ?? []));
  const own = [...wanted].filter(([key]) => !use.underWay.has(key));
  const embedding = embedTexts(own, parts, context);
  for (const [key] of own) use.underWay.set(key, embedding);
  try {
    take(await embedding);
  } finally {
    for (const [key] of own) use.underWay.delete(key);
  }
  for (const answer of await Promise.allSettled(elsewhere)) if (answer.status === 'fulfilled') take(answer.value);
  // Another document's request may have failed for the sake of another text in it.
  const left = [...wanted].filter(([key]) => !known.has(key));
  take(await embedTexts(left, parts, context));
  return keys.map((key) => known.get(key)!);
}

/** What the cache holds of these keys. A value of another size is not taken for a vector. */
async function cachedVectors(
  keys: readonly string[],
  { embedder, cache, onCacheFailure }: EmbedParts,
  context: StepContext,
): Promise<Map<string, Float32Array>> {
  const known = new Map<string, Float32Array>();
  try {
    const cached = await cache.get(keys, context.signal);
    cached.forEach((bytes, index) => {
      if (bytes !== null && bytes.byteLength === embedder.dimensions * 4) known.set(keys[index]!, floatsOf(bytes));
    });
  } catch (error) {
    if (!isApexError(error)) throw error;
    onCacheFailure(error);
  }
  return known;
}

/** Embeds texts by their cache keys, request after request, and leaves each answer in the cache. */
async function embedTexts(
  texts: readonly (readonly [key: string, text: string])[],
  { embedder, cache, use, onCacheFailure }: EmbedParts,
  context: StepContext,
): Promise<ReadonlyMap<string, Float32Array>> {
  const made = new Map<string, Float32Array>();
  for (const asked of pagesOf(texts, embedder.maxRequestItems)) {
    const wanted = asked.map(([, text]) => text);
    const vectors = await withRetries(RETRIES.embed, context, () =>
      use.pay(wanted, embedder, async () => {
        const answer = await embedder.embed(wanted, context.signal);
        assertShape(answer.vectors, asked.length, embedder);
        return answer;
      }),
    );
    const entries = asked.map(([key], index) => {
      made.set(key, vectors[index]!);
      return { key, value: bytesOf(vectors[index]!), document: null };
    });
    try {
      await cache.set(entries, context.signal);
    } catch (error) {
      if (!isApexError(error)) throw error;
      onCacheFailure(error);
    }
  }
  return made;
}

/** A provider that drops or pads one answer would shift every later vector onto the wrong text, so count first. */
function assertShape(vectors: readonly Float32Array[], texts: number, embedder: Embedder): void {
  const wrong = vectors.find((vector) => vector.length !== embedder.dimensions || !vector.every(Number.isFinite));
  if (vectors.length === texts && wrong === undefined) return;
  throw new ProviderError(
    `${embedder.model} answered ${texts} texts with ${vectors.length} vectors of ${wrong?.length ?? embedder.dimensions} floats`,
    {
      code: 'PROVIDER_ANSWER',
      retryable: true,
      details: { model: embedder.model, texts, vectors: vectors.length, floats: wrong?.length ?? embedder.dimensions },
    },
  );
}

/** Vectors are cached as little-endian floats, the order of every machine Node runs on. */
function bytesOf(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
}

/** A vector as it was cached. */
export function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}
