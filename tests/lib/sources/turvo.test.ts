import { expect, test } from 'vitest';
import turvo from '../../../lib/sources/turvo.ts';
import { picksFrom } from '../../crash/changing-world.ts';
import { randomFrom } from '../../crash/random.ts';
import { first, HTML_PAGE } from '../../helpers/api-server.ts';
import { FAKE_START } from '../../helpers/fake-timing.ts';
import { openTurvoApi, TURVO_EXAMPLES, type TurvoApi } from '../../helpers/turvo-api.ts';
import { asked, endOf, failedWalk, namesOf, openWalking } from './walking.ts';

const SHIPMENT = 1000324868;
const DAY_MS = 24 * 60 * 60_000;

async function openBroker(shipments = 1) {
  const api = await openTurvoApi();
  for (let count = 2; count <= shipments; count += 1) {
    api.shipments.push({ ...api.shipments[0]!, id: count, customId: `SHIP-${count}` });
  }
  const walking = openWalking(turvo, api.env);
  return { api, data: () => api.requests.filter(({ path }) => path !== '/v1/oauth/token'), ...walking };
}

function updatedAt(ms: number): string {
  return new Date(ms).toISOString();
}

test('each shipment of the list is fetched as a whole', async () => {
  const { data, pages } = await openBroker(2);
  const [page] = await pages('shipments');
  expect(namesOf([page!])).toEqual([`shipments ${SHIPMENT}`, 'shipments 2']);
  expect(page!.records[0]?.value).toHaveProperty('globalRoute');
  expect(page!.records[0]?.place).toBe(`/shipments/${SHIPMENT}`);
  expect(asked(data(), 'start', 'pageSize')).toEqual([
    '/v1/shipments/list start=0 pageSize=100',
    `/v1/shipments/${SHIPMENT}`,
    '/v1/shipments/2',
  ]);
});

test('the last page says that there is no more, and its rows count', async () => {
  const { api, data, pages } = await openBroker(5);
  api.pageRows = 3;
  const walked = await pages('shipments');
  expect(namesOf(walked)).toHaveLength(5);
  expect(walked.map(({ records, isLast, allOf }) => [records.length, isLast, allOf])).toEqual([
    [3, false, null],
    [2, true, null],
  ]);
  const lists = data().filter(({ path }) => path.endsWith('/list'));
  expect(lists.map(({ query }) => query['start'])).toEqual(['0', '2']);
});

test('no rows is an answer', async () => {
  const { api, pages } = await openBroker();
  api.shipments.length = 0;
  expect((await pages('shipments')).map(({ records, isLast }) => [records.length, isLast])).toEqual([[0, true]]);
});

test('a page without rows is the last, though it promises more', async () => {
  const { api, pages } = await openBroker();
  const details = { pagination: { start: 0, moreAvailable: true }, carriers: [] };
  api.interfere = ({ path }) => (path.endsWith('/list') ? { status: 200, body: { Status: 'SUCCESS', details } } : null);
  expect(await pages('carriers')).toMatchObject([{ records: [], isLast: true }]);
});

test('rows stand under their name in either case', async () => {
  const { api, pages } = await openBroker(2);
  api.shipmentsName = 'Shipments';
  expect(namesOf(await pages('shipments'))).toHaveLength(2);
});

test('customers, carriers and locations are taken as the list gives them', async () => {
  const { data, pages } = await openBroker();
  const walked = [...(await pages('customers')), ...(await pages('carriers')), ...(await pages('locations'))];
  expect(walked.map(({ allOf }) => allOf)).toEqual(['turvo:customer:', 'turvo:carrier:', 'turvo:location:']);
  expect(namesOf(walked)).toEqual(['customers 204001', 'carriers 204410', 'locations 330014']);
  expect(asked(data())).toEqual(['/v1/customers/list', '/v1/carriers/list', '/v1/locations/list']);
});

test('the time of a walk is fixed when it begins, and the next begins 15 minutes before', async () => {
  const { api, data, pages, walk, timing } = await openBroker(3);
  api.pageRows = 2;
  const { value } = await walk('customers').next();
  timing.time += DAY_MS;
  await pages('customers', { cursor: value!.cursor.after });
  expect(data().map(({ query }) => [query['updated[gte]'], query['updated[lte]']])).toEqual([
    [undefined, updatedAt(FAKE_START)],
    ['2025-10-19T14:15:00.000Z', updatedAt(FAKE_START + DAY_MS)],
  ]);
});

test('a walk that was cut off goes on at its offset, in the same time', async () => {
  const { api, data, pages, walk, timing } = await openBroker(7);
  api.pageRows = 3;
  const { value } = await walk('shipments').next();
  timing.time += DAY_MS;
  const rest = await pages('shipments', { cursor: value!.cursor.after });
  expect(namesOf(rest)).toEqual(['shipments 4', 'shipments 5', 'shipments 6', 'shipments 7']);
  const lists = data().filter(({ path }) => path.endsWith('/list'));
  expect(lists.map(({ query }) => [query['start'], query['updated[lte]']])).toEqual([
    ['0', updatedAt(FAKE_START)],
    ['2', updatedAt(FAKE_START)],
    ['4', updatedAt(FAKE_START)],
  ]);
});

test('--since and --until bound the time, and move no cursor', async () => {
  const { data, pages } = await openBroker();
  const once = await pages('shipments');
  const [since, until] = [FAKE_START - 9 * DAY_MS, FAKE_START - 2 * DAY_MS];
  const walked = await pages('shipments', { cursor: endOf(once), since, until });
  expect(data().at(-1)?.query).toMatchObject({ 'updated[gte]': updatedAt(since), 'updated[lte]': updatedAt(until) });
  expect([endOf(walked), namesOf(walked)]).toEqual([endOf(once), []]);
});

test('a walk with bounds that was cut off goes on in them when it is resumed', async () => {
  const { api, data, pages, walk } = await openBroker(3);
  api.pageRows = 2;
  const bounds = { since: FAKE_START - 9 * DAY_MS, until: FAKE_START - 1 };
  const { value } = await walk('shipments', bounds).next();
  const resumed = await pages('shipments', { ...bounds, cursor: value!.cursor.after, isResume: true });
  expect(namesOf(resumed)).toEqual(['shipments 3']);
  expect(data().findLast(({ path }) => path.endsWith('/list'))?.query).toMatchObject({
    start: '1',
    'updated[gte]': updatedAt(bounds.since),
    'updated[lte]': updatedAt(bounds.until),
  });
});

test('other bounds than those of a walk that was cut off begin another', async () => {
  const { api, data, pages, walk } = await openBroker(3);
  api.pageRows = 2;
  const { value } = await walk('shipments').next();
  const since = FAKE_START - 9 * DAY_MS;
  await pages('shipments', { cursor: value!.cursor.after, since });
  expect(
    data()
      .filter(({ path }) => path.endsWith('/list'))
      .at(1)?.query,
  ).toMatchObject({ start: '0', 'updated[gte]': updatedAt(since) });
});

test('a row that an offset gives twice is taken once', async () => {
  const { api, pages } = await openBroker(4);
  api.pageRows = 2;
  let hasMoved = false;
  api.interfere = ({ query }) => {
    if (query['start'] === '1' && !hasMoved) {
      hasMoved = true;
      api.shipments.unshift({ ...api.shipments[0]!, id: 99 });
    }
    return null;
  };
  expect(namesOf(await pages('shipments'))).toEqual([SHIPMENT, 2, 3, 4].map((id) => `shipments ${id}`));
});

/** Before the nth page from now on the shipments at these places leave the list. */
function leaveBefore(api: TurvoApi, page: number, { from, rows }: { from: number; rows: number }) {
  let asked = 0;
  api.interfere = ({ path }) => {
    if (path.endsWith('/list')) asked += 1;
    if (path.endsWith('/list') && asked === page) api.shipments.splice(from, rows);
    return null;
  };
}

test.each([
  ['the first', { from: 0, rows: 1 }],
  ['the last that was met', { from: 2, rows: 1 }],
  ['the first two', { from: 0, rows: 2 }],
  ['all that were met', { from: 0, rows: 3 }],
  ['those on both sides of the seam', { from: 1, rows: 4 }],
  ['all but one', { from: 0, rows: 8 }],
  ['all', { from: 0, rows: 9 }],
])('rows that leave the list while it is walked (%s) hide none of those that stay', async (_, leaving) => {
  const { api, pages } = await openBroker(9);
  api.pageRows = 3;
  leaveBefore(api, 2, leaving);
  const walked = await pages('shipments');
  const met = [SHIPMENT, 2, 3].map((id) => `shipments ${id}`);
  const stayed = api.shipments.map(({ id }) => `shipments ${id}`);
  expect(namesOf(walked)).toEqual([...met, ...stayed.filter((name) => !met.includes(name))]);
  expect(walked.map(({ isLast }) => isLast).indexOf(true)).toBe(walked.length - 1);
});

test.each([
  ['the first', { from: 0, rows: 1 }],
  ['the last that was met', { from: 5, rows: 1 }],
  ['all that were met', { from: 0, rows: 6 }],
  ['all but two', { from: 0, rows: 10 }],
])('rows that leave the list while nobody walks it (%s) hide none of those that stay', async (_, leaving) => {
  const { api, pages, walk } = await openBroker(12);
  api.pageRows = 4;
  const begun = walk('shipments');
  const [first, second] = [await begun.next(), await begun.next()];
  expect(namesOf([first.value!, second.value!])).toHaveLength(7);
  api.shipments.splice(leaving.from, leaving.rows);
  const names = namesOf(await pages('shipments', { cursor: second.value!.cursor.after }));
  const met = namesOf([first.value!, second.value!]);
  const stayed = api.shipments.map(({ id }) => `shipments ${id}`).filter((name) => !met.includes(name));
  expect(names).toEqual(expect.arrayContaining(stayed));
  expect(new Set(names).size).toBe(names.length);
});

test.each([
  [129, 250],
  [470, 220],
])('a list is read to its end, though %i rows leave it at once, with %i requests at most', async (rows, most) => {
  const { api, data, pages } = await openBroker(600);
  api.pageRows = 4;
  leaveBefore(api, 160, { from: 0, rows });
  expect(namesOf(await pages('shipments'))).toHaveLength(600);
  expect(data().filter(({ path }) => path.endsWith('/list')).length).toBeLessThanOrEqual(most);
});

test('rows that come and go while a list is walked, on and on, hide none of those that stay', {
  timeout: 60_000,
}, async () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const pick = picksFrom(randomFrom(seed));
    const { api, pages, walk } = await openBroker(20 + pick.below(20));
    api.pageRows = 2 + pick.below(6);
    const stayed = new Set(api.shipments.map(({ id }) => `shipments ${id}`));
    let left = 12;
    api.interfere = ({ path }) => {
      if (!path.endsWith('/list') || left === 0 || pick.is(0.5)) return null;
      left -= 1;
      const at = pick.below(api.shipments.length);
      for (const { id } of api.shipments.splice(at, 1 + pick.below(5))) stayed.delete(`shipments ${id}`);
      if (pick.is(0.3)) api.shipments.splice(pick.below(at + 1), 0, { ...TURVO_EXAMPLES.shipment, id: 900 + left });
      return null;
    };
    const begun = walk('shipments');
    const first = (await begun.next()).value!;
    const rest = pick.is(0.5) ? await Array.fromAsync(begun) : await pages('shipments', { cursor: first.cursor.after });
    const names = namesOf([first, ...rest]);
    expect(
      [...stayed].filter((name) => !names.includes(name)),
      `seed ${seed}`,
    ).toEqual([]);
  }
});

test('with --all a row that changes while its list is walked is in it, and so not gone', async () => {
  const { api, pages } = await openBroker();
  for (let id = 1; id <= 5; id += 1) api.customers.push({ ...api.customers[0]!, id });
  api.pageRows = 3;
  let asked = 0;
  api.interfere = ({ path }) => {
    if (path === '/v1/customers/list') asked += 1;
    if (asked === 2) Object.assign(api.customers.at(-1)!, { updated: updatedAt(FAKE_START + DAY_MS) });
    return null;
  };
  const walked = await pages('customers', { isAll: true });
  expect([namesOf(walked).length, walked.at(-1)?.allOf]).toEqual([6, 'turvo:customer:']);
});

test('pages of a single row follow each other', async () => {
  const { api, pages } = await openBroker(3);
  api.pageRows = 1;
  expect(namesOf(await pages('shipments'))).toHaveLength(3);
});

test('a place that an apex of before saved is gone on from', async () => {
  const { api, pages, walk } = await openBroker(5);
  api.pageRows = 3;
  const { value } = await walk('shipments').next();
  const cursor = value!.cursor.after!.replace('"2 3"', '"3"');
  expect(cursor).not.toBe(value!.cursor.after);
  expect(namesOf(await pages('shipments', { cursor }))).toEqual(['shipments 4', 'shipments 5']);
});

test('a row is named by where it stands in its page', async () => {
  const { api, pages } = await openBroker();
  for (let id = 1; id <= 3; id += 1) api.carriers.push({ ...api.carriers[0]!, id });
  api.pageRows = 3;
  const places = (await pages('carriers')).flatMap(({ records }) => records.map(({ place }) => place));
  expect(places).toEqual([0, 1, 2].map((row) => `page 1 carriers[${row}]`).concat('page 2 carriers[1]'));
});

test('a server that gives the same rows at every offset is left', async () => {
  const { api, walk } = await openBroker(2);
  api.isIgnoringStart = true;
  const { pages, error } = await failedWalk(walk('shipments'));
  expect(error).toMatchObject({ code: 'ENDLESS_PAGES', message: expect.stringContaining('in a circle') });
  expect(namesOf(pages)).toHaveLength(2);
});

test('a shipment that is gone since it was listed is taken as it was listed, and said', async () => {
  const { api, pages, warnings } = await openBroker(2);
  api.interfere = ({ path }) => (path === '/v1/shipments/2' ? { status: 404, body: {} } : null);
  const [page] = await pages('shipments');
  expect(page!.records[1]).toMatchObject({ place: 'page 1 shipments[1]', value: { id: 2, customId: 'SHIP-2' } });
  expect(page!.records[1]?.value).not.toHaveProperty('globalRoute');
  expect(warnings).toEqual([{ stream: 'shipments', code: 'GONE', message: expect.stringContaining('2') }]);
});

test.each([
  ['400', 'SOURCE_REQUEST', 1],
  ['404', 'NOT_FOUND', 1],
  ['429', 'RATE_LIMITED', 6],
  ['500', 'APEX_SOURCE', 6],
  ['TURVO-17', 'APEX_SOURCE', 6],
])('200 with Status ERROR and %s is %s, after %i requests', async (errorCode, code, count) => {
  const { api, data, walk } = await openBroker();
  const body = { Status: 'ERROR', details: { errorMessage: 'Acme must not be told', errorCode } };
  api.interfere = ({ path }) => (path.endsWith('/list') ? { status: 200, body } : null);
  const { error } = await failedWalk(walk('carriers'));
  expect(error).toMatchObject({ code });
  expect(error?.message).not.toContain('Acme');
  expect(data()).toHaveLength(count);
});

test('200 with Status ERROR once is tried again', async () => {
  const { api, pages } = await openBroker();
  const busy = { status: 200, body: { Status: 'ERROR', details: { errorCode: '503' } } };
  api.interfere = first(null, busy);
  expect(namesOf(await pages('carriers'))).toEqual(['carriers 204410']);
});

test.each([401, 403])('%i asks for one new token, and goes on', async (status) => {
  const { api, pages } = await openBroker(2);
  api.interfere = first(null, null, { status, body: {} });
  expect(namesOf(await pages('shipments'))).toHaveLength(2);
  expect(api.tokenRequests()).toHaveLength(2);
});

test('401 inside 200 asks for a new token, too', async () => {
  const { api, pages } = await openBroker();
  api.interfere = first(null, { status: 200, body: { Status: 'ERROR', details: { errorCode: '401' } } });
  expect(namesOf(await pages('carriers'))).toEqual(['carriers 204410']);
  expect(api.tokenRequests()).toHaveLength(2);
});

test('however many are refused at the same time, one token is asked for', async () => {
  const { api, pages } = await openBroker();
  await pages('carriers');
  api.revokeTokens();
  await Promise.all([pages('carriers'), pages('customers'), pages('locations')]);
  expect(api.tokenRequests()).toHaveLength(2);
});

test('however many begin at the same time, one token is asked for', async () => {
  const { api, pages } = await openBroker();
  await Promise.all([pages('carriers'), pages('customers'), pages('locations')]);
  expect(api.tokenRequests()).toHaveLength(1);
});

test('a token that is refused again ends the walk, with the settings that it came from', async () => {
  const { api, data, walk } = await openBroker();
  api.interfere = ({ path }) => (path.endsWith('/list') ? { status: 401, body: {} } : null);
  const { error } = await failedWalk(walk('carriers'));
  expect(error).toMatchObject({ code: 'SOURCE_REFUSED', message: expect.stringContaining('TURVO_CLIENT_SECRET') });
  expect([data().length, api.tokenRequests().length]).toEqual([2, 2]);
});

test('a token is replaced a minute before its end', async () => {
  const { api, pages, timing } = await openBroker();
  api.expiresIn = 3_600;
  await pages('carriers');
  timing.time += 3_539_000;
  await pages('carriers');
  expect(api.tokenRequests()).toHaveLength(1);
  timing.time += 1_000;
  await pages('carriers');
  expect(api.tokenRequests()).toHaveLength(2);
});

test('429 of the token request is waited for', async () => {
  const { api, pages, timing } = await openBroker();
  api.interfere = first({ status: 429, headers: { 'retry-after': '30' }, body: {} });
  expect(namesOf(await pages('carriers'))).toHaveLength(1);
  expect(timing.sleeps).toEqual([30_000]);
});

test.each(['query', 'body'] as const)('a token is asked for with the client in the %s', async (place) => {
  const { api } = await openBroker();
  api.clientIn = place;
  const { pages } = openWalking(turvo, { ...api.env, TURVO_CLIENT_ID_IN: place });
  expect(namesOf(await pages('carriers'))).toHaveLength(1);
  const [request] = api.tokenRequests();
  expect(request).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } });
  expect(request?.headers['authorization']).toBeUndefined();
  expect(JSON.parse(request!.body)).toMatchObject({
    grant_type: 'password',
    scope: 'read+trust+write',
    type: 'business',
  });
});

test('a wrong password is a refusal that names the settings, and no secret', async () => {
  const { api } = await openBroker();
  const secrets = { TURVO_PASSWORD: 'wrong-password', TURVO_CLIENT_SECRET: 'wrong-secret' };
  const { walk } = openWalking(turvo, { ...api.env, ...secrets });
  const { error } = await failedWalk(walk('carriers'));
  expect(error).toMatchObject({ code: 'SOURCE_REFUSED', message: expect.stringContaining('TURVO_PASSWORD') });
  expect(`${error?.stack} ${JSON.stringify(error)}`).not.toMatch(/wrong-/);
});

test.each(['drop', 'truncate', HTML_PAGE, '503'])('a token request that fails (%s) tells no secret', async (how) => {
  const { api, walk } = await openBroker();
  api.interfere = () => {
    if (how === 'drop' || how === 'truncate') return how;
    return how === '503' ? { status: 503, body: {} } : { status: 200, body: how };
  };
  const { error } = await failedWalk(walk('carriers'));
  expect(error?.message).toContain('/v1/oauth/token');
  expect(`${error?.stack} ${String(error?.cause)} ${JSON.stringify(error)}`).not.toMatch(/of-the-tests|turvo-client/);
});

test('a token request is redirected nowhere', async () => {
  const { api, walk } = await openBroker();
  api.interfere = first({ status: 307, headers: { location: '/v1/oauth/other' }, body: {} });
  expect((await failedWalk(walk('carriers'))).error).toMatchObject({ code: 'SOURCE_ANSWER' });
  expect(asked(api.requests)).toEqual(['/v1/oauth/token']);
});

test('an answer without a token is none', async () => {
  const { api, walk } = await openBroker();
  api.interfere = () => ({ status: 200, body: { token_type: 'bearer' } });
  const { error } = await failedWalk(walk('carriers'));
  expect(error).toMatchObject({ code: 'SOURCE_ANSWER', message: expect.stringContaining('no token') });
});

test('a token that is given is used, and no other is asked for', async () => {
  const { api, pages } = await openBroker();
  await pages('carriers');
  const env = { TURVO_BASE_URL: api.env['TURVO_BASE_URL']!, TURVO_API_KEY: api.env['TURVO_API_KEY']! };
  const given = openWalking(turvo, { ...env, TURVO_API_TOKEN: 'turvo-token-1' });
  expect(namesOf(await given.pages('carriers'))).toHaveLength(1);
  api.revokeTokens();
  const { error } = await failedWalk(given.walk('carriers'));
  expect(error).toMatchObject({ code: 'SOURCE_REFUSED', message: expect.stringContaining('TURVO_API_TOKEN') });
  expect(api.tokenRequests()).toHaveLength(1);
});

test.each([
  [{}, 'TURVO_API_KEY, TURVO_CLIENT_ID, TURVO_CLIENT_SECRET, TURVO_USERNAME, TURVO_PASSWORD'],
  [{ TURVO_API_KEY: 'k', TURVO_CLIENT_ID: 'c', TURVO_CLIENT_SECRET: 's', TURVO_USERNAME: 'u' }, 'token TURVO_PASSWORD'],
  [{ TURVO_API_TOKEN: 'two words' }, 'TURVO_API_TOKEN'],
  [
    {
      TURVO_API_KEY: 'k',
      TURVO_CLIENT_ID: 'c',
      TURVO_CLIENT_SECRET: 's',
      TURVO_USERNAME: 'u',
      TURVO_PASSWORD: 'p',
      TURVO_CLIENT_ID_IN: 'header',
    },
    'TURVO_CLIENT_ID_IN',
  ],
])('what is missing to get in is named: %j', (env, names) => {
  expect(() => openWalking(turvo, env)).toThrow(
    expect.objectContaining({ code: 'APEX_CONFIG', message: expect.stringContaining(names) }),
  );
});

test.each([
  ['its id', String(SHIPMENT)],
  ['the number that people know', 'SHIP-2025-10-19-002'],
])('one shipment is fetched by %s', async (_, id) => {
  const { pages } = await openBroker(2);
  const [page] = await pages('shipments', { id });
  expect(page!.records).toMatchObject([
    { stream: 'shipments', value: { id: SHIPMENT, customId: 'SHIP-2025-10-19-002' } },
  ]);
});

test.each(['404', 'SHIP-404'])('a shipment that there is not (%s) is not found', async (id) => {
  const { pages } = await openBroker();
  await expect(pages('shipments', { id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('requests keep a second between them when nobody says how many are allowed', async () => {
  const { api } = await openBroker(3);
  const { pages, timing } = openWalking(turvo, { ...api.env, TURVO_REQUESTS_PER_SECOND: '' });
  await pages('shipments');
  expect(api.requests).toHaveLength(5);
  expect(timing.sleeps).toEqual([1_000, 1_000, 1_000]);
});

test('a promise of more that came as a text is one', async () => {
  const { api, pages } = await openBroker();
  api.interfere = ({ path, query }) => {
    if (!path.endsWith('/list') || query['start'] !== '0') return null;
    const details = { pagination: { moreAvailable: 'true' }, carriers: [{ id: 7 }] };
    return { status: 200, body: { Status: 'SUCCESS', details } };
  };
  expect(await pages('carriers')).toHaveLength(2);
});

test.each([
  ['no details', {}],
  ['no rows', { details: {} }],
  ['rows that are no list', { details: { pagination: {}, carriers: { id: 1 } } }],
  ['a promise that is neither yes nor no', { details: { pagination: { moreAvailable: 'maybe' }, carriers: [] } }],
])('an answer of another shape is none: %s', async (_, answer) => {
  const { api, walk } = await openBroker();
  api.interfere = ({ path }) =>
    path.endsWith('/list') ? { status: 200, body: { Status: 'SUCCESS', ...answer } } : null;
  expect((await failedWalk(walk('carriers'))).error).toMatchObject({ code: 'SOURCE_ANSWER' });
});

test('ids beyond what a double holds stay what they are', async () => {
  const { api, pages } = await openBroker();
  const text = JSON.stringify({
    Status: 'SUCCESS',
    details: { pagination: {}, carriers: [{ ...TURVO_EXAMPLES.carrier, id: 0 }] },
  });
  const body = text.replace('"id":0', '"id":9223372036854775807');
  api.interfere = ({ path }) => (path.endsWith('/list') ? { status: 200, body } : null);
  expect(namesOf(await pages('carriers'))).toEqual(['carriers 9223372036854775807']);
});
