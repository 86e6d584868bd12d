import type { DocumentTrace, TraceEvent } from '../../lib/contracts/trace.ts';
import { documentJson, quarantineJson, runJson, useJson } from './json.ts';

/** One thing that happened to a document, as `trace` gives it. Members that do not apply are absent. */
export function traceEventJson(documentId: string, event: TraceEvent) {
  const { at, step, attempt, version, became, outcome, stores, reason, error } = event;
  return {
    at,
    step,
    document_id: documentId,
    run_id: event.runId,
    run_kind: event.runKind,
    run_state: event.runState,
    batch_no: event.batchNo,
    duration_ms: event.durationMs,
    attempt,
    is_isolated: event.isIsolated,
    source_uri: event.sourceUri,
    content_digest: event.contentDigest,
    settings_digest: event.settingsDigest,
    version,
    base_version: event.baseVersion,
    became,
    outcome,
    stores,
    reason,
    has_died: event.hasDied,
    error,
  };
}

/** What is known of a document, as the last line of `trace` gives it. */
export function tracedDocumentJson(trace: DocumentTrace) {
  const { documentId, uuid, status, document, quarantine, expected, attachments, staged } = trace;
  return {
    document_id: documentId,
    uuid,
    status,
    last_version: trace.lastVersion,
    settings_digest: trace.settingsDigest,
    stores_digest: trace.storesDigest,
    parent_id: trace.parentId,
    attachments: attachments.map((attachment) => ({
      document_id: attachment.documentId,
      version: attachment.version,
    })),
    expected,
    document: document === null ? null : documentJson(document),
    quarantine: quarantine === null ? null : quarantineJson(quarantine),
    staged: staged.map(({ runId, source, status: state, bytes, createdAt, updatedAt }) => ({
      run_id: runId || null,
      source,
      status: state,
      bytes,
      created_at: createdAt,
      updated_at: updatedAt,
    })),
    runs: trace.runs.map(({ use, ...run }) => ({ ...runJson(run), ...useJson(use) })),
    events: trace.events.length,
  };
}
