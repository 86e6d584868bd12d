import type { Ranked } from '../../lib/contracts/store.ts';

/**
 * Weighted sum of scores, each taken against the best of its ranking; ties by id.
 *
 * A hit that is nearly as good as the first stays so, and one far behind stays far behind, which ranks alone would hide; and since
 * only shares of the best count, rankings need not have comparable scores. What is not above 0 counts nothing.
 * @param rankings best first.
 */
export function fuse(rankings: readonly { readonly hits: readonly Ranked[]; readonly weight: number }[]): Ranked[] {
  const scores = new Map<string, number>();
  for (const { hits, weight } of rankings) {
    const best = hits[0]?.score ?? 0;
    for (const { id, score } of hits) {
      const share = best > 0 ? Math.max(0, score / best) : 0;
      scores.set(id, (scores.get(id) ?? 0) + weight * share);
    }
  }
  return [...scores].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}
