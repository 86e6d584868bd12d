import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Chunk } from '../../../lib/contracts/document.ts';
import { embeddingKey } from '../../../lib/contracts/identity.ts';
import type { CacheEntry } from '../../../lib/contracts/store.ts';
import { Allowance, NO_CAPS } from '../../../src/pipeline/allowance.ts';
import { embed } from '../../../src/pipeline/embed.ts';
import { EmbeddingUse } from '../../../src/pipeline/use.ts';
import { FakeCacheStore } from '../../helpers/fakes/cache.ts';
import { chunksOf, FakeEmbedder, vectorOf, vectorsOf } from '../../helpers/fakes/parts.ts';
import { FakeSurroundings } from '../../helpers/fakes/surroundings.ts';
import { Faults, noAnswer } from '../../helpers/faults.ts';
import { DIMENSIONS, never } from '../../helpers/records.ts';

/** Goal: no text is paid twice, and no vector stands under the wrong text. Method: an embedder and a cache in memory. */

function openEmbedding(heldCache = new FakeCacheStore(), caps = NO_CAPS) {
  const faults = new Faults();
  const embedder = new FakeEmbedder();
  const cache = faults.wrap('cache', heldCache);
  const use = new EmbeddingUse(new Allowance(caps, () => 0));
  const surroundings = new FakeSurroundings();
  const cacheFailures: unknown[] = [];
  const onCacheFailure = (error: unknown) => cacheFailures.push(error);
  const parts = { embedder, cache, use, onCacheFailure };
  const embedded = (chunks: readonly Chunk[], signal = never) =>
    embed(chunks, parts, { runId: 'run-1', signal, surroundings, onStep: () => {} });
  return { faults, embedder, cache, use, surroundings, cacheFailures, embedded };
}

test('vectors come in the order of the chunks, so many texts a request', async () => {
  const { embedder, use, embedded } = openEmbedding();
  const chunks = chunksOf('one', 'two', 'three', 'four');
  expect(await embedded(chunks)).toEqual(vectorsOf(chunks));
  expect(embedder.calls).toEqual([['one', 'two', 'three'], ['four']]);
  expect(use.total).toMatchObject({ calls: 2, texts: 4 });
});

test('a chunk is embedded with its headings', async () => {
  const { embedder, embedded } = openEmbedding();
  await embedded([{ ...chunksOf('by train')[0]!, headingPath: ['Freight', 'Rail'] }]);
  expect(embedder.calls).toEqual([['Freight > Rail\n\nby train']]);
});

test('a text that stands twice in a document is embedded once', async () => {
  const { embedder, embedded } = openEmbedding();
  const chunks = chunksOf('one', 'two', 'one');
  expect(await embedded(chunks)).toEqual(vectorsOf(chunks));
  expect(embedder.calls).toEqual([['one', 'two']]);
});

test('nothing to embed costs no call', async () => {
  const { embedder, embedded } = openEmbedding();
  expect(await embedded([])).toEqual([]);
  expect(embedder.calls).toEqual([]);
});

describe('the cache', () => {
  test('a text of an earlier run costs nothing, and only the others are asked for', async () => {
    const { embedder, use, embedded } = openEmbedding();
    await embedded(chunksOf('one', 'two'));
    const chunks = chunksOf('two', 'new', 'one');
    expect(await embedded(chunks)).toEqual(vectorsOf(chunks));
    expect(embedder.calls.slice(1)).toEqual([['new']]);
    expect(use.total.texts).toBe(3);
  });

  test('holds every answer before the next request is made and before the vectors are given', async () => {
    class SlowCacheStore extends FakeCacheStore {
      override async set(entries: readonly CacheEntry[], signal: AbortSignal) {
        await turn();
        await super.set(entries, signal);
      }
    }
    const { embedder, cache, embedded } = openEmbedding(new SlowCacheStore());
    const isHeld = async (text: string) => (await cache.get([embeddingKey('fake-1', text)], never))[0] !== null;
    const firstIsHeld: boolean[] = [];
    embedder.answer = async (texts) => {
      firstIsHeld.push(await isHeld('one'));
      return texts.map(vectorOf);
    };
    await embedded(chunksOf('one', 'two', 'three', 'four'));
    expect([await isHeld('four'), ...firstIsHeld]).toEqual([true, false, true]);
  });

  test('a value of another size is not taken for a vector', async () => {
    const { embedder, cache, embedded } = openEmbedding();
    const entry = { key: embeddingKey('fake-1', 'one'), value: new Uint8Array((DIMENSIONS - 1) * 4), document: null };
    await cache.set([entry], never);
    expect(await embedded(chunksOf('one'))).toEqual([vectorOf('one')]);
    expect(embedder.calls).toEqual([['one']]);
  });

  test.each(['cache.get:before', 'cache.set:before', 'cache.set:after'])(
    'that fails is said and changes no outcome: %s',
    async (point) => {
      const { faults, cacheFailures, embedded } = openEmbedding();
      faults.fail(point, noAnswer());
      const chunks = chunksOf('one', 'two');
      expect(await embedded(chunks)).toEqual(vectorsOf(chunks));
      expect(cacheFailures).toEqual([noAnswer()]);
    },
  );
});

/** Answers that must not be believed, to three texts. */
const WRONG_ANSWERS: readonly [string, (texts: readonly string[]) => Float32Array[]][] = [
  ['one vector too few', (texts) => texts.slice(1).map(vectorOf)],
  ['one vector too many', (texts) => [...texts, 'more'].map(vectorOf)],
  ['none', () => []],
  ['a vector that is too short', (texts) => texts.map((text) => vectorOf(text).slice(0, DIMENSIONS - 1))],
  ['a vector that is too long', (texts) => texts.map((text) => Float32Array.of(...vectorOf(text), 1))],
  ['no number', (texts) => texts.map((text) => vectorOf(text).fill(Number.NaN, 0, 1))],
  ['an infinite number', (texts) => texts.map((text) => vectorOf(text).fill(Number.POSITIVE_INFINITY, 3))],
];

describe('a wrong answer', () => {
  test.each(WRONG_ANSWERS)('is asked for again, and then fails: %s', async (_, answer) => {
    const { embedder, cache, use, surroundings, embedded } = openEmbedding();
    embedder.answer = answer;
    await expect(embedded(chunksOf('one', 'two', 'three'))).rejects.toMatchObject({
      ...{ name: 'ProviderError', code: 'PROVIDER_ANSWER', retryable: true },
    });
    expect(embedder.calls).toHaveLength(5);
    expect(surroundings.delaysMs).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(use.total).toMatchObject({ calls: 5, texts: 0 });
    expect(await cache.get([embeddingKey('fake-1', 'one')], never)).toEqual([null]);
  });

  test('that comes right the second time is taken', async () => {
    const { embedder, use, embedded } = openEmbedding();
    embedder.answer = (texts) => (embedder.calls.length === 1 ? [] : texts.map(vectorOf));
    expect(await embedded(chunksOf('one'))).toEqual([vectorOf('one')]);
    expect(use.total).toMatchObject({ calls: 2, texts: 1 });
  });

  test('after a right one leaves the right one in the cache', async () => {
    const { embedder, cache, embedded } = openEmbedding();
    embedder.answer = (texts) => (texts.includes('four') ? [] : texts.map(vectorOf));
    await expect(embedded(chunksOf('one', 'two', 'three', 'four'))).rejects.toMatchObject({ code: 'PROVIDER_ANSWER' });
    const keys = ['one', 'four'].map((text) => embeddingKey('fake-1', text));
    expect((await cache.get(keys, never)).map((value) => value !== null)).toEqual([true, false]);
  });
});

describe('documents prepared side by side', () => {
  test('pay once for a text that they share', async () => {
    const { embedder, use, embedded } = openEmbedding();
    const [a, b] = [chunksOf('shared', 'only a'), chunksOf('only b', 'shared')];
    expect(await Promise.all([embedded(a), embedded(b)])).toEqual([vectorsOf(a), vectorsOf(b)]);
    expect(embedder.calls.flat().toSorted()).toEqual(['only a', 'only b', 'shared']);
    expect(use.underWay.size).toBe(0);
  });

  test('a failure for the sake of one text costs only the document that holds it', async () => {
    const { embedder, use, embedded } = openEmbedding();
    embedder.answer = async (texts) => {
      await turn();
      return texts.includes('cursed') ? [] : texts.map(vectorOf);
    };
    const [bad, good] = [chunksOf('shared', 'cursed'), chunksOf('shared', 'good')];
    const [first, second] = await Promise.allSettled([embedded(bad), embedded(good)]);
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'PROVIDER_ANSWER' } });
    expect(second).toEqual({ status: 'fulfilled', value: vectorsOf(good) });
    expect(use.underWay.size).toBe(0);
  });
});

test('a cap stops before the request that would cross it, and what was embedded until then is in the cache', async () => {
  const { embedder, use, cache, embedded } = openEmbedding(new FakeCacheStore(), { ...NO_CAPS, maxCalls: 1 });
  const chunks = chunksOf('one', 'two', 'three', 'four');
  await expect(embedded(chunks)).rejects.toMatchObject({ code: 'CAP_REACHED' });
  expect(embedder.calls).toEqual([['one', 'two', 'three']]);
  expect(use.total).toEqual({ calls: 1, texts: 3, tokens: 11, costNanos: 11_000 });
  expect((await cache.get([embeddingKey('fake-1', 'three')], never))[0]).not.toBeNull();
  expect(use.underWay.size).toBe(0);
});

test('a retry is a request of its own under the cap', async () => {
  const { embedder, embedded } = openEmbedding(new FakeCacheStore(), { ...NO_CAPS, maxCalls: 2 });
  embedder.answer = () => [];
  await expect(embedded(chunksOf('one'))).rejects.toMatchObject({ code: 'CAP_REACHED' });
  expect(embedder.calls).toHaveLength(2);
});

test('an abort reaches the request that is under way', async () => {
  const { embedder, embedded } = openEmbedding();
  const user = new AbortController();
  embedder.answer = (texts, signal) => {
    user.abort('SIGINT');
    signal.throwIfAborted();
    return texts.map(vectorOf);
  };
  await expect(embedded(chunksOf('one'), user.signal)).rejects.toBe('SIGINT');
});

test('nothing is asked for under an aborted signal', async () => {
  const { embedder, embedded } = openEmbedding();
  await expect(embedded(chunksOf('one'), AbortSignal.abort('SIGINT'))).rejects.toBe('SIGINT');
  expect(embedder.calls).toEqual([]);
});
