import type { EntityRef, JsonObject, Observation, ObservedFact, ThingRef } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import { numberNames } from './names.ts';
import { attributes, fact, named, observation, rawOf, type Since, thing } from './observations.ts';
import { type Address, addressAttributes, adHocPlace, completed, readAddress } from './places.ts';
import { codeOf, isDeleted, localTime, shownCode, timeZoneOf } from './turvo-values.ts';

const PICKUP = '1500';
const DELIVERY = '1501';

/** What the stops of a shipment state. */
export interface Route {
  /** Of the shipment: the stops it has. */
  readonly facts: readonly ObservedFact[];
  readonly origin: ThingRef | null;
  readonly destination: ThingRef | null;
  /** Purchase orders that the stops name: they name the shipment. */
  readonly numbers: readonly EntityRef[];
  /** The stops, and the places they are at. */
  readonly observations: readonly Observation[];
}

/** The shipment that stops belong to. */
interface Parent {
  readonly shipmentId: string;
  readonly created: Since;
  readonly updated: Since;
}

/** A stop as all parts of the record tell it: the orders' own routes know postal codes and when a truck was there. */
interface Stop {
  readonly fields: Fields;
  readonly ref: ThingRef;
  readonly sequence: number | null;
  readonly type: string | null;
  readonly address: Address;
  readonly place: ThingRef | null;
  readonly arrivedAt: string | null;
  readonly departedAt: string | null;
}

/** Reads the stops of a shipment, each with what the orders' routes know of it. */
export function readRoute(shipment: Fields, orders: readonly Fields[], parent: Parent): Route {
  const entries = ordersRoutes(orders);
  const rows = new Map(shipment.objects('globalRoute').map((fields) => [fields.requiredId('id'), fields]));
  const stops = [...rows].map(([id, fields]) =>
    readStop(fields, entries.get(id) ?? [], { shipmentId: parent.shipmentId, id }),
  );
  const open = stops
    .filter(({ fields }) => !isDeleted(fields))
    .toSorted((a, b) => (a.sequence ?? Number.POSITIVE_INFINITY) - (b.sequence ?? Number.POSITIVE_INFINITY) || 0);
  return {
    facts: stops.flatMap((stop) => stopFacts(stop, parent)),
    origin: (open.find(({ type }) => type === PICKUP) ?? open[0])?.place ?? null,
    destination: (open.findLast(({ type }) => type === DELIVERY) ?? open.slice(1).at(-1))?.place ?? null,
    numbers: open.flatMap(({ fields }) => fields.texts('poNumbers').flatMap((po) => numberNames('PurchaseOrder', po))),
    observations: open.flatMap((stop) => observed(stop, parent)),
  };
}

/** The orders' own entries by the stop they are of. */
function ordersRoutes(orders: readonly Fields[]): ReadonlyMap<string, readonly Fields[]> {
  const entries = new Map<string, Fields[]>();
  for (const order of orders) {
    for (const entry of order.objects('route')) {
      const id = entry.id('globalShipLocationId');
      if (id === null || isDeleted(entry)) continue;
      const known = entries.get(id);
      if (known === undefined) entries.set(id, [entry]);
      else known.push(entry);
    }
  }
  return entries;
}

/** @param known what the orders' routes have of the stop. */
function readStop(
  fields: Fields,
  known: readonly Fields[],
  { shipmentId, id }: { shipmentId: string; id: string },
): Stop {
  const address = known.reduce(
    (told, entry) => completed(told, readAddress(entry.object('address'))),
    readAddress(fields.object('address')),
  );
  const location = fields.object('location');
  const typeOf = codeOf(fields, 'stopType');
  const name = fields.text('name') ?? location?.text('name') ?? address.city;
  return {
    fields,
    ref: thing('Stop', `turvo:stop:${shipmentId}:${id}`, name),
    sequence: fields.number('sequence'),
    type: typeOf?.key ?? null,
    address,
    place: location?.has('id')
      ? thing('Location', `turvo:location:${location.requiredId('id')}`, location.text('name') ?? fields.text('name'))
      : adHocPlace(address),
    arrivedAt: timeAmong(known, 'arrival'),
    departedAt: timeAmong(known, 'departed'),
  };
}

function timeAmong(entries: readonly Fields[], name: 'arrival' | 'departed'): string | null {
  for (const entry of entries) {
    const at = entry.object('attributes')?.object(name)?.time('date') ?? null;
    if (at !== null) return at;
  }
  return null;
}

function stopFacts({ fields, ref, sequence }: Stop, { created, updated }: Parent): ObservedFact[] {
  const detail = sequence === null ? {} : { sequence };
  if (!isDeleted(fields)) return [fact('HAS_STOP', ref, created, { detail })];
  return updated.at === null ? [] : [fact('HAS_STOP', ref, created, { to: updated.at, detail })];
}

function observed(stop: Stop, { updated }: Parent): Observation[] {
  const { fields, place } = stop;
  const whole = observation(stop.ref, {
    isWhole: true,
    observedAt: updated.at,
    attributes: stopAttributes(stop),
    facts: place === null ? [] : [presence(stop, place)],
    text: fields.text('notes') ?? '',
    raw: rawOf(fields),
  });
  return [whole, ...(place === null ? [] : named(place, { attributes: addressAttributes(stop.address) }))];
}

/** When the truck was there; before it came, when it is expected. */
function presence({ fields, arrivedAt, departedAt }: Stop, place: ThingRef): ObservedFact {
  const isPlanned = arrivedAt === null;
  const at = arrivedAt ?? localTime(fields, 'appointment').at;
  return fact('AT', place, { at, basis: 'source_event' }, { to: isPlanned ? null : departedAt, detail: { isPlanned } });
}

function stopAttributes({ fields, address, sequence, arrivedAt, departedAt }: Stop): JsonObject {
  const appointment = localTime(fields, 'appointment');
  const eta = fields.object('etaToStop');
  return attributes({
    stopType: shownCode(fields, 'stopType'),
    sequence,
    stopState: shownCode(fields, 'state'),
    ...addressAttributes(address),
    timeZone: timeZoneOf(fields) ?? appointment.timeZone,
    appointmentAt: appointment.at,
    appointmentTimeZone: appointment.timeZone,
    appointmentFlexSeconds: appointment.flexSeconds,
    appointmentHasTime: isTimed(fields),
    eta: eta?.time('etaValue') ?? null,
    nextStopMiles: eta?.number('nextStopMiles') ?? null,
    schedulingType: shownCode(fields, 'schedulingType'),
    arrivedAt,
    departedAt,
  });
}

function isTimed(fields: Fields): boolean | null {
  return typeof fields.any('appointment') === 'object'
    ? (fields.object('appointment')?.boolean('hasTime') ?? null)
    : null;
}
