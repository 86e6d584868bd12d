import type { ErrorCode } from '../contracts/error-codes.ts';
import { ParseError } from '../contracts/errors.ts';

/** The failures a document itself can cause; all are final. */
export type ParseFailureCode = Extract<
  ErrorCode,
  'EMPTY_TEXT' | 'NO_TEXT_LAYER' | 'ENCRYPTED' | 'CORRUPT' | 'TOO_LARGE' | 'UNSUPPORTED_FORMAT'
>;

/** A final ParseError. The message never holds content. */
export function parseFailure(code: ParseFailureCode, message: string, cause?: unknown): ParseError {
  return new ParseError(message, { code, cause });
}
