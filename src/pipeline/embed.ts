import { type Chunk, embeddingText } from '../../lib/contracts/document.ts';
import { ProviderError } from '../../lib/contracts/errors.ts';
import { embeddingKey } from '../../lib/contracts/identity.ts';
import type { Embedder } from '../../lib/contracts/parts.ts';
import type { CacheStore } from '../../lib/contracts/store.ts';
import type { StepContext } from './context.ts';
import { RETRIES, withRetries } from './steps.ts';

/** What embedding cost so far in a run. */
export interface EmbeddingUse {
  calls: number;
  texts: number;
}

/**
 * Step 5 of 7, embed: chunks in, one vector per chunk out, same order.
 *
 * A text that was embedded before, in any document, is taken from the cache; what is embedded now is in the cache before
 * this resolves, so that a run killed afterwards does not pay again.
 * @throws ProviderError, retried here when retryable, as a wrong count or size is.
 */
export async function embed(
  chunks: readonly Chunk[],
  parts: { readonly embedder: Embedder; readonly cache: CacheStore; readonly use: EmbeddingUse },
  context: StepContext,
): Promise<Float32Array[]> {
  const { embedder, cache, use } = parts;
  const texts = chunks.map(embeddingText);
  const keys = texts.map((text) => embeddingKey(embedder.model, text));
  const known = new Map<string, Float32Array>();
  const cached = await cache.get(keys, context.signal);
  cached.forEach((bytes, index) => {
    if (bytes !== null && bytes.byteLength === embedder.dimensions * 4) known.set(keys[index]!, floatsOf(bytes));
  });
  const wanted = new Map(keys.map((key, index) => [key, texts[index]!] as const).filter(([key]) => !known.has(key)));
  const missing = [...wanted];
  for (let from = 0; from < missing.length; from += embedder.maxRequestItems) {
    const asked = missing.slice(from, from + embedder.maxRequestItems);
    const vectors = await withRetries(RETRIES.embed, context, async () => {
      use.calls += 1;
      const answer = await embedder.embed(
        asked.map(([, text]) => text),
        context.signal,
      );
      assertShape(answer, asked.length, embedder);
      return answer;
    });
    use.texts += asked.length;
    asked.forEach(([key], index) => {
      known.set(key, vectors[index]!);
    });
    await cache.set(
      asked.map(([key], index) => ({ key, value: bytesOf(vectors[index]!), document: null })),
      context.signal,
    );
  }
  return keys.map((key) => known.get(key)!);
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

function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}
