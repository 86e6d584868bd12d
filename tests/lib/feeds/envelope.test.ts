import { describe, expect, test } from 'vitest';
import { itemsOf, shownItems } from './reading.ts';

describe('the answer of an API is its records', () => {
  test.each([
    [
      'Samsara',
      '{"data":[{"id":"1"},{"id":"2"}],"pagination":{"endCursor":"c","hasNextPage":false}}',
      ['data[0] {"id":"1"}', 'data[1] {"id":"2"}'],
    ],
    ['Samsara, the cursor first', '{"pagination":{},"data":[{"id":"1"}]}', ['data[0] {"id":"1"}']],
    ['Samsara, without a cursor', '{"data":[{"id":"1"}]}', ['data[0] {"id":"1"}']],
    ['Samsara, one', '{"data":{"id":"1"}}', ['data {"id":"1"}']],
    ['Samsara, none', '{"data":[],"pagination":{}}', []],
    ['Front', '{"_pagination":{"next":null},"_links":{},"_results":[{"id":"cnv_1"}]}', ['_results[0] {"id":"cnv_1"}']],
    [
      'Turvo',
      '{"Status":"SUCCESS","details":{"pagination":{"start":0},"shipments":[{"id":1}]}}',
      ['details.shipments[0] {"id":1}'],
    ],
    [
      'Turvo, without pages',
      '{"Status":"SUCCESS","details":{"Shipments":[{"id":1}]}}',
      ['details.Shipments[0] {"id":1}'],
    ],
    [
      'Turvo, one that begins with a list',
      '{"Status":"SUCCESS","details":{"stops":[{"id":2}],"id":1}}',
      ['details {"stops":[{"id":2}],"id":1}'],
    ],
    [
      'Turvo, one',
      '{"Status":"SUCCESS","details":{"id":1,"stops":[{"id":2}]}}',
      ['details {"id":1,"stops":[{"id":2}]}'],
    ],
  ])('%s', async (_, answer, expected) => {
    expect(await shownItems(answer)).toEqual(expected);
    const spaced = JSON.stringify(JSON.parse(answer), null, 2);
    expect(await shownItems(spaced)).toEqual(expected);
  });

  test('several are told apart by their places', async () => {
    const answer = '{"data":[{"id":"1"}],"pagination":{}}';
    expect(await shownItems(`${answer}\n${answer}\n`)).toEqual(['data[0] {"id":"1"}', 'line 2: data[0] {"id":"1"}']);
    expect(await shownItems(`[${answer},${answer}]`)).toEqual(['[0].data[0] {"id":"1"}', '[1].data[0] {"id":"1"}']);
  });

  test('rows of Turvo tell their stream', async () => {
    const items = await itemsOf('{"Status":"SUCCESS","details":{"Customers":[{"id":1}]}}\n{"data":[{"id":"1"}]}');
    expect(items.map((item) => item.kind === 'record' && item.record.stream)).toEqual(['customers', null]);
  });

  test.each([
    ['a webhook of Samsara', '{"eventId":"e","eventType":"VehicleUpdated","data":{"id":"1"}}'],
    ['a webhook of Front', '{"type":"inbound","authorization":{"id":"cmp_1"},"payload":{"id":"evt_1"}}'],
    ['a webhook of Turvo', '{"tenantId":"1","eventName":"SHIPMENT_UPDATE","data":{"id":1}}'],
    ['a list beside other values', '{"id":"1","data":[{"x":1}]}'],
    ['details of their own', '{"id":"1","details":{"shipments":[{"id":1}]}}'],
    ['plain data', '{"data":"text"}'],
    ['one whose own values are answers', '{"a":{"data":[{"id":"1"}]}}'],
  ])('%s is a record', async (_, record) => {
    expect(await shownItems(record)).toEqual([`line 1 ${record}`]);
  });

  test('an error of Turvo is rejected with its message', async () => {
    const answer = '{"Status":"ERROR","details":{"errorMessage":"Date range is too \\"long\\"","errorCode":"400"}}';
    expect(await shownItems(answer)).toEqual([
      'line 1 ✗ it is an error of the API (400): "Date range is too \\"long\\""',
    ]);
    expect(await shownItems('{"Status":"ERROR","details":{}}')).toEqual([
      'line 1 ✗ it is an error of the API: without a message',
    ]);
  });
});

describe('one bad record in an answer costs one record', () => {
  test.each([
    ['{"b":}', 'data[1] ✗ b: expected a value, found "}" at line 1, column 23 (line 1, column 6 of the record)'],
    ['{"b":1,"b":2}', 'data[1] ✗ b: the name "b" stands twice in one object at line 1, column 25'],
    ['{"b":1e400}', 'data[1] ✗ b: the number "1e400" is larger'],
    ['7', 'data[1] ✗ expected an object, found a number'],
    ['{"b":"5" pipe"}', 'data[1] ✗ b: expected , or }, found "pipe" at line 1, column 27'],
  ])('%s', async (bad, reason) => {
    const items = await shownItems(`{"data":[{"a":1},${bad},{"c":3}],"pagination":{}}`);
    expect(items).toEqual(['data[0] {"a":1}', expect.stringContaining(reason), 'data[2] {"c":3}']);
  });

  test('an answer that is cut off gives its whole records, and tells that it is cut', async () => {
    expect(await shownItems('{"data":[{"a":1},{"b":2},{"c"')).toEqual([
      'data[0] {"a":1}',
      'data[1] {"b":2}',
      expect.stringContaining('data[2] ✗ c: expected :, found the end of the record'),
      expect.stringContaining('data ✗ expected , or ] at the end of the array, found the end of the text'),
    ]);
    expect(await shownItems('{"data":[{"a":1},{"b":2}],"pagination":{"endC')).toEqual([
      'data[0] {"a":1}',
      'data[1] {"b":2}',
      expect.stringContaining('line 1 ✗ pagination: expected " at the end of a string'),
    ]);
  });

  test('a part that stands twice leaves open which one is meant', async () => {
    expect(await shownItems('{"data":[{"a":1}],"data":[{"b":1}]}')).toEqual([
      expect.stringContaining('line 1 ✗ data: the name "data" stands twice in one object'),
    ]);
  });

  test('a record of 100 levels is taken, and one that is too large rejected', async () => {
    const deep = `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`;
    expect(await shownItems(`{"data":[${deep}],"pagination":{}}`)).toEqual([`data[0] ${deep}`]);
    expect(await shownItems(`{"data":[{"a":1},{"b":"${'x'.repeat(50)}"},{"c":3}]}`, { maxRecordBytes: 40 })).toEqual([
      'data[0] {"a":1}',
      'data[1] ✗ it has more than 40 bytes',
      'data[2] {"c":3}',
    ]);
  });

  test('an answer above the bound is rejected with what to give instead', async () => {
    const record = JSON.stringify({ id: 'x'.repeat(1000) });
    const answer = `{"data":[${Array(17_000).fill(record).join(',')}],"pagination":{}}`;
    expect(answer.length).toBeGreaterThan(16 * 1024 * 1024);
    expect(await shownItems(`${answer}\n{"a":1}\n`)).toEqual([
      'line 1 ✗ it has more than 16777216 bytes: if it holds many records, give them as lines (NDJSON) or as one array',
      'line 2 {"a":1}',
    ]);
  });
});
