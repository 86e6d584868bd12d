import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { apex, type Finished, newFolder } from '../helpers/program.ts';
import { makeCertificate } from '../helpers/tls.ts';
import { openWebServer } from '../helpers/web-server.ts';

/**
 * Goal: whatever a web server does costs one document, which is set aside with a reason that says what to do; the others are taken.
 * Method: the built program is given an address for each kind of trouble in one command, beside one that is well.
 */

const MEGABYTE = 1_048_576;
const TEXT = 'Bay nine is free from noon.';
const PAGE = '<!DOCTYPE html>\n<html><body>Sign in to continue</body></html>';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(code, headers).end('Canary');

/** What each path does. */
const PATHS: { readonly [path: string]: Answer } = {
  '/well.txt': (response) => response.end(TEXT),
  '/packed.txt': (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(TEXT)),
  ...Object.fromEntries([401, 403, 404, 410, 418, 204, 206].map((code) => [`/${code}.pdf`, status(code)])),
  ...Object.fromEntries([408, 429, 500, 503].map((code) => [`/${code}.pdf`, status(code, { 'retry-after': '0' })])),
  '/moved-nowhere.pdf': status(302),
  '/moved-wrongly.pdf': status(302, { location: 'http://' }),
  '/loop.pdf': status(302, { location: '/loop.pdf' }),
  '/user.pdf': status(302, { location: 'http://user:Canary@127.0.0.1/' }),
  '/file.pdf': status(302, { location: 'file:///etc/passwd' }),
  '/gopher.pdf': status(302, { location: 'gopher://127.0.0.1:70/' }),
  '/private.pdf': status(302, { location: 'http://10.0.0.1/' }),
  '/metadata.pdf': status(302, { location: 'http://169.254.169.254/latest/meta-data/' }),
  '/large.txt': (response) => response.writeHead(200, { 'content-length': String(2 * MEGABYTE) }).write('x'),
  '/endless.txt': (response) => flood(response),
  '/slow.txt': (response) => drip(response),
  '/stalled.txt': (response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half');
  },
  '/silent.txt': () => {},
  '/cut.txt': (response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
  },
  '/cut-chunk.txt': (response) => {
    response.writeHead(200).write('half', () => response.destroy());
  },
  '/dropped.txt': (response) => response.destroy(),
  '/bomb.txt': (response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(64 * MEGABYTE))),
  '/not-packed.txt': (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(TEXT),
  '/strangely-packed.txt': (response) => response.writeHead(200, { 'content-encoding': 'aes128gcm' }).end(TEXT),
  '/login.pdf': (response) => response.writeHead(200, { 'content-type': 'application/pdf' }).end(PAGE),
  '/login-in-pieces.csv': (response) => {
    response.write('\n<', () => setTimeout(() => response.end(PAGE.slice(1)), 50));
  },
  '/page': (response) => response.writeHead(200, { 'content-type': 'application/pdf' }).end(PAGE),
};

function flood(response: ServerResponse): void {
  const send = () => {
    while (!response.destroyed && response.write('x'.repeat(65_536)));
  };
  response.writeHead(200).on('drain', send);
  send();
}

/** One byte at a time, each before anybody would call it silent. */
function drip(response: ServerResponse): void {
  response.writeHead(200);
  const timer = setInterval(() => response.write('x'), 100);
  response.on('close', () => clearInterval(timer));
}

describe('of many addresses', () => {
  let taken: Finished;
  let origin: string;
  const closing: (() => void)[] = [];
  const resultOf = (path: string) =>
    taken.lines.find(({ event, source_uri: uri }) => event === 'document' && uri === `${origin}${path}`);

  beforeAll(async () => {
    const server = await openWebServer((request, response) => PATHS[request.url ?? '']!(response, request), {
      atEnd: (close) => closing.push(close),
    });
    origin = server.url;
    const env = {
      ...{ SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on', APEX_MAX_FILE_MB: '1' },
      ...{ APEX_ANSWER_MS: '500', APEX_CONCURRENCY: '16' },
    };
    const targets = Object.keys(PATHS).map((path) => `${origin}${path}`);
    taken = await apex(['ingest', '--json', ...targets], { home: newFolder('https-trouble'), env });
    return () => {
      for (const close of closing) close();
    };
  });

  test('those that are well are taken, the others set aside, and the exit status says so', () => {
    expect([taken.exitCode, taken.stderr]).toEqual([3, '']);
    const well = Object.keys(PATHS).filter((path) => resultOf(path)?.['outcome'] === 'added');
    expect(well.sort()).toEqual(['/packed.txt', '/page', '/well.txt']);
    expect(taken.lines.at(-1)).toMatchObject({ added: 3, quarantined: Object.keys(PATHS).length - 3 });
  });

  test.each([
    ['/401.pdf', 'SOURCE_REFUSED', 'asks for credentials (401): give the headers it wants by --header-file'],
    ['/403.pdf', 'SOURCE_REFUSED', 'may not be read (403)'],
    ['/404.pdf', 'NOT_FOUND', 'is not there (404)'],
    ['/410.pdf', 'NOT_FOUND', 'is not there (410)'],
    ['/418.pdf', 'SOURCE_REQUEST', 'did not accept the request (418)'],
    ['/204.pdf', 'SOURCE_ANSWER', 'answered 204, which is no answer with a file'],
    ['/206.pdf', 'SOURCE_ANSWER', 'answered 206'],
    ['/408.pdf', 'APEX_SOURCE', 'did not answer in time (408)'],
    ['/429.pdf', 'APEX_SOURCE', 'asks to slow down (429)'],
    ['/500.pdf', 'APEX_SOURCE', 'failed (500)'],
    ['/503.pdf', 'APEX_SOURCE', 'failed (503)'],
    ['/moved-nowhere.pdf', 'SOURCE_ANSWER', 'answered 302'],
    ['/moved-wrongly.pdf', 'SOURCE_ANSWER', 'redirects to no address'],
    ['/loop.pdf', 'SOURCE_ANSWER', 'redirects more than 5 times'],
    ['/user.pdf', 'ADDRESS_REFUSED', 'redirects to 127.0.0.1 with a user in the address'],
    ['/file.pdf', 'ADDRESS_REFUSED', 'is of a kind that is not fetched (file:)'],
    ['/gopher.pdf', 'ADDRESS_REFUSED', 'is of a kind that is not fetched (gopher:)'],
    ['/private.pdf', 'ADDRESS_REFUSED', '10.0.0.1 is no address of the public internet'],
    ['/metadata.pdf', 'ADDRESS_REFUSED', '169.254.169.254 is where machines are told their credentials'],
    ['/large.txt', 'TOO_LARGE', 'has 2097152 bytes, more than the 1048576 that APEX_MAX_FILE_MB allows'],
    ['/endless.txt', 'TOO_LARGE', 'has more than the 1048576 bytes that APEX_MAX_FILE_MB allows'],
    ['/slow.txt', 'APEX_SOURCE', 'sends less than 1024 bytes a second'],
    ['/stalled.txt', 'APEX_SOURCE', 'stopped sending before the end'],
    ['/silent.txt', 'APEX_SOURCE', 'did not answer in time'],
    ['/cut.txt', 'APEX_SOURCE', 'gave no whole answer'],
    ['/cut-chunk.txt', 'APEX_SOURCE', 'gave no whole answer'],
    ['/dropped.txt', 'APEX_SOURCE', 'gave no whole answer'],
    ['/bomb.txt', 'TOO_LARGE', 'has more than the 1048576 bytes'],
    ['/not-packed.txt', 'SOURCE_ANSWER', 'is packed wrongly'],
    ['/strangely-packed.txt', 'SOURCE_ANSWER', 'is sent in an encoding that was not asked for'],
    ['/login.pdf', 'WEB_PAGE', 'answered with a web page instead of login.pdf'],
    ['/login-in-pieces.csv', 'WEB_PAGE', 'answered with a web page instead of login-in-pieces.csv'],
  ])('%s is set aside as %s', (path, code, message) => {
    expect(resultOf(path)).toMatchObject({
      outcome: 'quarantined',
      error: { code, message: expect.stringContaining(message), step: 'stage', retryable: code === 'APEX_SOURCE' },
    });
  });

  test('nothing that a server said is shown', () => {
    expect(taken.stdout).not.toContain('Canary');
  });
});

test('a server that asks to slow down is asked again when it said, and its document is taken', async () => {
  const times: number[] = [];
  const server = await openWebServer((_, response) => {
    times.push(performance.now());
    if (times.length === 1) response.writeHead(429, { 'retry-after': '2' }).end();
    else response.end(TEXT);
  });
  const { run } = openCase({}, { SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on' });
  const { exitCode, stderr } = await run('ingest', server.url);
  expect([exitCode, times.length]).toEqual([0, 2]);
  expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(1_990);
  const { host } = new URL(server.url);
  expect(stderr).toBe(`warning: ${host} asked to slow down; it is asked again in 2 s`);
});

test.each([
  ['stage', ['stage']],
  ['ingest --dry-run', ['ingest', '--dry-run']],
  ['ingest-json', ['ingest-json', '--source', 'samsara']],
])('apex %s tells that a server is waited for', async (_, args) => {
  let asked = 0;
  const server = await openWebServer((_, response) => {
    asked += 1;
    if (asked === 1) response.writeHead(503, { 'retry-after': '1' }).end();
    else response.end('[]');
  });
  const { run } = openCase({}, { SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on' });
  const { stderr } = await run(...args, `${server.url}/readings.json`);
  expect(stderr).toContain(`warning: ${new URL(server.url).host} asked to slow down; it is asked again in 1 s`);
});

test('a download that takes longer than is allowed is set aside', async () => {
  const server = await openWebServer((_, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('x'.repeat(4_000)), 100);
    response.on('close', () => clearInterval(timer));
  });
  const { run } = openCase(
    {},
    { SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on', SOURCE_TIMEOUT_SECONDS: '1' },
  );
  const { exitCode, lines } = await run('ingest', server.url);
  expect(exitCode).toBe(3);
  expect(lines.find(({ event }) => event === 'document')).toMatchObject({
    error: {
      code: 'APEX_SOURCE',
      message: expect.stringContaining('longer than the 1 seconds that SOURCE_TIMEOUT_SECONDS'),
    },
  });
});

test('a log-in page is remembered by one request, and taken back when the document is there', async () => {
  let page: string = PAGE;
  const server = await openWebServer((_, response) => response.end(page));
  const { run } = openCase({}, { SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on' });
  const ingest = async () => {
    server.requests.splice(0);
    const { exitCode, lines } = await run('ingest', `${server.url}/rates.csv`);
    const { batches } = lines.find(({ event }) => event === 'summary') as { batches: number };
    return { exitCode, batches, requests: server.requests.length };
  };
  expect(await ingest()).toEqual({ exitCode: 3, batches: 1, requests: 1 });
  expect(await ingest()).toEqual({ exitCode: 3, batches: 0, requests: 1 });
  page = 'lane,rate\nDallas,1200\n';
  expect(await ingest()).toEqual({ exitCode: 0, batches: 1, requests: 2 });
});

describe('TLS:', () => {
  async function ingestFrom(host: string, certified: string, trust = true) {
    const certificate = await makeCertificate(certified);
    const server = await openWebServer((_, response) => response.end(TEXT), { certificate });
    const { run } = openCase(
      {},
      {
        SOURCE_ALLOWED_HOSTS: '127.0.0.1 localhost',
        ...(trust && { NODE_EXTRA_CA_CERTS: certificate.path }),
      },
    );
    const { exitCode, lines } = await run('ingest', `https://${host}:${server.port}/a.txt`);
    return {
      exitCode,
      requests: server.requests.length,
      error: lines.find(({ event }) => event === 'document')?.['error'],
    };
  }

  test('a certificate of an unknown authority is refused', async () => {
    expect(await ingestFrom('127.0.0.1', 'IP:127.0.0.1', false)).toMatchObject({
      ...{ exitCode: 3, requests: 0 },
      error: {
        code: 'TLS_REFUSED',
        message: expect.stringMatching(/certificate that cannot be trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/),
      },
    });
  });

  test('a certificate of another host is refused', async () => {
    expect(await ingestFrom('127.0.0.1', 'DNS:other.example')).toMatchObject({
      ...{ exitCode: 3, requests: 0 },
      error: { code: 'TLS_REFUSED', message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID') },
    });
  });

  test('the name of the address is the one that is certified, though the connection goes to what it stands for', async () => {
    expect(await ingestFrom('localhost', 'DNS:localhost')).toEqual({ exitCode: 0, requests: 1, error: undefined });
  });

  test('a redirect to what is not encrypted is refused, also where that is allowed', async () => {
    const certificate = await makeCertificate('IP:127.0.0.1');
    const plain = await openWebServer((_, response) => response.end(TEXT));
    const server = await openWebServer((_, response) => response.writeHead(302, { location: plain.url }).end(), {
      certificate,
    });
    const env = { SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on', NODE_EXTRA_CA_CERTS: certificate.path };
    const { exitCode, lines } = await openCase({}, env).run('ingest', `${server.url}/a.txt`);
    expect([exitCode, plain.connections]).toEqual([3, 0]);
    expect(lines.find(({ event }) => event === 'document')).toMatchObject({
      error: { code: 'ADDRESS_REFUSED', message: expect.stringContaining('redirects from https: to http:') },
    });
  });

  test('a server that speaks none is refused', async () => {
    const server = await openWebServer((_, response) => response.end(TEXT));
    const { run } = openCase({}, { SOURCE_ALLOWED_HOSTS: '127.0.0.1' });
    const { exitCode, lines } = await run('ingest', `https://127.0.0.1:${server.port}/`);
    expect(exitCode).toBe(3);
    expect(lines.find(({ event }) => event === 'document')).toMatchObject({
      error: { code: 'TLS_REFUSED', message: expect.stringContaining('does not speak TLS as it should') },
    });
  });
});

describe('a target is refused before anything is fetched:', () => {
  test.each([
    ['an address with a user', 'https://me:Canary@127.0.0.1/a.pdf', 2, 'has a user in it'],
    ['an address with a token for a user', 'https://Canary@127.0.0.1/a.pdf', 2, 'has a user in it'],
    ['file:', 'file:///etc/passwd', 2, 'file:// addresses are not read: give the path itself'],
    ['gopher:', 'gopher://127.0.0.1:70/', 2, 'gopher:// addresses are not read'],
    ['ftp:', 'ftp://127.0.0.1/a.pdf', 2, 'ftp:// addresses are not read'],
    ['an address without a host', 'https://', 2, 'is no address that can be read'],
    ['an address with a port that is none', 'https://127.0.0.1:Canary/', 2, 'is no address that can be read'],
    ['http: unless it is allowed', 'http://127.0.0.1/a.pdf', 78, 'would be asked without encryption'],
  ])('%s', async (_, target, exitStatus, problem) => {
    const { run } = openCase({}, { SOURCE_ALLOWED_HOSTS: '127.0.0.1' });
    const { exitCode, stdout, stderr } = await run('ingest', target);
    expect(`${stdout}${stderr}`).toContain(problem);
    expect([exitCode, `${stdout}${stderr}`.includes('Canary')]).toEqual([exitStatus, false]);
  });

  test('wrong hosts in the setting are named', async () => {
    const { run } = openCase({}, { SOURCE_ALLOWED_HOSTS: '10.0.0.0/8, 10.0.0.0/33' });
    const { exitCode, stderr } = await run('ingest', 'https://127.0.0.1/');
    expect([exitCode, stderr]).toEqual([78, expect.stringContaining('10.0.0.0/33 is no host')]);
  });
});
