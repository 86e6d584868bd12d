import { describe, expect, test } from 'vitest';
import { StoreError } from '../../lib/contracts/errors.ts';
import { onMemory, openCase } from '../helpers/case.ts';
import { DOCUMENTS, openDrift } from '../helpers/drift.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { failing, intercepted } from '../helpers/intercept.ts';
import { openMachine, withStores } from '../helpers/machine.ts';
import { apex } from '../helpers/program.ts';

/**
 * Goal: a repair that is killed, stopped by the disk, or not alone breaks nothing, and the same command again goes on. Method: three
 * documents are damaged in three stores; the repair is killed, failed or held at a point, beside another command or before it is run again.
 */

const drift = await openDrift('repair-faults');
const sound = dumpMemory(drift.home);

/** Damage in several stores, of several documents. */
const DAMAGE = `
  DELETE FROM mention WHERE document_id = '$load';
  UPDATE point_vector SET group_id = 'x' WHERE point_row = (SELECT max(point_row) FROM point);
  UPDATE chunk SET text = 'x' WHERE document_id = (SELECT document_id FROM version WHERE name = 'change.txt');
  INSERT INTO entity (entity_id, group_id, type, key, folded_key) VALUES ('stray', '', 'Load', 'LD-1', 'ld-1')`;

describe('a repair that is killed', () => {
  test.each([
    'registry.create:after',
    'journal.append.batch_assigned:after',
    'records.writeBuilding:after',
    'vectors.write:after',
    'records.pivot:after',
    'graph.retire:before',
    'records.finish:before',
    'graph.mendStrays:after',
    'journal.append.run_finished:before',
  ])('at %s: the same command goes on, and the memory is as it was', async (point) => {
    const home = drift.planted(DAMAGE);
    const killed = await apex(['verify', '--repair', '--json'], { home, env: { APEX_CRASH_POINT: point } });
    expect(killed.signal, `${point} was never reached: ${killed.stderr}`).toBe('SIGKILL');
    const again = await apex(['verify', '--repair', '--json'], { home });
    expect(again.lines.at(-1), again.stderr).toMatchObject({ event: 'summary', left: 0, exit_status: 0 });
    const machine = await openMachine(home);
    expect(await machine.verify()).toMatchObject({ differences: [] });
    await machine.close();
    expect(dumpMemory(home)).toEqual(sound);
  });
});

test('the disk is full in the middle of a repair: 75, said why, and the same command heals the rest', async () => {
  const home = drift.planted(DAMAGE);
  const full = new StoreError('the disk is full: memory.db cannot grow', { code: 'DISK_FULL', retryable: true });
  const first = await openMachine(home, {
    change: (parts) => withStores(parts, ({ graph }) => ({ graph: failing(graph, 'write', full) })),
  });
  const stopped = await first.repair();
  expect(stopped).toMatchObject({ exit_status: 75, run: { state: 'interrupted', error: { code: 'DISK_FULL' } } });
  expect(stopped.differences).toContainEqual(expect.objectContaining({ document_id: drift.load, healed: false }));
  await first.close();
  const second = await openMachine(home);
  const healed = await second.repair();
  expect(healed).toMatchObject({ exit_status: 0, run: { run_id: stopped.run!.run_id, state: 'completed' } });
  await second.close();
  expect(dumpMemory(home)).toEqual(sound);
});

/** A machine whose records store is held before a method, once, while something else is done. */
async function held(home: string, method: 'pivot' | 'allocate', meanwhile: () => Promise<unknown>) {
  return openMachine(home, {
    change: (parts) =>
      withStores(parts, ({ records }) => ({
        records: intercepted(records, method, async ({ go, count }) => {
          if (count === 1) await meanwhile();
          return go();
        }),
      })),
  });
}

test('a run that writes the same document while it is repaired wins, and nothing is left over', async () => {
  const { home, documents, write, ingest, idOf } = openCase(DOCUMENTS);
  await ingest();
  const id = await idOf('change.txt');
  onMemory(home, (db) => db.exec(`DELETE FROM mention WHERE document_id = '${id}'`));
  const other = await openMachine(home);
  const repairing = await held(home, 'pivot', async () => {
    write('change.txt', 'The dock is closed.\n');
    expect((await other.ingest(documents)).summary).toMatchObject({ updated: 1, exit_status: 0 });
  });
  expect(await repairing.repair()).toMatchObject({ exit_status: 0 });
  expect(await repairing.verify()).toMatchObject({ differences: [] });
  expect((await repairing.search('dock closed'))[0]).toBe('The dock is closed.');
});

test('a document that is repaired while a run writes it: the run comes after, and nothing is left over', async () => {
  const { home, documents, write, ingest, idOf } = openCase(DOCUMENTS);
  await ingest();
  const id = await idOf('change.txt');
  onMemory(home, (db) => db.exec(`DELETE FROM mention WHERE document_id = '${id}'`));
  write('change.txt', 'The dock is closed.\n');
  const repairing = await openMachine(home);
  const writing = await held(home, 'pivot', async () => {
    const { differences } = await repairing.repair();
    expect(differences).toContainEqual(expect.objectContaining({ document_id: id, healed: true }));
  });
  expect((await writing.ingest(documents)).summary).toMatchObject({ exit_status: 0 });
  expect(await writing.verify()).toMatchObject({ differences: [] });
  expect((await writing.search('dock closed'))[0]).toBe('The dock is closed.');
});

test('two repairs at once: the second ends with a line', async () => {
  const home = drift.planted(DAMAGE);
  const second: unknown[] = [];
  const first = await held(home, 'allocate', async () => {
    const { exitCode, stdout, stderr } = await apex(['verify', '--repair'], { home });
    second.push(exitCode, stdout, stderr);
  });
  expect(await first.repair()).toMatchObject({ exit_status: 0 });
  expect(second).toEqual([0, 'Another repair is at work; nothing was done.', '']);
  await first.close();
  expect(dumpMemory(home)).toEqual(sound);
});

test('an interrupted repair is gone on with by resume too', async () => {
  const home = drift.planted(DAMAGE);
  await apex(['verify', '--repair'], { home, env: { APEX_CRASH_POINT: 'records.pivot:after' } });
  const { lines } = await apex(['resume', '--json'], { home });
  expect(lines.at(-1)).toMatchObject({ event: 'summary', state: 'completed', exit_status: 0 });
  expect(dumpMemory(home)).toEqual(sound);
});

test.each(['--json', '--repair'])('no data directory yet, with %s: nothing differs, exit 0', async (flag) => {
  const { home } = openCase();
  const { exitCode, stderr } = await apex(['verify', '--repair', flag], { home });
  expect([exitCode, stderr]).toEqual([0, '']);
});
