import type { ErrorCode } from '../../contracts/error-codes.ts';
import { type ApexError, ConfigError, isApexError, StoreError } from '../../contracts/errors.ts';

/**
 * What is done about a failure: `again` in a new transaction, `smaller` in smaller slices, both here and for a bounded number of
 * times; `down` is for the caller to wait and repeat; `stop` helps nobody to repeat.
 */
export type Remedy = 'again' | 'smaller' | 'down' | 'stop';

/** In which part of a transaction a call failed. */
export type Phase = 'run' | 'commit';

interface ErrorRow {
  /** What the driver's `code` begins with; `Neo.` is left out. */
  readonly code: string;
  /** What its message must hold besides, where one code means several things. */
  readonly message?: RegExp;
  readonly remedy: Remedy;
  /** What the caller sees when the remedy did not help. */
  readonly as: ErrorCode;
  /** Whether a commit that ended so may have happened. */
  readonly isUnknown?: true;
  /** After "the graph at <place>". No text of the driver's: it may hold values. */
  readonly says: string;
}

/**
 * Every failure that Neo4j and its driver are known to give. The first row that fits decides.
 * Source: https://neo4j.com/docs/status-codes/current/errors/all-errors/, and trials with driver 6.3 against Neo4j 5.26.
 */
export const NEO4J_ERRORS: readonly ErrorRow[] = [
  {
    code: 'ClientError.Schema.ConstraintValidationFailed',
    message: /Cannot delete node/,
    remedy: 'again',
    as: 'APEX_STORE',
    says: 'has got a new relationship to what was to be removed',
  },
  {
    code: 'ClientError.Schema.ConstraintValidationFailed',
    remedy: 'stop',
    as: 'STORE_REFUSED',
    says: 'holds another item of the same key',
  },
  { code: 'TransientError.Transaction.DeadlockDetected', remedy: 'again', as: 'APEX_STORE', says: 'is in a deadlock' },
  {
    code: 'TransientError.Transaction.LockAcquisitionTimeout',
    remedy: 'again',
    as: 'APEX_STORE',
    says: 'waits for a lock that another writer holds',
  },
  {
    code: 'ClientError.Statement.EntityNotFound',
    remedy: 'again',
    as: 'APEX_STORE',
    says: 'has lost an item while it was used',
  },
  {
    code: 'ClientError.Transaction.TransactionTimedOut',
    remedy: 'smaller',
    as: 'APEX_STORE',
    says: 'takes longer than a transaction may',
  },
  {
    code: 'ClientError.Transaction.LockClientStopped',
    remedy: 'again',
    as: 'APEX_STORE',
    says: 'has ended a transaction that waited for a lock',
  },
  {
    code: 'ClientError.Transaction.Terminated',
    remedy: 'again',
    as: 'APEX_STORE',
    says: 'has ended a transaction, perhaps by order',
  },
  {
    code: 'TransientError.Transaction.LockClientStopped',
    remedy: 'again',
    as: 'APEX_STORE',
    says: 'has ended a transaction that waited for a lock',
  },
  {
    code: 'TransientError.Transaction.Terminated',
    remedy: 'again',
    as: 'APEX_STORE',
    says: 'has ended a transaction, perhaps by order',
  },
  {
    code: 'TransientError.General.MemoryPoolOutOfMemoryError',
    remedy: 'smaller',
    as: 'APEX_STORE',
    says: 'has no memory for a transaction: raise dbms.memory.transaction.total.max, or give it more memory',
  },
  { code: 'TransientError.General.DatabaseUnavailable', remedy: 'down', as: 'APEX_STORE', says: 'is stopping' },
  {
    code: 'TransientError.Security.AuthProviderFailed',
    remedy: 'down',
    as: 'APEX_STORE',
    says: 'cannot check the password now',
  },
  {
    code: 'ServiceUnavailable',
    message: /ECONNREFUSED/,
    remedy: 'down',
    as: 'APEX_STORE',
    says: 'refuses connections: is it running, and is the port right?',
  },
  {
    code: 'ServiceUnavailable',
    message: /ENOTFOUND|EAI_AGAIN/,
    remedy: 'down',
    as: 'APEX_STORE',
    says: 'cannot be found: is the name of the host right?',
  },
  {
    code: 'ServiceUnavailable',
    message: /altnames/i,
    remedy: 'stop',
    as: 'APEX_CONFIG',
    says: 'has a certificate for another host; name that host in NEO4J_URI',
  },
  {
    code: 'ServiceUnavailable',
    message: /certificate/i,
    remedy: 'stop',
    as: 'APEX_CONFIG',
    says: 'has a certificate that is not trusted; name the one that signed it by NODE_EXTRA_CA_CERTS',
  },
  {
    code: 'ServiceUnavailable',
    message: /before secure TLS|SSL routines|wrong version number/i,
    remedy: 'down',
    as: 'APEX_STORE',
    isUnknown: true,
    says: 'breaks off before it is encrypted: does it speak TLS? NEO4J_URI begins with bolt:// where not',
  },
  {
    code: 'ServiceUnavailable',
    message: /routing|discovery/i,
    remedy: 'down',
    as: 'APEX_STORE',
    says: 'gives no routing table: use bolt:// for a single server',
  },
  {
    code: 'ServiceUnavailable',
    remedy: 'down',
    as: 'APEX_STORE',
    isUnknown: true,
    says: 'has closed the connection, or speaks another protocol (TLS or none?)',
  },
  { code: 'SessionExpired', remedy: 'down', as: 'APEX_STORE', isUnknown: true, says: 'has closed the connection' },
  { code: 'ProtocolError', remedy: 'down', as: 'APEX_STORE', isUnknown: true, says: 'answers what is no Bolt' },
  {
    code: 'N/A',
    message: /acquisition timed out/,
    remedy: 'down',
    as: 'APEX_STORE',
    says: 'takes connections and does not answer',
  },
  {
    code: 'ClientError.Security.Unauthorized',
    remedy: 'stop',
    as: 'APEX_CONFIG',
    says: 'refuses user name or password; correct NEO4J_USERNAME and NEO4J_PASSWORD',
  },
  {
    code: 'ClientError.Security.AuthenticationRateLimit',
    remedy: 'stop',
    as: 'APEX_CONFIG',
    says: 'has refused the password too often: correct it, and wait 5 seconds',
  },
  {
    code: 'ClientError.Security.CredentialsExpired',
    remedy: 'stop',
    as: 'APEX_CONFIG',
    says: 'wants its first password changed: ALTER CURRENT USER SET PASSWORD FROM … TO …',
  },
  {
    code: 'ClientError.Security.AuthorizationExpired',
    remedy: 'again',
    as: 'APEX_STORE',
    says: 'wants to see the password again',
  },
  {
    code: 'ClientError.Security.TokenExpired',
    remedy: 'stop',
    as: 'APEX_CONFIG',
    says: 'says that the credentials have expired',
  },
  { code: 'ClientError.Security', remedy: 'stop', as: 'APEX_CONFIG', says: 'does not allow this user what apex does' },
  {
    code: 'ClientError.Database.DatabaseNotFound',
    remedy: 'stop',
    as: 'APEX_CONFIG',
    says: 'has no database of that name',
  },
  {
    code: 'ClientError.General.WriteOnReadOnlyAccessDatabase',
    remedy: 'stop',
    as: 'APEX_STORE',
    says: 'is read-only: make its database writable',
  },
  {
    code: 'ClientError.General.ForbiddenOnReadOnlyDatabase',
    remedy: 'stop',
    as: 'APEX_STORE',
    says: 'is read-only: make its database writable',
  },
  {
    code: 'ClientError.Cluster.NotALeader',
    remedy: 'down',
    as: 'APEX_STORE',
    says: 'is not the writer of its cluster: use neo4j://',
  },
  {
    code: 'DatabaseError.Transaction.TransactionLogError',
    remedy: 'stop',
    as: 'DISK_FULL',
    isUnknown: true,
    says: 'cannot append to its log: free space on its disk, then restart it',
  },
  {
    code: 'DatabaseError.Transaction.TransactionStartFailed',
    remedy: 'stop',
    as: 'DISK_FULL',
    says: 'must be restarted, perhaps after its disk was full',
  },
  {
    code: 'DatabaseError.Statement.ExecutionFailed',
    message: /too large to index/,
    remedy: 'stop',
    as: 'STORE_REFUSED',
    says: 'takes no text of that length',
  },
  {
    code: 'ClientError.Statement.SyntaxError',
    remedy: 'stop',
    as: 'APEX_BUG',
    says: 'does not understand a statement',
  },
  { code: 'ClientError.Statement.ParameterMissing', remedy: 'stop', as: 'APEX_BUG', says: 'misses a parameter' },
  { code: 'ClientError.Statement.SemanticError', remedy: 'stop', as: 'APEX_BUG', says: 'refuses a statement' },
  { code: 'ClientError.Statement.TypeError', remedy: 'stop', as: 'APEX_BUG', says: 'refuses the type of a value' },
  {
    code: 'ClientError.Statement.AccessMode',
    remedy: 'stop',
    as: 'APEX_BUG',
    says: 'refuses a write where it was to read',
  },
  { code: 'ClientError', remedy: 'stop', as: 'STORE_REFUSED', says: 'refuses what it was given' },
  { code: 'TransientError', remedy: 'again', as: 'APEX_STORE', says: 'cannot do it now' },
  { code: 'DatabaseError', remedy: 'down', as: 'APEX_STORE', isUnknown: true, says: 'has failed inside' },
  { code: '', remedy: 'down', as: 'APEX_STORE', isUnknown: true, says: 'fails in a way that apex does not know' },
];

/** A call that was given up because no answer came in time. */
export class SilenceError extends Error {
  /** What the table knows it by; the driver gives none. */
  readonly code = 'N/A';

  constructor(limitMs: number) {
    super(`Connection acquisition timed out in ${limitMs} ms, or its answer did`);
  }
}

/** Where and when a call failed. */
interface Circumstances {
  /** Host and port, never credentials. */
  readonly place: string;
  readonly operation: string;
  readonly phase: Phase;
}

/** What is wrong, as the caller sees it, with the remedy; null for an error that is neither Neo4j's nor its driver's. */
export function failureOf(error: unknown, { place, operation, phase }: Circumstances): Failure | null {
  if (isApexError(error) || !(error instanceof Error) || !('code' in error) || typeof error.code !== 'string')
    return null;
  const code = error.code.replace(/^Neo\./, '');
  // Where a server cannot be asked who the others are, only the cause says why.
  const said = `${error.message}\n${error.cause instanceof Error ? error.cause.message : ''}`;
  const row = NEO4J_ERRORS.find((each) => code.startsWith(each.code) && (each.message?.test(said) ?? true))!;
  const isSilent = error instanceof SilenceError;
  const isUnknown = phase === 'commit' && (row.isUnknown === true || isSilent);
  // Where not even one item can be written in a transaction, fewer documents at once may leave room for it.
  const isOverload = row.remedy === 'smaller' && operation === WRITE;
  const options = {
    code: isOverload ? ('STORE_OVERLOADED' as const) : row.as,
    retryable: row.remedy !== 'stop' && !isOverload,
    details: { operation, neo4jCode: error.code, isUnknown },
  };
  const message = `the graph at ${place} ${row.says} (Neo4j: ${error.code})`;
  const told = row.as === 'APEX_CONFIG' ? new ConfigError(message, options) : new StoreError(message, options);
  return { remedy: row.remedy, error: told };
}

/** What documents are written by. */
const WRITE = 'write';

export interface Failure {
  readonly remedy: Remedy;
  readonly error: ApexError;
}
