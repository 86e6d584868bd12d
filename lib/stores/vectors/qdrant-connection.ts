import { setTimeout as delay } from 'node:timers/promises';
import { QdrantClient } from '@qdrant/js-client-rest';
import { ConfigError, isApexError } from '../../contracts/errors.ts';
import type { VectorServer } from '../../contracts/servers.ts';
import { failureOf, storeErrorOf } from './qdrant-errors.ts';

/** How long is waited for what. */
export interface QdrantLimits {
  /** For the answer to any call. */
  readonly requestMs: number;
  /**
   * Time after time, when the server asks to slow down; then the call fails. Nothing was carried out, so this tries nothing twice.
   * What the client tells of Retry-After is its first digit.
   */
  readonly throttleMs: readonly number[];
  /** For an update that was taken and is not applied yet. */
  readonly settleMs: number;
  /** For one whose answer was lost: it may never have come. */
  readonly doubtMs: number;
}

const LIMITS: QdrantLimits = {
  requestMs: 30_000,
  throttleMs: [250, 500, 1_000, 2_000],
  settleMs: 30_000,
  doubtMs: 3_000,
};

/** Two requests of points at once are the fastest, with a few others beside them. */
const MAX_CONNECTIONS = 8;
/** Qdrant's own, also with TLS. */
const DEFAULT_PORT = 6333;

type Api = ReturnType<QdrantClient['api']>;

/** The calls that apex makes, under the client's names. */
export type QdrantCall = Extract<
  keyof Api,
  | 'root'
  | 'getCollection'
  | 'createCollection'
  | 'createFieldIndex'
  | 'getCollectionAliases'
  | 'updateAliases'
  | 'upsertPoints'
  | 'setPayload'
  | 'deletePoints'
  | 'countPoints'
  | 'scrollPoints'
  | 'queryPoints'
>;

/** Where a Qdrant is; on port 6333 unless the URL names one. A path in it is put before that of each request. */
export type QdrantEndpoint = Pick<VectorServer, 'url' | 'apiKey' | 'answerMs'>;

type Send = (payload: object, init: object) => Promise<{ readonly data: unknown }>;

/** One server, asked call by call: each bounded in time, none sent again but where it asks to slow down, no redirect followed. */
export class QdrantConnection {
  /** Host and port, for what is said. */
  readonly place: string;
  readonly limits: QdrantLimits;
  readonly #api: { readonly [call in QdrantCall]: unknown };

  /** @throws ConfigError APEX_CONFIG for a URL that is none. */
  constructor({ url, apiKey, answerMs }: QdrantEndpoint, limits: Partial<QdrantLimits> = {}) {
    const waited = answerMs === undefined ? {} : { requestMs: answerMs, settleMs: answerMs };
    this.limits = { ...LIMITS, ...waited, ...limits };
    const { origin, host, port, prefix } = partsOf(url);
    this.place = `${host}:${port}`;
    const client = new QdrantClient({
      ...{ url: origin, port, checkCompatibility: false, maxConnections: MAX_CONNECTIONS },
      ...(prefix === '' ? {} : { prefix }),
      // Its own limit would take the place of each call's signal. Source: client 1.19.0, `api-client.js`.
      timeout: Number.POSITIVE_INFINITY,
      // Given as `apiKey` it is warned about on the console.
      ...(apiKey === null ? {} : { headers: { 'api-key': apiKey } }),
    });
    this.#api = client.api();
  }

  /**
   * Makes one call. @returns `result` of the answer; of `root` the whole answer.
   *
   * @throws StoreError or ConfigError by the table of errors; the signal's reason once that is aborted.
   */
  async ask<Result>(call: QdrantCall, payload: object, signal: AbortSignal): Promise<Result> {
    for (const waitMs of [...this.limits.throttleMs, null]) {
      signal.throwIfAborted();
      try {
        return await this.#send<Result>(call, payload, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isApexError(error)) throw error;
        const failure = failureOf(error);
        if (failure.status !== 429 || waitMs === null)
          throw storeErrorOf(failure, { place: this.place, operation: call });
      }
      await delay(waitMs, undefined, { signal });
    }
    throw new Error('the last round returns or throws');
  }

  async #send<Result>(call: QdrantCall, payload: object, signal: AbortSignal): Promise<Result> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.limits.requestMs)]);
    // A redirect that is followed takes the key along to wherever it points.
    const { data } = await (this.#api[call] as Send)(payload, { signal: limit, redirect: 'manual' });
    const result = call === 'root' ? data : (data as { result?: unknown } | null)?.result;
    if (result !== null && result !== undefined && typeof data === 'object') return result as Result;
    throw new ConfigError(`what answers at ${this.place} is no Qdrant; check QDRANT_URL`, { code: 'APEX_CONFIG' });
  }
}

/** @throws ConfigError APEX_CONFIG. */
function partsOf(text: string) {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '')
    throw malformed('is no URL that begins with http:// or https://');
  if (url.username !== '' || url.password !== '')
    throw malformed('holds a user or password; give the key as QDRANT_API_KEY');
  if (url.search !== '' || url.hash !== '') throw malformed('holds more than a host, a port and a path');
  // `URL` drops a port that is the scheme's own, and the client would then take Qdrant's.
  const isOwnPort = /^https?:\/\/[^/]*:(?:80|443)(?:\/|$)/i.test(text);
  const schemePort = url.protocol === 'https:' ? 443 : 80;
  const port = url.port !== '' ? Number(url.port) : isOwnPort ? schemePort : DEFAULT_PORT;
  return {
    origin: `${url.protocol}//${url.hostname}`,
    host: url.hostname,
    port,
    prefix: url.pathname.replace(/\/+$/, ''),
  };
}

function malformed(problem: string): ConfigError {
  return new ConfigError(`QDRANT_URL ${problem}`, { code: 'APEX_CONFIG' });
}

/** Whether a key would go over the network for anybody to read: over plain HTTP, to another machine. */
export function isKeyExposed({ url, apiKey }: QdrantEndpoint): boolean {
  const parsed = URL.parse(url);
  return apiKey !== null && parsed?.protocol === 'http:' && !isLoopback(parsed.hostname);
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
}
