import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, expect, test } from 'vitest';
import { dumpWhole } from '../helpers/dump-records.ts';
import { apex } from '../helpers/program.ts';
import { killAndRecover, openScenario, RECOVERIES, SETTINGS } from './scenario.ts';

/**
 * Goal: a journal that vanished, went back or is damaged is noticed, and the stores alone lead back to the right state. Method: a
 * run is killed in the middle of its second batch, before or after the pivot; its files are ruined; the same command must then
 * reach the memory of an uninterrupted run.
 */

const scenario = await openScenario('ingest');
afterAll(() => scenario.remove());

const ENDINGS = ['', '-wal', '-shm'];

function remove(database: string): void {
  for (const ending of ENDINGS) rmSync(`${database}${ending}`, { force: true });
}

function copy(from: string, to: string): void {
  remove(to);
  for (const ending of ['', '-wal']) if (existsSync(`${from}${ending}`)) cpSync(`${from}${ending}`, `${to}${ending}`);
}

/** Brings all of a database into its main file, as closing it would have done. */
function fold(database: string): void {
  const db = new Database(database);
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.close();
  expect(existsSync(`${database}-wal`)).toBe(false);
}

/** Ways to ruin a journal; each gets its path and that of a copy made before the batch. */
const RUINS: { readonly [name: string]: (journal: string, older: string) => void } = {
  'is deleted': remove,
  'is replaced by an older copy': (journal, older) => copy(older, journal),
  'loses the end of its log': (journal) => {
    truncateSync(`${journal}-wal`, Math.floor(readFileSync(`${journal}-wal`).length / 2));
    rmSync(`${journal}-shm`);
  },
  'is cut off': (journal) => {
    fold(journal);
    truncateSync(journal, Math.floor(readFileSync(journal).length / 2));
  },
  'has a hole': (journal) => {
    fold(journal);
    const bytes = readFileSync(journal);
    writeFileSync(journal, bytes.fill(0, 5_000));
  },
  'is overwritten': (journal) => {
    remove(journal);
    writeFileSync(journal, 'this is not a journal, whatever its name says'.repeat(200));
  },
};

/** Kills the scenario's command in its second batch. */
async function killedIn(point: string) {
  const home = scenario.newHome();
  const run = (crashPoint: string, ...args: string[]) =>
    apex(args, { home, env: { ...SETTINGS, APEX_CRASH_POINT: crashPoint } });
  const killed = await run('journal.append.batch_assigned:before@2', ...scenario.args);
  expect(killed.signal, killed.stderr).toBe('SIGKILL');
  const { lines } = await apex(['runs', 'list', '--json'], { home });
  const runId = String(lines[0]!['run_id']);
  const journal = join(home, 'runs', `${runId}.db`);
  copy(journal, join(home, 'older.db'));
  const killedAgain = await run(point, 'resume', runId);
  expect(killedAgain.signal, `${point} was never reached: ${killedAgain.stderr}`).toBe('SIGKILL');
  return { home, journal, older: join(home, 'older.db'), runId };
}

async function again(home: string) {
  const ended = await apex(scenario.args, { home, env: SETTINGS });
  const verified = await apex(['verify', '--json'], { home });
  return { ended, verified, dump: dumpWhole(home) };
}

/** Where the second batch is when it is killed: half written, or visible and not finished. */
const POINTS = ['graph.write:after', 'records.pivot:after'];

test.concurrent.each(Object.keys(RUINS).flatMap((ruin) => POINTS.map((point) => [ruin, point] as const)))(
  'a journal that %s after a kill at %s: noticed, and the same command reaches the same memory',
  async (ruin, point) => {
    const { home, journal, older, runId } = await killedIn(point);
    RUINS[ruin]!(journal, older);
    const { ended, verified, dump } = await again(home);
    expect(ended.stderr).toContain(`the journal of run ${runId} is older than the records store says`);
    expect(ended.exitCode, 'the two broken documents are all that is wrong').toBe(3);
    expect(verified.exitCode, verified.stdout).toBe(0);
    expect(dump).toEqual(scenario.reference);
  },
);

test.concurrent.each(POINTS)('resume says that the journal went back, after a kill at %s', async (point) => {
  const { home, journal, older, runId } = await killedIn(point);
  copy(older, journal);
  const resumed = await apex(['resume', runId, '--json'], { home, env: SETTINGS });
  expect(resumed.lines).toEqual([
    expect.objectContaining({
      state: 'failed',
      exit_status: 5,
      error: expect.objectContaining({ code: 'JOURNAL_WENT_BACK' }),
    }),
  ]);
  expect((await apex(['verify', '--json'], { home })).exitCode).toBe(0);
  const { ended, dump } = await again(home);
  expect(ended.exitCode).toBe(3);
  expect(dump).toEqual(scenario.reference);
});

test.concurrent.each(POINTS)('a registry that is deleted after a kill at %s: the run goes on', async (point) => {
  const { home, runId } = await killedIn(point);
  remove(join(home, 'registry.db'));
  const { ended, verified, dump } = await again(home);
  expect(ended.lines.at(-1)).toMatchObject({ run_id: runId, state: 'completed', exit_status: 3 });
  expect(verified.exitCode, verified.stdout).toBe(0);
  expect(dump).toEqual(scenario.reference);
});

test.concurrent.each(POINTS)('nothing but the memory is left after a kill at %s: the same memory', async (point) => {
  const { home, runId } = await killedIn(point);
  remove(join(home, 'registry.db'));
  for (const folder of ['runs', 'owners', 'staging']) rmSync(join(home, folder), { recursive: true });
  const { ended, verified, dump } = await again(home);
  expect(ended.stderr).toContain(`no journal tells of batch`);
  expect(ended.lines.at(-1)).toMatchObject({ state: 'completed', exit_status: 3 });
  expect(ended.lines.at(-1)!['run_id']).not.toBe(runId);
  expect(verified.exitCode, verified.stdout).toBe(0);
  expect(dump).toEqual(scenario.reference);
});

/** A run that is listed and has written nothing, not even what it was asked to do. */
const WITHOUT_PLAN = [
  'registry.create:after',
  'journal.append.run_started:before',
  'journal.run_started:before-commit',
];

test.concurrent.each(WITHOUT_PLAN.flatMap((point) => RECOVERIES.map((recovery) => [point, recovery] as const)))(
  'a run killed at %s, before it had a plan, is passed over: %s reaches the same memory',
  async (point, recovery) => {
    const { killed, verified, dump } = await killAndRecover(scenario, point, recovery);
    expect(killed.signal, `${point} was never reached: ${killed.stderr}`).toBe('SIGKILL');
    expect(verified.exitCode, verified.stdout).toBe(0);
    expect(dump).toEqual(scenario.reference);
  },
);

test('resume of a run that was killed before it had a plan does nothing and says so; it is then listed as failed', async () => {
  const home = scenario.newHome();
  await apex(scenario.args, { home, env: { ...SETTINGS, APEX_CRASH_POINT: 'registry.create:after' } });
  const { lines } = await apex(['runs', 'list', '--json'], { home });
  expect(lines[0]).toMatchObject({ state: 'interrupted', is_owned: false });
  const resumed = await apex(['resume', String(lines[0]!['run_id'])], { home });
  expect([resumed.exitCode, resumed.stdout, resumed.stderr]).toEqual([0, '', 'There is nothing to resume.']);
  expect((await apex(['runs', 'list', '--json'], { home })).lines[0]).toMatchObject({ state: 'failed' });
});
