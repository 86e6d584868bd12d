import { afterAll, describe, expect, test } from 'vitest';
import { serverEnvironment } from '../servers/environment.ts';
import { doubtCases, type FaultCase, faultCases, nameOf } from './fault-table.ts';
import { OwnServers } from './own-servers.ts';
import { randomFrom, shuffled } from './random.ts';
import { openFaultScenario } from './server-faults.ts';

/** Goal and method: see `openFaultScenario`. Here an eighth of the cases is run, by `npm run soak -- --stores servers --faults` all. */

/** Which eighth; printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
/** For one who looks at some cases alone: a pattern of their names. */
const wanted = process.env['APEX_TEST_FAULTS'];
const SHARE = 1 / 8;
/** A case alone, and how many may wait for each other: those that kill or hold the same server, of which only one can at a time. */
const TURN_MS = 180_000;
const MAX_TURNS = 8;

describe('the table of cases', () => {
  test('has every fault of every store in every phase, and every change with an unknown outcome', () => {
    expect(faultCases().length).toBeGreaterThanOrEqual(120);
    expect(doubtCases().length).toBeGreaterThanOrEqual(60);
    const names = [...faultCases(), ...doubtCases()].map(nameOf);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe.skipIf(serverEnvironment() === null)('on servers', async () => {
  if (serverEnvironment() === null) return;
  const next = randomFrom(seed);
  const cases = [...sampled(faultCases(), next), ...sampled(doubtCases(), next)];
  const servers = new OwnServers();
  const newEnvironment = () => serverEnvironment()!;
  const scenario = await openFaultScenario(cases, { newEnvironment, own: (role) => servers.of(role) });
  afterAll(async () => {
    await scenario.remove();
    await servers.stop();
  });
  console.log(`${cases.length} faults, seed ${seed}`);

  const named = cases.map((one, index) => [nameOf(one), index] as const);
  test.concurrent.each(named)('%s: the same memory', { timeout: TURN_MS * MAX_TURNS }, async (_, index) => {
    expect((await scenario.play(index)).problems).toEqual([]);
  });
});

function sampled(cases: readonly FaultCase[], next: () => number): readonly FaultCase[] {
  if (wanted !== undefined) return cases.filter((one) => new RegExp(wanted).test(nameOf(one)));
  return shuffled(cases, next).slice(0, Math.ceil(cases.length * SHARE));
}
