import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import { first } from '../helpers/api-server.ts';
import { openFrontApi } from '../helpers/front-api.ts';
import { apex, type Finished, newFolder } from '../helpers/program.ts';
import { openSamsaraApi, type SamsaraApi } from '../helpers/samsara-api.ts';
import { openTurvoApi } from '../helpers/turvo-api.ts';

/** Goal: cron keeps a memory up to date from the three APIs, whatever they do. Method: the built program against loopback servers that behave as documented. */

const summaryOf = ({ lines }: Finished) => lines.find(({ event }) => event === 'summary')!;

function openMemory(env: Readonly<Record<string, string>>) {
  const home = join(newFolder('fetch-json'), 'home');
  const rows = <Row>(sql: string): Row[] => {
    const db = new Database(join(home, 'memory.db'), { readonly: true });
    try {
      return db.prepare(sql).all() as Row[];
    } finally {
      db.close();
    }
  };
  return {
    home,
    rows,
    run: (...args: string[]) => apex(args, { home, env }),
    fetch: (source: string, ...args: string[]) =>
      apex(['ingest-json', '--source', source, '--json', ...args], { home, env }),
    things: () =>
      rows<{ id: string }>("SELECT document_id AS id FROM version WHERE state = 'current' ORDER BY 1").map(
        ({ id }) => id,
      ),
    cursors: () => rows<{ stream: string; value: string }>('SELECT stream, value FROM stream_cursor ORDER BY 1'),
  };
}

describe('samsara', () => {
  let api: SamsaraApi;
  let memory: ReturnType<typeof openMemory>;
  beforeEach(async () => {
    api = await openSamsaraApi();
    memory = openMemory(api.env);
  });

  test('gives what an operator wants, and a second run asks for what is new and writes nothing', async () => {
    const firstRun = await memory.fetch('samsara');
    expect([firstRun.exitCode, firstRun.stderr]).toEqual([0, '']);
    const [vehicle, driver, address] = [api.vehicles[0]!['id'], api.drivers[0]!['id'], api.addresses[0]!['id']];
    expect(memory.things()).toEqual(
      expect.arrayContaining([`samsara:vehicle:${vehicle}`, `samsara:driver:${driver}`, `samsara:address:${address}`]),
    );
    expect(memory.rows('SELECT 1 FROM reading').length).toBeGreaterThan(0);
    const versions = memory.rows('SELECT document_id, version FROM version ORDER BY 1');
    const again = await memory.fetch('samsara');
    expect(summaryOf(again)).toMatchObject({ exit_status: 0, added: 0, updated: 0, embedding_calls: 0 });
    expect(memory.rows('SELECT document_id, version FROM version ORDER BY 1')).toEqual(versions);
    expect((await memory.run('verify')).exitCode).toBe(0);
  });

  test('continues its feed from the saved cursor, and only new readings come', async () => {
    await memory.fetch('samsara', '--stream', 'vehicle-stats-feed');
    const before = memory.rows('SELECT 1 FROM reading').length;
    const { vehicle } = api.readings[0]!;
    api.readings.push({
      vehicle,
      type: 'gps',
      reading: { time: '2025-10-19T15:00:00Z', latitude: 42, longitude: -88 },
    });
    const asked = api.requests.length;
    const run = await memory.fetch('samsara', '--stream', 'vehicle-stats-feed');
    expect(summaryOf(run)).toMatchObject({ records: { records: 1, readings: 1 } });
    expect(api.requests[asked]!.query['after']).toBeDefined();
    expect(memory.rows('SELECT 1 FROM reading')).toHaveLength(before + 1);
  });

  test('keeps each page with its cursor: what fails later is fetched from there', async () => {
    api.pageRows = 1;
    for (const id of ['901', '902', '903'])
      api.vehicles.push({ ...api.vehicles[0]!, id, name: `TRUCK-${id}`, vin: undefined, externalIds: {} });
    let pages = 0;
    api.interfere = ({ path }) => {
      if (path === '/fleet/vehicles') pages += 1;
      return path === '/fleet/vehicles' && pages > 2 ? { status: 400, body: { message: 'no' } } : null;
    };
    const failed = await memory.fetch('samsara', '--stream', 'vehicles');
    expect(failed.exitCode).not.toBe(0);
    expect(failed.lines).toContainEqual(expect.objectContaining({ event: 'problem', uri: 'samsara:vehicles' }));
    expect(memory.things().filter((id) => id.startsWith('samsara:vehicle:'))).toHaveLength(2);
    api.interfere = () => null;
    expect((await memory.fetch('samsara', '--stream', 'vehicles')).exitCode).toBe(0);
    expect(memory.things().filter((id) => id.startsWith('samsara:vehicle:'))).toHaveLength(4);
    expect((await memory.run('verify')).exitCode).toBe(0);
  });

  describe('with --sync', () => {
    const vehicles = () => memory.things().filter((id) => id.startsWith('samsara:vehicle:'));
    const clone = (id: string) => ({ ...api.vehicles[0]!, id, name: `TRUCK-${id}`, vin: undefined, externalIds: {} });
    beforeEach(async () => {
      api.vehicles.push(clone('901'), clone('902'));
      await memory.fetch('samsara', '--stream', 'vehicles');
      expect(vehicles()).toHaveLength(3);
    });

    test('what the source has no more is deleted, and without it stays', async () => {
      api.vehicles.splice(1, 1);
      await memory.fetch('samsara', '--stream', 'vehicles', '--all');
      expect(vehicles()).toHaveLength(3);
      const run = await memory.fetch('samsara', '--stream', 'vehicles', '--sync');
      expect([run.exitCode, run.stderr]).toEqual([0, '']);
      expect(summaryOf(run)).toMatchObject({ deleted: 1, added: 0, updated: 0 });
      expect(vehicles()).not.toContain('samsara:vehicle:901');
      expect(vehicles()).toHaveLength(2);
      expect(summaryOf(await memory.fetch('samsara', '--stream', 'vehicles', '--sync'))).toMatchObject({ deleted: 0 });
      expect((await memory.run('verify')).exitCode).toBe(0);
    });

    test('what is gone stays gone while others still speak of it, and comes back with a record of its own', async () => {
      const [gone] = api.vehicles.splice(1, 1);
      const readingAt = (minute: number) => ({
        vehicle: { id: '901', name: 'TRUCK-901' },
        type: 'gps' as const,
        reading: { time: `2025-10-19T15:0${minute}:00Z`, latitude: 42, longitude: -88 },
      });
      expect(summaryOf(await memory.fetch('samsara', '--stream', 'vehicles', '--sync'))).toMatchObject({ deleted: 1 });
      api.readings.push(readingAt(1));
      expect((await memory.fetch('samsara')).exitCode).toBe(0);
      expect(vehicles()).not.toContain('samsara:vehicle:901');
      api.vehicles.push(gone!);
      await memory.fetch('samsara', '--stream', 'vehicles', '--all');
      expect(vehicles()).toContain('samsara:vehicle:901');
      api.readings.push(readingAt(2));
      await memory.fetch('samsara');
      expect((await memory.run('show', 'samsara:vehicle:901')).stdout).toContain('2025-10-19T15:02:00');
      expect((await memory.run('verify')).exitCode).toBe(0);
    });

    test('a thing that only others speak of stays: it need not be in any list', async () => {
      api.readings.push({
        vehicle: { id: '903', name: 'TRUCK-903' },
        type: 'gps',
        reading: { time: '2025-10-19T15:00:00Z', latitude: 42, longitude: -88 },
      });
      await memory.fetch('samsara');
      expect(vehicles()).toContain('samsara:vehicle:903');
      expect(summaryOf(await memory.fetch('samsara', '--sync'))).toMatchObject({ deleted: 0 });
      expect(vehicles()).toContain('samsara:vehicle:903');
    });

    test('a stream that suddenly has none deletes nothing and is told, unless that is allowed', async () => {
      api.vehicles.length = 0;
      const run = await memory.fetch('samsara', '--stream', 'vehicles', '--sync');
      expect(run.stderr).toContain('nothing of samsara:vehicles is deleted: it has none at all');
      expect(vehicles()).toHaveLength(3);
      await memory.fetch('samsara', '--stream', 'vehicles', '--sync', '--allow-empty');
      expect(vehicles()).toHaveLength(0);
    });

    test('a record that was rejected may be of any thing: nothing is deleted', async () => {
      api.vehicles[1] = { ...clone('901'), id: { not: 'an id' } };
      const run = await memory.fetch('samsara', '--stream', 'vehicles', '--sync');
      expect(run.exitCode).toBe(3);
      expect(run.stderr).toContain('nothing of samsara:vehicles is deleted: a record of it was rejected');
      expect(vehicles()).toHaveLength(3);
    });

    test('things of another group stay', async () => {
      api.vehicles.splice(1, 1);
      await memory.fetch('samsara', '--stream', 'vehicles', '--sync', '--group', 'east');
      expect(memory.things()).toContain('samsara:vehicle:901');
    });

    test('a stream of which that cannot be told is refused', async () => {
      const run = await memory.fetch('samsara', '--stream', 'vehicle-stats', '--sync');
      expect(run.exitCode).toBe(2);
      expect(run.stderr).toContain('--sync cannot tell what is gone from vehicle-stats: it can for vehicles, drivers');
    });
  });

  test('does not stop at an empty page that promises more', async () => {
    api.emptyPages = 2;
    await memory.fetch('samsara', '--stream', 'vehicles');
    expect(memory.things().filter((id) => id.startsWith('samsara:vehicle:'))).toHaveLength(api.vehicles.length);
  });

  test('that refuses its cursor is fetched by time, with a warning', async () => {
    await memory.fetch('samsara', '--stream', 'vehicle-stats-feed');
    api.expireCursors();
    const run = await memory.fetch('samsara', '--stream', 'vehicle-stats-feed');
    expect(run.exitCode).toBe(0);
    expect(run.stderr).toMatch(/warning:.*(?:cursor|position)/i);
  });

  test('fetches one record by its id, and the stream stays as far as it was', async () => {
    const id = String(api.vehicles[0]!['id']);
    expect((await memory.fetch('samsara', '--stream', 'vehicles', '--id', id)).exitCode).toBe(0);
    expect(memory.things()).toContain(`samsara:vehicle:${id}`);
    expect(memory.cursors()).toEqual([]);
    const unknown = await memory.fetch('samsara', '--stream', 'vehicles', '--id', 'nowhere');
    expect(unknown.exitCode).toBe(2);
    expect(unknown.lines.find(({ event }) => event === 'problem')).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('that asks to slow down for a moment is asked again', async () => {
    api.interfere = first({ status: 429, headers: { 'retry-after': '0.40235' }, body: { message: 'slow' } });
    const run = await memory.fetch('samsara', '--stream', 'vehicles');
    expect(run.exitCode).toBe(0);
    expect(run.stderr).toContain('samsara asked to slow down');
  });

  test('without a token, or with a wrong one, says which setting is to be corrected', async () => {
    const { SAMSARA_API_TOKEN: _, ...withoutToken } = api.env;
    const none = await apex(['ingest-json', '--source', 'samsara'], { home: memory.home, env: withoutToken });
    expect([none.exitCode, none.stderr]).toEqual([78, expect.stringContaining('SAMSARA_API_TOKEN is not set')]);
    const listed = await apex(['runs', 'list', '--json'], { home: memory.home });
    expect([none.lines, listed.stdout]).toEqual([[], '']);
    const wrong = await apex(['ingest-json', '--source', 'samsara', '--stream', 'vehicles'], {
      home: memory.home,
      env: { ...api.env, SAMSARA_API_TOKEN: 'wrong-token' },
    });
    expect([wrong.exitCode, wrong.stderr]).toEqual([78, expect.stringContaining('SAMSARA_API_TOKEN')]);
    expect(wrong.stderr).not.toContain('wrong-token');
  });

  test('answers that are no JSON are told, and the other streams are fetched', async () => {
    api.interfere = ({ path }) => (path === '/fleet/drivers' ? { status: 200, body: '<html>Sign in</html>' } : null);
    const run = await memory.fetch('samsara', '--stream', 'drivers', 'addresses');
    expect(run.exitCode).toBe(75);
    expect(run.lines.filter(({ event }) => event === 'problem')).toEqual([
      expect.objectContaining({ uri: 'samsara:drivers', code: 'SOURCE_ANSWER' }),
    ]);
    expect(memory.things().some((id) => id.startsWith('samsara:address:'))).toBe(true);
  });
});

test('turvo gives shipments whole, with a token that it asks for', async () => {
  const api = await openTurvoApi();
  const memory = openMemory(api.env);
  const run = await memory.fetch('turvo');
  expect([run.exitCode, run.stderr]).toEqual([0, '']);
  const { id } = api.shipments[0]!;
  expect(memory.things()).toContain(`turvo:shipment:${id}`);
  expect((await memory.run('show', `turvo:shipment:${id}`)).stdout).toContain('has stop');
  expect(summaryOf(await memory.fetch('turvo'))).toMatchObject({ exit_status: 0, added: 0, updated: 0 });
  expect((await memory.run('verify')).exitCode).toBe(0);
});

test('turvo’s token is asked for again once it is refused', async () => {
  const api = await openTurvoApi();
  const memory = openMemory(api.env);
  await memory.fetch('turvo', '--stream', 'customers');
  let isRevoked = false;
  api.interfere = ({ path }) => {
    if (!isRevoked && path.includes('/locations/')) {
      isRevoked = true;
      api.revokeTokens();
    }
    return null;
  };
  const asked = api.tokenRequests().length;
  expect((await memory.fetch('turvo', '--stream', 'locations')).exitCode).toBe(0);
  expect(isRevoked).toBe(true);
  expect(api.tokenRequests()).toHaveLength(asked + 2);
});

test('front is asked by id before --sync deletes: a row that a list passed over stays, one that is gone goes', async () => {
  const api = await openFrontApi();
  const memory = openMemory(api.env);
  const [tag] = api.tags;
  api.tags.push({ ...tag!, id: 'tag_901', name: 'Passed over' }, { ...tag!, id: 'tag_902', name: 'Gone' });
  await memory.fetch('frontapp', '--stream', 'tags');
  api.tags.pop();
  api.unlisted.add('tag_901');
  const planned = await memory.fetch('frontapp', '--stream', 'tags', '--sync', '--dry-run');
  expect(planned.lines.filter(({ action }) => action === 'delete')).toMatchObject([{ source_uri: 'front:tag_902' }]);
  const run = await memory.fetch('frontapp', '--stream', 'tags', '--sync');
  expect([run.exitCode, run.stderr, summaryOf(run)['deleted']]).toEqual([0, '', 1]);
  expect(memory.things()).toContain('front:tag_901');
  expect(memory.things()).not.toContain('front:tag_902');
});

test('front gives conversations with their messages and comments, and what is new by its events', async () => {
  const api = await openFrontApi();
  const memory = openMemory(api.env);
  const run = await memory.fetch('frontapp');
  expect([run.exitCode, run.stderr]).toEqual([0, '']);
  const [conversation, message] = [api.conversations[0]!.id, api.messages[0]!.id];
  expect(memory.things()).toEqual(expect.arrayContaining([`front:${conversation}`, `front:${message}`]));
  expect(summaryOf(await memory.fetch('frontapp'))).toMatchObject({ exit_status: 0, added: 0, updated: 0 });
  expect((await memory.run('verify')).exitCode).toBe(0);
});

test.each([
  ['turvo', 'TURVO_API_TOKEN is not set'],
  ['frontapp', 'FRONTAPP_API_TOKEN is not set'],
])('%s without a key is refused before a run begins, and the setting is named', async (source, said) => {
  const home = newFolder('no-key');
  const { exitCode, stderr } = await apex(['ingest-json', '--source', source], { home });
  expect([exitCode, stderr]).toEqual([78, expect.stringContaining(said)]);
  expect((await apex(['runs', 'list', '--json'], { home })).stdout).toBe('');
});

describe('a command that cannot be meant', () => {
  const refused = async (...args: string[]) => {
    const { exitCode, stderr } = await apex(['ingest-json', ...args], { home: newFolder('refused') });
    expect(exitCode).toBe(2);
    return stderr;
  };

  test.each([
    [['--source', 'samsara', '--stream', 'nothing'], 'samsara has no stream nothing: it has '],
    [['--source', 'samsara', '--id', '1'], '--id names one record of one stream'],
    [['--source', 'samsara', '--since', 'noon'], '--since noon is no time'],
    [['--source', 'samsara', '--since', '2025-02-01', '--until', '2025-01-01'], '--since is not before --until'],
    [['--source', 'samsara', '--since', '2025-02-01', 'file.json'], '--since is about the API'],
    [['--source', 'elsewhere'], 'samsara, turvo, frontapp'],
    [[], '--source'],
  ])('%j is refused with a reason', async (args, reason) => {
    expect(await refused(...args)).toContain(reason);
  });
});
