import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Observation, ObservedFact, ThingRef } from '../../../lib/contracts/feed.ts';
import { absorbedObservation, foldObservation, heldFacts, withRenamedObject } from '../../../src/things/fold.ts';
import { stateDigest, type ThingState } from '../../../src/things/state.ts';

/** Goal: what is known of a thing does not depend on the order in which records tell it. Method: cases by hand, then any order. */

const shipment: ThingRef = { kind: 'Shipment', key: 'turvo:shipment:1', name: 'SHIP-1' };
const carrier = (key: string): ThingRef => ({ kind: 'Carrier', key: `turvo:carrier:${key}`, name: key });
const READ_AT = '2026-02-01T00:00:00.000Z';

function said(change: Partial<Observation>): Observation {
  return {
    ...{ thing: shipment, isWhole: true, observedAt: null, attributes: {}, names: [], facts: [], singleValued: [] },
    ...{ readings: [], text: '', raw: {} },
    ...change,
  };
}

function fact(change: Partial<ObservedFact>): ObservedFact {
  return {
    ...{ type: 'CARRIED_BY', object: carrier('acme'), validFrom: '2026-01-01T00:00:00.000Z', validTo: null },
    ...{ basis: 'source_event', confidence: 1, detail: {} },
    ...change,
  } as ObservedFact;
}

const status = (key: string, validFrom: string) =>
  fact({ type: 'HAS_STATUS', object: { type: 'State', key: `turvo:status:${key}`, name: key }, validFrom });

function fold(...observations: Observation[]): ThingState {
  return observations.reduce<ThingState | null>((state, one) => foldObservation(state, one, READ_AT), null)!;
}

/** Each fact as what it says, from when and until when. */
const held = (state: ThingState) =>
  heldFacts(state).map(({ object, validFrom, until }) => [object.name, validFrom, until]);

describe('a description', () => {
  test('takes the place of an older one, and an older one that comes late does not', () => {
    const newer = said({ observedAt: '2026-01-02T00:00:00.000Z', attributes: { make: 'new' } });
    const older = said({ observedAt: '2026-01-01T00:00:00.000Z', attributes: { make: 'old', color: 'red' } });
    expect(fold(older, newer).attributes).toEqual({ make: 'new' });
    expect(fold(newer, older).attributes).toEqual({ make: 'new' });
  });

  test('is not changed by a record that only names the thing, which helps where nothing is known', () => {
    const named = said({ isWhole: false, attributes: { make: 'heard' } });
    expect(fold(named).attributes).toEqual({ make: 'heard' });
    expect(fold(named, said({ attributes: { make: 'known' } })).attributes).toEqual({ make: 'known' });
    expect(fold(said({ attributes: { make: 'known' } }), named).attributes).toEqual({ make: 'known' });
  });

  test('is not changed by what only names it and says nothing new, and takes what is new', () => {
    const name = { type: 'Unit' as const, key: 'T-1', name: 'T-1' };
    const reading = { series: 'position' as const, at: '2026-01-01T00:00:00.000Z', value: {}, place: null };
    const state = fold(
      said({ names: [name], attributes: { make: 'known' } }),
      said({ isWhole: false, readings: [reading] }),
    );
    const known = said({ isWhole: false, names: [name], readings: [reading], attributes: { make: 'heard' } });
    expect(foldObservation(state, known, READ_AT)).toBe(state);
    for (const news of [
      { names: [{ ...name, key: 'T-2' }] },
      { readings: [{ ...reading, series: 'fuel' as const }] },
      { facts: [status('late', '2026-01-01T00:00:00.000Z')] },
      { singleValued: ['HAS_STATUS' as const] },
    ])
      expect(foldObservation(state, { ...known, ...news }, READ_AT), JSON.stringify(news)).not.toEqual(state);
    const heard = fold(said({ isWhole: false, attributes: { make: 'heard' } }));
    for (const news of [
      { attributes: { color: 'red' } },
      { text: 'words' },
      { thing: { ...shipment, name: 'SHIP-2' } },
    ])
      expect(
        fold(said({ isWhole: false, attributes: { make: 'heard' } }), said({ isWhole: false, ...news })),
      ).not.toEqual(heard);
  });

  test('takes its own names along when it changes, and leaves those that others gave', () => {
    const phone = (key: string) => ({ type: 'Phone' as const, key, name: key });
    const state = fold(
      said({ names: [phone('+1')] }),
      said({ isWhole: false, names: [phone('+2')] }),
      said({ names: [phone('+3')] }),
    );
    expect(state.names.map(({ key }) => key)).toEqual(['+2', '+3']);
  });

  test('has given up a name whoever still says it, in whatever order that is told', () => {
    const named = (key: string) => [{ type: 'Organization' as const, key, name: key }];
    const before = said({ observedAt: '2026-01-01T00:00:00.000Z', names: named('before') });
    const after = said({ observedAt: '2026-01-02T00:00:00.000Z', names: named('after') });
    const other = said({ isWhole: false, names: [...named('before'), ...named('nickname')] });
    const folded = fold(before, after, other);
    expect(folded.names.map(({ key }) => key)).toEqual(['after', 'nickname']);
    for (const order of [
      [before, other, after, other],
      [other, after, before],
      [after, before, other, before],
    ])
      expect(fold(...order)).toEqual(folded);
  });
});

describe('a fact', () => {
  test('of which a thing has one at a time is ended by the next, and one that comes late is put between', () => {
    const singleValued = ['HAS_STATUS'] as const;
    const [covered, pickup, enRoute] = [
      status('covered', '2026-01-01T00:00:00.000Z'),
      status('pickup', '2026-01-02T00:00:00.000Z'),
      status('en route', '2026-01-03T00:00:00.000Z'),
    ];
    const state = fold(said({ singleValued, facts: [covered, enRoute] }), said({ singleValued, facts: [pickup] }));
    expect(held(state)).toEqual([
      ['covered', '2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'],
      ['pickup', '2026-01-02T00:00:00.000Z', '2026-01-03T00:00:00.000Z'],
      ['en route', '2026-01-03T00:00:00.000Z', null],
    ]);
  });

  test('that is said again changes nothing', () => {
    const once = fold(said({ facts: [fact({})] }));
    expect(stateDigest(fold(said({ facts: [fact({})] }), said({ facts: [fact({})] })))).toBe(stateDigest(once));
  });

  test('without a time of its own holds from when it was first said', () => {
    const at = (observedAt: string) =>
      said({ observedAt, facts: [fact({ basis: 'source_update', validFrom: observedAt })] });
    const [first, second] = [at('2026-01-01T00:00:00.000Z'), at('2026-01-02T00:00:00.000Z')];
    expect(held(fold(first, second))).toEqual([['acme', '2026-01-01T00:00:00.000Z', null]]);
    expect(held(fold(second, first))).toEqual([['acme', '2026-01-01T00:00:00.000Z', null]]);
  });

  test('of which no time is known holds from when it was read', () => {
    expect(held(fold(said({ facts: [fact({ basis: 'ingest', validFrom: null })] })))).toEqual([
      ['acme', READ_AT, null],
    ]);
  });

  test('ends when a newer description no longer says it, unless it had a time of its own', () => {
    const before = said({
      observedAt: '2026-01-01T00:00:00.000Z',
      facts: [
        fact({ basis: 'source_update', validFrom: '2026-01-01T00:00:00.000Z' }),
        fact({ object: carrier('event'), basis: 'source_event' }),
      ],
    });
    const after = said({ observedAt: '2026-01-05T00:00:00.000Z' });
    expect(held(fold(before, after))).toEqual([
      ['acme', '2026-01-01T00:00:00.000Z', '2026-01-05T00:00:00.000Z'],
      ['event', '2026-01-01T00:00:00.000Z', null],
    ]);
  });

  test('that a record ends is ended, and holds again when a later one says so', () => {
    const ended = fact({ validTo: '2026-01-03T00:00:00.000Z' });
    const again = fact({ validFrom: '2026-01-09T00:00:00.000Z' });
    expect(held(fold(said({ facts: [fact({})] }), said({ facts: [ended] }), said({ facts: [again] })))).toEqual([
      ['acme', '2026-01-01T00:00:00.000Z', '2026-01-03T00:00:00.000Z'],
      ['acme', '2026-01-09T00:00:00.000Z', null],
    ]);
  });
});

describe('facts that say the same', () => {
  test('are one while they overlap, from the first of them on, known as well as the best of them', () => {
    const event = fact({ validFrom: '2026-01-01T00:00:00.000Z', confidence: 0.5 });
    const update = fact({ validFrom: '2026-01-04T00:00:00.000Z', basis: 'source_update' });
    expect(heldFacts(fold(said({ facts: [update] }), said({ isWhole: false, facts: [event] })))).toEqual([
      expect.objectContaining({ validFrom: event.validFrom, until: null, basis: 'source_event', confidence: 1 }),
    ]);
  });

  test('and of which one ends are ended, and are two when they do not overlap', () => {
    const ended = fact({ validTo: '2026-01-05T00:00:00.000Z' });
    const within = fact({ validFrom: '2026-01-03T00:00:00.000Z', basis: 'source_update' });
    expect(held(fold(said({ isWhole: false, facts: [ended, within] })))).toEqual([
      ['acme', '2026-01-01T00:00:00.000Z', '2026-01-05T00:00:00.000Z'],
    ]);
    const later = fact({ validFrom: '2026-01-09T00:00:00.000Z' });
    expect(held(fold(said({ isWhole: false, facts: [ended, later] })))).toHaveLength(2);
  });

  test('bear the name that one of them tells', () => {
    const unnamed = fact({
      object: { kind: 'Carrier', key: carrier('acme').key, name: carrier('acme').key },
      validFrom: '2026-01-02T00:00:00.000Z',
    });
    for (const order of [
      [unnamed, fact({})],
      [fact({}), unnamed],
    ])
      expect(held(fold(said({ facts: order }))).map(([name]) => name)).toEqual(['acme']);
  });
});

test('where a thing has one at a time, what no time is known of does not outrank what is dated', () => {
  const undated = { ...status('heard', ''), validFrom: null, basis: 'ingest' as const };
  const singleValued = ['HAS_STATUS'] as const;
  expect(held(fold(said({ singleValued, facts: [undated] })))).toEqual([['heard', READ_AT, null]]);
  const dated = status('delivered', '2026-01-02T00:00:00.000Z');
  for (const order of [
    [undated, dated],
    [dated, undated],
  ])
    expect(held(fold(said({ singleValued, facts: order })))).toEqual([['delivered', '2026-01-02T00:00:00.000Z', null]]);
});

describe('where a thing has one at a time, and records say it with no time but that of their update', () => {
  const singleValued = ['ASSIGNED_TO'] as const;
  const at = (day: number) => `2026-01-0${day}T00:00:00.000Z`;
  const on = (key: string, day: number, change: Partial<Observation> = {}) => {
    const facts = [
      fact({
        type: 'ASSIGNED_TO',
        object: { kind: 'Vehicle', key: `samsara:vehicle:${key}`, name: key },
        ...{ basis: 'source_update', validFrom: at(day) },
      }),
    ];
    return said({ isWhole: false, observedAt: at(day), singleValued, facts, ...change });
  };

  test('what is said again after another holds again, in whatever order it is told', () => {
    const [first, other, again] = [on('1', 1), on('2', 3), on('1', 5)];
    const folded = fold(first, other, again);
    expect(held(folded)).toEqual([
      ['1', at(1), at(3)],
      ['2', at(3), at(5)],
      ['1', at(5), null],
    ]);
    for (const order of [
      [first, again, other],
      [other, again, first],
      [again, other, first],
      [again, first, other, again],
    ])
      expect(stateDigest(fold(...order))).toBe(stateDigest(folded));
  });

  test('what is said again with no other between is one, and ends when its own record says something else', () => {
    const own = { isWhole: true };
    const state = fold(on('1', 1, own), on('1', 4), on('2', 6, own));
    expect(held(state)).toEqual([
      ['1', at(1), at(6)],
      ['2', at(6), null],
    ]);
  });

  test('of an older description that comes late only what was before the newer one holds', () => {
    const own = { isWhole: true };
    expect(held(fold(on('1', 1, own), on('1', 5, own), on('2', 3, own)))).toEqual([
      ['1', at(1), at(3)],
      ['2', at(3), at(5)],
      ['1', at(5), null],
    ]);
  });

  test('what another record said after a description that ends it holds again, in whatever order it is told', () => {
    const [own, ended, other] = [on('1', 1, { isWhole: true }), on('2', 6, { isWhole: true }), on('1', 7)];
    for (const order of [
      [own, ended, other],
      [own, other, ended],
    ])
      expect(held(fold(...order))).toEqual([
        ['1', at(1), at(6)],
        ['2', at(6), at(7)],
        ['1', at(7), null],
      ]);
  });

  test('what is said again and again after another is kept once more, however often', () => {
    const [own, other] = [on('1', 1, { isWhole: true }), on('2', 2, { isWhole: true })];
    const state = fold(own, other, ...[3, 4, 5, 6, 7].map((day) => on('1', day, { isWhole: true })));
    expect(state.facts).toHaveLength(3);
    expect(held(state).at(-1)).toEqual(['1', at(3), null]);
  });

  test('what was said last holds, and any order gives the same state', () => {
    const arbitrary = fc
      .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom('1', '2', '3')), {
        ...{ minLength: 1, maxLength: 9 },
        selector: ([day]) => day,
      })
      .chain((events) => fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })));
    const folded = (events: readonly (readonly [number, string])[]) =>
      fold(...events.map(([day, key]) => on(key, day)));
    fc.assert(
      fc.property(arbitrary, ([events, shuffled]) => {
        const [, last] = events.toSorted(([a], [b]) => a - b).at(-1)!;
        const state = folded(events);
        expect(held(state).filter(([, , until]) => until === null)).toEqual([[last, expect.any(String), null]]);
        expect(stateDigest(folded(shuffled))).toBe(stateDigest(state));
      }),
      { numRuns: 500 },
    );
  });
});

test('what a provisional thing gathered is the real one’s, which describes itself', () => {
  const provisional = fold(
    said({
      thing: { ...shipment, key: 'turvo:shipment:custom:SHIP-1' },
      attributes: { mode: 'heard' },
      facts: [fact({})],
    }),
  );
  const real = fold(said({ attributes: { mode: 'known' } }), absorbedObservation(provisional, shipment));
  expect(real.attributes).toEqual({ mode: 'known' });
  expect(held(real)).toEqual([['acme', '2026-01-01T00:00:00.000Z', null]]);
  expect(real.key).toBe(shipment.key);
});

test('a thing that turns out to be another is the other in what is said of it', () => {
  const state = fold(said({ facts: [fact({ object: carrier('name:acme') }), fact({ object: carrier('7') })] }));
  expect(held(withRenamedObject(state, carrier('name:acme').key, carrier('7')))).toEqual([
    ['7', '2026-01-01T00:00:00.000Z', null],
  ]);
});

test('events in any order give the same state', () => {
  const days = ['01', '02', '03', '04', '05', '06'];
  const arbitrary = fc
    .uniqueArray(fc.tuple(fc.constantFrom(...days), fc.constantFrom('a', 'b')), {
      maxLength: 6,
      selector: ([day]) => day,
    })
    .chain((events) => fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })));
  const singleValued = ['HAS_STATUS'] as const;
  const events = (list: readonly (readonly [string, string])[]) =>
    list.map(([day, key]) =>
      said({ isWhole: false, singleValued, facts: [status(key, `2026-01-${day}T00:00:00.000Z`)] }),
    );
  fc.assert(
    fc.property(arbitrary, ([inOrder, shuffled]) => {
      const begin = said({ singleValued });
      expect(stateDigest(fold(begin, ...events(shuffled)))).toBe(stateDigest(fold(begin, ...events(inOrder))));
    }),
    { numRuns: 500 },
  );
});
