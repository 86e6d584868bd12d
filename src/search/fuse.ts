import type { Ranked } from '../../lib/contracts/store.ts';

/**
 * What is added to a rank before its reciprocal is taken: the lower, the more the first places of a ranking count. Measured on the
 * retrieval sets, see `bench/results`; 60 is the value of the paper.
 * Source: https://plg.uwaterloo.ca/~gvcormac/cormacksigir09-rrf.pdf
 */
const RANK_OFFSET = 1;

/**
 * Weighted reciprocal rank fusion; ties by id. Whatever a ranking's scores are, only places count, so rankings need not have
 * comparable scores; equal scores share a place. A hit that is first in every ranking scores the sum of their weights. What is not above 0 counts nothing.
 *
 * @param rankings best first.
 */
export function fuse(
  rankings: readonly { readonly hits: readonly Ranked[]; readonly weight: number }[],
  rankOffset = RANK_OFFSET,
): Ranked[] {
  const scores = new Map<string, number>();
  for (const { hits, weight } of rankings) {
    let place = 0;
    for (const [index, { id, score }] of hits.entries()) {
      if (score !== hits[place]!.score) place = index;
      const share = score > 0 ? (rankOffset + 1) / (rankOffset + place + 1) : 0;
      scores.set(id, (scores.get(id) ?? 0) + weight * share);
    }
  }
  return [...scores].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}
