import { afterAll, expect, test } from 'vitest';
import { COMMANDS, type CommandName } from './killed-commands.ts';
import { randomFrom } from './random.ts';
import { killAndRecover, openScenario, RECOVERIES } from './scenario.ts';

/**
 * Goal: kill it anywhere and it comes to the same. Method: the built program is killed (SIGKILL) at every point it passes, by
 * itself; another process recovers; then `verify` must find no difference and the whole memory must equal an uninterrupted run's.
 * A point that is listed and never reached fails, because then the kill did not happen.
 */

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const isFull = process.env['APEX_TEST_FULL'] === '1';
/** How many points are tried, unless all are asked for: of the commands that everything rests on, and of those made of the same parts. */
const SAMPLED: { readonly [command in CommandName]: { readonly resume: number; readonly others: number } } = {
  ingest: { resume: Number.POSITIVE_INFINITY, others: 4 },
  delete: { resume: Number.POSITIVE_INFINITY, others: 4 },
  sync: { resume: 12, others: 2 },
  repair: { resume: 12, others: 2 },
  retry: { resume: 12, others: 2 },
  'ingest-json': { resume: 12, others: 2 },
  'records retry': { resume: 10, others: 2 },
};

for (const command of Object.keys(COMMANDS) as CommandName[]) {
  const scenario = await openScenario(command);
  afterAll(() => scenario.remove());
  console.log(`${command}: ${scenario.points.length} crash points, seed ${seed}`);

  test(`${command} passes the points that the tests know`, () => {
    expect(scenario.points.length).toBeGreaterThanOrEqual(COMMANDS[command].leastPoints);
  });

  for (const recovery of RECOVERIES) {
    const wanted = recovery === 'resume' ? SAMPLED[command].resume : SAMPLED[command].others;
    const points = isFull ? scenario.points : sample(scenario.points, wanted);
    test.concurrent.each(points)(`${command} killed at %s, ${recovery}: the same memory`, async (point) => {
      const { killed, verified, dump } = await killAndRecover(scenario, point, recovery);
      expect(killed.signal, `${point} was never reached: ${killed.stderr}`).toBe('SIGKILL');
      expect(verified.lines, verified.stderr).toEqual([expect.objectContaining({ event: 'summary', exit_status: 0 })]);
      expect(dump).toEqual(scenario.reference);
    });
  }
}

/** Some of the points, the same ones for the same seed. */
function sample(points: readonly string[], count: number): string[] {
  const next = randomFrom(seed);
  return points
    .map((point) => ({ point, key: next() }))
    .sort((a, b) => a.key - b.key)
    .slice(0, count)
    .map(({ point }) => point);
}
