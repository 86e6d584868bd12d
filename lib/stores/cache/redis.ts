import type { ChainableCommander } from 'ioredis';
import type { CacheServer } from '../../contracts/servers.ts';
import type { CacheEntry, CacheStore, DocumentVersion } from '../../contracts/store.ts';
import { RedisConnection } from './redis-connection.ts';

interface RedisSettings extends CacheServer {
  /** The memory that the entries belong to: several may share a server, and none sees another's. */
  readonly memoryId: string;
}

/** What is sent together: about 2 MB of embeddings. */
const PAGE_ENTRIES = 256;

/**
 * Cached embeddings and document summaries in Redis, each with an end of its own.
 *
 * Beside the entries there is a set of keys for each version that some entry carries, and a set of those versions. A command that
 * was given up may still be executed later: that is harmless, because keys name a version or a digest of what they hold.
 */
export class RedisCacheStore implements CacheStore {
  readonly name = 'cache';
  readonly identity: string;
  readonly #redis: RedisConnection;
  readonly #prefix: string;
  readonly #ttlMs: number;

  constructor({ url, memoryId, ttlMs }: RedisSettings) {
    this.identity = `redis:${memoryId}`;
    this.#prefix = `apex:${memoryId}:`;
    this.#ttlMs = ttlMs;
    this.#redis = new RedisConnection(url);
  }

  async get(keys: readonly string[], _signal: AbortSignal): Promise<(Uint8Array | null)[]> {
    const values: (Uint8Array | null)[] = [];
    for (const page of pagesOf(keys)) {
      const found = await this.#redis.ask('get', (redis) => redis.mgetBuffer(page.map((key) => this.#entryKey(key))));
      // A Buffer lies in a larger one, wherever its answer happened to begin.
      values.push(...found.map((value) => value && new Uint8Array(value)));
    }
    return values;
  }

  async set(entries: readonly CacheEntry[], _signal: AbortSignal): Promise<void> {
    for (const page of pagesOf(entries))
      await this.#redis.pipeline('set', (pipeline) => {
        for (const entry of page) this.#addEntry(pipeline, entry);
      });
  }

  /** The sets come first: an entry that no set names would outlive its document. */
  #addEntry(pipeline: ChainableCommander, { key, value, document }: CacheEntry): void {
    if (document !== null) {
      const member = memberOf(document);
      pipeline.sadd(this.#versionsKey, member);
      pipeline.sadd(this.#setKey(member), this.#entryKey(key));
      pipeline.pexpire(this.#setKey(member), 2 * this.#ttlMs);
    }
    pipeline.set(this.#entryKey(key), Buffer.from(value.buffer, value.byteOffset, value.byteLength), 'PX', this.#ttlMs);
  }

  async retire(versions: readonly DocumentVersion[], _signal: AbortSignal): Promise<number[]> {
    const removed: number[] = [];
    for (const page of pagesOf(versions)) {
      const members = page.map(memberOf);
      const sets = await this.#redis.pipeline('retire', (pipeline) => {
        for (const member of members) pipeline.smembers(this.#setKey(member));
      });
      const counts = await this.#redis.pipeline('retire', (pipeline) => {
        for (const keys of sets as string[][]) pipeline.del(this.#nothing, ...keys);
      });
      await this.#redis.pipeline('retire', (pipeline) => {
        pipeline.del(...members.map((member) => this.#setKey(member)));
        pipeline.srem(this.#versionsKey, ...members);
      });
      removed.push(...(counts as number[]));
    }
    return removed;
  }

  async remove(keys: readonly string[], _signal: AbortSignal): Promise<void> {
    for (const page of pagesOf(keys))
      await this.#redis.ask('remove', (redis) => redis.del(...page.map((key) => this.#entryKey(key))));
  }

  async *versions(_signal: AbortSignal): AsyncGenerator<DocumentVersion> {
    let cursor = '0';
    do {
      const at = cursor;
      const [next, members] = await this.#redis.ask('versions', (redis) =>
        redis.sscan(this.#versionsKey, at, 'COUNT', PAGE_ENTRIES),
      );
      for (const page of pagesOf(members)) yield* await this.#carried(page);
      cursor = next;
    } while (cursor !== '0');
  }

  /** The versions that some entry still carries; those whose entries have all come to their end are forgotten. */
  async #carried(members: readonly string[]): Promise<DocumentVersion[]> {
    const sets = (await this.#redis.pipeline('versions', (pipeline) => {
      for (const member of members) pipeline.smembers(this.#setKey(member));
    })) as string[][];
    const counts = (await this.#redis.pipeline('versions', (pipeline) => {
      for (const keys of sets) pipeline.exists(this.#nothing, ...keys);
    })) as number[];
    const gone = members.filter((_, index) => counts[index] === 0);
    if (gone.length > 0) await this.#redis.ask('versions', (redis) => redis.srem(this.#versionsKey, ...gone));
    return members.filter((_, index) => counts[index] !== 0).map(versionOf);
  }

  async close(): Promise<void> {
    this.#redis.close();
  }

  get #versionsKey(): string {
    return `${this.#prefix}versions`;
  }

  /** A key that is never set: a command needs one at least. */
  get #nothing(): string {
    return `${this.#prefix}nothing`;
  }

  #setKey(member: string): string {
    return `${this.#prefix}of:${member}`;
  }

  #entryKey(key: string): string {
    return `${this.#prefix}entry:${key}`;
  }
}

function* pagesOf<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += PAGE_ENTRIES) yield items.slice(from, from + PAGE_ENTRIES);
}

/** A version as a member of a set: its number first, because an id may hold anything. */
function memberOf({ documentId, version }: DocumentVersion): string {
  return `${version}:${documentId}`;
}

function versionOf(member: string): DocumentVersion {
  const [version = ''] = member.split(':', 1);
  return { documentId: member.slice(version.length + 1), version: Number(version) };
}
