import type { EntityRef, ObservedFact, ThingKind, ThingRef } from '../contracts/feed.ts';
import { type Fields, isObject } from './fields.ts';
import { containerNames, externalNames, numberNames } from './names.ts';
import { fact, type Since, shortened, state, thing } from './observations.ts';
import { folded } from './places.ts';

// What Turvo's records share: enumerations, times, numbers of logistics, and references to accounts and contacts.

/** An enumeration's value: Turvo switches on the key and shows the value, which tenants may word anew. */
export interface Code {
  readonly key: string | null;
  readonly value: string | null;
}

/** Reads `{key, value}`, or the bare word that some answers have in its place. */
export function codeOf(fields: Fields, name: string): Code | null {
  if (!isObject(fields.any(name))) {
    const word = fields.code(name);
    return word === null ? null : { key: null, value: word };
  }
  const code = fields.object(name)!;
  const [key, value] = [code.code('key'), code.code('value')];
  return key === null && value === null ? null : { key, value };
}

/** What an enumeration shows. */
export function shownCode(fields: Fields, name: string): string | null {
  const code = codeOf(fields, name);
  return code === null ? null : (code.value ?? code.key);
}

/** A time with the zone of its place: UTC in `date` or `start`, the zone spelled `timeZone` or `timezone`. */
export interface LocalTime {
  readonly at: string | null;
  readonly timeZone: string | null;
  readonly flexSeconds: number | null;
}

/** Reads such a time; a bare text is its UTC alone. */
export function localTime(fields: Fields, name: string): LocalTime {
  if (!isObject(fields.any(name))) return { at: fields.time(name), timeZone: null, flexSeconds: null };
  const moment = fields.object(name)!;
  return {
    at: moment.time('date') ?? moment.time('start'),
    timeZone: timeZoneOf(moment),
    flexSeconds: moment.number('flex'),
  };
}

/** A zone under either spelling of its name. */
export function timeZoneOf(fields: Fields): string | null {
  return fields.text('timeZone') ?? fields.text('timezone');
}

/** Rows that are still there. Deleted ones stay in their arrays. */
export function kept(rows: readonly Fields[]): Fields[] {
  return rows.filter((row) => !isDeleted(row));
}

/** Whether a row was deleted. */
export function isDeleted(row: Fields): boolean {
  return row.boolean('deleted') === true;
}

/** Types of external ids that have a type of their own among the names. Source: Turvo's lookup tables (reference 4.6.4). */
const NUMBER_TYPES: Readonly<Record<string, 'PurchaseOrder' | 'BillOfLading' | 'ProNumber'>> = {
  1400: 'PurchaseOrder',
  1402: 'BillOfLading',
  1403: 'ProNumber',
};
const CONTAINER = '1406';
const OTHER_TYPES: Readonly<Record<string, string>> = {
  1401: 'turvo.reference',
  1404: 'turvo.tracking',
  1405: 'turvo.other',
  1407: 'turvo.order',
};

/** The numbers by which others know the record. */
export function externalIdNames(fields: Fields): EntityRef[] {
  return kept(fields.objects('externalIds')).flatMap((row) => {
    const key = codeOf(row, 'type')?.key ?? '';
    const value = row.word('value');
    if (Object.hasOwn(NUMBER_TYPES, key)) return numberNames(NUMBER_TYPES[key]!, value);
    if (key === CONTAINER) return containerNames(value);
    return externalNames(Object.hasOwn(OTHER_TYPES, key) ? OTHER_TYPES[key]! : 'turvo.other', value);
  });
}

/** A customer or carrier by its id. */
export function accountRef(kind: 'Customer' | 'Carrier', fields: Fields): ThingRef {
  const key = kind === 'Customer' ? 'customer' : 'carrier';
  return thing(kind, `turvo:${key}:${fields.requiredId('id')}`, fields.text('name'));
}

/** Customers and carriers are numbered together, so that their number alone names one, as the external id of Front's accounts does. */
export function accountNames(fields: Fields): EntityRef[] {
  return [...accountIdNames(fields.id('id')), ...firmNames(fields.text('name'))];
}

/** What is longer is no firm's name. */
const MAX_FIRM_LENGTH = 200;

/** The firm that an account is of, as texts name it. It ties no accounts; within Turvo a customer is found by it. */
export function firmNames(name: string | null): EntityRef[] {
  const key = folded(name ?? '');
  return name === null || key === '' || key.length > MAX_FIRM_LENGTH
    ? []
    : [{ type: 'Organization', key, name: shortened(name) }];
}

/** The entity that an account's number is. */
export function accountIdNames(id: string | null): EntityRef[] {
  return externalNames('turvo.account', id);
}

/** A person by their id; drivers among them are drivers. */
export function contactRef(kind: ThingKind & ('Driver' | 'Contact'), fields: Fields): ThingRef {
  return thing(kind, `turvo:contact:${fields.requiredId('id')}`, fields.text('name'));
}

/** Normalised statuses by the keys of Turvo's table. Source: reference 4.6.4. */
const STATUSES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    quoted: [2100, 2114],
    tendered: [2101, 2117, 2118, 2119],
    planned: [2102, 2103, 2120, 2121],
    at_pickup: [2104],
    picked_up: [2115],
    in_transit: [2105, 2136, 2138, 2139],
    at_delivery: [2106, 2125],
    delivered: [2107, 2116],
    billing: [2108, 2109, 2110, 2111],
    completed: [2112],
    canceled: [2113],
    held: [2124, 2137, 2140],
    port_ops: [2123, 2126, 2127, 2129, 2131, 2132, 2133, 2134, 2135],
  }).flatMap(([status, keys]) => keys.map((key) => [String(key), status] as const)),
);

/** The status of a shipment that says a carrier has it. */
export const COVERED = '2102';

/** That a shipment has a status from a time on. One that the table does not know keeps its own words. */
export function statusFact(code: Code, since: Since): ObservedFact {
  const key = code.key ?? code.value!;
  const name = code.value ?? key;
  return fact('HAS_STATUS', state(`turvo:status:${key}`, name), since, {
    detail: { status: STATUSES.get(key) ?? name },
  });
}
