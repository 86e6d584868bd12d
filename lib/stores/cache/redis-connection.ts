import { setTimeout as delay } from 'node:timers/promises';
import { type ChainableCommander, Redis } from 'ioredis';
import type { StoreError } from '../../contracts/errors.ts';
import { redisError, rowOf } from './redis-errors.ts';

/** How long a command may wait for its answer, and the first connection. A cache that is slower than this costs more than it saves. */
const COMMAND_TIMEOUT_MS = 500;
const CONNECT_TIMEOUT_MS = 1_000;
const MAX_RECONNECT_DELAY_MS = 2_000;

/**
 * One connection to Redis, made when it is first needed. While it is lost every command fails at once, and it is made again in the
 * background. Nothing is sent twice. Errors: StoreError, by the table of errors.
 */
export class RedisConnection {
  /** Where it is, without user and password. */
  readonly place: string;
  readonly #redis: Redis;
  readonly #connectMs: number;
  #connecting: Promise<unknown> | null = null;
  /** What the connection said of itself last: commands say only that there is none. */
  #lastProblem = '';

  /** @param patience how many times longer than usual is waited for an answer, and for the connection. */
  constructor(url: string, patience = 1) {
    this.#connectMs = CONNECT_TIMEOUT_MS * patience;
    this.place = new URL(url).host;
    this.#redis = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: 800 * patience,
      commandTimeout: COMMAND_TIMEOUT_MS * patience,
      socketTimeout: 700 * patience,
      disconnectTimeout: 100,
      enableAutoPipelining: true,
      retryStrategy: (attempt) => Math.min(200 * attempt, MAX_RECONNECT_DELAY_MS),
    });
    // Its `command` has the password among its arguments: of the error only the message is kept.
    this.#redis.on('error', ({ message }: Error) => {
      this.#lastProblem = message;
      if (!rowOf(message).retryable) this.#redis.disconnect();
    });
  }

  /** Sends a command. @param operation what it is for, told in errors. */
  async ask<Answer>(operation: string, command: (redis: Redis) => Promise<Answer>): Promise<Answer> {
    try {
      await this.#connect();
      return await command(this.#redis);
    } catch (error) {
      throw this.#storeError(operation, error as Error);
    }
  }

  /** Sends what `fill` adds in one go. @returns the answers, in the same order. */
  pipeline(operation: string, fill: (pipeline: ChainableCommander) => void): Promise<unknown[]> {
    return this.ask(operation, async (redis) => {
      const pipeline = redis.pipeline();
      fill(pipeline);
      const answers = (await pipeline.exec()) ?? [];
      for (const [error] of answers) if (error !== null) throw error;
      return answers.map(([, value]) => value);
    });
  }

  close(): void {
    this.#redis.disconnect();
  }

  /** Without this the first commands fail although the server is up; one that is silent is not waited for longer. */
  async #connect(): Promise<void> {
    if (this.#redis.status === 'ready') return;
    this.#connecting ??= this.#redis.connect();
    const late = new AbortController();
    try {
      await Promise.race([this.#connecting, delay(this.#connectMs, undefined, { signal: late.signal })]);
    } finally {
      late.abort();
    }
  }

  #storeError(operation: string, { message }: Error): StoreError {
    const isConnected = this.#redis.status === 'ready' || this.#lastProblem === '';
    const said = isConnected ? message : this.#lastProblem;
    return redisError(said, { place: this.place, operation });
  }
}
