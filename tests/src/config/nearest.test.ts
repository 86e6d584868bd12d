import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearest } from '../../../src/config/nearest.ts';

const NAMES = ['APEX_HOME', 'APEX_BATCH_SIZE', 'list', 'show'];

test.each([
  ['APEX_HOM', 'APEX_HOME'],
  ['apex_home', 'APEX_HOME'],
  ['APEX_BATHC_SIZE', 'APEX_BATCH_SIZE'],
  ['BATCH_SIZE', null],
  ['lsit', 'list'],
  ['shwo', 'show'],
  ['xyz', null],
  ['', null],
])('%j is near %j', (name, near) => {
  expect(nearest(name, NAMES)).toBe(near);
});

test('without names nothing is near', () => {
  expect(nearest('list', [])).toBeNull();
});

test('of several near names the nearest is given', () => {
  expect(nearest('abcdef', ['abxyef', 'abcdxf', 'xbcdxf'])).toBe('abcdxf');
});

test('a name is nearest to itself, and a slip of one letter is found', () => {
  const name = fc.stringMatching(/^[A-Z]{3,12}$/);
  fc.assert(
    fc.property(name, fc.nat(), fc.constantFrom('', '_'), (text, at, slip) => {
      const index = at % text.length;
      expect(nearest(text, [...NAMES, text])).toBe(text);
      expect(nearest(text.slice(0, index) + slip + text.slice(index + 1), [text])).toBe(text);
    }),
  );
});
