import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../../../lib/contracts/identity.ts';

/** Goal: memories made with any release agree on what is equal. Method: the definition that digests were made with, over any JSON. */

/** As it was when the first digests were made. */
function defined(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

test('any JSON has the text that it always had, whatever its keys', () => {
  const keys = fc.oneof(
    fc.string(),
    fc.constantFrom('1', '10', '2', '01', '-1', '4294967294', '4294967295', '1e3', '', 'b', 'a', '__proto__', '\ud800'),
  );
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { depthSize: 'small' },
      fc.string(),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('json')),
      fc.dictionary(keys, tie('json')),
    ),
  }));
  fc.assert(
    fc.property(json, (value) => {
      expect(canonicalJson(value)).toBe(defined(value));
    }),
    { numRuns: 2_000 },
  );
});

test('keys in another order make no difference, and members that are undefined are none', () => {
  expect(canonicalJson({ b: 1, a: { d: 2, c: 3 } })).toBe(canonicalJson({ a: { c: 3, d: 2 }, b: 1 }));
  expect(canonicalJson({ a: 1, b: undefined })).toBe('{"a":1}');
});

test('texts at hand stand for what they spell, wherever it is, and for nothing that looks like it', () => {
  const part = { b: [1, { d: 2, c: 'x' }], a: null };
  const value = { z: part, list: [part, { ...part }], y: { part } };
  expect(canonicalJson(value, new Map([[part, canonicalJson(part)]]))).toBe(canonicalJson(value));
  expect(canonicalJson(value, new Map([[part, '"here"']]))).toBe(
    '{"list":["here",{"a":null,"b":[1,{"c":"x","d":2}]}],"y":{"part":"here"},"z":"here"}',
  );
});
