import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Reading, ThingRef } from '../../../lib/contracts/feed.ts';
import type { StateFact } from '../../../src/things/state.ts';
import { MAX_STAYS, withStays } from '../../../src/things/stays.ts';
import { FakeSeries } from '../../helpers/fakes/series.ts';

/**
 * Goal: where a thing stayed follows from its readings, in whatever order and in whatever batches they came. Method: cases by hand,
 * then any readings in any order against the same readings in order of time.
 */

const placeOf = (key: string | null): ThingRef | null =>
  key === null ? null : { kind: 'Location', key, name: `the ${key}` };
const timeOf = (minute: number) => new Date(Date.UTC(2026, 1, 1, 12, minute)).toISOString();

function reading(minute: number, place: string | null): Reading {
  return { series: 'position', at: timeOf(minute), value: { latitude: minute }, place: placeOf(place) };
}

/** A vehicle whose readings come batch by batch. */
class Vehicle {
  readonly #series = new FakeSeries();
  #facts: readonly StateFact[] = [];

  take(readings: readonly Reading[]): this {
    const rows = readings.map(({ series, at, value, place }) => ({ series, at, value, placeKey: place?.key ?? null }));
    const asked = rows.map(({ series: _s, ...row }) => row);
    const window = this.#series.window({ documentId: 'truck', series: 'position', readings: asked });
    this.#facts = withStays(this.#facts, readings, window);
    const addition = { documentId: 'truck', baseVersion: null, baseCounts: {}, readings: rows };
    const request = {
      ref: { runId: 'r', batchNo: 1 },
      fence: 1,
      lsn: 1,
      versions: [],
      deletes: [],
      quarantined: [],
      series: [addition],
    };
    this.#series.commit(request, { extended: ['truck'], deleted: [] });
    return this;
  }

  get facts(): readonly StateFact[] {
    return this.#facts;
  }

  /** Each stay as place, first minute, first minute outside. */
  get stays(): (string | null)[][] {
    const minute = (time: string | null) => (time === null ? null : time.slice(14, 16));
    return this.#facts
      .map(({ object, validFrom, validTo }) => [object.key, minute(validFrom), minute(validTo)])
      .sort((a, b) => (a[1]! < b[1]! ? -1 : 1));
  }
}

describe('a stay', () => {
  test('lasts from the first reading inside to the first outside', () => {
    const vehicle = new Vehicle().take([
      reading(10, null),
      reading(20, 'yard'),
      reading(30, 'yard'),
      reading(40, null),
    ]);
    expect(vehicle.stays).toEqual([['yard', '20', '40']]);
  });

  test('is open while nothing outside was read, also over batches', () => {
    const vehicle = new Vehicle().take([reading(20, 'yard')]);
    expect(vehicle.stays).toEqual([['yard', '20', null]]);
    expect(vehicle.take([reading(30, 'yard')]).stays).toEqual([['yard', '20', null]]);
    expect(vehicle.take([reading(40, 'dock')]).stays).toEqual([
      ['yard', '20', '40'],
      ['dock', '40', null],
    ]);
  });

  test('in the same place twice is two', () => {
    const vehicle = new Vehicle().take([reading(10, 'yard'), reading(20, null), reading(30, 'yard')]);
    expect(vehicle.stays).toEqual([
      ['yard', '10', '20'],
      ['yard', '30', null],
    ]);
  });

  test('is put between by readings that come late', () => {
    const vehicle = new Vehicle().take([reading(10, null), reading(50, null)]).take([reading(30, 'yard')]);
    expect(vehicle.stays).toEqual([['yard', '30', '50']]);
  });

  test('is cut in two by a reading outside that comes late', () => {
    const vehicle = new Vehicle().take([reading(10, 'yard'), reading(50, 'yard')]).take([reading(30, null)]);
    expect(vehicle.stays).toEqual([
      ['yard', '10', '30'],
      ['yard', '50', null],
    ]);
  });

  test('begins earlier where an earlier reading inside comes late', () => {
    const vehicle = new Vehicle()
      .take([reading(30, 'yard')])
      .take([reading(20, 'yard')])
      .take([reading(10, null)]);
    expect(vehicle.stays).toEqual([['yard', '20', null]]);
  });

  test('in a place that another run has told of meanwhile, so that no fact names it yet, is one there', () => {
    const moves = [{ at: timeOf(20), placeKey: 'dock' }];
    const late = reading(10, 'yard');
    const fresh = [{ at: late.at, value: late.value, placeKey: 'yard' }];
    const window = { count: 1, fresh, nextAts: [timeOf(20)], before: null, moves };
    const stays = withStays([], [late], window);
    expect(stays.map(({ object, validFrom, validTo }) => [object.key, validFrom, validTo])).toEqual([
      ['yard', timeOf(10), timeOf(20)],
      ['dock', timeOf(20), null],
    ]);
  });
});

test('readings that change no stay leave the very same facts, in a place and outside: nothing is to be written then', () => {
  const vehicle = new Vehicle().take([reading(10, 'yard'), reading(20, null), reading(30, 'dock')]);
  const { facts } = vehicle;
  expect(vehicle.take([reading(15, 'yard'), reading(25, null), reading(40, 'dock')]).facts).toBe(facts);
  expect(vehicle.take([reading(50, null)]).facts).not.toBe(facts);
});

test('the latest stays are kept, and readings that come late to older ones change nothing', () => {
  const vehicle = new Vehicle();
  // Every ten minutes: in a place for five, then on the way.
  for (let stay = 0; stay < MAX_STAYS + 3; stay += 1)
    vehicle.take([reading(10 * stay, `yard ${stay % 7}`), reading(10 * stay + 5, null)]);
  const { facts } = vehicle;
  const span = (stay: number) => [`yard ${stay % 7}`, timeOf(10 * stay), timeOf(10 * stay + 5)];
  expect(facts.map(({ object, validFrom, validTo }) => [object.key, validFrom, validTo])).toEqual(
    Array.from({ length: MAX_STAYS }, (_, index) => span(index + 3)),
  );
  expect(vehicle.take([reading(1, 'yard 0'), reading(11, 'yard 1'), reading(22, 'yard 2')]).facts).toBe(facts);
  // What is kept still changes: the oldest of these ends earlier.
  expect(vehicle.take([reading(33, null)]).facts[0]).toMatchObject({ validFrom: timeOf(30), validTo: timeOf(33) });
});

test('any readings in any order and any batches give the stays of the same readings in order', () => {
  const minutes = fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { minLength: 1, maxLength: 14 });
  const arbitrary = minutes.chain((all) =>
    fc.record({
      readings: fc.tuple(
        ...all.map((minute) => fc.constantFrom(null, 'yard', 'dock').map((place) => reading(minute, place))),
      ),
      sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 14, maxLength: 14 }),
    }),
  );
  fc.assert(
    fc.property(arbitrary, ({ readings, sizes }) => {
      const inOrder = new Vehicle().take([...readings].sort((a, b) => (a.at < b.at ? -1 : 1)));
      const inBatches = new Vehicle();
      let from = 0;
      for (const size of sizes) {
        if (from < readings.length) inBatches.take(readings.slice(from, from + size));
        from += size;
      }
      expect(inBatches.stays).toEqual(inOrder.stays);
    }),
    { numRuns: 2_000 },
  );
});
