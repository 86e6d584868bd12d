import { isQuarantineReason } from '../../lib/contracts/error-codes.ts';
import { type ApexError, type ErrorReport, isApexError } from '../../lib/contracts/errors.ts';
import type { StepName } from '../../lib/contracts/pipeline.ts';

/** True when the failure is the document's own, so that it is quarantined and the run goes on; false when the run must stop. */
export function isDocumentsFault(error: unknown): error is ApexError {
  return isApexError(error) && isQuarantineReason(error.code);
}

/** Is it the failure of a batch that some of its documents need not share? */
export function isTooMuchTogether(error: unknown): error is ApexError {
  return isApexError(error) && (error.code === 'STORE_REFUSED' || error.code === 'STORE_OVERLOADED');
}

/** The failure as it is journaled, stored and printed. */
export function reportOf(error: ApexError, step: StepName | null): ErrorReport {
  return { code: error.code, message: error.message, retryable: error.retryable, step };
}

/** The report of whatever stopped a run; a bug keeps its message out of reports, since it may hold content. */
export function stopReport(error: unknown): ErrorReport {
  if (isApexError(error)) return reportOf(error, null);
  return {
    code: 'APEX_BUG',
    message: error instanceof Error ? `${error.name} inside apex` : 'a failure inside apex',
    retryable: false,
    step: null,
  };
}
