import type { JsonObject, ThingRef } from '../contracts/feed.ts';
import { digestOf } from '../contracts/identity.ts';
import { type Fields, isObject } from './fields.ts';
import { attributes, thing } from './observations.ts';

/** A postal address with what is known of it. */
export interface Address {
  readonly line1: string | null;
  readonly line2: string | null;
  readonly city: string | null;
  readonly state: string | null;
  readonly zip: string | null;
  readonly country: string | null;
  readonly latitude: number | null;
  readonly longitude: number | null;
}

const NOWHERE: Address = {
  line1: null,
  line2: null,
  city: null,
  state: null,
  zip: null,
  country: null,
  latitude: null,
  longitude: null,
};

/** Reads an address; its parts may be objects with a name, and its position may be under `lat` and `lon` or written out. */
export function readAddress(fields: Fields | null): Address {
  if (fields === null) return NOWHERE;
  return {
    line1: fields.text('line1') ?? fields.text('street'),
    line2: fields.text('line2'),
    city: nameIn(fields, 'city'),
    state: nameIn(fields, 'state'),
    zip: fields.word('zip') ?? fields.word('postalCode'),
    country: fields.text('countryCode') ?? nameIn(fields, 'country'),
    latitude: fields.degrees('lat', 90) ?? fields.degrees('latitude', 90),
    longitude: fields.degrees('lon', 180) ?? fields.degrees('longitude', 180),
  };
}

/** A name, or an object that has one. */
function nameIn(fields: Fields, name: string): string | null {
  if (!isObject(fields.any(name))) return fields.text(name);
  const named = fields.object(name)!;
  return named.text('code') ?? named.text('name') ?? named.text('value');
}

/** The first address, with what it does not tell taken from the second. */
export function completed(address: Address, other: Address): Address {
  return {
    line1: address.line1 ?? other.line1,
    line2: address.line2 ?? other.line2,
    city: address.city ?? other.city,
    state: address.state ?? other.state,
    zip: address.zip ?? other.zip,
    country: address.country ?? other.country,
    latitude: address.latitude ?? other.latitude,
    longitude: address.longitude ?? other.longitude,
  };
}

/** `Chicago, IL` as an address; null when it is not written like that. */
export function readCity(written: string | null): Address | null {
  const match = /^([^,]{1,80}), ?([^,]{1,60})(?:, ?([^,]{1,60}))?$/.exec(written ?? '');
  return match === null
    ? null
    : { ...NOWHERE, city: match[1]!.trim(), state: match[2]!.trim(), country: match[3]?.trim() ?? null };
}

/** As a person writes it: `500 W Example Ave, Chicago, IL 60607`. Empty when nothing is known. */
export function writtenAddress({ line1, line2, city, state, zip }: Address): string {
  const region = [state, zip].filter((part) => part !== null).join(' ');
  return [line1, line2, city, region].filter((part) => part !== null && part !== '').join(', ');
}

/** Its parts under plain names. */
export function addressAttributes(address: Address): JsonObject {
  const { latitude, longitude, city, state, zip, country } = address;
  return attributes({ address: writtenAddress(address), city, state, zip, country, latitude, longitude });
}

const STATES: ReadonlySet<string> = new Set(
  (
    'al ak az ar ca co ct de dc fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or pa pr ri sc ' +
    'sd tn tx ut vt va wa wv wi wy'
  ).split(' '),
);
const PROVINCES: ReadonlySet<string> = new Set('ab bc mb nb nl ns on pe qc sk'.split(' '));
const COUNTRIES: Readonly<Record<string, string>> = {
  us: 'us',
  usa: 'us',
  'united states': 'us',
  'united states of america': 'us',
  ca: 'ca',
  can: 'ca',
  canada: 'ca',
  mx: 'mx',
  mex: 'mx',
  mexico: 'mx',
};

/** A place that no source has an id for: by country, state and city, and by its street and postal code where they are known. */
export function adHocPlace(address: Address): ThingRef | null {
  const { line1, city, state, zip } = address;
  if (city === null) return null;
  const region = folded(state ?? '');
  const country = folded(address.country ?? '');
  const parts = [
    (Object.hasOwn(COUNTRIES, country) ? COUNTRIES[country]! : country) || countryOf(region),
    region,
    folded(city),
  ];
  if (line1 !== null) parts.push(digestOf(folded(line1), folded(zip ?? '')).slice(0, 12));
  return thing('Location', ['geo', ...parts].join(':'), writtenAddress(address));
}

function countryOf(region: string): string {
  return STATES.has(region) ? 'us' : PROVINCES.has(region) ? 'ca' : '';
}

/** Longest name that is folded into a key: names of places and companies are shorter. */
const MAX_FOLDED_LENGTH = 100;

/** Case, diacritics and punctuation folded away. */
export function folded(name: string): string {
  return name
    .slice(0, MAX_FOLDED_LENGTH)
    .normalize('NFKD')
    .replace(/[\p{M}.'’]/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}
