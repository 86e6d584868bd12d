import type { SourceProblem } from './source.ts';
import type { Published, StagedItem, StagingStats } from './staging.ts';

/** What is to be staged, to be ingested later. */
export interface StageRequest {
  /** Paths, folders, globs, or `-` for standard input: what the source lists. */
  readonly targets: readonly string[];
  /** The source that lists the targets; empty: each target tells its own. */
  readonly listedBy: string;
  /** The source of records that payloads are staged for; null: the targets are documents. */
  readonly recordsOf: string | null;
  /** The id of the one document, or null. */
  readonly documentId: string | null;
}

/** What happens while bytes are staged, in order. */
export type StageEvent =
  | ({ readonly kind: 'staged' } & Published)
  /** Something that cannot be staged: the others are. */
  | ({ readonly kind: 'problem' } & SourceProblem)
  | { readonly kind: 'warning'; readonly code: string; readonly message: string };

/** What staging came to. */
export interface StageSummary {
  readonly staged: number;
  /** The same bytes waited already. */
  readonly unchanged: number;
  readonly problems: number;
  readonly bytes: number;
  readonly exit_status: number;
}

/** What is to be removed from staging. */
export interface RemoveRequest {
  /** Ids of items; none: all that are of the source and the status. */
  readonly itemIds: readonly string[];
  /** Null: of every source; an item that is named must be the only one of its id then. */
  readonly source: string | null;
  readonly status: StagedItem['status'] | null;
  /** Only tells what would be removed. */
  readonly isTrial: boolean;
}

/** What happens while items are removed, in order. */
export type RemoveEvent =
  | { readonly kind: 'removed'; readonly item: StagedItem }
  /** An item that was named and cannot be removed: the others are. */
  | ({ readonly kind: 'problem' } & SourceProblem);

/** What removing came to. */
export interface RemoveSummary {
  readonly removed: number;
  readonly problems: number;
  readonly bytes: number;
  readonly exit_status: number;
}

/** What works on the staging area alone, whatever state the stores are in. */
export interface Stager {
  /** Fetches bytes into staging and leaves them there. May be repeated: what waits already stays. @throws SourceError QUOTA_FULL, DISK_FULL. */
  stage(request: StageRequest, onEvent: (event: StageEvent) => void, signal: AbortSignal): Promise<StageSummary>;
  /** What waits, and what failed, in order of source and id. */
  list(): AsyncIterable<StagedItem>;
  /** Those of this id: of each source at most one, in order of source. */
  find(itemId: string): Promise<readonly StagedItem[]>;
  /** Removes items that no run at work has. May be stopped between two, and repeated. */
  remove(request: RemoveRequest, onEvent: (event: RemoveEvent) => void, signal: AbortSignal): Promise<RemoveSummary>;
  stats(signal: AbortSignal): Promise<StagingStats>;
  close(): Promise<void>;
}
