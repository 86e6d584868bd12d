import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { VerifyReport } from '../../lib/contracts/apex.ts';
import { onMemory, openCase } from '../helpers/case.ts';
import { DOCUMENTS } from '../helpers/drift.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { intercepted } from '../helpers/intercept.ts';
import { openMachine, withStores } from '../helpers/machine.ts';
import { apex } from '../helpers/program.ts';

/**
 * Goal: with the journals gone or ruined the stores alone lead to a consistent state. Method: a run is killed before or after its
 * pivot, all journals are removed, leftovers are planted in every store and in staging; reconcile must end with nothing that differs,
 * and a second one must find nothing to do.
 */

/** A memory with a second state half written, and what an uninterrupted run gives. */
async function openKilled(point: string) {
  const opened = openCase(DOCUMENTS);
  const { home, documents, write, kill } = opened;
  await ingested(home, documents);
  const before = dumpMemory(home);
  write('change.txt', 'Date: January 25, 2026\n\nLoad number: LD-700001\nCarrier: Cargill Hauling LLC\n');
  await kill(point, 'ingest', documents);
  return { ...opened, before };
}

/** Ingests in this process, which is quicker, and gives what verify says then. */
async function ingested(home: string, documents: string): Promise<VerifyReport> {
  const machine = await openMachine(home);
  await machine.ingest(documents);
  const report = await machine.verify();
  await machine.close();
  return report;
}

function loseJournals(home: string): void {
  for (const name of readdirSync(home)) if (name.startsWith('registry.db')) rmSync(join(home, name));
  for (const folder of ['runs', 'owners']) rmSync(join(home, folder), { recursive: true });
}

const LEFTOVERS = `
  INSERT INTO entity (entity_id, group_id, type, key, folded_key) VALUES ('stray', '', 'Load', 'LD-1', 'ld-1');
  INSERT INTO graph_chunk SELECT 'x', 'ghost', 1, 'run', 1, ordinal FROM graph_chunk LIMIT 1;
  INSERT INTO point (document_id, version, is_live, chunk_id, run_id, batch_no) VALUES ('ghost', 1, 0, 'x', 'run', 1);
  INSERT INTO cache VALUES ('summary:x:ghost:v1', x'7b7d', 'ghost', 1)`;

/** A folder in staging of a run that nobody knows, an hour old. */
function leaveStaged(home: string): string {
  const folder = join(home, 'staging', 'local_upload', 'ghost', 'nobody');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'staged'), 'x');
  const anHourAgo = Date.now() / 1_000 - 3_600;
  for (const path of [join(folder, 'staged'), folder]) utimesSync(path, anHourAgo, anHourAgo);
  return folder;
}

const reconcile = (home: string) => apex(['reconcile', '--json'], { home });

test.each([
  ['graph.write:after', { batches_discarded: 1, batches_finished: 0 }],
  ['records.pivot:after', { batches_discarded: 0, batches_finished: 1 }],
])(
  'journals lost after a kill at %s, with leftovers everywhere: all is brought to its end, and again does nothing',
  async (...[point, batches]) => {
    const { home, documents, before } = await openKilled(point);
    loseJournals(home);
    onMemory(home, (db) => db.exec(LEFTOVERS));
    const staged = leaveStaged(home);
    const { exitCode, lines } = await reconcile(home);
    expect(lines).toEqual([
      expect.objectContaining({
        event: 'reconcile',
        is_done: true,
        parked: 0,
        differences: 0,
        exit_status: 0,
        ...batches,
      }),
    ]);
    expect(lines[0]!['swept']).toBeGreaterThanOrEqual(4);
    expect([exitCode, existsSync(staged)]).toEqual([0, false]);
    if (point === 'graph.write:after') expect(dumpMemory(home)).toEqual(before);
    const again = await reconcile(home);
    expect(again.lines).toEqual([
      expect.objectContaining({
        swept: 0,
        removed_folders: 0,
        runs_given_up: 0,
        batches_finished: 0,
        batches_discarded: 0,
        exit_status: 0,
      }),
    ]);
    expect(await ingested(home, documents)).toMatchObject({ differences: [] });
  },
);

test('a run whose journal is gone is given up, and not offered for resuming any more', async () => {
  const { home, run } = await openKilled('journal.append.batch_done:before');
  rmSync(join(home, 'runs'), { recursive: true });
  mkdirSync(join(home, 'runs'));
  const { exitCode, lines, stderr } = await reconcile(home);
  expect(lines.at(-1)).toMatchObject({ runs_given_up: 1, differences: 0, exit_status: 0 });
  expect(stderr).toContain('is older than the records store says');
  expect(exitCode).toBe(0);
  expect((await run('runs')).lines[0]).toMatchObject({ state: 'failed' });
});

test('an interrupted run whose journal is whole stays one that can be resumed', async () => {
  const { home, run } = await openKilled('graph.write:after');
  expect((await reconcile(home)).lines.at(-1)).toMatchObject({ runs_given_up: 0, batches_discarded: 1 });
  expect((await run('resume')).lines.at(-1)).toMatchObject({ state: 'completed' });
  expect((await run('verify')).exitCode).toBe(0);
});

test('a run at work is left alone', async () => {
  const { home, documents, write, run } = openCase(DOCUMENTS);
  await ingested(home, documents);
  write('change.txt', 'The dock is closed.\n');
  const seen: unknown[] = [];
  const writing = await openMachine(home, {
    change: (parts) =>
      withStores(parts, ({ records }) => ({
        records: intercepted(records, 'pivot', async ({ go }) => {
          seen.push((await run('reconcile')).lines.at(-1));
          return go();
        }),
      })),
  });
  expect((await writing.ingest(documents)).summary).toMatchObject({ updated: 1, exit_status: 0 });
  expect(seen).toEqual([
    expect.objectContaining({ swept: 0, batches_discarded: 0, removed_folders: 0, exit_status: 0 }),
  ]);
  expect(await writing.verify()).toMatchObject({ differences: [] });
});

test('a damaged document is left and named: exit 5, and how it is healed', async () => {
  const { home, documents, idOf } = openCase(DOCUMENTS);
  await ingested(home, documents);
  const id = await idOf('load.md');
  onMemory(home, (db) => db.exec(`DELETE FROM mention WHERE document_id = '${id}'`));
  const { exitCode, lines } = await reconcile(home);
  expect(lines).toContainEqual(
    expect.objectContaining({ event: 'difference', document_id: id, kind: 'mention', problem: 'missing' }),
  );
  expect(exitCode).toBe(5);
  expect((await apex(['reconcile'], { home })).stderr).toBe('Heal with: apex verify --repair');
});

test('no data directory yet: there is nothing to reconcile, exit 0', async () => {
  const { home } = openCase();
  const { exitCode, stdout, stderr } = await apex(['reconcile'], { home });
  expect([exitCode, stdout, stderr]).toEqual([
    0,
    'There was nothing to reconcile.\n0 documents, 0 items compared: no difference',
    '',
  ]);
});
