import { expect, test } from 'vitest';
import { metricsDay } from './metrics-day.ts';

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));

/** So many simulated minutes; a whole day by APEX_TEST_MINUTES=1440. */
const minutes = Number(process.env['APEX_TEST_MINUTES'] ?? 24);

test('after a day of cleanups every minute beside ingests the counters are what the journals tell', {
  timeout: 60_000 + minutes * 20_000,
}, async () => {
  console.log(`metrics day: seed ${seed}`);
  const { ingests, cleanups, kills, failures } = await metricsDay({ minutes, seed, killPercent: 30 });
  expect(failures).toEqual([]);
  expect([ingests, cleanups]).toEqual([Math.ceil(minutes / 2), minutes]);
  console.log(`metrics day: ${ingests} ingests, ${kills} of them killed, ${cleanups} cleanups`);
});
