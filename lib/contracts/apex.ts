import type { Json, QuarantineEntry } from './document.ts';
import type { ErrorCode } from './error-codes.ts';
import type { ErrorReport } from './errors.ts';
import type { FetchRequest, ProviderUse, RunCounts, RunListing, RunState, SyncRequest } from './journal.ts';
import type { DocumentOutcome, DocumentStatus, StepName } from './pipeline.ts';
import type { RejectedEntry } from './series.ts';
import type { DocumentPlace, DocumentSummary, RemovedCounts, Role } from './store.ts';
import type { DocumentTrace } from './trace.ts';

/** What became of one document: design page section 3, as `--json` prints it behind `"event":"document"`. */
export interface DocumentResult {
  readonly status: 'success' | 'failed';
  readonly document_id: string;
  readonly uuid: string;
  readonly version: number | null;
  readonly source: string;
  readonly source_uri: string;
  readonly outcome: DocumentOutcome;
  readonly databases_written: readonly Role[];
  readonly chunks: number;
  readonly entities: number;
  readonly relations: number;
  readonly staging_cleaned: boolean;
  readonly workflow_status: DocumentStatus;
  readonly duration_ms: number;
  readonly warnings?: readonly { readonly code: string; readonly message: string }[];
  /** Deleted documents only: items that were removed from each store. */
  readonly removed?: RemovedCounts;
  /** Failures only. */
  readonly error?: ErrorReport;
}

/** The last word of a run; `--json` prints it behind `"event":"summary"`. */
export interface RunSummary extends RunCounts {
  readonly run_id: string;
  readonly state: RunListing['state'];
  readonly duration_ms: number;
  readonly exit_status: number;
  /** Texts for which the embedder was called, calls made, and tokens billed, by this process. */
  readonly embedded_texts: number;
  readonly embedding_calls: number;
  readonly embedding_tokens: number;
  /** What they cost, in US dollars; null when the price is not known. */
  readonly cost_usd: number | null;
  /** Synced commits of the journal, and batches. */
  readonly journal_commits: number;
  readonly batches: number;
  /** Items of deleted documents that were removed from each store. */
  readonly removed: RemovedCounts;
  /** A run over records only: records read, readings added, records that could not be taken. */
  readonly records?: RecordCounts;
  /** A delete only: whether nothing of what was removed can be read from any file. */
  readonly erased?: boolean;
  /** Why the run stopped early, or null. */
  readonly error: ErrorReport | null;
}

/** What a run over records did with them. */
export interface RecordCounts {
  readonly records: number;
  readonly readings: number;
  readonly rejected: number;
}

/** A record that cannot be taken. */
export interface Rejection {
  /** What it was read from. */
  readonly uri: string;
  /** Where it stands there. */
  readonly place: string;
  /** The field that is wrong, or empty. */
  readonly path: string;
  readonly reason: string;
}

/** What happens while a run goes on, in order. */
export type RunEvent =
  | { readonly kind: 'run_started'; readonly runId: string }
  /** Runs of dead processes were settled first. */
  | {
      readonly kind: 'run_settled';
      readonly runId: string;
      readonly finished: number;
      readonly discarded: number;
      readonly parked: number;
    }
  /** Items listed so far; `isFinal` once listing has ended. */
  | { readonly kind: 'listed'; readonly documents: number; readonly isFinal: boolean }
  /** Something listed that cannot be a document: missing path, fifo, unreadable folder. */
  | { readonly kind: 'problem'; readonly uri: string; readonly code: ErrorReport['code']; readonly message: string }
  | { readonly kind: 'step'; readonly documentId: string; readonly step: StepName }
  /** All but writing is done for a document, or it is set aside; it waits for the others of its batch. */
  | { readonly kind: 'prepared'; readonly documentId: string }
  | { readonly kind: 'document'; readonly result: DocumentResult }
  | ({ readonly kind: 'rejected' } & Rejection)
  /** Records that were taken or rejected so far. */
  | { readonly kind: 'records'; readonly counts: RecordCounts }
  | { readonly kind: 'warning'; readonly code: string; readonly message: string }
  /** A store is out of reach: it is waited for, so long at most. `since` is ISO 8601. */
  | {
      readonly kind: 'waiting_store';
      readonly role: Role;
      readonly reason: string;
      readonly since: string;
      readonly maxOutageMs: number;
    }
  | { readonly kind: 'store_back'; readonly role: Role }
  /** Documents that a repair has compared so far. */
  | { readonly kind: 'compared'; readonly documents: number }
  /** A repair has looked at everything. */
  | { readonly kind: 'looked'; readonly report: VerifyReport }
  /** A repair could not heal a document. */
  | {
      readonly kind: 'not_healed';
      readonly documentId: string;
      readonly code: ErrorReport['code'];
      readonly message: string;
    }
  /** The last event of a run. */
  | { readonly kind: 'run_ended'; readonly summary: RunSummary };

export type OnEvent = (event: RunEvent) => void;

/** What one command may use at most; null: as much as it takes. It stops before a cap is crossed. */
export interface Caps {
  /** Requests to providers, also those that fail. */
  readonly maxCalls: number | null;
  /** Billionths of a US dollar. */
  readonly maxCostNanos: number | null;
  /** Documents that are worked on. One that is unchanged does not count, and what comes in a document counts with it. */
  readonly maxDocuments: number | null;
  /** After this nothing new is begun. */
  readonly maxDurationMs: number | null;
}

export interface IngestRequest {
  /** Paths, folders, globs, or `-` for standard input. Of what waits in staging ids; none: all that waits. */
  readonly targets: readonly string[];
  /** `STAGED_SOURCE` for what waits in staging. */
  readonly source: string;
  /** Of what waits in staging, only what is of this source; absent: of whatever source it is. */
  readonly stagedFrom?: string;
  /** The id of the one document; only with a single file or `-`. */
  readonly documentId: string | null;
  /** Documents whose files are gone from the targets are deleted; null: they stay. */
  readonly sync?: SyncRequest | null;
  /** What to do on the first bad document. */
  readonly onError: 'continue' | 'stop';
  readonly caps?: Caps;
}

/** Records of a structured source to be taken. */
export interface RecordsRequest {
  /** One of `FEED_SOURCES`. */
  readonly source: string;
  /** Files, folders, globs, or `-` for standard input; none: what the source's API gives. */
  readonly targets: readonly string[];
  /** What the targets are read with, as `IngestRequest.source`; absent: files. */
  readonly listedBy?: string;
  /** What to ask the API for, where there are no targets. */
  readonly fetch?: FetchRequest;
  readonly caps?: Caps;
}

/** A fact as it is shown. */
export interface EntityFact {
  readonly type: string;
  /** Of the other end: what it is said of, or what says it. */
  readonly key: string;
  readonly name: string;
  /** ISO 8601, or null when nobody says. */
  readonly from: string | null;
  /** Null: it holds still. */
  readonly until: string | null;
  readonly basis: string;
  readonly confidence: number;
  readonly detail: { readonly [name: string]: string | number | boolean };
  /** The document that says so. */
  readonly documentId: string;
}

/** What the memory knows of an entity. */
export interface EntityReport {
  readonly key: string;
  /** What kind of thing it is; null for what only others speak of. */
  readonly kind: string | null;
  readonly name: string;
  readonly attributes: { readonly [name: string]: Json };
  readonly names: readonly { readonly type: string; readonly key: string }[];
  /** What it says of others. */
  readonly facts: readonly EntityFact[];
  /** What others say of it. */
  readonly said: readonly EntityFact[];
  readonly latest: readonly {
    readonly series: string;
    readonly at: string;
    readonly value: { readonly [name: string]: string | number | boolean };
  }[];
  /** Keys of the things that may be meant, where the name is of several. */
  readonly candidates: readonly string[];
}

/** Which documents in quarantine are tried again: those named, else those of a reason, else all of the group. */
export interface RetryRequest {
  readonly documentIds: readonly string[];
  readonly reason: ErrorCode | null;
  readonly caps?: Caps;
}

/** Which documents of the group are deleted; what is null does not limit. */
export interface SelectRequest {
  readonly source: string | null;
  /** Since the current version was made. */
  readonly olderThanMs: number | null;
}

export interface SearchRequest {
  readonly text: string;
  readonly mode: 'hybrid' | 'vector' | 'keyword' | 'graph';
  readonly limit: number;
}

/** One hit, as `--json` prints it. */
export interface SearchHit {
  readonly rank: number;
  readonly score: number;
  readonly document_id: string;
  readonly chunk_id: string;
  readonly text: string;
  readonly page: number | null;
  readonly source_uri: string;
  readonly title: string | null;
  readonly heading_path: readonly string[];
  readonly start: number;
  readonly end: number;
  readonly entities: readonly { readonly type: string; readonly name: string }[];
}

/** One difference that verify found. */
export interface Difference {
  readonly document_id: string;
  readonly version: number | null;
  readonly role: Role;
  readonly kind: string;
  readonly id: string;
  readonly problem: 'missing' | 'extra' | 'changed' | 'stale';
}

export interface VerifyReport {
  readonly documents: number;
  readonly items: number;
  /** The cache holds what may be absent, so nothing of it is counted. */
  readonly items_by_store: { readonly [role in Exclude<Role, 'cache'>]: number };
  readonly differences: readonly Difference[];
  /** Stores that did not answer and whose loss is no drift: the cache. */
  readonly uncompared: readonly Role[];
  readonly exit_status: number;
}

/** A difference that a repair found, and what became of it. */
export interface RepairedDifference extends Difference {
  readonly healed: boolean;
  /** Why it was not healed; null when it was. */
  readonly error: Pick<ErrorReport, 'code' | 'message'> | null;
}

/** What a repair came to. */
export interface RepairReport {
  /** False when another repair is at work. */
  readonly isDone: boolean;
  /** Of the last look at everything. */
  readonly documents: number;
  readonly items: number;
  /** What was found, healed or not, and what came up since. */
  readonly differences: readonly RepairedDifference[];
  /** The run that healed; null when there was nothing to heal. */
  readonly run: RunSummary | null;
  readonly exit_status: number;
}

/** A batch of a run, as its journal tells it. Times are ISO 8601, null where the journal does not tell. */
export interface BatchDetails {
  readonly batchNo: number;
  readonly state: string;
  readonly documents: number;
  /** The highest attempt at any of its documents. */
  readonly attempt: number;
  /** Each document was prepared in a process of its own. */
  readonly isIsolated: boolean;
  readonly setAside: number;
  readonly startedAt: string | null;
  /** When it came to its state. */
  readonly changedAt: string | null;
  /** Stores that hold all of it. */
  readonly stored: readonly string[];
  /** Why it is discarded, or null. */
  readonly reason: string | null;
  /** Stores that did not take the discard. */
  readonly refusedBy: readonly string[];
  readonly error: ErrorReport | null;
}

/** What reconciling came to. */
export interface ReconcileReport {
  /** False when another one, or a cleanup, is at work. */
  readonly isDone: boolean;
  /** Batches that dead or unknown runs had left, brought to their end. */
  readonly batchesFinished: number;
  readonly batchesDiscarded: number;
  readonly parked: number;
  /** Runs that nobody can go on with, because their journal is gone or older than the stores. */
  readonly runsGivenUp: number;
  /** Things removed from the stores, or put right in them, that no document and no run accounted for. */
  readonly swept: readonly Difference[];
  readonly removedFolders: number;
  readonly removedBytes: number;
  /** The last look at everything. */
  readonly verified: VerifyReport;
  readonly exit_status: number;
}

/** That a run waits, or waited, for a store that did not answer. Times are ISO 8601. */
export interface StoreWait {
  readonly role: Role;
  readonly reason: string;
  readonly since: string;
  /** When it answered again, or the run stopped; null as long as it is waited for, and where the process died meanwhile. */
  readonly until: string | null;
}

/** A run as it is listed for people. */
export interface ListedRun extends RunListing {
  /** The stores that a live run waits for now. */
  readonly waitingFor: readonly StoreWait[];
}

export interface RunDetails extends ListedRun {
  readonly counts: RunCounts;
  /** By all processes that worked on it; a killed one may have lost what its last batch used. */
  readonly use: ProviderUse;
  readonly batches: readonly BatchDetails[];
  /** When processes came to the run and left it, in order; a process that was killed left without a word. */
  readonly history: readonly {
    readonly at: string;
    readonly what: 'started' | 'claimed' | 'interrupted' | 'finished';
    readonly reason: string;
  }[];
  /** Every time it waited for a store, in order. */
  readonly waits: readonly StoreWait[];
  /** Batches whose discard is parked. */
  readonly parked: number;
  readonly quarantined: readonly { readonly documentId: string; readonly error: ErrorReport }[];
}

/** What can be told of runs without any store. */
export interface Runs {
  /** Newest first: those that stand where `state` says (null: all), so many at most (null: all). */
  listRuns(options?: { state: RunState | null; limit: number | null }): Promise<readonly ListedRun[]>;
  showRun(runId: string): Promise<RunDetails | null>;
  /** The id of a run that was probably meant by one that names nothing, or null. */
  nearId(kind: 'run', id: string, signal: AbortSignal): Promise<string | null>;
  close(): Promise<void>;
}

export interface DocumentDetails {
  readonly document: DocumentSummary | null;
  readonly quarantine: QuarantineEntry | null;
  /** Where it stands in the newest run that names it. */
  readonly status: DocumentStatus;
  readonly runId: string | null;
  /** Where it was met, when that was in several places; else none. */
  readonly places: readonly DocumentPlace[];
}

/** How a cleanup is done. */
export interface CleanupRequest {
  /** How long what failed is kept; null: as the settings say. */
  readonly retentionMs: number | null;
  /** Only tells what would be removed from staging; nothing is settled either. */
  readonly isTrial: boolean;
  /** Nothing is done when the last one was not so long ago; null: whenever it was. */
  readonly intervalMs: number | null;
}

export interface CleanupReport {
  /** False when another cleanup is at work, or this one is not due. */
  readonly isDone: boolean;
  /** False when the last one was not long enough ago. */
  readonly isDue: boolean;
  readonly isTrial: boolean;
  /** When the last one before it ended, ISO 8601; null when nobody knows. */
  readonly lastAt: string | null;
  readonly runsSettled: number;
  readonly batchesDiscarded: number;
  readonly batchesFinished: number;
  readonly parked: number;
  readonly removedFolders: number;
  readonly removedBytes: number;
  /** Whether nothing of deleted documents can be read from any file; null when runs were at work, so that nothing was done about it. */
  readonly erased: boolean | null;
  readonly exit_status: number;
}

/** A running apex. Every call may be interrupted through `signal`; nothing prints. */
export interface Apex extends Runs {
  /** @throws ConfigError when its costs are capped and the price is not known. */
  ingest(request: IngestRequest, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary>;
  /** Takes records of a structured source, recorded or pushed. */
  ingestRecords(request: RecordsRequest, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary>;
  /** Tries the rejected records of the group again; null when there are none. */
  retryRecords(onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary | null>;
  /** A page of the group's rejected records, in order of id. @param source null: of all. */
  rejectedRecords(
    page: { readonly afterId: string | null; readonly limit: number; readonly source: string | null },
    signal: AbortSignal,
  ): Promise<readonly RejectedEntry[]>;
  /** What is known of an entity by its key, or by what names it; null when nothing is. @param at ISO 8601, or null for now. */
  showEntity(key: string, at: string | null, signal: AbortSignal): Promise<EntityReport | null>;
  /**
   * Goes on with a run, or with every interrupted run in order of start when `runId` is null, until one does not get through.
   * The last run's summary, with the gravest exit status of all; null when there was none. The caps are for all of them together.
   */
  resume(runId: string | null, onEvent: OnEvent, signal: AbortSignal, caps?: Caps): Promise<RunSummary | null>;
  /**
   * Reads documents in quarantine again from their sources and takes them through the steps; what works leaves quarantine. An
   * interrupted retry of the same documents is gone on with. Null when nothing is in quarantine.
   *
   * @throws UsageError before anything is begun when one is named that is not in quarantine.
   */
  retry(request: RetryRequest, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary | null>;
  rollback(runId: string, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary>;
  /** Deletes all documents of the group that are selected, and what came in them. */
  deleteSelected(request: SelectRequest, onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary>;
  /** How many documents that would be, without what came in them. */
  countSelected(request: SelectRequest, signal: AbortSignal): Promise<number>;
  delete(documentIds: readonly string[], onEvent: OnEvent, signal: AbortSignal): Promise<RunSummary>;
  cleanup(request: CleanupRequest, onEvent: OnEvent, signal: AbortSignal): Promise<CleanupReport>;
  /** `onCompared` hears how many documents have been compared so far; with a group only its documents are compared. */
  verify(signal: AbortSignal, onCompared?: (documents: number) => void, group?: string | null): Promise<VerifyReport>;
  /** Brings the stores to a consistent state from the stores alone, whatever has become of the journals, and verifies. */
  reconcile(onEvent: OnEvent, signal: AbortSignal): Promise<ReconcileReport>;
  /** Heals what `verify` finds, then verifies again. Null in the report's run: nothing differed. */
  repair(onEvent: OnEvent, signal: AbortSignal): Promise<RepairReport>;
  search(request: SearchRequest, signal: AbortSignal): Promise<readonly SearchHit[]>;
  listDocuments(
    options: { afterDocumentId: string | null; limit: number },
    signal: AbortSignal,
  ): Promise<readonly DocumentSummary[]>;
  listQuarantined(
    options: { afterDocumentId: string | null; limit: number; reason: ErrorCode | null },
    signal: AbortSignal,
  ): Promise<readonly QuarantineEntry[]>;
  showDocument(documentId: string, signal: AbortSignal): Promise<DocumentDetails | null>;
  /** All that is known of a document, in order of time; null when nothing knows it. */
  trace(documentId: string, signal: AbortSignal): Promise<DocumentTrace | null>;
  /** The id of a document or run that was probably meant by one that names nothing, or null. */
  nearId(kind: 'document' | 'run', id: string, signal: AbortSignal): Promise<string | null>;
}
