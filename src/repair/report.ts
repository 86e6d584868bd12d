import type {
  Difference,
  RepairedDifference,
  RepairReport,
  RunEvent,
  RunSummary,
  VerifyReport,
} from '../../lib/contracts/apex.ts';
import { EXIT } from '../../lib/contracts/error-codes.ts';

type Reason = NonNullable<RepairedDifference['error']>;

/** Why something is left that no document's own reason explains. */
const STILL_THERE: Reason = {
  code: 'DRIFT',
  message: 'it was there again after healing; a run at work may be changing it',
};
const NOT_REACHED: Reason = { code: 'ABORTED', message: 'the repair stopped before its last look' };

/** Puts together, from what a repair says on its way, what became of each difference. */
export class RepairNotes {
  readonly #found: VerifyReport;
  #last: VerifyReport | null = null;
  readonly #reasons = new Map<string, Reason>();
  readonly #healed = new Set<string>();

  /** @param found what was found before anything was healed. */
  constructor(found: VerifyReport) {
    this.#found = found;
  }

  take(event: RunEvent): void {
    if (event.kind === 'looked') this.#last = event.report;
    else if (event.kind === 'not_healed')
      this.#reasons.set(event.documentId, { code: event.code, message: event.message });
    else if (event.kind === 'document') this.#healed.add(event.result.document_id);
  }

  /** @param run what the run that healed came to; null when there was nothing to heal. */
  report(run: RunSummary | null): RepairReport {
    const isStopped = run !== null && run.error !== null;
    const last = this.#last ?? this.#found;
    const left = run === null ? [] : isStopped ? this.#unreached() : last.differences;
    const keys = new Set(left.map(keyOf));
    const gone = this.#found.differences.filter((difference) => !keys.has(keyOf(difference)));
    return {
      isDone: true,
      documents: last.documents,
      items: last.items,
      differences: [
        ...gone.map((difference) => ({ ...difference, healed: true, error: null })),
        ...left.map((difference) => ({ ...difference, healed: false, error: this.#reasonOf(difference, isStopped) })),
      ],
      run,
      exit_status: run?.exit_status ?? EXIT.done,
    };
  }

  /** Of a repair that stopped early nobody knows more than which documents it has written again. */
  #unreached(): readonly Difference[] {
    return this.#found.differences.filter(({ document_id }) => !this.#healed.has(document_id));
  }

  #reasonOf({ document_id }: Difference, isStopped: boolean): Reason {
    return this.#reasons.get(document_id) ?? (isStopped ? NOT_REACHED : STILL_THERE);
  }
}

/** Two differences are one when they are about the same thing in the same version. */
function keyOf({ document_id, role, kind, id, problem, version }: Difference): string {
  return JSON.stringify([document_id, role, kind, id, problem, version]);
}

/** The report of a repair that found another one at work. */
export const NOT_REPAIRED: RepairReport = {
  isDone: false,
  documents: 0,
  items: 0,
  differences: [],
  run: null,
  exit_status: EXIT.done,
};
