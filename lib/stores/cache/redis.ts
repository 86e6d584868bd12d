import { setTimeout as delay } from 'node:timers/promises';
import { type ChainableCommander, Redis } from 'ioredis';
import { StoreError } from '../../contracts/errors.ts';
import type { CacheEntry, CacheStore, DocumentVersion } from '../../contracts/store.ts';

export interface RedisSettings {
  /** `redis://` or, over TLS, `rediss://`; with user, password and number of the database. */
  readonly url: string;
  /** The memory that the entries belong to: several may share a server, and none sees another's. */
  readonly memoryId: string;
  /** How long an entry is kept that nobody removes. */
  readonly ttlMs: number;
}

/** What is sent together: about 2 MB of embeddings. */
const PAGE_ENTRIES = 256;
/** How long a command may wait for its answer, and the first connection. A cache that is slower than this costs more than it saves. */
const COMMAND_TIMEOUT_MS = 500;
const CONNECT_TIMEOUT_MS = 1_000;
const MAX_RECONNECT_DELAY_MS = 2_000;

/** Answers that no new connection changes. */
const REFUSED = /^(?:WRONGPASS|NOAUTH|NOPERM)/;

/**
 * Cached embeddings and document summaries in Redis, each with an end of its own.
 *
 * Beside the entries there is a set of keys for each version that some entry carries, and a set of those versions. A command that
 * was given up may still be executed later: that is harmless, because keys name a version or a digest of what they hold.
 */
export class RedisCacheStore implements CacheStore {
  readonly name = 'cache';
  readonly identity: string;
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #ttlMs: number;
  readonly #place: string;
  #connecting: Promise<unknown> | null = null;
  /** What the connection said of itself last: commands say only that there is none. */
  #lastProblem = '';

  constructor({ url, memoryId, ttlMs }: RedisSettings) {
    this.identity = `redis:${memoryId}`;
    this.#prefix = `apex:${memoryId}:`;
    this.#ttlMs = ttlMs;
    this.#place = new URL(url).host;
    this.#redis = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: 800,
      commandTimeout: COMMAND_TIMEOUT_MS,
      socketTimeout: 700,
      disconnectTimeout: 100,
      enableAutoPipelining: true,
      retryStrategy: (attempt) => Math.min(200 * attempt, MAX_RECONNECT_DELAY_MS),
    });
    // Its `command` has the password among its arguments: of the error only the message is kept.
    this.#redis.on('error', ({ message }: Error) => {
      this.#lastProblem = message;
      if (REFUSED.test(message)) this.#redis.disconnect();
    });
  }

  async get(keys: readonly string[], _signal: AbortSignal): Promise<(Uint8Array | null)[]> {
    const values: (Uint8Array | null)[] = [];
    for (const page of pagesOf(keys))
      values.push(...(await this.#ask('get', () => this.#redis.mgetBuffer(page.map((key) => this.#entryKey(key))))));
    return values;
  }

  async set(entries: readonly CacheEntry[], _signal: AbortSignal): Promise<void> {
    for (const page of pagesOf(entries))
      await this.#pipeline('set', (pipeline) => {
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
      const sets = await this.#pipeline('retire', (pipeline) => {
        for (const member of members) pipeline.smembers(this.#setKey(member));
      });
      const counts = await this.#pipeline('retire', (pipeline) => {
        for (const keys of sets as string[][]) pipeline.del(this.#nothing, ...keys);
      });
      await this.#pipeline('retire', (pipeline) => {
        pipeline.del(...members.map((member) => this.#setKey(member)));
        pipeline.srem(this.#versionsKey, ...members);
      });
      removed.push(...(counts as number[]));
    }
    return removed;
  }

  async remove(keys: readonly string[], _signal: AbortSignal): Promise<void> {
    for (const page of pagesOf(keys))
      await this.#ask('remove', () => this.#redis.del(...page.map((key) => this.#entryKey(key))));
  }

  async *versions(_signal: AbortSignal): AsyncGenerator<DocumentVersion> {
    let cursor = '0';
    do {
      const at = cursor;
      const [next, members] = await this.#ask('versions', () =>
        this.#redis.sscan(this.#versionsKey, at, 'COUNT', PAGE_ENTRIES),
      );
      for (const page of pagesOf(members)) yield* await this.#carried(page);
      cursor = next;
    } while (cursor !== '0');
  }

  /** The versions that some entry still carries; those whose entries have all come to their end are forgotten. */
  async #carried(members: readonly string[]): Promise<DocumentVersion[]> {
    const sets = (await this.#pipeline('versions', (pipeline) => {
      for (const member of members) pipeline.smembers(this.#setKey(member));
    })) as string[][];
    const counts = (await this.#pipeline('versions', (pipeline) => {
      for (const keys of sets) pipeline.exists(this.#nothing, ...keys);
    })) as number[];
    const gone = members.filter((_, index) => counts[index] === 0);
    if (gone.length > 0) await this.#ask('versions', () => this.#redis.srem(this.#versionsKey, ...gone));
    return members.filter((_, index) => counts[index] !== 0).map(versionOf);
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
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

  /** Sends what `fill` adds in one go. @returns the answers, in the same order. */
  async #pipeline(operation: string, fill: (pipeline: ChainableCommander) => void): Promise<unknown[]> {
    return this.#ask(operation, async () => {
      const pipeline = this.#redis.pipeline();
      fill(pipeline);
      const answers = (await pipeline.exec()) ?? [];
      for (const [error] of answers) if (error !== null) throw error;
      return answers.map(([, value]) => value);
    });
  }

  /** Asks Redis, once it is connected. @throws StoreError. */
  async #ask<Answer>(operation: string, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      await this.#connect();
      return await ask();
    } catch (error) {
      throw this.#storeError(operation, error as Error);
    }
  }

  /** Without this the first commands fail although the server is up; one that is silent is not waited for longer. */
  async #connect(): Promise<void> {
    if (this.#redis.status === 'ready') return;
    // Later connections are made in the background: until one is there every command fails at once.
    this.#connecting ??= this.#redis.connect();
    const late = new AbortController();
    try {
      await Promise.race([this.#connecting, delay(CONNECT_TIMEOUT_MS, undefined, { signal: late.signal })]);
    } finally {
      late.abort();
    }
  }

  #storeError(operation: string, { message }: Error): StoreError {
    const isConnected = this.#redis.status === 'ready' || this.#lastProblem === '';
    const said = isConnected ? message : this.#lastProblem;
    return new StoreError(`the cache at ${this.#place} fails: ${said}`, {
      code: 'APEX_STORE',
      retryable: !REFUSED.test(said),
      details: { operation },
    });
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
