import { expect, test } from 'vitest';
import { findMoney } from '../../../lib/extractors/money.ts';
import { keysOf } from './reading.ts';

test.each([
  ['$1,200', 'USD 1200.00'],
  ['$1,850.5.', 'USD 1850.50'],
  ['USD 1200.00', 'USD 1200.00'],
  ['1.200,50 €', 'EUR 1200.50'],
  ['1200 EUR', 'EUR 1200.00'],
  ['£0.99', 'GBP 0.99'],
  ['C$ 45', 'CAD 45.00'],
  ['$1,000,000.00,', 'USD 1000000.00'],
])('%s is the amount %s', (text, expected) => {
  expect(keysOf(findMoney, `pay ${text} now`)).toEqual([`Money ${expected}`]);
});

test.each(['1200', '$', 'USD', 'XUSD 12', '$1.2.3', '12 EUROS', '$12,34,56'])('%s is no amount', (text) => {
  expect(keysOf(findMoney, text)).toEqual([]);
});
