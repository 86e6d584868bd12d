import { expect, test } from 'vitest';
import { findPhoneCandidates, loadPhoneParser, phonesAmong } from '../../../lib/extractors/phones.ts';

const parse = await loadPhoneParser();
const phones = (text: string) => phonesAmong(text, findPhoneCandidates(text), parse).map(({ key }) => key);

test.each([
  ['call (312) 555-0142 now', '+13125550142'],
  ['312.555.0142', '+13125550142'],
  ['1-312-555-0142', '+13125550142'],
  ['+49 30 901820', '+4930901820'],
  ['Tel: 3125550142', '+13125550142'],
])('%s holds %s', (text, expected) => {
  expect(phones(text)).toEqual([expected]);
});

test.each([
  '3125550142',
  '112 555 0142',
  '2026-11-03 08:00',
  'PO 312-555-01421',
  '12-312-555-0142',
  '+1 23',
  'Fax: 1234567',
])('%s holds no phone number', (text) => {
  expect(phones(text)).toEqual([]);
});
