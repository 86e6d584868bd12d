import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { dumpSeries, dumpStores, withoutReadTimes } from '../helpers/dump-stores.ts';
import { openFrontApi } from '../helpers/front-api.ts';
import { assembleMachine } from '../helpers/machine.ts';
import type { Finished } from '../helpers/program.ts';
import { openSamsaraApi } from '../helpers/samsara-api.ts';
import { openTurvoApi } from '../helpers/turvo-api.ts';
import { serverEnvironment } from '../servers/environment.ts';

/**
 * Goal: on servers, records become what they become in embedded stores, and every command knows them. Method: the built program does
 * the same over the four servers and over `memory.db`, from files and from the loopback APIs; the two memories are compared whole.
 */

const RECORDS = resolve('fixtures/records');
/** Sources with the exit status that their files give: an order is no record of Turvo's. */
const SOURCES = { samsara: 0, turvo: 3, frontapp: 0 } as const;

type Environment = Readonly<Record<string, string>>;
type Memory = ReturnType<typeof openCase>;

const summaryOf = ({ lines }: Finished) => lines.find(({ event }) => event === 'summary')!;

/** A memory on the servers, and an embedded one beside it. */
function openBoth(env: Environment = {}): readonly [Memory, Memory] {
  return [openCase({}, { ...serverEnvironment()!, ...env }), openCase({}, env)];
}

/** All that a memory holds, but for when it was read. */
async function dumpOf({ home, env }: Memory, since: number): Promise<Record<string, unknown[]>> {
  const { parts, close } = await assembleMachine(home, { env });
  try {
    const documents = await dumpStores(parts.stores);
    return withoutReadTimes({ ...documents, ...(await dumpSeries(parts.stores)) }, since);
  } finally {
    await close();
  }
}

async function takeFiles({ run }: Memory): Promise<void> {
  for (const [source, exitCode] of Object.entries(SOURCES)) {
    const taken = await run('ingest-json', '--source', source, join(RECORDS, source));
    expect([source, taken.exitCode, taken.stderr]).toEqual([source, exitCode, expect.any(String)]);
  }
}

describe.skipIf(serverEnvironment() === null)('on servers', () => {
  test('files of all sources give the same memory, and a second time they write nothing', {
    timeout: 240_000,
  }, async () => {
    const since = Date.now();
    const [servers, embedded] = openBoth();
    for (const memory of [servers, embedded]) await takeFiles(memory);
    const held = await dumpOf(servers, since);
    expect(held).toEqual(await dumpOf(embedded, since));
    for (const part of ['documents', 'readings', 'latest', 'rejected'])
      expect(held[part]!.length, part).toBeGreaterThan(0);
    for (const source of Object.keys(SOURCES)) {
      const again = await servers.run('ingest-json', '--source', source, join(RECORDS, source));
      expect(summaryOf(again)).toMatchObject({ added: 0, updated: 0, batches: 0, embedding_calls: 0 });
    }
    expect(await dumpOf(servers, since)).toEqual(held);
    expect(await servers.verify()).toBe(0);
  });

  test('what the APIs give is the same memory with the same cursors, and a second time nothing is new', {
    timeout: 240_000,
  }, async () => {
    const since = Date.now();
    const [samsara, turvo, front] = [await openSamsaraApi(), await openTurvoApi(), await openFrontApi()];
    const [servers, embedded] = openBoth({ ...samsara.env, ...turvo.env, ...front.env });
    for (const { run } of [servers, embedded]) {
      for (const source of Object.keys(SOURCES)) {
        const fetched = await run('ingest-json', '--source', source);
        expect([source, fetched.exitCode, fetched.stderr]).toEqual([source, 0, '']);
      }
    }
    const held = await dumpOf(servers, since);
    expect(held).toEqual(await dumpOf(embedded, since));
    expect(new Set(held['cursors']!.map((cursor) => (cursor as { source: string }).source))).toEqual(
      new Set(Object.keys(SOURCES)),
    );
    for (const source of Object.keys(SOURCES)) {
      const again = await servers.run('ingest-json', '--source', source);
      expect(summaryOf(again)).toMatchObject({ exit_status: 0, added: 0, updated: 0, embedding_calls: 0 });
    }
    const { cursors: _, ...rest } = held;
    expect(await dumpOf(servers, since)).toMatchObject(rest);
    expect(await servers.verify()).toBe(0);
  });

  test('show, search, records and trace tell of things what they tell over embedded stores', {
    timeout: 240_000,
  }, async () => {
    const since = Date.now();
    const [servers, embedded] = openBoth();
    for (const memory of [servers, embedded]) await takeFiles(memory);
    const tells = async (plain: (told: Finished) => unknown, ...args: string[]) => {
      const [told, wanted] = [await servers.run(...args), await embedded.run(...args)];
      expect([args, told.exitCode, told.stderr]).toEqual([args, 0, '']);
      expect(plain(told), args.join(' ')).toEqual(plain(wanted));
      expect(told.lines.length, args.join(' ')).toBeGreaterThan(0);
    };
    const shown = ({ lines }: Finished) => withoutReadTimes({ lines: [...lines] }, since);
    for (const key of ['turvo:shipment:1000324868', 'TRUCK-6520', 'front:cnv_1abc2d', 'dispatch@acme-trucking.com'])
      await tells(shown, 'show', key);
    await tells(shown, 'show', 'turvo:shipment:1000324868', '--at', '2025-10-19T11:30:00Z');
    // Which of equal ones comes first is each store's own; `same-hits.int.test.ts` is about ranks.
    const found = ({ lines }: Finished) => lines.map((line) => `${line['document_id']}: ${line['text']}`).sort();
    for (const mode of ['keyword', 'vector', 'hybrid', 'graph'])
      await tells(found, 'search', 'TRUCK-6520', '--mode', mode, '--limit', '100');
    const traced = await servers.run('trace', 'samsara:vehicle:281474981110001');
    expect([traced.exitCode, traced.lines.length > 0]).toEqual([0, true]);
    const rejected = await servers.run('records', 'list', '--rejected');
    expect(rejected.lines).toEqual([
      expect.objectContaining({ source: 'turvo', reason: expect.stringContaining('shapes tried') }),
    ]);
  });

  test('a thing that is deleted is gone with its readings, and the others stay', { timeout: 240_000 }, async () => {
    const since = Date.now();
    const [servers, embedded] = openBoth();
    const vehicle = 'samsara:vehicle:281474981110001';
    for (const memory of [servers, embedded]) {
      await takeFiles(memory);
      expect((await memory.run('delete', vehicle)).exitCode).toBe(0);
    }
    const held = await dumpOf(servers, since);
    expect(held).toEqual(await dumpOf(embedded, since));
    const isOfVehicle = (row: unknown) => (row as { documentId: string }).documentId === vehicle;
    expect([...held['documents']!, ...held['readings']!].filter(isOfVehicle)).toEqual([]);
    expect(held['documents']!.length).toBeGreaterThan(10);
    expect(await servers.verify()).toBe(0);
  });
});
