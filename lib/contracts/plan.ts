import type { IngestRequest, RecordCounts, RecordsRequest, Rejection } from './apex.ts';
import type { ErrorReport } from './errors.ts';
import type { CacheStore, RecordsStore, Role } from './store.ts';

/** What an ingest would do with a document; where it says `quarantine`, the error says why. */
export const PLANNED_ACTIONS = ['add', 'update', 'unchanged', 'delete', 'quarantine'] as const;
export type PlannedAction = (typeof PLANNED_ACTIONS)[number];

/** So much would be written to each store: what `verify` would compare, and entries of the cache. */
export type PlannedRows = { readonly [role in Role]: number };

/** What embedding takes: of the texts that no cache holds. */
export interface PlannedEmbedding {
  readonly embedded_texts: number;
  readonly embedding_calls: number;
  /** Counted before anything is sent, on the safe side. */
  readonly embedding_tokens: number;
  /** US dollars; null when the price is not known. */
  readonly cost_usd: number | null;
}

/** One document of a plan, as `--json` prints it behind `"event":"planned_document"`. */
export interface PlannedDocument extends PlannedEmbedding {
  readonly document_id: string;
  readonly uuid: string;
  readonly source: string;
  readonly source_uri: string;
  readonly action: PlannedAction;
  /** The number that it would get, or has where it is unchanged; null where it would have none. */
  readonly version: number | null;
  readonly chunks: number;
  readonly entities: number;
  readonly relations: number;
  readonly rows: PlannedRows;
  /** Of what would be set aside. */
  readonly error?: ErrorReport;
  /** It failed before as it would now, so it is not tried again. */
  readonly is_remembered?: boolean;
}

/** What the estimate of time is made from. */
export interface PlannedTime {
  /** Listing, reading, parsing, chunking and extracting, as measured while planning. */
  readonly prepare_ms: number;
  /** Requests, so many side by side, each assumed to take so long. */
  readonly request_ms: number;
  readonly requests_at_once: number;
  /** A row, assumed. */
  readonly row_ms: number;
}

/** The whole of a plan; `--json` prints it behind `"event":"plan"`. */
export interface PlanSummary extends PlannedEmbedding {
  /** `interrupted`: what was seen until then. */
  readonly state: 'completed' | 'interrupted';
  readonly documents: number;
  readonly add: number;
  readonly update: number;
  readonly unchanged: number;
  readonly delete: number;
  readonly quarantine: number;
  readonly problems: number;
  /** Of a plan for records only: those that would be taken or rejected, and the readings that are new. */
  readonly records?: RecordCounts;
  readonly chunks: number;
  readonly entities: number;
  readonly relations: number;
  readonly rows: PlannedRows;
  /** US dollars for a million tokens, and where that is from; null when it is not known. */
  readonly price: { readonly usd_per_million_tokens: number; readonly origin: string } | null;
  readonly estimated_ms: number;
  readonly estimated_from: PlannedTime;
  readonly duration_ms: number;
  /** What the ingest would end with, as far as one can know. */
  readonly exit_status: number;
  /** Why the plan stopped early, or null. */
  readonly error: ErrorReport | null;
}

/** What happens while a plan is made, in order. */
export type PlanEvent =
  | { readonly kind: 'listed'; readonly documents: number; readonly isFinal: boolean }
  | { readonly kind: 'problem'; readonly uri: string; readonly code: ErrorReport['code']; readonly message: string }
  | { readonly kind: 'planned'; readonly document: PlannedDocument }
  | ({ readonly kind: 'rejected' } & Rejection)
  | { readonly kind: 'warning'; readonly code: string; readonly message: string }
  /** The last event of a plan. */
  | { readonly kind: 'plan_ended'; readonly summary: PlanSummary };

/** The part of a memory's stores that a plan asks; nothing of it writes. */
export interface ReadableStores {
  readonly records: Pick<
    RecordsStore,
    | 'identity'
    | 'current'
    | 'children'
    | 'quarantined'
    | 'select'
    | 'described'
    | 'factsOn'
    | 'seriesWindows'
    | 'cursor'
    | 'ofContent'
    | 'placedAt'
    | 'placesOf'
    | 'placesUnder'
  >;
  readonly graph: { readonly identity: string };
  readonly vectors: { readonly identity: string };
  readonly cache: Pick<CacheStore, 'identity' | 'get'>;
}

/** Says what an ingest would do. It writes nothing where the memory lies, and asks no provider. */
export interface Planner {
  /** @throws as the ingest would before its run begins. */
  plan(request: IngestRequest, onEvent: (event: PlanEvent) => void, signal: AbortSignal): Promise<PlanSummary>;
  /** The same for records: what would become of each thing that they speak of. Cursors stay. Errors as `plan`. */
  planRecords(request: RecordsRequest, onEvent: (event: PlanEvent) => void, signal: AbortSignal): Promise<PlanSummary>;
  close(): Promise<void>;
}
