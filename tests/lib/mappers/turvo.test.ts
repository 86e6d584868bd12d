import { describe, expect, test } from 'vitest';
import type { Json } from '../../../lib/contracts/document.ts';
import type { JsonObject } from '../../../lib/contracts/feed.ts';
import { about, mapRecord, namesOf, observe, problemOf, recordOf, SOURCES, statements } from './reading.ts';

const SHIPMENT = 'turvo:shipment:1000324868';
const CREATED = '2025-10-17T15:02:11.000Z';
const UPDATED = '2025-10-19T12:01:00.000Z';
const { mapper } = SOURCES.turvo;

type Rows = { [key: string]: Json }[];

function shipmentWith(change: (record: { [key: string]: Json }) => void): { [key: string]: Json } {
  const record = recordOf('turvo', 'shipment-full');
  change(record);
  return record;
}

function shipment(record: JsonObject) {
  return about(observe('turvo', record), SHIPMENT);
}

describe('a shipment', () => {
  test('is known by all its numbers', () => {
    expect(namesOf(shipment(recordOf('turvo', 'shipment-full')))).toEqual([
      'Shipment SHIP-2025-10-19-002',
      'PurchaseOrder PO-55821',
      'PurchaseOrder 55821',
      'BillOfLading BOL-993310',
      'BillOfLading 993310',
      'ProNumber PRO-77120',
      'ProNumber 77120',
    ]);
  });

  test('has the statuses of its history, each from when it was set, and normalised', () => {
    const { facts, singleValued } = shipment(recordOf('turvo', 'shipment-full'));
    expect(facts.filter(({ type }) => type === 'HAS_STATUS')).toEqual(
      [
        ['2102', 'Covered', '2025-10-17T19:10:00.000Z', 'planned'],
        ['2104', 'At pickup', '2025-10-19T11:26:12.000Z', 'at_pickup'],
        ['2105', 'En route', '2025-10-19T12:00:31.000Z', 'in_transit'],
      ].map(([key, name, validFrom, status]) => ({
        type: 'HAS_STATUS',
        object: { type: 'State', key: `turvo:status:${key}`, name },
        validFrom,
        validTo: null,
        basis: 'source_event',
        confidence: 1,
        detail: { status },
      })),
    );
    expect(singleValued).toContain('HAS_STATUS');
  });

  test('that moved on since its history has its status from its last change', () => {
    const record = shipmentWith((value) => {
      value['status'] = { code: { key: '2107', value: 'Delivered' } };
    });
    expect(statements(shipment(record), 'HAS_STATUS').at(-1)).toBe(`turvo:status:2107 ${UPDATED} null source_update`);
  });

  test('whose status is worded anew by its tenant has not moved on', () => {
    const record = shipmentWith((value) => {
      value['status'] = { code: { key: '2105', value: 'Rolling' } };
    });
    expect(statements(shipment(record), 'HAS_STATUS')).toHaveLength(3);
  });

  test('in a status that no table knows keeps its words', () => {
    const record = { ...recordOf('turvo', 'shipment-row'), status: { code: { key: '9901', value: 'Lost at sea' } } };
    expect(shipment(record).facts).toContainEqual(
      expect.objectContaining({
        object: { type: 'State', key: 'turvo:status:9901', name: 'Lost at sea' },
        detail: { status: 'Lost at sea' },
      }),
    );
  });

  test('has its customer since it was created, its carrier since it was covered, its driver since it was seen', () => {
    const observations = observe('turvo', recordOf('turvo', 'shipment-full'));
    const whole = about(observations, SHIPMENT);
    expect(statements(whole, 'FOR_CUSTOMER')).toEqual([`turvo:customer:204001 ${CREATED} null source_event`]);
    expect(statements(whole, 'CARRIED_BY').at(-1)).toBe(
      'turvo:carrier:204410 2025-10-17T19:10:00.000Z null source_event',
    );
    expect(statements(whole, 'DRIVEN_BY')).toEqual([`turvo:contact:887701 ${UPDATED} null source_update`]);
    expect(namesOf(about(observations, 'turvo:contact:887701'))).toEqual(['Phone +13125550142']);
    expect(about(observations, 'turvo:contact:887701').thing.kind).toBe('Driver');
  });

  test('ends what a deleted row says when the record changed', () => {
    expect(statements(shipment(recordOf('turvo', 'shipment-full')), 'CARRIED_BY')[0]).toBe(
      `turvo:carrier:204400 2025-10-17T19:10:00.000Z ${UPDATED} source_event`,
    );
    const record = shipmentWith((value) => {
      (value['customerOrder'] as Rows)[0]!['deleted'] = true;
      ((value['carrierOrder'] as Rows)[1]!['drivers'] as Rows)[0]!['deleted'] = true;
      (value['globalRoute'] as Rows)[1]!['deleted'] = true;
    });
    const observations = observe('turvo', record);
    const whole = about(observations, SHIPMENT);
    expect(statements(whole, 'FOR_CUSTOMER')).toEqual([`turvo:customer:204001 ${CREATED} ${UPDATED} source_event`]);
    expect(statements(whole, 'DRIVEN_BY')).toEqual([`turvo:contact:887701 null ${UPDATED} source_update`]);
    expect(statements(whole, 'HAS_STOP')[1]).toBe(`turvo:stop:1000324868:91002 ${CREATED} ${UPDATED} source_event`);
    expect(namesOf(whole)).not.toContain('BillOfLading BOL-993310');
    expect(observations.map(({ thing }) => thing.key)).not.toContain('turvo:stop:1000324868:91002');
  });

  test('says nothing of a deleted row where it does not tell when it changed', () => {
    const record = shipmentWith((value) => {
      value['updated'] = null;
    });
    expect(statements(shipment(record), 'CARRIED_BY')).toEqual([
      'turvo:carrier:204410 2025-10-17T19:10:00.000Z null source_event',
    ]);
  });

  test('without any time rests on when it was read', () => {
    const { created: _, updated: __, statusHistory: ___, ...record } = recordOf('turvo', 'shipment-full');
    expect(statements(shipment(record), 'FOR_CUSTOMER')).toEqual(['turvo:customer:204001 null null ingest']);
    expect(statements(shipment(record), 'HAS_STATUS')).toEqual(['turvo:status:2105 null null ingest']);
  });

  test('begins at its first pickup and ends at its last delivery, whatever the order of its rows', () => {
    const record = shipmentWith((value) => {
      const [pickup, delivery] = value['globalRoute'] as Rows;
      const second = { ...pickup, id: 91003, sequence: 1, location: { id: 330088 } };
      const early = { ...delivery, id: 91004, sequence: 2, location: { id: 330077 } };
      value['globalRoute'] = [{ ...delivery, sequence: 3 }, second, early, pickup!];
    });
    expect(statements(shipment(record), 'ORIGIN')).toEqual([`turvo:location:330014 ${CREATED} null source_event`]);
    expect(statements(shipment(record), 'DESTINATION')).toEqual([`turvo:location:330022 ${CREATED} null source_event`]);
  });

  test('without stops begins and ends where its lane does', () => {
    const record = shipmentWith((value) => {
      value['globalRoute'] = [];
    });
    expect(statements(shipment(record), 'ORIGIN')).toEqual([`geo:us:il:chicago ${CREATED} null source_event`]);
    expect(statements(shipment(record), 'DESTINATION')).toEqual([
      `geo:us:in:indianapolis ${CREATED} null source_event`,
    ]);
  });

  test('has its margin under names that say what is a percentage and what is money', () => {
    expect(shipment(recordOf('turvo', 'shipment')).attributes['margin']).toEqual({
      percent: 14.2,
      value: 262.7,
      totalReceivable: 1850,
      totalPayable: 1587.3,
    });
  });

  test('has as its text what people wrote about it', () => {
    expect(shipment(recordOf('turvo', 'shipment-full')).text).toBe('Left on time.\n\nOn the road.\n\nTarps needed.');
  });

  test('is the same under `details` and without its envelope', () => {
    expect(observe('turvo', recordOf('turvo', 'shipment-answer'))).toEqual(
      observe('turvo', recordOf('turvo', 'shipment')),
    );
  });

  test('with numbers written as texts is the same', () => {
    const record = shipmentWith((value) => {
      value['id'] = '1000324868';
      const [first] = value['globalRoute'] as Rows;
      first!['id'] = '91001';
      first!['sequence'] = '0';
      (first!['address'] as Rows[number])['lat'] = '41.8765';
    });
    const known = observe('turvo', recordOf('turvo', 'shipment-full'));
    expect(observe('turvo', record).map(({ raw: _, ...rest }) => rest)).toEqual(
      known.map(({ raw: _, ...rest }) => rest),
    );
  });
});

describe('a row of the list', () => {
  test('adds to what is known and takes nothing away', () => {
    const row = shipment(recordOf('turvo', 'shipment-row'));
    expect(row.isWhole).toBe(false);
    expect(row.observedAt).toBe(UPDATED);
    expect(statements(row, 'HAS_STATUS')).toEqual([`turvo:status:2105 ${UPDATED} null source_update`]);
    expect(statements(row, 'HAS_STOP')).toEqual([]);
  });

  test('has amounts of 0.0, which are not taken', () => {
    const row = shipment({ ...recordOf('turvo', 'shipment-row-full'), margin: { amount: 0, value: 0 } });
    expect(row.attributes).toEqual({ createdAt: CREATED });
  });

  test('is read from a whole answer, under either case of its name', () => {
    const answer = recordOf('turvo', 'shipment-list-answer');
    const details = answer['details'] as { [key: string]: Json };
    const { shipments, ...rest } = details;
    const upper = { ...answer, details: { ...rest, Shipments: shipments! } };
    expect(observe('turvo', upper)).toEqual(observe('turvo', recordOf('turvo', 'shipment-row-full')));
    expect(observe('turvo', answer)).toEqual(observe('turvo', upper));
  });

  test('may be none, and an error inside an answer is one', () => {
    expect(observe('turvo', { Status: 'SUCCESS', details: { shipments: [] } })).toEqual([]);
    expect(problemOf('turvo', { Status: 'ERROR', details: { errorMessage: 'No.', errorCode: '400' } })).toEqual({
      path: 'Status',
      reason: 'Turvo answered with an error.',
    });
  });
});

describe('a stop', () => {
  const observations = observe('turvo', recordOf('turvo', 'shipment-full'));
  const first = about(observations, 'turvo:stop:1000324868:91001');
  const second = about(observations, 'turvo:stop:1000324868:91002');

  test('was there from when the truck came until it left', () => {
    expect(first.facts).toEqual([
      {
        type: 'AT',
        object: { kind: 'Location', key: 'turvo:location:330014', name: 'Acme Chicago DC' },
        validFrom: '2025-10-19T11:26:12.000Z',
        validTo: '2025-10-19T12:00:31.000Z',
        basis: 'source_event',
        confidence: 1,
        detail: { isPlanned: false },
      },
    ]);
  });

  test('that no truck has come to is planned for its appointment', () => {
    expect(second.facts).toEqual([
      expect.objectContaining({
        type: 'AT',
        validFrom: '2025-10-19T17:45:00.000Z',
        validTo: null,
        detail: { isPlanned: true },
      }),
    ]);
  });

  test('takes its postal code from the route of the order', () => {
    expect(first.attributes).toMatchObject({
      zip: '60607',
      address: '500 W Example Ave, Dock 4, Chicago, IL 60607',
      stopState: 'COMPLETED',
      state: 'IL',
    });
    expect(about(observations, 'turvo:location:330014').attributes).toMatchObject({ zip: '60607', latitude: 41.8765 });
  });

  test('has the zone of its appointment under either spelling', () => {
    expect(first.attributes['appointmentTimeZone']).toBe('America/Chicago');
    expect(second.attributes['appointmentTimeZone']).toBe('America/Indiana/Indianapolis');
  });

  test('that is told twice is one, as it is told last', () => {
    const record = shipmentWith((value) => {
      const route = value['globalRoute'] as Rows;
      route.push({ ...route[1]!, name: 'Moved' });
    });
    const twice = observe('turvo', record);
    expect(about(twice, 'turvo:stop:1000324868:91002').thing.name).toBe('Moved');
    expect(statements(about(twice, SHIPMENT), 'HAS_STOP')).toHaveLength(2);
  });

  test('is in the route by its sequence', () => {
    const whole = about(observations, SHIPMENT);
    expect(whole.facts.filter(({ type }) => type === 'HAS_STOP').map(({ detail }) => detail)).toEqual([
      { sequence: 0 },
      { sequence: 1 },
    ]);
  });

  test('without a location is at its address, whose parts may be objects', () => {
    const record = shipmentWith((value) => {
      const [, last] = value['globalRoute'] as Rows;
      last!['location'] = null;
      last!['address'] = {
        line1: '1 Example Dr',
        city: { id: 7, name: 'Indianapolis' },
        state: { code: 'IN', name: 'Indiana' },
        country: { name: 'United States' },
        zip: 46204,
      };
    });
    const key = statements(about(observe('turvo', record), 'turvo:stop:1000324868:91002'), 'AT')[0]!.split(' ')[0]!;
    expect(key).toMatch(/^geo:us:in:indianapolis:[0-9a-f]{12}$/);
  });
});

describe('accounts and people', () => {
  test('a carrier is known by its registrations, and its bank is nowhere', () => {
    const carrier = about(observe('turvo', recordOf('turvo', 'carrier-full')), 'turvo:carrier:204410');
    expect(namesOf(carrier)).toEqual([
      'ExternalId turvo.account=204410',
      'Organization acme trucking',
      'McNumber 000000',
      'DotNumber 1234567',
      'Scac ACMT',
      'ExternalId turvo.other=ERP-10',
    ]);
    expect(statements(carrier, 'PARENT')).toEqual(['turvo:carrier:204409 2025-09-30T08:12:00.000Z null source_update']);
    expect(carrier.raw).not.toHaveProperty('paymentMethod');
    expect(carrier.raw).toMatchObject({ taxId: '[redacted]' });
  });

  test('a customer has its status and addresses', () => {
    const customer = about(observe('turvo', recordOf('turvo', 'customer')), 'turvo:customer:204001');
    expect(customer).toMatchObject({
      isWhole: true,
      attributes: { status: 'Active', addresses: ['9 Example Plaza, Chicago, IL 60601'] },
      facts: [],
    });
  });

  test('a person with the role of a driver is one, and works for their carrier', () => {
    const [driver] = observe('turvo', recordOf('turvo', 'contact-full'));
    expect(driver!.thing).toEqual({ kind: 'Driver', key: 'turvo:contact:887701', name: 'Dana Okafor' });
    expect(namesOf(driver!)).toEqual(['Phone +13125550142', 'Email dana.okafor@acme-trucking.com']);
    expect(statements(driver!, 'EMPLOYED_BY')).toEqual(['turvo:carrier:204410 null null ingest']);
  });

  test('another person belongs to their customer', () => {
    const [person] = observe('turvo', {
      ...recordOf('turvo', 'contact'),
      role: [{ key: '1990', value: 'Dispatcher' }],
      context: [{ id: 204001, name: 'Acme Manufacturing Corp', type: 'CUSTOMER' }],
    });
    expect(person!.thing.kind).toBe('Contact');
    expect(statements(person!, 'BELONGS_TO')).toEqual(['turvo:customer:204001 null null ingest']);
  });

  test('numbers and addresses of mail may be texts', () => {
    const [place] = observe('turvo', {
      ...recordOf('turvo', 'location'),
      phones: ['(312) 555-0142'],
      email: 'Dock@Acme.example',
    });
    expect(namesOf(place!)).toEqual(['Phone +13125550142', 'Email dock@acme.example']);
  });

  test('a container is known by its number', () => {
    const record = shipmentWith((value) => {
      (value['customerOrder'] as Rows)[0]!['externalIds'] = [
        { type: { key: '1406', value: 'Container' }, value: 'CSQU 305438-3' },
        { type: { key: '1404' }, value: 'TRK-1' },
        { type: { key: '1400' }, value: 'PO-9', deleted: true },
      ];
    });
    const names = namesOf(shipment(record));
    expect(names).toContain('Container CSQU3054383');
    expect(names).toContain('ExternalId turvo.tracking=TRK-1');
    expect(names).not.toContain('PurchaseOrder PO-9');
  });
});

describe('a webhook', () => {
  test('adds the status that it tells, from its own time', () => {
    const pushed = shipment(recordOf('turvo', 'webhook'));
    expect(pushed).toMatchObject({ isWhole: false, observedAt: '2025-10-19T17:38:50.123Z' });
    expect(pushed.thing.name).toBe(SHIPMENT);
    expect(statements(pushed, 'HAS_STATUS')).toEqual(['turvo:status:2116 2025-10-19T17:38:50.123Z null source_event']);
    expect(statements(pushed, 'CARRIED_BY')).toEqual([
      'turvo:carrier:204410 2025-10-19T17:38:50.123Z null source_event',
    ]);
  });

  test.each(['data', 'shipment'])('may have its object under `%s`', (name) => {
    const { eventPayload, ...envelope } = recordOf('turvo', 'webhook');
    expect(observe('turvo', { ...envelope, [name]: eventPayload! })).toEqual(
      observe('turvo', recordOf('turvo', 'webhook')),
    );
  });

  test('of another kind is mapped where its object has one of the shapes, else ignored', () => {
    const envelope = { tenantId: '1', eventName: 'CARRIER_UPDATE', eventTime: '2025-10-19T17:38:50Z' };
    const pushed = observe('turvo', { ...envelope, eventPayload: recordOf('turvo', 'carrier') });
    expect(pushed).toEqual(observe('turvo', recordOf('turvo', 'carrier')));
    expect(mapRecord('turvo', { ...envelope, eventName: 'OFFER_UPDATE', eventPayload: { id: 1 } })).toEqual({
      kind: 'ignored',
      reason: 'The event OFFER_UPDATE tells of nothing that is kept.',
    });
  });
});

describe('a record of a stream has that stream’s shape first', () => {
  test.each([
    ['shipments', { id: 1 }, 'shipment row'],
    ['shipments', { id: 1, globalRoute: [] }, 'shipment'],
    ['customers', { id: 1, name: 'A' }, 'customer'],
    ['carriers', { id: 1, name: 'A' }, 'carrier'],
    ['locations', { id: 1, name: 'A' }, 'location'],
    ['shipments', recordOf('turvo', 'seed'), 'seed'],
    ['shipments', recordOf('turvo', 'webhook'), 'webhook'],
    [null, recordOf('turvo', 'order'), null],
  ])('%s', (stream, record, shape) => {
    expect(mapper.shapeOf(record, stream)).toBe(shape);
  });
});
