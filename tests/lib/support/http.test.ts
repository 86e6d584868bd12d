import { expect, test } from 'vitest';
import type { Waiting } from '../../../lib/contracts/feed-source.ts';
import { createHttpClient } from '../../../lib/support/http.ts';
import { ANSWER_LIMITS, type Credentials, type HttpSettings } from '../../../lib/support/http-settings.ts';
import { type ApiAnswer, type ApiServer, first, HTML_PAGE, openApiServer } from '../../helpers/api-server.ts';
import { createFakeTiming, FAKE_START } from '../../helpers/fake-timing.ts';
import { never } from '../../helpers/records.ts';

const TOKEN = 'token-of-the-tests';

async function openClient(changes: Partial<HttpSettings> = {}, server?: ApiServer) {
  const own = server ?? (await openApiServer(({ path }) => ({ status: 200, body: { path } })));
  const timing = createFakeTiming();
  const waits: Waiting[] = [];
  const client = createHttpClient({
    source: 'acme',
    baseUrl: own.url,
    headers: { 'x-acme-version': '7' },
    version: '1.2.3',
    credentials: tokens(),
    variables: ['ACME_API_TOKEN'],
    ownHosts: null,
    rate: { requests: 1_000, perMs: 1_000, burst: 1_000 },
    backoff: { minMs: 1_000, maxMs: 10_000 },
    retryAfter: { millisecondsAbove: null, hasReset: false },
    statusInside: null,
    limits: ANSWER_LIMITS,
    timing,
    onWaiting: (waiting) => waits.push(waiting),
    ...changes,
  });
  const get = (target: string, signal = never) => client.get({ target }, signal);
  return { server: own, timing, waits, client, get };
}

/** Credentials that can be renewed `renewals` times. */
function tokens(renewals = 0): Credentials {
  let count = 0;
  return {
    headers: async () => ({ authorization: count === 0 ? `Bearer ${TOKEN}` : `Bearer ${TOKEN}-${count}` }),
    renew: async () => {
      count += 1;
      return count <= renewals;
    },
  };
}

async function failureOf(promise: Promise<unknown>) {
  return (await promise.then(
    () => null,
    (error: unknown) => error,
  )) as Error & { code: string; retryable: boolean; details: Record<string, unknown> };
}

const SLOW_DOWN: ApiAnswer = { status: 429, body: {} };

test('a request has the base address, its query, who asks and the credentials', async () => {
  const { server, client } = await openClient();
  const { value, hops } = await client.get(
    { target: '/things', query: { 'q[after]': '1.5', types: ['a', 'b&c'] } },
    never,
  );
  expect([value, hops]).toEqual([{ path: '/things' }, []]);
  expect(server.requests).toMatchObject([
    {
      method: 'GET',
      path: '/things',
      query: { 'q[after]': '1.5', types: 'b&c' },
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${TOKEN}`,
        'user-agent': 'apex/1.2.3',
        'x-acme-version': '7',
      },
    },
  ]);
});

test('a base address may have a path and a slash at its end', async () => {
  const server = await openApiServer(({ path }) => ({ status: 200, body: { path } }));
  const { get } = await openClient({ baseUrl: `${server.url}/v1/` }, server);
  expect((await get('/things')).value).toEqual({ path: '/v1/things' });
});

test.each([
  ['a whole number', '7', 7_000],
  ['a decimal fraction', '0.40235', 402.35],
  ['less than the shortest wait', '0', 250],
  ['a date', new Date(FAKE_START + 90_000).toUTCString(), 90_000],
  ['a date that has passed', new Date(FAKE_START - 90_000).toUTCString(), 250],
  ['nonsense', 'soon', 1_000],
])('Retry-After with %s is waited for', async (_, value, ms) => {
  const { server, timing, waits, get } = await openClient();
  server.interfere = first({ ...SLOW_DOWN, headers: { 'retry-after': value } });
  expect((await get('/things')).value).toEqual({ path: '/things' });
  expect(timing.sleeps).toEqual([expect.closeTo(ms, 6)]);
  expect(waits).toEqual([{ reason: 'limited', ms: expect.closeTo(ms, 6) }]);
});

test.each([
  ['seconds up to the bound', { 'retry-after': '600' }, 600_000],
  ['milliseconds above it', { 'retry-after': '1500' }, 1_500],
  ['the reset of the limit, with a fraction', { 'x-ratelimit-reset': String(FAKE_START / 1_000 + 2.5) }, 2_500],
  ['Retry-After before the reset', { 'retry-after': '3', 'x-ratelimit-reset': String(FAKE_START / 1_000 + 60) }, 3_000],
])('where the source says so, 429 with %s', async (_, headers, ms) => {
  const { server, timing, get } = await openClient({ retryAfter: { millisecondsAbove: 600, hasReset: true } });
  server.interfere = first({ ...SLOW_DOWN, headers });
  await get('/things');
  expect(timing.sleeps).toEqual([expect.closeTo(ms, 3)]);
});

test('a wait of more than a quarter of an hour is not begun', async () => {
  const { server, timing, get } = await openClient();
  server.interfere = () => ({ ...SLOW_DOWN, headers: { 'retry-after': '901' } });
  const failure = await failureOf(get('/things'));
  expect(failure).toMatchObject({ code: 'RATE_LIMITED', retryable: true, details: { retryAfterMs: 901_000 } });
  expect([timing.sleeps, server.requests.length]).toEqual([[], 1]);
});

test('429 for ever ends after 5 more attempts', async () => {
  const { server, waits, get } = await openClient();
  server.interfere = () => SLOW_DOWN;
  expect(await failureOf(get('/things'))).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
  expect([server.requests.length, waits.length]).toEqual([6, 5]);
});

test('waits after failures double up to a bound, and are any part of it', async () => {
  const { server, timing, get } = await openClient();
  server.interfere = () => ({ status: 503, body: {} });
  await failureOf(get('/things'));
  expect(timing.sleeps).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
  timing.chance = 0;
  await failureOf(get('/things'));
  expect(timing.sleeps.slice(5)).toEqual([250, 250, 250, 250, 250]);
});

test.each([
  [408, 'APEX_SOURCE', true, 6],
  [500, 'APEX_SOURCE', true, 6],
  [502, 'APEX_SOURCE', true, 6],
  [504, 'APEX_SOURCE', true, 6],
  [400, 'SOURCE_REQUEST', false, 1],
  [401, 'SOURCE_REFUSED', false, 1],
  [403, 'SOURCE_REFUSED', false, 1],
  [404, 'NOT_FOUND', false, 1],
  [410, 'NOT_FOUND', false, 1],
  [418, 'SOURCE_REQUEST', false, 1],
  [304, 'SOURCE_ANSWER', false, 1],
])('status %i is %s (retryable: %s) after %i requests', async (status, code, retryable, requests) => {
  const { server, get } = await openClient();
  server.interfere = () => ({ status, body: status === 502 ? HTML_PAGE : {} });
  expect(await failureOf(get('/things'))).toMatchObject({ code, retryable, details: { source: 'acme', status } });
  expect(server.requests).toHaveLength(requests);
});

test('refused credentials name the setting that holds them, and no credentials', async () => {
  const { server, get } = await openClient();
  server.interfere = () => ({ status: 401, body: { message: `bad ${TOKEN}`, requestId: 'req-17' } });
  const failure = await failureOf(get('/things?client_secret=hidden'));
  expect(failure.message).toContain('ACME_API_TOKEN');
  expect(failure.details).toEqual({ source: 'acme', status: 401, requestId: 'req-17' });
  expect(`${failure.message} ${JSON.stringify(failure.details)}`).not.toMatch(/hidden|token-of-the-tests/);
});

test('what stands in the query is in no failure, its causes included', async () => {
  const { server, client } = await openClient();
  for (const how of ['drop', 'cut', 'truncate'] as const) {
    server.interfere = () => how;
    const failure = await failureOf(client.get({ target: '/oauth', query: { client_secret: 'hidden' } }, never));
    expect(`${failure.stack} ${JSON.stringify(failure)} ${String(failure.cause)}`).not.toContain('hidden');
  }
});

test.each(['drop', 'cut', 'truncate'] as const)(
  'an answer that does not come whole (%s) is asked for again',
  async (how) => {
    const { server, waits, get } = await openClient();
    server.interfere = first(how);
    expect((await get('/things')).value).toEqual({ path: '/things' });
    expect(waits).toMatchObject([{ reason: 'failed' }]);
  },
);

test.each([
  ['drop', 'APEX_SOURCE'],
  ['cut', 'APEX_SOURCE'],
  ['truncate', 'SOURCE_ANSWER'],
] as const)('an answer that never comes whole (%s) ends as %s', async (how, code) => {
  const { server, get } = await openClient();
  server.interfere = () => how;
  expect(await failureOf(get('/things'))).toMatchObject({ code, retryable: true });
  expect(server.requests).toHaveLength(6);
});

test.each(['hang', 'stall'] as const)(
  'a server that does not go on (%s) is left after the time to read',
  async (how) => {
    const { server, get } = await openClient({ limits: { ...ANSWER_LIMITS, readMs: 60 } });
    server.interfere = first(how);
    expect((await get('/things')).value).toEqual({ path: '/things' });
    expect(server.requests).toHaveLength(2);
  },
);

test('an answer as a whole has a time, too', async () => {
  const { server, get } = await openClient({ limits: { ...ANSWER_LIMITS, answerMs: 60 } });
  server.interfere = first('stall');
  expect((await get('/things')).value).toEqual({ path: '/things' });
});

test('nobody at the address may be tried again', async () => {
  const { get } = await openClient({ baseUrl: 'http://127.0.0.1:1' });
  const failure = await failureOf(get('/things'));
  expect(failure).toMatchObject({ code: 'APEX_SOURCE', retryable: true });
  expect(failure.message).toContain('127.0.0.1:1/things');
});

test.each([
  ['HTML', HTML_PAGE, {}, 'HTML', 1],
  ['HTML that says to be JSON', HTML_PAGE, { 'content-type': 'application/json' }, 'HTML', 1],
  ['nothing', '', {}, 'nothing', 6],
  ['a text', 'OK', {}, 'no JSON', 6],
  ['an encoding nobody asked for', '{}', { 'content-encoding': 'br' }, 'encoding', 1],
])('200 with %s is no answer', async (_, body, headers, word, requests) => {
  const { server, get } = await openClient();
  server.interfere = () => ({ status: 200, headers, body });
  const failure = await failureOf(get('/things'));
  expect(failure.code).toBe('SOURCE_ANSWER');
  expect(failure.message).toContain(word);
  expect(server.requests).toHaveLength(requests);
});

test('an answer beyond the limit of bytes is left at the limit', async () => {
  const { server, get } = await openClient({ limits: { ...ANSWER_LIMITS, maxBytes: 1_000 } });
  server.interfere = () => ({ status: 200, body: { text: 'x'.repeat(990) } });
  expect(await failureOf(get('/things'))).toMatchObject({
    code: 'SOURCE_ANSWER',
    message: expect.stringContaining('1000'),
  });
  server.interfere = () => ({ status: 200, body: { text: 'x'.repeat(989) } });
  expect((await get('/things')).value).toHaveProperty('text.length', 989);
});

test('an answer without an end is left at the limit', async () => {
  const { server, get } = await openClient({ limits: { ...ANSWER_LIMITS, maxBytes: 1_000_000 } });
  server.interfere = () => 'flood';
  expect(await failureOf(get('/things'))).toMatchObject({ code: 'SOURCE_ANSWER' });
  server.interfere = () => null;
  expect((await get('/things')).value).toEqual({ path: '/things' });
});

test('an answer of 200 that holds a failure is that failure', async () => {
  const statusInside = (value: unknown) => (value as { failed?: number }).failed ?? null;
  const { server, waits, get } = await openClient({ statusInside });
  server.interfere = first({ status: 200, body: { failed: 429 } });
  expect((await get('/things')).value).toEqual({ path: '/things' });
  expect(waits).toMatchObject([{ reason: 'limited' }]);
  server.interfere = () => ({ status: 200, body: { failed: 400 } });
  expect(await failureOf(get('/things'))).toMatchObject({
    code: 'SOURCE_REQUEST',
    details: { status: 400, httpStatus: 200 },
  });
});

test.each([301, 302, 307, 308])('%i within the own host is followed with the credentials, and told', async (status) => {
  const { server, get } = await openClient();
  server.interfere = first({ status, headers: { location: '/other?x=1' }, body: {} });
  const { value, hops } = await get('/things');
  expect(value).toEqual({ path: '/other' });
  expect(hops).toEqual([{ status, from: `${server.url}/things`, to: `${server.url}/other?x=1` }]);
  expect(server.requests[1]).toMatchObject({ query: { x: '1' }, headers: { authorization: `Bearer ${TOKEN}` } });
});

test('more than 5 redirects are no answer', async () => {
  const { server, get } = await openClient();
  server.interfere = () => ({ status: 302, headers: { location: '/again' }, body: {} });
  expect(await failureOf(get('/things'))).toMatchObject({ code: 'SOURCE_ANSWER' });
  expect(server.requests).toHaveLength(6);
});

test.each([
  ['another port', (url: string) => url.replace(/\d+$/, '1')],
  ['another host', () => 'http://evil.example/x'],
  ['an own host without encryption', () => 'http://eu.acme.example/x'],
  ['an own host on a port of its own', () => 'https://eu.acme.example:8443/x'],
  ['a host that ends like an own one', () => 'https://evil-acme.example/x'],
  ['an own host with a user', () => 'https://someone@eu.acme.example/x'],
  ['another protocol', () => 'file:///etc/passwd'],
])('a redirect or a link to %s is refused, and nothing is sent there', async (_, addressOf) => {
  const ownHosts = /^[\w-]+\.acme\.example$/;
  const { server, get } = await openClient({ ownHosts });
  const address = addressOf(server.url);
  server.interfere = first({ status: 302, headers: { location: address }, body: {} });
  expect(await failureOf(get('/things'))).toMatchObject({ code: 'FOREIGN_LINK', retryable: false });
  expect(await failureOf(get(address))).toMatchObject({ code: 'FOREIGN_LINK' });
  expect(server.requests).toHaveLength(1);
});

test('a link that is no address is no answer', async () => {
  const { get } = await openClient();
  expect(await failureOf(get('not an address'))).toMatchObject({ code: 'SOURCE_ANSWER' });
});

test('requests beyond the burst wait for their turn, and long turns are told', async () => {
  const { timing, waits, get } = await openClient({ rate: { requests: 6, perMs: 60_000, burst: 2 } });
  await get('/1');
  await get('/2');
  expect(timing.sleeps).toEqual([]);
  await get('/3');
  timing.time += 4_000;
  await get('/4');
  expect(timing.sleeps).toEqual([10_000, 6_000]);
  expect(waits).toEqual([
    { reason: 'pace', ms: 10_000 },
    { reason: 'pace', ms: 6_000 },
  ]);
});

test('requests at the same time get different turns', async () => {
  const { timing, get } = await openClient({ rate: { requests: 1, perMs: 1_000, burst: 1 } });
  await Promise.all([get('/1'), get('/2'), get('/3')]);
  expect(timing.sleeps.toSorted()).not.toContain(0);
  expect(timing.sleeps).toHaveLength(2);
});

test('credentials that are refused are renewed once', async () => {
  const { server, get } = await openClient({ credentials: tokens(1) });
  server.interfere = first({ status: 401, body: {} });
  expect((await get('/things')).value).toEqual({ path: '/things' });
  expect(server.requests.map(({ headers }) => headers['authorization'])).toEqual([
    `Bearer ${TOKEN}`,
    `Bearer ${TOKEN}-1`,
  ]);
});

test('credentials that are refused again end it', async () => {
  const { server, get } = await openClient({ credentials: tokens(9) });
  server.interfere = () => ({ status: 401, body: {} });
  expect(await failureOf(get('/things'))).toMatchObject({ code: 'SOURCE_REFUSED' });
  expect(server.requests).toHaveLength(2);
});

test('credentials that do not help against 403 are not renewed because of it again', async () => {
  const { server, get } = await openClient({ credentials: tokens(9) });
  for (const status of [401, 403]) {
    server.interfere = first({ status, body: {} });
    expect((await get('/things')).value).toEqual({ path: '/things' });
  }
  (server.requests as unknown[]).length = 0;
  server.interfere = ({ path }) => (path === '/closed' ? { status: 403, body: {} } : null);
  expect(await failureOf(get('/closed'))).toMatchObject({ code: 'SOURCE_REFUSED' });
  expect(server.requests).toHaveLength(2);
  expect(await failureOf(get('/closed'))).toMatchObject({ code: 'SOURCE_REFUSED' });
  expect(server.requests).toHaveLength(3);
  server.interfere = first({ status: 401, body: {} });
  expect((await get('/things')).value).toEqual({ path: '/things' });
});

test('credentials are renewed once for a request, however often it is tried', async () => {
  const { server, get } = await openClient({ credentials: tokens(9) });
  const refused = { status: 401, body: {} };
  server.interfere = first(refused, { status: 503, body: {} }, refused);
  expect(await failureOf(get('/things'))).toMatchObject({ code: 'SOURCE_REFUSED' });
  expect(server.requests).toHaveLength(3);
});

test.each(['hang', 'stall'] as const)('an abort ends a request at once (%s)', async (how) => {
  const { server, waits, get } = await openClient();
  const abort = new AbortController();
  server.interfere = () => {
    setTimeout(() => abort.abort(new Error('stopped by the test')), 20);
    return how;
  };
  expect((await failureOf(get('/things', abort.signal))).message).toBe('stopped by the test');
  expect(server.requests).toHaveLength(1);
  expect(waits).toEqual([]);
});

test('an abort ends a wait', async () => {
  const { server, timing, get } = await openClient();
  const abort = new AbortController();
  timing.sleep = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      setTimeout(() => abort.abort(new Error('stopped by the test')), 20);
    });
  server.interfere = () => SLOW_DOWN;
  expect((await failureOf(get('/things', abort.signal))).message).toBe('stopped by the test');
  expect(server.requests).toHaveLength(1);
});

test('a closed client answers no more', async () => {
  const { client, get } = await openClient();
  await get('/things');
  await client.close();
  expect(await failureOf(get('/things'))).toMatchObject({ code: 'APEX_SOURCE' });
});
