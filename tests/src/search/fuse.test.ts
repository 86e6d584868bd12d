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

test('an id scores the weight over its place in each ranking, and the weight itself where it is first', () => {
  expect(fuse([ranking(['a', 'b'], 3, 8), ranking(['b'], 1, 0.3)])).toEqual([
    { id: 'a', score: 3 },
    { id: 'b', score: 3 * (2 / 3) + 1 },
  ]);
});

test('the higher the offset, the less the place counts', () => {
  const rankings = [ranking(['a', 'both'], 1), ranking(['b', 'c', 'd', 'both'], 1)];
  expect(idsOf(fuse(rankings, 1))[0]).toBe('both');
  expect(fuse(rankings, 60).find(({ id }) => id === 'both')?.score).toBeCloseTo(61 / 62 + 61 / 64, 12);
});

test('what two rankings know comes before what one knows', () => {
  expect(idsOf(fuse([ranking(['a', 'both']), ranking(['b', 'both'])]))).toEqual(['both', 'a', 'b']);
});

test('a hit low in both does not outdo the first of either', () => {
  expect(idsOf(fuse([ranking(['a', 'x', 'y', 'z', 'low']), ranking(['b', 'u', 'v', 'w', 'low'])])).slice(0, 2)).toEqual(
    ['a', 'b'],
  );
});

test('a ranking that counts more wins where each has its own first', () => {
  expect(idsOf(fuse([ranking(['a'], 1), ranking(['b'], 2)]))).toEqual(['b', 'a']);
});

test('a hit that is not above 0 is found and counts nothing', () => {
  const hits: Ranked[] = [
    { id: 'a', score: 1 },
    { id: 'opposite', score: -1 },
  ];
  expect(fuse([{ hits, weight: 1 }]).at(-1)).toEqual({ id: 'opposite', score: 0 });
  expect(fuse([{ hits: hits.slice(1), weight: 1 }])).toEqual([{ id: 'opposite', score: 0 }]);
});

test('hits that a ranking finds equally good share a place, and the next has the place it would have had', () => {
  const hits = [3, 2, 2, 1].map((score, index) => ({ id: 'abcd'[index]!, score }));
  expect(fuse([{ hits, weight: 1 }]).map(({ score }) => score)).toEqual([1, 2 / 3, 2 / 3, 2 / 5]);
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

test('which scores a ranking gives changes nothing as long as its order is the same', () => {
  fc.assert(
    fc.property(anyRankings, fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (rankings, unit) => {
      const fused = fuse(rankings.map((ids) => ranking(ids, 1, unit)));
      expect(fused).toEqual(fuse(rankings.map((ids) => ranking(ids))));
    }),
  );
});
