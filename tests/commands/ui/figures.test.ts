import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import {
  counted,
  shownBytes,
  shownCount,
  shownDuration,
  shownName,
  shownPlace,
  shownRate,
  shownScore,
  shownTime,
  shownTimeLeft,
} from '../../../commands/ui/figures.ts';

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [999.6, '1.0 s'],
  [9_432, '9.4 s'],
  [59_949, '59.9 s'],
  [59_950, '1 min'],
  [61_000, '1 min 1 s'],
  [3_599_499, '59 min 59 s'],
  [3_599_500, '1 h'],
  [7_500_000, '2 h 5 min'],
  [90_000_000, '25 h'],
])('%d ms read %j', (ms, shown) => {
  expect(shownDuration(ms)).toBe(shown);
});

test.each([
  [0, '1 s'],
  [753, '1 s'],
  [12_001, '13 s'],
  [59_001, '1 min'],
  [119_000, '2 min'],
  [3_700_000, '1 h 2 min'],
])('%d ms left read %j', (ms, shown) => {
  expect(shownTimeLeft(ms)).toBe(shown);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 KB'],
  [999_949, '999.9 KB'],
  [999_950, '1.0 MB'],
  [1_500_000_000, '1.5 GB'],
  [5e15, '5000.0 TB'],
])('%d bytes read %j', (bytes, shown) => {
  expect(shownBytes(bytes)).toBe(shown);
});

test.each([
  [0, '0'],
  [999, '999'],
  [1_000, '1,000'],
  [1_234_567, '1,234,567'],
])('%d reads %j', (count, shown) => {
  expect(shownCount(count)).toBe(shown);
});

test('things are counted in the right number', () => {
  expect(counted(1, 'document')).toBe('1 document');
  expect(counted(0, 'document')).toBe('0 documents');
  expect(counted(2_000, 'batch', 'batches')).toBe('2,000 batches');
});

test('rates have a decimal only where it says something', () => {
  expect([0.25, 9.96, 244.4, 5_000].map(shownRate)).toEqual(['0.3/s', '10.0/s', '244/s', '5,000/s']);
});

test('a moment is shown in local time', () => {
  expect(shownTime(new Date(2026, 10, 5, 4, 3, 2).toISOString())).toBe('2026-11-05 04:03:02');
});

test('a file is named from the working folder where it lies below it, percent signs decoded', () => {
  const folder = '/data/my mail';
  expect(shownPlace(pathToFileURL(`${folder}/in/a b.eml`).href, folder)).toBe('in/a b.eml');
  expect(shownPlace('file:///data/my%20mailbox/a.eml', folder)).toBe('/data/my mailbox/a.eml');
  expect(shownPlace('file:///data/%FF.txt', folder)).toBe('/data/%FF.txt');
  expect(shownPlace('s3://freight/in/a%20b.txt', folder)).toBe('s3://freight/in/a%20b.txt');
  expect(shownName('file:///data/a%20b.eml#attachment-1')).toBe('a b.eml#attachment-1');
});

test('a score that is small is not shown as none', () => {
  expect([0.0492, 6, 0, 0.000003057].map(shownScore)).toEqual(['0.049', '6.000', '0.000', '0.0000031']);
});
