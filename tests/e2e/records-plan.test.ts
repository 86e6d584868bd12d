import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderState } from '../helpers/folder-state.ts';
import { apex, type Finished, newFolder } from '../helpers/program.ts';
import { openSamsaraApi } from '../helpers/samsara-api.ts';

/**
 * Goal: a plan for records says what the ingest then does, and changes nothing anywhere.
 * Method: the built program; each plan is compared with the ingest after it, and the data directory with itself, to the last byte.
 */

const SHIPMENT = JSON.stringify(
  JSON.parse(readFileSync(join('fixtures', 'records', 'turvo', 'shipment.json'), 'utf8')),
);

const lastOf = (run: Finished, name: string) => run.lines.findLast(({ event }) => event === name)!;
const COUNTS = [
  ...(['chunks', 'entities', 'relations', 'records', 'exit_status'] as const),
  ...(['embedded_texts', 'embedding_calls'] as const),
];
const countsOf = (line: Readonly<Record<string, unknown>>) => COUNTS.map((name) => line[name]);

function openMemory(env: Readonly<Record<string, string>> = {}) {
  const folder = newFolder('records-plan');
  const home = join(folder, 'home');
  const run = (...words: string[]) => apex(['ingest-json', '--json', ...words], { home, env });
  return { home, folder, run };
}

describe('of a file', () => {
  test('says what the ingest then does with each thing, and makes nothing', async () => {
    const { home, folder, run } = openMemory();
    const path = join(folder, 'shipments.ndjson');
    writeFileSync(path, `${SHIPMENT}\n{"id":"x","nope":1}\n`);
    const planned = await run('--source', 'turvo', path, '--dry-run');
    expect(existsSync(home)).toBe(false);
    const done = await run('--source', 'turvo', path);
    const [plan, summary] = [lastOf(planned, 'plan'), lastOf(done, 'summary')];
    expect(countsOf(plan)).toEqual(countsOf(summary));
    expect([plan['add'], plan['update']]).toEqual([summary['added'], 0]);
    expect([planned.exitCode, done.exitCode]).toEqual([3, 3]);
    const idsOf = ({ lines }: Finished, name: string) =>
      lines.filter(({ event }) => event === name).map((line) => line['document_id']);
    expect(idsOf(planned, 'planned_document').sort()).toEqual(idsOf(done, 'document').sort());
    expect(lastOf(planned, 'rejected')).toEqual(lastOf(done, 'rejected'));
  });

  test('of what is known already: nothing, and the memory is the same to the last byte', async () => {
    const { home, folder, run } = openMemory();
    const path = join(folder, 'shipment.json');
    writeFileSync(path, SHIPMENT);
    await run('--source', 'turvo', path);
    const before = folderState(home);
    const plan = lastOf(await run('--source', 'turvo', path, '--dry-run'), 'plan');
    expect(plan).toMatchObject({ add: 0, update: 0, embedded_texts: 0, exit_status: 0 });
    expect(plan['unchanged']).toBeGreaterThan(0);
    expect(folderState(home)).toEqual(before);
  });

  test('counts the readings that are new, and a changed shipment as an update', async () => {
    const { folder, run } = openMemory();
    const reading = (second: number) =>
      `${JSON.stringify({ id: '1', name: 'TRUCK-1', gps: { time: `2025-10-19T12:00:0${second}Z`, latitude: 41, longitude: -87 } })}\n`;
    const path = join(folder, 'readings.ndjson');
    writeFileSync(path, reading(1));
    await run('--source', 'samsara', path);
    writeFileSync(path, reading(1) + reading(2));
    const plan = lastOf(await run('--source', 'samsara', path, '--dry-run'), 'plan');
    expect(plan).toMatchObject({ records: { records: 2, readings: 1, rejected: 0 }, add: 0 });
    const shipment = join(folder, 'shipment.json');
    writeFileSync(shipment, SHIPMENT);
    await run('--source', 'turvo', shipment);
    writeFileSync(shipment, SHIPMENT.replaceAll('En route', 'Delivered'));
    const words = ['--source', 'turvo', shipment];
    const changed = lastOf(await run(...words, '--dry-run'), 'plan');
    expect(changed['update']).toBeGreaterThan(0);
    expect(changed['update']).toBe(lastOf(await run(...words), 'summary')['updated']);
  });
});

describe('of an API', () => {
  test('moves no cursor: the ingest after it gets what was planned', async () => {
    const api = await openSamsaraApi();
    const { home, run } = openMemory(api.env);
    const planned = lastOf(await run('--source', 'samsara', '--dry-run'), 'plan');
    expect(existsSync(home)).toBe(false);
    const done = lastOf(await run('--source', 'samsara'), 'summary');
    expect(planned['records']).toEqual(done['records']);
    expect(planned['add']).toBe(done['added']);
  });

  test('with --sync names what would be deleted, and deletes nothing', async () => {
    const api = await openSamsaraApi();
    const { home, run } = openMemory(api.env);
    api.vehicles.push({ ...api.vehicles[0]!, id: '901', name: 'TRUCK-901', vin: undefined, externalIds: {} });
    const words = ['--source', 'samsara', '--stream', 'vehicles'];
    await run(...words);
    const before = folderState(home);
    api.vehicles.pop();
    const planned = await run(...words, '--sync', '--dry-run');
    expect(lastOf(planned, 'plan')).toMatchObject({ delete: 1, add: 0, update: 0 });
    expect(planned.lines).toContainEqual(
      expect.objectContaining({ document_id: 'samsara:vehicle:901', action: 'delete' }),
    );
    expect(folderState(home)).toEqual(before);
    expect(lastOf(await run(...words, '--sync'), 'summary')).toMatchObject({ deleted: 1 });
  });

  test('of a source that refuses is told, with the status that the ingest ends with', async () => {
    const api = await openSamsaraApi();
    const { run } = openMemory({ ...api.env, SAMSARA_API_TOKEN: 'wrong' });
    const [planned, done] = [await run('--source', 'samsara', '--dry-run'), await run('--source', 'samsara')];
    expect(planned.exitCode).toBe(done.exitCode);
    expect(planned.exitCode).not.toBe(0);
    expect(planned.stderr + planned.stdout).toContain('SAMSARA_API_TOKEN');
  });
});
