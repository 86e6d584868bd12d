import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Ranked } from '../../../lib/contracts/store.ts';
import { fuse } from '../../../src/search/fuse.ts';

/** A ranking of these ids; what scores they have does not matter. */
function ranking(ids: readonly string[], weight = 1, score = 1): { hits: Ranked[]; weight: number } {
  return { hits: ids.map((id, index) => ({ id, score: score / (index + 1) })), weight };
}

const idsOf = (ranked: readonly Ranked[]) => ranked.map(({ id }) => id);

test('no rankings, or empty ones, give nothing', () => {
  expect([fuse([]), fuse([ranking([]), ranking([])])]).toEqual([[], []]);
});

test('one ranking keeps its order', () => {
  expect(idsOf(fuse([ranking(['c', 'a', 'b'])]))).toEqual(['c', 'a', 'b']);
});

test('an id scores its weight over sixty and its rank, summed over the rankings', () => {
  expect(fuse([ranking(['a', 'b'], 2), ranking(['b'])])).toEqual([
    { id: 'b', score: 2 / 62 + 1 / 61 },
    { id: 'a', score: 2 / 61 },
  ]);
});

test('what two rankings know comes before what one knows', () => {
  expect(idsOf(fuse([ranking(['a', 'both']), ranking(['b', 'both'])]))).toEqual(['both', 'a', 'b']);
});

test('a ranking that counts more wins where each has its own first', () => {
  expect(idsOf(fuse([ranking(['a'], 1), ranking(['b'], 2)]))).toEqual(['b', 'a']);
});

test('ties are in order of ids', () => {
  expect(idsOf(fuse([ranking(['b']), ranking(['a'])]))).toEqual(['a', 'b']);
});

const anyRankings = fc.array(fc.uniqueArray(fc.constantFrom(...'abcdef')), { maxLength: 3 });

test('every id comes out once, best first, and the order of the rankings does not matter', () => {
  fc.assert(
    fc.property(anyRankings, (rankings) => {
      const fused = fuse(rankings.map((ids) => ranking(ids)));
      expect(idsOf(fused).toSorted()).toEqual([...new Set(rankings.flat())].toSorted());
      const scores = fused.map(({ score }) => score);
      expect(scores).toEqual(scores.toSorted((a, b) => b - a));
      const turned = fuse(rankings.toReversed().map((ids) => ranking(ids)));
      const rounded = (ranked: readonly Ranked[]) => new Map(ranked.map(({ id, score }) => [id, score.toFixed(12)]));
      expect(rounded(turned)).toEqual(rounded(fused));
    }),
  );
});

test('scores of the rankings themselves change nothing', () => {
  fc.assert(
    fc.property(anyRankings, fc.double({ noNaN: true }), (rankings, score) => {
      expect(fuse(rankings.map((ids) => ranking(ids, 1, score)))).toEqual(fuse(rankings.map((ids) => ranking(ids))));
    }),
  );
});
