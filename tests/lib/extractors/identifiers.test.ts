import { expect, test } from 'vitest';
import { findCheckedNumbers, findLabelledNumbers } from '../../../lib/extractors/identifiers.ts';
import { keysOf } from './reading.ts';

test.each([
  ['BOL # 778120', 'BillOfLading 778120'],
  ['Bill of Lading No. ab-1290', 'BillOfLading AB-1290'],
  ['B/L: 99120', 'BillOfLading 99120'],
  ['PO 4500012', 'PurchaseOrder 4500012'],
  ['P.O. Number: 88-1', 'PurchaseOrder 88-1'],
  ['PRO#: 5530917', 'ProNumber 5530917'],
  ['load LD-20418 is late', 'Load LD-20418'],
  ['Load number: 77', 'Load 77'],
  ['Shipment ID: S-99', 'Shipment S-99'],
  ['Invoice no. INV-88031', 'Invoice INV-88031'],
  ['Rechnungsnummer: RE2026-17', 'Invoice RE2026-17'],
  ['load_number: LD-1007', 'Load LD-1007'],
  ['SCAC: BKFL', 'Scac BKFL'],
  ['SCAC code | BKFL', 'Scac BKFL'],
  ['MC-481516', 'McNumber 481516'],
  ['USDOT 2342108', 'DotNumber 2342108'],
  ['DOT#: 2342108', 'DotNumber 2342108'],
  ['Trailer number: 53117', 'Unit 53117'],
  ['truck 4412', 'Unit 4412'],
])('%s names %s', (text, expected) => {
  expect(keysOf(findLabelledNumbers, text)).toEqual([expected]);
});

test.each([
  'load 42000 lbs',
  'trailer 53 ft',
  'PO Box 1234',
  'Invoice date: 2026-11-03',
  'invoice 2026-11-03',
  'Load number: pending',
  'the carrier BKFL',
  'MC Hammer 99',
  'workload 4412',
  'download: 4412',
  'po',
  'a load of 12 pallets',
  'prototype 1234567',
  'tractor: 1M8GDM9AXKP042788',
])('%s names no number', (text) => {
  expect(keysOf(findLabelledNumbers, text)).toEqual([]);
});

test.each([
  ['CSQU3054383', 'Container CSQU3054383'],
  ['container csqu? CSQU 305438-3', 'Container CSQU3054383'],
  ['VLDU1000070, whose remainder of ten is written as nought', 'Container VLDU1000070'],
  ['VLDU1000059', 'Container VLDU1000059'],
  ['VIN 1M8GDM9AXKP042788.', 'Vin 1M8GDM9AXKP042788'],
])('%s carries a right check digit', (text, expected) => {
  expect(keysOf(findCheckedNumbers, text)).toEqual([expected]);
});

test.each([
  'CSQU3054384',
  'CSQU3154383',
  'XCSQU3054383',
  '1M8GDM9A1KP042788',
  '1M8GDM9AXKP042789',
  '1M8GDM9AXKPO42788',
])('%s is refused by its check digit or its shape', (text) => {
  expect(keysOf(findCheckedNumbers, text)).toEqual([]);
});
