import type { ErrorCode } from '../contracts/error-codes.ts';
import { ParseError } from '../contracts/errors.ts';
import type { ParseLimits } from '../contracts/parts.ts';

/** The failures a document itself can cause; all are final. */
export type ParseFailureCode = Extract<
  ErrorCode,
  'EMPTY_TEXT' | 'NO_TEXT_LAYER' | 'ENCRYPTED' | 'CORRUPT' | 'TOO_LARGE' | 'UNSUPPORTED_FORMAT'
>;

/** A final ParseError. The message never holds content. */
export function parseFailure(code: ParseFailureCode, message: string, cause?: unknown): ParseError {
  return new ParseError(message, { code, cause });
}

/** The failure of a document with more pages (slides, sheets) than the limit. */
export function tooManyPages(pages: number, what: string, { maxPages }: ParseLimits): ParseError {
  return parseFailure(
    'TOO_LARGE',
    `It has ${pages} ${what}, more than the ${maxPages} that APEX_PARSE_MAX_PAGES allows.`,
  );
}
