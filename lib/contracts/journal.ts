import type { ErrorCode } from './error-codes.ts';
import type { ErrorReport } from './errors.ts';
import type { Amounts } from './metrics.ts';
import type { DocumentOutcome } from './pipeline.ts';
import type { SourceItem } from './source.ts';
import type { DocumentVersion, Role } from './store.ts';

/** What a run was asked to do, enough to go on with it in another process. No secrets: settings are read anew. */
export interface RunPlan {
  readonly kind: 'ingest' | 'delete' | 'repair' | 'retry' | 'records';
  readonly source: string;
  /**
   * Ingest and records: paths, folders, globs, absolute; records: none for what the source's own API gives. Delete and retry: document ids, or for people what stands for them. Repair: none,
   * since it looks at all.
   */
  readonly targets: readonly string[];
  /** Retry: the reason whose documents are tried again, or `all`; absent where `targets` name them. */
  readonly reason?: ErrorCode | 'all';
  /** Ingest: the first document that is set aside ends the run, resumably; absent: the run goes on. */
  readonly onError?: 'stop';
  /**
   * Records: the source that lists the targets, where that is not the one that the records are of. Ingest of what waits in staging: the
   * source that it must be of; absent: any.
   */
  readonly listedBy?: string;
  /** Records: those that were rejected are tried again. */
  readonly rejected?: true;
  /** Records: what is fetched from the source's own API; absent: nothing. */
  readonly fetch?: FetchRequest;
  readonly documentId: string | null;
  readonly group: string;
  /** Ingest: what is gone from the targets is deleted; null or absent: it stays. */
  readonly sync?: SyncRequest | null;
  /** Delete: what is selected instead of named by ids. */
  readonly selection?: DeleteSelection | null;
  /** Digest of the settings that shape results; another one on resume means steps are redone, not reused. */
  readonly settingsDigest: string;
}

/** What is fetched of a source of records. */
export interface FetchRequest {
  /** Names of its streams, in order. */
  readonly streams: readonly string[];
  /** Unix times in milliseconds, or null. */
  readonly since: number | null;
  readonly until: number | null;
  readonly isAll: boolean;
  /** One record only, or null. */
  readonly id: string | null;
  /** What these streams do not have any more is deleted, when a stream suddenly has none only if that is allowed. Absent: nothing is. */
  readonly sync?: { readonly streams: readonly string[]; readonly allowsEmpty: boolean };
}

/** Which documents of a group are deleted. */
export interface DeleteSelection {
  /** Null: of every source. */
  readonly source: string | null;
  /** The age that was asked for, or null. */
  readonly olderThanMs: number | null;
  /** Only what was made before, ISO 8601: what comes after the command stays. */
  readonly createdBefore: string;
}

/** How far a sync may go. */
export interface SyncRequest {
  /** Also of a target that holds nothing any more all documents are deleted. */
  readonly allowsEmpty: boolean;
}

/** A document as it was assigned to a batch. */
export interface AssignedItem {
  readonly documentId: string;
  readonly item: SourceItem;
  readonly parentId: string | null;
  /** The current version when its source was read, or null. */
  readonly baseVersion: number | null;
  /** Which attempt at this document this is, from 1; counted before the attempt. */
  readonly attempt: number;
  /** Of the source when it was looked at, empty when it could not be read; journals of earlier releases do not tell it. */
  readonly contentDigest?: string;
}

/** What became of one document of a batch. */
export interface ItemOutcome {
  readonly documentId: string;
  readonly outcome: DocumentOutcome;
  readonly version: number | null;
  readonly error: ErrorReport | null;
}

/**
 * What may be recorded. Intents (`isIntent`) survive a power cut before `append` resolves; outcomes ride with the next intent; news
 * (`isNews`) is there for other processes when `append` resolves, and a power cut may take it. References and digests only, never
 * contents.
 */
export type JournalEntry =
  | {
      readonly kind: 'run_started';
      readonly plan: RunPlan;
      readonly memoryId: string;
      readonly at: string;
    }
  /** Another process took the run over. */
  | {
      readonly kind: 'run_claimed';
      readonly fence: number;
      readonly reason: 'resume' | 'settle' | 'rollback';
      readonly at: string;
    }
  /** S1. Before anything of the batch is touched. */
  | {
      readonly kind: 'batch_assigned';
      readonly batchNo: number;
      readonly items: readonly AssignedItem[];
      readonly isIsolated: boolean;
      /** Records: the stream that has been fetched to its end once the batch is done. */
      readonly endsStream?: string;
      /** Records: how many that could not be taken came with the batch, those that were known included; absent: none. */
      readonly rejected?: number;
    }
  /** An attempt at one document in a process of its own, counted before it. */
  | {
      readonly kind: 'isolated_attempt';
      readonly batchNo: number;
      readonly documentId: string;
      readonly attempt: number;
    }
  /** Lazy. A document of the batch that will not be written: unchanged, quarantined or failed. */
  | { readonly kind: 'item_set_aside'; readonly batchNo: number; readonly result: ItemOutcome }
  /** Lazy. Documents of the batch that were left for another time, as if they had not been assigned: a cap was reached. */
  | { readonly kind: 'items_left'; readonly batchNo: number; readonly documentIds: readonly string[] }
  /** Lazy. What providers were used for since the last such entry. */
  | { readonly kind: 'providers_used'; readonly use: ProviderUse }
  /** Lazy. What was measured since the last such entry: numbers by series, for metrics only. */
  | { readonly kind: 'measured'; readonly amounts: Amounts }
  /** S2. The effects to come, whose discard (by run and batch) is thereby registered. */
  | {
      readonly kind: 'effects_planned';
      readonly batchNo: number;
      readonly stores: readonly string[];
      readonly versions: readonly (DocumentVersion & { readonly baseVersion: number | null })[];
      readonly deletes: readonly { readonly documentId: string; readonly baseVersion: number | null }[];
    }
  /** Lazy. A store holds all of the batch. */
  | { readonly kind: 'effect_applied'; readonly batchNo: number; readonly store: string }
  /** S3. From here the commit table says whether the batch is visible. */
  | { readonly kind: 'pivot_planned'; readonly batchNo: number }
  /** Lazy. The pivot's answer was seen. */
  | { readonly kind: 'pivot_done'; readonly batchNo: number }
  /** S4. Nothing of the batch is left to do. */
  | { readonly kind: 'batch_done'; readonly batchNo: number; readonly results: readonly ItemOutcome[] }
  /** Discarding started, and must end in one of the next two. */
  | { readonly kind: 'discard_planned'; readonly batchNo: number; readonly reason: string }
  | { readonly kind: 'discard_done'; readonly batchNo: number }
  /** A discard that cannot be done now; retried by every later cleanup. */
  | {
      readonly kind: 'discard_parked';
      readonly batchNo: number;
      readonly stores: readonly string[];
      readonly error: ErrorReport;
    }
  /** News. A store does not answer, and the run waits for it. */
  | { readonly kind: 'waiting_store'; readonly role: Role; readonly reason: string; readonly at: string }
  /** News. It answers again. */
  | { readonly kind: 'store_back'; readonly role: Role; readonly at: string }
  | { readonly kind: 'run_interrupted'; readonly reason: string; readonly at: string }
  | {
      readonly kind: 'run_finished';
      readonly state: 'completed' | 'failed' | 'rolled_back';
      readonly exitStatus: number;
      readonly counts: RunCounts;
      readonly at: string;
    };

/** What providers were used for. */
export interface ProviderUse {
  /** Requests, also those that failed. */
  readonly calls: number;
  readonly texts: number;
  /** As the provider billed them; where it did not say, as they were counted before. */
  readonly tokens: number;
  /** Billionths of a US dollar; null when the price is not known. */
  readonly costNanos: number | null;
}

/** How many documents a run has brought to which end. */
export interface RunCounts {
  readonly documents: number;
  readonly added: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly deleted: number;
  readonly quarantined: number;
  readonly failed: number;
  readonly chunks: number;
  readonly entities: number;
  readonly relations: number;
}

/** An entry with its sequence number: strictly increasing from 1 in each run, without gaps. */
export interface NumberedEntry {
  readonly lsn: number;
  /** When it was appended, in milliseconds since 1970: for people, nothing is ordered by it. Null where a journal does not tell. */
  readonly atMs: number | null;
  readonly entry: JournalEntry;
}

/** The log of one run, written by its one owner. Errors: JournalError; after one the process must end. */
export interface Journal {
  readonly runId: string;
  /** UUID of this journal file: a journal made anew under the same run is noticed. */
  readonly journalId: string;
  /** The highest sequence number given so far. */
  readonly lsn: number;
  /**
   * Resolves with the entry's number: for an intent once it survives a power cut, for an outcome at once (it rides with the next), for
   * news once others can read it.
   */
  append(entry: JournalEntry): Promise<number>;
  /** Makes everything appended survive a power cut. */
  flush(): Promise<void>;
  read(): AsyncIterable<NumberedEntry>;
  /** Commits that were synced so far by this process. */
  readonly syncedCommits: number;
  close(): Promise<void>;
}

export type RunState = 'running' | 'interrupted' | 'completed' | 'failed' | 'rolled_back' | 'needs_attention';

/** A run as the registry lists it. */
export interface RunListing {
  readonly runId: string;
  readonly kind: RunPlan['kind'];
  /** As last written; a `running` run whose owner is dead is interrupted: ask `isOwned`. */
  readonly state: RunState;
  readonly isOwned: boolean;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly exitStatus: number | null;
  readonly targets: readonly string[];
}

/** All runs of one data directory, and who owns them. Owned means: a live process holds the kernel lock of the run. */
export interface RunRegistry {
  /** A new run, owned by this process, with an empty journal. */
  create(run: { runId: string; plan: RunPlan; startedAt: string }): Promise<Journal>;
  /** Takes over a run whose owner is dead; null when a live process owns it or another claim won. The claim's result decides. */
  claim(runId: string): Promise<Journal | null>;
  /** The journal of any run for reading only, also while its owner writes: all of it, or only entries of some kinds. */
  readEntries(runId: string, kinds?: readonly JournalEntry['kind'][]): AsyncIterable<NumberedEntry>;
  /** Newest first. */
  list(): Promise<readonly RunListing[]>;
  /** So many of them, newest first, that are listed after a run; from the newest when it is null. */
  page(options: { afterRunId: string | null; limit: number }): Promise<readonly RunListing[]>;
  /** Runs whose journal names the document, newest first, one by one; also one whose journal cannot be searched. */
  naming(documentId: string): AsyncIterable<RunListing>;
  get(runId: string): Promise<RunListing | null>;
  setState(runId: string, state: RunState, end: { finishedAt: string; exitStatus: number } | null): Promise<void>;
  /** Gives the ownership of a run up (its journal is closed). */
  release(runId: string): Promise<void>;
  /** One cleanup at a time: the work's result, or null when another process is at it. */
  exclusively<T>(name: string, work: () => Promise<T>): Promise<T | null>;
  close(): Promise<void>;
}
