import type { Servers } from '../../lib/contracts/servers.ts';
import type { Settings } from './settings.ts';

const HOUR_MS = 3_600_000;

/** The servers that the settings name. */
export function serversOf({ redisUrl, cacheHours }: Settings): Servers {
  return { cache: redisUrl === '' ? null : { url: redisUrl, ttlMs: cacheHours * HOUR_MS } };
}
