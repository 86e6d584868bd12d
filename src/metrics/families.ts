// What apex counts: which metrics there are, what the journals come to, and the text that collectors read.
// May import src and lib/contracts.
// Must never read a file or count what a person, a document or a place is called.

import { ERROR_CODES, type ErrorCode, EXIT, isQuarantineReason } from '../../lib/contracts/error-codes.ts';
import { FEED_SOURCES } from '../../lib/contracts/feed.ts';
import { STEPS } from '../../lib/contracts/pipeline.ts';
import { ROLES } from '../../lib/contracts/store.ts';
import { COUNTED_COMMANDS } from './counted.ts';

/** A metric: its series differ by their labels, each of which has one of a few values. */
export interface MetricFamily {
  readonly type: 'counter' | 'gauge' | 'histogram' | 'untyped';
  /** One sentence. */
  readonly help: string;
  /** The values that each label may have, in the order in which labels are written. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** Histograms: the upper bounds of the buckets, without the last, which has none. */
  readonly buckets?: readonly number[];
}

const OUTCOMES = ['added', 'updated', 'unchanged', 'deleted', 'quarantined', 'failed'];
const RUN_KINDS = ['ingest', 'delete', 'repair', 'retry', 'records'];
const RUN_STATES = ['running', 'interrupted', 'completed', 'failed', 'rolled_back', 'needs_attention'];
const STORES_WAITED_FOR = ['records', 'graph', 'vectors'];
/** `other`: a source that this table does not know, or what no source has brought. */
const SOURCES = [...new Set(['local_upload', 'https', 's3', ...FEED_SOURCES, 'other'])];
const EXITS = [...new Set(Object.values(EXIT).map(String))];

const QUARANTINE_CODES = Object.keys(ERROR_CODES).filter((code) => isQuarantineReason(code as ErrorCode));

const SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const CHARACTERS = [100, 1_000, 10_000, 100_000, 1_000_000];

/**
 * Every metric, in the order in which they are written. The names that do not begin with `apex_` are those by which the system that
 * apex re-creates was watched; two of them say no type, because a counter's name would have to end in `_total`.
 */
export const METRICS = {
  apex_documents_total: {
    type: 'counter',
    help: 'Documents that came to an end in a run, by what became of them; also those that were found unchanged.',
    labels: { outcome: OUTCOMES },
  },
  apex_documents_quarantined_total: {
    type: 'counter',
    help: 'Documents that were set aside, by the reason.',
    labels: { code: QUARANTINE_CODES },
  },
  // Not the name of the counter without its ending, which OpenMetrics takes for the counter's own.
  apex_documents_in_quarantine: {
    type: 'gauge',
    help: 'Documents that are in quarantine now, by the reason, of all groups; left out while the records store cannot be asked.',
    labels: { code: QUARANTINE_CODES },
  },
  apex_steps_started_total: { type: 'counter', help: 'Steps begun at documents.', labels: { step: STEPS } },
  apex_steps_completed_total: { type: 'counter', help: 'Steps that documents came through.', labels: { step: STEPS } },
  apex_steps_failed_total: {
    type: 'counter',
    help: 'Steps that documents did not come through.',
    labels: { step: STEPS },
  },
  apex_step_retries_total: {
    type: 'counter',
    help: 'Attempts at a step, or at a part of it, that were made again after one that failed.',
    labels: { step: STEPS },
  },
  apex_step_duration_seconds: {
    type: 'histogram',
    help: 'How long documents were in the steps that they came through; what is written together takes as long for each.',
    labels: { step: STEPS },
    buckets: SECONDS,
  },
  apex_chunks_total: { type: 'counter', help: 'Chunks of the documents that were written.', labels: {} },
  apex_entities_total: { type: 'counter', help: 'Entities found in the documents that were written.', labels: {} },
  apex_relations_total: { type: 'counter', help: 'Relations found in the documents that were written.', labels: {} },
  apex_document_text_characters: {
    type: 'histogram',
    help: 'How long the texts of parsed documents are.',
    labels: {},
    buckets: CHARACTERS,
  },
  apex_empty_results_total: {
    type: 'counter',
    help: 'Documents in which a step found nothing: parse no text, which sets them aside; extract no entity.',
    labels: { step: ['parse', 'extract'] },
  },
  staging_bytes_written: {
    type: 'untyped',
    help: 'Bytes of documents that were copied into staging, by source; it only grows.',
    labels: { source: SOURCES },
  },
  structured_data_fetched: {
    type: 'untyped',
    help: 'Records that were read, by source; it only grows.',
    labels: { source: SOURCES },
  },
  apex_records_rejected_total: {
    type: 'counter',
    help: 'Records that could not be taken, by source.',
    labels: { source: SOURCES },
  },
  apex_readings_total: {
    type: 'counter',
    help: 'Readings that were added to series, by source.',
    labels: { source: SOURCES },
  },
  apex_store_items_written_total: {
    type: 'counter',
    help: 'Items written to the stores, with batches that became visible.',
    labels: { role: STORES_WAITED_FOR },
  },
  apex_store_items_removed_total: {
    type: 'counter',
    help: 'Items of old and deleted versions that were removed from the stores.',
    labels: { role: ROLES },
  },
  apex_store_waits_total: {
    type: 'counter',
    help: 'How often runs had to wait for a store that did not answer.',
    labels: { role: STORES_WAITED_FOR },
  },
  apex_store_circuit_open: {
    type: 'gauge',
    help: 'How many runs wait for a store that does not answer.',
    labels: { role: STORES_WAITED_FOR },
  },
  apex_provider_calls_total: { type: 'counter', help: 'Requests to providers, also those that failed.', labels: {} },
  apex_provider_texts_total: { type: 'counter', help: 'Texts that providers embedded.', labels: {} },
  apex_provider_tokens_total: { type: 'counter', help: 'Tokens that providers billed.', labels: {} },
  apex_provider_cost_dollars_total: {
    type: 'counter',
    help: 'What providers cost, in US dollars, as far as the price is known.',
    labels: {},
  },
  apex_batches_total: {
    type: 'counter',
    help: 'Ends of batches: done, discarded, or parked because they could not be discarded then.',
    labels: { end: ['done', 'discarded', 'parked'] },
  },
  apex_runs_started_total: { type: 'counter', help: 'Runs begun.', labels: { kind: RUN_KINDS } },
  apex_runs_ended_total: {
    type: 'counter',
    help: 'Ends of runs; one that is interrupted and gone on with ends more than once.',
    labels: { kind: RUN_KINDS, state: ['completed', 'failed', 'rolled_back', 'interrupted'] },
  },
  apex_runs_claimed_total: {
    type: 'counter',
    help: 'Runs that another process went on with, settled or rolled back.',
    labels: { reason: ['resume', 'settle', 'rollback'] },
  },
  apex_run_last_success_timestamp_seconds: {
    type: 'gauge',
    help: 'When a run of that kind was completed last.',
    labels: { kind: RUN_KINDS },
  },
  apex_runs: { type: 'gauge', help: 'Runs by where they stand.', labels: { state: RUN_STATES } },
  apex_commands_total: {
    type: 'counter',
    help: 'Ends of commands, by exit status.',
    labels: { command: COUNTED_COMMANDS, exit: EXITS },
  },
  apex_command_last_success_timestamp_seconds: {
    type: 'gauge',
    help: 'When a command last ended with 0, or with 3: done, some documents quarantined.',
    labels: { command: COUNTED_COMMANDS },
  },
  staging_disk_usage_bytes: {
    type: 'gauge',
    help: 'Bytes in staging, by source; other: what is only being made there.',
    labels: { source: SOURCES },
  },
  staging_documents_by_status: {
    type: 'gauge',
    help: 'Documents in staging, by status.',
    labels: { status: ['active', 'success', 'failed', 'damaged'] },
  },
  apex_staging_quota_bytes: { type: 'gauge', help: 'The quota of staging.', labels: {} },
  apex_staged_items_total: {
    type: 'counter',
    help: 'Items that apex stage left in staging, by source.',
    labels: { source: SOURCES },
  },
  staging_cleanup_runs_total: { type: 'counter', help: 'Cleanups begun.', labels: {} },
  staging_cleanup_success_total: { type: 'counter', help: 'Cleanups that came to their end.', labels: {} },
  staging_cleanup_failed_total: { type: 'counter', help: 'Cleanups that failed.', labels: {} },
  apex_cleanup_folders_removed_total: { type: 'counter', help: 'Staging folders that cleanups removed.', labels: {} },
  apex_cleanup_freed_bytes_total: { type: 'counter', help: 'Bytes that cleanups freed in staging.', labels: {} },
  apex_cleanup_last_success_timestamp_seconds: {
    type: 'gauge',
    help: 'When a cleanup of staging came to its end last.',
    labels: {},
  },
  apex_metrics_written_timestamp_seconds: { type: 'gauge', help: 'When these metrics were written.', labels: {} },
} as const satisfies Record<string, MetricFamily>;

/** The name of a metric. */
export type MetricName = keyof typeof METRICS;

/** A metric by its name; null when there is none of that name. */
export function familyOf(name: string): MetricFamily | null {
  return Object.hasOwn(METRICS, name) ? METRICS[name as MetricName] : null;
}

/** The label value for a source: its name where the table has it. */
export function sourceLabel(source: string): string {
  return SOURCES.includes(source) ? source : 'other';
}
