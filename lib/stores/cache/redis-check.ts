import { type Check, ok, warning } from '../../contracts/check.ts';
import { isApexError } from '../../contracts/errors.ts';
import { RedisConnection } from './redis-connection.ts';

/** Whether the Redis of the settings can be used as cache. It is best effort, so nothing about it is worse than a warning. */
export function redisChecks(url: string): Check[] {
  return [{ name: 'cache', run: () => judge(url) }];
}

/** It is looked at beside much else, and nobody waits for it. */
const PATIENCE = 4;

const WITHOUT = 'Runs go on without it and embed again what it would have known.';

async function judge(url: string) {
  const redis = new RedisConnection(url, PATIENCE);
  try {
    const startedMs = performance.now();
    await redis.ask('ping', (client) => client.ping());
    const latencyMs = Math.max(1, Math.round(performance.now() - startedMs));
    const info = await redis.ask('info', (client) => client.info());
    const factOf = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
    const found = `Redis ${factOf('redis_version')} at ${redis.place}, ${latencyMs} ms`;
    if (factOf('role') === 'slave') return warning(`${found}, only replicates: nothing can be cached in it`, WITHOUT);
    if (isFull(Number(factOf('maxmemory')), Number(factOf('used_memory')), factOf('maxmemory_policy')))
      return warning(`${found}, is full and drops nothing`, `Set its maxmemory-policy to allkeys-lru. ${WITHOUT}`);
    if (isOpen(url)) return warning(`${found}, without encryption`, 'Use rediss:// for a server on another machine.');
    return ok(found);
  } catch (error) {
    if (isApexError(error)) return warning(error.message, `Check REDIS_URL. ${WITHOUT}`);
    throw error;
  } finally {
    redis.close();
  }
}

function isFull(maxBytes: number, usedBytes: number, policy: string): boolean {
  return policy === 'noeviction' && maxBytes > 0 && usedBytes >= maxBytes;
}

const OWN_MACHINE = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Do password and documents cross a network as they are? */
function isOpen(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'redis:' && !OWN_MACHINE.test(hostname);
}
