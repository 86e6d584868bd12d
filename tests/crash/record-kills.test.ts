import { expect, test } from 'vitest';
import { randomRecordKills } from './record-kills.ts';

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const ROUNDS = 10;

test.concurrent.each([
  ['stand still until it has ended', false],
  ['move on meanwhile', true],
] as const)(
  'ten rounds of ingest-json and records retry killed at random leave the memory right, where the sources %s',
  {
    timeout: 300_000,
  },
  async (_, isMoving) => {
    console.log(`record kills: seed ${seed}`);
    const { kills, failures } = await randomRecordKills({ rounds: ROUNDS, seed, isMoving });
    expect(failures).toEqual([]);
    expect(kills, 'most rounds must kill something').toBeGreaterThan(ROUNDS / 4);
  },
);
