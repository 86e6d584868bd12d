import { describe, expect, test } from 'vitest';
import { itemsOf, shownItems, valuesOf } from './reading.ts';

describe('a text that is all JSON', () => {
  test.each([
    ['an array', '[{"a":1},\n {"b":2}]', ['[0] {"a":1}', '[1] {"b":2}']],
    ['an array of nothing', ' [ ]\n', []],
    ['one object over many lines', '{\n  "a": {\n    "b": [\n{\n}\n]\n  }\n}\n', ['line 1 {"a":{"b":[{}]}}']],
    ['lines', '{"a":1}\n{"b":2}\n', ['line 1 {"a":1}', 'line 2 {"b":2}']],
    ['lines that end with CR LF', '{"a":1}\r\n{"b":2}\r\n', ['line 1 {"a":1}', 'line 2 {"b":2}']],
    ['a byte order mark', '\uFEFF{"a":1}\n{"b":2}', ['line 1 {"a":1}', 'line 2 {"b":2}']],
    ['two files in one, with a mark each', '\uFEFF{"a":1}\n\uFEFF{"b":2}', ['line 1 {"a":1}', 'line 2 {"b":2}']],
    ['blank lines', '\n\n{"a":1}\n \t\n\r\n{"b":2}\n\n', ['line 3 {"a":1}', 'line 6 {"b":2}']],
    ['a last line without its end', '{"a":1}\n{"b":2}', ['line 1 {"a":1}', 'line 2 {"b":2}']],
    ['values one behind the other', '{"a":1}{"b":2} {"c":3}', ['line 1 {"a":1}', 'line 1 {"b":2}', 'line 1 {"c":3}']],
    ['objects of several lines', '{\n"a":1\n}\n{\n"b":2}', ['line 1 {"a":1}', 'line 4 {"b":2}']],
    ['arrays one behind the other', '[{"a":1}]\n[{"b":2}]', ['[0] {"a":1}', 'line 2[0] {"b":2}']],
    ['an array as a line', '{"a":1}\n[{"b":2},{"c":3}]', ['line 1 {"a":1}', 'line 2[0] {"b":2}', 'line 2[1] {"c":3}']],
    ['lines, then an object of several', '{"a":1}\n{"b":2,\n "c":3}', ['line 1 {"a":1}', 'line 2 {"b":2,"c":3}']],
    [
      'lines, then an object without indents',
      '{"a":1}\n{\n"b":\n[\n{\n}\n]\n}',
      ['line 1 {"a":1}', 'line 2 {"b":[{}]}'],
    ],
    ['nothing', '', []],
    ['blanks', ' \n\t\r\n', []],
  ])('gives its records and where they stand: %s', async (_, input, expected) => {
    expect(await shownItems(input)).toEqual(expected);
  });

  test.each(['utf-16le', 'utf-16be'])('is read in %s, with a mark and without', async (encoding) => {
    const written = (text: string) => {
      const bytes = Buffer.from(text, 'utf16le');
      return encoding === 'utf-16le' ? bytes : bytes.swap16();
    };
    const text = '{"a":"é😀"}\r\n{"b":2}';
    for (const input of [text, `\uFEFF${text}`])
      expect(await valuesOf(written(input), { cuts: [1, 2, 3, 13, 14, 15] })).toEqual([{ a: 'é😀' }, { b: 2 }]);
  });

  test('numbers its items from 0, rejected ones too', async () => {
    const items = await itemsOf('{"a":1}\n{"a":}\n{"b":2}\n');
    expect(items.map(({ ordinal, kind }) => [ordinal, kind])).toEqual([
      [0, 'record'],
      [1, 'rejected'],
      [2, 'record'],
    ]);
  });
});

describe('one bad record costs one record', () => {
  const at = (line: number, column: number) => `at line ${line}, column ${column}`;

  test.each([
    ['an end too early', '{"b":', `b: expected a value, found the end of the record ${at(2, 6)}`],
    ['an open string', '{"b":"x', `b: expected " at the end of a string, found the end of the record ${at(2, 8)}`],
    ['an open list behind a comma', '{"b":[1,', `b[1]: expected a value, found the end of the record ${at(2, 9)}`],
    ['a quote too many', '{"b":"5" pipe"}', `b: expected , or }, found "pipe" ${at(2, 10)}`],
    ['a bracket too many', '{"b":1}}', `expected the end of the line or another object, found "}" ${at(2, 8)}`],
    ['a comma behind it', '{"b":1},', `expected the end of the line or another object, found "," ${at(2, 8)}`],
    ['a list that is none', '[1 true]', `[0]: expected , or ], found "true" ${at(2, 4)}`],
    ['words', 'oops, a message', `expected an object or an array, found "oops" ${at(2, 1)}`],
    ['a number', '42', `expected an object or an array, found "42" ${at(2, 1)}`],
    [
      'a control character',
      '{"b":"\u0000"}',
      `b: expected a string without control characters, found "\\u0000" ${at(2, 7)}`,
    ],
  ])('among lines: %s', async (_, line, reason) => {
    const items = await shownItems(`{"a":1}\n${line}\n{"c":3}\n{"d":4}\n`);
    expect(items[0]).toBe('line 1 {"a":1}');
    expect(items[1]).toContain(`line 2 ✗ ${reason}`);
    expect(items.slice(2)).toEqual(['line 3 {"c":3}', 'line 4 {"d":4}']);
  });

  test.each([
    [
      'a missing value',
      '{"b":}',
      'b: expected a value, found "}" at line 1, column 15 (line 1, column 6 of the record)',
    ],
    ['a quote too many', '{"b":"5" pipe"}', 'b: expected , or }, found "pipe" at line 1, column 19 (line 1, column 10'],
    ['objects inside it', '{"b":"5" pipe","c":[{"x":1},{"x":2}]}', 'b: expected , or }, found "pipe"'],
    ['a missing opening quote', '{"b": x","e":1}', 'b: expected a value, found "x" at line 1, column 16'],
    [
      'a quotation',
      '{"b":"he said "hi" to"}',
      'b: expected , or }, found "hi" at line 1, column 25 (line 1, column 16',
    ],
    ['an open inner list', '{"b":[1}', 'b[0]: expected , or ], found "}" at line 1, column 17'],
    [
      'a line feed in a string',
      '{"b":"x\ny"}',
      'b: expected a string without control characters, found "\\n" at line 1, column 17',
    ],
    ['a word', 'oops', 'expected a value, found "oops" at line 1, column 10'],
    ['a number', '42', 'expected an object, found a number'],
    ['a string', '"x]"', 'expected an object, found a string'],
    ['null', 'null', 'expected an object, found null'],
    ['an array', '[{"x":1}]', 'expected an object, found an array'],
  ])('in an array: %s', async (_, element, reason) => {
    const items = await shownItems(`[{"a":1},${element},{"c":3},{"d":4}]`);
    expect(items[0]).toBe('[0] {"a":1}');
    expect(items[1]).toContain(`[1] ✗ ${reason}`);
    expect(items.slice(2)).toEqual(['[2] {"c":3}', '[3] {"d":4}']);
  });

  test.each([
    ['[{"a":1} {"b":2}]', '[1] ✗ expected , or ], found "{" at line 1, column 10'],
    ['[{"a":1},,{"b":2}]', '[1] ✗ expected an object, found "," at line 1, column 10'],
    ['[{"a":1},{"b":2},]', '[2] ✗ expected an object, found "]" at line 1, column 18'],
    [
      '[{"a":1},{"b":2}',
      'line 1 ✗ expected , or ] at the end of the array, found the end of the text at line 1, column 17',
    ],
    ['[{"a":1},{"b":2}] x', 'line 1 ✗ expected an object or an array, found "x" at line 1, column 19'],
  ])('a comma or bracket that is wrong is told of, and no record is lost: %s', async (input, wrong) => {
    const items = await shownItems(input);
    expect(items.filter((item) => item.includes('✗'))).toEqual([wrong]);
    expect(items.filter((item) => !item.includes('✗')).map((item) => item.slice(4))).toEqual(['{"a":1}', '{"b":2}']);
  });

  test('each bad line among lines is told of by itself', async () => {
    const items = await shownItems('{"a":1}\noops\n\nnull\n{"b":\n{"c":3}\n');
    expect(items.map((item) => item.slice(0, 8))).toEqual(['line 1 {', 'line 2 ✗', 'line 4 ✗', 'line 5 ✗', 'line 6 {']);
  });

  test('a byte order mark inside a line is no space', async () => {
    const items = await shownItems('[{"a":1},\uFEFF{"b":2}]');
    expect(items.filter((item) => item.includes('✗')).length).toBeGreaterThan(0);
    expect(items.filter((item) => !item.includes('✗')).map((item) => item.slice(4))).toEqual(['{"a":1}', '{"b":2}']);
  });

  test('a first line that is broken does not take the others with it', async () => {
    for (const first of ['{"a":[1,2', '{"a":"x', '{"a"', 'null', '# comment', 'oops, a message']) {
      const items = await shownItems(`${first}\n{"b":2}\n{"c":3}\n`);
      expect(
        items.map((item) => item.slice(0, 8)),
        first,
      ).toEqual(['line 1 ✗', 'line 2 {', 'line 3 {']);
    }
  });

  test.each([
    '{"b":[1}',
    '{"b":}',
    '{"b":"5" pipe"}',
    '{"b":x","c":1}',
    '{"b":1',
    '{"b"',
    '{"b":{"c":1}',
    '"x',
    '{"b":1]}',
  ])('many elements of one kind of damage cost as many records: %s', async (damaged) => {
    const pair = `{"id":${'1'.repeat(9)}},${damaged},`;
    const items = await shownItems(`[${pair.repeat(300)}{"id":2}]`);
    const taken = items.filter((item) => !item.includes('✗')).map((item) => item.replace(/^.*\] /, ''));
    expect(taken).toEqual([...Array(300).fill('{"id":111111111}'), '{"id":2}']);
    expect(items.filter((item) => item.includes('✗')).length).toBeGreaterThanOrEqual(300);
  });

  test('what is no feed is one rejected item, however long it is', async () => {
    const page = `<!DOCTYPE html>\n<script>\n{"a":1}\n</script>\n${'<p>word\n'.repeat(20_000)}`;
    expect(await shownItems(page)).toEqual([
      'line 1 ✗ expected JSON or a table, found "<!DOCTYPE html>\\n<script>…": a page of HTML or XML',
    ]);
    expect(await shownItems('once upon a time\nthere was a feed\n')).toEqual([
      'line 1 ✗ expected an object or an array, found "once" at line 1, column 1',
    ]);
  });

  test('places of records with several lines are those of the input and of the record', async () => {
    expect(await shownItems('[\n  {"a": 1},\n  {\n    "é😀": 1,\n    "b": x\n  }\n]')).toEqual([
      '[0] {"a":1}',
      '[1] ✗ b: expected a value, found "x" at line 5, column 10 (line 3, column 10 of the record)',
    ]);
    expect(await shownItems('[{"é😀":1}, {"b":x}]')).toEqual([
      '[0] {"é😀":1}',
      '[1] ✗ b: expected a value, found "x" at line 1, column 18 (line 1, column 6 of the record)',
    ]);
  });

  test('the text of a rejected record is kept without its secrets', async () => {
    const [item] = await itemsOf('{"password":"hunter2","id":}');
    expect(item).toMatchObject({ kind: 'rejected', rejected: { raw: '{"password":"[redacted]","id":}' } });
  });
});

describe('a record that is too large', () => {
  const large = `{"b":"${'x'.repeat(2000)}"}`;

  test('is rejected in an array, and its neighbours are read', async () => {
    expect(await shownItems(`[{"a":1},${large},{"c":3}]`, { maxRecordBytes: 1000 })).toEqual([
      '[0] {"a":1}',
      '[1] ✗ it has more than 1000 bytes',
      '[2] {"c":3}',
    ]);
  });

  test('is rejected among lines, and its neighbours are read', async () => {
    expect(await shownItems(`{"a":1}\n${large}\n{"c":3}`, { maxRecordBytes: 1000 })).toEqual([
      'line 1 {"a":1}',
      'line 2 ✗ it has more than 1000 bytes: if it holds many records, give them as lines (NDJSON) or as one array',
      'line 3 {"c":3}',
    ]);
  });

  test('does not make the places of its neighbours wrong', async () => {
    expect(await shownItems('[{"b":"éé😀😀😀😀😀"},{"c":x}]', { maxRecordBytes: 20 })).toEqual([
      '[0] ✗ it has more than 20 bytes',
      '[1] ✗ c: expected a value, found "x" at line 1, column 28 (line 1, column 6 of the record)',
    ]);
  });

  test('is measured in bytes', async () => {
    const record = '{"a":"éé"}';
    expect(Buffer.byteLength(record)).toBe(12);
    expect(await valuesOf(record, { maxRecordBytes: 12 })).toHaveLength(1);
    expect(await valuesOf(record, { maxRecordBytes: 11 })).toHaveLength(0);
    expect(await valuesOf(`[${record}]`, { maxRecordBytes: 11 })).toHaveLength(0);
  });
});
