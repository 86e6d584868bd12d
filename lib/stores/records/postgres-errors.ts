import type { ErrorCode } from '../../contracts/error-codes.ts';
import { type ApexError, ConfigError, isApexError, StoreError } from '../../contracts/errors.ts';

/** What a failure of PostgreSQL means for whoever asked. */
interface FailureMeaning {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** What it says of the store, behind `the records store at <place>`; with what to do where that is not in the table of codes. */
  readonly problem: string;
}

/** The same transaction, done again, may succeed. */
const AGAIN = (problem: string): FailureMeaning => ({ code: 'APEX_STORE', retryable: true, problem });
/** The same again helps nobody; less at once may. */
const OVERLOADED = (problem: string): FailureMeaning => ({ code: 'STORE_OVERLOADED', retryable: false, problem });
/** The data cannot be held, however often it is sent. */
const REFUSED = (problem: string): FailureMeaning => ({ code: 'STORE_REFUSED', retryable: false, problem });
/** Somebody must change a setting. */
const SETTING = (problem: string): FailureMeaning => ({ code: 'APEX_CONFIG', retryable: false, problem });

const DOWN = AGAIN('does not answer');
const DAMAGED: FailureMeaning = {
  code: 'MEMORY_DAMAGED',
  retryable: false,
  problem: 'lacks tables or columns that apex made; restore them from a copy, or name another schema',
};

/** By SQLSTATE, or the system's code of a connection. Source: https://www.postgresql.org/docs/15/errcodes-appendix.html, and what a server was seen to answer. */
const BY_STATE: { readonly [state: string]: FailureMeaning } = {
  ECONNREFUSED: AGAIN('refuses connections: is it running, and is the port right?'),
  ENOTFOUND: AGAIN('cannot be found: is the name of the host right?'),
  EAI_AGAIN: AGAIN('cannot be found now: is the name of the host right?'),
  '40001': AGAIN('met another transaction'),
  '40P01': AGAIN('met another transaction'),
  '55P03': AGAIN('is held up by another transaction'),
  '25P02': AGAIN('met another transaction'),
  '25P03': AGAIN('waited too long for the next statement'),
  '57014': AGAIN('took too long for a statement'),
  '57P01': AGAIN('is being shut down'),
  '57P02': AGAIN('is being shut down'),
  '57P03': AGAIN('is starting up'),
  '53200': AGAIN('is out of memory'),
  '53400': AGAIN('has reached one of its limits'),
  '53300': AGAIN('has no connection left; raise its max_connections, or close others'),
  '53100': { code: 'DISK_FULL', retryable: true, problem: 'has no space left on its disk' },
  '25006': AGAIN('only reads; it may be a replica'),
  '0A000': AGAIN('was changed meanwhile'),
  '28P01': SETTING('does not take this user with this password; correct them in DATABASE_URL'),
  '28000': SETTING('does not let this user in; correct DATABASE_URL, or its pg_hba.conf'),
  '3D000': SETTING('has no such database; make it with createdb, or correct DATABASE_URL'),
  '42501': {
    code: 'APEX_PERMISSION',
    retryable: false,
    problem: 'does not permit it to this user; grant CREATE on the database, or make the schema and grant ALL on it',
  },
  '3F000': DAMAGED,
  '42P01': DAMAGED,
  '42703': DAMAGED,
  '42883': DAMAGED,
  '22021': REFUSED('cannot hold a character of the data'),
  '22P05': REFUSED('cannot hold a character of the data'),
  '22P02': REFUSED('cannot read a value of the data'),
  '22001': REFUSED('takes a value for too long'),
  '22003': REFUSED('takes a number for too large'),
  '22008': REFUSED('takes a time for none'),
  '23502': REFUSED('lacks a value'),
  '23505': REFUSED('holds another row of that key'),
  '23514': REFUSED('does not take a value'),
  '54000': REFUSED('takes a value for too large'),
  '54001': REFUSED('takes a value for too deep'),
};

/** What may be too much at once; in smaller parts it may be written. */
const TOO_MUCH: { readonly [state: string]: string } = {
  '57014': 'took too long for a statement, or somebody cancelled it',
  '53200': 'is out of memory for one transaction; raise its max_locks_per_transaction, or give it more memory',
  '53400': 'has reached one of its limits for one transaction; raise its temp_file_limit',
};
const WRITES: ReadonlySet<string> = new Set(['write', 'pivot']);

/** By the first two characters, where the whole SQLSTATE is not in the table. */
const BY_CLASS: { readonly [start: string]: FailureMeaning } = {
  '08': DOWN,
  '22': REFUSED('does not take a value'),
  '23': REFUSED('does not take a value'),
  '28': SETTING('does not let this user in'),
  '40': AGAIN('met another transaction'),
  '42': DAMAGED,
  '53': AGAIN('is out of resources'),
  '54': REFUSED('takes a value for too large'),
  '57': AGAIN('is being shut down'),
  '58': AGAIN('failed to read or write its files'),
  XX: AGAIN('failed'),
};

/** What has no SQLSTATE, or one that says nothing: by what the driver, or a pooler, says. */
const BY_MESSAGE: readonly (FailureMeaning & { readonly says: RegExp })[] = [
  {
    says: /unsupported startup parameter/,
    ...SETTING('is behind a pooler that refuses options in the URL: leave them out'),
  },
  { says: /query_wait_timeout|server conn crashed|server login|no more connections/, ...DOWN },
  {
    says: /does not support SSL connections/,
    ...SETTING('does not speak TLS; set sslmode=disable in DATABASE_URL only on a trusted network'),
  },
  {
    says: /SASL|password must be a string/,
    ...SETTING('asks for a password; put it into DATABASE_URL, behind the user'),
  },
  {
    says: /altnames|ALTNAME/i,
    ...SETTING('has a certificate for another host; name that host in DATABASE_URL'),
  },
  {
    says: /certificate|self.signed|unable to verify|CERT_|_CERT/i,
    ...SETTING('has a certificate that is not trusted; name the one that signed it by sslrootcert in DATABASE_URL'),
  },
];

/** What of an error of the driver may be told: its texts can hold values. */
interface DriverError {
  readonly code?: string;
  readonly severity?: string;
  readonly message?: string;
  readonly constraint?: string;
  readonly column?: string;
}

/**
 * What a failure of the driver, or of PostgreSQL, means. The error itself is not passed on: it can hold values and the password.
 *
 * @param place host, port and database, for the message.
 */
export function postgresError(error: unknown, { place, operation }: { place: string; operation: string }): ApexError {
  if (isApexError(error)) return error;
  const failure = (typeof error === 'object' && error !== null ? error : {}) as DriverError;
  const tooMuch = WRITES.has(operation) ? TOO_MUCH[failure.code ?? ''] : undefined;
  const meaning = tooMuch === undefined ? meaningOf(failure) : OVERLOADED(tooMuch);
  const { code: errorCode, retryable, problem } = meaning;
  const reason = failure.code ?? shortOf(failure.message);
  const details = {
    operation,
    reason,
    ...(failure.constraint === undefined ? {} : { constraint: failure.constraint }),
    ...(failure.column === undefined ? {} : { column: failure.column }),
  };
  const message = `the records store at ${place} ${problem} (${reason})`;
  const options = { code: errorCode, retryable, details };
  return errorCode === 'APEX_CONFIG' ? new ConfigError(message, options) : new StoreError(message, options);
}

/**
 * Did the server itself refuse it, with the connection still whole? Of a COMMIT that was handed over and failed otherwise nobody
 * knows whether it happened.
 */
export function isRefusal(error: unknown): boolean {
  const { severity, code = '' } = (error ?? {}) as DriverError;
  return severity === 'ERROR' && !UNKNOWN_OUTCOME.includes(code);
}

/** The server itself does not know. Source: https://www.postgresql.org/docs/15/errcodes-appendix.html */
const UNKNOWN_OUTCOME = ['08007', '40003'];

function meaningOf({ code, message = '' }: DriverError): FailureMeaning {
  const known = code === undefined ? undefined : BY_STATE[code];
  if (known !== undefined) return known;
  const said = BY_MESSAGE.find(({ says }) => says.test(message) || says.test(code ?? ''));
  if (said !== undefined) return said;
  const isState = code !== undefined && /^[\dA-Z]{5}$/.test(code);
  return (isState ? BY_CLASS[code.slice(0, 2)] : undefined) ?? DOWN;
}

/** The driver's own sentences name no values; a stranger's might. */
const OWN_SENTENCE =
  /^(?:Connection terminated\b.*|Query read timeout|timeout expired|timeout exceeded when trying to connect|Client has encountered a connection error and is not queryable|Client was closed and is not queryable|The server does not support SSL connections)$/;

function shortOf(message = ''): string {
  return OWN_SENTENCE.test(message) ? message : 'no code';
}
