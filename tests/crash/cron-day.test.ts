import { expect, test } from 'vitest';
import { cronDay } from './cron-day.ts';

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));

test('two hours of cron over a folder that changes come to what a fresh ingest of it gives, whatever is killed', {
  timeout: 300_000,
}, async () => {
  console.log(`cron day: seed ${seed}`);
  const { kills, failures } = await cronDay({ runs: 24, kills: 4, seed });
  expect(failures).toEqual([]);
  expect(kills, 'some must be killed').toBeGreaterThan(0);
});
