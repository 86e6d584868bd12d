import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonErrorPlace, jsonMembers } from '../../../lib/settings/json-place.ts';

test.each([
  ['', 1, 1],
  ['{', 1, 2],
  ['{\n  "a": 1,\n  "b": }\n', 3, 8],
  ['{\n  "a": 1,\n}', 3, 1],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
  ['{ "a" 1 }', 1, 7],
  ['{ a: 1 }', 1, 3],
  ["{ 'a': 1 }", 1, 3],
  ['{ "a": nul }', 1, 8],
  ['{ "a": 01 }', 1, 9],
  ['{ "a": 1. }', 1, 9],
  ['{ "a": "open\n}', 1, 8],
  ['{ "a": "\\x" }', 1, 8],
  ['{ "a": [1, 2 }', 1, 14],
  ['{ "a": [1,, 2] }', 1, 11],
  ['{ "a": 1 } // why', 1, 12],
  ['{} {}', 1, 4],
  ['[1]]', 1, 4],
  ['{\r\n\t"a": ?\r\n}', 2, 7],
])('%j goes wrong at line %i, column %i', (text, line, column) => {
  expect(() => JSON.parse(text)).toThrow();
  expect(jsonErrorPlace(text)).toEqual({ line, column });
});

const offsetOf = (text: string) => {
  const { line, column } = jsonErrorPlace(text);
  return [...text.split('\n').slice(0, line - 1), ''].join('\n').length + column - 1;
};

test('nothing is wrong with JSON before its end', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      expect(offsetOf(text)).toBe(text.length);
    }),
  );
});

test('a character put in the place of another is found there, or at the token that it is part of', () => {
  const indented = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify({ value }, null, 1));
  fc.assert(
    fc.property(indented, fc.nat(), fc.constantFrom('\u0001', '}', ']', ',', ':', 'x', ''), (text, at, wrong) => {
      const index = at % text.length;
      const changed = text.slice(0, index) + wrong + text.slice(index + 1);
      const isJson = (() => {
        try {
          return JSON.parse(changed) !== undefined;
        } catch {
          return false;
        }
      })();
      fc.pre(!isJson);
      // All before the place could still become JSON: a token there that fits is one that another text begins with.
      const place = offsetOf(changed);
      const token = /^(?:"(?:[^"\\]|\\.)*"?|[^\s"[\]{},:]+|.)?/s.exec(changed.slice(place))![0];
      expect(place + token.length).toBeGreaterThanOrEqual(Math.min(index, changed.length));
    }),
  );
});

test('members are named in order with where name and value begin, at the top alone, and twice where they come twice', () => {
  const text = '{\n  "a": 1, "b\\u0063": { "a": [ { "x": 2 } ] },\n  "a":\n"a"}';
  expect(jsonMembers(text)).toEqual([
    { name: 'a', at: { line: 2, column: 3 }, valueAt: { line: 2, column: 8 } },
    { name: 'bc', at: { line: 2, column: 11 }, valueAt: { line: 2, column: 22 } },
    { name: 'a', at: { line: 3, column: 3 }, valueAt: { line: 4, column: 1 } },
  ]);
  expect(jsonMembers('{}')).toEqual([]);
});

test('every member of an object is found, at the place where its name stands', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 1), (object, indent) => {
      const text = JSON.stringify(object, null, indent);
      const members = jsonMembers(text);
      expect(members.map(({ name }) => name)).toEqual(Object.keys(object));
      for (const { name, at } of members)
        expect(text.split('\n')[at.line - 1]!.startsWith(JSON.stringify(name), at.column - 1)).toBe(true);
    }),
  );
});
