import type { Mapped, ObservedFact, ThingRef } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import { shipmentByCustomId } from './links.ts';
import { distinct, numberNames } from './names.ts';
import { fact, named, observation, paragraphs, rawOf, type Since, thing } from './observations.ts';
import { adHocPlace, folded, readAddress, readCity } from './places.ts';
import { shipmentAttributes } from './turvo-attributes.ts';
import { carriersOf, customersOf, driversOf, type Times } from './turvo-orders.ts';
import { type Route, readRoute } from './turvo-stops.ts';
import { type Code, codeOf, externalIdNames, firmNames, isDeleted, kept, statusFact } from './turvo-values.ts';

/** How much a record tells of a shipment, and when that was. */
interface Telling {
  readonly isWhole: boolean;
  /** The time of the event that brought it, for pushed records. */
  readonly eventTime: string | null;
}

/** A shipment. A row of the list is a summary: it adds to what is known, and never takes a stop or a price away. */
export function mapShipment(fields: Fields, telling: Telling): Mapped {
  const customId = fields.word('customId');
  const shipment = thing('Shipment', `turvo:shipment:${fields.requiredId('id')}`, customId);
  const times = timesOf(fields, telling.eventTime);
  const orders = fields.objects('customerOrder');
  const carriages = fields.objects('carrierOrder');
  const route = readRoute(fields, kept(orders), { shipmentId: fields.requiredId('id'), ...times });
  const customers = customersOf(orders, times);
  const carriers = carriersOf(carriages, fields, times);
  const drivers = driversOf(carriages, times);
  const status = fields.object('status');
  const whole = observation(shipment, {
    isWhole: telling.isWhole,
    observedAt: times.updated.at,
    attributes: shipmentAttributes(fields, kept(orders), telling.isWhole),
    names: distinct([
      ...numberNames('Shipment', customId),
      ...[...kept(orders), ...kept(carriages), fields].flatMap(externalIdNames),
      ...route.numbers,
    ]),
    facts: [
      ...statusesOf(fields, times, telling.eventTime),
      ...customers.facts,
      ...carriers.facts,
      ...drivers.facts,
      ...route.facts,
      ...endsOf(fields, route, times),
    ],
    singleValued: ['HAS_STATUS', 'ORIGIN', 'DESTINATION'],
    text: paragraphs(
      status?.text('notes') ?? null,
      status?.text('description') ?? null,
      fields.text('servicesNote'),
      fields.text('notes'),
    ),
    raw: rawOf(fields),
  });
  const beside = [...customers.observations, ...carriers.observations, ...drivers.observations, ...route.observations];
  return { kind: 'observations', observations: [whole, ...beside] };
}

function timesOf(fields: Fields, eventTime: string | null): Times {
  const created = fields.time('created') ?? fields.time('createdDate');
  const updated = fields.time('updated') ?? fields.time('lastUpdatedOn') ?? eventTime;
  return {
    created: { at: created, basis: 'source_event' },
    updated: { at: updated, basis: eventTime !== null && updated === eventTime ? 'source_event' : 'source_update' },
  };
}

function statusesOf(fields: Fields, { updated }: Times, eventTime: string | null): ObservedFact[] {
  const history = fields.objects('statusHistory').flatMap((row) => {
    const code = codeOf(row, 'code');
    const at = row.time('lastUpdatedOn');
    return code === null || isDeleted(row) ? [] : [{ code, at, fact: statusFact(code, { at, basis: 'source_event' }) }];
  });
  const facts = history.map((entry) => entry.fact);
  const current = fields.object('status');
  const code = current === null ? null : codeOf(current, 'code');
  if (code === null) return facts;
  const latest = history.reduce<(typeof history)[number] | null>(
    (last, entry) => ((entry.at ?? '') >= (last?.at ?? '') ? entry : last),
    null,
  );
  if (latest !== null && isSameCode(latest.code, code)) return facts;
  const since: Since = eventTime === null ? updated : { at: eventTime, basis: 'source_event' };
  return [...facts, statusFact(code, since)];
}

/** By their keys, since tenants may word the values anew. */
function isSameCode(one: Code, other: Code): boolean {
  return one.key === null ? one.value === other.value : one.key === other.key;
}

/** Where the shipment begins and ends: by its stops, else by its lane. */
function endsOf(fields: Fields, { origin, destination }: Route, { created }: Times): ObservedFact[] {
  const lane = fields.object('lane');
  const from = origin ?? placeOfCity(lane?.text('start') ?? null);
  const to = destination ?? placeOfCity(lane?.text('end') ?? null);
  return [
    ...(from === null ? [] : [fact('ORIGIN', from, created)]),
    ...(to === null ? [] : [fact('DESTINATION', to, created)]),
  ];
}

function placeOfCity(written: string | null): ThingRef | null {
  const city = readCity(written);
  return city === null ? null : adHocPlace(city);
}

/** The short form that people send: a shipment by what they call it. It has no times. */
export function mapSeed(fields: Fields): Mapped {
  const customId = fields.requiredId('shipmentId');
  const unknown: Since = { at: null, basis: 'source_update' };
  const customer = fields.text('customerName');
  const status = fields.code('status');
  const [origin, destination] = [seedPlace(fields, 'origin'), seedPlace(fields, 'destination')];
  const shipment = observation(shipmentByCustomId(customId), {
    names: numberNames('Shipment', customId),
    facts: [
      ...(status === null ? [] : [statusFact({ key: null, value: status }, unknown)]),
      ...(customer === null ? [] : [fact('FOR_CUSTOMER', customerByName(customer), unknown)]),
      ...(origin === null ? [] : [fact('ORIGIN', origin, unknown)]),
      ...(destination === null ? [] : [fact('DESTINATION', destination, unknown)]),
    ],
    singleValued: ['HAS_STATUS', 'ORIGIN', 'DESTINATION'],
    raw: rawOf(fields),
  });
  const firm = customer === null ? [] : named(customerByName(customer), { names: firmNames(customer) });
  return { kind: 'observations', observations: [shipment, ...firm] };
}

function customerByName(name: string): ThingRef {
  return thing('Customer', `turvo:customer:name:${folded(name)}`, name);
}

function seedPlace(fields: Fields, name: string): ThingRef | null {
  if (typeof fields.any(name) === 'string') return placeOfCity(fields.text(name));
  return adHocPlace(readAddress(fields.object(name)));
}
