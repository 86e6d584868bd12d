import { expect, test } from 'vitest';
import { stagedKills } from './staged-kills.ts';

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const ROUNDS = 20;

test('twenty rounds of staging, ingests and cleanups killed at random lose nothing that waits and leave nothing behind', {
  timeout: 600_000,
}, async () => {
  console.log(`staged kills: seed ${seed}`);
  const { kills, failures } = await stagedKills(ROUNDS, seed);
  expect(failures).toEqual([]);
  expect(kills, 'most rounds must kill something').toBeGreaterThan(ROUNDS / 2);
});
