import { describe, expect, test } from 'vitest';
import { itemsOf, shownItems, valuesOf } from './reading.ts';

describe('numbers', () => {
  test.each([
    ['9007199254740991', 9007199254740991],
    ['-9007199254740991', -9007199254740991],
    ['9007199254740992', '9007199254740992'],
    ['9007199254740993', '9007199254740993'],
    ['9223372036854775807', '9223372036854775807'],
    ['-9223372036854775808', '-9223372036854775808'],
    ['18446744073709551616', '18446744073709551616'],
    ['9'.repeat(400), '9'.repeat(400)],
    ['1e5', 100_000],
    ['1e22', 1e22],
    ['12345678901234567890.5', Number('12345678901234567890.5')],
    ['0.1234567890123456789', Number('0.1234567890123456789')],
    ['1e-400', 0],
  ])('%s is kept whole', async (written, expected) => {
    expect(await valuesOf(`{"a":[{"b":${written}}]}`)).toEqual([{ a: [{ b: expected }] }]);
  });

  test.each(['1e400', '-1e400', '1E+400', '0.5e999', `${'9'.repeat(320)}.5`])(
    '%s is rejected with its path',
    async (written) => {
      const [item] = await itemsOf(`{"x":9223372036854775807,"a":[1,{"b":${written}}]}`);
      expect(item).toMatchObject({ kind: 'rejected', rejected: { path: 'a[1].b' } });
      expect(await shownItems(`{"a":${written}}`)).toEqual([
        expect.stringContaining('is larger than a double can hold'),
      ]);
    },
  );

  test('an exact integer does not change the other values of its record', async () => {
    const text = '{"a":9223372036854775807,"__proto__":{"b":[1.5,null,true,"9223372036854775807"]},"c":{"d":-0.25}}';
    const [value] = await valuesOf(text);
    expect(JSON.stringify(value)).toBe(text.replace('9223372036854775807', '"9223372036854775807"'));
  });
});

describe('names', () => {
  test.each([
    ['{"a":1,"a":1}', 'a', '"a"', 8],
    ['{"x":{"y":[0,{"k":1,"j":2,"k":3}]}}', 'x.y[1].k', '"k"', 27],
    ['{"a" : 1, "\\u0061" : 2}', 'a', '"a"', 11],
    ['{"":1,"":2}', '', '""', 7],
    ['{"__proto__":1,"__proto__":2}', '__proto__', '"__proto__"', 16],
    ['{"a:":"b:","a:":{}}', '["a:"]', '"a:"', 12],
  ])('that stand twice in one object are rejected: %s', async (text, path, name, column) => {
    expect(await itemsOf(text)).toMatchObject([
      {
        kind: 'rejected',
        rejected: {
          path,
          reason: `the name ${name} stands twice in one object at line 1, column ${column} (line 1, column ${column} of the record)`,
        },
      },
    ]);
  });

  test('that only look the same are taken', async () => {
    const text = '{"a":{"a":1,"b":{"a":2}},"b":["\\"a\\":1,\\"a\\":2",{"a":3},{"a":4}],"A":"a:b"}';
    expect(await valuesOf(text)).toEqual([JSON.parse(text)]);
  });

  test('of prototypes are data', async () => {
    const [value] = (await valuesOf('{"__proto__":{"isAdmin":true},"constructor":1,"toString":null}')) as [object];
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect((value as { isAdmin?: unknown }).isAdmin).toBeUndefined();
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });
});

describe('depth', () => {
  const nested = (levels: number, open = '{"a":', close = '}') => `${open.repeat(levels)}1${close.repeat(levels)}`;

  test('of 100 levels is taken, and of 101 rejected', async () => {
    expect(await valuesOf(nested(100))).toHaveLength(1);
    expect(await shownItems(nested(101))).toEqual([
      expect.stringContaining('nested deeper than 100 levels at line 1, column 501'),
    ]);
    expect(await valuesOf(`[${nested(100)},${nested(101)},{"z":1}]`)).toHaveLength(2);
    expect(await valuesOf(`{"b":${nested(99, '[', ']')}}`)).toHaveLength(1);
    expect(await valuesOf(`{"b":${nested(100, '[', ']')}}`)).toHaveLength(0);
  });

  test('of 100,000 levels is rejected and nothing more, whole or not', async () => {
    const levels = 100_000;
    for (const broken of [nested(levels), nested(levels).slice(0, levels * 5), nested(levels, '[', ']')]) {
      const items = await shownItems(`{"a":1}\n${broken}\n{"z":1}\n`);
      expect(items).toEqual(['line 1 {"a":1}', expect.stringContaining('line 2 ✗'), 'line 3 {"z":1}']);
    }
    const items = await shownItems(`[{"y":1},${nested(levels)},${nested(levels, '[', ']')},{"z":1}]`);
    expect(items.map((item) => item.slice(0, 5))).toEqual(['[0] {', '[1] ✗', '[2] ✗', '[3] {']);
  });
});

describe('characters', () => {
  test.each([
    ['\\u0000', '\ufffd'],
    ['\\ud800', '\ufffd'],
    ['\\uDBFFx', '\ufffdx'],
    ['\\uDC00\\uD83D', '\ufffd\ufffd'],
    ['\\ud83d\\ude00', '😀'],
    ['\\ud83d\\ud83d\\ude00', '\ufffd😀'],
    ['\\\\u0000', '\\u0000'],
    ['\\\\\\u0000', '\\\ufffd'],
    ['\\"\\/\\b\\f\\n\\r\\t\\u00e9', '"/\b\f\n\r\té'],
  ])('%s is text that every store takes, in values and names', async (written, expected) => {
    expect(await valuesOf(`{"${written}":"${written}"}`)).toEqual([{ [expected]: expected }]);
  });

  test('that become the same make a name stand twice', async () => {
    expect(await shownItems('{"a\\u0000":1,"a\\ud800":2}')).toEqual([
      expect.stringContaining('the name "a\ufffd" stands twice'),
    ]);
  });

  test('of outside texts come into messages cut and without controls', async () => {
    const [item] = await shownItems(`{"${'k'.repeat(300)}\\u0007":{"a":${'w'.repeat(300)}}}`);
    expect(item).toMatch(/^line 1 ✗ \["k{24}…"\]\.a: expected a value, found "w{24}…" at line 1/);
  });
});
