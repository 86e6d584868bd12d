import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withNeighbours } from '../../../src/search/neighbours.ts';

/** A hit at a place of a document. */
function hit(documentId: string, ordinal: number, score: number) {
  return { id: `${documentId}-${ordinal}`, score, chunk: { documentId, ordinal } };
}

const idsOf = (hits: readonly { readonly id: string }[]) => hits.map(({ id }) => id);

test('no hits give none, and a hit alone stays as it is', () => {
  expect(withNeighbours([])).toEqual([]);
  expect(withNeighbours([hit('a', 3, 0.7)])).toEqual([hit('a', 3, 0.7)]);
});

test('a hit gains a fifth of the score beside it and a tenth of the one after that, on both sides', () => {
  const [first, ...rest] = withNeighbours([hit('a', 5, 1), hit('a', 3, 0.5), hit('a', 4, 0.4), hit('a', 6, 0.3)]);
  expect(first).toMatchObject({ id: 'a-5', score: expect.closeTo(1 + 0.1 * 0.5 + 0.2 * 0.4 + 0.2 * 0.3, 12) });
  expect(idsOf(rest)).toEqual(['a-4', 'a-3', 'a-6']);
});

test('what lies three chunks away, or in another document, adds nothing', () => {
  const hits = [hit('a', 1, 0.9), hit('b', 2, 0.8), hit('a', 4, 0.7), hit('c', 1, 0.6)];
  expect(withNeighbours(hits)).toEqual(hits);
});

test('between hits as good as each other, the one with good text around it comes first', () => {
  expect(idsOf(withNeighbours([hit('a', 1, 0.5), hit('b', 1, 0.5), hit('b', 2, 0.3)]))).toEqual(['b-1', 'a-1', 'b-2']);
});

test('ties are in order of ids', () => {
  expect(idsOf(withNeighbours([hit('b', 1, 0.5), hit('a', 1, 0.5)]))).toEqual(['a-1', 'b-1']);
});

test('every hit comes out once, best first, with no lower a score, whatever their order was', () => {
  const anyHits = fc
    .uniqueArray(fc.tuple(fc.constantFrom('a', 'b'), fc.nat(9)), { selector: String })
    .map((places) => places.map(([documentId, ordinal], index) => hit(documentId, ordinal, 1 / (index + 1))));
  fc.assert(
    fc.property(anyHits, (hits) => {
      const found = withNeighbours(hits);
      expect(idsOf(found).toSorted()).toEqual(idsOf(hits).toSorted());
      expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).toSorted((a, b) => b - a));
      const before = new Map(hits.map(({ id, score }) => [id, score]));
      for (const { id, score } of found) expect(score).toBeGreaterThanOrEqual(before.get(id)!);
      expect(idsOf(withNeighbours(hits.toReversed()))).toEqual(idsOf(found));
    }),
  );
});
