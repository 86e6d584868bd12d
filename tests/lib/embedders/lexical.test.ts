import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLexicalEmbedder } from '../../../lib/embedders/lexical.ts';
import { never } from '../../helpers/records.ts';

/** Goal: texts that share words are near, everywhere and always. Method: distances by hand, and properties over any text. */

const embedder = createLexicalEmbedder();
const vectorsOf = (...texts: readonly string[]) => embedder.embed(texts, never).then(({ vectors }) => vectors);

/** The cosine of two texts. */
async function nearness(a: string, b: string): Promise<number> {
  const [first, second] = await vectorsOf(a, b);
  return first!.reduce((sum, value, index) => sum + value * second![index]!, 0);
}

test('a vector is the same in every process and on every machine: change it, and the model needs another name', async () => {
  expect(embedder.model).toBe('lexical-2');
  const [vector] = await vectorsOf('Farrow Freight 308');
  const strongest = [...vector!.entries()].toSorted(([, a], [, b]) => Math.abs(b) - Math.abs(a)).slice(0, 3);
  expect(strongest.map(([index, value]) => [index, value.toFixed(4)])).toEqual([
    [263, '0.3008'],
    [274, '-0.3008'],
    [501, '0.3008'],
  ]);
});

test('every text has one vector of unit length, in its place, the same each time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }), async (texts) => {
      const vectors = await vectorsOf(...texts);
      expect(vectors).toHaveLength(texts.length);
      for (const [index, vector] of vectors.entries()) {
        expect(vector).toHaveLength(embedder.dimensions);
        expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
        expect((await vectorsOf(texts[index]!))[0]).toEqual(vector);
      }
    }),
  );
});

test.each(['', '   ', '—!?…', '\u0000'])('a text without words has a direction too: %j', async (text) => {
  const [vector] = await vectorsOf(text);
  expect(Math.hypot(...vector!)).toBe(1);
});

describe('is as near as itself', () => {
  test.each([
    ['without its case', 'Farrow Freight LLC', 'FARROW freight llc'],
    ['without its accents', 'Müller Café', 'Muller Cafe'],
    ['composed or not', 'Mu\u0308ller', 'M\u00fcller'],
    ['in another order', 'steel pipes from Bremen', 'from Bremen steel pipes'],
    ['with other signs', 'bay nine, gate two', 'bay/nine (gate two)!'],
    ['in full width', 'ＡＢＣ１', 'ABC1'],
  ])('a text %s', async (_, a, b) => {
    expect(await nearness(a, b)).toBeCloseTo(1, 5);
  });
});

describe('is nearer', () => {
  test.each([
    ['the other form of a word', 'shipment', 'shipments', 'invoice'],
    ['a longer form of a word', 'deliver', 'delivery', 'departure'],
    ['a word with a slip', 'consignee', 'consignne', 'container'],
    ['a text that shares two words', 'steel pipes to Bremen', 'pipes of steel', 'a letter to Ann'],
    ['the same identifier', 'where is LD-700001', 'Load LD-700001 left', 'Load XK-414233 left'],
  ])('%s', async (_, text, near, far) => {
    expect(await nearness(text, near)).toBeGreaterThan((await nearness(text, far)) + 0.1);
  });
});

test('texts that share nothing are about a right angle apart', async () => {
  expect(Math.abs(await nearness('steel pipes Bremen', 'quarterly audit jacket'))).toBeLessThan(0.25);
});

test('a long word or a number in common brings texts nearer than a short word in common', async () => {
  const short = await nearness('the consignee', 'the quarterly');
  expect(await nearness('the consignee', 'our consignee')).toBeGreaterThan(short + 0.3);
  expect(await nearness('the 308', 'our 308')).toBeGreaterThan(short + 0.3);
});

test('words of scripts without blanks count in full, however short', async () => {
  expect(await nearness('上海 container', '上海 invoice')).toBeGreaterThan(0.15);
});

test('a word said often counts for more, but not in proportion', async () => {
  const once = await nearness('steel', 'steel jacket');
  const often = await nearness('steel', `${'steel '.repeat(9)} jacket`);
  expect(often).toBeGreaterThan(once);
  expect(often).toBeLessThan(1);
});
