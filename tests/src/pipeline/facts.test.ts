import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RelationType } from '../../../lib/contracts/document.ts';
import type { Closing, Fact } from '../../../lib/contracts/store.ts';
import { deriveClosings, SINGLE_VALUED } from '../../../src/pipeline/facts.ts';

/** Goal: what ends a fact follows from the facts alone. Method: cases by hand, then properties over any facts in any order. */

/** A fact about a load: who carries it. */
function carries(relationId: string, carrier: string, validAt: string | null, change: Partial<Fact> = {}): Fact {
  return {
    ...{ relationId, documentId: `document-${relationId}`, version: 1, type: 'CARRIER_OF' },
    ...{ subjectId: carrier, objectId: 'load', validAt, invalidAt: null, createdAt: '2026-02-01T00:00:00Z', ...change },
  };
}

/** When each fact ends, in the order of the facts. */
const ends = (...facts: Fact[]) => deriveClosings(facts).map(({ invalidAt }) => invalidAt);

test('a newer fact that says otherwise ends the older one from its own date', () => {
  const older = carries('1', 'farrow', '2026-01-01');
  const newer = carries('2', 'brightwater', '2026-03-01', { createdAt: '2026-05-05T00:00:00Z' });
  expect(deriveClosings([older, newer])).toEqual([
    { relationId: '1', invalidAt: '2026-03-01', expiredAt: '2026-05-05T00:00:00Z' },
    { relationId: '2', invalidAt: null, expiredAt: null },
  ]);
});

test('the first of several later facts ends it', () => {
  const facts = [carries('1', 'a', '2026-01-01'), carries('2', 'b', '2026-03-01'), carries('3', 'c', '2026-02-01')];
  expect(ends(...facts)).toEqual(['2026-02-01', null, '2026-03-01']);
});

test('a fact that was true, then not, then again, holds again', () => {
  const facts = [carries('1', 'a', '2026-01-01'), carries('2', 'b', '2026-02-01'), carries('3', 'a', '2026-03-01')];
  expect(ends(...facts)).toEqual(['2026-02-01', '2026-03-01', null]);
});

describe('nothing ends', () => {
  const older = carries('1', 'a', '2026-01-01');
  test.each<[string, Fact]>([
    ['by a later fact that says the same', carries('2', 'a', '2026-03-01')],
    ['by a fact of the same day', carries('2', 'b', '2026-01-01')],
    ['by a fact of the same instant in other words', carries('2', 'b', '2026-01-01T00:00:00Z')],
    ['by a fact without a date', carries('2', 'b', null)],
    ['by a fact about another load', carries('2', 'b', '2026-03-01', { objectId: 'other load' })],
    ['by a fact of another type', carries('2', 'b', '2026-03-01', { type: 'SHIPPER_OF' })],
    ['by a date that is none', carries('2', 'b', 'some day')],
  ])('%s', (_, newer) => {
    expect(ends(older, newer)).toEqual([null, null]);
  });

  test('that may hold many times over: a carrier has many loads, and anything may be referenced', () => {
    const carrier = [carries('1', 'a', '2026-01-01'), carries('2', 'a', '2026-03-01', { objectId: 'other load' })];
    expect(ends(...carrier)).toEqual([null, null]);
    const references = carrier.map((fact) => ({ ...fact, type: 'REFERENCES' as const, objectId: fact.relationId }));
    expect(ends(...references)).toEqual([null, null]);
  });

  test('that has no date', () => {
    expect(ends(carries('1', 'a', null), carries('2', 'b', '2026-03-01'))).toEqual([null, null]);
  });
});

test.each(SINGLE_VALUED)('$type is about its $end', ({ type, end }) => {
  const facts = [carries('1', 'x', '2026-01-01', { type }), carries('2', 'x', '2026-03-01', { type })];
  const others = { subjectId: 'x', objectId: 'y' };
  const [first, second] = facts.map((fact, index) => ({
    ...{ ...fact, ...others, [end === 'subject' ? 'objectId' : 'subjectId']: `value ${index}` },
  }));
  expect(ends(first!, second!)).toEqual(['2026-03-01', null]);
});

test('what is newest is told by the instant, not by the letters of the date', () => {
  const facts = [carries('1', 'a', '2026-01-01T12:00:00+14:00'), carries('2', 'b', '2026-01-01')];
  expect(ends(...facts)).toEqual(['2026-01-01', null]);
});

/** Few things, values and dates, so that they meet often; the same instants in several spellings. */
const DATES = ['2026-01-01', '2026-02-01', '2026-02-01T00:00:00Z', '2026-02-01T01:00:00+01:00', '2026-03-01', null];
const TYPES: readonly RelationType[] = ['CARRIER_OF', 'SHIPS_FROM', 'REFERENCES'];
const anyFacts = fc
  .array(
    fc.record({
      type: fc.constantFrom(...TYPES),
      subjectId: fc.constantFrom('a', 'b', 'c'),
      objectId: fc.constantFrom('a', 'b', 'c'),
      validAt: fc.constantFrom(...DATES),
      createdAt: fc.constantFrom('2026-04-01T00:00:00Z', '2026-05-01T00:00:00Z'),
    }),
    { maxLength: 12 },
  )
  .map((facts) =>
    facts.map(
      (fact, index): Fact => ({ ...fact, relationId: `${index}`, documentId: 'd', version: 1, invalidAt: null }),
    ),
  );
const byRelation = (closings: readonly Closing[]) =>
  new Map(closings.map((closing) => [closing.relationId, closing] as const));

describe('over any facts', () => {
  test('the order they come in does not matter', () => {
    const shuffled = anyFacts.chain((facts) =>
      fc.tuple(fc.constant(facts), fc.shuffledSubarray(facts, { minLength: facts.length })),
    );
    fc.assert(
      fc.property(shuffled, ([facts, others]) => {
        expect(byRelation(deriveClosings(others))).toEqual(byRelation(deriveClosings(facts)));
      }),
      { numRuns: 1_000 },
    );
  });

  test('there is one closing a fact, in their order, and the same the second time', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const closings = deriveClosings(facts);
        expect(closings.map(({ relationId }) => relationId)).toEqual(facts.map(({ relationId }) => relationId));
        expect(deriveClosings(facts)).toEqual(closings);
      }),
    );
  });

  test('a fact never ends before it begins, and both halves of its end come together', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        for (const [index, { invalidAt, expiredAt }] of deriveClosings(facts).entries()) {
          expect(invalidAt === null).toBe(expiredAt === null);
          if (invalidAt !== null) expect(Date.parse(invalidAt)).toBeGreaterThan(Date.parse(facts[index]!.validAt!));
        }
      }),
    );
  });

  test('at no instant do two facts about the same thing say different things, but those of the same date', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const closings = deriveClosings(facts);
        const holds = (index: number, at: number) => {
          const { validAt } = facts[index]!;
          const { invalidAt } = closings[index]!;
          return validAt !== null && Date.parse(validAt) <= at && (invalidAt === null || at < Date.parse(invalidAt));
        };
        for (const at of ['2026-01-15', '2026-02-15', '2026-03-15'].map((date) => Date.parse(date))) {
          const carriers = facts.filter(
            ({ type, objectId }, index) => type === 'CARRIER_OF' && objectId === 'a' && holds(index, at),
          );
          const newest = Math.max(...carriers.map(({ validAt }) => Date.parse(validAt!)));
          const values = new Set(carriers.map(({ subjectId }) => subjectId));
          const newestValues = new Set(
            carriers.filter(({ validAt }) => Date.parse(validAt!) === newest).map(({ subjectId }) => subjectId),
          );
          expect(values).toEqual(newestValues);
        }
      }),
    );
  });
});
