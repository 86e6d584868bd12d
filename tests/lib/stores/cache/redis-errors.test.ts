import { expect, test } from 'vitest';
import { REDIS_ERRORS, redisError, rowOf } from '../../../../lib/stores/cache/redis-errors.ts';

/** Goal: every failure that Redis and its client are known to give has its meaning. Method: those failures as data, one for each row. */

/** The situation, what is said, and whether the same may succeed later. */
const SEEN: readonly (readonly [situation: string, said: string, retryable: boolean])[] = [
  ['wrong password', 'WRONGPASS invalid username-password pair or user is disabled.', false],
  ['no password', 'NOAUTH Authentication required.', false],
  ['not permitted', "NOPERM this user has no permissions to run the 'set' command", false],
  ['protected', 'DENIED Redis is running in protected mode because', false],
  ['no such database', 'ERR DB index is out of range', false],
  ['a cluster', 'MOVED 3999 127.0.0.1:6381', false],
  ['a cluster', "CROSSSLOT Keys in request don't hash to the same slot", false],
  ['a cluster', 'CLUSTERDOWN The cluster is down', false],
  ['another program’s key', 'WRONGTYPE Operation against a key holding the wrong kind of value', false],
  ['full', "OOM command not allowed when used memory > 'maxmemory'.", true],
  ['a replica', "READONLY You can't write against a read only replica.", true],
  [
    'a replica without its master',
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    true,
  ],
  ['loading', 'LOADING Redis is loading the dataset in memory', true],
  ['cannot save', 'MISCONF Redis is configured to save RDB snapshots, but', true],
  ['busy', 'BUSY Redis is busy running a script.', true],
  ['too many clients', 'ERR max number of clients reached', true],
  ['refused', 'connect ECONNREFUSED 127.0.0.1:6379', true],
  ['unknown host', 'getaddrinfo ENOTFOUND cache.example', true],
  ['unreachable', 'connect EHOSTUNREACH 10.0.0.1:6379', true],
  ['silent', 'Command timed out', true],
  ['silent', 'connect ETIMEDOUT', true],
  ['silent', 'Socket timeout. Expecting data, but didn’t receive any in 700ms.', true],
  ['certificate or protocol of TLS', 'self-signed certificate in certificate chain', false],
  ['certificate or protocol of TLS', 'ssl3_get_record:wrong version number (SSL)', false],
  ['cut', 'read ECONNRESET', true],
  [
    'cut',
    'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
    true,
  ],
  ['cut', 'Connection is closed.', true],
  ['cut', "Stream isn't writeable and enableOfflineQueue options is false", true],
  ['anything else', 'ERR something nobody has seen', true],
];

test.each(SEEN)('%s: %s', (situation, said, retryable) => {
  expect(rowOf(said).situation).toBe(situation);
  const error = redisError(said, { place: 'cache.example:6379', operation: 'set' });
  expect(error).toMatchObject({ code: 'APEX_STORE', retryable, details: { operation: 'set' } });
  expect(error.message).toContain('Redis at cache.example:6379');
  expect(error.cause).toBeUndefined();
});

test('every row is met', () => {
  const met = new Set(SEEN.map(([situation]) => situation));
  expect(REDIS_ERRORS.map(({ situation }) => situation).filter((situation) => !met.has(situation))).toEqual([]);
});

test('what stands behind the code of a reply is not told: it may hold keys and values', () => {
  const at = { place: 'x:1', operation: 'set' };
  const said = ["ERR unknown command 'SECRET'", "NOPERM No permissions to access a key 'secret'", 'BUSYKEY secret'];
  for (const error of said.map((one) => redisError(one, at)))
    expect(JSON.stringify([error.message, error.details, error.stack])).not.toMatch(/secret/i);
  expect(redisError('WRONGPASS secret', at).message).toContain('(WRONGPASS)');
});
