import { expect, test } from 'vitest';
import type { ErrorCode } from '../../../../lib/contracts/error-codes.ts';
import { StoreError } from '../../../../lib/contracts/errors.ts';
import { isRefusal, postgresError } from '../../../../lib/stores/records/postgres-errors.ts';
import { unfitServer } from '../../../../lib/stores/records/postgres-memory.ts';

/** Goal: every failure that a real server, driver or pooler was seen to give has its meaning. Method: those failures as data. */

const AT = { place: 'db.example:5432/apex', operation: 'write' };

interface Seen {
  readonly code?: string;
  readonly severity?: string;
  readonly message: string;
}

/** As seen, with what comes of it: its code, and whether the same may succeed later. */
const SEEN: readonly (readonly [Seen, ErrorCode, boolean])[] = [
  [{ code: '40001', severity: 'ERROR', message: 'could not serialize access' }, 'APEX_STORE', true],
  [{ code: '40P01', severity: 'ERROR', message: 'deadlock detected' }, 'APEX_STORE', true],
  [{ code: '55P03', severity: 'ERROR', message: 'canceling statement due to lock timeout' }, 'APEX_STORE', true],
  [{ code: '25P02', severity: 'ERROR', message: 'current transaction is aborted' }, 'APEX_STORE', true],
  [
    { code: '25P03', severity: 'FATAL', message: 'terminating connection due to idle-in-transaction' },
    'APEX_STORE',
    true,
  ],
  [
    { code: '57014', severity: 'ERROR', message: 'canceling statement due to statement timeout' },
    'STORE_OVERLOADED',
    false,
  ],
  [{ code: '57P01', severity: 'FATAL', message: 'terminating connection due to administrator' }, 'APEX_STORE', true],
  [{ code: '57P02', severity: 'FATAL', message: 'terminating connection because of crash' }, 'APEX_STORE', true],
  [{ code: '57P03', severity: 'FATAL', message: 'the database system is starting up' }, 'APEX_STORE', true],
  [{ code: '53300', severity: 'FATAL', message: 'sorry, too many clients already' }, 'APEX_STORE', true],
  [{ code: '53200', severity: 'ERROR', message: 'out of shared memory' }, 'STORE_OVERLOADED', false],
  [{ code: '53100', severity: 'ERROR', message: 'could not extend file: No space left' }, 'DISK_FULL', true],
  [{ code: '53100', severity: 'PANIC', message: 'could not write to file "pg_wal/xlogtemp"' }, 'DISK_FULL', true],
  [{ code: '25006', severity: 'ERROR', message: 'cannot execute UPDATE in a read-only' }, 'APEX_STORE', true],
  [{ code: '0A000', severity: 'ERROR', message: 'cached plan must not change result type' }, 'APEX_STORE', true],
  [{ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:5432' }, 'APEX_STORE', true],
  [{ code: 'ENOTFOUND', message: 'getaddrinfo ENOTFOUND db.example' }, 'APEX_STORE', true],
  [{ code: 'ECONNRESET', message: 'read ECONNRESET' }, 'APEX_STORE', true],
  [{ message: 'timeout expired' }, 'APEX_STORE', true],
  [{ message: 'Connection terminated due to connection timeout' }, 'APEX_STORE', true],
  [{ message: 'timeout exceeded when trying to connect' }, 'APEX_STORE', true],
  [{ message: 'Connection terminated unexpectedly' }, 'APEX_STORE', true],
  [{ message: 'Query read timeout' }, 'APEX_STORE', true],
  [{ message: 'Client has encountered a connection error and is not queryable' }, 'APEX_STORE', true],
  [{ code: '28P01', severity: 'FATAL', message: 'password authentication failed' }, 'APEX_CONFIG', false],
  [{ code: '28000', severity: 'FATAL', message: 'no pg_hba.conf entry' }, 'APEX_CONFIG', false],
  [{ code: '3D000', severity: 'FATAL', message: 'database "nope" does not exist' }, 'APEX_CONFIG', false],
  [{ code: '42501', severity: 'ERROR', message: 'permission denied for database' }, 'APEX_PERMISSION', false],
  [{ code: '42P01', severity: 'ERROR', message: 'relation "apex.chunk" does not exist' }, 'MEMORY_DAMAGED', false],
  [{ code: '42703', severity: 'ERROR', message: 'column "words" does not exist' }, 'MEMORY_DAMAGED', false],
  [{ code: '42883', severity: 'ERROR', message: 'operator does not exist' }, 'MEMORY_DAMAGED', false],
  [{ code: '22001', severity: 'ERROR', message: 'value too long for type' }, 'STORE_REFUSED', false],
  [{ code: '3F000', severity: 'ERROR', message: 'schema "apex" does not exist' }, 'MEMORY_DAMAGED', false],
  [{ message: 'The server does not support SSL connections' }, 'APEX_CONFIG', false],
  [{ message: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string' }, 'APEX_CONFIG', false],
  [{ code: 'SELF_SIGNED_CERT_IN_CHAIN', message: 'self-signed certificate' }, 'APEX_CONFIG', false],
  [
    { code: 'ERR_TLS_CERT_ALTNAME_INVALID', message: "Hostname/IP does not match certificate's altnames" },
    'APEX_CONFIG',
    false,
  ],
  [
    { code: '22021', severity: 'ERROR', message: 'invalid byte sequence for encoding "UTF8": 0x00' },
    'STORE_REFUSED',
    false,
  ],
  [{ code: '22P05', severity: 'ERROR', message: 'unsupported Unicode escape sequence' }, 'STORE_REFUSED', false],
  [{ code: '22P02', severity: 'ERROR', message: 'invalid input syntax for type json' }, 'STORE_REFUSED', false],
  [{ code: '23505', severity: 'ERROR', message: 'duplicate key value' }, 'STORE_REFUSED', false],
  [{ code: '23502', severity: 'ERROR', message: 'null value in column' }, 'STORE_REFUSED', false],
  [{ code: '23514', severity: 'ERROR', message: 'violates check constraint' }, 'STORE_REFUSED', false],
  [{ code: '22003', severity: 'ERROR', message: 'integer out of range' }, 'STORE_REFUSED', false],
  [{ code: '22008', severity: 'ERROR', message: 'date/time field value out of range' }, 'STORE_REFUSED', false],
  [{ code: '54000', severity: 'ERROR', message: 'string is too long for tsvector' }, 'STORE_REFUSED', false],
  [{ code: '54001', severity: 'ERROR', message: 'stack depth limit exceeded' }, 'STORE_REFUSED', false],
  [{ code: '08P01', severity: 'FATAL', message: 'unsupported startup parameter: options' }, 'APEX_CONFIG', false],
  [{ code: '08P01', severity: 'FATAL', message: 'query_wait_timeout' }, 'APEX_STORE', true],
  [{ code: '08P01', severity: 'FATAL', message: 'server conn crashed?' }, 'APEX_STORE', true],
  [{ code: '58030', severity: 'ERROR', message: 'could not read file' }, 'APEX_STORE', true],
  [{ code: 'XX000', severity: 'ERROR', message: 'internal' }, 'APEX_STORE', true],
  ...['08001', '08006', '08007', '40003'].map((code): (typeof SEEN)[number] => [
    { code, severity: 'FATAL', message: 'as the tables of codes name it' },
    'APEX_STORE',
    true,
  ]),
  [{ message: 'something nobody has seen' }, 'APEX_STORE', true],
];

test.each(SEEN)('%o means %s, again: %s', (seen, code, retryable) => {
  const error = postgresError(Object.assign(new Error(seen.message), seen), AT);
  expect(error).toMatchObject({ code, retryable, details: { operation: 'write' } });
  expect(error.cause).toBeUndefined();
  expect(error.message).toContain('db.example:5432/apex');
  expect(error.name).toBe(code === 'APEX_CONFIG' ? 'ConfigError' : 'StoreError');
});

test.each(['57014', '53200', '53400'])(
  '%s of what only reads may be asked again: nothing can be made smaller',
  (code) => {
    const error = postgresError(Object.assign(new Error('x'), { code, severity: 'ERROR' }), {
      ...AT,
      operation: 'search',
    });
    expect(error).toMatchObject({ code: 'APEX_STORE', retryable: true });
  },
);

test('values and names of a row are never told, names of constraints and columns are', () => {
  const driver = Object.assign(new Error('Key (document_id)=(secret-1) already exists.'), {
    ...{ code: '23505', severity: 'ERROR', detail: 'secret-2', constraint: 'one_current', column: 'document_id' },
  });
  const error = postgresError(driver, AT);
  expect(error.details).toEqual({
    operation: 'write',
    reason: '23505',
    constraint: 'one_current',
    column: 'document_id',
  });
  expect(JSON.stringify([error.message, error.details, error.stack])).not.toContain('secret');
  const strange = postgresError(new Error('postgres://user:secret-3@host'), AT);
  expect(JSON.stringify([strange.message, strange.details])).not.toContain('secret');
});

test('an error of apex’s own passes as it is', () => {
  const own = new StoreError('taken over', { code: 'FENCED' });
  expect(postgresError(own, AT)).toBe(own);
});

test('only what the server refuses with its connection whole leaves no doubt about a commit', () => {
  const doubtful = SEEN.filter(([{ severity }]) => severity !== 'ERROR').map(([seen]) => seen);
  expect(doubtful.map(isRefusal)).not.toContain(true);
  expect(isRefusal({ code: '40001', severity: 'ERROR' })).toBe(true);
  for (const code of ['08007', '40003']) expect(isRefusal({ code, severity: 'ERROR' }), code).toBe(false);
  expect(isRefusal(null)).toBe(false);
});

test('a server that is too old, or whose database holds no Unicode, is unfit', () => {
  const fit = { version: 130_004, versionName: '13.4', encoding: 'UTF8' };
  expect(unfitServer(fit)).toBeNull();
  expect(unfitServer({ ...fit, version: 120_022, versionName: '12.22' })?.problem).toContain('12.22');
  expect(unfitServer({ ...fit, encoding: 'SQL_ASCII' })?.problem).toContain('SQL_ASCII');
});
