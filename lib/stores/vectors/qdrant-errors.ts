import type { ErrorCode } from '../../contracts/error-codes.ts';
import { ConfigError, StoreError } from '../../contracts/errors.ts';

/** A failure of the client, without what may carry values or keys. */
export interface QdrantFailure {
  /** Of the answer; null when there was none. */
  readonly status: number | null;
  /** The server's own words, or those of the client; empty when there are none. */
  readonly reason: string;
  /** Of what lies under a failed connection; empty when there is none. */
  readonly causeCode: string;
}

/** What a failure means. */
export interface QdrantErrorRow {
  /** In words, for the tests and whoever reads this table. */
  readonly situation: string;
  readonly statuses?: readonly (number | null)[];
  readonly reason?: RegExp;
  readonly causeCode?: RegExp;
  readonly code: ErrorCode;
  /** May the same call succeed later? */
  readonly retryable: boolean;
  /** Whether the change may have been carried out all the same. */
  readonly isUnknown: boolean;
  /** What is said, after the name of the server. */
  readonly problem: string;
}

const KEY_ADVICE = 'set QDRANT_API_KEY to one that may read and write';

/**
 * The first row that fits decides. A row without statuses, reason or cause fits any.
 *
 * Source: what a Qdrant 1.18.3 and @qdrant/js-client-rest 1.19.0 did when tried. 403, 408 and 502 to 504 by a stand-in.
 */
export const QDRANT_ERRORS: readonly QdrantErrorRow[] = [
  {
    ...{ situation: 'redirected', statuses: [301, 302, 303, 307, 308], code: 'APEX_CONFIG' },
    ...{ retryable: false, isUnknown: false, problem: 'redirects to another address; set QDRANT_URL to that one' },
  },
  {
    ...{
      situation: 'body too large',
      statuses: [400, 413],
      reason: /larger than allowed|too large/i,
      code: 'STORE_REFUSED',
    },
    ...{ retryable: false, isUnknown: false, problem: 'takes no request of that size' },
  },
  {
    ...{
      situation: 'other dimension',
      statuses: [400],
      reason: /dimension error|Not existing vector name/,
      code: 'EMBEDDER_MISMATCH',
    },
    ...{ retryable: false, isUnknown: false, problem: 'has a collection of other vectors under that name' },
  },
  {
    ...{ situation: 'bad request', statuses: [400, 422], code: 'STORE_REFUSED' },
    ...{ retryable: false, isUnknown: false, problem: 'refuses the request' },
  },
  {
    ...{ situation: 'wrong or no key', statuses: [401], code: 'APEX_CONFIG' },
    ...{ retryable: false, isUnknown: false, problem: `does not take the API key; ${KEY_ADVICE}` },
  },
  {
    ...{ situation: 'forbidden', statuses: [403], code: 'APEX_CONFIG' },
    ...{ retryable: false, isUnknown: false, problem: `does not let this API key do that; ${KEY_ADVICE}` },
  },
  {
    ...{ situation: 'collection gone', statuses: [404], code: 'APEX_STORE' },
    ...{
      retryable: false,
      isUnknown: false,
      problem: 'has lost the collection; the next command makes it again, `apex verify --repair` fills it',
    },
  },
  {
    ...{ situation: 'request timed out in the server', statuses: [408], code: 'APEX_STORE' },
    ...{ retryable: true, isUnknown: true, problem: 'took too long' },
  },
  {
    ...{ situation: 'conflict', statuses: [409], code: 'APEX_STORE' },
    ...{ retryable: true, isUnknown: false, problem: 'is being changed by somebody else' },
  },
  {
    ...{ situation: 'too many requests', statuses: [429], code: 'APEX_STORE' },
    ...{ retryable: true, isUnknown: false, problem: 'asks to slow down' },
  },
  {
    ...{
      situation: 'disk full',
      statuses: [500, 507],
      reason: /No space left|exceeds available disk space/,
      code: 'DISK_FULL',
    },
    ...{ retryable: true, isUnknown: false, problem: 'has a full disk; free space there' },
  },
  {
    ...{ situation: 'server error', statuses: [500, 501, 502, 503, 504], code: 'APEX_STORE' },
    ...{ retryable: true, isUnknown: true, problem: 'fails' },
  },
  {
    ...{ situation: 'timed out', statuses: [null], reason: /^Timeout/, code: 'APEX_STORE' },
    ...{ retryable: true, isUnknown: true, problem: 'does not answer in time' },
  },
  {
    ...{ situation: 'refused, unknown or unreachable', statuses: [null], code: 'APEX_STORE' },
    causeCode: /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/,
    ...{ retryable: true, isUnknown: false, problem: 'cannot be reached; check QDRANT_URL and that it runs' },
  },
  {
    ...{ situation: 'certificate of another host', statuses: [null], causeCode: /ALTNAME/, code: 'APEX_CONFIG' },
    ...{
      retryable: false,
      isUnknown: false,
      problem: 'has a certificate for another host; name that one in QDRANT_URL',
    },
  },
  {
    ...{ situation: 'certificate', statuses: [null], causeCode: /CERT|SIGNATURE/, code: 'APEX_CONFIG' },
    ...{ retryable: false, isUnknown: false },
    problem: 'has a certificate that is not trusted; name the one that signed it by NODE_EXTRA_CA_CERTS',
  },
  {
    ...{ situation: 'protocol of TLS', statuses: [null], causeCode: /TLS|SSL|EPROTO/, code: 'APEX_CONFIG' },
    ...{ retryable: false, isUnknown: false, problem: 'speaks no TLS; begin QDRANT_URL with http://' },
  },
  {
    ...{ situation: 'port that is refused here', statuses: [null], causeCode: /^BAD_PORT$/, code: 'APEX_CONFIG' },
    ...{ retryable: false, isUnknown: false, problem: 'has a port that no web client may use; give it another' },
  },
  {
    ...{
      situation: 'connection cut',
      statuses: [null],
      causeCode: /^(?:UND_ERR_\w+|ECONNRESET|EPIPE)$/,
      code: 'APEX_STORE',
    },
    ...{ retryable: true, isUnknown: true, problem: 'cut the connection' },
  },
  {
    ...{ situation: 'anything else', code: 'APEX_STORE' },
    ...{ retryable: true, isUnknown: true, problem: 'fails' },
  },
];

/** What a failure means: the row of the table that fits it. */
export function rowOf({ status, reason, causeCode }: QdrantFailure): QdrantErrorRow {
  return QDRANT_ERRORS.find(
    (row) =>
      (row.statuses === undefined || row.statuses.includes(status)) &&
      (row.reason === undefined || row.reason.test(reason)) &&
      (row.causeCode === undefined || row.causeCode.test(causeCode)),
  )!;
}

/** The longest part of the server's words that is told. */
const MAX_REASON = 200;

/** What the client threw, as far as it may be told. */
export function failureOf(error: unknown): QdrantFailure {
  const { name, message, status, data, cause } = error as Partial<ClientError>;
  // A 429 with Retry-After has no status, and one with a date for it is a third class. Source: client 1.19.0, `api-client.js`.
  if (name === 'QdrantClientResourceExhaustedError' || /^Invalid retryAfter/.test(message ?? ''))
    return { status: 429, reason: '', causeCode: '' };
  if (typeof status === 'number') return { status, reason: reasonOf(data), causeCode: '' };
  if (name === 'TimeoutError' || name === 'QdrantClientTimeoutError')
    return { status: null, reason: 'Timeout', causeCode: '' };
  const causeCode = cause?.code ?? (message === 'terminated' ? CUT : cause?.message === 'bad port' ? 'BAD_PORT' : '');
  return { status: null, reason: causeCode || (name ?? ''), causeCode };
}

/** Of an answer whose body ended too early: undici 7 says so in words only. */
const CUT = 'UND_ERR_SOCKET';

interface ClientError {
  readonly name: string;
  readonly message: string;
  readonly status: number;
  readonly data: unknown;
  readonly cause?: { readonly code?: string; readonly message?: string };
}

/** A reason that is no JSON of Qdrant's, as a proxy's page, is not told. */
function reasonOf(data: unknown): string {
  const said = (data as { status?: { error?: unknown } } | null | undefined)?.status?.error;
  return typeof said === 'string' ? said.slice(0, MAX_REASON) : '';
}

/**
 * The failure as an error of apex: what failed and where, never a key, never the client's own error. Its `details.isUnknown` says
 * whether the change may have been carried out.
 */
export function storeErrorOf(
  failure: QdrantFailure,
  { place, operation }: { readonly place: string; readonly operation: string },
): StoreError | ConfigError {
  const { code, retryable, isUnknown, problem } = rowOf(failure);
  const { status, reason } = failure;
  const words = reason === '' || reason === 'Timeout' ? (status === null ? '' : ` (HTTP ${status})`) : ` (${reason})`;
  const options = { code, retryable, details: { operation, status, isUnknown } };
  const message = `Qdrant at ${place} ${problem}${words}`;
  return code === 'APEX_CONFIG' ? new ConfigError(message, options) : new StoreError(message, options);
}
