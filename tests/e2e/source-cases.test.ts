import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { FeedSourceName } from '../../lib/contracts/feed.ts';
import { first, HTML_PAGE } from '../helpers/api-server.ts';
import { onMemory, openCase } from '../helpers/case.ts';
import { FRONT_EXAMPLES, openFrontApi } from '../helpers/front-api.ts';
import { apex, type Finished, newFolder } from '../helpers/program.ts';
import { openSamsaraApi } from '../helpers/samsara-api.ts';
import { openTurvoApi } from '../helpers/turvo-api.ts';

/**
 * Goal: what is known to be odd about the three sources is taken as it is meant. Method: the built program takes the odd records of a
 * source together, and fetches from loopback servers that behave oddly; what is then in `memory.db` is looked at.
 */

const example = (name: string) => JSON.parse(readFileSync(`fixtures/records/${name}.json`, 'utf8'));
const summaryOf = ({ lines }: Finished) => lines.find(({ event }) => event === 'summary')!;

/** Takes records, each a value or the text of one, and looks at what they became. */
function takenTogether(source: FeedSourceName, records: readonly unknown[]) {
  const home = newFolder('source-cases');
  const rows = <Row>(sql: string, ...values: string[]) =>
    onMemory(home, (db) => db.prepare(sql).all(...values) as Row[]);
  beforeAll(async () => {
    const input = records.map((record) => `${typeof record === 'string' ? record : JSON.stringify(record)}\n`).join('');
    const taken = await apex(['ingest-json', '--source', source, '-', '--json'], { home, input });
    expect([taken.exitCode, taken.stderr]).toEqual([0, '']);
    expect(summaryOf(taken)).toMatchObject({ records: { records: records.length, rejected: 0 } });
  });
  return {
    things: () =>
      rows<{ id: string }>("SELECT document_id AS id FROM version WHERE state = 'current'").map(({ id }) => id),
    /** What a thing's document says of it. */
    thing: (key: string): { name: string; attributes: Record<string, unknown> } => {
      const [row] = rows<{ metadata: string }>(
        "SELECT metadata FROM version WHERE state = 'current' AND document_id = ?",
        key,
      );
      return JSON.parse(row!.metadata).thing;
    },
    readings: (key: string) =>
      rows<{ at: string; value: string }>('SELECT at, value FROM reading WHERE document_id = ? ORDER BY at', key).map(
        ({ at, value }) => ({ at, ...JSON.parse(value) }),
      ),
    latest: (key: string) =>
      rows<{ at: string }>('SELECT latest_at AS at FROM entity WHERE key = ?', `${key}#position`).map(({ at }) => at),
    /** Each as `object from until`. */
    facts: (key: string, type: string) =>
      rows<{ text: string }>(
        `SELECT o.key || ' ' || coalesce(r.valid_at, '?') || ' ' || coalesce(r.invalid_at, 'now') AS text FROM relation r
         JOIN entity s ON s.entity_id = r.subject_id JOIN entity o ON o.entity_id = r.object_id
         WHERE s.key = ? AND r.type = ? ORDER BY 1`,
        ...[key, type],
      ).map(({ text }) => text),
  };
}

describe('samsara', () => {
  const at = (time: string, more: object = {}) => ({
    time: `2025-10-19T${time}Z`,
    latitude: 41.5,
    longitude: -87.5,
    ...more,
  });
  const assignment = (id: string) => ({
    driver: { id, name: `Driver ${id}` },
    vehicle: { id: '100', name: 'TRUCK-100' },
    isPassenger: false,
  });
  const taken = takenTogether('samsara', [
    { id: '1', name: 'TRUCK-1', gps: at('14:00:00') },
    { id: '2', name: 'TRUCK-2', gps: at('14:00:00', { speedMilesPerHour: 50 }) },
    { id: '2', name: 'TRUCK-2', gps: [at('14:00:00', { speedMilesPerHour: 50 }), at('14:01:00')] },
    { id: '3', name: 'TRUCK-3', engineState: { time: '2025-10-19T14:00:00Z', value: 'Hybrid' } },
    { id: '4', name: 'TRUCK-4', gps: at('14:30:00') },
    { id: '4', name: 'TRUCK-4', gps: at('14:20:00') },
    { ...assignment('5'), startTime: '2025-10-19T18:55:00+07:00' },
    JSON.stringify({ ...assignment('6'), startMs: 1760874900000, endMs: 0 }).replace(
      '"endMs":0',
      '"endMs":9223372036854775807',
    ),
    {
      id: '7',
      name: 'BUS-7',
      driverAssignments: [
        { driver: { id: '8', name: 'A', ExternalIds: { payrollId: 'P1' } }, startTime: '2019-06-13T19:08:25Z' },
      ],
    },
    { eventId: '1', eventType: 'Ping', webhookId: '9', data: {} },
  ]);

  test('a position without its optional fields has none of them', () => {
    expect(taken.readings('samsara:vehicle:1')).toEqual([
      { at: '2025-10-19T14:00:00.000Z', latitude: 41.5, longitude: -87.5 },
    ]);
  });

  test('a snapshot has objects where the feed has lists: the same value is one reading', () => {
    expect(taken.readings('samsara:vehicle:2').map((reading) => reading.at)).toEqual([
      '2025-10-19T14:00:00.000Z',
      '2025-10-19T14:01:00.000Z',
    ]);
  });

  test('a value that no enumeration knows is taken', () => {
    expect(taken.readings('samsara:vehicle:3')).toMatchObject([{ state: 'Hybrid' }]);
  });

  test('a reading that is older than the current one leaves it current', () => {
    expect(taken.readings('samsara:vehicle:4')).toHaveLength(2);
    expect(taken.latest('samsara:vehicle:4')).toEqual(['2025-10-19T14:30:00.000Z']);
  });

  test('a time with an offset is kept in UTC', () => {
    expect(taken.facts('samsara:driver:5', 'DRIVES')).toEqual(['samsara:vehicle:100 2025-10-19T11:55:00.000Z now']);
  });

  test('the largest 64-bit integer as an end is no end', () => {
    expect(taken.facts('samsara:driver:6', 'DRIVES')).toEqual(['samsara:vehicle:100 2025-10-19T11:55:00.000Z now']);
  });

  test('ExternalIds are external ids', () => {
    expect(taken.facts('samsara:driver:8', 'IDENTIFIED_BY')).toEqual(['payrollId=P1 ? now']);
  });

  test('a Ping leaves nothing', () => {
    expect(taken.things().filter((id) => id.includes('9'))).toEqual([]);
  });

  test('a 502 that is a page of HTML is asked again', async () => {
    const api = await openSamsaraApi();
    const memory = openCase({}, api.env);
    api.interfere = first({ status: 502, body: HTML_PAGE });
    const run = await memory.run('ingest-json', '--source', 'samsara', '--stream', 'vehicles');
    expect([run.exitCode, run.stderr]).toEqual([0, expect.stringContaining('did not answer')]);
    expect(summaryOf(run)).toMatchObject({ records: { records: 1 } });
  });
});

describe('frontapp', () => {
  const message = (id: string, more: object) => ({
    ...{
      id,
      type: 'email',
      is_inbound: true,
      created_at: 1760883780,
      subject: 'Gate',
      blurb: 'At the gate',
      author: null,
    },
    ...{ recipients: [], body: 'At the gate', attachments: [], ...more },
  });
  const file = {
    id: 'fil_1',
    filename: 'POD.pdf',
    content_type: 'application/pdf',
    size: 7,
    metadata: { is_inline: false },
  };
  const taken = takenTogether('frontapp', [
    message('msg_1', {
      ...{ type: 'sms', subject: null },
      recipients: [{ _links: { related: { contact: null } }, name: null, handle: '(312) 555-0142', role: 'from' }],
    }),
    message('msg_2', { attachments: [file, { ...file, id: 'fil_logo', metadata: { is_inline: true, cid: 'x' } }] }),
    message('msg_3', { attachments: [file], created_at: 1760883780.123 }),
    { ...example('frontapp/conversation'), id: 'cnv_4', assignee: null, recipient: null },
    { ...example('frontapp/comment-full'), id: 'com_5' },
  ]);

  test('a message by nobody’s account, and a text message without a subject, have their sender and their first words', () => {
    expect(taken.thing('front:msg_1').name).toBe('At the gate');
    expect(taken.facts('front:msg_1', 'SENT_BY')).toEqual(['+13125550142 2025-10-19T14:23:00.000Z now']);
  });

  test('the same file in two messages is one', () => {
    for (const id of ['front:msg_2', 'front:msg_3'])
      expect(taken.facts(id, 'HAS_ATTACHMENT').map((fact) => fact.split(' ')[0])).toEqual(['front:attachment:fil_1']);
  });

  test('a picture inside the text is no attachment', () => {
    expect(taken.facts('front:msg_2', 'HAS_ATTACHMENT').join()).not.toContain('fil_logo');
  });

  test('seconds are taken whole and with fractions', () => {
    const times = ['front:msg_2', 'front:msg_3'].map((key) => taken.thing(key).attributes['createdAt']);
    expect(times).toEqual(['2025-10-19T14:23:00.000Z', '2025-10-19T14:23:00.123Z']);
  });

  test('a conversation without a recipient is one', () => {
    expect(taken.thing('front:cnv_4').attributes).not.toHaveProperty('recipient');
  });

  test('a comment has its attachment', () => {
    expect(taken.facts('front:com_5', 'HAS_ATTACHMENT').map((fact) => fact.split(' ')[0])).toEqual([
      'front:attachment:fil_9',
    ]);
  });

  /** An inbox that the program has fetched once. */
  async function openFetched() {
    const api = await openFrontApi();
    api.events.length = 0;
    const memory = openCase({}, api.env);
    const fetch = (...args: string[]) =>
      memory.run('ingest-json', '--source', 'frontapp', '--stream', 'conversations', ...args);
    expect((await fetch()).exitCode).toBe(0);
    return { api, memory, fetch };
  }

  test('next on a foreign host is refused, and what came before it stays', async () => {
    const api = await openFrontApi();
    const memory = openCase({}, api.env);
    for (const id of ['cnv_2', 'cnv_3']) api.conversations.push({ ...FRONT_EXAMPLES.conversation, id });
    [api.pageRows, api.linkOrigin] = [2, 'https://evil.example'];
    const run = await memory.run('ingest-json', '--source', 'frontapp', '--stream', 'conversations');
    expect(run.lines.find(({ event }) => event === 'problem')).toMatchObject({ code: 'FOREIGN_LINK' });
    expect(run.exitCode).not.toBe(0);
    expect((await memory.run('documents', 'list')).lines.length).toBeGreaterThan(1);
    expect(await memory.verify()).toBe(0);
  });

  test('a conversation that redirects is part of the one it leads to', async () => {
    const { api, memory, fetch } = await openFetched();
    const { id } = FRONT_EXAMPLES.conversation;
    api.merged.set('cnv_old', id);
    api.events.push({
      ...FRONT_EXAMPLES.event,
      id: 'evt_m',
      emitted_at: Date.now() / 1_000,
      conversation: { id: 'cnv_old' },
    });
    expect((await fetch()).exitCode).toBe(0);
    const [shown] = (await memory.run('show', 'front:cnv_old')).lines;
    expect(shown!['facts']).toContainEqual(expect.objectContaining({ type: 'MERGED_INTO', key: `front:${id}` }));
  });

  test('15 events of one moment across the edge of a page are each taken once', async () => {
    const { api, fetch } = await openFetched();
    const emitted_at = Date.now() / 1_000;
    for (let count = 1; count <= 20; count += 1) {
      api.conversations.push({ ...FRONT_EXAMPLES.conversation, id: `cnv_${count}` });
      api.events.push({
        ...FRONT_EXAMPLES.event,
        id: `evt_${count}`,
        emitted_at,
        conversation: { id: `cnv_${count}` },
      });
    }
    const asked = api.requests.length;
    expect((await fetch()).exitCode).toBe(0);
    const paths = api.requests.slice(asked).map(({ path }) => path);
    for (let count = 1; count <= 20; count += 1)
      expect(paths.filter((path) => path === `/conversations/cnv_${count}`)).toHaveLength(1);
    expect(summaryOf(await fetch())).toMatchObject({ exit_status: 0, added: 0, updated: 0 });
  });

  test('429 with a value that can only be milliseconds is waited for so long', async () => {
    const api = await openFrontApi();
    api.interfere = first({ status: 429, headers: { 'retry-after': '2500' }, body: {} });
    const run = await openCase({}, api.env).run('ingest-json', '--source', 'frontapp', '--stream', 'tags');
    expect([run.exitCode, run.stderr]).toEqual([
      0,
      expect.stringContaining('frontapp asked to slow down; it is asked again in 3 s'),
    ]);
  });
});

describe('turvo', () => {
  const row = (id: unknown, more: object = {}) => ({
    ...example('turvo/shipment-row'),
    id,
    customId: `SHIP-${id}`,
    ...more,
  });
  const [full, { eventPayload, ...envelope }] = [example('turvo/shipment-full'), example('turvo/webhook')];
  const [origin, destination] = full.globalRoute;
  const inTown = {
    ...destination,
    location: null,
    address: { city: { id: 7, name: 'Indianapolis' }, state: { code: 'IN' }, zip: 46204 },
  };
  const taken = takenTogether('turvo', [
    full,
    row(2, { status: { code: { key: '9901', value: 'Lost at sea' } } }),
    row('3', { updated: '2025-10-19T12:01:00Z' }),
    row(4),
    { ...full, id: 5, customId: 'SHIP-5', globalRoute: [origin, inTown], customerOrder: [] },
    { ...envelope, data: { ...eventPayload, id: 6 } },
    { Status: 'SUCCESS', details: { pagination: { moreAvailable: false }, Shipments: [row(7)] } },
  ]);

  test('a deleted carrier row is a carrier that no longer carries', () => {
    expect(taken.facts('turvo:shipment:1000324868', 'CARRIED_BY')).toEqual([
      expect.stringMatching(/^turvo:carrier:204400 \S+ 2025-10-19T12:01:00\.000Z$/),
      expect.stringMatching(/^turvo:carrier:204410 \S+ now$/),
    ]);
  });

  test('a missing postal code is that of the order’s route', () => {
    expect(taken.thing('turvo:stop:1000324868:91001').attributes).toMatchObject({ zip: '60607' });
  });

  test('timezone and timeZone are the same', () => {
    const zones = ['91001', '91002'].map(
      (id) => taken.thing(`turvo:stop:1000324868:${id}`).attributes['appointmentTimeZone'],
    );
    expect(zones).toEqual(['America/Chicago', 'America/Indiana/Indianapolis']);
  });

  test('a status that no table knows keeps its code', () => {
    expect(taken.facts('turvo:shipment:2', 'HAS_STATUS')).toEqual([expect.stringMatching(/^turvo:status:9901 /)]);
  });

  test('a number that is a text is the same number', () => {
    expect(taken.facts('turvo:shipment:3', 'CARRIED_BY')).toEqual(taken.facts('turvo:shipment:4', 'CARRIED_BY'));
  });

  test('a row of a list, without a route, is a shipment without stops', () => {
    expect(taken.facts('turvo:shipment:4', 'FOR_CUSTOMER')).toHaveLength(1);
    expect(taken.facts('turvo:shipment:4', 'HAS_STOP')).toEqual([]);
  });

  test('a city that is an object is its name', () => {
    expect(taken.thing('turvo:stop:5:91002').attributes).toMatchObject({
      city: 'Indianapolis',
      state: 'IN',
      zip: '46204',
    });
  });

  test('a webhook may have its shipment under data', () => {
    expect(taken.facts('turvo:shipment:6', 'HAS_STATUS')).toEqual([expect.stringMatching(/^turvo:status:2116 /)]);
  });

  test('the rows of an answer may stand under Shipments', () => {
    expect(taken.things()).toContain('turvo:shipment:7');
  });

  /** A broker whose carriers are fetched. */
  async function openBroker() {
    const api = await openTurvoApi();
    const memory = openCase({}, api.env);
    const fetch = () => memory.run('ingest-json', '--source', 'turvo', '--stream', 'carriers');
    return { api, fetch };
  }

  test('the rows of the last page count, and so does a listing without rows', async () => {
    const { api, fetch } = await openBroker();
    for (const id of [11, 12]) api.carriers.push({ ...api.carriers[0]!, id, name: `Carrier ${id}` });
    api.pageRows = 2;
    expect(summaryOf(await fetch())).toMatchObject({ exit_status: 0, records: { records: 3 } });
    api.carriers.length = 0;
    expect(summaryOf(await fetch())).toMatchObject({ exit_status: 0, documents: 0 });
  });

  test('200 with an error inside is an error', async () => {
    const { api, fetch } = await openBroker();
    const body = { Status: 'ERROR', details: { errorMessage: 'not so', errorCode: '400' } };
    api.interfere = ({ path }) => (path.endsWith('/list') ? { status: 200, body } : null);
    const run = await fetch();
    expect(run.exitCode).not.toBe(0);
    expect(run.lines.find(({ event }) => event === 'problem')).toMatchObject({
      uri: 'turvo:carriers',
      code: 'SOURCE_REQUEST',
    });
  });

  test('429 of the token request is waited for', async () => {
    const { api, fetch } = await openBroker();
    api.interfere = first({ status: 429, headers: { 'retry-after': '1' }, body: {} });
    expect(summaryOf(await fetch())).toMatchObject({ exit_status: 0, records: { records: 1 } });
    expect(api.tokenRequests()).toHaveLength(2);
  });
});
