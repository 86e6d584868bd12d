import type { RecordCounts } from '../../lib/contracts/apex.ts';
import { ERROR_CODES, EXIT } from '../../lib/contracts/error-codes.ts';
import type { PlanEvent, PlannedDocument, PlanSummary } from '../../lib/contracts/plan.ts';
import { graver } from '../pipeline/session.ts';
import type { PlanOptions } from './session.ts';
import { PlanTally } from './summary.ts';

/** Something that is planned, and says what it has seen when it ends. */
interface Planning {
  work(): Promise<void>;
  end(state: PlanSummary['state']): PlanSummary;
}

/** Plans to the end; stopped by the signal, says what was seen until then. */
export async function planned(planning: Planning, signal: AbortSignal): Promise<PlanSummary> {
  try {
    await planning.work();
  } catch (error) {
    if (!signal.aborted) throw error;
    return planning.end('interrupted');
  }
  return planning.end('completed');
}

/** What a plan tells, and what it comes to. */
export class PlanReport {
  readonly #options: Pick<PlanOptions, 'parts' | 'onEvent' | 'signal'>;
  readonly #tally = new PlanTally();
  readonly #startedMs: number;
  #exitStatus: number = EXIT.done;
  #hasCacheFailed = false;

  constructor(options: Pick<PlanOptions, 'parts' | 'onEvent' | 'signal'>) {
    this.#options = options;
    this.#startedMs = options.parts.surroundings.elapsed();
  }

  takeProblem(problem: Omit<Extract<PlanEvent, { kind: 'problem' }>, 'kind'>): void {
    this.#tally.takeProblem();
    this.earn(ERROR_CODES[problem.code].exit);
    this.#options.onEvent({ kind: 'problem', ...problem });
  }

  tell(document: PlannedDocument): void {
    this.#tally.take(document);
    if (document.action === 'quarantine') this.earn(EXIT.quarantined);
    this.#options.onEvent({ kind: 'planned', document });
  }

  earn(exitStatus: number): void {
    this.#exitStatus = graver(this.#exitStatus, exitStatus);
  }

  warnOfCache(): void {
    if (this.#hasCacheFailed) return;
    this.#hasCacheFailed = true;
    const message = 'the cache does not answer; the plan counts every text as one to embed';
    this.#options.onEvent({ kind: 'warning', code: 'CACHE_FAILED', message });
  }

  /** Tells the whole. @param records of a plan for records: how many there were. */
  end(state: PlanSummary['state'], records: RecordCounts | null = null): PlanSummary {
    const { parts, signal, onEvent } = this.#options;
    const isInterrupted = state === 'interrupted';
    if (isInterrupted) this.earn(signal.reason === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted);
    const summary = {
      ...this.#tally.summary(
        { state, exit_status: this.#exitStatus, error: isInterrupted ? INTERRUPTED : null },
        {
          embedder: parts.embedder,
          prepareMs: parts.surroundings.elapsed() - this.#startedMs,
          requestsAtOnce: parts.limits.concurrency,
        },
      ),
      ...(records === null ? {} : { records }),
    };
    onEvent({ kind: 'plan_ended', summary });
    return summary;
  }
}

const INTERRUPTED = {
  code: 'ABORTED',
  message: 'interrupted: this is what was seen until then',
  retryable: true,
  step: null,
} as const;
