import { expect, test } from 'vitest';
import { FREE, listedPrice, priceOf } from '../../../lib/embedders/prices.ts';
import { countBilledTokens } from '../../../lib/embedders/tokens.ts';

test.each([
  ['text-embedding-3-small', 20_000],
  ['text-embedding-3-large', 130_000],
  ['text-embedding-ada-002', 100_000],
])('%s has a listed price with its date', (model, picosPerToken) => {
  expect(listedPrice(model)).toMatchObject({ picosPerToken, origin: expect.stringMatching(/\d{4}-\d\d-\d\d/) });
});

test('a model that is not listed has no price, which is not the price of nothing', () => {
  expect(listedPrice('of-our-own')).toBeNull();
  expect(FREE.picosPerToken).toBe(0);
});

test('a price is exact to a millionth of a dollar for a million tokens', () => {
  expect(priceOf(0.0125, 'test').picosPerToken).toBe(12_500);
  expect(priceOf(0.000_001, 'test').picosPerToken).toBe(1);
});

/** Tokens by the encoding `cl100k_base`, counted once with gpt-tokenizer 3. */
const COUNTED: readonly (readonly [text: string, tokens: number])[] = [
  ['Load number: LD-20418\nCarrier: Sundmere Linehaul Inc', 15],
  ['The quick brown fox jumps over the lazy dog.', 10],
  ['SUNDMERE LINEHAUL INC | MC 662607 | DALLAS, TX', 19],
  ['Total: $1,980.00 (USD), due 2026-11-04T10:00:00Z', 26],
  ['荷物の追跡と配送', 11],
  ['🚛 🚛 🚛', 9],
  ['QkFTRTY0IGRhdGEgb2YgYW4gYXR0YWNobWVudA==', 28],
  ['Straße, façade, naïve, Zürich', 12],
  ['antidisestablishmentarianism', 6],
  ['', 0],
  ['    indented\n\n\n\ttext', 5],
];

test.each(COUNTED)('%j is billed as no less than what its encoding gives', (text, tokens) => {
  expect(countBilledTokens(text)).toBeGreaterThanOrEqual(tokens);
  expect(countBilledTokens(text)).toBeLessThanOrEqual(tokens * 3 + 2);
});

test('counting is linear in the text, whatever it is made of', () => {
  for (const text of ['a', 'A', '7', ' ', '\n', '-', '荷', '🚛', 'aA'])
    expect(countBilledTokens(text.repeat(100_000)) / 100_000).toBeLessThanOrEqual(Buffer.byteLength(text));
});
