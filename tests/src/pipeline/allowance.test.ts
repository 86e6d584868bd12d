import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Caps } from '../../../lib/contracts/apex.ts';
import { ProviderError } from '../../../lib/contracts/errors.ts';
import type { Embedding } from '../../../lib/contracts/parts.ts';
import { Allowance, NO_CAPS } from '../../../src/pipeline/allowance.ts';
import { costOf, shownDollars } from '../../../src/pipeline/money.ts';
import { EmbeddingUse } from '../../../src/pipeline/use.ts';

/** Goal: no cap is crossed by any order of requests, and money is exact. Method: a clock and a provider in memory. */

const REACHED = { name: 'ProviderError', code: 'CAP_REACHED', retryable: false };

function openAllowance(caps: Partial<Caps>) {
  const clock = { ms: 0 };
  return { clock, allowance: new Allowance({ ...NO_CAPS, ...caps }, () => clock.ms) };
}

/** A billionth of a dollar for each token, and one token for each character. */
const EMBEDDER = { countBilledTokens: (text: string) => text.length, price: { picosPerToken: 1_000, origin: 'test' } };
const answered = (tokens: number | null) => async (): Promise<Embedding> => ({ vectors: [], tokens });
const failing = (code: ConstructorParameters<typeof ProviderError>[1]['code']) => () =>
  Promise.reject(new ProviderError('no', { code }));

describe('a cap', () => {
  test('on calls lets so many through, and names itself where it stops', () => {
    const { allowance } = openAllowance({ maxCalls: 2 });
    allowance.reserve(0);
    allowance.reserve(0);
    expect(() => allowance.reserve(0)).toThrow(
      expect.objectContaining({ ...REACHED, details: { flag: '--max-calls 2' } }),
    );
  });

  test('on costs lets through what fits to the last billionth', () => {
    const { allowance } = openAllowance({ maxCostNanos: 10 });
    allowance.reserve(7);
    expect(() => allowance.reserve(4)).toThrow(expect.objectContaining(REACHED));
    allowance.reserve(3);
    expect(() => allowance.reserve(1)).toThrow('$0.00000001 spent');
  });

  test('on documents lets so many be begun', () => {
    const { allowance } = openAllowance({ maxDocuments: 1 });
    allowance.takeDocument();
    expect(() => allowance.takeDocument()).toThrow('--max-documents 1 is reached');
  });

  test.each([
    [90_000, '--max-duration 90s'],
    [600_000, '--max-duration 10m'],
    [7_200_000, '--max-duration 2h'],
  ])('on time of %i ms lets nothing be begun after it, not even a request', (maxDurationMs, flag) => {
    const { allowance, clock } = openAllowance({ maxDurationMs });
    clock.ms = maxDurationMs - 1;
    allowance.assertTime();
    allowance.reserve(0);
    clock.ms = maxDurationMs;
    expect(() => allowance.assertTime()).toThrow(flag);
    expect(() => allowance.reserve(0)).toThrow(flag);
  });

  test('goes on in another process where this one has come to', () => {
    const { allowance, clock } = openAllowance({ maxCalls: 3, maxCostNanos: 10, maxDurationMs: 1_000 });
    allowance.reserve(6);
    clock.ms = 400;
    const { caps, ...before } = JSON.parse(JSON.stringify(allowance.state)) as typeof allowance.state;
    let ms = 50_000;
    const other = new Allowance(caps, () => ms, before);
    expect(() => other.reserve(5)).toThrow('--max-cost');
    other.reserve(4);
    ms += 600;
    expect(() => other.assertTime()).toThrow('--max-duration 1s');
  });
});

describe('what is used', () => {
  test('is what the provider bills; where it does not say, what was counted', async () => {
    const use = new EmbeddingUse(openAllowance({}).allowance);
    await use.pay(['abc', 'de'], EMBEDDER, answered(4));
    await use.pay(['abc'], EMBEDDER, answered(null));
    expect(use.total).toEqual({ calls: 2, texts: 3, tokens: 7, costNanos: 7 });
  });

  test('of a request that was refused is nothing but the call; of one whose answer was lost, all that it may cost', async () => {
    const use = new EmbeddingUse(openAllowance({}).allowance);
    await expect(use.pay(['abc'], EMBEDDER, failing('RATE_LIMITED'))).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(use.total).toEqual({ calls: 1, texts: 0, tokens: 0, costNanos: 0 });
    await expect(use.pay(['abc'], EMBEDDER, failing('APEX_PROVIDER'))).rejects.toMatchObject({ code: 'APEX_PROVIDER' });
    expect(use.total).toEqual({ calls: 2, texts: 0, tokens: 3, costNanos: 3 });
  });

  test('costs nobody knows what without a price, and never nothing', async () => {
    const use = new EmbeddingUse(openAllowance({}).allowance);
    await use.pay(['abc'], { ...EMBEDDER, price: null }, answered(3));
    await use.pay(['abc'], EMBEDDER, answered(3));
    expect(use.total).toEqual({ calls: 2, texts: 2, tokens: 6, costNanos: null });
  });

  test('by another process counts against the caps of this one', async () => {
    const { allowance } = openAllowance({ maxCalls: 2 });
    const use = new EmbeddingUse(allowance);
    use.add({ calls: 2, texts: 5, tokens: 50, costNanos: 50 });
    await expect(use.pay(['a'], EMBEDDER, answered(1))).rejects.toMatchObject(REACHED);
    expect(use.total).toEqual({ calls: 2, texts: 5, tokens: 50, costNanos: 50 });
  });

  test('is said before the request is made, and corrected after it', async () => {
    const said: unknown[] = [];
    const use = new EmbeddingUse(openAllowance({}).allowance, (since) => said.push([since.calls, since.tokens]));
    await use.pay(['abc'], EMBEDDER, async () => {
      said.push('request');
      return { vectors: [], tokens: 2 };
    });
    expect(said).toEqual([[1, 3], 'request', [0, -1]]);
  });
});

test('requests side by side, billed as counted, never cross a cap together, and use of it what fits', async () => {
  const requests = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(
      requests,
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 10 }),
      async (sizes, maxCostNanos, maxCalls) => {
        let [calls, cost] = [0, 0];
        const use = new EmbeddingUse(openAllowance({ maxCostNanos, maxCalls }).allowance);
        const ends = await Promise.allSettled(
          sizes.map((size, index) =>
            use.pay(['x'.repeat(size)], EMBEDDER, async () => {
              for (let turn = 0; turn < index % 3; turn += 1) await null;
              calls += 1;
              // Less may be billed than was counted, never more.
              const tokens = index % 2 === 0 ? size : Math.ceil(size / 2);
              cost += tokens;
              return { vectors: [], tokens };
            }),
          ),
        );
        expect(calls).toBeLessThanOrEqual(maxCalls);
        expect(cost).toBeLessThanOrEqual(maxCostNanos);
        expect(use.total).toMatchObject({ calls, tokens: cost, costNanos: cost });
        const refused = ends.filter(({ status }) => status === 'rejected').length;
        if (calls < maxCalls && sizes.reduce((sum, size) => sum + size, 0) <= maxCostNanos) expect(refused).toBe(0);
      },
    ),
  );
});

test('a provider that bills more than was counted is expected to do so again', async () => {
  const use = new EmbeddingUse(openAllowance({ maxCostNanos: 40 }).allowance);
  await use.pay(['x'.repeat(10)], EMBEDDER, answered(20));
  await use.pay(['x'.repeat(10)], EMBEDDER, answered(20));
  await expect(use.pay(['x'], EMBEDDER, answered(2))).rejects.toMatchObject(REACHED);
});

test('the second request is not made when at the ratio of the first it would cross the cap', async () => {
  const use = new EmbeddingUse(openAllowance({ maxCostNanos: 39 }).allowance);
  await use.pay(['x'.repeat(10)], EMBEDDER, answered(20));
  await expect(use.pay(['x'.repeat(10)], EMBEDDER, answered(20))).rejects.toMatchObject(REACHED);
});

test.each([
  [1_000_000, 20_000, 20_000_000, '$0.0200'],
  [1, 20_000, 20, '$0.00000002'],
  [3, 12_500, 38, '$0.000000038'],
  [0, 20_000, 0, '$0.0000'],
  [123_456_789, 130_000, 16_049_382_570, '$16.0494'],
])('%i tokens at %i picodollars cost %i nanodollars, which reads %s', (tokens, picosPerToken, nanos, shown) => {
  expect(costOf(tokens, { picosPerToken, origin: 'test' })).toBe(nanos);
  expect(shownDollars(nanos)).toBe(shown);
});
