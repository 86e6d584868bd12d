import { StoreError } from '../../contracts/errors.ts';

/** What a failure of Redis means. */
export interface RedisErrorRow {
  /** In words, for the tests and whoever reads this table. */
  readonly situation: string;
  /** What the reply, the connection or the client says. */
  readonly says: RegExp;
  /** May the same command succeed later? Where not, no new connection changes it either. */
  readonly retryable: boolean;
  /** What is said, after the name of the server, with what to do. */
  readonly problem: string;
}

/**
 * The first row that fits decides. The cache is best effort, so all of these are told once, and none changes an outcome.
 *
 * Source: https://github.com/redis/redis/blob/7.0/src/server.c (`createSharedObjects`), and what a Redis 7.0 and ioredis 6.0 did when tried.
 */
export const REDIS_ERRORS: readonly RedisErrorRow[] = [
  {
    ...{ situation: 'wrong password', says: /^WRONGPASS/, retryable: false },
    problem: 'does not take the user or the password; correct REDIS_URL',
  },
  {
    ...{ situation: 'no password', says: /^NOAUTH/, retryable: false },
    problem: 'asks for a password; put it into REDIS_URL',
  },
  {
    ...{ situation: 'not permitted', says: /^NOPERM/, retryable: false },
    problem: 'does not let this user do that; allow it all commands on keys that begin with apex:',
  },
  {
    ...{ situation: 'protected', says: /^DENIED/, retryable: false },
    problem: 'takes connections from its own machine only; give it a password',
  },
  {
    ...{ situation: 'no such database', says: /DB index is out of range|invalid DB index/, retryable: false },
    problem: 'has no database of that number; correct REDIS_URL',
  },
  {
    ...{ situation: 'a cluster', says: /^(?:MOVED|ASK|CROSSSLOT|CLUSTERDOWN)\b/, retryable: false },
    problem: 'is a cluster, which apex does not speak; name a single server',
  },
  {
    ...{ situation: 'another program’s key', says: /^WRONGTYPE/, retryable: false },
    problem: 'holds something else under a key of apex; name another database in REDIS_URL',
  },
  {
    ...{ situation: 'full', says: /^OOM/, retryable: true },
    problem: 'is full; raise its maxmemory, or set maxmemory-policy to allkeys-lru',
  },
  {
    ...{ situation: 'a replica', says: /^READONLY/, retryable: true },
    problem: 'only replicates; name its master in REDIS_URL',
  },
  {
    ...{ situation: 'a replica without its master', says: /^MASTERDOWN/, retryable: true },
    problem: 'only replicates, and has lost its master',
  },
  { situation: 'loading', says: /^LOADING/, retryable: true, problem: 'is starting and reads its data' },
  {
    ...{ situation: 'cannot save', says: /^MISCONF/, retryable: true },
    problem: 'cannot save to its disk, and takes no writes until then',
  },
  { situation: 'busy', says: /^(?:BUSY|TRYAGAIN)\b/, retryable: true, problem: 'is busy with something else' },
  {
    ...{ situation: 'too many clients', says: /max number of clients/, retryable: true },
    problem: 'has no connection left; raise its maxclients, or close others',
  },
  {
    ...{ situation: 'refused', says: /ECONNREFUSED/, retryable: true },
    problem: 'refuses connections; check REDIS_URL and that it runs',
  },
  {
    ...{ situation: 'unknown host', says: /ENOTFOUND|EAI_AGAIN/, retryable: true },
    problem: 'cannot be found; check the host in REDIS_URL',
  },
  {
    ...{ situation: 'unreachable', says: /EHOSTUNREACH|ENETUNREACH/, retryable: true },
    problem: 'cannot be reached; check REDIS_URL',
  },
  {
    ...{ situation: 'silent', says: /timed out|ETIMEDOUT|Socket timeout/, retryable: true },
    problem: 'does not answer: a command timed out',
  },
  {
    ...{ situation: 'certificate or protocol of TLS', says: /certificate|altnames|SSL|TLS|EPROTO/i, retryable: false },
    problem: 'has no certificate that is trusted here, or speaks no TLS; check REDIS_URL',
  },
  {
    ...{ situation: 'cut', retryable: true },
    says: /ECONNRESET|EPIPE|max retries per request|Connection is closed|isn't writeable/,
    problem: 'has closed the connection',
  },
  { situation: 'anything else', says: /^/, retryable: true, problem: 'fails' },
];

/** The row of the table that fits. @param said by the reply, the connection or the client. */
export function rowOf(said: string): RedisErrorRow {
  return REDIS_ERRORS.find(({ says }) => says.test(said))!;
}

/** A code of a reply or of the operating system; the words behind it may hold keys and values. */
const CODE = /^[A-Z]{3,}(?= |$)|\bE[A-Z_]{4,}\b/;

/** A failure as an error of apex: what failed and where, never the client's own error, which holds the command with its values. */
export function redisError(
  said: string,
  { place, operation }: { readonly place: string; readonly operation: string },
): StoreError {
  const { problem, retryable } = rowOf(said);
  const [reason] = CODE.exec(said) ?? [];
  const message = `Redis at ${place} ${problem}${reason === undefined ? '' : ` (${reason})`}`;
  return new StoreError(message, { code: 'APEX_STORE', retryable, details: { operation } });
}
