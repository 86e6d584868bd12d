import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clipped, displayWidth, padded, safeText, wrapped } from '../../../commands/ui/text.ts';

const FAMILY = '👩‍👩‍👧‍👦';

test.each([
  ['plain', 5],
  ['', 0],
  ['Grüße', 5],
  ['cafe\u0301', 4],
  ['荷物', 4],
  ['한국', 4],
  ['ｆｕｌｌ', 8],
  ['🚛', 2],
  [FAMILY, 2],
  ['👍🏽', 2],
  ['🇩🇪', 2],
  ['1️⃣', 2],
  ['❤️', 2],
  ['❤', 1],
  ['©', 1],
  ['a\u200db', 2],
  ['\u0301', 0],
])('%j takes %i columns', (text, columns) => {
  expect(displayWidth(text)).toBe(columns);
});

test.each([
  ['plain', 5, 'plain'],
  ['plain', 4, 'pla…'],
  ['plain', 1, '…'],
  ['荷物荷物', 8, '荷物荷物'],
  ['荷物荷物', 7, '荷物荷…'],
  ['荷物荷物', 6, '荷物…'],
  ['cafe\u0301s', 4, 'caf…'],
  ['cafe\u0301st', 5, 'cafe\u0301…'],
  [`${FAMILY}${FAMILY}`, 3, `${FAMILY}…`],
])('%j in %i columns reads %j', (text, columns, expected) => {
  expect(clipped(text, columns)).toBe(expected);
});

test('a path is cut at its beginning, because its end tells files apart', () => {
  expect(clipped('/a/long/way/to/note.txt', 12, 'end')).toBe('…to/note.txt');
});

test('cut text fits whatever it holds, and text that fits is not cut', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, columns) => {
      const cut = clipped(text, columns);
      expect(displayWidth(cut)).toBeLessThanOrEqual(columns);
      if (displayWidth(text) <= columns) expect(cut).toBe(text);
    }),
  );
});

test('padding counts columns, not characters', () => {
  expect(padded('荷物', 6)).toBe('荷物  ');
  expect(padded('12', 4, 'right')).toBe('  12');
  expect(padded('longer', 3)).toBe('longer');
});

test('text is wrapped at spaces, and a word that is too long anywhere', () => {
  expect(wrapped('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrapped('a 荷物荷物 b', 5)).toEqual(['a', '荷物', '荷物', 'b']);
  expect(wrapped('a toolongword b', 5, { isBreakingWords: false })).toEqual(['a', 'toolongword', 'b']);
});

test('wrapped lines fit and lose no word', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 40 }), (text, columns) => {
      const lines = wrapped(text, columns);
      for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
    }),
  );
});

test.each([
  ['red\u001b[31m', 'red\\u001b[31m'],
  ['bell\u0007', 'bell\\u0007'],
  ['csi\u009b2J', 'csi\\u009b2J'],
  ['turn\u202eed', 'turn\\u202eed'],
  ['hid\u200bden', 'hid\\u200bden'],
  ['a\tb\nc', 'a b c'],
  ['back\rhome', 'back\\u000dhome'],
])('%j is shown without its power over the terminal', (text, shown) => {
  expect(safeText(text)).toBe(shown);
});

test('emoji and scripts that need joiners are shown as they are', () => {
  for (const text of [FAMILY, 'می‌خواهم', 'क्‍ष', 'cafe\u0301']) expect(safeText(text)).toBe(text);
});
