// Goal: no input makes a mapper throw or write where it must not. Method: every recorded example, with each of its fields in turn
// replaced by values that it cannot have; and random JSON.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../../lib/contracts/document.ts';
import { FEED_SOURCES, type JsonObject, type Mapped, type ObservedFact } from '../../../lib/contracts/feed.ts';
import { isoInstant } from '../../../lib/mappers/times.ts';
import { mapRecord, problemOf, RECORDS, recordOf, SOURCES } from './reading.ts';

type Path = readonly (string | number)[];

function pathsOf(value: Json, path: Path = []): Path[] {
  if (value === null || typeof value !== 'object') return [path];
  const inner = Array.isArray(value)
    ? value.flatMap((item, index) => pathsOf(item, [...path, index]))
    : Object.entries(value).flatMap(([name, item]) => pathsOf(item, [...path, name]));
  return path.length === 0 ? inner : [path, ...inner];
}

/** A copy with another value at one place. */
function replaced(value: Json, [name, ...rest]: Path, by: Json): Json {
  if (name === undefined) return by;
  if (Array.isArray(value)) return value.map((item, index) => (index === name ? replaced(item, rest, by) : item));
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([key, item]) => [key, key === name ? replaced(item, rest, by) : item]),
  );
}

function nested(depth: number, wrap: (inner: Json) => Json): Json {
  let value: Json = 'end';
  for (let level = 0; level < depth; level += 1) value = wrap(value);
  return value;
}

const GARBAGE: readonly (readonly [name: string, value: Json])[] = [
  ['null', null],
  ['a number', 7],
  ['a number out of all bounds', 1e308],
  ['a text', 'x'],
  ['an empty text', ''],
  ['a long text', 'a'.repeat(5_000)],
  ['a text of odd characters', '\u0001\uFFFD\u202e😀constructor'],
  ['true', true],
  ['an empty array', []],
  ['an array of everything', [null, 1, 'x', true, [], {}]],
  ['an empty object', {}],
  ['an object of another kind', { toString: 1, constructor: { prototype: 'x' }, length: -1 }],
  ['an object with a hostile key', JSON.parse('{"__proto__":{"polluted":true},"id":"1","name":"x"}')],
  ['arrays nested deeply', nested(1_000, (inner) => [inner])],
  ['objects nested deeply', nested(1_000, (inner) => ({ id: inner }))],
];

/** What is wrong with a result, whatever its input was: plain comparisons, since there are a million of them. */
function faultsOf(mapped: Mapped): string[] {
  if (mapped.kind !== 'observations') {
    const reason = mapped.kind === 'problem' ? mapped.problem.reason : mapped.reason;
    return /^\S.*\.$/su.test(reason) && reason.length < 400 ? [] : [`reason: ${reason}`];
  }
  JSON.stringify(mapped);
  return mapped.observations.flatMap(({ thing, names, facts, readings }) => [
    ...[thing, ...names, ...facts.map(({ object }) => object)]
      .filter(({ key, name }) => key === '' || name === '' || key.length > 600 || name.length > 600)
      .map(({ key, name }) => `named: ${key.slice(0, 80)} ${name.slice(0, 80)}`),
    ...facts.filter((fact) => !isSound(fact)).map((fact) => `fact: ${JSON.stringify(fact)}`),
    ...readings.filter(({ at }) => isoInstant(at) !== at).map(({ at }) => `reading: ${at}`),
  ]);
}

function isSound({ validFrom, validTo, basis, confidence }: ObservedFact): boolean {
  const times = [validFrom, validTo].filter((time) => time !== null);
  return (
    times.every((time) => isoInstant(time) === time) &&
    (validFrom === null || validTo === null || validFrom <= validTo) &&
    (basis === 'ingest') === (times.length === 0) &&
    confidence > 0 &&
    confidence <= 1
  );
}

/** Shapes of events and of older answers that no fixture has. */
const VARIANTS = [
  ...[
    ['assign', { _meta: { type: 'teammate' }, data: recordOf('frontapp', 'teammate') }],
    ['untag', { _meta: { type: 'tag' }, data: { id: 'tag_1', name: 'POD' } }],
    ['move', { _meta: { type: 'inboxes' }, data: [{ id: 'inb_1', name: 'A' }] }],
    [
      'link_added',
      { _meta: { type: 'link' }, data: { id: 'top_1', name: 'x', external_url: 'https://a.example/shipments/7' } },
    ],
    ['conversations_merged', { _meta: { type: 'deleted_conversation_ids' }, data: ['cnv_1', 'cnv_2'] }],
    ['conversations_merged', { _meta: { type: 'deleted_conversation_ids' }, data: [{ id: 'cnv_1' }] }],
    ['conversations_merged', { _meta: { type: 'deleted_conversation_ids' }, data: { ids: ['cnv_1'] } }],
    ['comment', { _meta: { type: 'comment' }, data: recordOf('frontapp', 'comment-full') }],
  ].map(([type, target]) => ({
    source: 'frontapp' as const,
    name: `event of the type ${type}`,
    record: { ...recordOf('frontapp', 'event'), type: type as Json, target: target as Json },
  })),
  {
    source: 'samsara' as const,
    name: 'vehicle with tags by id',
    record: { id: '1', vin: 'X', tagIds: ['3914'] as Json },
  },
];

const ALL = [...RECORDS.map(({ source, name }) => ({ source, name, record: recordOf(source, name) })), ...VARIANTS];

describe.each(GARBAGE)('with %s in place of one field', (_, garbage) => {
  test.each(ALL)('a record like $source $name is mapped, ignored or told wrong', ({ source, record }) => {
    const { mapper } = SOURCES[source];
    const known = mapper.shapeOf(record, null);
    const faults: string[] = [];
    for (const path of pathsOf(record)) {
      const broken = replaced(record, path, garbage) as JsonObject;
      const shape = mapper.shapeOf(broken, null) ?? known;
      if (shape !== null) faults.push(...faultsOf(mapper.map(broken, shape)));
    }
    expect(faults).toEqual([]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

test('any JSON is mapped, ignored or told wrong under any shape of any source', () => {
  const property = fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
    for (const source of FEED_SOURCES) {
      const { mapper } = SOURCES[source];
      mapper.shapeOf(value as JsonObject, 'vehicles');
      expect(mapper.shapes.flatMap((shape) => faultsOf(mapper.map(value as JsonObject, shape)))).toEqual([]);
    }
  });
  fc.assert(property, { numRuns: 300 });
});

test('a key that would change all objects stays data, in the raw record and in the users’ own fields', () => {
  const record = JSON.parse(
    '{"id":"crd_1","__proto__":{"polluted":1},"handles":[],"custom_fields":{"__proto__":"x","Load":"LD-20418"}}',
  ) as JsonObject;
  const mapped = mapRecord('frontapp', record);
  expect(mapped).toMatchObject({ kind: 'observations' });
  const [contact] = mapped.kind === 'observations' ? mapped.observations : [];
  expect(Object.keys(contact!.raw!)).toContain('__proto__');
  expect(Object.keys(contact!.attributes['customFields'] as JsonObject)).toEqual(['__proto__', 'Load']);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

describe('a record with very many of one thing is mapped in a time that grows with their number', () => {
  const MANY = Array.from({ length: 100_000 }, (_, index) => index);

  test.each([
    ['samsara', 'vehicle', 'externalIds', Object.fromEntries(MANY.map((index) => [`system${index}`, `id${index}`]))],
    ['samsara', 'vehicle', 'tags', MANY.map((index) => ({ id: `${index}`, name: 'x' }))],
    ['samsara', 'stats-feed', 'gps', MANY.map(() => ({ time: '2025-10-19T14:23:00Z', latitude: 1, longitude: 2 }))],
    ['turvo', 'shipment', 'globalRoute', MANY.map((index) => ({ id: 91001, poNumbers: [`PO-${index}`] }))],
    ['turvo', 'shipment', 'customerOrder', [{ route: MANY.map(() => ({ globalShipLocationId: 91001, address: {} })) }]],
    [
      'turvo',
      'shipment',
      'statusHistory',
      MANY.map((key) => ({ code: { key }, lastUpdatedOn: '2025-10-19T14:23:00Z' })),
    ],
    ['frontapp', 'contact', 'handles', MANY.map((index) => ({ handle: `a${index}@acme.example`, source: 'email' }))],
    ['frontapp', 'contact', 'custom_fields', Object.fromEntries(MANY.map((index) => [`Load ${index}`, `LD-${index}`]))],
    ['frontapp', 'message', 'recipients', MANY.map((index) => ({ handle: `a${index}@acme.example`, role: 'to' }))],
  ] as const)('%s %s.%s', (source, name, field, value) => {
    const record = { ...recordOf(source, name), [field]: value as Json };
    // What this process computes, so that what else the machine does says nothing.
    const begun = process.cpuUsage();
    expect(mapRecord(source, record)).toMatchObject({ kind: 'observations' });
    expect(process.cpuUsage(begun).user / 1_000).toBeLessThan(10_000);
  });
});

describe('a field of the wrong type is told with its path and what was found', () => {
  test.each([
    ['samsara', 'stats-feed', ['gps', 1, 'time'], 'yesterday', 'gps[1].time', /a time \(ISO 8601\).*"yesterday"/],
    ['samsara', 'stats-feed', ['gps', 0, 'latitude'], 141, 'gps[0].latitude', /degrees from -90 to 90.*141/],
    ['samsara', 'stats-feed', ['gps', 0, 'latitude'], null, 'gps[0].latitude', /found null/],
    ['samsara', 'stats-snapshot', ['fuelPercent', 'value'], 'full', 'fuelPercent.value', /a number.*"full"/],
    ['samsara', 'stats-snapshot', ['id'], true, 'id', /an id.*true/],
    ['samsara', 'vehicle', ['tags', 0], 'Midwest', 'tags[0]', /an object.*"Midwest"/],
    ['samsara', 'driver', ['updatedAtTime'], '0000-12-31T23:00:00Z', 'updatedAtTime', /years 1 to 9999/],
    ['turvo', 'shipment', ['globalRoute', 1, 'sequence'], {}, 'globalRoute[1].sequence', /a number.*an object/],
    [
      'turvo',
      'shipment',
      ['statusHistory', 2, 'lastUpdatedOn'],
      5,
      'statusHistory[2].lastUpdatedOn',
      /a text.*number 5/,
    ],
    [
      'turvo',
      'shipment-answer',
      ['details', 'globalRoute', 0, 'id'],
      [],
      'details.globalRoute[0].id',
      /an id.*an array/,
    ],
    [
      'turvo',
      'shipment-list-answer',
      ['details', 'shipments', 0, 'id'],
      null,
      'details.shipments[0].id',
      /an id.*null/,
    ],
    ['frontapp', 'message', ['created_at'], 1e15, 'created_at', /seconds since 1970/],
    ['frontapp', 'message', ['recipients', 0, 'handle'], 9, 'recipients[0].handle', /a text.*9/],
    ['frontapp', 'conversation', ['links'], {}, 'links', /an array.*an object/],
  ] as const)('%s %s %j: %j', (source, name, path, value, expected, reason) => {
    const problem = problemOf(source, replaced(recordOf(source, name), path, value as Json) as JsonObject);
    expect(problem!.path).toBe(expected);
    expect(problem!.reason).toMatch(reason);
  });

  test('and a long value is shortened', () => {
    const record = { ...recordOf('samsara', 'seed'), timestamp: 'soon '.repeat(1_000) };
    expect(problemOf('samsara', record)!.reason.length).toBeLessThan(160);
  });
});

test('a field that no table knows, and a value that no enumeration knows, are taken', () => {
  const record = {
    ...recordOf('samsara', 'driver'),
    driverActivationStatus: 'on leave',
    favouriteColor: { of: ['all'] },
  };
  const mapped = mapRecord('samsara', record);
  expect(mapped).toMatchObject({
    kind: 'observations',
    observations: [{ attributes: { activationStatus: 'on leave' }, raw: { favouriteColor: { of: ['all'] } } }, {}, {}],
  });
});
