import { expect, test } from 'vitest';
import { serverEnvironment } from '../servers/environment.ts';
import { onServers } from './random-kills.ts';
import { randomRecordKills } from './record-kills.ts';

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const ROUNDS = Number(process.env['APEX_TEST_ROUNDS'] ?? 3);

test.skipIf(serverEnvironment() === null)(
  'three rounds of ingest-json killed at random leave a memory on servers as an embedded one',
  { timeout: 300_000 },
  async () => {
    console.log(`record kills on servers: seed ${seed}`);
    const { openMemory } = onServers(() => serverEnvironment()!);
    const { failures } = await randomRecordKills({ rounds: ROUNDS, seed, isMoving: false, openMemory });
    expect(failures).toEqual([]);
  },
);
