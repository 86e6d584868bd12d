import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { dumpRecords } from '../helpers/dump-records.ts';
import { openWebServer } from '../helpers/web-server.ts';

/**
 * Goal: records of the web are taken as those of files are, also when a connection breaks. Method: the built program fetches them from
 * servers of the tests, and the memory is compared with one that took them from a file.
 */

const ENV = { SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on' };

/** So many positions of five vehicles, one a minute. */
function readings(count: number): string {
  return Array.from({ length: count }, (_, index) => {
    const time = new Date(Date.UTC(2025, 9, 19, 12, index)).toISOString();
    const gps = { time, latitude: 40 + index / 1_000, longitude: -75, headingDegrees: 10, speedMilesPerHour: 30 };
    return `${JSON.stringify({ id: `28147497${index % 5}`, name: `Truck ${index % 5}`, gps })}\n`;
  }).join('');
}

const summaryOf = (lines: readonly Record<string, unknown>[]) => lines.find(({ event }) => event === 'summary')!;

test('records of an address are those of a file, and again they change nothing', async () => {
  const text = readings(600);
  const server = await openWebServer((_, response) => response.end(text));
  const web = openCase({}, ENV);
  const file = openCase({ 'readings.ndjson': text });
  const taken = await web.run('ingest-json', '--source', 'samsara', `${server.url}/readings.ndjson`);
  expect([taken.exitCode, taken.stderr]).toEqual([0, '']);
  expect(summaryOf(taken.lines)).toMatchObject({ records: { records: 600, readings: 600, rejected: 0 } });
  await file.run('ingest-json', '--source', 'samsara', join(file.documents, 'readings.ndjson'));
  const dump = dumpRecords(web.home);
  expect(dump).toEqual(dumpRecords(file.home));
  const again = await web.run('ingest-json', '--source', 'samsara', `${server.url}/readings.ndjson`);
  expect(summaryOf(again.lines)).toMatchObject({ added: 0, updated: 0, records: { readings: 0 } });
  expect(dumpRecords(web.home)).toEqual(dump);
});

test('a connection that breaks is begun again: every record is taken, and counted once', async () => {
  const text = readings(600);
  let requests = 0;
  const server = await openWebServer((_, response) => {
    requests += 1;
    response.writeHead(200, { 'content-length': Buffer.byteLength(text) });
    if (requests === 3) response.end(text);
    else response.write(text.slice(0, (text.length * requests) / 3), () => setTimeout(() => response.destroy(), 200));
  });
  const web = openCase({}, ENV);
  const file = openCase({ 'readings.ndjson': text });
  const taken = await web.run('ingest-json', '--source', 'samsara', `${server.url}/readings.ndjson`);
  expect([taken.exitCode, requests]).toEqual([0, 3]);
  expect(summaryOf(taken.lines)).toMatchObject({ records: { records: 600, readings: 600, rejected: 0 } });
  await file.run('ingest-json', '--source', 'samsara', join(file.documents, 'readings.ndjson'));
  expect(dumpRecords(web.home)).toEqual(dumpRecords(file.home));
});

test('a kill while records come loses none: the same command takes the rest', async () => {
  const text = readings(600);
  const server = await openWebServer((_, response) => response.end(text));
  const web = openCase({}, ENV);
  const file = openCase({ 'readings.ndjson': text });
  await web.kill('records.pivot:after', 'ingest-json', '--source', 'samsara', `${server.url}/readings.ndjson`);
  expect((await web.run('ingest-json', '--source', 'samsara', `${server.url}/readings.ndjson`)).exitCode).toBe(0);
  await file.run('ingest-json', '--source', 'samsara', join(file.documents, 'readings.ndjson'));
  expect(dumpRecords(web.home)).toEqual(dumpRecords(file.home));
});

test('packed records are unpacked, beside a file', async () => {
  const server = await openWebServer((_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(readings(5))),
  );
  const { run, documents, write } = openCase({}, ENV);
  write('more.ndjson', readings(3));
  const { exitCode, lines } = await run(
    'ingest-json',
    '--source',
    'samsara',
    join(documents, 'more.ndjson'),
    server.url,
  );
  expect([exitCode, summaryOf(lines)]).toEqual([
    0,
    expect.objectContaining({ records: expect.objectContaining({ records: 8, readings: 5 }) }),
  ]);
});

describe('an address that gives no records is told, and the others are taken:', () => {
  test.each([
    ['404', 'NOT_FOUND', 2, 'is not there (404)'],
    ['401', 'SOURCE_REFUSED', 78, 'asks for credentials (401)'],
    ['503', 'APEX_SOURCE', 75, 'failed (503)'],
    ['page', 'WEB_PAGE', 3, 'answered with a web page instead of records'],
    ['private', 'ADDRESS_REFUSED', 78, '10.0.0.1 is no address of the public internet'],
    ['bomb', 'TOO_LARGE', 3, 'unpacks to more than 200 times its size'],
  ])('%s', async (path, code, exitStatus, problem) => {
    const server = await openWebServer(({ url }, response) => {
      if (url === '/well') response.end(readings(5));
      else if (url === '/page') response.end('<html><body>Sign in</body></html>');
      else if (url === '/private') response.writeHead(302, { location: 'http://10.0.0.1/' }).end();
      else if (url === '/bomb')
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(67_108_864, ' ')));
      else response.writeHead(Number(url!.slice(1))).end();
    });
    const { run } = openCase({}, ENV);
    const { exitCode, lines } = await run(
      'ingest-json',
      '--source',
      'samsara',
      `${server.url}/${path}`,
      `${server.url}/well`,
    );
    expect(lines.find(({ event }) => event === 'problem')).toMatchObject({
      code,
      message: expect.stringContaining(problem),
    });
    expect([exitCode, summaryOf(lines)['added']]).toEqual([exitStatus, 5]);
  });
});

test('headers of a file are sent for records, too', async () => {
  const server = await openWebServer(({ headers }, response) =>
    headers['x-api-key'] === 'Canary' ? response.end(readings(5)) : response.writeHead(401).end(),
  );
  const { run, home } = openCase({}, ENV);
  const path = join(home, '..', 'headers');
  writeFileSync(path, `${server.url}\nX-Api-Key: Canary\n`, { mode: 0o600 });
  const { exitCode, stdout } = await run('ingest-json', '--source', 'samsara', server.url, '--header-file', path);
  expect([exitCode, stdout.includes('Canary')]).toEqual([0, false]);
});
