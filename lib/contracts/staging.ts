import type { StagedFile } from './document.ts';
import type { ErrorReport } from './errors.ts';
import type { Source, SourceItem, StagedOrigin } from './source.ts';

/** A document's folder in staging: its bytes, the steps' artifacts and `.metadata.json`. */
export interface StagingFolder {
  readonly documentId: string;
  readonly path: string;
  /** The staged bytes if they are here, whole (by digest), from this or an earlier attempt. */
  staged(): Promise<StagedFile | null>;
  /** Copies the item's bytes in; a full quota is refused before writing (SourceError QUOTA_FULL). */
  stage(source: Source, item: SourceItem, signal: AbortSignal): Promise<StagedFile>;
  /** An artifact that an earlier attempt left under this name and key, checked by digest; null when absent, torn or of another key. */
  readArtifact(name: string, key: string): Promise<Uint8Array | null>;
  /** Leaves an artifact: the key says what it was made from. Not synced: it can be computed again. */
  writeArtifact(name: string, key: string, content: Uint8Array): Promise<void>;
  /** Where files that came in the document lie, by digest. */
  readonly attachmentsPath: string;
  /** Marks the folder failed, to be kept for the retention time. */
  markFailed(): Promise<void>;
  /** Removes the folder. Quiet when it is gone. */
  remove(): Promise<void>;
}

/** What lies in staging of a document in one run, as its metadata tell. */
export interface StagedState {
  /** Empty: it was staged to be ingested later. */
  readonly runId: string;
  readonly source: string;
  readonly status: 'active' | 'success' | 'failed';
  readonly bytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What was staged to be ingested later: bytes that wait, or that an ingest could not take in. */
export interface StagedItem {
  /** Of a document the id that it has in the memory, of records one of their own. Unique in its source. */
  readonly itemId: string;
  readonly kind: 'document' | 'records';
  /** The source that it is of, e.g. `local_upload` or `samsara`. */
  readonly source: string;
  readonly group: string;
  /** `active`: it waits, or is being taken. `damaged`: what lies there is not what was staged, or nothing tells what it is. */
  readonly status: 'active' | 'failed' | 'damaged';
  /** As its source listed it; null of one whose metadata are damaged. */
  readonly origin: SourceItem | null;
  /** Where its bytes lie, until it is taken. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of its bytes; empty of one whose metadata are damaged. */
  readonly digest: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Why it failed, or null. */
  readonly error: Pick<ErrorReport, 'code' | 'message'> | null;
  /** The run that took it last, alive or not; null when none did. */
  readonly takenBy: string | null;
}

/** A folder that bytes are staged into before it is known whose they are; gone when its process dies. */
export interface IncomingFolder extends StagingFolder {
  /**
   * Makes what was staged here an item that waits, in one step that survives a power cut. One of the same id and bytes stays as it is;
   * one of other bytes is replaced.
   *
   * @throws UsageError when one of the same id waits for another group.
   */
  publish(item: Pick<StagedItem, 'itemId' | 'kind' | 'source' | 'group'> & { origin: SourceItem }): Promise<Published>;
}

/** What became of bytes that were staged. */
export interface Published {
  readonly item: StagedItem;
  /** False when the same bytes waited already. */
  readonly isNew: boolean;
}

/** What waits in staging. */
export interface StagedItems {
  /** Stages one item after the other, as long as the work goes on: what a process that dies has begun is removed by a later cleanup. */
  receive<T>(work: (open: () => IncomingFolder) => Promise<T>): Promise<T>;
  /** All of them, in order of source and id; `damaged` ones too. What other processes remove meanwhile may be missing. */
  list(): AsyncIterable<StagedItem>;
  /** Those of this id: of each source at most one, in order of source. */
  find(itemId: string): Promise<readonly StagedItem[]>;
  /**
   * Makes an item the run's, so that no other run takes it. It stays that until it is ended, or taken over because its run is not at
   * work any more.
   *
   * @returns what is to be ingested; `taken` when a run at work has it, `gone` when it is not there.
   */
  take(of: StagedOrigin, runId: string, isAtWork: IsAtWork): Promise<SourceItem | 'taken' | 'gone'>;
  /** Ends a run's work on an item: removes it (null), or keeps it as failed for the retention time. Quiet when it is gone. */
  end(of: StagedOrigin, runId: string, failure: Pick<ErrorReport, 'code' | 'message'> | null): Promise<void>;
  /** What would be ingested of an item that was found, to be read where it lies as long as nobody takes it; null when it is gone. */
  offer(item: StagedItem): SourceItem | null;
  /** Removes an item that was found, but nothing that a run at work has. @returns what became of it: `gone` when others were faster. */
  remove(item: StagedItem, isAtWork: IsAtWork): Promise<'removed' | 'taken' | 'gone'>;
}

/** Is this run at work, now? Asked only of runs that have taken what others want. */
export type IsAtWork = (runId: string) => boolean | Promise<boolean>;

/** What a cleanup of staging removed, or would remove. */
export interface StagingCleanup {
  readonly removedFolders: number;
  readonly removedBytes: number;
}

/** What lies in staging, in figures. */
export interface StagingStats {
  readonly base: string;
  /** Of all files, the steps' artifacts too. */
  readonly usedBytes: number;
  readonly maxBytes: number;
  /** Documents and payloads of records, those that runs work on too. */
  readonly documents: number;
  readonly bySource: readonly StagingShare[];
  readonly byStatus: readonly StagingShare[];
  readonly oldest: StagedExtreme | null;
  readonly largest: StagedExtreme | null;
}

/** A part of what lies in staging. */
export interface StagingShare {
  /** Of a source or a status. */
  readonly name: string;
  readonly documents: number;
  readonly bytes: number;
}

/** The oldest or the largest of what lies in staging. */
export interface StagedExtreme {
  readonly documentId: string;
  readonly source: string;
  readonly bytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** Document bytes on local disk, by source, document and run. Two runs never share a folder. */
export interface Staging {
  /** What waits here to be ingested. */
  readonly items: StagedItems;
  /** Reads what a run has taken from there. It lists nothing. */
  readonly source: Source;
  /** The folder of a document in a run, created when absent. */
  open(source: string, documentId: string, runId: string): Promise<StagingFolder>;
  /** What is there of a document, in whatever run; only looks. */
  staged(documentId: string): Promise<readonly StagedState[]>;
  /** Removes every folder of a run that is not marked failed. */
  removeRun(runId: string): Promise<void>;
  /**
   * Removes what is kept of these documents: of failed attempts in whatever run, and of what runs that are not at work have not
   * come to the end of. A run that is resumed reads them again.
   */
  forget(documentIds: readonly string[], isAtWork: (runId: string) => boolean): Promise<void>;
  /**
   * Removes failed folders older than the retention time, folders of runs that `isKept` denies, and what processes that died had begun
   * to stage or to remove. What waits to be ingested stays, however old. What a run kept of a document that cannot be fetched again
   * stays as long as `isQuarantined` says so. May be stopped and begun again.
   *
   * @param options.retentionMs instead of the retention time. @param options.isTrial only tells what would be removed.
   * @returns folders and bytes removed.
   */
  cleanup(options: {
    now: number;
    isKept: (runId: string) => boolean;
    isQuarantined: (documentId: string, runId: string) => boolean;
    retentionMs?: number | null;
    isTrial?: boolean;
    signal?: AbortSignal;
  }): Promise<StagingCleanup>;
  /** When a cleanup here came to its end last, in milliseconds since 1970; null when nobody knows. */
  cleanedAt(): Promise<number | null>;
  /** Counts what lies here. */
  stats(signal: AbortSignal): Promise<StagingStats>;
  /** Lets go of what is kept for further documents. It may be used again. */
  close(): Promise<void>;
}
