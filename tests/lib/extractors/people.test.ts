import { expect, test } from 'vitest';
import { findContacts, findMailboxes } from '../../../lib/extractors/people.ts';
import { keysOf } from './reading.ts';

test.each([
  ['From: Dana Reyes <dana@x.example>', ['dana reyes', 'dana@x.example']],
  ['From: "Reyes, Dana" <Dana@X.example>', ['dana reyes', 'dana@x.example']],
  ['From: dana@x.example', [undefined, 'dana@x.example']],
  ['From: Night Dispatch <dana@x.example>', [undefined, 'dana@x.example']],
  ['From: Dana <dana@x.example>', [undefined, 'dana@x.example']],
])('%s is the mailbox of %s', (header, expected) => {
  expect(findMailboxes(header).map(({ person, address }) => [person?.key, address])).toEqual([expected]);
});

test('every mailbox of a header line is read', () => {
  const header = 'To: Sam Cole <sam@x.example>, ops@x.example; Priya Nair <priya@x.example>';
  expect(findMailboxes(header).map(({ person }) => person?.name)).toEqual(['Sam Cole', undefined, 'Priya Nair']);
});

test.each([
  ['Driver: Luis Ortega', ['Person luis ortega']],
  ['Attn: Mary J. Vale, dock 4', ['Person mary j vale']],
  ['Driver: to be named', []],
  ['Contact: Customer Service', []],
  ['the driver Luis Ortega', []],
])('%s names %s', (text, expected) => {
  expect(keysOf(findContacts, text)).toEqual(expected);
});
