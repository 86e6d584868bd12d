// Search over the memory: asks the stores, fuses their rankings, shows current chunks only.
// May import src and lib/contracts.
// Must never write.

import type { SearchHit, SearchRequest } from '../../lib/contracts/apex.ts';
import type { Embedder } from '../../lib/contracts/parts.ts';
import type { ChunkRecord, Ranked, Stores } from '../../lib/contracts/store.ts';
import { entityNames } from './entity-names.ts';
import { fuse } from './fuse.ts';
import { keywordQuery } from './keyword-query.ts';
import { withNeighbours } from './neighbours.ts';

interface SearchParts {
  readonly stores: Stores;
  readonly embedder: Embedder;
  readonly group: string;
}

/** How many hits of each ranking take part in the fusion, at least. */
const MIN_CANDIDATES = 50;

/** What each ranking counts in the fusion; measured on the retrieval sets, see `bench/results`. */
const KEYWORD_WEIGHT = 0.8;
const VECTOR_WEIGHT = 0.2;

/**
 * The best chunks for a text, best first. `hybrid` fuses the keyword and the vector ranking and lets chunks gain from good ones
 * around them; `graph` goes through entities the text names.
 */
export async function search(request: SearchRequest, parts: SearchParts, signal: AbortSignal): Promise<SearchHit[]> {
  const hits = await currentHits(request, parts, signal);
  const ids = hits.map(({ id }) => id);
  const entities = await parts.stores.graph.entitiesOf(ids, signal);
  return hits.map(({ id, score, chunk }, index): SearchHit => {
    return {
      rank: index + 1,
      score,
      document_id: chunk.documentId,
      chunk_id: id,
      text: chunk.text,
      page: chunk.page,
      source_uri: chunk.sourceUri,
      title: chunk.title,
      heading_path: chunk.headingPath,
      start: chunk.start,
      end: chunk.end,
      entities: (entities.get(id) ?? []).map(({ type, name }) => ({ type, name })),
    };
  });
}

/** How often a ranking is made anew because a pivot came between it and the reading of its chunks. */
const MAX_RANKINGS = 5;

/** The best hits with their chunks. A document whose version changes meanwhile is found as it was or as it is, never not at all. */
async function currentHits(
  request: SearchRequest,
  parts: SearchParts,
  signal: AbortSignal,
): Promise<(Ranked & { readonly chunk: ChunkRecord })[]> {
  for (let ranking = 1; ; ranking += 1) {
    const ranked = await rank(request, parts, signal);
    const ids = ranked.map(({ id }) => id);
    const chunks = await parts.stores.records.chunks(ids, signal);
    if (chunks.size < ids.length && ranking < MAX_RANKINGS) continue;
    const found = ranked.flatMap((hit) => {
      const chunk = chunks.get(hit.id);
      return chunk === undefined ? [] : [{ ...hit, chunk }];
    });
    // A store may show a new version a moment after it is current: until then the one before it stands for the document.
    const shown = new Set(found.flatMap(({ chunk }) => (chunk.isReplaced ? [] : [chunk.documentId])));
    const current = found.filter(({ chunk }) => !chunk.isReplaced || !shown.has(chunk.documentId));
    return (request.mode === 'hybrid' ? withNeighbours(current) : current).slice(0, request.limit);
  }
}

/** As many hits as are asked for; for `hybrid` all that take part, since those around them decide which are the best. */
async function rank(
  { text, mode, limit }: SearchRequest,
  parts: SearchParts,
  signal: AbortSignal,
): Promise<readonly Ranked[]> {
  if (text.trim() === '') return [];
  const { stores, embedder, group } = parts;
  const candidates = Math.max(MIN_CANDIDATES, limit);
  if (mode === 'graph') return stores.graph.searchEntities(entityNames(text), limit, group, signal);
  const keyword = () => stores.records.searchText(keywordQuery(text), candidates, group, signal);
  const vector = async () => {
    const {
      vectors: [embedded],
    } = await embedder.embed([text], signal);
    return stores.vectors.search(embedded!, candidates, group, signal);
  };
  if (mode === 'keyword') return (await keyword()).slice(0, limit);
  if (mode === 'vector') return (await vector()).slice(0, limit);
  return fuse([
    { hits: await keyword(), weight: KEYWORD_WEIGHT },
    { hits: await vector(), weight: VECTOR_WEIGHT },
  ]);
}
