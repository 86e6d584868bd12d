// Goal: a name has the key that extraction gives it in a text, so that a mail and a record meet in one entity.

import { describe, expect, test } from 'vitest';
import type { EntityRef } from '../../../lib/contracts/feed.ts';
import { findEmails } from '../../../lib/extractors/emails.ts';
import type { Found } from '../../../lib/extractors/found.ts';
import { findCheckedNumbers, findLabelledNumbers } from '../../../lib/extractors/identifiers.ts';
import { findPhoneCandidates, loadPhoneParser, phonesAmong } from '../../../lib/extractors/phones.ts';
import {
  containerNames,
  domainNames,
  emailNames,
  numberNames,
  phoneNames,
  plateNames,
  registrationNames,
  scacNames,
  vinNames,
} from '../../../lib/mappers/names.ts';

const parse = await loadPhoneParser();

function foundIn(text: string): string[] {
  const found: Found[] = [
    ...findLabelledNumbers(text),
    ...findCheckedNumbers(text),
    ...findEmails(text),
    ...phonesAmong(text, findPhoneCandidates(text), parse),
  ];
  return found.map(({ type, key }) => `${type} ${key}`);
}

const keys = (names: readonly EntityRef[]) => names.map(({ type, key }) => `${type} ${key}`);

describe('a record’s name is what a text about it names', () => {
  test.each([
    [numberNames('Shipment', 'SHIP-2025-10-19-002'), 'Shipment SHIP-2025-10-19-002 delivered successfully.'],
    [numberNames('Shipment', 'ship-2025-10-19-002'), 'about shipment # SHIP-2025-10-19-002'],
    [numberNames('Unit', 'TRUCK-6520'), 'TRUCK-6520 broke down'],
    [numberNames('Unit', 'TRUCK-6520'), 'unit: TRUCK-6520'],
    [numberNames('Unit', '6520'), 'Truck 6520 is late'],
    [numberNames('Unit', 'Truck 6520'), 'tractor no. 6520'],
    [numberNames('PurchaseOrder', 'PO-55821'), 'for PO-55821 today'],
    [numberNames('PurchaseOrder', 'PO-55821'), 'PO # PO-55821'],
    [numberNames('PurchaseOrder', '55821'), 'PO 55821'],
    [numberNames('BillOfLading', 'BOL-993310'), 'see BOL-993310'],
    [numberNames('ProNumber', 'PRO-77120'), 'Pro number: 77120'],
    [registrationNames('McNumber', 'MC-481516'), 'MC-481516'],
    [registrationNames('McNumber', 'MC481516'), 'MC # 481516'],
    [registrationNames('DotNumber', '1234567'), 'USDOT 1234567'],
    [scacNames('acmt'), 'SCAC: ACMT'],
    [containerNames('CSQU 305438-3'), 'container CSQU3054383'],
    [vinNames('1m8gdm9axkp042788'), 'VIN 1M8GDM9AXKP042788'],
    [emailNames('Dispatch@Acme-Trucking.example'), 'write to dispatch@acme-trucking.example'],
    [phoneNames('(312) 555-0142'), 'call +1 312 555 0142'],
    [phoneNames('+13125550142'), 'call (312) 555-0142'],
  ])('%j in %j', (names, text) => {
    expect(names).not.toEqual([]);
    expect(foundIn(text).some((key) => keys(names).includes(key))).toBe(true);
  });
});

test('a name keeps the form that a person reads', () => {
  expect(numberNames('PurchaseOrder', 'po-55821')).toEqual([
    { type: 'PurchaseOrder', key: 'PO-55821', name: 'po-55821' },
    { type: 'PurchaseOrder', key: '55821', name: 'po-55821' },
  ]);
  expect(plateNames('il p-652 00')).toEqual([{ type: 'LicensePlate', key: 'ILP65200', name: 'il p-652 00' }]);
});

test('what cannot be such a name is none', () => {
  expect(phoneNames('5558234327')).toEqual([]);
  expect(phoneNames('1'.repeat(10_000))).toEqual([]);
  expect(emailNames('dispatch')).toEqual([]);
  expect(emailNames(`${'a'.repeat(300)}@acme.example`)).toEqual([]);
  expect(registrationNames('DotNumber', 'pending')).toEqual([]);
  expect(scacNames('ACME TRUCKING')).toEqual([]);
  expect(vinNames('unknown vin of this truck')).toEqual([]);
  expect(numberNames('Unit', null)).toEqual([]);
});

test('a domain where anybody may write from names no company', () => {
  expect(keys(domainNames('www.Acme-Trucking.example'))).toEqual(['Domain acme-trucking.example']);
  expect(domainNames('gmail.com')).toEqual([]);
  expect(domainNames('not a domain')).toEqual([]);
});
