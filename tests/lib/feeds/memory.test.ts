import { expect, test } from 'vitest';
import { readFeed } from '../../../lib/feeds/read-feed.ts';

// Goal: memory does not grow with the input. Method: streams that are made as they are read, far larger than what may be held; the
// process is measured while they are. 300 MB for the whole program is promised; what reading adds must leave room for the rest.

const MB = 1024 * 1024;
const MAX_GROWTH = 90 * MB;
const CHUNK_BYTES = 64 * 1024;

/** Reads a stream to its end; counts its items, and how far the process grew above what it was. */
async function measured(chunks: AsyncIterable<Uint8Array>) {
  const before = process.memoryUsage.rss();
  let growth = 0;
  let records = 0;
  const reasons: string[] = [];
  const watched = async function* () {
    for await (const chunk of chunks) {
      growth = Math.max(growth, process.memoryUsage.rss() - before);
      yield chunk;
    }
  };
  const options = { maxRecordBytes: 16 * MB, signal: new AbortController().signal };
  for await (const item of readFeed(watched(), options)) {
    if (item.kind === 'record') records += 1;
    else reasons.push(item.rejected.reason);
  }
  return { records, reasons, growth };
}

/** A text that is `begin`, a part so often that it has so many bytes, and `end`, in chunks that end anywhere. */
async function* streamOf(begin: string, part: string, bytes: number, end: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(begin);
  const whole = Buffer.from(part.repeat(Math.ceil((2 * CHUNK_BYTES) / part.length)));
  for (let sent = 0; sent < bytes; sent += whole.length)
    for (let at = 0; at < whole.length; at += CHUNK_BYTES) yield whole.subarray(at, at + CHUNK_BYTES);
  yield Buffer.from(end);
}

const RECORD = JSON.stringify({
  id: '281474981110001',
  name: 'TRUCK-6520',
  notes: 'é'.repeat(2000),
  list: [1, { a: null }],
});

test('200 MB of lines are read in bounded memory', async () => {
  const { records, reasons, growth } = await measured(streamOf('', `${RECORD}\n`, 200 * MB, ''));
  expect(reasons).toEqual([]);
  expect(records).toBeGreaterThan((190 * MB) / Buffer.byteLength(RECORD));
  expect(growth).toBeLessThan(MAX_GROWTH);
});

test('100 MB of an array are read in bounded memory', async () => {
  const { records, reasons, growth } = await measured(streamOf('[', `${RECORD},`, 100 * MB, '{}]'));
  expect(reasons).toEqual([]);
  expect(records).toBeGreaterThan((95 * MB) / Buffer.byteLength(RECORD));
  expect(growth).toBeLessThan(MAX_GROWTH);
});

test.each([
  ['a line', '{"a":1}\n{"b":"', 'x', '"}\n{"c":1}'],
  ['a line of many names', '{"a":1}\n{"b":{', '"n":[1,2,3],', '"z":1}}\n{"c":1}'],
  ['an element', '[{"a":1},{"b":"', 'x', '"},{"c":1}]'],
  ['an element nested without end', '[{"a":1},{"b":', '[', ''],
  ['lines of words', '', 'once upon a time\n', '\n{"a":1}\n{"c":1}'],
  ['words', '{"a":1}\n', 'words, ', '\n{"c":1}'],
  ['blanks', '{"a":1}\n', ' ', '\n{"c":1}'],
  ['blanks behind a value', '{"a":1}', ' ', '{"c":1}'],
  ['a cell', 'a,b\n1,2\n3,"', 'x', '"\n4,5\n'],
  ['a page', '<html>', '<p>\n{"a":1}\n', ''],
])('100 MB without an end are let go, and what is around them is read: %s', async (what, begin, part, end) => {
  const { records, reasons, growth } = await measured(streamOf(begin, part, 100 * MB, end));
  expect(records).toBe({ 'an element nested without end': 1, 'a page': 0 }[what] ?? 2);
  expect(reasons.length).toBe(what.startsWith('blanks') ? 0 : what === 'an element nested without end' ? 2 : 1);
  expect(growth).toBeLessThan(MAX_GROWTH);
});

test('a reader that is told to stop stops, and closes what it reads from', async () => {
  let isClosed = false;
  const endless = async function* () {
    try {
      for (;;) yield Buffer.from(`${RECORD}\n`);
    } finally {
      isClosed = true;
    }
  };
  const controller = new AbortController();
  const items = readFeed(endless(), { maxRecordBytes: MB, signal: controller.signal });
  await items.next();
  controller.abort(new Error('enough'));
  await expect(
    (async () => {
      for await (const item of items) expect(item.kind).toBe('record');
    })(),
  ).rejects.toThrow('enough');
  expect(isClosed).toBe(true);
});
