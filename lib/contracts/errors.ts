// Contracts: the types and error classes every floor shares.
// May import only other contracts.
// Must never touch a vendor package, the file system or the network.

import { ERROR_CODES, type ErrorCode } from './error-codes.ts';
import type { StepName } from './pipeline.ts';

/** Facts about a failure: ids, counts and names; never content, secrets or a driver's raw text. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

interface ApexErrorOptions {
  /** A code of the error table (`error-codes.ts`). */
  readonly code: ErrorCode;
  /** May the same call succeed later? */
  readonly retryable?: boolean;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** The family of failures that apex foresees. Branch on `code` and `retryable`: classes do not survive an engine. */
export abstract class ApexError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: ErrorDetails;

  constructor(message: string, options: ApexErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

/** A wrong flag or argument. Final. */
export class UsageError extends ApexError {}
/** A missing or malformed setting, or data of a newer format. Final. */
export class ConfigError extends ApexError {}
/** A source could not list or deliver a document. */
export class SourceError extends ApexError {}
/** A document could not be turned into elements. Final unless the parser's own process died for another reason. */
export class ParseError extends ApexError {}
/** An embedder or extractor answered wrongly or not at all. */
export class ProviderError extends ApexError {}
/** A store refused or did not answer. */
export class StoreError extends ApexError {}
/** A discard could not be done; what it left is parked. */
export class CompensationError extends ApexError {}
/** The journal or the local disk failed. */
export class JournalError extends ApexError {}

/** True for an apex failure, also one that crossed a thread, a process or a bundle and lost its class. */
export function isApexError(value: unknown): value is ApexError {
  return (
    value instanceof Error &&
    'code' in value &&
    typeof value.code === 'string' &&
    value.code in ERROR_CODES &&
    'retryable' in value &&
    typeof value.retryable === 'boolean'
  );
}

/** How messages name a group of documents. */
export function groupNamed(group: string): string {
  return group === '' ? 'no group' : `group ${group}`;
}

/** A failure in the shape that JSON output, the journal and the quarantine keep. */
export interface ErrorReport {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly step: StepName | null;
}
