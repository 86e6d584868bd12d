import { afterAll, describe, expect, test } from 'vitest';
import { serverEnvironment } from '../servers/environment.ts';
import { randomFrom, shuffled } from './random.ts';
import { RECOVERIES, type Recovery } from './scenario.ts';
import { openServerScenario } from './server-scenario.ts';

/**
 * Goal: kill it anywhere and it comes to the same, on servers too. Method: as `points.test.ts`, at the calls of the stores; the
 * stores are compared with what the records say by `verify`, and that with what an uninterrupted run gives.
 */

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
/** How many cases are run of `resume`, and how many of the other ways of recovering; `npm run soak -- --stores servers --full` runs all. */
const SAMPLED = { resume: 36, others: 8 };

describe.skipIf(serverEnvironment() === null)('on servers', async () => {
  if (serverEnvironment() === null) return;
  const scenario = await openServerScenario(() => serverEnvironment()!);
  afterAll(() => scenario.remove());
  console.log(`${scenario.points.length} crash points, seed ${seed}`);

  test('an ingest passes the points that the tests know', () => {
    expect(scenario.points.length).toBeGreaterThanOrEqual(40);
  });

  const casesOf = (recoveries: readonly Recovery[]) =>
    recoveries.flatMap((recovery) => scenario.points.map((point) => [point, recovery] as const));
  const next = randomFrom(seed);
  const resumed = shuffled(casesOf(['resume']), next).slice(0, SAMPLED.resume);
  const others = shuffled(casesOf(RECOVERIES.filter((recovery) => recovery !== 'resume')), next);
  const cases = [...resumed, ...others.slice(0, SAMPLED.others)];
  await scenario.make(cases.length);
  test.concurrent.each(cases)('killed at %s, %s: the same memory', { timeout: 180_000 }, async (point, recovery) => {
    const { killed, verified, dump } = await scenario.killAndRecover(point, recovery);
    expect(killed.signal, `${point} was never reached: ${killed.stderr}`).toBe('SIGKILL');
    expect(verified).toEqual({ exitStatus: 0, differences: [] });
    expect(dump).toEqual(scenario.reference);
  });
});
