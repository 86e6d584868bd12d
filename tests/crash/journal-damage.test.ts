import { afterAll, expect, test } from 'vitest';
import { openPlaces } from './damaged-homes.ts';
import { DAMAGES } from './damages.ts';
import { damageAndRecover } from './journal-damage.ts';
import { randomFrom } from './random.ts';
import { openScenario } from './scenario.ts';
import { halfDocuments } from './whole-documents.ts';

/**
 * Goal: whatever happens to the journals and the registry, it is noticed or harms nothing. Method: data directories in several states
 * get their files ruined by a seeded chance; some command comes first, then the same command again; `verify` must never be content
 * with a memory that is half written, and in the end the memory must be that of an uninterrupted run. `npm run soak -- --journals 500`
 * does many.
 */

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const DAMAGED = 25;

const scenario = await openScenario('ingest');
afterAll(() => scenario.remove());
const places = await openPlaces(scenario);
console.log(`journal damage: seed ${seed}`);

/** All states by all ways to ruin: the numbers that stand for different cases. */
const CASES = places.length * Object.keys(DAMAGES).length;
const next = randomFrom(seed);
const numbers = Array.from({ length: DAMAGED }, () => Math.floor(next() * CASES));

test.concurrent.each([...new Set(numbers)])(
  'damage %i is noticed or harmless, and the same command reaches the same memory',
  { timeout: 300_000 },
  async (number) => {
    const { problems, ...damage } = await damageAndRecover(places, number, seed);
    expect(problems, JSON.stringify(damage)).toEqual([]);
  },
);

test('a document that is old in one store and new in another is half written; one that is either is not', () => {
  const { before, reference } = scenario;
  expect(halfDocuments(before, before, reference)).toEqual([]);
  expect(halfDocuments(reference, before, reference)).toEqual([]);
  const half = halfDocuments({ ...reference, vectors: before['vectors']! }, before, reference);
  expect(half.length).toBeGreaterThan(2);
  expect(halfDocuments({ ...reference, chunks: [] }, before, reference).length).toBeGreaterThan(2);
});
