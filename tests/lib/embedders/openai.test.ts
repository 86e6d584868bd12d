import { expect, test } from 'vitest';
import { createOpenAiEmbedder } from '../../../lib/embedders/openai.ts';
import { openOpenAiServer, type Respond, refusal, SERVER_DIMENSIONS } from '../../helpers/openai-server.ts';

const KEY = 'key-of-the-tests';

async function openEmbedder(respond?: Respond, { timeoutMs = 5_000 } = {}) {
  const server = await openOpenAiServer(respond);
  const embedder = createOpenAiEmbedder({
    apiKey: KEY,
    baseUrl: server.baseUrl,
    model: 'small',
    dimensions: SERVER_DIMENSIONS,
    price: null,
    timeoutMs,
  });
  return {
    server,
    embedder,
    embed: async (...texts: string[]) => (await embedder.embed(texts, new AbortController().signal)).vectors,
  };
}

/** An answer with these vectors. */
function answer(...embeddings: unknown[]): Respond {
  return () => ({ status: 200, body: { data: embeddings.map((embedding, index) => ({ index, embedding })) } });
}

const ONES = Array.from({ length: SERVER_DIMENSIONS }, () => 1);

test('one vector a text, in order and of unit length, by one call', async () => {
  const { server, embed } = await openEmbedder();
  const [first, second] = await embed('aaaa', 'bbbb');
  expect(server.calls).toEqual([['aaaa', 'bbbb']]);
  expect(Math.hypot(...first!)).toBeCloseTo(1, 5);
  expect((await embed('bbbb'))[0]).toEqual(second);
  expect(first).not.toEqual(second);
});

test.each([
  ['says', 7, 14],
  ['does not say', null, null],
  ['says 0, as some servers do for want of a count', 0, null],
])('tokens are those that the provider bills, where it %s', async (_, each, tokens) => {
  const { server, embedder } = await openEmbedder();
  server.tokensOf = each === null ? null : () => each;
  expect((await embedder.embed(['one', 'two'], new AbortController().signal)).tokens).toBe(tokens);
});

const WRONG_ANSWERS: [string, Respond][] = [
  ['fewer vectors than texts', answer(ONES)],
  ['more vectors than texts', answer(ONES, ONES, ONES)],
  ['a vector of another size', answer(ONES, ONES.slice(1))],
  [
    'a vector with a gap',
    answer(
      ONES,
      [null, ...ONES.slice(1)].map((value) => value ?? 'NaN'),
    ),
  ],
  ['a page of HTML', () => ({ status: 200, body: '<html>Welcome</html>' })],
  ['JSON of another kind', () => ({ status: 200, body: { hello: 'world' } })],
  [
    'vectors in another order',
    () => ({ status: 200, body: { data: [1, 0].map((index) => ({ index, embedding: ONES })) } }),
  ],
];

test.each(WRONG_ANSWERS)('%s: refused, and may be tried again', async (_name, respond) => {
  const { embed } = await openEmbedder(respond);
  await expect(embed('one', 'two')).rejects.toMatchObject({ code: 'PROVIDER_ANSWER', retryable: true });
});

test.each([
  ['seconds', { 'retry-after': '7' }, 7_000],
  ['milliseconds', { 'retry-after-ms': '250' }, 250],
  ['nothing', {}, undefined],
])('a 429 that asks for %s', async (_name, headers, retryAfterMs) => {
  const { server, embed } = await openEmbedder(() => refusal(429, 'rate_limit_exceeded', headers));
  const failure = await embed('one').catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
  expect((failure as { details: { retryAfterMs?: number } }).details.retryAfterMs).toBe(retryAfterMs);
  expect(server.calls).toHaveLength(1);
});

test('a 429 that names a date asks for the time until then', async () => {
  const { embed } = await openEmbedder(() =>
    refusal(429, 'rate_limit_exceeded', { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }),
  );
  const failure = await embed('one').catch((error: unknown) => error);
  const { retryAfterMs } = (failure as { details: { retryAfterMs: number } }).details;
  expect(retryAfterMs).toBeGreaterThan(55_000);
  expect(retryAfterMs).toBeLessThanOrEqual(60_000);
});

test.each([
  [400, 'invalid_request', 'PROVIDER_REFUSED', false],
  [401, 'invalid_api_key', 'PROVIDER_REFUSED', false],
  [404, 'model_not_found', 'PROVIDER_REFUSED', false],
  [429, 'insufficient_quota', 'PROVIDER_REFUSED', false],
  [408, 'timeout', 'APEX_PROVIDER', true],
  [500, 'server_error', 'APEX_PROVIDER', true],
  [503, 'overloaded', 'APEX_PROVIDER', true],
])('status %i with %s: %s', async (status, code, expected, retryable) => {
  const { server, embed } = await openEmbedder(() => refusal(status, code));
  await expect(embed('one')).rejects.toMatchObject({ code: expected, retryable });
  expect(server.calls, 'the client does not retry by itself').toHaveLength(1);
});

test('a failure shows neither the key nor what the provider said', async () => {
  const { embed } = await openEmbedder(() => ({ status: 401, body: { error: { message: `bad ${KEY}`, code: 'x' } } }));
  const failure = (await embed('one').catch((error: unknown) => error)) as Error & { details: unknown };
  expect(`${failure.message} ${JSON.stringify(failure.details)}`).not.toContain(KEY);
});

test('nobody at the address: may be tried again', async () => {
  const embedder = createOpenAiEmbedder({
    apiKey: KEY,
    baseUrl: 'http://127.0.0.1:1/v1',
    model: 'small',
    dimensions: SERVER_DIMENSIONS,
    price: null,
    timeoutMs: 1_000,
  });
  await expect(embedder.embed(['one'], new AbortController().signal)).rejects.toMatchObject({
    code: 'APEX_PROVIDER',
    retryable: true,
  });
});

test('an interrupted call ends with the reason of its signal', async () => {
  const controller = new AbortController();
  const server = await openOpenAiServer(() => {
    controller.abort('SIGINT');
    return refusal(500, 'late');
  });
  const settings = { apiKey: KEY, baseUrl: server.baseUrl, model: 'small', dimensions: SERVER_DIMENSIONS };
  const embedder = createOpenAiEmbedder({ ...settings, price: null, timeoutMs: 5_000 });
  await expect(embedder.embed(['one'], controller.signal)).rejects.toBe('SIGINT');
});

test('a password in the address is no part of what the memory keeps of the model', () => {
  const settings = { apiKey: KEY, model: 'small', dimensions: SERVER_DIMENSIONS, price: null, timeoutMs: 1_000 };
  const modelAt = (baseUrl: string) => createOpenAiEmbedder({ ...settings, baseUrl }).model;
  expect(modelAt('https://me:secret@models.example/v1')).toBe(
    `openai:https://models.example/v1:small:${SERVER_DIMENSIONS}`,
  );
  expect(modelAt('https://models.example/v1')).toBe(`openai:https://models.example/v1:small:${SERVER_DIMENSIONS}`);
});
