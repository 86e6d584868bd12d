import { expect, test } from 'vitest';
import { serverEnvironment } from '../servers/environment.ts';
import { onServers, randomKills } from './random-kills.ts';

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const ROUNDS = Number(process.env['APEX_TEST_ROUNDS'] ?? 20);

test.skipIf(serverEnvironment() === null)(
  'twenty rounds of random kills leave a memory on servers right',
  { timeout: 600_000 },
  async () => {
    console.log(`random kills on servers: seed ${seed}`);
    const soak = await randomKills(
      ROUNDS,
      seed,
      undefined,
      onServers(() => serverEnvironment()!),
    );
    expect(soak.failures).toEqual([]);
    expect(soak.kills, 'most rounds must kill something').toBeGreaterThan(ROUNDS / 4);
  },
);
