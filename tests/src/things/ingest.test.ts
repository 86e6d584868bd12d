import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { StoreError } from '../../../lib/contracts/errors.ts';
import { MAX_STAYS } from '../../../src/things/stays.ts';
import { Faults, refusal } from '../../helpers/faults.ts';
import { fetchRecords } from '../../helpers/fetch.ts';
import { openMachine, withStores } from '../../helpers/machine.ts';
import { newFolder } from '../../helpers/program.ts';
import { never } from '../../helpers/records.ts';
import { openSamsaraApi, type SamsaraApi } from '../../helpers/samsara-api.ts';

/** Goal: what is fetched is kept once and whole, whatever fails or overtakes. Method: real stores, an API on a loopback server, faults around the stores. */

const FEED = 'vehicle-stats-feed';

let api: SamsaraApi;
let home: string;
beforeEach(async () => {
  api = await openSamsaraApi();
  api.readings.length = 0;
  home = join(newFolder('things'), 'home');
  read('07:00');
});

/** A reading of the vehicle comes in. */
function read(time: string, reading: Readonly<Record<string, unknown>> = { latitude: 41, longitude: -87 }): void {
  const { id, name } = api.vehicles[0] as { id: string; name: string };
  const at = time.startsWith('no') ? time : `2026-01-05T${time}:00Z`;
  api.readings.push({ vehicle: { id, name }, type: 'gps', reading: { time: at, ...reading } });
}

/** A machine over the memory, and what is looked at in it. @param beforePivot what each pivot waits for. */
async function open(
  faults = new Faults(),
  beforePivot: () => Promise<void> = async () => {},
  env: Readonly<Record<string, string>> = {},
) {
  const { parts, machine, resume } = await openMachine(home, {
    env: { ...api.env, ...env },
    change: (real) =>
      withStores(real, ({ records, vectors }) => ({
        records: faults.wrap('records', waiting(records, beforePivot)),
        vectors: faults.wrap('vectors', vectors),
      })),
  });
  const { records } = parts.stores;
  const thing = `samsara:vehicle:${api.vehicles[0]!['id']}`;
  const rejectedPage = { afterId: null, limit: 99, group: null, source: null };
  return {
    fetch: (...streams: string[]) => fetchRecords(machine, 'samsara', { streams }),
    resume,
    verify: () => machine.verify(never),
    take: (path: string, source = 'samsara') => machine.ingestRecords({ source, targets: [path] }, () => {}, never),
    /** Where the vehicle was at a time, from when and until when. */
    placesAt: async (at: string) =>
      (await machine.showEntity(thing, at, never))!.facts
        .filter(({ type }) => type === 'AT')
        .map(({ name, from, until }) => [name, from, until]),
    versions: () => records.currentVersions(null, 99, never),
    keys: async () => (await records.currentVersions(null, 9_999, never)).map(({ documentId }) => documentId),
    times: async () =>
      (await records.readings({ documentId: thing, series: 'position', fromAt: null, toAt: null }, 99, never)).map(
        ({ at }) => at.slice(11, 16),
      ),
    reasons: async () => (await records.rejected(rejectedPage, never)).map(({ path }) => path),
  };
}

/** The store, whose pivots wait for something. */
function waiting<Store extends object>(store: Store, beforePivot: () => Promise<void>): Store {
  return new Proxy(store, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function') return member;
      if (key !== 'pivot') return member.bind(target);
      return async (...args: unknown[]) => {
        await beforePivot();
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
}

test('readings and records that come again are written once: no other version, no other reading', async () => {
  const { fetch, versions, times, verify } = await open();
  await fetch(FEED, 'vehicles', 'drivers');
  const before = await versions();
  read('07:00');
  const { records, added, updated } = await fetch(FEED, 'vehicles', 'drivers');
  expect([records?.readings, added, updated]).toEqual([0, 0, 0]);
  expect(await versions()).toEqual(before);
  expect(await times()).toEqual(['07:00']);
  expect((await verify()).differences).toEqual([]);
});

test('a cursor does not move before what came with it: what fails is fetched again', async () => {
  const faults = new Faults();
  const failing = await open(faults);
  await failing.fetch(FEED);
  read('07:01');
  // What is asked of readings alone: a pivot with nothing but a cursor would happen.
  faults.fail('records.seriesWindows:before', refusal());
  await failing.fetch(FEED);
  const { fetch, times } = await open();
  await fetch(FEED);
  expect(await times()).toEqual(['07:00', '07:01']);
});

test('what is rejected is kept, also when another run is faster at what came with it', async () => {
  const faults = new Faults();
  const { fetch, times, reasons } = await open(faults);
  await fetch(FEED);
  read('07:01');
  read('no time');
  faults.fail('records.pivot:before', new StoreError('overtaken', { code: 'LOST_RACE', retryable: false }), 1);
  expect((await fetch(FEED)).exit_status).toBe(3);
  expect(await times()).toEqual(['07:00', '07:01']);
  expect(await reasons()).toEqual(['gps[0].time']);
});

test('a thing that was known by its name alone becomes the real one, with its readings', async () => {
  const { fetch, take, versions, times, verify } = await open();
  const { name } = api.vehicles[0]!;
  const seed = join(home, '..', 'seed.json');
  writeFileSync(
    seed,
    JSON.stringify({ vehicle_id: name, timestamp: '2026-01-05T06:00:00Z', latitude: 41, longitude: -87 }),
  );
  await take(seed);
  expect((await versions()).map(({ documentId }) => documentId)).toEqual([`samsara:vehicle:name:${name}`]);
  await fetch(FEED);
  expect((await versions()).map(({ documentId }) => documentId)).toEqual([`samsara:vehicle:${api.vehicles[0]!['id']}`]);
  expect(await times()).toEqual(['06:00', '07:00']);
  expect((await verify()).differences).toEqual([]);
});

test('where a thing was before the stays that it keeps is told by its readings', async () => {
  const { take, placesAt, verify } = await open();
  const timeOf = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
  const { id, name } = api.vehicles[0] as { id: string; name: string };
  const gps = (minute: number, yard: number | null) => ({
    ...{ time: timeOf(minute), latitude: 41, longitude: -87 },
    ...(yard !== null && { address: { id: String(yard), name: `Yard ${yard}` } }),
  });
  // Every ten minutes: in a yard for five, then on the way.
  const lines = Array.from({ length: MAX_STAYS + 2 }, (_, stay) => [gps(10 * stay, stay), gps(10 * stay + 5, null)]);
  const path = join(home, '..', 'stays.ndjson');
  writeFileSync(
    path,
    lines
      .flat()
      .map((one) => JSON.stringify({ id, name, gps: one }))
      .join('\n'),
  );
  await take(path);
  expect(await placesAt(timeOf(21))).toEqual([['Yard 2', timeOf(20), timeOf(25)]]);
  // No record has described the yard, so it is called by its key.
  expect(await placesAt(timeOf(10))).toEqual([['samsara:address:1', timeOf(10), timeOf(15)]]);
  expect(await placesAt(timeOf(14))).toEqual([['samsara:address:1', null, timeOf(15)]]);
  expect([await placesAt(timeOf(17)), await placesAt(timeOf(15)), await placesAt(timeOf(-1))]).toEqual([[], [], []]);
  expect((await verify()).differences).toEqual([]);
});

describe('while a batch is written', () => {
  const BATCH = 256;
  const vehicle = (number: number) => ({ id: `2814749811${number}`, name: `TRUCK-${number}`, vehicleType: 'truck' });
  const reading = (name: string) => ({
    vehicle_id: name,
    timestamp: '2026-01-05T06:00:00Z',
    latitude: 41,
    longitude: -87,
  });

  /** Takes two batches and one record more. @returns whether the second was made ready before the pivot of the first. */
  async function takeBatches(second: object, { isRefused = false } = {}) {
    const faults = new Faults();
    const isReadAhead = () => {
      const from = faults.points.indexOf('records.writeBuilding:after');
      return from >= 0 && faults.points.includes('records.factsOn:after', from);
    };
    let isAhead: boolean | null = null;
    const beforePivot = async () => {
      for (let waits = 0; isAhead === null && waits < 100 && !isReadAhead(); waits += 1) await delay(10);
      isAhead ??= isReadAhead();
      if (isRefused) throw refusal();
    };
    const opened = await open(faults, beforePivot);
    const vehicles = Array.from({ length: 2 * BATCH }, (_, index) => vehicle(1_000 + index));
    const lines = [...vehicles.slice(0, BATCH), second, ...vehicles.slice(BATCH)];
    const path = join(home, '..', 'batches.ndjson');
    writeFileSync(path, lines.map((line) => JSON.stringify(line)).join('\n'));
    const summary = await opened.take(path);
    return { ...opened, summary, isAhead };
  }

  test('the next is made ready, and what it was made from is looked at again: a name that the first one gives', async () => {
    const { isAhead, summary, keys, verify } = await takeBatches(reading('TRUCK-1000'));
    expect([isAhead, summary.exit_status]).toEqual([true, 0]);
    // The reading is of the vehicle that bears the name, and nothing is known by its name alone.
    expect((await keys()).filter((key) => key.includes('name:'))).toEqual([]);
    expect(summary.records).toMatchObject({ records: 2 * BATCH + 1, readings: 1 });
    expect((await verify()).differences).toEqual([]);
  });

  test('where it cannot be written, what was made ready beside it is let go, and a resumed run takes both', async () => {
    const { isAhead, summary, keys } = await takeBatches(reading('TRUCK-1000'), { isRefused: true });
    expect([isAhead, summary.state, await keys()]).toEqual([true, 'interrupted', []]);
    const resumed = await open();
    await resumed.resume(summary.run_id);
    expect(await resumed.keys()).toHaveLength(2 * BATCH);
    expect((await resumed.verify()).differences).toEqual([]);
  });

  test('one that speaks of the same things waits for it', async () => {
    const { isAhead, keys, verify } = await takeBatches({ ...vehicle(1_000), notes: 'again' });
    expect(isAhead).toBe(false);
    expect(await keys()).toHaveLength(2 * BATCH);
    expect((await verify()).differences).toEqual([]);
  });
});

test.each([
  ['samsara', 'vehicles', (id: string) => ({ id, name: `TRUCK-${id}`, vehicleType: 'truck' }), 2],
  // Of three things each: two of them make a batch.
  [
    'turvo',
    'shipments',
    (id: string) => ({
      ...{ id: Number(id), customId: `SHIP-${id}` },
      customerOrder: [{ id: Number(`1${id}`), customer: { id: Number(`2${id}`), name: `Customer ${id}` } }],
      carrierOrder: [{ id: Number(`3${id}`), carrier: { id: Number(`4${id}`), name: `Carrier ${id}` } }],
    }),
    4,
  ],
] as const)(
  'seven records of %s, %s: four in a batch, unless they speak of more than six things',
  async (source, _, record, expected) => {
    const opened = await open(new Faults(), async () => {}, { APEX_BATCH_SIZE: '4' });
    const path = join(home, '..', 'seven.ndjson');
    const lines = [1, 2, 3, 4, 5, 6, 7].map((index) => JSON.stringify(record(`70${index}`)));
    writeFileSync(path, lines.join('\n'));
    const { batches, records } = await opened.take(path, source);
    expect([batches, records]).toEqual([expected, expect.objectContaining({ records: 7, rejected: 0 })]);
    expect((await opened.verify()).differences).toEqual([]);
  },
);

describe('a run that goes on', () => {
  /** Fetches the feed to its end, and is interrupted at the vehicles. */
  async function interrupted(): Promise<string> {
    const faults = new Faults();
    let pivots = 0;
    faults.at('records.pivot:before', () => {
      pivots += 1;
      if (pivots === 2) throw refusal();
    });
    const { state, run_id: runId } = await (await open(faults)).fetch(FEED, 'vehicles');
    expect(state).toBe('interrupted');
    return runId;
  }

  test('does not fetch a stream again that it has fetched to its end', async () => {
    const runId = await interrupted();
    const asked = api.requests.length;
    const { summary } = await (await open()).resume(runId);
    expect(summary.exit_status).toBe(0);
    expect(api.requests.slice(asked).map(({ path }) => path)).toEqual(['/fleet/vehicles']);
  });

  test('ends with the status of what it rejected before', async () => {
    read('no time');
    const { summary } = await (await open()).resume(await interrupted());
    expect(summary.exit_status).toBe(3);
  });
});
