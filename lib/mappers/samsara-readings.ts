import type { Mapped, Reading, SeriesName, ThingRef } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import { numberNames } from './names.ts';
import { observation, thing } from './observations.ts';
import { addressRef, vehicleNames, vehicleRef } from './samsara-refs.ts';

/** The keys of each series: singular in snapshots, plural in feeds and history. */
const SERIES_KEYS: readonly { readonly series: SeriesName; readonly keys: readonly string[] }[] = [
  { series: 'position', keys: ['gps'] },
  { series: 'engine', keys: ['engineState', 'engineStates'] },
  { series: 'fuel', keys: ['fuelPercent', 'fuelPercents'] },
];

const MILES_PER_HOUR = 2.236_936;

/** Whether a record holds statistics of a vehicle. Trailers have a `gps` too, beside statistics of their cooling unit. */
export function hasStats(fields: Fields): boolean {
  const names = Object.keys(fields.value);
  if (names.some((name) => /^(?:carrierReefer|reefer)/.test(name))) return false;
  return SERIES_KEYS.some(({ keys }) => keys.some((key) => Object.hasOwn(fields.value, key)));
}

/** Whether the statistics are those of a feed or of history, which have arrays. */
export function isFeed(fields: Fields): boolean {
  return SERIES_KEYS.some(({ keys }) => keys.some((key) => Array.isArray(fields.any(key))));
}

/** Statistics of a vehicle, from a snapshot, a feed or history: its readings. */
export function mapStats(fields: Fields): Mapped {
  const recordTime = fields.time('time');
  const readings = SERIES_KEYS.flatMap(({ series, keys }) =>
    keys.flatMap((key) => fields.oneOrMany(key).flatMap((stat) => readingsOf(series, stat, recordTime))),
  );
  return readingsFor(vehicleRef(fields), vehicleNames(fields), readings);
}

/** A row of the location stream. Its geofence is the nearest one and no proof of being inside. */
export function mapLocation(fields: Fields): Mapped {
  const asset = fields.object('asset') ?? fields.missing('asset', 'an object');
  const location = fields.object('location') ?? fields.missing('location', 'an object');
  const at = fields.time('happenedAtTime') ?? fields.missing('happenedAtTime', 'a time (ISO 8601)');
  const speed = fields.object('speed');
  const byGps = speed?.number('gpsSpeedMetersPerSecond') ?? null;
  const byEngine = speed?.number('ecuSpeedMetersPerSecond') ?? null;
  const value = {
    ...coordinates(location),
    ...speedOf(byGps ?? byEngine, MILES_PER_HOUR),
    ...(byGps === null && byEngine !== null ? { isEcuSpeed: true } : {}),
    ...present('headingDegrees', location.number('headingDegrees')),
    ...present('accuracyMeters', location.number('accuracyMeters')),
    ...present('address', streetAddress(location.object('address'))),
    ...present('nearestGeofenceId', location.object('geofence')?.id('id') ?? null),
  };
  return readingsFor(vehicleRef(asset), vehicleNames(asset), [{ series: 'position', at, value, place: null }]);
}

/** The short form that people send: a vehicle by its name, and where it is. */
export function mapSeed(fields: Fields): Mapped {
  const name = fields.requiredId('vehicle_id');
  const at = fields.time('timestamp') ?? fields.missing('timestamp', 'a time (ISO 8601)');
  const value = { ...coordinates(fields), ...speedOf(fields.number('speed_mph'), 1) };
  const vehicle = thing('Vehicle', `samsara:vehicle:name:${name.toUpperCase()}`, name);
  return readingsFor(vehicle, numberNames('Unit', name), [{ series: 'position', at, value, place: null }]);
}

function readingsFor(vehicle: ThingRef, names: ReturnType<typeof vehicleNames>, readings: readonly Reading[]): Mapped {
  let observedAt: string | null = null;
  for (const { at } of readings) if (observedAt === null || at > observedAt) observedAt = at;
  return { kind: 'observations', observations: [observation(vehicle, { observedAt, names, readings })] };
}

/** A reading and those that decorate it, which are of its time. */
function readingsOf(series: SeriesName, stat: Fields, recordTime: string | null): Reading[] {
  const at = stat.time('time') ?? recordTime ?? stat.missing('time', 'a time (ISO 8601)');
  const readings = isBlank(series, stat) ? [] : [readingOf(series, stat, at)];
  const decorations = stat.object('decorations');
  if (decorations === null) return readings;
  for (const { series: decorating, keys } of SERIES_KEYS) {
    for (const key of keys) {
      for (const decoration of decorations.oneOrMany(key)) {
        if (!isBlank(decorating, decoration)) readings.push(readingOf(decorating, decoration, at));
      }
    }
  }
  return readings;
}

/** A state may be an empty text, which is none. */
function isBlank(series: SeriesName, stat: Fields): boolean {
  return series === 'engine' && stat.value['value'] === '';
}

function readingOf(series: SeriesName, stat: Fields, at: string): Reading {
  if (series === 'engine') {
    return { series, at, value: { state: stat.text('value') ?? stat.missing('value', 'a text') }, place: null };
  }
  if (series === 'fuel') {
    return { series, at, value: { percent: stat.number('value') ?? stat.missing('value', 'a number') }, place: null };
  }
  const address = stat.object('address');
  const value = {
    ...coordinates(stat),
    ...speedOf(stat.number('speedMilesPerHour'), 1),
    ...present('headingDegrees', stat.number('headingDegrees')),
    ...present('isEcuSpeed', stat.boolean('isEcuSpeed')),
    ...present('address', stat.object('reverseGeo')?.text('formattedLocation') ?? null),
  };
  return { series, at, value, place: address === null ? null : addressRef(address) };
}

function coordinates(fields: Fields): { latitude: number; longitude: number } {
  return {
    latitude: fields.degrees('latitude', 90) ?? fields.missing('latitude', 'degrees from -90 to 90'),
    longitude: fields.degrees('longitude', 180) ?? fields.missing('longitude', 'degrees from -180 to 180'),
  };
}

function speedOf(speed: number | null, factor: number): { speedMilesPerHour?: number } {
  return speed === null ? {} : { speedMilesPerHour: factor === 1 ? speed : Math.round(speed * factor * 100) / 100 };
}

function present<Value extends string | number | boolean>(
  name: string,
  value: Value | null,
): { [name: string]: Value } {
  return value === null ? {} : { [name]: value };
}

function streetAddress(address: Fields | null): string | null {
  if (address === null) return null;
  const street = [address.word('streetNumber'), address.text('street')].filter((part) => part !== null).join(' ');
  const region = [address.text('state'), address.word('postalCode')].filter((part) => part !== null).join(' ');
  const parts = [
    address.text('pointOfInterest'),
    street,
    address.text('neighborhood'),
    address.text('city'),
    region,
    address.text('country'),
  ];
  return parts.filter((part) => part !== null && part !== '').join(', ') || null;
}
