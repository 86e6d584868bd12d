import { describe, expect, test } from 'vitest';
import type { Json } from '../../../lib/contracts/document.ts';
import { about, mapRecord, namesOf, observe, problemOf, recordOf, SOURCES, statements } from './reading.ts';

const VEHICLE = 'samsara:vehicle:281474981110001';
const { mapper } = SOURCES.samsara;

describe('readings', () => {
  test('a snapshot and a feed of the same values say the same, whatever the name and the number of their keys', () => {
    const snapshot = about(observe('samsara', recordOf('samsara', 'stats-snapshot')), VEHICLE);
    const feed = about(
      observe('samsara', {
        ...recordOf('samsara', 'stats-snapshot'),
        gps: [recordOf('samsara', 'stats-snapshot')['gps']!],
        engineState: null,
        engineStates: [{ time: '2025-10-19T14:20:11Z', value: 'On' }],
        fuelPercent: null,
        fuelPercents: { time: '2025-10-19T14:22:47Z', value: 63 },
      }),
      VEHICLE,
    );
    expect(feed).toEqual(snapshot);
    expect(snapshot.readings).toEqual([
      {
        series: 'position',
        at: '2025-10-19T14:23:00.000Z',
        value: {
          latitude: 41.8781,
          longitude: -87.6298,
          speedMilesPerHour: 55,
          headingDegrees: 135.5,
          isEcuSpeed: false,
          address: 'S State St, Chicago, IL 60604',
        },
        place: { kind: 'Location', key: 'samsara:address:4410021', name: 'Acme Chicago DC' },
      },
      { series: 'engine', at: '2025-10-19T14:20:11.000Z', value: { state: 'On' }, place: null },
      { series: 'fuel', at: '2025-10-19T14:22:47.000Z', value: { percent: 63 }, place: null },
    ]);
  });

  test('a decoration takes the time of the reading that it decorates', () => {
    const { readings } = about(observe('samsara', recordOf('samsara', 'stats-feed')), VEHICLE);
    expect(readings).toContainEqual({
      series: 'fuel',
      at: '2025-10-19T14:23:00.000Z',
      value: { percent: 63 },
      place: null,
    });
  });

  test('a position without its optional fields has none of them', () => {
    const { readings } = about(observe('samsara', recordOf('samsara', 'stats-feed')), VEHICLE);
    expect(readings.find(({ at }) => at === '2025-10-19T14:23:30.512Z')).toEqual({
      series: 'position',
      at: '2025-10-19T14:23:30.512Z',
      value: { latitude: 41.8712, longitude: -87.6244, speedMilesPerHour: 51.2 },
      place: null,
    });
  });

  test('are no facts, and describe no vehicle', () => {
    const vehicle = about(observe('samsara', recordOf('samsara', 'stats-feed')), VEHICLE);
    expect(vehicle).toMatchObject({ isWhole: false, facts: [], attributes: {}, text: '', raw: null });
    expect(vehicle.observedAt).toBe('2025-10-19T14:23:30.512Z');
  });

  test('late ones are kept with their own times', () => {
    const record = recordOf('samsara', 'stats-feed');
    record['gps'] = [...(record['gps'] as Json[])].reverse();
    expect(about(observe('samsara', record), VEHICLE)).toMatchObject({
      observedAt: '2025-10-19T14:23:30.512Z',
      readings: [{ at: '2025-10-19T14:23:30.512Z' }, { at: '2025-10-19T14:23:00.000Z' }, {}, {}],
    });
  });

  test('without a time are wrong', () => {
    expect(problemOf('samsara', { id: '1', name: 'A', fuelPercent: { value: 1 } })).toEqual({
      path: 'fuelPercent.time',
      reason: 'Expected a time (ISO 8601), found nothing.',
    });
  });

  test('an empty state of the engine is none, and an absent one is wrong', () => {
    const time = '2025-10-19T14:20:11Z';
    expect(observe('samsara', { id: '1', engineStates: [{ time, value: '' }] })[0]!.readings).toEqual([]);
    expect(problemOf('samsara', { id: '1', engineStates: [{ time }] })!.path).toBe('engineStates[0].value');
  });

  test('an unknown state of the engine is taken', () => {
    const record = { id: '1', engineStates: [{ time: '2025-10-19T14:20:11Z', value: 'Hybrid' }] };
    expect(observe('samsara', record)[0]!.readings[0]!.value).toEqual({ state: 'Hybrid' });
  });

  test('of the location stream are in miles an hour, and its nearest geofence is no place of theirs', () => {
    const [vehicle] = observe('samsara', recordOf('samsara', 'location'));
    expect(vehicle!.readings).toEqual([
      {
        series: 'position',
        at: '2025-10-19T14:23:05.000Z',
        value: expect.objectContaining({
          speedMilesPerHour: 55.03,
          nearestGeofenceId: '4410021',
          accuracyMeters: 12.5,
        }),
        place: null,
      },
    ]);
    const record = recordOf('samsara', 'location');
    record['speed'] = { ecuSpeedMetersPerSecond: 10 };
    expect(observe('samsara', record)[0]!.readings[0]!.value).toMatchObject({
      speedMilesPerHour: 22.37,
      isEcuSpeed: true,
    });
  });
});

describe('things', () => {
  test('a vehicle has its names, tags and ties, and says whose driver is on it', () => {
    const observations = observe('samsara', recordOf('samsara', 'vehicle'));
    const vehicle = about(observations, VEHICLE);
    expect(vehicle.isWhole).toBe(true);
    expect(vehicle.observedAt).toBe('2025-10-18T09:41:07.000Z');
    expect(namesOf(vehicle)).toEqual([
      'Unit TRUCK-6520',
      'Unit 6520',
      'Vin 1XPTESTVIN0006520',
      'ExternalId samsara.serial=GTESTSER0001',
      'ExternalId tmsUnit=6520',
      'LicensePlate ILP65200',
    ]);
    expect(statements(vehicle, 'TAGGED')).toEqual(['samsara:tag:3914 2025-10-18T09:41:07.000Z null source_update']);
    expect(vehicle.attributes).toMatchObject({
      make: 'PETERBILT',
      year: '2021',
      customFields: { 'Home yard': 'Chicago' },
    });
    const driver = about(observations, 'samsara:driver:50701');
    expect(driver).toMatchObject({ isWhole: false, raw: null, singleValued: ['ASSIGNED_TO'] });
    expect(statements(driver, 'ASSIGNED_TO')).toEqual([`${VEHICLE} 2025-10-18T09:41:07.000Z null source_update`]);
    expect(statements(about(observations, 'samsara:tag:3914'), 'PARENT')).toHaveLength(1);
  });

  test('a year may be a number, tags may be ids alone, and a vehicle may have no driver', () => {
    const record = {
      ...recordOf('samsara', 'vehicle'),
      year: 2021,
      tags: null,
      tagIds: ['3914'],
      staticAssignedDriver: null,
    };
    const [vehicle, ...beside] = observe('samsara', record);
    expect(vehicle!.attributes['year']).toBe('2021');
    expect(statements(vehicle!, 'TAGGED')).toEqual(['samsara:tag:3914 2025-10-18T09:41:07.000Z null source_update']);
    expect(beside).toEqual([]);
  });

  test('the same assignment is stated alike by the vehicle’s record and by the driver’s', () => {
    const stated = { ...recordOf('samsara', 'vehicle'), updatedAtTime: '2025-10-19T11:58:02Z' };
    const byVehicle = about(observe('samsara', stated), 'samsara:driver:50701').facts;
    const byDriver = about(observe('samsara', recordOf('samsara', 'driver')), 'samsara:driver:50701').facts;
    expect(byDriver.filter(({ type }) => type === 'ASSIGNED_TO')).toEqual(byVehicle);
  });

  test('a driver works for the carrier of that registration, and their licence is nowhere', () => {
    const observations = observe('samsara', recordOf('samsara', 'driver'));
    const driver = about(observations, 'samsara:driver:50701');
    expect(statements(driver, 'EMPLOYED_BY')).toEqual([
      'samsara:carrier:dot:1234567 2025-10-19T11:58:02.000Z null source_update',
    ]);
    expect(namesOf(about(observations, 'samsara:carrier:dot:1234567'))).toEqual(['DotNumber 1234567']);
    expect(namesOf(driver)).toEqual(['Phone +13125550142', 'ExternalId payrollId=D-118']);
    expect(driver.raw).toMatchObject({ licenseNumber: '[redacted]' });
  });

  test('a carrier without registration is known by its name within the source', () => {
    const record = { ...recordOf('samsara', 'driver'), carrierSettings: { carrierName: 'Acme Trucking, Inc.' } };
    expect(statements(about(observe('samsara', record), 'samsara:driver:50701'), 'EMPLOYED_BY')).toEqual([
      'samsara:carrier:name:acme trucking inc 2025-10-19T11:58:02.000Z null source_update',
    ]);
  });

  test('a telephone number that cannot exist stays as it is written', () => {
    const driver = observe('samsara', { ...recordOf('samsara', 'driver'), phone: '5558234327' })[0]!;
    expect(driver.attributes['phone']).toBe('5558234327');
    expect(namesOf(driver)).not.toContainEqual(expect.stringMatching(/^Phone/));
  });

  test('an address is tied to the place that its external id names, surely', () => {
    const place = about(observe('samsara', recordOf('samsara', 'address')), 'samsara:address:4410021');
    expect(place.facts).toEqual([
      expect.objectContaining({
        type: 'LINKED_TO',
        object: { kind: 'Location', key: 'turvo:location:330014', name: 'turvo:location:330014' },
        confidence: 1,
      }),
    ]);
    expect(place.attributes['geofence']).toEqual({ latitude: 41.8765, longitude: -87.6401, radiusMeters: 250 });
  });

  test('ids are texts, also where an old answer has numbers', () => {
    expect(observe('samsara', { ...recordOf('samsara', 'vehicle'), id: 281474981110001 })[0]!.thing.key).toBe(VEHICLE);
  });

  test.each([
    [
      'hours of service',
      { driver: { id: '1' }, hosLogs: [{ hosStatusType: '', vehicle: { id: '2', ExternalIds: {} } }] },
    ],
    ['a trip', { asset: { id: '1', vin: 'X' }, tripStartTime: '2025-10-19T12:00:31Z', completionStatus: 'completed' }],
    ['a document', { id: '1', documentType: { id: '2' }, driver: { id: '3' }, vehicle: { id: '4' }, fields: [] }],
    ['a route', { id: '1', driver: { id: '3' }, vehicle: { id: '4' }, stops: [] }],
  ])('%s is none of the shapes', (_, record) => {
    expect(mapper.shapeOf(record, null)).toBeNull();
  });

  test('a trailer’s record is no vehicle’s', () => {
    expect(mapper.shapeOf({ id: '1', vin: 'X', type: 'trailer' }, null)).toBeNull();
    expect(mapper.shapeOf({ id: '1', gps: [], reeferStateZone1: [] }, null)).toBeNull();
  });
});

describe('assignments', () => {
  const ASSIGNMENT = recordOf('samsara', 'driver-assignment');

  test('say who drove what from when to when', () => {
    const [driver] = observe('samsara', ASSIGNMENT);
    expect(driver!.facts).toEqual([
      {
        type: 'DRIVES',
        object: { kind: 'Vehicle', key: VEHICLE, name: 'TRUCK-6520' },
        validFrom: '2025-10-19T11:55:00.000Z',
        validTo: '2025-10-19T18:02:00.000Z',
        basis: 'source_event',
        confidence: 1,
        detail: { assignmentType: 'HOS', sourceName: 'ELD' },
      },
    ]);
  });

  test('without an end are open, and the largest integer of other languages is no end', () => {
    const { endTime: _, ...open } = ASSIGNMENT;
    const { startTime: __, ...old } = open;
    const oldest = { ...old, startMs: 1760874900000 };
    for (const record of [
      open,
      { ...oldest, endMs: Number('9223372036854775807') },
      { ...oldest, endMs: '9223372036854775807' },
    ]) {
      expect(statements(observe('samsara', record)[0]!, 'DRIVES')).toEqual([
        `${VEHICLE} 2025-10-19T11:55:00.000Z null source_event`,
      ]);
    }
    expect(statements(observe('samsara', { ...oldest, endMs: 1760896920000 })[0]!, 'DRIVES')).toEqual([
      `${VEHICLE} 2025-10-19T11:55:00.000Z 2025-10-19T18:02:00.000Z source_event`,
    ]);
  });

  test('that end before they begin held for no time', () => {
    const [driver] = observe('samsara', { ...ASSIGNMENT, endTime: '2025-10-19T11:00:00Z' });
    expect(driver!.facts[0]).toMatchObject({
      validFrom: '2025-10-19T11:55:00.000Z',
      validTo: '2025-10-19T11:55:00.000Z',
    });
  });

  test('of a passenger are ignored', () => {
    expect(mapRecord('samsara', { ...ASSIGNMENT, isPassenger: true })).toEqual({
      kind: 'ignored',
      reason: 'A passenger does not drive.',
    });
  });

  test('times with an offset are in UTC', () => {
    const record = { ...ASSIGNMENT, startTime: '2025-10-19T18:55:00+07:00' };
    expect(observe('samsara', record)[0]!.facts[0]!.validFrom).toBe('2025-10-19T11:55:00.000Z');
  });

  test('of the older list are those of its vehicle, with external ids under either spelling', () => {
    const observations = observe('samsara', {
      id: '494123',
      name: 'Bus-123',
      driverAssignments: [
        { driver: { id: '1', name: 'A', ExternalIds: { payrollId: 'P1' } }, startTime: '2019-06-13T19:08:25Z' },
      ],
    });
    expect(statements(about(observations, 'samsara:driver:1'), 'DRIVES')).toEqual([
      'samsara:vehicle:494123 2019-06-13T19:08:25.000Z null source_event',
    ]);
    expect(namesOf(about(observations, 'samsara:driver:1'))).toEqual(['ExternalId payrollId=P1']);
  });
});

describe('webhooks', () => {
  test.each([
    ['a ping', { eventId: '1', eventType: 'Ping', webhookId: '2', data: {} }, /ping/],
    ['an old ping', { eventId: '1', eventMs: 1760883780000, eventType: 'Ping', event: {} }, /ping/],
    [
      'an update without data',
      { eventId: '1', eventType: 'VehicleUpdated', webhookId: '2', data: {} },
      /VehicleUpdated/,
    ],
    [
      'a removal',
      { eventId: '1', eventType: 'AddressDeleted', webhookId: '2', data: { address: { id: '1' } } },
      /AddressDeleted/,
    ],
    [
      'an event of tomorrow',
      { eventId: '1', eventType: 'MoodChanged', webhookId: '2', data: { mood: 1 } },
      /MoodChanged/,
    ],
  ] as const)('%s is ignored, and told why', (_, record, reason) => {
    expect(mapRecord('samsara', record)).toEqual({ kind: 'ignored', reason: expect.stringMatching(reason) });
  });

  test.each([
    ['VehicleUpdated', 'vehicle', 'vehicle', VEHICLE],
    ['DriverCreated', 'driver', 'driver', 'samsara:driver:50701'],
    ['AddressCreated', 'address', 'address', 'samsara:address:4410021'],
  ] as const)('%s hands its thing over whole, in its own field or bare', (eventType, field, name, key) => {
    const { updatedAtTime: _, ...described } = recordOf('samsara', name);
    const envelope = { eventId: '1', eventTime: '2025-10-20T00:00:00Z', eventType, orgId: 1, webhookId: '2' };
    const inField = about(observe('samsara', { ...envelope, data: { [field]: described } }), key);
    expect(inField).toEqual(about(observe('samsara', { ...envelope, data: described }), key));
    expect(inField).toMatchObject({ isWhole: true, observedAt: '2025-10-20T00:00:00.000Z' });
  });

  test('a stop that was reached has its state, its place and the shipment that its route is tied to', () => {
    const observations = observe('samsara', recordOf('samsara', 'webhook-stop-arrival-full'));
    const stop = about(observations, 'samsara:stop:880101');
    expect(statements(stop, 'HAS_STATUS')).toEqual([
      'samsara:stop-state:arrived 2025-10-19T11:26:12.000Z null source_event',
    ]);
    expect(statements(stop, 'AT')).toEqual(['samsara:address:4410021 2025-10-19T11:26:12.000Z null source_event']);
    expect(statements(stop, 'LINKED_TO')).toEqual([
      'turvo:shipment:1000324868 2025-10-19T11:26:12.000Z null source_event',
    ]);
    expect(stop.attributes['scheduledArrivalAt']).toBe('2025-10-19T11:30:00.000Z');
    expect(namesOf(about(observations, VEHICLE))).toContain('Unit TRUCK-6520');
  });

  test('an old alert names its vehicle, whose id is a number there', () => {
    const event = { resolved: false, device: { id: 281474981110001, name: 'TRUCK-6520', vin: '1XPTESTVIN0006520' } };
    const observations = observe('samsara', { eventId: '1', eventMs: 1760883780000, eventType: 'Alert', event });
    expect(namesOf(about(observations, VEHICLE))).toEqual(['Unit TRUCK-6520', 'Unit 6520', 'Vin 1XPTESTVIN0006520']);
  });
});

describe('a record of a stream has that stream’s shape first', () => {
  test.each([
    ['vehicles', { id: '1', name: 'A' }, 'vehicle'],
    ['drivers', { id: '1', name: 'A' }, 'driver'],
    ['addresses', { id: '1', name: 'A' }, 'address'],
    ['vehicle-stats', { id: '1', name: 'A' }, 'stats snapshot'],
    ['vehicle-stats-feed', { id: '1', gps: [] }, 'stats feed'],
    ['vehicle-stats-history', { id: '1', engineStates: [] }, 'stats feed'],
    ['driver-assignments', recordOf('samsara', 'driver-assignment'), 'driver assignment'],
    ['vehicles', recordOf('samsara', 'webhook-stop-arrival'), 'webhook 2.0'],
    ['vehicles', recordOf('samsara', 'seed'), 'seed'],
    ['something else', recordOf('samsara', 'driver'), 'driver'],
  ])('%s', (stream, record, shape) => {
    expect(mapper.shapeOf(record, stream)).toBe(shape);
  });
});

test.each([
  ['turvo', 'shipment'],
  ['turvo', 'customer'],
  ['turvo', 'location'],
  ['turvo', 'contact'],
  ['turvo', 'seed'],
  ['turvo', 'webhook'],
  ['frontapp', 'message'],
  ['frontapp', 'event'],
  ['frontapp', 'webhook-app'],
  ['frontapp', 'seed'],
] as const)('a record like %s %s is none of Samsara’s', (source, name) => {
  expect(mapper.shapeOf(recordOf(source, name), null)).toBeNull();
});
