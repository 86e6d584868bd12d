// Goal: what the mappers alone decide of the worked example: three short records, then the real ones. Keys, names and statements
// are such that what belongs together meets and what does not stays apart.

import { describe, expect, test } from 'vitest';
import type { Observation } from '../../../lib/contracts/feed.ts';
import { findLabelledNumbers } from '../../../lib/extractors/identifiers.ts';
import { about, namesOf, observe, recordOf, statements } from './reading.ts';

const VEHICLE_SEED = observe('samsara', recordOf('samsara', 'seed'));
const SHIPMENT_SEED = observe('turvo', recordOf('turvo', 'seed'));
const MESSAGE_SEED = observe('frontapp', recordOf('frontapp', 'seed'));

/** Everything by which two observations could be taken for the same thing. */
function identities({ thing, names }: Observation): string[] {
  return [thing.key, ...names.map(({ type, key }) => `${type} ${key}`)];
}

function meets(one: Observation, other: Observation): boolean {
  const known = new Set(identities(other));
  return identities(one).some((identity) => known.has(identity));
}

describe('the short forms', () => {
  test('of a vehicle is a position of a vehicle that only its name is known of', () => {
    expect(VEHICLE_SEED).toEqual([
      {
        thing: { kind: 'Vehicle', key: 'samsara:vehicle:name:TRUCK-6520', name: 'TRUCK-6520' },
        isWhole: false,
        observedAt: '2025-10-19T14:23:00.000Z',
        attributes: {},
        names: [
          { type: 'Unit', key: 'TRUCK-6520', name: 'TRUCK-6520' },
          { type: 'Unit', key: '6520', name: 'TRUCK-6520' },
        ],
        facts: [],
        singleValued: [],
        readings: [
          {
            series: 'position',
            at: '2025-10-19T14:23:00.000Z',
            value: { latitude: 41.8781, longitude: -87.6298, speedMilesPerHour: 55 },
            place: null,
          },
        ],
        text: '',
        raw: null,
      },
    ]);
  });

  test('of a shipment has its status, customer and places, and no time is made up', () => {
    const [shipment, customer] = SHIPMENT_SEED;
    expect(SHIPMENT_SEED).toHaveLength(2);
    expect(customer).toMatchObject({
      thing: { kind: 'Customer', key: 'turvo:customer:name:acme manufacturing corp' },
      isWhole: false,
      names: [{ type: 'Organization', key: 'acme manufacturing corp' }],
    });
    expect(shipment!.thing.key).toBe('turvo:shipment:custom:SHIP-2025-10-19-002');
    expect(shipment!.facts).toEqual(
      [
        ['HAS_STATUS', { type: 'State', key: 'turvo:status:in_transit', name: 'in_transit' }, { status: 'in_transit' }],
        [
          'FOR_CUSTOMER',
          { kind: 'Customer', key: 'turvo:customer:name:acme manufacturing corp', name: 'Acme Manufacturing Corp' },
          {},
        ],
        ['ORIGIN', { kind: 'Location', key: 'geo:us:il:chicago', name: 'Chicago, IL' }, {}],
        ['DESTINATION', { kind: 'Location', key: 'geo:us:in:indianapolis', name: 'Indianapolis, IN' }, {}],
      ].map(([type, object, detail]) => ({
        type,
        object,
        validFrom: null,
        validTo: null,
        basis: 'ingest',
        confidence: 1,
        detail,
      })),
    );
  });

  test('of a message has its words and its sender, and no conversation and no time are made up', () => {
    expect(MESSAGE_SEED).toHaveLength(1);
    const [message] = MESSAGE_SEED;
    expect(message).toMatchObject({
      thing: { kind: 'Message', key: 'front:MSG-2025-10-19-003', name: 'Delivery Confirmation' },
      isWhole: true,
      observedAt: null,
      attributes: { subject: 'Delivery Confirmation' },
      text: 'Shipment SHIP-2025-10-19-002 delivered successfully.',
    });
    expect(message!.facts.map(({ type, object, basis, confidence }) => [type, object.key, basis, confidence])).toEqual([
      ['SENT_BY', 'dispatch@acme-trucking.com', 'ingest', 1],
      ['LINKED_TO', 'acme-trucking.com', 'ingest', 0.7],
    ]);
  });

  test('may have their numbers and places as texts, as rows of a table do', () => {
    const vehicle = { ...recordOf('samsara', 'seed'), latitude: '41.8781', longitude: '-87.6298', speed_mph: '55' };
    expect(observe('samsara', vehicle)).toEqual(VEHICLE_SEED);
    const shipment = { ...recordOf('turvo', 'seed'), origin: 'Chicago, IL', destination: 'Indianapolis, IN' };
    expect(observe('turvo', shipment)[0]!.facts).toEqual(SHIPMENT_SEED[0]!.facts);
  });
});

describe('the real records', () => {
  test('meet the short ones by what people call them', () => {
    for (const name of ['vehicle', 'stats-feed', 'stats-snapshot']) {
      const vehicle = about(observe('samsara', recordOf('samsara', name)), 'samsara:vehicle:281474981110001');
      expect(meets(VEHICLE_SEED[0]!, vehicle)).toBe(true);
    }
    for (const name of ['shipment', 'shipment-row']) {
      const shipment = about(observe('turvo', recordOf('turvo', name)), 'turvo:shipment:1000324868');
      expect(meets(SHIPMENT_SEED[0]!, shipment)).toBe(true);
    }
  });

  test('meet the mail by the number that its words name', () => {
    const shipment = about(observe('turvo', recordOf('turvo', 'shipment')), 'turvo:shipment:1000324868');
    const mentioned = findLabelledNumbers(MESSAGE_SEED[0]!.text).map(({ type, key }) => `${type} ${key}`);
    expect(mentioned).toEqual(['Shipment SHIP-2025-10-19-002']);
    expect(namesOf(shipment)).toContain(mentioned[0]);
    expect(namesOf(SHIPMENT_SEED[0]!)).toContain(mentioned[0]);
  });

  test('meet across sources: the driver by their telephone, the carrier by its registration, the place by its id', () => {
    const driver = about(observe('samsara', recordOf('samsara', 'driver')), 'samsara:driver:50701');
    expect(meets(driver, about(observe('turvo', recordOf('turvo', 'contact')), 'turvo:contact:887701'))).toBe(true);
    const employer = about(observe('samsara', recordOf('samsara', 'driver')), 'samsara:carrier:dot:1234567');
    expect(meets(employer, about(observe('turvo', recordOf('turvo', 'carrier')), 'turvo:carrier:204410'))).toBe(true);
    const place = about(observe('samsara', recordOf('samsara', 'address')), 'samsara:address:4410021');
    const [location] = observe('turvo', recordOf('turvo', 'location'));
    expect(statements(place, 'LINKED_TO').map((statement) => statement.split(' ')[0])).toEqual([location!.thing.key]);
  });

  test('the customer and the carrier that share a word of their names have nothing else in common', () => {
    const customer = about(observe('turvo', recordOf('turvo', 'customer')), 'turvo:customer:204001');
    const carrier = about(observe('turvo', recordOf('turvo', 'carrier')), 'turvo:carrier:204410');
    const account = about(observe('frontapp', recordOf('frontapp', 'account')), 'front:acc_9k');
    expect([customer, carrier].map(({ thing }) => thing.name)).toEqual(['Acme Manufacturing Corp', 'Acme Trucking']);
    expect(meets(customer, carrier)).toBe(false);
    expect(meets(customer, account)).toBe(false);
    const named = SHIPMENT_SEED[0]!.facts.find(({ type }) => type === 'FOR_CUSTOMER')!.object;
    expect(identities(carrier)).not.toContain(named.key);
  });

  test('the mail and the system of record disagree, and both are kept: a status comes from no mail', () => {
    expect(MESSAGE_SEED[0]!.text).toContain('delivered successfully');
    expect(MESSAGE_SEED.flatMap(({ facts }) => facts).map(({ type }) => type)).not.toContain('HAS_STATUS');
    const shipment = about(observe('turvo', recordOf('turvo', 'shipment')), 'turvo:shipment:1000324868');
    const statuses = shipment.facts.filter(({ type }) => type === 'HAS_STATUS').map(({ detail }) => detail['status']);
    expect(statuses.at(-1)).toBe('in_transit');
    expect(statuses).not.toContain('delivered');
  });

  test('the truck in the city where the shipment begins is not tied to it', () => {
    expect(VEHICLE_SEED.flatMap(({ facts }) => facts)).toEqual([]);
    for (const shipment of SHIPMENT_SEED) expect(meets(VEHICLE_SEED[0]!, shipment)).toBe(false);
  });
});
