import type { QuarantineEntry } from './document.ts';
import type { ErrorReport } from './errors.ts';
import type { ProviderUse, RunListing, RunPlan, RunState } from './journal.ts';
import type { DocumentOutcome, DocumentStatus } from './pipeline.ts';
import type { StagedState } from './staging.ts';
import type { DocumentSummary, Role } from './store.ts';

/** What may happen to a document, as a timeline tells it. */
export type TraceStep =
  /** Begun in a batch; the attempt was counted before. */
  | 'assigned'
  /** Begun in a process of its own. */
  | 'isolated_attempt'
  | 'set_aside'
  /** Left for another time: a cap or the first bad document stopped its run. */
  | 'left'
  /** Prepared and numbered; from here something of it may lie in stores. */
  | 'write_planned'
  | 'delete_planned'
  /** A store holds all of the batch. */
  | 'stored'
  | 'pivot_planned'
  /** The commit that makes the batch visible; `became` says what it was for this document. */
  | 'pivoted'
  /** Its batch has nothing left to do. */
  | 'finished'
  | 'discard_planned'
  | 'discarded'
  | 'discard_parked'
  /** Another process took its run over while the document was in flight. */
  | 'claimed'
  | 'interrupted'
  | 'run_ended'
  /** Told by the records store alone, because no journal tells of it. */
  | 'version_made'
  | 'quarantined';

/** One thing that happened to a document. Members that do not apply are absent. */
export interface TraceEvent {
  /** ISO 8601; null where nobody noted it. */
  readonly at: string | null;
  readonly step: TraceStep;
  readonly runId: string;
  readonly runKind: RunPlan['kind'] | null;
  readonly runState: RunState | null;
  readonly batchNo?: number;
  /** Since the entry before it of the same batch, by the same process; for `finished`, since the batch was assigned. */
  readonly durationMs?: number;
  readonly attempt?: number;
  readonly isIsolated?: boolean;
  readonly sourceUri?: string;
  readonly contentDigest?: string;
  readonly settingsDigest?: string;
  readonly version?: number | null;
  /** The version that was current when the source was read. */
  readonly baseVersion?: number | null;
  readonly became?: 'current' | 'lost' | 'deleted';
  readonly outcome?: DocumentOutcome;
  readonly stores?: readonly string[];
  /** Why: of a claim, an interruption, a discard, or the end of a run. */
  readonly reason?: string;
  /** Of a claim: the process that had the run before ended without a word. */
  readonly hasDied?: boolean;
  readonly error?: ErrorReport;
}

/** What is known of one document: where it stands, and all that happened to it in order of time. */
export interface DocumentTrace {
  readonly documentId: string;
  readonly uuid: string;
  readonly status: DocumentStatus | 'deleted';
  readonly document: DocumentSummary | null;
  /** The highest version number given so far; null when none was. */
  readonly lastVersion: number | null;
  readonly settingsDigest: string | null;
  readonly storesDigest: string | null;
  readonly parentId: string | null;
  /** What came in it: with its current version, or null for what is in quarantine. */
  readonly attachments: readonly { readonly documentId: string; readonly version: number | null }[];
  /** How many things of each kind every store should hold of the current version. */
  readonly expected: { readonly [role in Role]?: Readonly<Record<string, number>> };
  readonly quarantine: QuarantineEntry | null;
  /** What lies in staging. */
  readonly staged: readonly StagedState[];
  /** The runs that had to do with it, oldest first, with what each used of providers for all of its documents. */
  readonly runs: readonly (RunListing & { readonly use: ProviderUse })[];
  readonly events: readonly TraceEvent[];
}
