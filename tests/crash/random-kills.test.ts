import { expect, test } from 'vitest';
import { randomKills } from './random-kills.ts';

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const ROUNDS = 20;

test('twenty rounds of random kills leave the memory right', { timeout: 300_000 }, async () => {
  console.log(`random kills: seed ${seed}`);
  const soak = await randomKills(ROUNDS, seed);
  expect(soak.failures).toEqual([]);
  expect(soak.kills, 'most rounds must kill something').toBeGreaterThan(ROUNDS / 4);
});
