import { afterAll, expect, test } from 'vitest';
import { randomFrom, shuffled } from './random.ts';
import { FETCH_RECOVERIES, openRecordScenario } from './record-scenario.ts';

/**
 * Goal: `apex ingest-json` killed anywhere comes to the same memory, and fetches at most one page twice. Method: as `points.test.ts`,
 * over an API on a loopback server that counts requests: five streams of some pages, each killed at.
 */

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const isFull = process.env['APEX_TEST_FULL'] === '1';
/** Tried always: around a page, a cursor, a batch and a pivot, also of a stream that begins when others have ended. */
const NAMED = [
  ...['feed.page:before', 'feed.page:after', 'feed.page:after@3', 'feed.page:before@5', 'feed.page:after@9'],
  ...['records.cursor:before', 'records.cursor:after@2', 'journal.append.batch_assigned:after@4'],
  ...['journal.append.pivot_planned:after@2', 'records.pivot:before-commit', 'records.pivot:after-commit'],
  ...['records.pivot:after@4', 'graph.setLatest:before', 'journal.append.batch_done:before@6'],
];
/** How many of all points, each time that one is passed, are tried besides, unless all are asked for. */
const SAMPLED = { resume: 6, 'the same command': 4, rollback: 4, 'cleanup first': 3 } as const;

const scenario = await openRecordScenario();
afterAll(() => scenario.remove());
const firsts = scenario.points.filter((point) => !point.includes('@'));
console.log(`ingest-json: ${firsts.length} crash points, passed ${scenario.points.length} times, seed ${seed}`);

test('a fetch passes the points that the tests know, over several pages of several streams', () => {
  expect(firsts.length).toBeGreaterThanOrEqual(120);
  expect(scenario.points).toEqual(expect.arrayContaining(NAMED));
  expect(scenario.requests).toBeGreaterThanOrEqual(10);
});

const left = shuffled(scenario.points, randomFrom(seed));
for (const recovery of FETCH_RECOVERIES) {
  const others = left.splice(0, SAMPLED[recovery]);
  const named = recovery === 'resume' ? NAMED : [];
  const points = isFull ? [...NAMED, ...firsts] : [...named, ...others];
  // What was rolled back is asked for anew; what is gone on with is not.
  const promise = recovery === 'rollback' ? 'the same memory' : 'the same memory, and at most one page fetched twice';
  test.concurrent.each([...new Set(points)])(
    `ingest-json killed at %s, ${recovery}: ${promise}`,
    { timeout: 120_000 },
    async (point) => {
      const { killed, verified, dump, requests } = await scenario.killAndRecover(point, recovery);
      expect(killed.signal, `${point} was never reached: ${killed.stderr}`).toBe('SIGKILL');
      expect(verified).toEqual({ exitStatus: 0, differences: [] });
      expect(dump).toEqual(scenario.reference);
      if (recovery !== 'rollback') expect(requests).toBeLessThanOrEqual(scenario.requests + 1);
    },
  );
}
