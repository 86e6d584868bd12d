import type { ChunkRecord, Ranked } from '../../lib/contracts/store.ts';

/** How many chunks before and after a chunk count for it. */
const REACH = 2;
/** What the next chunk's score counts; the one after it counts half. Measured on the retrieval sets, see `bench/results`. */
const NEIGHBOUR_WEIGHT = 0.2;

/**
 * Adds to each hit's score a share of those of the hits around it in its document, and orders anew, ties by id.
 *
 * An answer often goes on in the next chunk, which has fewer of the question's words: where the text around fits, it is likelier.
 * @param hits scores above 0, comparable with each other.
 */
export function withNeighbours<Hit extends Ranked & { readonly chunk: Pick<ChunkRecord, 'documentId' | 'ordinal'> }>(
  hits: readonly Hit[],
): Hit[] {
  const scores = new Map(hits.map(({ chunk, score }) => [placeOf(chunk.documentId, chunk.ordinal), score]));
  const around = ({ documentId, ordinal }: Hit['chunk']) => {
    let sum = 0;
    for (let distance = 1; distance <= REACH; distance += 1) {
      for (const other of [ordinal - distance, ordinal + distance])
        sum += (scores.get(placeOf(documentId, other)) ?? 0) / distance;
    }
    return sum;
  };
  return hits
    .map((hit) => ({ ...hit, score: hit.score + NEIGHBOUR_WEIGHT * around(hit.chunk) }))
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}

function placeOf(documentId: string, ordinal: number): string {
  return `${ordinal}\0${documentId}`;
}
