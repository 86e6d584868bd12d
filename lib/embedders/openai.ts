import type OpenAI from 'openai';
import { isApexError, ProviderError } from '../contracts/errors.ts';
import type { Embedder, Embedding, Price } from '../contracts/parts.ts';
import { countBilledTokens, countWordTokens } from './tokens.ts';

export interface OpenAiSettings {
  /** Never in an error, a log or the journal. */
  readonly apiKey: string;
  /** Any endpoint that speaks OpenAI's embeddings protocol; null: OpenAI's own. */
  readonly baseUrl: string | null;
  readonly model: string;
  readonly dimensions: number;
  /** What a token of the model costs, or null when nobody knows. */
  readonly price: Price | null;
  /** The bound on one request. */
  readonly timeoutMs: number;
}

/** Assumed of a request. */
const REQUEST_MS = 500;
/** Texts in one request. */
const MAX_REQUEST_ITEMS = 128;

/** Vectors from an OpenAI-compatible endpoint. Answers are checked for count, order and size; the client's own retries are off. */
export function createOpenAiEmbedder(settings: OpenAiSettings): Embedder {
  const { model, dimensions } = settings;
  let client: Promise<OpenAI> | null = null;
  return {
    model: `openai:${placeOf(settings.baseUrl)}:${model}:${dimensions}`,
    dimensions,
    maxRequestItems: MAX_REQUEST_ITEMS,
    countTokens: countWordTokens,
    countBilledTokens,
    price: settings.price,
    requestMs: REQUEST_MS,
    embed: async (texts, signal) => {
      client ??= connect(settings);
      try {
        const body = { model, input: [...texts], dimensions, encoding_format: 'float' as const };
        return embeddingOf(await (await client).embeddings.create(body, { signal }), texts.length, settings);
      } catch (error) {
        signal.throwIfAborted();
        throw isApexError(error) ? error : providerError(error, settings);
      }
    },
  };
}

/** An endpoint's address as it is kept in memories and messages: without the user and the password that may be in it. */
function placeOf(baseUrl: string | null): string {
  if (baseUrl === null || !URL.canParse(baseUrl)) return baseUrl ?? '';
  const url = new URL(baseUrl);
  if (url.username === '' && url.password === '') return baseUrl;
  url.username = '';
  url.password = '';
  return url.href;
}

/** The client of the endpoint. */
export async function connect({ apiKey, baseUrl, timeoutMs }: OpenAiSettings): Promise<OpenAI> {
  const { default: Client } = await import('openai');
  return new Client({ apiKey, baseURL: baseUrl, timeout: timeoutMs, maxRetries: 0 });
}

/** An answer is believed only when it is whole: a proxy may answer 200 with a page of HTML, a server with too few vectors. */
function embeddingOf(answer: unknown, count: number, settings: OpenAiSettings): Embedding {
  const { data, usage } = (answer ?? {}) as { data?: unknown; usage?: { total_tokens?: unknown } | null };
  const items = Array.isArray(data) ? (data as { index?: unknown; embedding?: unknown }[]) : [];
  const vectors = items.map(({ embedding }) =>
    Array.isArray(embedding) ? Float32Array.from(embedding as number[]) : new Float32Array(),
  );
  const isWhole =
    items.length === count &&
    items.every(({ index }, position) => index === undefined || index === position) &&
    vectors.every((vector) => vector.length === settings.dimensions && vector.every(Number.isFinite));
  if (isWhole) return { vectors: vectors.map(toUnitLength), tokens: tokensOf(usage?.total_tokens) };
  const floats = vectors.find(({ length }) => length !== settings.dimensions)?.length ?? settings.dimensions;
  throw new ProviderError(
    `${settings.model} answered ${count} texts with ${items.length} vectors of ${floats} floats, expected ${settings.dimensions}`,
    {
      code: 'PROVIDER_ANSWER',
      retryable: true,
      details: { model: settings.model, texts: count, vectors: items.length, floats },
    },
  );
}

/** What a server says about tokens is believed when it can be a number of them; many compatible ones say 0. */
function tokensOf(said: unknown): number | null {
  return typeof said === 'number' && Number.isSafeInteger(said) && said > 0 ? said : null;
}

function toUnitLength(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

/** Statuses after which the same request can succeed. Source: OpenAI's guide on error codes. */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 409, 429]);

/** What a failure of the client means. */
export function providerError(cause: unknown, { model }: OpenAiSettings): ProviderError {
  const { status, code, headers } = cause as { status?: number; code?: unknown; headers?: Headers };
  const details = { model, status: status ?? null };
  if (status === 429 && code !== 'insufficient_quota') {
    const retryAfterMs = retryAfter(headers);
    return new ProviderError(`${model}: the provider asks to slow down (429)`, {
      code: 'RATE_LIMITED',
      retryable: true,
      details: retryAfterMs === null ? details : { ...details, retryAfterMs },
    });
  }
  if (status !== undefined && status < 500 && (!RETRYABLE_STATUSES.has(status) || code === 'insufficient_quota')) {
    const reason = code === 'insufficient_quota' ? 'the quota is used up' : 'the provider refused the request';
    return new ProviderError(`${model}: ${reason} (${status})`, { code: 'PROVIDER_REFUSED', details });
  }
  return new ProviderError(`${model}: no answer from the provider${status === undefined ? '' : ` (${status})`}`, {
    code: 'APEX_PROVIDER',
    retryable: true,
    details,
  });
}

/** The waiting time a provider asks for, in milliseconds: `retry-after-ms`, or `Retry-After` in seconds or as a date. */
function retryAfter(headers: Headers | undefined): number | null {
  const exact = Number(headers?.get('retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(exact)) return exact;
  const asked = headers?.get('retry-after') ?? '';
  if (asked === '') return null;
  const seconds = Number(asked);
  if (Number.isFinite(seconds)) return seconds * 1_000;
  const until = Date.parse(asked) - Date.now();
  return Number.isFinite(until) ? Math.max(0, until) : null;
}
