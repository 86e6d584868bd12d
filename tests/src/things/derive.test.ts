import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { FeedSourceName } from '../../../lib/contracts/feed.ts';
import { thingDocumentId } from '../../../src/pipeline/identity.ts';
import { isDerived } from '../../../src/things/links.ts';
import { stateOf } from '../../../src/things/state.ts';
import { fetchRecords } from '../../helpers/fetch.ts';
import { FRONT_EXAMPLES } from '../../helpers/front-api.ts';
import { openMachine, withStores } from '../../helpers/machine.ts';
import { newFolder } from '../../helpers/program.ts';
import { never } from '../../helpers/records.ts';
import { openSamsaraApi } from '../../helpers/samsara-api.ts';
import { TURVO_EXAMPLES } from '../../helpers/turvo-api.ts';

/**
 * Goal: what texts mention and what ties things is what follows from the names that things bear now, in whatever order they came,
 * changed and went. Method: records of several sources, one after the other and at once, over real stores.
 */

let folder: string;
beforeEach(() => {
  folder = newFolder('derive');
});

const SHIPMENT = 'turvo:shipment:7';
const COMMENT = 'front:com_7';

let changes = 0;

function shipment(purchaseOrder: string, id = 7) {
  changes += 1;
  const updated = new Date(Date.parse('2026-01-05T06:00:00Z') + changes * 1_000).toISOString();
  const type = { key: '1400', value: 'Purchase order #' };
  const customerOrder = [{ id: 1, deleted: false, externalIds: [{ type, value: purchaseOrder }] }];
  const own = { id, customId: `SHIP-${id}`, customerOrder, carrierOrder: [], updated, lastUpdatedOn: updated };
  return { ...TURVO_EXAMPLES.shipmentRow, ...TURVO_EXAMPLES.shipment, globalRoute: [], ...own };
}

const comment = (body: string) => ({ ...FRONT_EXAMPLES.comment, _links: {}, id: 'com_7', body });

const contact = (id: string, phone: string) => ({
  ...FRONT_EXAMPLES.contact,
  ...{ id, name: id, updated_at: 1_700_000_000, custom_fields: {} },
  handles: [{ handle: phone, source: 'phone' }],
});

interface Opening {
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Done once, before the first pivot. */
  readonly beforePivot?: () => Promise<void>;
}

async function open({ home = join(folder, 'home'), env = {}, beforePivot }: Opening = {}) {
  let isPending = beforePivot !== undefined;
  const { parts, machine } = await openMachine(home, {
    env,
    change: (real) =>
      withStores(real, ({ records }) => ({
        records: new Proxy(records, {
          get: (target, name) => {
            const member: unknown = Reflect.get(target, name, target);
            if (typeof member !== 'function') return member;
            if (name !== 'pivot') return member.bind(target) as unknown;
            return async (...args: unknown[]): Promise<unknown> => {
              if (isPending) {
                isPending = false;
                await beforePivot?.();
              }
              return Reflect.apply(member, target, args);
            };
          },
        }),
      })),
  });
  let files = 0;
  const stateIn = async (key: string) => {
    const id = thingDocumentId('', key);
    return stateOf((await parts.stores.records.described([id], never)).get(id)?.metadata ?? {});
  };
  return {
    machine,
    take: async (source: FeedSourceName, ...values: object[]) => {
      files += 1;
      mkdirSync(folder, { recursive: true });
      const path = join(folder, `${source}-${files}-${Math.random()}.ndjson`);
      writeFileSync(path, values.map((value) => `${JSON.stringify(value)}\n`).join(''));
      const summary = await machine.ingestRecords({ source, targets: [path] }, () => {}, never);
      expect(summary).toMatchObject({ state: 'completed', exit_status: 0 });
      return summary;
    },
    /** What follows for a thing, as `MENTIONS turvo:shipment:7`. */
    derived: async (key: string) =>
      ((await stateIn(key))?.facts ?? []).filter(isDerived).map(({ type, object }) => `${type} ${object.key}`),
    card: async (key: string) => {
      const versions = await parts.stores.records.currentVersions(null, 99, never);
      const own = versions.filter(({ documentId }) => documentId === thingDocumentId('', key));
      return (await parts.stores.records.kept(own, never))[0]!.chunks.map(({ text }) => text).join('\n');
    },
  };
}

const NAMED = ['MENTIONS 5001', `MENTIONS ${SHIPMENT}`];

test('a text mentions what bears the number it names, whichever comes first, and no card tells of it', async () => {
  const first = await open();
  await first.take('turvo', shipment('PO-5001'));
  await first.take('frontapp', comment('Asked about PO-5001.'));
  const second = await open({ home: join(folder, 'other') });
  await second.take('frontapp', comment('Asked about PO-5001.'));
  await second.take('turvo', shipment('PO-5001'));
  for (const memory of [first, second]) {
    expect(await memory.derived(COMMENT)).toEqual(NAMED);
    await memory.take('frontapp', comment('Asked again about PO-5001.'));
    const card = await memory.card(COMMENT);
    expect(card).toContain('PO-5001');
    expect(card).not.toContain('SHIP-7');
  }
});

test('a number that is given up is mentioned no longer, and one that is taken is', async () => {
  const { take, derived } = await open();
  await take('frontapp', comment('Asked about PO-5001.'));
  await take('turvo', shipment('PO-5001'));
  expect(await derived(COMMENT)).toEqual(NAMED);
  expect((await take('turvo', shipment('PO-5002'))).updated).toBe(2);
  expect(await derived(COMMENT)).toEqual(['MENTIONS 5001']);
  await take('turvo', shipment('PO-5001'));
  expect(await derived(COMMENT)).toEqual(NAMED);
  // Nothing that others follow from has changed.
  expect((await take('turvo', shipment('PO-5001'))).updated).toBe(1);
});

test.each(['text', 'number'] as const)(
  'of two runs at once, that of the %s, which ends last, sees the other',
  async (last) => {
    const text = comment('Asked about PO-5001.');
    const other = await open();
    const overtake = async () => {
      await (last === 'text' ? other.take('turvo', shipment('PO-5001')) : other.take('frontapp', text));
    };
    const { take, derived } = await open({ beforePivot: overtake });
    await (last === 'text' ? take('frontapp', text) : take('turvo', shipment('PO-5001')));
    expect(await derived(COMMENT)).toEqual(NAMED);
  },
);

test('a run that gives up a number sees the text that came meanwhile and named it', async () => {
  const other = await open();
  await other.take('turvo', shipment('PO-5001'));
  const overtake = async () => {
    await other.take('frontapp', comment('Asked about PO-5001.'));
  };
  const { take, derived } = await open({ beforePivot: overtake });
  await take('turvo', shipment('PO-5002'));
  expect(await derived(COMMENT)).toEqual(['MENTIONS 5001']);
});

test('what ties things of two sources goes with the name that they shared, and with the thing', async () => {
  const api = await openSamsaraApi();
  const [driver] = api.drivers as [Record<string, unknown>];
  const key = `samsara:driver:${driver['id']}`;
  api.drivers.push({ ...driver, id: '2', username: 'other', phone: '+13125550100', externalIds: {} });
  Object.assign(driver, { phone: '+13125550142', updatedAtTime: '2026-01-05T06:00:00Z' });
  const { machine, take, derived } = await open({ env: api.env });
  const sync = () => fetchRecords(machine, 'samsara', { streams: ['drivers'], isSynced: true });
  await take('frontapp', contact('crd_1', '+13125550142'));
  await sync();
  expect(await derived('front:crd_1')).toEqual([`LINKED_TO ${key}`]);
  Object.assign(driver, { phone: '+13125550143', updatedAtTime: '2026-01-05T07:00:00Z' });
  await sync();
  expect(await derived('front:crd_1')).toEqual([]);
  Object.assign(driver, { phone: '+13125550142', updatedAtTime: '2026-01-05T08:00:00Z' });
  await sync();
  expect(await derived('front:crd_1')).toEqual([`LINKED_TO ${key}`]);
  api.drivers.shift();
  expect(await sync()).toMatchObject({ deleted: 1, updated: 1 });
  expect(await derived('front:crd_1')).toEqual([]);
});

test('a name that more than ten bear ties nothing, whichever comes last', async () => {
  const api = await openSamsaraApi();
  const [driver] = api.drivers as [Record<string, unknown>];
  Object.assign(driver, { phone: '+13125550142', updatedAtTime: '2026-01-05T06:00:00Z' });
  const { machine, take, derived } = await open({ env: api.env });
  const contacts = Array.from({ length: 9 }, (_, index) => contact(`crd_${index}`, '+13125550142'));
  await take('frontapp', ...contacts);
  await fetchRecords(machine, 'samsara', { streams: ['drivers'] });
  expect(await derived('front:crd_0')).toHaveLength(1);
  await take('frontapp', contact('crd_last', '+13125550142'));
  expect(await derived('front:crd_0')).toEqual([]);
  expect(await derived('front:crd_last')).toEqual([]);
  await take('frontapp', { ...contact('crd_last', '+13125550199'), updated_at: 1_800_000_000 });
  expect(await derived('front:crd_0')).toHaveLength(1);
});
