import type { Json } from '../contracts/document.ts';
import type { JsonObject, Mapped, Observation, ThingRef } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import { distinct, externalNames, phoneNames, plateNames, registrationNames } from './names.ts';
import { attributes, fact, named, observation, rawOf, type Since, thing } from './observations.ts';
import { folded } from './places.ts';
import {
  addressRef,
  driverRef,
  externalLinks,
  namedDriver,
  namedVehicle,
  otherNames,
  ownAttributes,
  sinceUpdate,
  tagsOf,
  vehicleNames,
  vehicleRef,
} from './samsara-refs.ts';

/** A vehicle as its own record describes it, and its current driver. */
export function mapVehicle(fields: Fields, observedAt: string | null = null): Mapped {
  const since = sinceUpdate(fields);
  const vehicle = vehicleRef(fields);
  const links = externalLinks(fields, since);
  const tags = tagsOf(fields, since);
  const driver = fields.object('staticAssignedDriver');
  const whole = observation(vehicle, {
    isWhole: true,
    observedAt: since.at ?? observedAt,
    attributes: attributes({
      make: fields.text('make'),
      model: fields.text('model'),
      year: fields.word('year'),
      esn: fields.word('esn'),
      vehicleType: fields.text('vehicleType'),
      regulationMode: fields.text('vehicleRegulationMode'),
      gatewaySerial: fields.object('gateway')?.word('serial') ?? null,
      gatewayModel: fields.object('gateway')?.text('model') ?? null,
      customFields: ownAttributes(fields),
      createdAt: fields.time('createdAtTime'),
    }),
    names: distinct([
      ...vehicleNames(fields),
      ...plateNames(fields.text('licensePlate')),
      ...externalNames('samsara.serial', fields.word('serial')),
    ]),
    facts: [...tags.facts, ...links.facts],
    text: fields.text('notes') ?? '',
    raw: rawOf(fields),
  });
  const assigned = driver === null ? [] : assignment(driverRef(driver), vehicle, since);
  return { kind: 'observations', observations: [whole, ...assigned, ...tags.observations, ...links.observations] };
}

/** A driver as their own record describes them: the vehicle they are on, and whom they work for. */
export function mapDriver(fields: Fields, observedAt: string | null = null): Mapped {
  const since = sinceUpdate(fields);
  const links = externalLinks(fields, since);
  const tags = tagsOf(fields, since);
  const vehicle = fields.object('staticAssignedVehicle');
  const employer = employerOf(fields.object('carrierSettings'));
  const phone = fields.word('phone');
  const phones = phoneNames(phone);
  const settings = fields.object('carrierSettings');
  const whole = observation(driverRef(fields), {
    isWhole: true,
    observedAt: since.at ?? observedAt,
    attributes: attributes({
      username: fields.text('username'),
      phone: phones.length === 0 ? phone : null,
      licenseState: fields.text('licenseState'),
      timeZone: fields.text('timezone'),
      activationStatus: fields.text('driverActivationStatus'),
      eldExempt: fields.boolean('eldExempt'),
      homeTerminalName: settings?.text('homeTerminalName') ?? null,
      homeTerminalAddress: settings?.text('homeTerminalAddress') ?? null,
      mainOfficeAddress: settings?.text('mainOfficeAddress') ?? null,
      customFields: ownAttributes(fields),
      createdAt: fields.time('createdAtTime'),
    }),
    names: distinct([...phones, ...otherNames(fields)]),
    facts: [
      ...(vehicle === null ? [] : [fact('ASSIGNED_TO', vehicleRef(vehicle), since)]),
      ...employer.map(({ thing: carrier }) => fact('EMPLOYED_BY', carrier, since)),
      ...tags.facts,
      ...links.facts,
    ],
    singleValued: ['ASSIGNED_TO', 'EMPLOYED_BY'],
    text: fields.text('notes') ?? '',
    raw: rawOf(fields),
  });
  const employers = employer.flatMap(({ thing: carrier, names }) => named(carrier, { names }));
  const beside = [...(vehicle === null ? [] : namedVehicle(vehicle)), ...employers];
  return { kind: 'observations', observations: [whole, ...beside, ...tags.observations, ...links.observations] };
}

/** The vehicle that a driver is on, stated by the vehicle's record. */
function assignment(driver: ThingRef, vehicle: ThingRef, since: Since): Observation[] {
  return named(driver, { facts: [fact('ASSIGNED_TO', vehicle, since)], singleValued: ['ASSIGNED_TO'] });
}

/** The carrier a driver works for, known by its registration or, where that is not told, by its name. */
function employerOf(settings: Fields | null): Observation[] {
  if (settings === null) return [];
  const name = settings.text('carrierName');
  const names = registrationNames('DotNumber', settings.word('dotNumber'));
  const key = names[0] === undefined ? folded(name ?? '') && `name:${folded(name ?? '')}` : `dot:${names[0].key}`;
  return key === '' ? [] : [observation(thing('Carrier', `samsara:carrier:${key}`, name), { names })];
}

/** A saved address with its geofence. */
export function mapAddress(fields: Fields, observedAt: string | null = null): Mapped {
  const since = sinceUpdate(fields);
  const links = externalLinks(fields, since);
  const tags = tagsOf(fields, since);
  const people = fields.objects('contacts').map((contact) => fullName(contact));
  const whole = observation(addressRef(fields), {
    isWhole: true,
    observedAt: since.at ?? observedAt,
    attributes: attributes({
      address: fields.text('formattedAddress'),
      latitude: fields.degrees('latitude', 90),
      longitude: fields.degrees('longitude', 180),
      geofence: geofenceOf(fields.object('geofence')),
      addressTypes: fields.texts('addressTypes'),
      contacts: people.filter((name) => name !== ''),
      createdAt: fields.time('createdAtTime'),
    }),
    names: otherNames(fields),
    facts: [...tags.facts, ...links.facts],
    text: fields.text('notes') ?? '',
    raw: rawOf(fields),
  });
  return { kind: 'observations', observations: [whole, ...tags.observations, ...links.observations] };
}

function fullName(contact: Fields): string {
  return [contact.text('firstName'), contact.text('lastName')].filter((part) => part !== null).join(' ');
}

/** A circle or the corners of a polygon, in degrees and metres. */
function geofenceOf(geofence: Fields | null): JsonObject | null {
  if (geofence === null) return null;
  const circle = geofence.object('circle');
  const corners = geofence.object('polygon')?.objects('vertices') ?? [];
  return attributes({
    ...(circle === null ? {} : { ...position(circle), radiusMeters: circle.number('radiusMeters') }),
    vertices: corners.map((corner): Json => attributes(position(corner))),
  });
}

function position(fields: Fields): { latitude: number | null; longitude: number | null } {
  return { latitude: fields.degrees('latitude', 90), longitude: fields.degrees('longitude', 180) };
}

/** Who drove what from when to when. A passenger does not drive. */
export function mapAssignment(fields: Fields): Mapped {
  const driver = fields.object('driver') ?? fields.missing('driver', 'an object');
  const vehicle = fields.object('vehicle') ?? fields.missing('vehicle', 'an object');
  const drives = drivesOf(fields, driver, vehicleRef(vehicle));
  if (drives.length === 0) return { kind: 'ignored', reason: 'A passenger does not drive.' };
  return { kind: 'observations', observations: [...drives, ...namedVehicle(vehicle)] };
}

/** The assignments of one vehicle, as the older list has them. */
export function mapVehicleAssignments(fields: Fields): Mapped {
  const vehicle = vehicleRef(fields);
  const drives = fields
    .objects('driverAssignments')
    .flatMap((entry) => drivesOf(entry, entry.object('driver') ?? entry.missing('driver', 'an object'), vehicle));
  if (drives.length === 0) return { kind: 'ignored', reason: 'Nobody drives the vehicle.' };
  return { kind: 'observations', observations: [...drives, ...namedVehicle(fields)] };
}

function drivesOf(fields: Fields, driver: Fields, vehicle: ThingRef): Observation[] {
  if (fields.boolean('isPassenger') === true) return [];
  const start = fields.time('startTime') ?? fields.epochMilliseconds('startMs');
  const from = start ?? fields.missing('startTime', 'a time (ISO 8601)');
  const to = fields.time('endTime') ?? fields.epochMilliseconds('endMs');
  const detail = {
    ...detailOf('assignmentType', fields.text('assignmentType')),
    ...detailOf('sourceName', fields.object('metadata')?.text('sourceName') ?? null),
  };
  const drives = fact('DRIVES', vehicle, { at: from, basis: 'source_event' }, { to, detail });
  const observedAt = to ?? fields.time('assignedAtTime') ?? from;
  return [observation(driverRef(driver), { observedAt, names: namedDriver(driver)[0]?.names ?? [], facts: [drives] })];
}

function detailOf(name: string, value: string | null): { [name: string]: string } {
  return value === null ? {} : { [name]: value };
}
