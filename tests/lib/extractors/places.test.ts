import { expect, test } from 'vitest';
import { findPlaces } from '../../../lib/extractors/places.ts';
import { keysOf } from './reading.ts';

test.each([
  ['to Dallas, TX', 'dallas tx'],
  ['In Salt Lake City, UT 84101-1234.', 'salt lake city ut 84101 1234'],
  ['St. Louis MO 63101', 'st louis mo 63101'],
  ['1200 Millrace Pkwy, Dallas, TX 75201', '1200 millrace pkwy dallas tx 75201'],
  ['88 Harbor Road\nChicago, IL 60607', '88 harbor road chicago il 60607'],
  ['9 Elm St, Suite 4, Bend, OR 97701', '9 elm st suite 4 bend or 97701'],
  ['Toronto, ON M5V 2T6', 'toronto on m5v 2t6'],
  ['Kirchstraße 12, 20457 Hamburg', 'kirchstraße 12 20457 hamburg'],
])('%s holds the place %s', (text, expected) => {
  expect(keysOf(findPlaces, text)).toEqual([`Place ${expected}`]);
});

test.each(['Dallas TX', 'LESSEE, OR CONSIGNEE', 'dallas, TX', 'Dallas, XX', 'Dallas, TXU', '12345 Boxes', ', TX'])(
  '%s holds no place',
  (text) => {
    expect(keysOf(findPlaces, text)).toEqual([]);
  },
);
