import { expect, test } from 'vitest';
import { withoutOverlaps } from '../../../lib/extractors/found.ts';
import { findOrganizations } from '../../../lib/extractors/organizations.ts';

const organizations = (text: string) => withoutOverlaps(findOrganizations(text)).map(({ name }) => name);

test.each([
  ['sold to Acme Foods, Inc. in May', 'Acme Foods, Inc.'],
  ['the Tarrowby Grocers Inc dock', 'Tarrowby Grocers Inc'],
  ['by J.B. Marrow & Sons L.L.C.', 'J.B. Marrow & Sons L.L.C.'],
  ['The Bank of Velden Ltd', 'Bank of Velden Ltd'],
  ['bei Müller und Söhne GmbH & Co. KG', 'Müller und Söhne GmbH & Co. KG'],
  ['Aldo Co. Ltd', 'Aldo Co. Ltd'],
  ['VELDEN MAJU SDN BHD', 'VELDEN MAJU SDN BHD'],
  ['VELDEN S.p.A.', 'VELDEN S.p.A.'],
  ['3M Velden Pty Ltd', '3M Velden Pty Ltd'],
  ['Shipper: Acme Foods', 'Acme Foods'],
  ['Shipper:\nAcme Foods\n12 Main St', 'Acme Foods'],
  ['Carrier | Blue Line', 'Blue Line'],
  ['Bill to: Velden Paper, Hamburg', 'Velden Paper'],
])('%s names %s', (text, expected) => {
  expect(organizations(text)).toEqual([expected]);
});

test.each([
  'Inc.',
  'an Inc',
  'Denver, CO',
  'Reno NV',
  'his company',
  'Shipper: 12 pallets',
  'Shipper:\nConsignee:',
  'the carrier is late',
  'Included',
])('%s names no organisation', (text) => {
  expect(organizations(text)).toEqual([]);
});

test('spellings of one legal form are one organisation', () => {
  const keys = ['Velden Foods, Incorporated', 'Velden Foods Inc.', 'VELDEN FOODS INC'].map(
    (text) => findOrganizations(text)[0]!.key,
  );
  expect(new Set(keys)).toEqual(new Set(['velden foods inc']));
});
