import type { DocumentResult, RunEvent, RunSummary } from '../../lib/contracts/apex.ts';
import { EXIT } from '../../lib/contracts/error-codes.ts';

/** From the gravest to the least. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A line of the log, without its time: names in snake case, as in `--json`. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly event: string;
  readonly [name: string]: string | number | boolean | null;
}

/** What the log says of an event of a run. */
export function logRecord(event: RunEvent): LogRecord {
  if (event.kind === 'document') return documentRecord(event.result);
  if (event.kind === 'run_ended') return endRecord(event.summary);
  if (event.kind === 'problem') {
    const { uri, code, message } = event;
    return { level: 'error', event: 'problem', source_uri: uri, code, message };
  }
  if (event.kind === 'warning') return { level: 'warn', event: 'warning', code: event.code, message: event.message };
  if (event.kind === 'run_settled') {
    const { runId, finished, discarded, parked } = event;
    return { level: parked > 0 ? 'warn' : 'info', event: event.kind, run_id: runId, finished, discarded, parked };
  }
  if (event.kind === 'run_started') return { level: 'info', event: event.kind };
  if (event.kind === 'waiting_store') {
    const { role, reason, since, maxOutageMs } = event;
    return { level: 'warn', event: event.kind, role, reason, since, max_outage_ms: maxOutageMs };
  }
  if (event.kind === 'store_back') return { level: 'info', event: event.kind, role: event.role };
  if (event.kind === 'looked') {
    const { documents, items, differences } = event.report;
    return { level: 'info', event: event.kind, documents, items, differences: differences.length };
  }
  if (event.kind === 'not_healed') {
    const { documentId, code, message } = event;
    return { level: 'warn', event: event.kind, document_id: documentId, code, message };
  }
  if (event.kind === 'compared') return { level: 'debug', event: event.kind, documents: event.documents };
  if (event.kind === 'listed')
    return { level: event.isFinal ? 'info' : 'debug', event: event.kind, documents: event.documents };
  if (event.kind === 'records') return { level: 'debug', event: event.kind, ...event.counts };
  if (event.kind === 'rejected') {
    const { uri, place, path, reason } = event;
    return { level: 'warn', event: event.kind, uri, place, path, reason };
  }
  const { kind, documentId } = event;
  return { level: 'debug', event: kind, document_id: documentId, ...(kind === 'step' && { step: event.step }) };
}

/** What is unchanged is told to whoever looks closely; a log of every five minutes would hold nothing else. */
function documentRecord(result: DocumentResult): LogRecord {
  const { document_id, version, source_uri, outcome, duration_ms, error } = result;
  const told = { event: 'document', document_id, version, source_uri, outcome, duration_ms };
  if (error === undefined) return { level: outcome === 'unchanged' ? 'debug' : 'info', ...told };
  return { level: 'warn', ...told, code: error.code, step: error.step, message: error.message };
}

function endRecord({ error, ...summary }: RunSummary): LogRecord {
  const { exit_status } = summary;
  const figures = Object.entries(summary).filter(([, value]) => typeof value !== 'object' || value === null);
  const isWell = exit_status === EXIT.done || exit_status === EXIT.quarantined;
  const why = error === null ? {} : { code: error.code, step: error.step, message: error.message };
  return { level: isWell ? 'info' : 'error', event: 'run_ended', ...Object.fromEntries(figures), ...why };
}
