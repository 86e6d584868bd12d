import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { onMemory } from '../helpers/case.ts';
import { openWebCase } from '../helpers/web-case.ts';

/**
 * Goal: documents of the web are taken as files are, at the cost of what changed. Method: the built program fetches from servers of
 * the tests on 127.0.0.1, which is allowed for that; what they were asked is looked at.
 */

const TEXT = 'Bay nine is free from noon. Acme Freight moves the load.\n';

test('a document of an https server with a certificate of its own authority is ingested, and found', async () => {
  const web = await openWebCase({ '/rates/august.txt': { text: TEXT } }, true);
  const uri = web.at('/rates/august.txt');
  expect(await web.ingest(uri)).toMatchObject({ exitCode: 0, stderr: '', outcomes: { [uri]: 'added' } });
  expect(web.asked()).toEqual(['/rates/august.txt']);
  const { lines } = await web.run('search', 'bay nine');
  expect(lines[0]).toMatchObject({ source_uri: uri, title: null });
  const { lines: listed } = await web.run('documents', 'list');
  expect(listed[0]).toMatchObject({ source: 'https', source_uri: uri, name: 'august.txt', media_type: 'text/plain' });
});

test('files and addresses are ingested by one command, each by its own source', async () => {
  const web = await openWebCase({ '/a.txt': { text: TEXT } });
  web.write('b.txt', 'Bay ten is closed.');
  const file = `file://${join(web.documents, 'b.txt')}`;
  const first = await web.ingest(join(web.documents, 'b.txt'), web.at('/a.txt'));
  expect(first).toMatchObject({ exitCode: 0, outcomes: { [file]: 'added', [web.at('/a.txt')]: 'added' } });
  expect(first.lines.at(-1)).toMatchObject({ event: 'summary', documents: 2, added: 2 });
  const { lines } = await web.run('documents', 'list');
  expect(lines.map(({ source }) => source).sort()).toEqual(['https', 'local_upload']);
});

describe('an unchanged document costs one request and writes nothing', () => {
  const old = new Date(Date.now() - 3_600_000).toUTCString();
  test.each([
    ['by its ETag', { etag: '"v1"' }, 304],
    ['by a weak ETag', { etag: 'W/"v1"' }, 304],
    ['by its date', { 'last-modified': old }, 304],
    ['by its bytes, where the server marks nothing', {}, 200],
  ])('%s', async (_, headers, status) => {
    const web = await openWebCase({ '/a.txt': { text: TEXT, headers } });
    await web.ingest(web.at('/a.txt'));
    const before = web.memory();
    web.asked();
    expect(await web.ingest(web.at('/a.txt'))).toMatchObject({
      exitCode: 0,
      outcomes: { [web.at('/a.txt')]: 'unchanged' },
    });
    const [request] = web.server.requests;
    const isKnown = 'if-none-match' in request!.headers || 'if-modified-since' in request!.headers;
    expect([isKnown, web.asked()]).toEqual([status === 304, ['/a.txt']]);
    expect(web.memory()).toBe(before);
  });
});

test('a document in quarantine that the server calls unchanged is not fetched again, and one it calls changed is tried again', async () => {
  const headers = { 'content-type': 'application/pdf', etag: '"v1"' };
  const pages = { '/a.pdf': { text: '%PDF-1.7 and no more', headers } };
  const web = await openWebCase(pages);
  const uri = web.at('/a.pdf');
  expect((await web.ingest(uri)).outcomes).toEqual({ [uri]: 'quarantined' });
  web.server.requests.length = 0;
  expect(await web.ingest(uri)).toMatchObject({ exitCode: 3, outcomes: {} });
  expect(web.server.requests.map((request) => request.headers['if-none-match'])).toEqual(['"v1"']);
  pages['/a.pdf'] = { text: TEXT, headers: { 'content-type': 'text/plain', etag: '"v2"' } };
  expect((await web.ingest(uri)).outcomes).toEqual({ [uri]: 'added' });
});

test('what one server is asked goes through few connections', async () => {
  const paths = Array.from({ length: 24 }, (_, index) => `/${index}.txt`);
  const pages = paths.map((path) => [path, { text: `${TEXT}${path}`, headers: { etag: path } }] as const);
  const web = await openWebCase(Object.fromEntries(pages));
  await web.ingest(...paths.map(web.at));
  web.asked();
  web.server.connections = 0;
  const { lines } = await web.ingest(...paths.map(web.at));
  expect([lines.at(-1)!['unchanged'], web.asked().length]).toEqual([24, 24]);
  expect(web.server.connections).toBeLessThanOrEqual(8);
});

test('a sync of a folder beside an address deletes what is gone from the folder, and leaves the address', async () => {
  const web = await openWebCase({ '/a.txt': { text: TEXT } });
  web.write('b.txt', 'Bay ten is closed.');
  web.write('c.txt', 'Bay eleven is closed.');
  await web.ingest('--sync', web.documents, web.at('/a.txt'));
  rmSync(join(web.documents, 'b.txt'));
  const { exitCode, lines } = await web.ingest('--sync', web.documents, web.at('/a.txt'));
  const deleted = lines.filter(({ outcome }) => outcome === 'deleted');
  expect([exitCode, deleted.length, deleted[0]!['source']]).toEqual([0, 1, 'local_upload']);
  expect((await web.run('documents', 'list')).lines).toHaveLength(2);
});

test('a date of the very second of the answer is no mark: what changed within it is seen', async () => {
  const now = new Date().toUTCString();
  const headers = { 'last-modified': now, date: now };
  const web = await openWebCase({ '/a.txt': { text: TEXT, headers } });
  await web.ingest(web.at('/a.txt'));
  web.pages['/a.txt'] = { text: `${TEXT}And bay ten.`, headers };
  expect((await web.ingest(web.at('/a.txt'))).outcomes).toEqual({ [web.at('/a.txt')]: 'updated' });
});

test('other bytes are a new version; the same bytes under another mark are none, and known by that mark from then on', async () => {
  const web = await openWebCase({ '/a.txt': { text: TEXT, headers: { etag: '"v1"' } } });
  const uri = web.at('/a.txt');
  await web.ingest(uri);
  web.pages['/a.txt'] = { text: `${TEXT}Bay ten, too.`, headers: { etag: '"v2"' } };
  expect((await web.ingest(uri)).outcomes).toEqual({ [uri]: 'updated' });
  web.pages['/a.txt'] = { ...web.pages['/a.txt'], headers: { etag: '"v3"' } };
  expect((await web.ingest(uri)).outcomes).toEqual({ [uri]: 'unchanged' });
  web.server.requests.splice(0);
  expect((await web.ingest(uri)).outcomes).toEqual({ [uri]: 'unchanged' });
  expect(web.server.requests.map(({ headers }) => headers['if-none-match'])).toEqual(['"v3"']);
});

test('an address is one document whatever its fragment and the case of its host; its name is data', async () => {
  const path = '/x/..%2f..%2fetc%2fpasswd.txt';
  const web = await openWebCase({ [path]: { text: TEXT } });
  await web.ingest(web.at(path));
  const other = await web.ingest(`${web.at(path).replace('http:', 'HTTP:')}#page=2`);
  expect(other.outcomes).toEqual({ [web.at(path)]: 'unchanged' });
  const { lines } = await web.run('documents', 'list');
  expect(lines).toMatchObject([{ name: '.._.._etc_passwd.txt' }]);
});

test('a query is part of what an address names', async () => {
  const web = await openWebCase({ '/doc?id=1': { text: TEXT }, '/doc?id=2': { text: 'Bay ten is closed.' } });
  expect((await web.ingest(web.at('/doc?id=1'), web.at('/doc?id=2'))).outcomes).toEqual({
    [web.at('/doc?id=1')]: 'added',
    [web.at('/doc?id=2')]: 'added',
  });
});

test('an interrupted run goes on, and a document that could not be fetched is retried', async () => {
  const web = await openWebCase({ '/a.txt': { text: TEXT } });
  await web.kill('records.writeBuilding:before', 'ingest', web.at('/a.txt'), web.at('/b.txt'));
  expect((await web.run('resume')).exitCode).toBe(3);
  web.pages['/b.txt'] = { text: 'Bay ten is closed.' };
  const retried = await web.run('retry', '--all');
  expect(retried.exitCode).toBe(0);
  expect(retried.lines.find(({ event }) => event === 'document')).toMatchObject({
    source_uri: web.at('/b.txt'),
    outcome: 'added',
  });
});

test('a plan tells what would be fetched, and keeps nothing', async () => {
  const web = await openWebCase({ '/a.txt': { text: TEXT } });
  web.write('b.txt', 'Bay ten is closed.');
  const { exitCode, lines } = await web.run('ingest', '--dry-run', web.at('/a.txt'), join(web.documents, 'b.txt'));
  expect(exitCode).toBe(0);
  expect(lines.filter(({ event }) => event === 'planned_document')).toMatchObject([
    { source: 'https', source_uri: web.at('/a.txt'), action: 'add' },
    { source: 'local_upload', action: 'add' },
  ]);
  expect((await web.run('documents', 'list')).lines).toEqual([]);
});

test('a damaged document is healed from its address, where that still has the same bytes', async () => {
  const web = await openWebCase({ '/a.txt': { text: TEXT } });
  const damage = () => onMemory(web.home, (db) => db.exec("UPDATE chunk SET text = 'Bay one.'"));
  await web.ingest(web.at('/a.txt'));
  damage();
  web.asked();
  expect([(await web.run('verify', '--repair')).exitCode, web.asked().length > 0]).toEqual([0, true]);
  expect((await web.run('verify')).exitCode).toBe(0);
  web.pages['/a.txt'] = { text: 'Bay ten is closed.' };
  damage();
  const { exitCode, lines } = await web.run('verify', '--repair');
  expect([exitCode, JSON.stringify(lines).includes('SOURCE_CHANGED')]).toEqual([5, true]);
});

test('redirects are followed, and the document is known by the address that was asked for', async () => {
  const web = await openWebCase({
    '/old': { text: '', headers: { location: '/new.txt' } },
    '/new.txt': { text: TEXT, headers: { etag: '"v1"' } },
  });
  expect((await web.ingest(web.at('/old'))).outcomes).toEqual({ [web.at('/old')]: 'added' });
  expect((await web.ingest(web.at('/old'))).outcomes).toEqual({ [web.at('/old')]: 'unchanged' });
  expect(web.server.requests.at(-1)).toMatchObject({ path: '/new.txt', headers: { 'if-none-match': '"v1"' } });
});
