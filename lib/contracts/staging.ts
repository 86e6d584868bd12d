import type { StagedFile } from './document.ts';
import type { Source, SourceItem } from './source.ts';

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
  readonly runId: string;
  readonly source: string;
  readonly status: 'active' | 'success' | 'failed';
  readonly bytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Document bytes on local disk, by source, document and run. Two runs never share a folder. */
export interface Staging {
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
   * Removes failed folders older than the retention time and folders of runs that `isKept` denies. What a run kept of a document
   * that cannot be fetched again stays as long as `isQuarantined` says so. @returns folders and bytes removed.
   */
  cleanup(options: {
    now: number;
    isKept: (runId: string) => boolean;
    isQuarantined: (documentId: string, runId: string) => boolean;
  }): Promise<{ removedFolders: number; removedBytes: number }>;
  /** Lets go of what is kept for further documents. It may be used again. */
  close(): Promise<void>;
}
