// Goal: no text makes a rule slow. Method: a megabyte of each piece that rules start on, or nearly finish on; the bound is far above
// linear time (tens of milliseconds) and far below what quadratic time would take (minutes).

import { expect, test } from 'vitest';
import { findDates } from '../../../lib/extractors/dates.ts';
import { findEmails } from '../../../lib/extractors/emails.ts';
import { findCheckedNumbers, findLabelledNumbers } from '../../../lib/extractors/identifiers.ts';
import { findLabelledValues } from '../../../lib/extractors/labels.ts';
import { findMoney } from '../../../lib/extractors/money.ts';
import { findOrganizations } from '../../../lib/extractors/organizations.ts';
import { findContacts, findMailboxes } from '../../../lib/extractors/people.ts';
import { findPhoneCandidates } from '../../../lib/extractors/phones.ts';
import { findPlaces } from '../../../lib/extractors/places.ts';

const MEGABYTE = 1_000_000;
const BOUND_MS = 10_000;

const PIECES = [
  ...[
    'a',
    'A',
    '1',
    ' ',
    '\n',
    '"',
    ':',
    '@',
    'a@',
    'a.a@a.',
    'a-',
    '| ',
    'Inc ',
    'Aa Inc ',
    'Co. ',
    'and Inc ',
    'Load ',
    'load: ',
  ],
  ...[
    'Load: LD-1',
    'shipper: ',
    'shipper:\n',
    'Shipper: A ',
    ', TX',
    'Aa, TX ',
    '1 A b, TX ',
    '1-',
    '1/1/20',
    '1.1.',
    '$1',
    '$1,',
  ],
  ...['Jan 1, 2020', ' 2020', '+1 (', '1 ', '212 555 ', 'ABCU', 'ABCU1234567', 'straße 1 ', 'tel: 1', 'Driver: Aa '],
];

test.each([
  findCheckedNumbers,
  findContacts,
  findDates,
  findEmails,
  findLabelledNumbers,
  findLabelledValues,
  findMailboxes,
  findMoney,
  findOrganizations,
  findPhoneCandidates,
  findPlaces,
])('%o reads a megabyte of anything in linear time', (rule) => {
  for (const piece of PIECES) {
    const text = piece.repeat(MEGABYTE / piece.length);
    const startedMs = performance.now();
    rule(text);
    expect(performance.now() - startedMs, JSON.stringify(piece)).toBeLessThan(BOUND_MS);
  }
});
