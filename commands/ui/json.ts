import type {
  BatchDetails,
  CleanupReport,
  Difference,
  DocumentDetails,
  EntityFact,
  EntityReport,
  ListedRun,
  ReconcileReport,
  RepairReport,
  RunDetails,
  VerifyReport,
} from '../../lib/contracts/apex.ts';
import type { QuarantineEntry } from '../../lib/contracts/document.ts';
import { quarantineHelp } from '../../lib/contracts/error-codes.ts';
import type { ProviderUse, RunListing } from '../../lib/contracts/journal.ts';
import type { RejectedEntry } from '../../lib/contracts/series.ts';
import type { StagedExtreme, StagedItem, StagingShare, StagingStats } from '../../lib/contracts/staging.ts';
import type { DocumentSummary } from '../../lib/contracts/store.ts';
import type { ReportedSetting } from '../../src/config/report.ts';
import type { Diagnosis } from '../../src/doctor/doctor.ts';
import { standingOf } from '../../src/journal/story.ts';
import type { MetricReport } from '../../src/metrics/exposition.ts';
import { dollarsOf } from '../../src/pipeline/money.ts';

// Every line of `--json` is an object that says in `event` what it is; names are in snake case and mean the same everywhere.

/** A metric, as `apex metrics` gives it. */
export function metricJson({ name, type, help, samples }: MetricReport) {
  return { name, type, help, samples };
}

/** A document of the memory, as `documents list` gives it. */
export function documentJson(document: DocumentSummary) {
  const { version, uuid, source, name, group, title, bytes, metadata, warnings, chunks, entities, relations } =
    document;
  return {
    document_id: document.documentId,
    version,
    uuid,
    source,
    source_uri: document.sourceUri,
    name,
    parent_id: document.parentId,
    group,
    title,
    media_type: document.mediaType,
    bytes,
    content_digest: document.contentDigest,
    metadata,
    warnings,
    chunks,
    entities,
    relations,
    run_id: document.runId,
    created_at: document.createdAt,
  };
}

/** A document that was set aside, as `documents list --quarantined` gives it. */
export function quarantineJson(entry: QuarantineEntry) {
  const { code, message, retryable, step } = entry;
  return {
    document_id: entry.documentId,
    group: entry.group,
    source: entry.source,
    source_uri: entry.sourceUri,
    content_digest: entry.contentDigest,
    run_id: entry.runId,
    quarantined_at: entry.at,
    error: { code, message, retryable, step },
    help: quarantineHelp(code),
  };
}

/** A record that could not be taken, as `records list` gives it. */
export function rejectedJson(entry: RejectedEntry) {
  const { id, source, stream, group, sourceUri, place, path, reason, raw, runId, at } = entry;
  return { id, source, stream, group, source_uri: sourceUri, place, path, reason, raw, run_id: runId, rejected_at: at };
}

/** What waits in staging, as `stage` and `staging list` give it: the words of its metadata. */
export function stagedItemJson(item: StagedItem) {
  const { itemId, kind, source, group, status, origin, digest, error, takenBy } = item;
  return {
    ...{ item_id: itemId, kind, source, group, status },
    ...{
      document_id: kind === 'document' ? itemId : null,
      source_uri: origin?.uri ?? null,
      name: origin?.name ?? null,
    },
    ...{
      file_path: item.path,
      file_size_bytes: item.bytes,
      file_digest: digest,
      media_type: origin?.mediaType ?? null,
    },
    ...{ created_at: item.createdAt, updated_at: item.updatedAt, taken_by: takenBy, error },
  };
}

/** What lies in staging, as `staging stats` gives it. */
export function stagingStatsJson(stats: StagingStats) {
  const shares = (of: readonly StagingShare[]) =>
    Object.fromEntries(of.map(({ name, documents, bytes }) => [name, { documents, bytes }]));
  const extreme = (found: StagedExtreme | null) =>
    found && { document_id: found.documentId, source: found.source, bytes: found.bytes, created_at: found.createdAt };
  const { usedBytes, maxBytes } = stats;
  return {
    ...{ base: stats.base, used_bytes: usedBytes, max_bytes: maxBytes, documents: stats.documents },
    ...{ by_source: shares(stats.bySource), by_status: shares(stats.byStatus) },
    ...{ oldest: extreme(stats.oldest), largest: extreme(stats.largest) },
  };
}

/** What is known of an entity, as `show` gives it. */
export function entityJson({ facts, said, ...report }: EntityReport) {
  return { ...report, facts: facts.map(entityFactJson), said: said.map(entityFactJson) };
}

function entityFactJson({ from, until, documentId, ...fact }: EntityFact) {
  return { ...fact, valid_from: from, valid_to: until, document_id: documentId };
}

/** Where a document stands. */
export function documentStatusJson(documentId: string, details: DocumentDetails) {
  const { status, runId, document, quarantine, places } = details;
  return {
    document_id: documentId,
    status,
    run_id: runId,
    document: document === null ? null : documentJson(document),
    quarantine: quarantine === null ? null : quarantineJson(quarantine),
    places: places.map(({ sourceUri, metadata }) => ({ source_uri: sourceUri, metadata })),
  };
}

/** A run, as `runs list` gives it. */
export function listedRunJson(run: ListedRun) {
  return { ...runJson(run), waiting_for: run.waitingFor.map(({ role, reason, since }) => ({ role, reason, since })) };
}

/** What the registry says of a run. */
export function runJson(run: RunListing) {
  return {
    run_id: run.runId,
    kind: run.kind,
    state: standingOf(run),
    is_owned: run.isOwned,
    started_at: run.startedAt,
    finished_at: run.finishedAt,
    exit_status: run.exitStatus,
    targets: run.targets,
  };
}

/** What a run used of providers. */
export function useJson({ texts, calls, tokens, costNanos }: ProviderUse) {
  return {
    embedded_texts: texts,
    embedding_calls: calls,
    embedding_tokens: tokens,
    cost_usd: dollarsOf(costNanos),
  };
}

/** A run with its batches. How many chunks there were is not journaled, so it is not said. */
export function runStatusJson(run: RunDetails) {
  const { documents, added, updated, unchanged, deleted, quarantined, failed } = run.counts;
  return {
    ...listedRunJson(run),
    ...useJson(run.use),
    counts: { documents, added, updated, unchanged, deleted, quarantined, failed },
    batches: run.batches.map(batchJson),
    history: run.history,
    waits: run.waits.map(({ until, since, ...wait }) => ({
      ...{ ...wait, since, until },
      duration_ms: until === null ? null : Math.max(0, Date.parse(until) - Date.parse(since)),
    })),
    parked: run.parked,
    quarantined: run.quarantined.map(({ documentId, error }) => ({ document_id: documentId, error })),
  };
}

function batchJson(batch: BatchDetails) {
  const { batchNo, state, documents, attempt, stored, reason, error } = batch;
  return {
    ...{ batch_no: batchNo, state, documents, attempt, is_isolated: batch.isIsolated, set_aside: batch.setAside },
    ...{ started_at: batch.startedAt, changed_at: batch.changedAt, stored, reason, refused_by: batch.refusedBy, error },
  };
}

/** What a cleanup did. */
export function cleanupJson(report: CleanupReport) {
  return {
    is_done: report.isDone,
    is_due: report.isDue,
    is_dry_run: report.isTrial,
    last_cleanup_at: report.lastAt,
    runs_settled: report.runsSettled,
    batches_finished: report.batchesFinished,
    batches_discarded: report.batchesDiscarded,
    parked: report.parked,
    removed_folders: report.removedFolders,
    removed_bytes: report.removedBytes,
    erased: report.erased,
    exit_status: report.exit_status,
  };
}

/** The lines of `verify`: every difference, then the summary. */
export function verifyJson({
  documents,
  items,
  items_by_store,
  differences,
  uncompared,
  exit_status,
}: VerifyReport): object[] {
  return [
    ...differences.map((difference: Difference) => ({ event: 'difference', ...difference })),
    { event: 'summary', documents, items, items_by_store, differences: differences.length, uncompared, exit_status },
  ];
}

/** A setting, as `config` gives it. */
export function settingJson({ name, value, origin, path, place, isSecret, problem }: ReportedSetting) {
  const { line = null, column = null } = place ?? {};
  return { name, value, origin, path, line, column, is_secret: isSecret, problem };
}

/** The lines of `verify --repair`: every difference with what became of it, then the verdict. */
export function repairJson({ isDone, documents, items, differences, run, exit_status }: RepairReport): object[] {
  const healed = differences.filter((difference) => difference.healed).length;
  return [
    ...differences.map(({ error, ...difference }) => ({
      ...{ event: 'difference', ...difference },
      ...{ reason: error?.code ?? null, message: error?.message ?? null },
    })),
    {
      ...{ event: 'summary', is_done: isDone, documents, items, differences: differences.length },
      ...{ healed, left: differences.length - healed, run_id: run?.run_id ?? null },
      ...{ embedded_texts: run?.embedded_texts ?? 0, embedding_calls: run?.embedding_calls ?? 0 },
      ...{ error: run?.error ?? null, exit_status },
    },
  ];
}

/** The lines of `doctor`: every check, then the verdict. */
export function doctorJson({ findings, exitStatus }: Diagnosis): object[] {
  const count = (level: string) => findings.filter((finding) => finding.level === level).length;
  return [
    ...findings.map(({ name, level, found, advice, code }) => ({ event: 'check', name, level, found, advice, code })),
    {
      event: 'doctor',
      checks: findings.length,
      warnings: count('warning'),
      problems: count('problem'),
      exit_status: exitStatus,
    },
  ];
}

/** The lines of `reconcile`: every difference that is left, then what was done. */
export function reconcileJson(report: ReconcileReport): object[] {
  const { documents, items, differences } = report.verified;
  return [
    ...differences.map((difference) => ({ event: 'difference', ...difference })),
    {
      ...{ event: 'reconcile', is_done: report.isDone, runs_given_up: report.runsGivenUp },
      ...{
        batches_finished: report.batchesFinished,
        batches_discarded: report.batchesDiscarded,
        parked: report.parked,
      },
      ...{ swept: report.swept.length, removed_folders: report.removedFolders, removed_bytes: report.removedBytes },
      ...{ documents, items, differences: differences.length, exit_status: report.exit_status },
    },
  ];
}
