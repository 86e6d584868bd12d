import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isOpenEnd, isoInstant, isoOfMilliseconds, isoOfSeconds } from '../../../lib/mappers/times.ts';

test.each([
  ['2025-10-19T14:23:00Z', '2025-10-19T14:23:00.000Z'],
  ['2025-10-19T14:23:30.512Z', '2025-10-19T14:23:30.512Z'],
  ['2025-10-19T14:23:30.5129999Z', '2025-10-19T14:23:30.512Z'],
  ['2025-10-19T14:23:30.5Z', '2025-10-19T14:23:30.500Z'],
  ['2025-10-19t14:23z', '2025-10-19T14:23:00.000Z'],
  ['2025-10-19 14:23:00', '2025-10-19T14:23:00.000Z'],
  ['2025-10-19', '2025-10-19T00:00:00.000Z'],
  ['2025-10-20T04:23:00+07:00', '2025-10-19T21:23:00.000Z'],
  ['2025-10-19T06:30:00-0500', '2025-10-19T11:30:00.000Z'],
  ['2025-10-19T06:30:00-05', '2025-10-19T11:30:00.000Z'],
  ['2024-02-29T24:00:00Z', '2024-03-01T00:00:00.000Z'],
  ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ['0099-06-01T00:00:00Z', '0099-06-01T00:00:00.000Z'],
  ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
])('%s is %s', (written, expected) => {
  expect(isoInstant(written)).toBe(expected);
});

test.each([
  ...['', 'now', '2025-13-01T00:00:00Z', '2025-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2025-04-31', '2025-00-10'],
  ...['2025-10-19T25:00:00Z', '2025-10-19T24:00:01Z', '2025-10-19T14:60:00Z', '2025-10-19T14:23:61Z'],
  ...['2025-10-19T14:23:00+16:00', '2025-10-19T14:23:00+05:60', 'Sun, 19 Oct 2025 14:23:00 GMT', '1760883780'],
  ...['0000-12-31T23:59:59Z', '0001-01-01T00:00:00+01:00', '9999-12-31T23:59:59-01:00', '+012025-10-19T14:23:00Z'],
  '2025-10-19T14:23:00Z '.repeat(2),
])('%s is no time that apex takes', (written) => {
  expect(isoInstant(written)).toBeNull();
});

test('the times of machines read back as themselves', () => {
  const dates = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  });
  const property = fc.property(dates, (date) => {
    expect(isoInstant(date.toISOString())).toBe(date.toISOString());
  });
  fc.assert(property);
});

test('seconds with fractions are rounded to the millisecond', () => {
  expect(isoOfSeconds(1760883780.123)).toBe('2025-10-19T14:23:00.123Z');
  expect(isoOfSeconds(1760883780)).toBe('2025-10-19T14:23:00.000Z');
  expect(isoOfSeconds(1760884012.9)).toBe('2025-10-19T14:26:52.900Z');
});

test('numbers outside the years 1 to 9999 are no time', () => {
  expect(isoOfMilliseconds(0)).toBe('1970-01-01T00:00:00.000Z');
  expect([253_402_300_800_000, -62_135_596_800_001, Number.NaN].map(isoOfMilliseconds)).toEqual([null, null, null]);
});

test('the largest integer of other languages stands for no end', () => {
  expect(isOpenEnd(Number('9223372036854775807'))).toBe(true);
  expect(isOpenEnd(253_402_300_799_999)).toBe(false);
});
