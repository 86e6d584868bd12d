import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { apex, type Finished, newFolder } from '../helpers/program.ts';

/** Goal: recorded and pushed records become things that later records add to, and what is bad costs itself. Method: the built program, files and pipes. */

const RECORDS = resolve('fixtures/records');
const example = (name: string) => readFileSync(join(RECORDS, name), 'utf8');
const SEEDS = {
  samsara: example('samsara/seed.json'),
  turvo: example('turvo/seed.json'),
  frontapp: example('frontapp/seed.json'),
};

class Memory {
  readonly home = join(newFolder('ingest-json'), 'home');

  /** Takes records from standard input. */
  take(source: string, text: string): Promise<Finished> {
    return apex(['ingest-json', '--source', source, '-', '--json'], { home: this.home, input: text });
  }

  run(...args: string[]): Promise<Finished> {
    return apex(args, { home: this.home });
  }

  /** @throws when verify finds a difference. */
  async verified(): Promise<void> {
    const { exitCode, stdout, stderr } = await this.run('verify');
    expect([exitCode, stdout, stderr]).toEqual([0, expect.stringContaining('no difference'), '']);
  }

  rows<Row>(sql: string): Row[] {
    const db = new Database(join(this.home, 'memory.db'), { readonly: true });
    try {
      return db.prepare(sql).all() as Row[];
    } finally {
      db.close();
    }
  }

  /** Every relation that a thing states, as `subject TYPE object`, without names that identify. */
  relations(): string[] {
    return this.rows<{ text: string }>(
      `SELECT s.key || ' ' || r.type || ' ' || o.key AS text FROM relation r JOIN entity s ON s.entity_id = r.subject_id
       JOIN entity o ON o.entity_id = r.object_id WHERE r.type <> 'IDENTIFIED_BY' AND r.detail <> '{}' ORDER BY 1`,
    ).map(({ text }) => text);
  }

  things(): string[] {
    return this.rows<{ id: string }>("SELECT document_id AS id FROM version WHERE state = 'current' ORDER BY 1").map(
      ({ id }) => id,
    );
  }
}

const summaryOf = ({ lines }: Finished) => lines.find(({ event }) => event === 'summary')!;

describe('the three seeds', () => {
  const forms = {
    alone: (seed: string) => seed,
    'in an array': (seed: string) => `[${seed}]`,
    'as NDJSON': (seed: string) => `${JSON.stringify(JSON.parse(seed))}\n`,
  };
  test.each(Object.entries(forms))(
    '%s are taken: one thing each, and the graph of the worked example',
    async (_, form) => {
      const memory = new Memory();
      for (const [source, seed] of Object.entries(SEEDS))
        expect((await memory.take(source, form(seed))).exitCode).toBe(0);
      expect(memory.things()).toEqual([
        'front:MSG-2025-10-19-003',
        'samsara:vehicle:name:TRUCK-6520',
        'turvo:customer:name:acme manufacturing corp',
        'turvo:shipment:custom:SHIP-2025-10-19-002',
      ]);
      expect(memory.relations()).toEqual([
        'front:MSG-2025-10-19-003 LINKED_TO acme-trucking.com',
        'front:MSG-2025-10-19-003 MENTIONS SHIP-2025-10-19-002',
        'front:MSG-2025-10-19-003 MENTIONS turvo:shipment:custom:SHIP-2025-10-19-002',
        'front:MSG-2025-10-19-003 SENT_BY dispatch@acme-trucking.com',
        'samsara:vehicle:name:TRUCK-6520 LOCATED_AT samsara:vehicle:name:TRUCK-6520#position',
        'turvo:shipment:custom:SHIP-2025-10-19-002 DESTINATION geo:us:in:indianapolis',
        'turvo:shipment:custom:SHIP-2025-10-19-002 FOR_CUSTOMER turvo:customer:name:acme manufacturing corp',
        'turvo:shipment:custom:SHIP-2025-10-19-002 HAS_STATUS turvo:status:in_transit',
        'turvo:shipment:custom:SHIP-2025-10-19-002 ORIGIN geo:us:il:chicago',
      ]);
      await memory.verified();
    },
  );

  test('the other way round give the same graph: a mail is tied to a shipment that comes later', async () => {
    const [one, other] = [new Memory(), new Memory()];
    const seeds = Object.entries(SEEDS);
    for (const [source, seed] of seeds) await one.take(source, seed);
    for (const [source, seed] of seeds.toReversed()) await other.take(source, seed);
    expect(other.relations()).toEqual(one.relations());
    await other.verified();
  });

  test('followed by the real records become one thing each with them', async () => {
    const memory = new Memory();
    for (const [source, seed] of Object.entries(SEEDS)) await memory.take(source, seed);
    await memory.take('samsara', example('samsara/stats-snapshot.json'));
    await memory.take('turvo', example('turvo/shipment.json'));
    await memory.take('turvo', example('turvo/customer.json'));
    const things = memory.things();
    expect(things.filter((id) => /:(?:name|custom):/.test(id))).toEqual([]);
    expect(things.filter((id) => id.startsWith('samsara:vehicle:'))).toEqual(['samsara:vehicle:281474981110001']);
    expect(things.filter((id) => id.startsWith('turvo:shipment:'))).toEqual(['turvo:shipment:1000324868']);
    const series = memory.rows("SELECT document_id AS id, series, readings FROM series WHERE series = 'position'");
    expect(series).toEqual([{ id: 'samsara:vehicle:281474981110001', series: 'position', readings: 2 }]);
    expect(memory.relations()).toContain('front:MSG-2025-10-19-003 MENTIONS turvo:shipment:1000324868');
    expect(memory.relations().filter((text) => text.includes('name:') || text.includes('custom:'))).toEqual([]);
    await memory.verified();
  });
});

describe('the same records again', () => {
  test.each(['samsara', 'turvo', 'frontapp'])('of %s write nothing', async (source) => {
    const memory = new Memory();
    const folder = join(RECORDS, source);
    const first = await memory.run('ingest-json', '--source', source, folder, '--json');
    expect(summaryOf(first)).toMatchObject({ exit_status: source === 'turvo' ? 3 : 0 });
    const before = memory.rows('SELECT document_id, version FROM version ORDER BY 1');
    const again = await memory.run('ingest-json', '--source', source, folder, '--json');
    expect(summaryOf(again)).toMatchObject({ added: 0, updated: 0, batches: 0, embedding_calls: 0 });
    expect(memory.rows('SELECT document_id, version FROM version ORDER BY 1')).toEqual(before);
    await memory.verified();
  });
});

describe('readings', () => {
  const at = (minute: number, place: string | null = null) => ({
    id: '1',
    name: 'TRUCK-1',
    gps: {
      ...{ time: `2025-10-19T14:${String(minute).padStart(2, '0')}:00Z`, latitude: 41 + minute / 100, longitude: -87 },
      ...(place !== null && { address: { id: place, name: `Place ${place}` } }),
    },
  });
  const ndjson = (...records: unknown[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('');

  test('are a series; the graph has the latest of them, and no version is made for one', async () => {
    const memory = new Memory();
    await memory.take('samsara', ndjson(at(10)));
    const late = await memory.take('samsara', ndjson(at(30), at(20)));
    expect(summaryOf(late)).toMatchObject({ records: { records: 2, readings: 2, rejected: 0 } });
    const current = memory.rows<{ version: number }>("SELECT version FROM version WHERE state = 'current'");
    expect(current).toEqual([{ version: 1 }]);
    expect(memory.rows('SELECT latest_at AS at FROM entity WHERE latest_at IS NOT NULL')).toEqual([
      { at: '2025-10-19T14:30:00.000Z' },
    ]);
    await memory.verified();
  });

  test('that come late are put between, and stays in places follow from all of them', async () => {
    const memory = new Memory();
    await memory.take('samsara', ndjson(at(10, '7'), at(40, '7'), at(50)));
    await memory.take('samsara', ndjson(at(20)));
    const stays = memory.rows(
      "SELECT valid_at AS since, invalid_at AS until FROM relation WHERE type = 'AT' ORDER BY 1",
    );
    expect(stays).toEqual([
      { since: '2025-10-19T14:10:00.000Z', until: '2025-10-19T14:20:00.000Z' },
      { since: '2025-10-19T14:40:00.000Z', until: '2025-10-19T14:50:00.000Z' },
    ]);
    await memory.verified();
  });

  test('go with their vehicle when it is deleted', async () => {
    const memory = new Memory();
    await memory.take('samsara', ndjson(at(10), at(20)));
    expect((await memory.run('delete', 'samsara:vehicle:1', '--yes')).exitCode).toBe(0);
    expect(memory.rows('SELECT 1 FROM reading')).toEqual([]);
    await memory.verified();
  });

  test('of which one is damaged are told by verify', async () => {
    const memory = new Memory();
    await memory.take('samsara', ndjson(at(10), at(20)));
    const db = new Database(join(memory.home, 'memory.db'));
    db.prepare(`UPDATE reading SET value = '{"latitude":1}' WHERE at LIKE '%14:10%'`).run();
    db.prepare(`UPDATE entity SET latest = '{}' WHERE latest IS NOT NULL`).run();
    db.close();
    const { exitCode, lines } = await memory.run('verify', '--json');
    expect(exitCode).toBe(5);
    expect(lines).toContainEqual(
      expect.objectContaining({ document_id: 'samsara:vehicle:1', kind: 'series', problem: 'changed' }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ document_id: 'samsara:vehicle:1', kind: 'latest', problem: 'stale' }),
    );
    await memory.run('verify', '--repair');
    const { lines: left } = await memory.run('verify', '--json');
    expect(left.filter(({ kind }) => kind === 'latest')).toEqual([]);
    expect(left.filter(({ kind }) => kind === 'series')).toHaveLength(1);
  });
});

describe('a bad record', () => {
  const good = (id: string) => JSON.stringify({ id, name: `TRUCK-${id}`, vin: `1XPTESTVIN000652${id}` });

  test('costs itself: its neighbours are taken, it is kept with place, field and reason, and the exit status is 3', async () => {
    const memory = new Memory();
    const wrong = JSON.stringify({ id: '2', name: 'TRUCK-2', gps: { time: 'yesterday', latitude: 1, longitude: 2 } });
    const taken = await memory.take('samsara', `${good('1')}\n${wrong}\n{"id": \n${good('3')}\n[1]\n`);
    expect(taken.exitCode).toBe(3);
    expect(summaryOf(taken)).toMatchObject({ added: 2, records: { records: 5, rejected: 3 } });
    expect(taken.lines.filter(({ event }) => event === 'rejected')).toHaveLength(3);
    const { lines } = await memory.run('records', 'list', '--rejected', '--json');
    expect(lines.map(({ place }) => place).sort()).toEqual(['line 2', 'line 3', 'line 5[0]']);
    expect(lines).toContainEqual(
      expect.objectContaining({
        place: 'line 2',
        path: 'gps.time',
        reason: expect.stringContaining('yesterday'),
        raw: wrong,
      }),
    );
    await memory.verified();
  });

  test('is kept once, however often it comes', async () => {
    const memory = new Memory();
    await memory.take('samsara', '{"unknown": 1}');
    const again = await memory.take('samsara', '{"unknown": 1}');
    expect(again.exitCode).toBe(3);
    expect(summaryOf(again)).toMatchObject({ batches: 0 });
    expect((await memory.run('records', 'list', '--json')).lines).toHaveLength(1);
  });

  test('of another source names the shapes that were tried', async () => {
    const memory = new Memory();
    const taken = await memory.take('turvo', SEEDS.samsara);
    expect(taken.exitCode).toBe(3);
    expect(taken.lines.find(({ event }) => event === 'rejected')).toMatchObject({
      reason: expect.stringMatching(/no record of turvo; shapes tried: .*shipment/),
    });
  });

  test('is taken once it can be, and is rejected no longer', async () => {
    const memory = new Memory();
    await memory.take('samsara', '{"unknown": 1}');
    expect((await memory.run('records', 'retry', '--json')).exitCode).toBe(3);
    const db = new Database(join(memory.home, 'memory.db'));
    db.prepare('UPDATE rejected SET raw = ?').run(good('1'));
    db.close();
    const retried = await memory.run('records', 'retry', '--json');
    expect(retried.exitCode).toBe(0);
    expect(summaryOf(retried)).toMatchObject({ added: 1 });
    expect((await memory.run('records', 'list')).stderr).toContain('No record is rejected.');
    await memory.verified();
  });
});

describe('apex show', () => {
  test('tells what holds now, what held before, and what others say, by key and by number', async () => {
    const memory = new Memory();
    await memory.run('ingest-json', '--source', 'turvo', join(RECORDS, 'turvo/shipment.json'));
    await memory.take('frontapp', SEEDS.frontapp);
    for (const key of ['turvo:shipment:1000324868', 'SHIP-2025-10-19-002', 'PO-55821']) {
      const { lines } = await memory.run('show', key, '--json');
      expect(lines[0]).toMatchObject({ event: 'entity', key: 'turvo:shipment:1000324868', kind: 'Shipment' });
    }
    const { stdout } = await memory.run('show', 'SHIP-2025-10-19-002');
    expect(stdout).toMatch(
      /now:[\s\S]*has status En route[\s\S]*before:[\s\S]*has status At pickup[\s\S]*said of it:[\s\S]*mentions/,
    );
  });

  test('tells what held at a time', async () => {
    const memory = new Memory();
    await memory.run('ingest-json', '--source', 'turvo', join(RECORDS, 'turvo/shipment.json'));
    const statusAt = async (time: string) => {
      const { lines } = await memory.run('show', 'SHIP-2025-10-19-002', '--at', time, '--json');
      const facts = lines[0]!['facts'] as { type: string; name: string }[];
      return facts.filter(({ type }) => type === 'HAS_STATUS').map(({ name }) => name);
    };
    expect(await statusAt('2025-10-18T00:00:00Z')).toEqual(['Covered']);
    expect(await statusAt('2025-10-19T11:30:00Z')).toEqual(['At pickup']);
    expect(await statusAt('2025-10-20T00:00:00Z')).toEqual(['En route']);
  });

  test('of what nothing is known, and at what is no time, is refused', async () => {
    const memory = new Memory();
    await memory.take('frontapp', SEEDS.frontapp);
    expect(await memory.run('show', 'nothing')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('nothing is known of nothing'),
    });
    expect(await memory.run('show', 'x', '--at', 'noon')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--at noon is no time'),
    });
  });
});

test('things are found by search, listed, traced and deleted as documents are', async () => {
  const memory = new Memory();
  const file = join(newFolder('records'), 'message.json');
  writeFileSync(file, SEEDS.frontapp);
  await memory.run('ingest-json', '--source', 'frontapp', file);
  const id = 'front:MSG-2025-10-19-003';
  expect((await memory.run('search', 'delivered successfully', '--json')).lines[0]).toMatchObject({ document_id: id });
  expect((await memory.run('trace', id)).exitCode).toBe(0);
  expect((await memory.run('status', id, '--json')).lines[0]).toMatchObject({ status: 'completed' });
  expect((await memory.run('delete', id)).exitCode).toBe(0);
  expect(memory.things()).toEqual([]);
  await memory.verified();
});
