import { describe, expect, test } from 'vitest';
import { lengthOf, pointDigest, restoredVector, storedVector } from '../../../lib/contracts/identity.ts';

/**
 * Goal: what a store gives back of a vector has the digest of what was written. Method: vectors of many sizes and shapes, made unit
 * length once more as products do it: in single precision, term by term or in lanes, printed with few digits.
 */

/** Numbers between -1 and 1 that are the same in each run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state / 2 ** 31;
  };
}

const SIZES = [2, 4, 33, 384, 1_024, 3_072, 4_096];
const SHAPES: readonly [string, (index: number, next: () => number) => number][] = [
  ['even', (_, next) => next()],
  ['with one value that outweighs the others', (index, next) => (index === 1 ? 1 : next() * 1e-3)],
  ['of falling values', (index, next) => next() / (index + 1)],
  ['tiny', (_, next) => next() * 1e-30],
  ['huge', (_, next) => next() * 1e15],
  ['of few values', (index, next) => (index % 7 === 1 ? next() : 0)],
];
const VECTORS = SIZES.flatMap((size) =>
  SHAPES.map(([shape, numberAt]): [string, Float32Array] => {
    const next = numbers(size);
    return [`${size} numbers, ${shape}`, Float32Array.from({ length: size }, (_, index) => numberAt(index, next))];
  }),
);

/** Unit length in single precision, summed in so many lanes. */
function inSinglePrecision(vector: Float32Array, lanes: number): Float32Array {
  const sums = new Float32Array(lanes);
  for (const [index, value] of vector.entries())
    sums[index % lanes] = Math.fround(sums[index % lanes]! + Math.fround(value * value));
  const length = Math.fround(Math.sqrt(sums.reduce((sum, value) => Math.fround(sum + value), 0)));
  return vector.map((value) => value / length);
}

describe.each(VECTORS)('a vector of %s', (_, vector) => {
  const stored = storedVector(vector);
  const digest = pointDigest(stored, 'g');

  test('keeps its direction', () => {
    const cosine = stored.reduce((sum, value, index) => sum + value * vector[index]!, 0);
    expect(cosine / lengthOf(stored) / lengthOf(vector)).toBeCloseTo(1, 8);
    expect(lengthOf(stored)).toBeCloseTo(1, 4);
  });

  test.each([1, 4, 32])('is told again from its direction in single precision, in %i lanes', (lanes) => {
    const given = inSinglePrecision(stored, lanes);
    expect(pointDigest(restoredVector(given, lengthOf(stored)), 'g')).toBe(digest);
  });

  test.each([
    ['digits', (value: number) => Number(value.toPrecision(7))],
    ['decimals', (value: number) => Math.round(value * 1e7) / 1e7],
  ])('is told again when it was sent in seven %s', (_, sentAs) => {
    const sent = stored.map(sentAs);
    expect(pointDigest(restoredVector(inSinglePrecision(sent, 8), lengthOf(stored)), 'g')).toBe(digest);
  });

  test('is another one when a value of it changed by more than a millionth', () => {
    const changed = stored.map((value, index) => (index === 0 ? value + 3e-6 : value));
    expect(pointDigest(restoredVector(changed, lengthOf(stored)), 'g')).not.toBe(digest);
  });
});

test.each([
  ['of zeros', Float32Array.of(0, 0)],
  ['with what is no number', Float32Array.of(1, Number.NaN)],
])('a vector %s has no direction and stays as it is', (_, vector) => {
  expect([...storedVector(vector)]).toEqual([...vector]);
});

test('zeros are told again', () => {
  expect([...restoredVector(Float32Array.of(0, 0), 0)]).toEqual([0, 0]);
});

test('a value that is nearly zero has no sign', () => {
  expect([...storedVector(Float32Array.of(1, -1e-9))]).toEqual([1, 0]);
});
