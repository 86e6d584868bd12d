import { expect, test } from 'vitest';
import { findDates } from '../../../lib/extractors/dates.ts';
import { keysOf } from './reading.ts';

test.each([
  ['2026-11-03T08:00:00Z', '2026-11-03'],
  ['11/03/2026', '2026-11-03'],
  ['25/11/2026', '2026-11-25'],
  ['11/3/26', '2026-11-03'],
  ['11/3/99', '1999-11-03'],
  ['03.11.2026.', '2026-11-03'],
  ['November 3, 2026', '2026-11-03'],
  ['Nov. 3rd, 2026', '2026-11-03'],
  ['3 NOVEMBER 2026', '2026-11-03'],
  ['30th of September, 2026', '2026-09-30'],
  ['03-Nov-2026', '2026-11-03'],
  ['3. März 2026', '2026-03-03'],
  ['31. Dezember 2026', '2026-12-31'],
  ['29 Feb 2024', '2024-02-29'],
])('%s is the date %s', (text, expected) => {
  expect(keysOf(findDates, `on ${text} we`)).toEqual([`Date ${expected}`]);
});

test.each([
  '2026-13-01',
  '02/30/2026',
  '29 Feb 2025',
  '13/13/2026',
  '1.2.3.2026',
  'Marine 4, 2020',
  '555-01-2026',
  '3 November',
  '1/2/3456',
])('%s is no date', (text) => {
  expect(keysOf(findDates, text)).toEqual([]);
});

test('the span of a written date reaches from its day to its year', () => {
  const text = 'Dated 3. März 2026, Hamburg';
  const [date] = findDates(text);
  expect(text.slice(date!.start, date!.end)).toBe('3. März 2026');
});
