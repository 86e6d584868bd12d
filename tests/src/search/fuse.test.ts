import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Ranked } from '../../../lib/contracts/store.ts';
import { fuse } from '../../../src/search/fuse.ts';

/** A ranking of these ids: the first has the score, the others a half, a third and so on of it. */
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

test('an id scores its weight times its share of the best score, summed over the rankings', () => {
  expect(fuse([ranking(['a', 'b'], 2, 8), ranking(['b'], 1, 0.3)])).toEqual([
    { id: 'a', score: 2 },
    { id: 'b', score: 2 * 0.5 + 1 },
  ]);
});

test('what two rankings know comes before what one knows', () => {
  expect(idsOf(fuse([ranking(['a', 'both'], 1.5), ranking(['b', 'both'], 1.6)]))).toEqual(['b', 'both', 'a']);
  expect(idsOf(fuse([ranking(['both', 'a']), ranking(['both', 'b'])]))).toEqual(['both', 'a', 'b']);
});

test('a ranking that counts more wins where each has its own first', () => {
  expect(idsOf(fuse([ranking(['a'], 1), ranking(['b'], 2)]))).toEqual(['b', 'a']);
});

test('a hit far behind the first of its ranking does not outdo the first of another, whatever their ranks', () => {
  const clear: Ranked[] = [
    { id: 'first', score: 10 },
    { id: 'far', score: 0.1 },
  ];
  expect(idsOf(fuse([{ hits: clear, weight: 1 }, ranking(['other'], 0.5)]))).toEqual(['first', 'other', 'far']);
});

test('a hit that is not above 0 is found and counts nothing', () => {
  const hits: Ranked[] = [
    { id: 'a', score: 1 },
    { id: 'opposite', score: -1 },
  ];
  expect(fuse([{ hits, weight: 1 }]).at(-1)).toEqual({ id: 'opposite', score: 0 });
  expect(fuse([{ hits: hits.slice(1), weight: 1 }])).toEqual([{ id: 'opposite', score: 0 }]);
});

test('ties are in order of ids', () => {
  expect(idsOf(fuse([ranking(['b']), ranking(['a'])]))).toEqual(['a', 'b']);
});

const anyRankings = fc.array(fc.uniqueArray(fc.constantFrom(...'abcdef')), { maxLength: 3 });
const rounded = (ranked: readonly Ranked[]) => new Map(ranked.map(({ id, score }) => [id, score.toFixed(12)]));

test('every id comes out once, best first, and the order of the rankings does not matter', () => {
  fc.assert(
    fc.property(anyRankings, (rankings) => {
      const fused = fuse(rankings.map((ids) => ranking(ids)));
      expect(idsOf(fused).toSorted()).toEqual([...new Set(rankings.flat())].toSorted());
      const scores = fused.map(({ score }) => score);
      expect(scores).toEqual(scores.toSorted((a, b) => b - a));
      expect(rounded(fuse(rankings.toReversed().map((ids) => ranking(ids))))).toEqual(rounded(fused));
    }),
  );
});

test('in which unit a ranking counts its scores changes nothing', () => {
  fc.assert(
    fc.property(anyRankings, fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (rankings, unit) => {
      const fused = fuse(rankings.map((ids) => ranking(ids, 1, unit)));
      expect(rounded(fused)).toEqual(rounded(fuse(rankings.map((ids) => ranking(ids)))));
    }),
  );
});
