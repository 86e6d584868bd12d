import type { Mapped, Observation } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import { type Links, linksTo, thingOfField } from './links.ts';
import { attributes, fact, observation, state, thing } from './observations.ts';
import { addressRef, namedDriver, namedVehicle } from './samsara-refs.ts';
import { mapAddress, mapDriver, mapVehicle } from './samsara-things.ts';

/** What an event hands over whole, by the first word of its type. */
const WHOLE = [
  { type: /^Vehicle(?:Created|Updated)$/, field: 'vehicle', map: mapVehicle },
  { type: /^Driver(?:Created|Updated)$/, field: 'driver', map: mapDriver },
  { type: /^Address(?:Created|Updated)$/, field: 'address', map: mapAddress },
] as const;

/** An event of the current webhooks: `{eventId, eventTime, eventType, orgId, webhookId, data}`. */
export function mapWebhook(fields: Fields): Mapped {
  const type = fields.text('eventType') ?? fields.missing('eventType', 'a text');
  if (type === 'Ping') return { kind: 'ignored', reason: 'A ping says nothing.' };
  const data = fields.object('data');
  const at = fields.time('eventTime');
  const whole = WHOLE.find((entry) => entry.type.test(type));
  if (whole !== undefined && data !== null) {
    const described = data.object(whole.field) ?? data;
    if (described.has('id')) return whole.map(described, at);
  }
  return data === null ? nothing(type) : observed(type, [...stopOf(data, at), ...namedIn(data)]);
}

/** An alert of the first webhooks: `{eventId, eventMs, eventType, event}`; ids are numbers there. */
export function mapOldWebhook(fields: Fields): Mapped {
  const type = fields.text('eventType') ?? fields.missing('eventType', 'a text');
  if (type === 'Ping') return { kind: 'ignored', reason: 'A ping says nothing.' };
  const event = fields.object('event');
  if (event === null) return nothing(type);
  const device = event.object('device');
  return observed(type, [...(device?.has('id') ? namedVehicle(device) : []), ...namedIn(event)]);
}

function observed(type: string, observations: readonly Observation[]): Mapped {
  return observations.length === 0 ? nothing(type) : { kind: 'observations', observations };
}

function nothing(type: string): Mapped {
  return {
    kind: 'ignored',
    reason: `The event ${type.slice(0, 60)} tells nothing of vehicles, drivers and stops that is kept.`,
  };
}

/** Things that an event names beside what it is about. */
function namedIn(data: Fields): Observation[] {
  const [vehicle, driver] = [data.object('vehicle'), data.object('driver')];
  return [...(vehicle?.has('id') ? namedVehicle(vehicle) : []), ...(driver?.has('id') ? namedDriver(driver) : [])];
}

/** The stop of a route that an event is about. Its entry in the route's own list tells where it is. */
function stopOf(data: Fields, eventTime: string | null): Observation[] {
  const details = data.object('routeStopDetails');
  const route = data.object('route');
  if (details === null || !details.has('id')) return [];
  const id = details.requiredId('id');
  const entry = route?.objects('stops').find((stop) => stop.id('id') === id) ?? null;
  const told = (name: string) => details.time(name) ?? entry?.time(name) ?? null;
  const at = data.time('time') ?? eventTime;
  const links = routeLinks(route, at);
  const stop = observation(thing('Stop', `samsara:stop:${id}`, details.text('name') ?? entry?.text('name') ?? null), {
    observedAt: at,
    attributes: attributes({
      routeId: route?.id('id') ?? null,
      routeName: route?.text('name') ?? null,
      scheduledArrivalAt: told('scheduledArrivalTime'),
      arrivedAt: told('actualArrivalTime'),
      departedAt: told('actualDepartureTime'),
      eta: told('eta'),
    }),
    facts: [...statusOf(details, at), ...placeOf(details, entry, told), ...links.facts],
    singleValued: ['HAS_STATUS'],
  });
  return [stop, ...links.observations];
}

function statusOf(details: Fields, at: string | null) {
  const value = details.code('state');
  return value === null
    ? []
    : [fact('HAS_STATUS', state(`samsara:stop-state:${value}`, value), { at, basis: 'source_event' })];
}

function placeOf(details: Fields, entry: Fields | null, told: (name: string) => string | null) {
  const address = details.object('address') ?? entry?.object('address') ?? null;
  const arrived = told('actualArrivalTime');
  if (address === null || arrived === null) return [];
  const since = { at: arrived, basis: 'source_event' } as const;
  return [fact('AT', addressRef(address), since, { to: told('actualDepartureTime'), detail: { isPlanned: false } })];
}

function routeLinks(route: Fields | null, at: string | null): Links {
  const ids = route?.entries('externalIds') ?? [];
  return linksTo(
    ids.map(([system, id]) => thingOfField(system, id)),
    { at, basis: 'source_event' },
  );
}
