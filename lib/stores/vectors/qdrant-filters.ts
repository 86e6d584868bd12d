import type { DocumentVersion, WriteRef } from '../../contracts/store.ts';
import { type PointId, versionKeyOf } from './qdrant-point.ts';

/** What a point must fulfil, as Qdrant takes it. */
export interface QdrantFilter {
  readonly must: readonly object[];
  readonly must_not?: readonly object[];
}

const LIVE = { key: 'metadata.live', match: { value: true } };

/** The payload indexes that the filters here, and the readers of others, go by; made before anything is loaded. */
export const PAYLOAD_INDEXES = {
  memory: 'keyword',
  run_id: 'keyword',
  batch_no: 'integer',
  document_version: 'keyword',
  group: 'keyword',
  'metadata.live': 'bool',
  doc_id: 'keyword',
  document_id: 'keyword',
  ref_doc_id: 'keyword',
  'metadata.doc_id': 'keyword',
  'metadata.document_id': 'keyword',
  'metadata.source': 'keyword',
} as const;

/** Filters over the points of one memory, and of no other in the same collection. */
export class QdrantFilters {
  readonly #memory: object;

  constructor(memoryId: string) {
    this.#memory = { key: 'memory', match: { value: memoryId } };
  }

  all(): QdrantFilter {
    return { must: [this.#memory] };
  }

  ofBatch({ runId, batchNo }: WriteRef): QdrantFilter {
    return {
      must: [this.#memory, { key: 'run_id', match: { value: runId } }, { key: 'batch_no', match: { value: batchNo } }],
    };
  }

  /** Those of these points that the batch wrote. */
  ofPoints(ref: WriteRef, ids: readonly string[]): QdrantFilter {
    return { must: [...this.ofBatch(ref).must, { has_id: ids }] };
  }

  ofVersions(versions: readonly DocumentVersion[]): QdrantFilter {
    return { must: [this.#memory, { key: 'document_version', match: { any: versions.map(versionKeyOf) } }] };
  }

  notLive(versions: readonly DocumentVersion[]): QdrantFilter {
    return { ...this.ofVersions(versions), must_not: [LIVE] };
  }

  /** @param group null: any. */
  live(group: string | null): QdrantFilter {
    return { must: [this.#memory, LIVE, ...(group === null ? [] : [{ key: 'group', match: { value: group } }])] };
  }

  /** Those of these points that are of this memory, whoever wrote them. */
  among(ids: readonly PointId[]): QdrantFilter {
    return { must: [this.#memory, { has_id: ids }] };
  }
}
