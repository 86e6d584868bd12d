import type { QuarantineEntry } from '../../lib/contracts/document.ts';
import type { ErrorReport } from '../../lib/contracts/errors.ts';
import type { PlannedAction, PlannedDocument, PlannedEmbedding } from '../../lib/contracts/plan.ts';
import type { VersionRecord } from '../../lib/contracts/store.ts';
import { documentUuid } from '../pipeline/identity.ts';

/** A document that is planned for. */
export interface Named {
  readonly documentId: string;
  readonly group: string;
  readonly source: string;
  readonly sourceUri: string;
}

const NOTHING = {
  chunks: 0,
  entities: 0,
  relations: 0,
  rows: { records: 0, graph: 0, vectors: 0, cache: 0 },
  ...{ embedded_texts: 0, embedding_calls: 0, embedding_tokens: 0, cost_usd: 0 },
} as const;

function named({ documentId, group, source, sourceUri }: Named, action: PlannedAction, version: number | null) {
  const uuid = documentUuid(group, documentId);
  return { document_id: documentId, uuid, source, source_uri: sourceUri, action, version };
}

/** Of a document that would get a new version. */
export function writtenOf(
  record: VersionRecord,
  action: 'add' | 'update',
  embedding: PlannedEmbedding,
): PlannedDocument {
  const { chunks, entities, relations, inventory } = record;
  return {
    ...named(record, action, record.version),
    chunks: chunks.length,
    entities: entities.length,
    relations: relations.length,
    rows: {
      records: inventory.records.length,
      graph: inventory.graph.length,
      vectors: inventory.vectors.length,
      // The summary of the document, and what is embedded anew.
      cache: 1 + embedding.embedded_texts,
    },
    ...embedding,
  };
}

/** Of a document that would not be touched. */
export function unchangedOf(document: Named, version: number | null): PlannedDocument {
  return { ...named(document, 'unchanged', version), ...NOTHING };
}

/** Of a document that would be deleted. */
export function deletedOf(document: Named): PlannedDocument {
  return { ...named(document, 'delete', null), ...NOTHING };
}

/** Of a document that would be set aside. */
export function quarantinedOf(document: Named, error: ErrorReport): PlannedDocument {
  return { ...named(document, 'quarantine', null), ...NOTHING, error };
}

/** Of a document that is set aside and would stay so without being tried. */
export function rememberedOf(document: Named, entry: QuarantineEntry): PlannedDocument {
  const { code, message, retryable } = entry;
  return { ...quarantinedOf(document, { code, message, retryable, step: null }), is_remembered: true };
}
