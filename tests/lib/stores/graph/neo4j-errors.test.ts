import neo4j from 'neo4j-driver';
import { expect, test } from 'vitest';
import { StoreError } from '../../../../lib/contracts/errors.ts';
import { failureOf, NEO4J_ERRORS, type Phase, SilenceError } from '../../../../lib/stores/graph/neo4j-errors.ts';

/** Goal: every failure that Neo4j is known to give has its remedy. Method: errors made as the driver makes them, one for each row. */
const C = 'Neo.ClientError';
const T = 'Neo.TransientError';
const D = 'Neo.DatabaseError';

const SITUATIONS = [
  [
    'unique key taken',
    `${C}.Schema.ConstraintValidationFailed`,
    'Node(0) already exists with label `X`',
    'stop',
    'STORE_REFUSED',
  ],
  [
    'relationship came meanwhile',
    `${C}.Schema.ConstraintValidationFailed`,
    'Cannot delete node<3>, because it still has relationships',
    'again',
    'APEX_STORE',
  ],
  ['deadlock', `${T}.Transaction.DeadlockDetected`, "ForsetiClient[1] can't acquire", 'again', 'APEX_STORE'],
  ['lock not had in time', `${T}.Transaction.LockAcquisitionTimeout`, 'Unable to acquire lock', 'again', 'APEX_STORE'],
  ['node deleted under MERGE', `${C}.Statement.EntityNotFound`, 'Unable to load NODE 4:1', 'again', 'APEX_STORE'],
  [
    'own timeout',
    `${C}.Transaction.TransactionTimedOutClientConfiguration`,
    'The transaction has been terminated',
    'smaller',
    'STORE_OVERLOADED',
  ],
  [
    'the server’s timeout',
    `${C}.Transaction.TransactionTimedOut`,
    'The transaction has been terminated',
    'smaller',
    'STORE_OVERLOADED',
  ],
  [
    'own timeout at a lock',
    `${C}.Transaction.LockClientStopped`,
    'The transaction has been terminated',
    'again',
    'APEX_STORE',
  ],
  ['the same, as older servers name it', `${T}.Transaction.LockClientStopped`, 'x', 'again', 'APEX_STORE'],
  ['terminated', `${C}.Transaction.Terminated`, 'The transaction has been terminated', 'again', 'APEX_STORE'],
  ['the same, as older servers name it', `${T}.Transaction.Terminated`, 'x', 'again', 'APEX_STORE'],
  [
    'no memory',
    `${T}.General.MemoryPoolOutOfMemoryError`,
    'The allocation of an extra 2 MiB',
    'smaller',
    'STORE_OVERLOADED',
  ],
  ['stopping', `${T}.General.DatabaseUnavailable`, 'Timeout waiting for database', 'down', 'APEX_STORE'],
  ['no one to check passwords', `${T}.Security.AuthProviderFailed`, 'x', 'down', 'APEX_STORE'],
  [
    'refused',
    'ServiceUnavailable',
    'Failed to connect. Caused by: connect ECONNREFUSED 127.0.0.1:1',
    'down',
    'APEX_STORE',
  ],
  ['unknown host', 'ServiceUnavailable', 'Failed to connect. Caused by: getaddrinfo ENOTFOUND x', 'down', 'APEX_STORE'],
  [
    'no routing',
    'ServiceUnavailable',
    'Could not perform discovery. No routing servers available.',
    'down',
    'APEX_STORE',
  ],
  [
    'TLS of another host',
    'ServiceUnavailable',
    "Caused by: does not match certificate's altnames",
    'stop',
    'APEX_CONFIG',
  ],
  [
    'TLS not trusted',
    'ServiceUnavailable',
    'Failed to connect. Caused by: Server certificate is not trusted',
    'stop',
    'APEX_CONFIG',
  ],
  [
    'TLS broken off',
    'ServiceUnavailable',
    'Caused by: Client network socket disconnected before secure TLS connection was established',
    'down',
    'APEX_STORE',
  ],
  ['killed', 'ServiceUnavailable', 'Connection was closed by server', 'down', 'APEX_STORE'],
  ['silent for two minutes', 'ServiceUnavailable', "Server didn't respond in 120000ms", 'down', 'APEX_STORE'],
  ['session lost', 'SessionExpired', 'x', 'down', 'APEX_STORE'],
  ['no Bolt', 'ProtocolError', 'x', 'down', 'APEX_STORE'],
  ['silent', 'N/A', 'Connection acquisition timed out in 5000 ms.', 'down', 'APEX_STORE'],
  ['wrong password', `${C}.Security.Unauthorized`, 'The client is unauthorized', 'stop', 'APEX_CONFIG'],
  ['too many tries', `${C}.Security.AuthenticationRateLimit`, 'too many times', 'stop', 'APEX_CONFIG'],
  ['first password', `${C}.Security.CredentialsExpired`, 'The credentials have expired', 'stop', 'APEX_CONFIG'],
  ['asks for the password again', `${C}.Security.AuthorizationExpired`, 'x', 'again', 'APEX_STORE'],
  ['token over', `${C}.Security.TokenExpired`, 'x', 'stop', 'APEX_CONFIG'],
  ['not allowed', `${C}.Security.Forbidden`, 'x', 'stop', 'APEX_CONFIG'],
  ['unknown database', `${C}.Database.DatabaseNotFound`, 'Graph not found: nope', 'stop', 'APEX_CONFIG'],
  ['read-only', `${C}.General.WriteOnReadOnlyAccessDatabase`, 'No write operations are allowed', 'stop', 'APEX_STORE'],
  ['read-only, as others name it', `${C}.General.ForbiddenOnReadOnlyDatabase`, 'x', 'stop', 'APEX_STORE'],
  ['not the writer', `${C}.Cluster.NotALeader`, 'x', 'down', 'APEX_STORE'],
  ['disk full at the commit', `${D}.Transaction.TransactionLogError`, 'Could not append', 'stop', 'DISK_FULL'],
  ['after a full disk', `${D}.Transaction.TransactionStartFailed`, 'needs to be restarted', 'stop', 'DISK_FULL'],
  ['text too long', `${D}.Statement.ExecutionFailed`, 'Property value is too large to index', 'stop', 'STORE_REFUSED'],
  ['syntax', `${C}.Statement.SyntaxError`, 'x', 'stop', 'APEX_BUG'],
  ['no parameter', `${C}.Statement.ParameterMissing`, 'x', 'stop', 'APEX_BUG'],
  ['MERGE of null', `${C}.Statement.SemanticError`, 'x', 'stop', 'APEX_BUG'],
  ['map as property', `${C}.Statement.TypeError`, 'x', 'stop', 'APEX_BUG'],
  ['write while reading', `${C}.Statement.AccessMode`, 'x', 'stop', 'APEX_BUG'],
  ['another fault of what was asked', `${C}.Statement.ArgumentError`, 'x', 'stop', 'STORE_REFUSED'],
  ['another passing one', `${T}.General.OutOfMemoryError`, 'x', 'again', 'APEX_STORE'],
  ['another of the server', `${D}.General.UnknownError`, 'x', 'down', 'APEX_STORE'],
  ['one that nobody knows', 'Neo.Whatever', 'x', 'down', 'APEX_STORE'],
] as const;

const failed = (code: string, message: string, phase: Phase = 'run') =>
  failureOf(new neo4j.Neo4jError(message, code as never, '50N42', ''), {
    place: 'host:7687',
    operation: 'write',
    phase,
  })!;

test.each(SITUATIONS)('%s (%s)', (_, code, message, remedy, as) => {
  const failure = failed(code, message);
  expect(failure.remedy).toBe(remedy);
  expect(failure.error).toMatchObject({
    code: as,
    retryable: remedy !== 'stop' && remedy !== 'smaller',
    details: { neo4jCode: code },
  });
  expect(failure.error.message).toContain('host:7687');
});

test('each row of the table is one of these situations', () => {
  const says = SITUATIONS.map(([, code, message]) => failed(code, message).error.message);
  for (const row of NEO4J_ERRORS)
    expect(
      says.some((text) => text.includes(row.says)),
      row.code,
    ).toBe(true);
});

test.each([
  ['ServiceUnavailable', 'Connection was closed by server', true],
  ['SessionExpired', 'x', true],
  [`${D}.Transaction.TransactionLogError`, 'Could not append', true],
  ['ServiceUnavailable', 'connect ECONNREFUSED', false],
  [`${T}.Transaction.DeadlockDetected`, 'x', false],
  [`${C}.Schema.ConstraintValidationFailed`, 'Cannot delete node<3>', false],
])('whether a commit may have happened that ended with %s, %s', (code, message, isUnknown) => {
  expect(failed(code, message, 'commit').error.details['isUnknown']).toBe(isUnknown);
  expect(failed(code, message, 'run').error.details['isUnknown']).toBe(false);
});

test('a commit that was given up may have happened', () => {
  const circumstances = { place: 'host:7687', operation: 'write', phase: 'commit' } as const;
  const failure = failureOf(new SilenceError(1_000), circumstances)!;
  expect(failure).toMatchObject({ remedy: 'down', error: { retryable: true, details: { isUnknown: true } } });
});

test('no text of the driver’s is told, because it may hold values', () => {
  const { error } = failed(`${C}.Schema.ConstraintValidationFailed`, "Node(0) already exists with `name` = 'secret'");
  expect(JSON.stringify([error.message, error.details, error.cause ?? null])).not.toContain('secret');
});

test('what is neither Neo4j’s nor its driver’s is left alone', () => {
  const circumstances = { place: 'host:7687', operation: 'write', phase: 'run' } as const;
  expect(failureOf(new TypeError('a bug'), circumstances)).toBeNull();
  expect(failureOf('text', circumstances)).toBeNull();
  expect(failureOf(new StoreError('told already', { code: 'STORE_COUNT' }), circumstances)).toBeNull();
});
