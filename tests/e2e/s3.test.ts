import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { onMemory } from '../helpers/case.ts';
import { openS3Case } from '../helpers/s3-server.ts';

/**
 * Goal: objects of buckets are taken as files are, at the cost of what changed. Method: the built program asks a server of the tests that
 * speaks as S3 does; what it was asked is looked at.
 */

const TEXT = 'Bay nine is free from noon. Acme Freight moves the load.\n';

test('all objects under a prefix are ingested, folders among them passed over; a second run asks for the listing alone', async () => {
  const s3 = await openS3Case({ 'in/a.txt': TEXT, 'in/b/c.txt': 'Bay ten is closed.', 'in/b/': '', 'out/d.txt': TEXT });
  const outcomes = { 's3://freight/in/a.txt': 'added', 's3://freight/in/b/c.txt': 'added' };
  expect(await s3.ingest('s3://freight/in/')).toMatchObject({ exitCode: 0, stderr: '', outcomes });
  expect(s3.asked()).toEqual(['/freight/in/a.txt', '/freight/in/b/c.txt', 'list in/']);
  expect((await s3.ingest('s3://freight/in/')).lines.at(-1)).toMatchObject({ unchanged: 2, documents: 2 });
  expect(s3.asked()).toEqual(['list in/']);
  const { lines } = await s3.run('documents', 'list');
  expect(lines).toContainEqual(
    expect.objectContaining({
      source: 's3',
      source_uri: 's3://freight/in/a.txt',
      name: 'a.txt',
      media_type: 'text/plain',
    }),
  );
});

test('an object is ingested by its key, beside files and all of a bucket; an unchanged one costs one request', async () => {
  const s3 = await openS3Case({ 'a.txt': TEXT });
  s3.write('b.txt', 'Bay ten is closed.');
  const file = `file://${join(s3.documents, 'b.txt')}`;
  const first = await s3.ingest(join(s3.documents, 'b.txt'), 's3://freight/a.txt');
  expect(first).toMatchObject({ exitCode: 0, outcomes: { [file]: 'added', 's3://freight/a.txt': 'added' } });
  s3.asked();
  expect((await s3.ingest('S3://freight/a.txt')).outcomes).toEqual({ 's3://freight/a.txt': 'unchanged' });
  expect([s3.server.requests[0]!.headers['if-none-match'] !== undefined, s3.asked()]).toEqual([
    true,
    ['/freight/a.txt'],
  ]);
  // Named twice and listed, it is one document.
  const whole = await s3.ingest('s3://freight', 's3://freight/', 's3://freight/a.txt');
  expect([whole.outcomes, s3.asked()]).toEqual([{ 's3://freight/a.txt': 'unchanged' }, ['list null']]);
});

test('a prefix with thousands of keys is listed page by page, and each key is taken once', async () => {
  const keys = Array.from({ length: 2_500 }, (_, index) => `in/${String(index).padStart(5, '0')}.txt`);
  const s3 = await openS3Case(Object.fromEntries(keys.map((key) => [key, `Bay of ${key} is free.`])), {
    pageKeys: 400,
  });
  const { exitCode, lines } = await s3.ingest('s3://freight/in/');
  expect([exitCode, lines.at(-1)!['added']]).toEqual([0, 2_500]);
  s3.asked();
  expect((await s3.ingest('s3://freight/in/')).lines.at(-1)).toMatchObject({ unchanged: 2_500 });
  expect(s3.asked()).toEqual(Array(7).fill('list in/'));
});

const STRANGE = [
  'in/a b.txt',
  'in/../up.txt',
  'in/./here.txt',
  'in//twice.txt',
  'in/ü 日本 🚚.txt',
  'in/u\u0308.txt',
  'in/\u00fc.txt',
  'in/plus+and&=?#.txt',
  'in/a%20b.txt',
  'in/100%.txt',
  'in/a%0Ab.txt',
  'in/a\nb.txt',
  "in/q'(1)*!.txt",
  'in/<b>&amp;.txt',
  'in/back\\slash.txt',
  'in/__proto__',
];

test('whatever a key holds is data: each is a document of its own, and found again by its location', async () => {
  const s3 = await openS3Case(
    Object.fromEntries(STRANGE.map((key) => [key, `Bay of ${JSON.stringify(key)} is free.`])),
  );
  const { exitCode, outcomes } = await s3.ingest('s3://freight/in/');
  expect([exitCode, Object.keys(outcomes).length]).toEqual([0, STRANGE.length]);
  expect(s3.asked()).toEqual([...STRANGE.map((key) => `/freight/${key}`), 'list in/'].sort());
  const plain = STRANGE.filter((key) => !/\n|%0A/.test(key)).map((key) => `s3://freight/${key}`);
  expect(Object.keys(outcomes)).toEqual(
    expect.arrayContaining([...plain, 's3://freight/in/a%0Ab.txt', 's3://freight/in/a%250Ab.txt']),
  );
  const again = await s3.ingest(...Object.keys(outcomes));
  expect(again.lines.at(-1)).toMatchObject({ unchanged: STRANGE.length, documents: STRANGE.length });
  const { lines } = await s3.run('documents', 'list');
  expect(lines.filter(({ name }) => /[/\\\n]/.test(String(name)))).toEqual([]);
});

test('other bytes are a new version; the same bytes under another mark are none, and known by that mark from then on', async () => {
  const s3 = await openS3Case({ 'in/a.txt': { text: TEXT, etag: '"v1"' } });
  await s3.ingest('s3://freight/in/');
  s3.objects['in/a.txt'] = { text: `${TEXT}Bay ten, too.`, etag: '"v2-2"' };
  s3.asked();
  expect((await s3.ingest('s3://freight/in/')).outcomes).toEqual({ 's3://freight/in/a.txt': 'updated' });
  // Of another size it is another one for sure: it is fetched once.
  expect(s3.asked()).toEqual(['/freight/in/a.txt', 'list in/']);
  s3.objects['in/a.txt'] = { text: `${TEXT}Bay ten, too.`, etag: '"v3-5"' };
  expect((await s3.ingest('s3://freight/in/')).lines.at(-1)).toMatchObject({ unchanged: 1 });
  expect(s3.asked()).toEqual(['/freight/in/a.txt', 'list in/']);
  expect((await s3.ingest('s3://freight/in/')).lines.at(-1)).toMatchObject({ unchanged: 1 });
  expect(s3.asked()).toEqual(['list in/']);
});

test('a sync deletes what is gone from the bucket, and nothing that the server still has', async () => {
  const s3 = await openS3Case({ 'in/a.txt': TEXT, 'in/b.txt': 'Bay ten is closed.', 'in/c.txt': 'Bay two is closed.' });
  await s3.ingest('--sync', 's3://freight/in/');
  delete s3.objects['in/b.txt'];
  // Passed over by a listing, and there.
  let isHidden = true;
  s3.interfere = (_, response, key) => {
    if (key !== null || !isHidden) return null;
    response.end(
      '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>in/a.txt</Key></Contents></ListBucketResult>',
    );
    return true;
  };
  s3.asked();
  const { exitCode, lines } = await s3.ingest('--sync', 's3://freight/in/');
  const deleted = lines.filter(({ outcome }) => outcome === 'deleted').map((line) => line['source_uri']);
  expect([exitCode, deleted]).toEqual([0, ['s3://freight/in/b.txt']]);
  isHidden = false;
  delete s3.objects['in/c.txt'];
  expect((await s3.ingest('--sync', 's3://freight/in/')).lines.at(-1)).toMatchObject({ deleted: 1 });
});

test('a sync of a prefix that holds nothing any more, or was not listed whole, deletes nothing', async () => {
  const s3 = await openS3Case({ 'in/a.txt': TEXT, 'in/b.txt': 'Bay ten is closed.' }, { pageKeys: 1 });
  await s3.ingest('--sync', 's3://freight/in/');
  const { 'in/a.txt': a, 'in/b.txt': b } = s3.objects;
  delete s3.objects['in/a.txt'];
  delete s3.objects['in/b.txt'];
  const emptied = await s3.ingest('--sync', 's3://freight/in/');
  expect([emptied.exitCode, emptied.lines.find(({ event }) => event === 'problem')]).toMatchObject([
    2,
    { code: 'SUDDENLY_EMPTY' },
  ]);
  Object.assign(s3.objects, { 'in/0.txt': 'Bay one is closed.', 'in/a.txt': a, 'in/b.txt': b });
  delete s3.objects['in/b.txt'];
  s3.interfere = (request, response) => {
    if (!(request.url ?? '').includes('continuation-token')) return null;
    response.writeHead(500, { 'retry-after': '0' }).end();
    return true;
  };
  const cut = await s3.ingest('--sync', 's3://freight/in/');
  expect([cut.exitCode, cut.lines.at(-1)!['deleted'] ?? 0]).toEqual([75, 0]);
  expect(cut.stderr).toContain('nothing is deleted under s3://freight/in/, because it could not be listed whole');
  expect((await s3.run('documents', 'list')).lines).toHaveLength(3);
  s3.interfere = () => null;
  expect((await s3.ingest('--sync', 's3://freight/in/')).lines.at(-1)).toMatchObject({ deleted: 1 });
  delete s3.objects['in/0.txt'];
  delete s3.objects['in/a.txt'];
  expect((await s3.ingest('--sync', '--allow-empty', 's3://freight/in/')).lines.at(-1)).toMatchObject({ deleted: 2 });
});

test('a plan tells what would be done, downloads nothing that has not changed, and keeps nothing', async () => {
  const s3 = await openS3Case({ 'in/a.txt': TEXT });
  await s3.ingest('s3://freight/in/');
  s3.objects['in/b.txt'] = 'Bay ten is closed.';
  s3.asked();
  const { exitCode, lines } = await s3.run('ingest', '--dry-run', '--sync', 's3://freight/in/');
  expect([exitCode, s3.asked()]).toEqual([0, ['/freight/in/b.txt', 'list in/']]);
  const actions = lines
    .filter(({ event }) => event === 'planned_document')
    .map((line) => [line['source_uri'], line['action']]);
  expect(Object.fromEntries(actions)).toMatchObject({ 's3://freight/in/b.txt': 'add' });
  expect((await s3.run('documents', 'list')).lines).toHaveLength(1);
});

test('objects are staged, and ingested from there as the documents they are', async () => {
  const s3 = await openS3Case({ 'in/a.txt': TEXT, 'in/b c.txt': 'Bay ten is closed.' });
  const staged = await s3.run('stage', 's3://freight/in/');
  expect([staged.exitCode, staged.lines.at(-1)]).toMatchObject([0, { staged: 2, problems: 0 }]);
  s3.asked();
  const taken = await s3.run('ingest', '--staged');
  expect([taken.exitCode, taken.lines.at(-1), s3.asked()]).toMatchObject([0, { added: 2 }, []]);
  expect((await s3.ingest('s3://freight/in/')).lines.at(-1)).toMatchObject({ unchanged: 2 });
  expect(s3.asked()).toEqual(['list in/']);
});

test('records are read from a bucket', async () => {
  const s3 = await openS3Case({
    'readings/a.json': JSON.stringify({ id: '1', name: 'Truck 7', vin: '1FUJA6CV74DM34063' }),
  });
  const { exitCode, lines } = await s3.run('ingest-json', '--source', 'samsara', 's3://freight/readings/');
  expect([exitCode, lines.at(-1)]).toMatchObject([0, { event: 'summary' }]);
});

test('an interrupted run goes on, and an object that could not be fetched is retried', async () => {
  const s3 = await openS3Case({ 'in/a.txt': TEXT });
  await s3.kill('records.writeBuilding:before', 'ingest', 's3://freight/in/', 's3://freight/in/b.txt');
  expect((await s3.run('resume')).exitCode).toBe(3);
  s3.objects['in/b.txt'] = 'Bay ten is closed.';
  const retried = await s3.run('retry', '--all');
  expect([retried.exitCode, retried.lines.find(({ event }) => event === 'document')]).toMatchObject([
    0,
    { source_uri: 's3://freight/in/b.txt', outcome: 'added' },
  ]);
});

test('an object is unpacked where it is packed, whatever else is said of its encoding', async () => {
  const s3 = await openS3Case({ 'in/a.txt': '', 'in/b.txt': '', 'in/c.txt': '' });
  const bodies: Record<string, [encoding: string, body: Buffer]> = {
    'in/a.txt': ['aws-chunked', Buffer.from('Bay one is closed.')],
    'in/b.txt': ['gzip,aws-chunked', gzipSync('Bay two is closed.')],
    'in/c.txt': ['utf-8', Buffer.from('Bay three is closed.')],
  };
  s3.interfere = (_, response, key) => {
    const found = bodies[key ?? ''];
    if (found === undefined) return null;
    response.writeHead(200, { etag: '"v1"', 'content-encoding': found[0], 'content-length': found[1].length });
    response.end(found[1]);
    return true;
  };
  const { exitCode, lines } = await s3.ingest('s3://freight/in/');
  expect([exitCode, lines.at(-1)!['added']]).toEqual([0, 3]);
  for (const bay of ['one', 'two', 'three']) expect(await s3.search(`bay ${bay}`)).toContain(`Bay ${bay} is closed.`);
});

test('an object that is larger than allowed is set aside without being asked for', async () => {
  const s3 = await openS3Case({ 'in/a.txt': 'x'.repeat(1_048_577), 'in/b.txt': TEXT });
  const { exitCode, lines } = await s3.runWith({ APEX_MAX_FILE_MB: '1' }, 'ingest', 's3://freight/in/');
  expect([exitCode, s3.asked()]).toEqual([3, ['/freight/in/b.txt', 'list in/']]);
  expect(lines).toContainEqual(
    expect.objectContaining({
      source_uri: 's3://freight/in/a.txt',
      error: expect.objectContaining({
        code: 'TOO_LARGE',
        message: 's3://freight/in/a.txt has 1048577 bytes, more than the 1048576 that APEX_MAX_FILE_MB allows',
      }),
    }),
  );
});

test('a damaged document is healed from its bucket, where that still has the same bytes', async () => {
  const s3 = await openS3Case({ 'in/a.txt': TEXT });
  const damage = () => onMemory(s3.home, (db) => db.exec("UPDATE chunk SET text = 'Bay one.'"));
  await s3.ingest('s3://freight/in/');
  damage();
  expect((await s3.run('verify', '--repair')).exitCode).toBe(0);
  expect(await s3.search('bay nine')).toHaveLength(1);
  damage();
  s3.objects['in/a.txt'] = `${TEXT}Changed.`;
  const { exitCode, stdout } = await s3.run('verify', '--repair');
  expect([exitCode, stdout]).toEqual([5, expect.stringContaining('SOURCE_CHANGED')]);
});
