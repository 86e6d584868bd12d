import type { DocumentResult } from '../../lib/contracts/apex.ts';
import { ERROR_CODES } from '../../lib/contracts/error-codes.ts';
import type { ErrorReport } from '../../lib/contracts/errors.ts';
import type { ItemOutcome } from '../../lib/contracts/journal.ts';
import { type RemovedCounts, ROLES, type VersionRecord } from '../../lib/contracts/store.ts';
import { documentUuid } from './identity.ts';

interface Identified {
  readonly documentId: string;
  readonly group: string;
  readonly source: string;
  readonly sourceUri: string;
}

function identity({ documentId, group, source, sourceUri }: Identified) {
  return { document_id: documentId, uuid: documentUuid(group, documentId), source, source_uri: sourceUri };
}

const NOTHING_WRITTEN = { databases_written: [], chunks: 0, entities: 0, relations: 0 } as const;

/** The result of a document that has become current. */
export function writtenResult(record: VersionRecord, outcome: 'added' | 'updated', durationMs: number): DocumentResult {
  return {
    status: 'success',
    ...identity(record),
    version: record.version,
    outcome,
    databases_written: ROLES,
    chunks: record.chunks.length,
    entities: record.entities.length,
    relations: record.relations.length,
    staging_cleaned: true,
    workflow_status: 'completed',
    duration_ms: durationMs,
    ...(record.warnings.length > 0 && { warnings: record.warnings }),
  };
}

/** The result of a document that was deleted. */
export function deletedResult(document: Identified, removed: RemovedCounts): DocumentResult {
  return { ...settledResult(document, 'deleted', null), removed };
}

/** The result of a document for which nothing was to be done. */
export function unchangedResult(document: Identified, version: number | null): DocumentResult {
  return settledResult(document, 'unchanged', version);
}

function settledResult(document: Identified, outcome: 'unchanged' | 'deleted', version: number | null): DocumentResult {
  return {
    status: 'success',
    ...identity(document),
    version,
    outcome,
    ...NOTHING_WRITTEN,
    staging_cleaned: true,
    workflow_status: 'completed',
    duration_ms: 0,
  };
}

/** The result of a document that was set aside (its own fault) or left (the run's end). */
export function failedResult(
  document: Identified,
  outcome: 'quarantined' | 'failed',
  error: ErrorReport,
  durationMs: number,
): DocumentResult {
  return {
    status: 'failed',
    ...identity(document),
    version: null,
    outcome,
    ...NOTHING_WRITTEN,
    staging_cleaned: true,
    workflow_status: outcome,
    duration_ms: durationMs,
    error,
  };
}

/** The result as the journal keeps it. */
export function itemOutcome(result: DocumentResult): ItemOutcome {
  return {
    documentId: result.document_id,
    outcome: result.outcome,
    version: result.version,
    error: result.error === undefined ? null : journaledError(result.error),
  };
}

/** Of a document that lost the race and lost it again. */
export const LOST_RACE: ErrorReport = {
  code: 'LOST_RACE',
  message: 'another run changed this document at the same time, twice',
  retryable: true,
  step: 'write',
};

/** A failure without its own words, which may be a document's: the journal keeps no contents, and outlives documents. */
export function journaledError(error: ErrorReport): ErrorReport {
  return { ...error, message: ERROR_CODES[error.code].meaning };
}
