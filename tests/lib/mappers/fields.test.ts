// Goal: the tables say where every field goes, and it is there. Method: the leaves of each recorded example are looked up in the
// table of its shape, and the value of each is searched in what the mapper makes of the record.

import { describe, expect, test } from 'vitest';
import type { Json } from '../../../lib/contracts/document.ts';
import type { FieldRow, JsonObject, Observation } from '../../../lib/contracts/feed.ts';
import { isoInstant, isoOfSeconds } from '../../../lib/mappers/times.ts';
import { hasValue, type Leaf, leavesOf, rowsOf } from '../../helpers/record-fields.ts';
import { observe, RECORDS, recordOf, SOURCES } from './reading.ts';

/** Records whose order of shapes is not theirs: an order is no shape. */
const EXAMPLES = RECORDS.filter(({ name }) => name !== 'order').map(({ source, name }) => {
  const record = recordOf(source, name);
  const shape = SOURCES[source].mapper.shapeOf(record, null);
  const rows = SOURCES[source].fields.filter((row) => row.shape === shape);
  return { source, name, shape, rows, leaves: leavesOf(record), observations: observe(source, record) };
});

describe.each(EXAMPLES)('$source $name', ({ rows, leaves, observations }) => {
  test('has each of its fields in the table exactly once', () => {
    const wrong = leaves.filter((leaf) => rowsOf(rows, leaf).length !== 1).map(({ path }) => path);
    expect(wrong).toEqual([]);
  });

  test('has each of its values where the table says', () => {
    const lost = leaves.filter((leaf) => {
      const row = rowsOf(rows, leaf)[0];
      return row !== undefined && hasValue(leaf.value) && !isHeld(leaf, row.goesTo, observations);
    });
    expect(lost.map(({ path, value }) => `${path}: ${value}`)).toEqual([]);
  });
});

test.each(Object.values(SOURCES))(
  'every row of $mapper.source occurs in an example, and goes where it says in one',
  ({ mapper, fields }) => {
    const idle = fields.filter((row) => {
      const told = EXAMPLES.filter(({ source, shape }) => source === mapper.source && shape === row.shape);
      const found = told.flatMap((example) =>
        example.leaves.filter((leaf) => rowsOf(example.rows, leaf).includes(row)).map((leaf) => ({ leaf, example })),
      );
      if (found.length === 0) return true;
      const valued = found.filter(({ leaf }) => hasValue(leaf.value));
      return (
        valued.length > 0 && !valued.some(({ leaf, example }) => isHeldExactly(leaf, row.goesTo, example.observations))
      );
    });
    expect(idle.map(({ shape, path }) => `${shape} ${path}`)).toEqual([]);
  },
);

test('no example says a secret', () => {
  const said = JSON.stringify(EXAMPLES.map(({ observations }) => observations));
  expect(said).toContain('[redacted]');
  for (const secret of ['X0000000', 'TAX-77', 'Test Bank', '000111222', 'paymentMethod']) {
    expect(said.includes(secret), secret).toBe(false);
  }
});

type Destination = FieldRow['goesTo'];

/** Whether the value is where the row says, of whatever type: one path may hold values of several types. */
function isHeld(leaf: Leaf, goesTo: Destination, observations: readonly Observation[]): boolean {
  return placesOf(goesTo, observations, false).some((place) => holds(place, leaf));
}

function isHeldExactly(leaf: Leaf, goesTo: Destination, observations: readonly Observation[]): boolean {
  return placesOf(goesTo, observations, true).some((place) => holds(place, leaf));
}

/** What is searched for a value. */
function placesOf(goesTo: Destination, observations: readonly Observation[], isExact: boolean): Json[] {
  if ('dropped' in goesTo) return [ANYWHERE];
  return observations.flatMap((observation): Json[] => {
    const { thing, attributes, names, facts, readings, text, raw } = observation;
    if ('attribute' in goesTo)
      return Object.hasOwn(attributes, goesTo.attribute) ? [attributes[goesTo.attribute]!] : [];
    if ('key' in goesTo) return [thing.key, thing.name, ...facts.flatMap(({ object }) => [object.key, object.name])];
    if ('text' in goesTo) return [text];
    if ('raw' in goesTo) return raw === null ? [] : [raw];
    if ('name' in goesTo) {
      // Who has no record is stated by an address alone.
      const stated = facts.flatMap(({ object }) => ('type' in object ? [object] : []));
      const named = [...names, ...stated].filter(({ type }) => !isExact || type === goesTo.name);
      return named.flatMap(({ key, name }) => [key, name]);
    }
    if ('reading' in goesTo) {
      return readings
        .filter(({ series }) => series === goesTo.reading)
        .flatMap(({ at, value, place }): Json[] => [at, value, place?.key ?? null, place?.name ?? null]);
    }
    const stated = facts.filter(({ type }) => !isExact || type === goesTo.fact);
    // A thing that a fact names may be told by its handle only, which is its name elsewhere.
    const told = new Set(stated.map(({ object }) => object.key));
    const handles = observations.filter((other) => told.has(other.thing.key)).flatMap((other) => other.names);
    return [
      ...handles.map(({ name }) => name),
      ...stated.flatMap(({ object, validFrom, validTo, detail }): Json[] => [
        thing.key,
        thing.name,
        object.key,
        object.name,
        validFrom,
        validTo,
        detail,
      ]),
    ];
  });
}

/** Stands for a place that holds everything: what is dropped need not be found. */
const ANYWHERE = '\u0000anywhere';

const compact = (text: string) => text.toUpperCase().replace(/[^\p{L}\p{N}]/gu, '');

/** Whether a place holds a value: as it is, as a time in UTC, as a part of a longer text, or in the unit of its series. */
function holds(place: Json, { path, value }: Leaf): boolean {
  if (place === ANYWHERE) return true;
  if (place !== null && typeof place === 'object') {
    return Object.entries(place as JsonObject).some(([name, item]) => name === value || holds(item, { path, value }));
  }
  if (place === value) return true;
  if (path.endsWith('MetersPerSecond')) return place === Math.round(Number(value) * 223.6936) / 100;
  if (typeof place !== 'string' || typeof value === 'boolean') return false;
  if (typeof value === 'number') return place === isoOfSeconds(value) || compact(place).includes(String(value));
  const written = String(value);
  const lastPart = /^https?:/.test(written) ? written.split('/').at(-1)! : written;
  const firstLine = written.split('\n')[0]!;
  return (
    place === isoInstant(written) ||
    place.includes(lastPart) ||
    place.startsWith(firstLine) ||
    compact(place).includes(compact(written)) ||
    compact(place).endsWith(compact(written).replace(/^MC|^1?(?=\+1)/, '')) ||
    (/^\(?\d{3}/.test(written) && place.endsWith(written.replace(/\D/g, '')))
  );
}
