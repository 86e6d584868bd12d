import { expect, test } from 'vitest';
import { findEmails } from '../../../lib/extractors/emails.ts';
import { keysOf } from './reading.ts';

test.each([
  ['<Dana.Reyes@Orrinway.example>', 'dana.reyes@orrinway.example'],
  ['a+b@mail.co.example, c', 'a+b@mail.co.example'],
  ['.x@y.example.', 'x@y.example'],
])('%s holds the address %s', (text, expected) => {
  expect(keysOf(findEmails, text)).toEqual([`Email ${expected}`]);
});

test.each(['@home', 'a@', 'a@b', 'a@-b.example', 'a@@b.example', 'a @ b.example'])('%s holds no address', (text) => {
  expect(keysOf(findEmails, text)).toEqual([]);
});
