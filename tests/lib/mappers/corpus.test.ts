// Goal: recorded payloads of others, which no test of ours was made from, are mapped where their shape is ours and refused where not.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../lib/contracts/feed.ts';
import { mapRecord, SOURCES } from './reading.ts';

const FOLDER = join(import.meta.dirname, '../../../../shared/corpus/json');
const isPresent = existsSync(join(FOLDER, 'SOURCES.tsv'));
if (!isPresent) console.log('The corpus is absent: what it proves of mapping is not proven here.');

/** Files of records that are ours, with their shape; all others must be refused. */
const OURS: Readonly<Record<string, string>> = {
  'fixture_vehicle-stats.json': 'stats snapshot',
  'fixture_vehicles.json': 'vehicle',
  'spec_fleet_drivers.json': 'driver',
  'spec_fleet_vehicles_driver_assignments.json': 'vehicle assignments',
};

function rowsOf(file: string): readonly JsonObject[] {
  return JSON.parse(readFileSync(file, 'utf8')).data;
}

describe.skipIf(!isPresent)('the corpus of Samsara’s payloads', () => {
  const files = isPresent ? globSync(`${FOLDER}/samsara/*.json`).map((file) => ({ name: basename(file), file })) : [];

  test('has the files that are ours', () => {
    expect(files.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(OURS)));
  });

  test.each(files)('$name is taken for what it is', ({ name, file }) => {
    const shapes = rowsOf(file).map((row) => SOURCES.samsara.mapper.shapeOf(row, null));
    expect(new Set(shapes)).toEqual(new Set([OURS[name] ?? null]));
  });

  test.each(Object.keys(OURS))('%s is mapped, every row of it', (name) => {
    for (const row of rowsOf(`${FOLDER}/samsara/${name}`)) {
      expect(mapRecord('samsara', row)).toMatchObject({ kind: 'observations' });
    }
  });

  test('has readings of three vehicles, with the time and the fraction that they have', () => {
    const mapped = rowsOf(`${FOLDER}/samsara/fixture_vehicle-stats.json`).map((row) => mapRecord('samsara', row));
    expect(mapped).toHaveLength(3);
    expect(mapped[0]).toMatchObject({
      observations: [
        {
          thing: { key: 'samsara:vehicle:vehicle-001', name: 'Truck 001' },
          readings: [
            { series: 'position', at: '2024-06-15T14:30:00.000Z', value: { speedMilesPerHour: 55.5 } },
            { series: 'engine', value: { state: 'On' } },
            { series: 'fuel', value: { percent: 75.5 } },
          ],
        },
      ],
    });
  });
});

describe.skipIf(!isPresent)('payloads of other systems', () => {
  const files = isPresent ? globSync(`${FOLDER}/{github,generic}/*.json`) : [];

  test.each(files.map((file) => [basename(file), file]))('%s has none of the shapes of any source', (_, file) => {
    const value = JSON.parse(readFileSync(file, 'utf8'));
    for (const { mapper } of Object.values(SOURCES)) {
      for (const row of Array.isArray(value) ? value : [value]) expect(mapper.shapeOf(row, null)).toBeNull();
    }
  });
});
