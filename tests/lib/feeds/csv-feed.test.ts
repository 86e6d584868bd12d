import { describe, expect, test } from 'vitest';
import { itemsOf, shownItems, valuesOf } from './reading.ts';

describe('a table with a header', () => {
  test.each([
    [',', 'id,name\n1,a\n2,b\n'],
    [';', 'id;name\r\n1;a\r\n2;b'],
    ['\t', '\uFEFFid\tname\n\n1\ta\n \n2\tb\n'],
    ['|', 'id|name\n1|a\n2|b\n'],
  ])('gives a record for each row: %j', async (_, table) => {
    expect(await valuesOf(table)).toEqual([
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ]);
  });

  test('a byte order mark is no part of the first name, nor hides its quote', async () => {
    expect(await valuesOf('\uFEFF"id\nor, else",name\r\n1,2\r\n')).toEqual([{ 'id\nor, else': 1, name: 2 }]);
  });

  test('names of columns may have several lines', async () => {
    expect(await valuesOf('id,"miles\r\ntotal"\r\n1,2\r\n')).toEqual([{ id: 1, 'miles\r\ntotal': 2 }]);
  });

  test('places are lines, also behind values of several lines', async () => {
    expect(await shownItems('id,note\n1,"a\r\nb ""c"", d"\n\n2,5" pipe\n')).toEqual([
      'line 2 {"id":1,"note":"a\\r\\nb \\"c\\", d"}',
      'line 5 {"id":2,"note":"5\\" pipe"}',
    ]);
  });

  test('names with points are objects inside objects, and empty cells are left out', async () => {
    const table =
      'id,gps.latitude,gps.longitude,gps.reverseGeo.formattedLocation,a..b\n1,41.5,-87.6,"Chicago, IL",x\n2,,,,\n3,,0,,\n,,,,\n';
    expect(await valuesOf(table)).toEqual([
      {
        id: 1,
        gps: { latitude: 41.5, longitude: -87.6, reverseGeo: { formattedLocation: 'Chicago, IL' } },
        'a..b': 'x',
      },
      { id: 2 },
      { id: 3, gps: { longitude: 0 } },
    ]);
  });

  test.each([
    ['41.8780', 41.878],
    ['-0.5', -0.5],
    ['0', 0],
    ['281474981110001', 281474981110001],
    ['9223372036854775807', '9223372036854775807'],
    ['007', '007'],
    ['+1', '+1'],
    ['1.', '1.'],
    ['12E4', '12E4'],
    ['1 000', '1 000'],
    ['true', 'true'],
    ['null', 'null'],
    [' x ', ' x '],
    ['a\u0000b', 'a\ufffdb'],
  ])('a cell is text but where JSON would write it as a number: %j', async (cell, expected) => {
    expect(await valuesOf(`id,value\n1,${cell}\n`)).toEqual([{ id: 1, value: expected }]);
  });

  test('names of prototypes are data', async () => {
    const [value] = await valuesOf('__proto__.isAdmin,constructor\nyes,x\n');
    expect(JSON.stringify(value)).toBe('{"__proto__":{"isAdmin":"yes"},"constructor":"x"}');
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });

  test('a header alone gives nothing', async () => {
    expect(await itemsOf('id,name\n')).toEqual([]);
  });
});

describe('a row that does not fit costs one row', () => {
  test.each([
    ['1', 'expected 3 values as in the header, found 1'],
    ['1,2,3,4', 'expected 3 values as in the header, found 4'],
    ['1,"a"b,3', 'a quoted value goes on behind its closing quote'],
    ['1,2,"open', 'a quoted value is not closed'],
    [`1,2,${'x'.repeat(200)}`, 'it has more than 100 bytes; perhaps a quote is not closed'],
  ])('%s', async (row, reason) => {
    expect(await shownItems(`a,b,c\n1,2,3\n${row}\n4,5,6\n`, { maxRecordBytes: 100 })).toEqual([
      'line 2 {"a":1,"b":2,"c":3}',
      `line 3 ✗ ${reason}`,
      'line 4 {"a":4,"b":5,"c":6}',
    ]);
  });

  test('a quote that is not closed for longer than a record may be costs its line', async () => {
    const rows = '4,5\n'.repeat(100);
    const items = await shownItems(`a,b\n1,"2\n${rows}`, { maxRecordBytes: 100 });
    expect(items).toHaveLength(101);
    expect(items.slice(0, 2)).toEqual([
      'line 2 ✗ it has more than 100 bytes; perhaps a quote is not closed',
      'line 3 {"a":4,"b":5}',
    ]);
  });

  test('a value under no name is rejected', async () => {
    expect(await shownItems('a,b,\n1,2,\n3,4,5\n')).toEqual([
      'line 2 {"a":1,"b":2}',
      'line 3 ✗ column 3 has no name in the header, and holds "5"',
    ]);
  });

  test('in a table with secrets nothing of it is kept', async () => {
    const rawOf = async (header: string) =>
      (await itemsOf(`${header}\n1,hunter2\n1,2,hunter2\n`)).flatMap((item) =>
        item.kind === 'rejected' ? [item.rejected.raw] : [],
      );
    expect(await rawOf('id,note')).toEqual(['1,2,hunter2']);
    expect(await rawOf('id,account.password')).toEqual(['[redacted]']);
  });
});

describe('a header that names no records ends the reading', () => {
  test.each([
    ['id,name,id', 'the column "id" stands twice in the header'],
    ['id,gps,gps.latitude', 'the column "gps.latitude" lies inside another column'],
    ['id,gps.latitude,gps', 'another column lies inside the column "gps"'],
    [',,', 'no column has a name'],
  ])('%s', async (header, reason) => {
    expect(await shownItems(`${header}\n1,2,3\n4,5,6\n`)).toEqual([`line 1 ✗ the header names no records: ${reason}`]);
  });

  test('lines that end with CR alone are told of', async () => {
    expect(await shownItems('id,name\r1,a\r2,b\r')).toEqual([
      'line 1 ✗ the header names no records: the lines end with CR alone, where LF or CR LF is expected',
    ]);
  });
});
