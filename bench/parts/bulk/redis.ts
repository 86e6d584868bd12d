import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { embeddingKey, summaryKey } from '../../../lib/contracts/identity.ts';
import type { VersionRecord } from '../../../lib/contracts/store.ts';
import { RedisCacheStore } from '../../../lib/stores/cache/redis.ts';
import type { Loader, Place } from './loader.ts';

const never = new AbortController().signal;
const HOUR_MS = 3_600_000;
const PIPELINE_ENTRIES = 256;

/** Through apex: the embedding of each chunk, and a summary of each document. */
export async function apexRedis({ url }: Place): Promise<Loader> {
  const memoryId = randomUUID();
  const cache = new RedisCacheStore({ url, memoryId, ttlMs: HOUR_MS });
  // Connections are made when they are first needed.
  await cache.get(['nothing'], never);
  const emptyBytes = await usedBytes(url);
  return {
    write: (batch) => cache.set(entriesOf(batch), never),
    show: async () => {},
    ...looking(url, `apex:${memoryId}:`, emptyBytes, () => cache.close()),
  };
}

/** The same values under keys as long, in pipelines of the same length. */
export async function bareRedis({ url }: Place): Promise<Loader> {
  const prefix = `apex:${randomUUID()}:`;
  const redis = new Redis(url);
  await redis.ping();
  const emptyBytes = await usedBytes(url);
  return {
    write: async (batch) => {
      const entries = entriesOf(batch);
      for (let from = 0; from < entries.length; from += PIPELINE_ENTRIES) {
        const pipeline = redis.pipeline();
        for (const { key, value } of entries.slice(from, from + PIPELINE_ENTRIES))
          pipeline.set(
            `${prefix}entry:${key}`,
            Buffer.from(value.buffer, value.byteOffset, value.byteLength),
            'PX',
            HOUR_MS,
          );
        await pipeline.exec();
      }
    },
    show: async () => {},
    ...looking(url, prefix, emptyBytes, async () => redis.disconnect()),
  };
}

/** What is cached belongs to whoever embeds: keys and values are made before the time is taken. */
const made = new WeakMap<readonly VersionRecord[], ReturnType<typeof makeEntries>>();

export function prepareEntries(batch: readonly VersionRecord[]): void {
  made.set(batch, makeEntries(batch));
}

function entriesOf(batch: readonly VersionRecord[]) {
  return made.get(batch)!;
}

function makeEntries(batch: readonly VersionRecord[]) {
  return batch.flatMap((record) => [
    ...record.chunks.map(({ text, vector }) => ({
      key: embeddingKey('bench', text),
      value: new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength),
      document: null,
    })),
    {
      key: summaryKey('bench', record.documentId, record.version),
      value: Buffer.from(JSON.stringify({ name: record.name, title: record.title, chunks: record.chunks.length })),
      document: { documentId: record.documentId, version: record.version },
    },
  ]);
}

function looking(
  url: string,
  prefix: string,
  emptyBytes: number,
  close: () => Promise<void>,
): Omit<Loader, 'write' | 'show'> {
  const keysOf = async (pattern: string, work: (redis: Redis, keys: string[]) => Promise<unknown> = async () => {}) =>
    asked(url, async (redis) => {
      let [count, cursor] = [0, '0'];
      do {
        const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 10_000);
        if (keys.length > 0) await work(redis, keys);
        count += keys.length;
        cursor = next;
      } while (cursor !== '0');
      return count;
    });
  return {
    counts: async () => ({ entries: await keysOf(`${prefix}entry:*`) }),
    sizes: async () => ({ memory: (await usedBytes(url)) - emptyBytes }),
    remove: async () => {
      await keysOf(`${prefix}*`, (redis, keys) => redis.unlink(...keys));
      await close();
    },
  };
}

async function usedBytes(url: string): Promise<number> {
  return asked(url, async (redis) => Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]));
}

async function asked<Answer>(url: string, ask: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  const redis = new Redis(url);
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}
