import type { Embedder } from '../../lib/contracts/parts.ts';
import {
  PLANNED_ACTIONS,
  type PlannedAction,
  type PlannedDocument,
  type PlannedRows,
  type PlannedTime,
  type PlanSummary,
} from '../../lib/contracts/plan.ts';
import { ROLES } from '../../lib/contracts/store.ts';
import { dollarsOf, nanosOf } from '../pipeline/money.ts';

/** Assumed of a row, with its share of its batch. Measured over 5,000 documents: see `bench/results`. */
const ROW_MS = 0.04;

/** What a plan has come to so far. */
export class PlanTally {
  readonly #actions = new Map<PlannedAction, number>();
  readonly #sums = { chunks: 0, entities: 0, relations: 0, embedded_texts: 0, embedding_calls: 0, embedding_tokens: 0 };
  readonly #rows = { records: 0, graph: 0, vectors: 0, cache: 0 };
  #costNanos: number | null = 0;
  #problems = 0;

  take(document: PlannedDocument): void {
    this.#actions.set(document.action, this.#count(document.action) + 1);
    for (const name of SUMMED) this.#sums[name] += document[name];
    for (const role of ROLES) this.#rows[role] += document.rows[role];
    const cost = document.cost_usd;
    this.#costNanos = cost === null || this.#costNanos === null ? null : this.#costNanos + nanosOf(cost);
  }

  takeProblem(): void {
    this.#problems += 1;
  }

  /** @param prepareMs what planning took so far. */
  summary(
    end: Pick<PlanSummary, 'state' | 'exit_status' | 'error'>,
    { embedder, prepareMs, requestsAtOnce }: EstimateOptions,
  ): PlanSummary {
    const { price, requestMs } = embedder;
    const estimatedFrom: PlannedTime = {
      prepare_ms: Math.round(prepareMs),
      request_ms: requestMs,
      requests_at_once: requestsAtOnce,
      row_ms: ROW_MS,
    };
    const counts = Object.fromEntries(PLANNED_ACTIONS.map((action) => [action, this.#count(action)]));
    const rows: PlannedRows = { ...this.#rows };
    return {
      state: end.state,
      documents: PLANNED_ACTIONS.reduce((sum, action) => sum + this.#count(action), 0),
      ...(counts as { [action in PlannedAction]: number }),
      problems: this.#problems,
      ...this.#sums,
      rows,
      cost_usd: dollarsOf(this.#costNanos),
      price: price === null ? null : { usd_per_million_tokens: price.picosPerToken / 1_000_000, origin: price.origin },
      estimated_ms: estimateMs(this.#sums.embedding_calls, rows, estimatedFrom),
      estimated_from: estimatedFrom,
      duration_ms: Math.round(prepareMs),
      exit_status: end.exit_status,
      error: end.error,
    };
  }

  #count(action: PlannedAction): number {
    return this.#actions.get(action) ?? 0;
  }
}

interface EstimateOptions {
  readonly embedder: Pick<Embedder, 'price' | 'requestMs'>;
  readonly prepareMs: number;
  readonly requestsAtOnce: number;
}

const SUMMED = ['chunks', 'entities', 'relations', 'embedded_texts', 'embedding_calls', 'embedding_tokens'] as const;

/** Preparing takes what it took for the plan; requests and rows take what is assumed of them. */
function estimateMs(requests: number, rows: PlannedRows, from: PlannedTime): number {
  const embeddingMs = (requests * from.request_ms) / from.requests_at_once;
  const writingMs = ROLES.reduce((sum, role) => sum + rows[role], 0) * from.row_ms;
  return Math.round(from.prepare_ms + embeddingMs + writingMs);
}
