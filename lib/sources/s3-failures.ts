import type { ErrorCode } from '../contracts/error-codes.ts';
import { SourceError } from '../contracts/errors.ts';
import { isPrefix, type S3Place, uriOf } from './s3-place.ts';

/** What an answer without what was asked for told. */
export interface S3Refusal {
  readonly status: number;
  /** Of S3's table; null: it told none. */
  readonly code: string | null;
  /** Where the bucket lies, when it told that. */
  readonly region: string | null;
  /** The wait that it asks for, or null. */
  readonly retryAfterMs: number | null;
  /** How much later than here it is there, in milliseconds; null: it did not tell the time. */
  readonly isAheadMs: number | null;
}

/** What is told of who asks, and of whom. */
export interface S3Asker {
  /** Where the keys come from, for people. */
  readonly keysFrom: string;
  readonly host: string;
  readonly region: string;
}

/** A problem with what lies at a place, for people: the place, then the problem. */
export function s3Error(
  code: ErrorCode,
  place: S3Place,
  problem: string,
  { isRetryable = false, retryAfterMs = null, s3Code = null }: S3Failure = {},
): SourceError {
  const details = {
    bucket: place.bucket,
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
    ...(s3Code === null ? {} : { s3Code }),
  };
  const shown = place.bucket === '' ? 'the list of buckets' : uriOf(place);
  return new SourceError(`${shown} ${problem}`, { code, retryable: isRetryable, details });
}

interface S3Failure {
  readonly isRetryable?: boolean;
  readonly retryAfterMs?: number | null;
  /** What S3 calls it. */
  readonly s3Code?: string | null;
}

/** What an answer means that is none of success. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
export function refusedByS3(place: S3Place, refusal: S3Refusal, asker: S3Asker): SourceError {
  const { status, code, region, retryAfterMs } = refusal;
  const shown = code === null ? String(status) : `${code}, ${status}`;
  const rule = RULES.find((entry) => entry.codes.test(code ?? ''));
  if (rule !== undefined) return s3Error(rule.code, place, rule.problem(shown, refusal, asker));
  if (status === 301 || (region !== null && region !== asker.region && status === 400))
    return s3Error('SOURCE_REFUSED', place, elsewhere(shown, refusal, asker));
  if (TRANSIENT.test(code ?? '') || status === 408 || status === 429 || status >= 500) {
    const isLimited = status === 429 || isSlowDown(code);
    const what = isLimited ? 'cannot be had yet: the server asks to slow down' : 'cannot be had: the server failed';
    return s3Error('APEX_SOURCE', place, `${what} (${shown})`, { isRetryable: true, retryAfterMs, s3Code: code });
  }
  if (status === 404) return s3Error('NOT_FOUND', place, missing(shown, place));
  if (status === 401 || status === 403)
    return s3Error('SOURCE_REFUSED', place, denied(shown, place, asker), { s3Code: code });
  if (status >= 400) return s3Error('SOURCE_REQUEST', place, `was asked for in a way that is not accepted (${shown})`);
  return s3Error('SOURCE_ANSWER', place, `is answered with ${shown}, which is no answer of S3`);
}

interface Rule {
  readonly codes: RegExp;
  readonly code: ErrorCode;
  problem(shown: string, refusal: S3Refusal, asker: S3Asker): string;
}

const RULES: readonly Rule[] = [
  {
    codes: /^NoSuchBucket$/,
    code: 'NOT_FOUND',
    problem: (shown, _, { host }) =>
      `is in a bucket that is not there (${shown}): check its name, and that ${host} is where it lies (AWS_ENDPOINT_URL)`,
  },
  {
    codes: /^InvalidAccessKeyId$/,
    code: 'SOURCE_REFUSED',
    problem: (shown, _, { keysFrom, host }) =>
      `may not be read: ${host} does not know the access key (${shown}); check ${keysFrom}`,
  },
  {
    codes: /^SignatureDoesNotMatch$/,
    code: 'SOURCE_REFUSED',
    problem: (shown, _, { keysFrom }) =>
      `may not be read: the secret key is not that of the access key (${shown}); check ${keysFrom}`,
  },
  {
    codes: /^(?:ExpiredToken|TokenRefreshRequired|InvalidToken)$/,
    code: 'SOURCE_REFUSED',
    problem: (shown, _, { keysFrom }) =>
      `may not be read: the session token does not hold, or not any more (${shown}); get new keys for ${keysFrom}`,
  },
  { codes: /^RequestTimeTooSkewed$/, code: 'SOURCE_REFUSED', problem: skewed },
  {
    codes: /^(?:PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/,
    code: 'SOURCE_REFUSED',
    problem: elsewhere,
  },
  {
    codes: /^InvalidObjectState$/,
    code: 'SOURCE_REFUSED',
    problem: (shown) => `lies in an archive (${shown}): restore it there, then run the same command again`,
  },
];

/** Codes of failures that pass, whatever their status. */
const TRANSIENT = /^(?:SlowDown|Throttling\w*|RequestTimeout|InternalError|ServiceUnavailable|OperationAborted)$/;

/** Whether S3 asks for fewer requests, by what it calls its answer. */
export function isSlowDown(s3Code: unknown): boolean {
  return typeof s3Code === 'string' && /SlowDown|Throttl/.test(s3Code);
}

function missing(shown: string, place: S3Place): string {
  const hint = isPrefix(place) ? '' : `; for all keys that begin so give ${uriOf({ ...place, key: `${place.key}/` })}`;
  return `is not there (${shown})${hint}`;
}

function denied(shown: string, place: S3Place, { keysFrom }: S3Asker): string {
  const right = isPrefix(place) ? 's3:ListBucket' : 's3:GetObject';
  return `may not be read with these keys (${shown}): their owner needs ${right}; they come from ${keysFrom}`;
}

function elsewhere(shown: string, { region }: S3Refusal, asker: S3Asker): string {
  const asked = `was asked for in ${asker.region}`;
  if (region === null) return `${asked}, where its bucket does not lie (${shown}): set AWS_REGION to its region`;
  return `${asked}, but its bucket lies in ${region} (${shown}): set AWS_REGION=${region}`;
}

function skewed(shown: string, { isAheadMs }: S3Refusal, { host }: S3Asker): string {
  const minutes = isAheadMs === null ? 0 : Math.round(Math.abs(isAheadMs) / 60_000);
  const by =
    minutes === 0 ? '' : `, which is ${minutes} minutes ${isAheadMs! > 0 ? 'behind' : 'ahead of'} that of ${host}`;
  return `may not be read: the clock of this machine is wrong (${shown})${by}; set it right, then run the same command again`;
}
