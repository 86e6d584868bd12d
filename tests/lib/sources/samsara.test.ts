import { expect, test } from 'vitest';
import samsara from '../../../lib/sources/samsara.ts';
import { first, HTML_PAGE } from '../../helpers/api-server.ts';
import { FAKE_START } from '../../helpers/fake-timing.ts';
import { openSamsaraApi, SAMSARA_EXAMPLES, type SamsaraReading } from '../../helpers/samsara-api.ts';
import { asked, endOf, failedWalk, namesOf, openWalking } from './walking.ts';

const VEHICLE = '281474981110001';
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

async function openFleet(vehicles = 1) {
  const api = await openSamsaraApi();
  for (let count = 2; count <= vehicles; count += 1) {
    api.vehicles.push({ ...SAMSARA_EXAMPLES.vehicle, id: `${count}`, name: `TRUCK-${count}` });
  }
  return { api, ...openWalking(samsara, api.env) };
}

function reading(minute: number): SamsaraReading {
  const time = new Date(FAKE_START + minute * MINUTE_MS).toISOString();
  const vehicle = { id: VEHICLE, name: 'TRUCK-6520' };
  return { vehicle, type: 'gps', reading: { time, latitude: 41.8, longitude: -87.6 } };
}

test('a listing is followed by its cursor, with the same parameters on every page', async () => {
  const { api, pages } = await openFleet(5);
  api.pageRows = 2;
  const walked = await pages('vehicles');
  expect(namesOf(walked)).toEqual([VEHICLE, '2', '3', '4', '5'].map((id) => `vehicles ${id}`));
  expect(walked.map(({ isLast, allOf }) => [isLast, allOf])).toEqual([
    [false, null],
    [false, null],
    [true, 'samsara:vehicle:'],
  ]);
  expect(api.requests.map(({ query }) => query['limit'])).toEqual(['512', '512', '512']);
  expect(walked[0]?.records[1]).toMatchObject({ place: 'page 1 data[1]', value: { name: 'TRUCK-2' } });
});

test('pages are a chain of cursors, from none to that of the end', async () => {
  const { api, pages } = await openFleet(5);
  api.pageRows = 2;
  const walked = await pages('vehicles');
  expect(walked.map(({ cursor }) => cursor.before)).toEqual([
    null,
    ...walked.slice(0, -1).map(({ cursor }) => cursor.after),
  ]);
  expect(new Set(walked.map(({ cursor }) => cursor.after)).size).toBe(3);
});

test('an empty page that promises more is not the end', async () => {
  const { api, pages } = await openFleet();
  api.emptyPages = 3;
  const walked = await pages('vehicles');
  expect(walked.map(({ records }) => records.length)).toEqual([0, 0, 0, 1]);
});

test('a walk that was cut off goes on at its page, in the same bounds', async () => {
  const { api, pages, walk, timing } = await openFleet(5);
  api.pageRows = 2;
  const { value } = await walk('vehicles').next();
  timing.time += DAY_MS;
  const rest = await pages('vehicles', { cursor: value!.cursor.after });
  expect(namesOf(rest)).toEqual(['vehicles 3', 'vehicles 4', 'vehicles 5']);
  expect(rest.every(({ allOf }) => allOf === null)).toBe(true);
  await pages('vehicles', { cursor: endOf(rest) });
  const [updatedAfter] = api.requests.slice(-1).map(({ query }) => query['updatedAfterTime']);
  expect(updatedAfter).toBe(new Date(FAKE_START - 10 * MINUTE_MS).toISOString());
});

test('the next walk asks for what was updated since the last began, less 10 minutes', async () => {
  const { api, pages, timing } = await openFleet();
  const once = await pages('vehicles');
  timing.time += DAY_MS;
  api.vehicles.push({ ...SAMSARA_EXAMPLES.vehicle, id: '2', updatedAtTime: '2025-10-19T14:20:00.000Z' });
  const again = await pages('vehicles', { cursor: endOf(once) });
  expect(namesOf(again)).toEqual(['vehicles 2']);
  expect(again.at(-1)?.allOf).toBe(null);
  expect(api.requests.map(({ query }) => query['updatedAfterTime'])).toEqual([undefined, '2025-10-19T14:20:00.000Z']);
});

test('--all lists everything again, and is whole', async () => {
  const { api, pages } = await openFleet(2);
  const once = await pages('vehicles');
  const all = await pages('vehicles', { cursor: endOf(once), isAll: true });
  expect([namesOf(all).length, all.at(-1)?.allOf]).toEqual([2, 'samsara:vehicle:']);
  expect(api.requests[1]?.query).not.toHaveProperty('updatedAfterTime');
});

test('--since asks from then on, and does not skip what lies between', async () => {
  const { api, pages, timing } = await openFleet();
  const once = await pages('vehicles');
  timing.time += DAY_MS;
  const since = FAKE_START + 60 * MINUTE_MS;
  const later = await pages('vehicles', { cursor: endOf(once), since });
  expect(api.requests[1]?.query['updatedAfterTime']).toBe(new Date(since).toISOString());
  expect(endOf(later)).toBe(endOf(once));
  const earlier = await pages('vehicles', { cursor: endOf(once), since: FAKE_START - DAY_MS });
  expect(endOf(earlier)).not.toBe(endOf(once));
});

test('drivers are asked for twice, so that those who are deactivated come, too', async () => {
  const { api, pages } = await openFleet();
  api.drivers.push({ ...SAMSARA_EXAMPLES.driver, id: '50702', driverActivationStatus: 'deactivated' });
  const walked = await pages('drivers');
  expect(namesOf(walked)).toEqual(['drivers 50701', 'drivers 50702']);
  expect(walked.map(({ isLast, allOf }) => [isLast, allOf])).toEqual([
    [false, null],
    [true, 'samsara:driver:'],
  ]);
  const rest = await pages('drivers', { cursor: walked[0]!.cursor.after });
  expect(namesOf(rest)).toEqual(['drivers 50702']);
});

test('assignments are asked for by windows that overlap by 8 days', async () => {
  const { api, pages, timing } = await openFleet();
  const once = await pages('driver-assignments');
  expect(once[0]?.records[0]).toMatchObject({ stream: 'driver-assignments', value: { driver: { id: '50701' } } });
  timing.time += DAY_MS;
  await pages('driver-assignments', { cursor: endOf(once) });
  expect(asked(api.requests, 'filterBy', 'startTime', 'endTime')).toEqual([
    '/fleet/driver-vehicle-assignments filterBy=vehicles startTime=2025-10-11T14:30:00.000Z endTime=2025-10-19T14:30:00.000Z',
    '/fleet/driver-vehicle-assignments filterBy=vehicles startTime=2025-10-11T14:30:00.000Z endTime=2025-10-20T14:30:00.000Z',
  ]);
});

test('addresses have no bounds: they are listed as a whole each time', async () => {
  const { pages } = await openFleet();
  const once = await pages('addresses');
  const again = await pages('addresses', { cursor: endOf(once) });
  expect([namesOf(again), again[0]?.allOf]).toEqual([['addresses 4410021'], 'samsara:address:']);
});

test('a snapshot is never whole: vehicles that have told nothing are not in it', async () => {
  const { pages } = await openFleet();
  expect((await pages('vehicle-stats', { isAll: true })).map(({ isLast, allOf }) => [isLast, allOf])).toEqual([
    [true, null],
  ]);
});

test('a snapshot has each value alone, the feed has lists of them', async () => {
  const { pages } = await openFleet();
  const [snapshot] = (await pages('vehicle-stats'))[0]!.records;
  expect(snapshot).toMatchObject({ stream: 'vehicle-stats', value: { engineState: { value: 'On' } } });
  const feed = (await pages('vehicle-stats-feed'))[0]!.records;
  expect(feed[0]).toMatchObject({ stream: 'vehicle-stats-feed', value: { engineStates: [{ value: 'On' }] } });
});

test('the feed begins without a cursor, and goes on with the last one it gave', async () => {
  const { api, pages } = await openFleet();
  const once = await pages('vehicle-stats-feed');
  expect(api.requests[0]?.query).not.toHaveProperty('after');
  api.readings.push(reading(1), reading(2));
  const again = await pages('vehicle-stats-feed', { cursor: endOf(once) });
  expect(again[0]?.records.map(({ value }) => value['gps'])).toEqual([[reading(1).reading], [reading(2).reading]]);
  const nothing = await pages('vehicle-stats-feed', { cursor: endOf(again) });
  expect(nothing.map(({ records, isLast }) => [records.length, isLast])).toEqual([[0, true]]);
  expect(api.requests.every(({ query }) => query['types'] === 'gps,engineStates,fuelPercents')).toBe(true);
});

test('with --all a feed gives what came since its position, and then the last known values again', async () => {
  const { api, pages } = await openFleet();
  const once = await pages('vehicle-stats-feed');
  api.readings.push(reading(1), reading(2));
  const all = await pages('vehicle-stats-feed', { cursor: endOf(once), isAll: true });
  expect(all.map(({ isLast }) => isLast)).toEqual([false, true]);
  expect(all[0]?.records.map(({ value }) => value['gps'])).toEqual([[reading(1).reading], [reading(2).reading]]);
  expect(all[1]?.records.flatMap(({ value }) => value['gps'] ?? [])).toEqual([reading(2).reading]);
  api.readings.push(reading(3));
  const next = await pages('vehicle-stats-feed', { cursor: endOf(all) });
  expect(next.map(({ records }) => records.map(({ value }) => value['gps']))).toEqual([[[reading(3).reading]]]);
});

test('the feed keeps its position when an answer without more names none', async () => {
  const { api, pages } = await openFleet();
  const once = await pages('vehicle-stats-feed');
  api.interfere = first({ status: 200, body: { data: [], pagination: { hasNextPage: false } } });
  const silent = await pages('vehicle-stats-feed', { cursor: endOf(once) });
  api.readings.push(reading(1));
  expect((await pages('vehicle-stats-feed', { cursor: endOf(silent) }))[0]?.records).toHaveLength(1);
});

test('a late reading is in the feed, though its time has passed', async () => {
  const { api, pages } = await openFleet();
  const once = await pages('vehicle-stats-feed');
  api.readings.push(reading(-300));
  expect((await pages('vehicle-stats-feed', { cursor: endOf(once) }))[0]?.records).toHaveLength(1);
});

test('a refused cursor falls back to the history since the last walk, and a new feed', async () => {
  const { api, pages, timing, warnings } = await openFleet();
  const once = await pages('vehicle-stats-feed');
  api.readings.push(reading(1), reading(2), reading(3));
  api.pageRows = 2;
  api.expireCursors();
  timing.time += 40 * DAY_MS;
  const walked = await pages('vehicle-stats-feed', { cursor: endOf(once) });
  expect(warnings).toEqual([
    { stream: 'vehicle-stats-feed', code: 'CURSOR_REFUSED', message: expect.stringContaining('history since then') },
  ]);
  expect(walked.flatMap(({ records }) => records.map(({ stream }) => stream))).toEqual([
    'vehicle-stats-feed',
    'vehicle-stats-feed',
    'vehicle-stats-history',
    'vehicle-stats-history',
    'vehicle-stats-history',
  ]);
  expect(walked.map(({ isLast }) => isLast)).toEqual([false, false, true]);
  expect(asked(api.requests.slice(1, 4), 'startTime', 'endTime')).toEqual([
    '/fleet/vehicles/stats/feed',
    '/fleet/vehicles/stats/feed',
    `/fleet/vehicles/stats/history startTime=${new Date(FAKE_START).toISOString()} endTime=${new Date(timing.time).toISOString()}`,
  ]);
  api.readings.push(reading(4));
  const after = await pages('vehicle-stats-feed', { cursor: endOf(walked) });
  expect(after.flatMap(({ records }) => records)).toHaveLength(1);
});

test('a refused cursor falls back to all the time since the last walk, whatever later time is asked for', async () => {
  const { api, pages, timing } = await openFleet();
  const once = await pages('vehicle-stats-feed');
  api.expireCursors();
  timing.time += DAY_MS;
  await pages('vehicle-stats-feed', { cursor: endOf(once), since: timing.time - MINUTE_MS });
  expect(api.requests.at(-1)?.query['startTime']).toBe(new Date(FAKE_START).toISOString());
});

test('a fallback that was cut off fetches the rest of the history, and the feed before it', async () => {
  const { api, pages, walk } = await openFleet();
  const once = await pages('vehicle-stats-feed');
  api.readings.push(reading(-3), reading(-2), reading(-1));
  api.pageRows = 2;
  const walking = walk('vehicle-stats-feed', { cursor: endOf(once), since: FAKE_START - 5 * MINUTE_MS });
  const given = [(await walking.next()).value!, (await walking.next()).value!, (await walking.next()).value!];
  expect(given.map(({ records }) => records[0]?.stream)).toEqual([
    'vehicle-stats-feed',
    'vehicle-stats-feed',
    'vehicle-stats-history',
  ]);
  const rest = await pages('vehicle-stats-feed', { cursor: given[2]!.cursor.after });
  expect(rest.flatMap(({ records }) => records.map(({ stream, value }) => [stream, value['gps']]))).toEqual([
    ['vehicle-stats-history', [reading(-1).reading]],
  ]);
});

test('--until fetches history, and leaves the feed where it was', async () => {
  const { api, pages } = await openFleet();
  const once = await pages('vehicle-stats-feed');
  const since = Date.UTC(2025, 9, 19, 14, 23);
  const walked = await pages('vehicle-stats-feed', { cursor: endOf(once), since, until: since + 10_000 });
  expect(walked.flatMap(({ records }) => records.map(({ stream }) => stream))).toEqual(['vehicle-stats-history']);
  expect(endOf(walked)).toBe(endOf(once));
  expect(asked(api.requests.slice(1))).toEqual(['/fleet/vehicles/stats/history']);
});

test('a cursor of a listing that is refused lists anew, and says so', async () => {
  const { api, pages, walk, warnings } = await openFleet(3);
  api.pageRows = 2;
  const { value } = await walk('vehicles').next();
  api.expireCursors();
  expect(namesOf(await pages('vehicles', { cursor: value!.cursor.after }))).toHaveLength(3);
  expect(warnings).toMatchObject([{ stream: 'vehicles', code: 'CURSOR_REFUSED' }]);
});

test('400 that is not about the cursor is a failure', async () => {
  const { api, walk, warnings } = await openFleet();
  api.interfere = () => ({ status: 400, body: { message: 'bad types' } });
  expect((await failedWalk(walk('vehicle-stats-feed'))).error).toMatchObject({ code: 'SOURCE_REQUEST' });
  expect(warnings).toEqual([]);
});

const OTHER_VERSION = JSON.stringify({ v: 2, high: FAKE_START, position: null, seen: [], walk: null });

test.each(['not one', OTHER_VERSION, '{"v":1,"high":"yesterday","position":null,"seen":[],"walk":null}', '[]'])(
  'a cursor that apex cannot read (%s) is as none, and said',
  async (cursor) => {
    const { pages, warnings } = await openFleet();
    expect(namesOf(await pages('vehicles', { cursor }))).toEqual([`vehicles ${VEHICLE}`]);
    expect(warnings).toMatchObject([{ code: 'CURSOR_REFUSED' }]);
  },
);

test.each([
  ['circle', 'in a circle', 3],
  ['empty', 'stay empty', 100],
  ['rows', 'do not end', 1_000],
] as const)('pages without an end (%s) are left, and what they gave stays', async (endless, word, count) => {
  const { api, walk } = await openFleet();
  api.endless = endless;
  const { pages, error } = await failedWalk(walk('vehicles'));
  expect(error).toMatchObject({ code: 'ENDLESS_PAGES', message: expect.stringContaining(word) });
  expect(pages).toHaveLength(count);
});

test('more pages are promised, but no cursor is given: no answer', async () => {
  const { api, walk } = await openFleet();
  api.interfere = () => ({ status: 200, body: { data: [], pagination: { hasNextPage: true } } });
  expect((await failedWalk(walk('vehicles'))).error).toMatchObject({ code: 'SOURCE_ANSWER' });
});

test.each([
  ['a list', []],
  ['data that is no list', { data: { id: '1' } }],
  ['no data', { pagination: { hasNextPage: false } }],
  ['null', null],
  ['a promise that is neither yes nor no', { data: [], pagination: { endCursor: 'e', hasNextPage: 1 } }],
])('an answer of another shape is none: %s', async (_, body) => {
  const { api, walk } = await openFleet();
  api.interfere = () => ({ status: 200, body });
  expect((await failedWalk(walk('vehicles'))).error).toMatchObject({ code: 'SOURCE_ANSWER' });
});

test('a row that is no record costs itself only', async () => {
  const { api, pages } = await openFleet();
  const deep = JSON.parse(`${'{"a":'.repeat(300)}1${'}'.repeat(300)}`) as object;
  const data = [null, SAMSARA_EXAMPLES.vehicle, [1], 'x', deep, { id: '2' }];
  api.interfere = () => ({ status: 200, body: { data, pagination: { endCursor: 'e', hasNextPage: false } } });
  const [page] = await pages('vehicles');
  expect(namesOf([page!])).toEqual([`vehicles ${VEHICLE}`, 'vehicles 2']);
  expect(page!.rejected.map(({ place, reason }) => `${place}: ${reason}`)).toEqual([
    'page 1 data[0]: an object was expected, not null',
    'page 1 data[2]: an object was expected, not an array',
    'page 1 data[3]: an object was expected, not a string',
    'page 1 data[4]: it is nested deeper than 200 levels',
  ]);
  expect(page!.rejected[1]?.raw).toBe('[1]');
});

test('a row nested 100,000 deep costs itself only', async () => {
  const { api, pages } = await openFleet();
  const text = `{"data":[${'[{"a":'.repeat(50_000)}1${'}]'.repeat(50_000)},{"id":"2"}],"pagination":{"hasNextPage":false}}`;
  api.interfere = () => ({ status: 200, body: text });
  const [page] = await pages('vehicles');
  expect([namesOf([page!]), page!.rejected.length]).toEqual([['vehicles 2'], 1]);
});

test('Retry-After: 0.40235 is waited for, and told', async () => {
  const { api, pages, timing, waits } = await openFleet();
  api.interfere = first({ status: 429, headers: { 'retry-after': '0.40235' }, body: { message: 'slow down' } });
  await pages('vehicles');
  expect(timing.sleeps).toEqual([expect.closeTo(402.35, 6)]);
  expect(waits).toMatchObject([{ reason: 'limited' }]);
});

test('a 502 that is HTML is tried again', async () => {
  const { api, pages } = await openFleet();
  api.interfere = first({ status: 502, body: HTML_PAGE }, { status: 502, body: HTML_PAGE });
  expect(namesOf(await pages('vehicles'))).toEqual([`vehicles ${VEHICLE}`]);
});

test('a failure in the middle keeps what was given before it', async () => {
  const { api, walk } = await openFleet(5);
  api.pageRows = 2;
  api.interfere = first(null, { status: 403, body: {} });
  const { pages, error } = await failedWalk(walk('vehicles'));
  expect([namesOf(pages).length, error?.code]).toEqual([2, 'SOURCE_REFUSED']);
});

test('one record is fetched by its id or by an external one, and moves no cursor', async () => {
  const { api, pages } = await openFleet();
  for (const id of [VEHICLE, 'samsara.vin:1XPTESTVIN0006520']) {
    const walked = await pages('vehicles', { id, cursor: 'kept as it is' });
    expect(namesOf(walked)).toEqual([`vehicles ${VEHICLE}`]);
    expect(walked[0]).toMatchObject({ cursor: { before: 'kept as it is', after: 'kept as it is' }, isLast: true });
  }
  expect(api.requests[1]?.path).toBe('/fleet/vehicles/samsara.vin%3A1XPTESTVIN0006520');
});

test('the values of one vehicle come as a snapshot', async () => {
  const { pages } = await openFleet();
  const walked = await pages('vehicle-stats-feed', { id: VEHICLE });
  expect(walked[0]?.records[0]?.value).toMatchObject({ id: VEHICLE, engineState: { value: 'On' } });
  await expect(pages('vehicle-stats', { id: '404' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test.each([
  ['..', 'APEX_USAGE'],
  ['.', 'APEX_USAGE'],
  ['', 'APEX_USAGE'],
  ['../drivers/50701', 'NOT_FOUND'],
  [`${VEHICLE}?limit=1`, 'NOT_FOUND'],
  [`${VEHICLE}#`, 'NOT_FOUND'],
])('an id is no path: %j is %s', async (id, code) => {
  const { api, pages } = await openFleet();
  await expect(pages('vehicles', { id })).rejects.toMatchObject({ code });
  expect(api.requests.every(({ path }) => /^\/fleet\/vehicles\/[^/]+$/.test(path))).toBe(true);
});

test('an id in a query is what it is', async () => {
  const { api, pages } = await openFleet();
  await expect(pages('vehicle-stats', { id: '$&' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(api.requests[0]?.query['vehicleIds']).toBe('$&');
});

test('a stream without single records says so', async () => {
  const { pages } = await openFleet();
  await expect(pages('driver-assignments', { id: '1' })).rejects.toMatchObject({
    code: 'APEX_USAGE',
    message: expect.stringContaining('driver-assignments'),
  });
});

test('a stream that there is not names those that there are', async () => {
  const { pages } = await openFleet();
  await expect(pages('trips')).rejects.toMatchObject({
    code: 'APEX_USAGE',
    message: expect.stringContaining('vehicles, drivers'),
  });
});

test.each([
  [{ SAMSARA_API_TOKEN: '' }, 'SAMSARA_API_TOKEN is not set'],
  [{ SAMSARA_API_TOKEN: 'two words' }, 'SAMSARA_API_TOKEN'],
  [{ SAMSARA_API_TOKEN: 'new\nline' }, 'SAMSARA_API_TOKEN'],
  [{ SAMSARA_REQUESTS_PER_SECOND: '0' }, 'SAMSARA_REQUESTS_PER_SECOND'],
  [{ SAMSARA_REQUESTS_PER_SECOND: 'many' }, 'SAMSARA_REQUESTS_PER_SECOND'],
  [{ SAMSARA_BASE_URL: 'ftp://api.samsara.com' }, 'address of samsara'],
  [{ SAMSARA_BASE_URL: 'api.samsara.com' }, 'address of samsara'],
  [{ SAMSARA_BASE_URL: 'https://someone@api.samsara.com' }, 'address of samsara'],
  [{ SAMSARA_BASE_URL: 'https://api.samsara.com?' }, 'address of samsara'],
  [{ SAMSARA_BASE_URL: 'https://api.samsara.com/#' }, 'address of samsara'],
])('a setting that is missing or malformed is named, before anything is asked: %j', (changes, name) => {
  const env = { SAMSARA_API_TOKEN: 'token', ...changes };
  expect(() => openWalking(samsara, env)).toThrow(
    expect.objectContaining({ code: 'APEX_CONFIG', message: expect.stringContaining(name) }),
  );
});

test('a refused token names its variable, also when it is only checked', async () => {
  const { api, walk, feed } = await openFleet();
  await feed.check(new AbortController().signal);
  expect(asked(api.requests)).toEqual(['/me']);
  const wrong = openWalking(samsara, { ...api.env, SAMSARA_API_TOKEN: 'wrong' });
  await expect(wrong.feed.check(new AbortController().signal)).rejects.toMatchObject({
    code: 'SOURCE_REFUSED',
    message: expect.stringContaining('SAMSARA_API_TOKEN'),
    details: { requestId: 'req-of-the-tests' },
  });
  expect((await failedWalk(walk('vehicles'))).error).toBeNull();
});

test('the version of the API is sent when it is set', async () => {
  const { api } = await openFleet();
  await openWalking(samsara, { ...api.env, SAMSARA_API_VERSION: '2024-11-18' }).pages('vehicles');
  await openWalking(samsara, api.env).pages('vehicles');
  expect(api.requests.map(({ headers }) => headers['x-samsara-version'])).toEqual(['2024-11-18', undefined]);
});

test('a stream keeps to its own limit, too', async () => {
  const { api, pages, timing } = await openFleet();
  api.emptyPages = 7;
  await pages('addresses');
  expect(timing.sleeps).toEqual([200, 200, 200]);
});

test('an abort ends a walk', async () => {
  const { api, walk } = await openFleet(3);
  api.pageRows = 1;
  const abort = new AbortController();
  const walking = walk('vehicles', { signal: abort.signal });
  await walking.next();
  abort.abort(new Error('stopped by the test'));
  await expect(walking.next()).rejects.toThrow('stopped by the test');
  expect(api.requests).toHaveLength(1);
});

test('nothing is fetched before it is asked for', async () => {
  const { api, walk } = await openFleet(5);
  api.pageRows = 1;
  const walking = walk('vehicles');
  await walking.next();
  expect(api.requests).toHaveLength(1);
  await walking.return(undefined);
});

test('the streams that an operator wants are the default', () => {
  expect(samsara.streams.filter(({ isDefault }) => isDefault).map(({ name }) => name)).toEqual([
    'vehicle-stats-feed',
    'vehicles',
    'drivers',
    'addresses',
    'driver-assignments',
  ]);
});
