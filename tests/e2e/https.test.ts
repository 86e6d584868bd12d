import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../lib/contracts/identity.ts';
import { onMemory, openCase } from '../helpers/case.ts';
import { makeCertificate } from '../helpers/tls.ts';
import { openWebServer } from '../helpers/web-server.ts';

/**
 * Goal: documents of the web are taken as files are, at the cost of what changed. Method: the built program fetches from servers of
 * the tests on 127.0.0.1, which is allowed for that; what they were asked is looked at.
 */

/** A file as a server gives it. */
interface Page {
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server of files by path, which answers 304 to whoever knows the mark of a file; and the program that may fetch from it. */
async function openWeb(pages: Record<string, Page>, isTls = false) {
  const certificate = isTls ? await makeCertificate('IP:127.0.0.1') : undefined;
  const server = await openWebServer(
    (request, response) => {
      const page = pages[request.url ?? ''];
      if (page === undefined) {
        response.writeHead(404).end();
        return;
      }
      const { etag, 'last-modified': modified } = page.headers ?? {};
      const isKnown =
        (etag !== undefined && request.headers['if-none-match'] === etag) ||
        (etag === undefined && modified !== undefined && request.headers['if-modified-since'] === modified);
      response.writeHead(page.headers?.['location'] !== undefined ? 302 : isKnown ? 304 : 200, page.headers);
      response.end(isKnown ? undefined : page.text);
    },
    { ...(certificate !== undefined && { certificate }) },
  );
  const trust = certificate === undefined ? { SOURCE_ALLOW_HTTP: 'on' } : { NODE_EXTRA_CA_CERTS: certificate.path };
  const files = openCase({}, { SOURCE_ALLOWED_HOSTS: '127.0.0.1', ...trust });
  const at = (path: string) => `${server.url}${path}`;
  return {
    ...files,
    server,
    pages,
    at,
    /** The paths asked for since the last time. */
    asked: () => server.requests.splice(0).map(({ path }) => path),
    /** What an ingest came to: its exit status, and outcomes by location. */
    ingest: async (...args: string[]) => {
      const { exitCode, lines, stderr } = await files.run('ingest', ...args);
      const results = lines.filter(({ event }) => event === 'document');
      return {
        exitCode,
        stderr,
        lines,
        outcomes: Object.fromEntries(results.map((result) => [String(result['source_uri']), result['outcome']])),
      };
    },
    memory: () => sha256(readFileSync(join(files.home, 'memory.db'))),
  };
}

const TEXT = 'Bay nine is free from noon. Acme Freight moves the load.\n';

test('a document of an https server with a certificate of its own authority is ingested, and found', async () => {
  const web = await openWeb({ '/rates/august.txt': { text: TEXT } }, true);
  const uri = web.at('/rates/august.txt');
  expect(await web.ingest(uri)).toMatchObject({ exitCode: 0, stderr: '', outcomes: { [uri]: 'added' } });
  expect(web.asked()).toEqual(['/rates/august.txt']);
  const { lines } = await web.run('search', 'bay nine');
  expect(lines[0]).toMatchObject({ source_uri: uri, title: null });
  const { lines: listed } = await web.run('documents', 'list');
  expect(listed[0]).toMatchObject({ source: 'https', source_uri: uri, name: 'august.txt', media_type: 'text/plain' });
});

test('files and addresses are ingested by one command, each by its own source', async () => {
  const web = await openWeb({ '/a.txt': { text: TEXT } });
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
    const web = await openWeb({ '/a.txt': { text: TEXT, headers } });
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

test('a date of the very second of the answer is no mark: what changed within it is seen', async () => {
  const now = new Date(Date.now() + 1_000).toUTCString();
  const web = await openWeb({ '/a.txt': { text: TEXT, headers: { 'last-modified': now } } });
  await web.ingest(web.at('/a.txt'));
  web.pages['/a.txt'] = { text: `${TEXT}And bay ten.`, headers: { 'last-modified': now } };
  expect((await web.ingest(web.at('/a.txt'))).outcomes).toEqual({ [web.at('/a.txt')]: 'updated' });
});

test('other bytes are a new version; the same bytes under another mark are none, and known by that mark from then on', async () => {
  const web = await openWeb({ '/a.txt': { text: TEXT, headers: { etag: '"v1"' } } });
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
  const web = await openWeb({ [path]: { text: TEXT } });
  await web.ingest(web.at(path));
  const other = await web.ingest(`${web.at(path).replace('http:', 'HTTP:')}#page=2`);
  expect(other.outcomes).toEqual({ [web.at(path)]: 'unchanged' });
  const { lines } = await web.run('documents', 'list');
  expect(lines).toMatchObject([{ name: '.._.._etc_passwd.txt' }]);
});

test('a query is part of what an address names', async () => {
  const web = await openWeb({ '/doc?id=1': { text: TEXT }, '/doc?id=2': { text: 'Bay ten is closed.' } });
  expect((await web.ingest(web.at('/doc?id=1'), web.at('/doc?id=2'))).outcomes).toEqual({
    [web.at('/doc?id=1')]: 'added',
    [web.at('/doc?id=2')]: 'added',
  });
});

describe('a secret in an address', () => {
  const SECRET = 'CanaryOfAnAddress42';

  /** Every file under a folder that holds the text. */
  function holding(folder: string, text: string): string[] {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text))
      .map(({ name }) => name);
  }

  test('is sent, and neither kept nor shown, also when the document fails', async () => {
    const path = `/share?id=7&token=${SECRET}`;
    const web = await openWeb({ [path]: { text: TEXT } });
    const taken = await web.run('ingest', web.at(path), web.at(`/gone.pdf?key=${SECRET}`), '--on-error', 'continue');
    expect(taken.exitCode).toBe(3);
    expect(web.asked().sort()).toEqual([`/gone.pdf?key=${SECRET}`, path]);
    const shown = [
      taken,
      await web.run('documents', 'list'),
      await web.run('runs', 'list'),
      await web.run('documents', 'list', '--quarantined'),
    ];
    expect(shown.map(({ stdout, stderr }) => `${stdout}${stderr}`).join('')).not.toContain(SECRET);
    expect(holding(web.home, SECRET)).toEqual([]);
    const known = web.at(`/share?id=7&token=sha256-${sha256(SECRET).slice(0, 16)}`);
    expect(taken.lines.find(({ outcome }) => outcome === 'added')).toMatchObject({ source_uri: known });
    expect((await web.ingest(web.at(path))).outcomes).toEqual({ [known]: 'unchanged' });
  });

  test('that another document has makes it another document', async () => {
    const web = await openWeb({ '/share?key=first': { text: TEXT }, '/share?key=second': { text: 'Bay ten.' } });
    await web.ingest(web.at('/share?key=first'));
    expect(Object.values((await web.ingest(web.at('/share?key=second'))).outcomes)).toEqual(['added']);
  });

  test('that signs the address for a while makes it no other document', async () => {
    const signed = (signature: string) => `/b/a.txt?X-Amz-Date=${signature}&X-Amz-Signature=${signature}`;
    const web = await openWeb({ [signed('one')]: { text: TEXT }, [signed('two')]: { text: TEXT } });
    expect((await web.ingest(web.at(signed('one')))).outcomes).toEqual({ [web.at('/b/a.txt')]: 'added' });
    expect((await web.ingest(web.at(signed('two')))).outcomes).toEqual({ [web.at('/b/a.txt')]: 'unchanged' });
  });

  test('is needed to go on with a run, which says so; the same command again goes on', async () => {
    const path = `/a.txt?token=${SECRET}`;
    const web = await openWeb({ [path]: { text: TEXT } });
    await web.kill('records.writeBuilding:before', 'ingest', web.at(path));
    web.asked();
    const resumed = await web.run('resume');
    expect([resumed.exitCode, web.asked()]).toEqual([3, []]);
    expect(resumed.lines.find(({ event }) => event === 'document')).toMatchObject({
      error: {
        code: 'SOURCE_REFUSED',
        message: expect.stringContaining('has a secret in its address, which is not kept'),
      },
    });
    expect(Object.values((await web.ingest(web.at(path))).outcomes)).toEqual(['added']);
  });
});

test('an interrupted run goes on, and a document that could not be fetched is retried', async () => {
  const web = await openWeb({ '/a.txt': { text: TEXT } });
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
  const web = await openWeb({ '/a.txt': { text: TEXT } });
  web.write('b.txt', 'Bay ten is closed.');
  const { exitCode, lines } = await web.run('ingest', '--dry-run', web.at('/a.txt'), join(web.documents, 'b.txt'));
  expect(exitCode).toBe(0);
  expect(lines.filter(({ event }) => event === 'planned_document')).toMatchObject([
    { source: 'https', source_uri: web.at('/a.txt'), action: 'add' },
    { source: 'local_upload', action: 'add' },
  ]);
  expect((await web.run('documents', 'list')).lines).toEqual([]);
});

test('redirects are followed, and the document is known by the address that was asked for', async () => {
  const web = await openWeb({
    '/old': { text: '', headers: { location: '/new.txt' } },
    '/new.txt': { text: TEXT, headers: { etag: '"v1"' } },
  });
  expect((await web.ingest(web.at('/old'))).outcomes).toEqual({ [web.at('/old')]: 'added' });
  expect((await web.ingest(web.at('/old'))).outcomes).toEqual({ [web.at('/old')]: 'unchanged' });
  expect(web.server.requests.at(-1)).toMatchObject({ path: '/new.txt', headers: { 'if-none-match': '"v1"' } });
});

describe('headers of a file', () => {
  test('go to their own origin alone, not by way of a redirect, and are shown nowhere', async () => {
    const web = await openWeb({ '/a.txt': { text: TEXT }, '/away': { text: '' } });
    const foreign = await openWeb({
      '/b.txt': { text: 'Bay ten.' },
      '/back': { text: '', headers: { location: web.at('/a.txt') } },
    });
    web.pages['/away'] = { text: '', headers: { location: foreign.at('/back') } };
    const path = join(web.home, '..', 'headers');
    writeFileSync(path, `# for the docs\n${web.server.url}\nAuthorization: Bearer CanaryOfAHeader\nX-Team: ops\n`, {
      mode: 0o600,
    });
    const taken = await web.run(
      'ingest',
      web.at('/a.txt'),
      web.at('/away'),
      foreign.at('/b.txt'),
      '--header-file',
      path,
    );
    expect([taken.exitCode, taken.stderr]).toEqual([0, '']);
    const sent = [...web.server.requests, ...foreign.server.requests].map(({ path: asked, headers }) => [
      asked,
      headers['authorization'],
    ]);
    expect(sent.sort()).toEqual(
      [
        ['/a.txt', 'Bearer CanaryOfAHeader'],
        ['/away', 'Bearer CanaryOfAHeader'],
        ['/a.txt', undefined],
        ['/back', undefined],
        ['/b.txt', undefined],
      ].sort(),
    );
    expect(taken.stdout).not.toContain('CanaryOfAHeader');
    onMemory(web.home, (db) => expect(db.prepare('SELECT count(*) AS n FROM version').get()).toEqual({ n: 3 }));
  });

  test.each([
    ['others may read', 'https://x.example\nA: b', 0o644, 77, 'may be read by others: chmod 600'],
    ['names no server', 'Authorization: Bearer Canary', 0o600, 78, 'line 1 says no server'],
    [
      'holds what is no header',
      'https://x.example\nBearer Canary',
      0o600,
      78,
      'line 2 is neither an origin nor a header',
    ],
    ['names a path', 'https://x.example/Canary\nA: b', 0o600, 78, 'line 1 is no origin'],
    ['sets what apex sets itself', 'https://x.example\nHost: Canary', 0o600, 78, 'line 2 sets Host'],
  ])('are refused with a file that %s', async (_, text, mode, exitStatus, problem) => {
    const web = await openWeb({ '/a.txt': { text: TEXT } });
    const path = join(web.home, '..', 'headers');
    writeFileSync(path, text, { mode });
    const { exitCode, stderr, stdout } = await web.run('ingest', web.at('/a.txt'), '--header-file', path);
    expect(stderr).toContain(problem);
    expect([exitCode, `${stderr}${stdout}`.includes('Canary'), web.asked()]).toEqual([exitStatus, false, []]);
  });
});
