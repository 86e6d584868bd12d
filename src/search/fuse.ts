import type { Ranked } from '../../lib/contracts/store.ts';

/** How much the first ranks stand out. Source: Cormack, Clarke and Büttcher, SIGIR 2009, where 60 is used throughout. */
const RANK_CONSTANT = 60;

/**
 * Reciprocal rank fusion: each ranking gives an id `weight / (60 + rank)`, ranks from 1; the sums decide, ties by id.
 *
 * @param rankings best first; scores of different rankings need not be comparable.
 */
export function fuse(rankings: readonly { readonly hits: readonly Ranked[]; readonly weight: number }[]): Ranked[] {
  const scores = new Map<string, number>();
  for (const { hits, weight } of rankings) {
    hits.forEach(({ id }, index) => {
      scores.set(id, (scores.get(id) ?? 0) + weight / (RANK_CONSTANT + index + 1));
    });
  }
  return [...scores].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}
