import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { openDnsServer } from '../helpers/dns-server.ts';
import { startApex } from '../helpers/program.ts';
import { KEYS, openS3Case, refuse } from '../helpers/s3-server.ts';
import { openWebServer } from '../helpers/web-server.ts';

/**
 * Goal: whatever a server of buckets does, the message says what failed, where, and what to do, with the right exit status; one object
 * costs one document. Method: the built program asks a server of the tests that does each of it; what it says may not be shown.
 */

const MEGABYTE = 1_048_576;
const TEXT = 'Bay nine is free from noon.';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const refusing =
  (status: number, code: string, headers: Record<string, string> = {}): Answer =>
  (response) =>
    refuse(response, status, code, { headers });

/** What each key does. */
const KEYS_IN_TROUBLE: { readonly [key: string]: Answer } = {
  'denied.txt': refusing(403, 'AccessDenied'),
  'unknown.txt': refusing(403, 'InvalidAccessKeyId'),
  'unsigned.txt': refusing(403, 'SignatureDoesNotMatch'),
  'expired.txt': refusing(400, 'ExpiredToken'),
  'skewed.txt': refusing(403, 'RequestTimeTooSkewed', { date: new Date(Date.now() + 40 * 60_000).toUTCString() }),
  'archived.txt': refusing(403, 'InvalidObjectState'),
  'elsewhere.txt': refusing(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'eu-central-1' }),
  'malformed.txt': (response) =>
    refuse(response, 400, 'AuthorizationHeaderMalformed', { inside: '<Region>ap-south-1</Region>' }),
  'gone.txt': refusing(404, 'NoSuchKey'),
  'strange.txt': refusing(400, 'InvalidArgument'),
  'strange-code.txt': refusing(418, '<b>Canary</b>'),
  'slow-down.txt': refusing(503, 'SlowDown', { 'retry-after': '0' }),
  'failing.txt': refusing(500, 'InternalError', { 'retry-after': '0' }),
  'unavailable.txt': (response) => response.writeHead(502, { 'retry-after': '0' }).end('<html>Canary</html>'),
  'timed-out.txt': refusing(400, 'RequestTimeout', { 'retry-after': '0' }),
  'partial.txt': (response) => response.writeHead(206).end('half'),
  'cut.txt': (response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
  },
  'cut-refusal.txt': (response) => {
    response.writeHead(403, { 'content-length': '100' }).write('<Error><Code>Ac', () => response.destroy());
  },
  'stalled.txt': (response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half');
  },
  'silent.txt': () => {},
  'dropped.txt': (response) => response.destroy(),
  'large.txt': (response) => response.writeHead(200, { 'content-length': String(2 * MEGABYTE) }).write('x'),
  'loop.txt': (response, { url }) =>
    response.writeHead(307, { location: `http://${response.req.headers.host}${url}` }).end(),
  'foreign.txt': (response) => response.writeHead(307, { location: 'http://bucket.evil.example/a.txt' }).end(),
  'metadata.txt': (response) => response.writeHead(307, { location: 'http://169.254.169.254/latest/' }).end(),
  'nowhere.txt': (response) => response.writeHead(307, { location: 'http://' }).end(),
};

test('of many objects those that are well are taken, the others set aside with a reason that says what to do', async () => {
  const s3 = await openS3Case({ 'well.txt': TEXT });
  s3.interfere = (request, response, key) => {
    const answer = KEYS_IN_TROUBLE[key ?? ''];
    answer?.(response, request);
    return answer === undefined ? null : true;
  };
  const targets = ['well.txt', ...Object.keys(KEYS_IN_TROUBLE)].map((key) => `s3://freight/${key}`);
  const settings = { APEX_ANSWER_MS: '500', APEX_CONCURRENCY: '16', APEX_MAX_FILE_MB: '1' };
  const { exitCode, lines, stdout, stderr } = await s3.runWith(settings, 'ingest', ...targets);
  expect([exitCode, stderr]).toEqual([3, '']);
  const of = (key: string) =>
    lines.find(({ event, source_uri: uri }) => event === 'document' && uri === `s3://freight/${key}`);
  expect(of('well.txt')).toMatchObject({ outcome: 'added' });
  const told = Object.keys(KEYS_IN_TROUBLE).map((key) => {
    const { code, message, retryable, step } = of(key)!['error'] as Record<string, unknown>;
    return [key, code, String(message).replaceAll(s3.server.url.slice(7), 'HOST'), retryable, step];
  });
  expect(told).toMatchSnapshot();
  expect(`${stdout}${stderr}`).not.toMatch(/Canary|secret-of-the-tests/);
});

describe('a prefix that cannot be listed ends with a problem:', () => {
  async function list(answer: Answer, env: Record<string, string> = {}, target = 's3://freight/in/') {
    const s3 = await openS3Case({ 'in/a.txt': TEXT });
    s3.interfere = (request, response) => {
      answer(response, request);
      return true;
    };
    const { exitCode, lines, stdout, stderr } = await s3.runWith(env, 'ingest', target);
    expect(`${stdout}${stderr}`).not.toMatch(/Canary|secret-of-the-tests/);
    const problem = lines.find(({ event }) => event === 'problem');
    return { exitCode, code: problem?.['code'], message: problem?.['message'], requests: s3.server.requests.length };
  }

  test.each([
    [
      'a bucket that is not there',
      refusing(404, 'NoSuchBucket'),
      2,
      'NOT_FOUND',
      /in a bucket that is not there .*AWS_ENDPOINT_URL/,
    ],
    [
      'no right to list',
      refusing(403, 'AccessDenied'),
      78,
      'SOURCE_REFUSED',
      /their owner needs s3:ListBucket; .* AWS_ACCESS_KEY_ID/,
    ],
    [
      'a wrong secret',
      refusing(403, 'SignatureDoesNotMatch'),
      78,
      'SOURCE_REFUSED',
      /the secret key is not that of the access key/,
    ],
    [
      'a clock that is wrong',
      refusing(403, 'RequestTimeTooSkewed', { date: new Date(Date.now() - 25 * 60_000).toUTCString() }),
      78,
      'SOURCE_REFUSED',
      /the clock of this machine is wrong .*25 minutes ahead of that of .*; set it right/,
    ],
    [
      'another region',
      refusing(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'eu-west-3' }),
      78,
      'SOURCE_REFUSED',
      /was asked for in us-east-1, but its bucket lies in eu-west-3 .*set AWS_REGION=eu-west-3/,
    ],
    [
      'an answer that is a web page',
      (response) => response.end('<html>Canary</html>'),
      75,
      'SOURCE_ANSWER',
      /no listing of S3/,
    ],
    ['JSON', (response) => response.end('{"Canary":1}'), 75, 'SOURCE_ANSWER', /no listing of S3/],
    ['nothing', (response) => response.end(), 75, 'SOURCE_ANSWER', /no listing of S3/],
    [
      'elements that nest without end',
      (response) => response.end(`<ListBucketResult>${'<a>'.repeat(100_000)}`),
      75,
      'SOURCE_ANSWER',
      /breaks off/,
    ],
    [
      'more keys that nobody can ask for',
      (response) => response.end('<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>'),
      75,
      'SOURCE_ANSWER',
      /does not say how to ask/,
    ],
  ] satisfies [string, Answer, number, string, RegExp][])('%s', async (_, answer, exitStatus, code, message) => {
    expect(await list(answer)).toMatchObject({ exitCode: exitStatus, code, message: expect.stringMatching(message) });
  });

  test('pages in a circle, which is noticed at its second page', async () => {
    const circle: Answer = (response) => {
      const inside =
        '<Contents><Key>in/x/</Key><Size>0</Size></Contents><NextContinuationToken>a</NextContinuationToken>';
      response.end(`<ListBucketResult><IsTruncated>true</IsTruncated>${inside}</ListBucketResult>`);
    };
    expect(await list(circle)).toMatchObject({ exitCode: 75, code: 'ENDLESS_PAGES', requests: 2 });
  });

  test('new pages without keys, for ever', async () => {
    let count = 0;
    const endless: Answer = (response) => {
      count += 1;
      response.end(
        `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>${count}</NextContinuationToken></ListBucketResult>`,
      );
    };
    expect(await list(endless)).toMatchObject({ exitCode: 75, code: 'ENDLESS_PAGES' });
    expect(count).toBeLessThan(200);
  });

  test('a server that fails, or whose pages break off, is asked three times, when it said', async () => {
    expect(await list(refusing(503, 'SlowDown', { 'retry-after': '0' }))).toMatchObject({
      ...{ exitCode: 75, code: 'APEX_SOURCE', requests: 3 },
      message: expect.stringContaining('asks to slow down (SlowDown, 503)'),
    });
    const cut: Answer = (response) => response.end('<ListBucketResult><IsTruncated>false</IsTruncated>');
    expect(await list(cut)).toMatchObject({ exitCode: 75, code: 'SOURCE_ANSWER', requests: 3 });
  });

  test('a server that is not there', async () => {
    const { run } = openCase({}, { ...KEYS, AWS_ENDPOINT_URL: 'http://127.0.0.1:9' });
    const { exitCode, lines } = await run('ingest', 's3://freight/in/');
    expect([exitCode, lines[0]]).toMatchObject([75, { code: 'APEX_SOURCE' }]);
    expect(lines[0]!['message']).toMatch(/127.0.0.1:9.*nothing listens there/);
  });
});

test('a server that is silent holds nobody who interrupts: the listing ends, and nothing is said to be gone', async () => {
  const s3 = await openS3Case({ 'in/a.txt': TEXT });
  await s3.ingest('s3://freight/in/');
  for (const isSilent of [(path: string) => path.includes('list-type'), (path: string) => path.includes('a.txt')]) {
    delete s3.objects['in/a.txt'];
    s3.objects['in/b.txt'] = 'Bay ten is closed.';
    const asked = Promise.withResolvers<void>();
    s3.interfere = (request) => {
      if (!isSilent(request.url ?? '')) return null;
      asked.resolve();
      return true;
    };
    const started = startApex(['ingest', '--sync', 's3://freight/in/', '--json'], { home: s3.home, env: s3.env });
    await asked.promise;
    started.kill('SIGINT');
    const { exitCode, lines } = await started.finished;
    expect([exitCode, lines.filter(({ event }) => event === 'problem')]).toEqual([130, []]);
  }
  s3.interfere = () => null;
  expect((await s3.run('resume')).lines.at(-1)).toMatchObject({ deleted: 1 });
});

test('an object that is named itself is taken though the prefix that it lies under may not be listed', async () => {
  const s3 = await openS3Case({ 'in/a.txt': TEXT });
  s3.interfere = (_, response, key) => (key === null ? refuse(response, 403, 'AccessDenied') : null);
  const { exitCode, outcomes } = await s3.ingest('s3://freight/in/', 's3://freight/in/a.txt');
  expect([exitCode, outcomes]).toEqual([78, { 's3://freight/in/a.txt': 'added' }]);
});

test('what may not be asked after is not gone', async () => {
  const s3 = await openS3Case({ 'in/a.txt': TEXT, 'in/b.txt': 'Bay ten is closed.' });
  await s3.ingest('s3://freight/in/');
  delete s3.objects['in/a.txt'];
  s3.interfere = (request, response) => {
    if (request.method !== 'HEAD') return null;
    response.writeHead(403).end();
    return true;
  };
  const { exitCode, lines } = await s3.ingest('--sync', 's3://freight/in/');
  expect([exitCode, lines.at(-1)]).toMatchObject([0, { deleted: 0, unchanged: 1 }]);
});

test('a listing goes on after a page that failed once', async () => {
  const s3 = await openS3Case({ 'in/a.txt': TEXT, 'in/b.txt': 'Bay ten is closed.' }, { pageKeys: 1 });
  let failures = 0;
  s3.interfere = (request, response) => {
    if (!(request.url ?? '').includes('continuation-token') || failures > 0) return null;
    failures += 1;
    return refuse(response, 500, 'InternalError', { headers: { 'retry-after': '0' } });
  };
  const { exitCode, lines, stderr } = await s3.ingest('s3://freight/in/');
  expect([exitCode, failures, lines.at(-1)!['added']]).toEqual([0, 1, 2]);
  expect(stderr).toBe('warning: s3 asked to slow down; it is asked again in 1 s');
});

test('a redirect to the same site is followed, signed anew; keys are sent to no other', async () => {
  const s3 = await openS3Case({ 'in/a.txt': TEXT });
  const foreign = await openWebServer((_, response) => response.end(TEXT));
  s3.interfere = (request, response, key) => {
    if (key !== 'in/moved.txt' && key !== 'in/away.txt') return null;
    const host = key === 'in/away.txt' ? foreign.url : `http://${request.headers.host}`;
    response.writeHead(307, { location: `${host}/freight/in/a.txt` }).end();
    return true;
  };
  const { exitCode, lines } = await s3.ingest('s3://freight/in/moved.txt', 's3://freight/in/away.txt');
  const of = (key: string) => lines.find(({ source_uri: uri }) => uri === `s3://freight/${key}`);
  expect([exitCode, foreign.connections]).toEqual([3, 0]);
  expect(of('in/moved.txt')).toMatchObject({ outcome: 'added' });
  expect(of('in/away.txt')).toMatchObject({ error: { code: 'FOREIGN_LINK' } });
});

describe('where buckets stand before the host', () => {
  async function openVirtualCase(answer: (name: string) => readonly string[]) {
    const names = await openDnsServer(answer);
    const s3 = await openS3Case({ 'in/a.txt': TEXT, 'in/b.txt': 'Bay ten is closed.' });
    const { port } = s3.server;
    const env = {
      ...{ AWS_ENDPOINT_URL: `http://s3.corp.example:${port}`, SOURCE_S3_ADDRESSING: 'virtual' },
      APEX_DNS_SERVER: names.place,
    };
    // As the server has it in the path.
    s3.interfere = (request) => {
      const bucket = /^([^.]+)\.[a-z.]*s3\.corp\.example/.exec(request.headers.host ?? '')?.[1];
      if (bucket !== undefined) request.url = `/${bucket}${request.url}`;
      return null;
    };
    return { s3, env, port, names };
  }

  test('they are asked for there, also after a redirect to a host below the endpoint', async () => {
    const { s3, env, port } = await openVirtualCase(() => ['127.0.0.1']);
    const { interfere } = s3;
    s3.interfere = (request, response, key) => {
      if (request.headers.host === `freight.s3.corp.example:${port}` && request.url === '/in/b.txt') {
        response.writeHead(307, { location: `http://freight.west.s3.corp.example:${port}/in/b.txt` }).end();
        return true;
      }
      return interfere(request, response, key);
    };
    const { exitCode, lines } = await s3.runWith(env, 'ingest', 's3://freight/in/');
    expect([exitCode, lines.at(-1)]).toMatchObject([0, { added: 2 }]);
    const hosts = new Set(s3.server.requests.map(({ headers }) => headers['host']));
    expect([...hosts].sort()).toEqual([`freight.s3.corp.example:${port}`, `freight.west.s3.corp.example:${port}`]);
  });

  test('AWS itself is asked in the region, encrypted, and only where its name stands for a public address', async () => {
    const { s3, names } = await openVirtualCase(() => ['127.0.0.1']);
    const env = { APEX_DNS_SERVER: names.place, AWS_ENDPOINT_URL: '', AWS_REGION: 'eu-central-1' };
    const { exitCode, lines } = await s3.runWith(env, 'ingest', 's3://freight/in/');
    expect([exitCode, lines[0]]).toMatchObject([78, { event: 'problem', code: 'ADDRESS_REFUSED' }]);
    expect(lines[0]!['message']).toContain('freight.s3.eu-central-1.amazonaws.com (127.0.0.1) is no address');
    expect(names.questions[0]!.name).toBe('freight.s3.eu-central-1.amazonaws.com');
  });
});

describe('settings:', () => {
  const NONE = {
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_PROFILE: '',
    AWS_REGION: '',
    AWS_ENDPOINT_URL: '',
  };

  async function ingestWith(profiles: Record<string, string>, env: (root: string) => Record<string, string>) {
    const s3 = await openS3Case({ 'in/a.txt': TEXT });
    const root = dirname(s3.home);
    for (const [name, text] of Object.entries(profiles)) {
      mkdirSync(join(root, '.aws'), { recursive: true });
      writeFileSync(join(root, '.aws', name), text.replaceAll('ENDPOINT', s3.server.url));
    }
    const { exitCode, stdout, stderr } = await s3.runWith(
      { ...NONE, HOME: root, ...env(root) },
      'ingest',
      's3://freight/in/',
    );
    expect(`${stdout}${stderr}`).not.toContain('secret-of-the-tests');
    const { authorization } = s3.server.requests[0]?.headers ?? {};
    const runs = (await s3.run('runs', 'list')).lines.map(({ state }) => state);
    return { exitCode, stderr: stderr.replaceAll(root, 'ROOT'), authorization, runs };
  }

  test('keys, region and endpoint come from the files of profiles', async () => {
    const { exitCode, authorization } = await ingestWith(
      {
        credentials:
          '# mine\n[default]\naws_access_key_id = OTHER\n\n[yard]\naws_access_key_id=AKIDYARD\naws_secret_access_key = secret-of-the-tests\n',
        config:
          '[profile yard]\nregion = eu-central-1\nservices = local\n[services local]\ns3 =\n  endpoint_url = ENDPOINT\n',
      },
      () => ({ AWS_PROFILE: 'yard' }),
    );
    expect([exitCode, authorization]).toEqual([
      0,
      expect.stringMatching(/Credential=AKIDYARD\/\d{8}\/eu-central-1\/s3\//),
    ]);
  });

  test('variables count before the profile', async () => {
    const { exitCode, authorization } = await ingestWith(
      { credentials: '[default]\naws_access_key_id = OTHER\naws_secret_access_key = other\nendpoint_url = ENDPOINT\n' },
      () => ({ ...KEYS, AWS_DEFAULT_REGION: 'eu-west-2' }),
    );
    expect([exitCode, authorization]).toEqual([
      0,
      expect.stringMatching(/Credential=AKIDEXAMPLE\/\d{8}\/eu-west-2\/s3\//),
    ]);
  });

  test.each([
    [
      'no keys at all',
      {},
      {},
      /s3:\/\/ locations need keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or put them into profile "default" of ROOT\/\.aws\/credentials/,
    ],
    ['half of the keys', {}, { AWS_ACCESS_KEY_ID: 'A' }, /need AWS_SECRET_ACCESS_KEY beside its other half/],
    [
      'a profile that is not there',
      {},
      { AWS_PROFILE: 'yard' },
      /there is no profile "yard" in ROOT.*check AWS_PROFILE/,
    ],
    [
      'a file that is not there',
      {},
      { AWS_SHARED_CREDENTIALS_FILE: '/nowhere/keys' },
      /file of profiles \/nowhere\/keys cannot be read \(ENOENT\)/,
    ],
    [
      'a way to keys that apex does not go',
      { config: '[default]\nsso_session = work\n' },
      {},
      /gets its keys by sso_session, which apex does not do: `aws configure export-credentials/,
    ],
    [
      'an endpoint that is no address',
      {},
      { ...KEYS, AWS_ENDPOINT_URL_S3: 'localhost' },
      /AWS_ENDPOINT_URL_S3 is "localhost"/,
    ],
    [
      'a region that is none',
      {},
      { ...KEYS, AWS_REGION: 'evil.example/' },
      /"evil.example\/" is no region: set AWS_REGION/,
    ],
  ] as [string, Record<string, string>, Record<string, string>, RegExp][])(
    '%s is told, exit status 78, and no run is listed',
    async (_, profiles, env, message) => {
      expect(await ingestWith(profiles, () => env)).toMatchObject({
        ...{ exitCode: 78, runs: [] },
        stderr: expect.stringMatching(message),
      });
    },
  );

  test('files of records that lie in a bucket need the keys, too: no run is listed', async () => {
    const s3 = await openS3Case({ 'readings.json': '[]' });
    const env = { ...NONE, HOME: dirname(s3.home) };
    const { exitCode, stderr } = await s3.runWith(
      env,
      'ingest-json',
      '--source',
      'samsara',
      's3://freight/readings.json',
    );
    expect([exitCode, stderr]).toEqual([78, expect.stringContaining('s3:// locations need keys')]);
    expect((await s3.run('runs', 'list')).stdout).toBe('');
  });

  test('where clouds tell machines their credentials nothing is asked, though it is named as the endpoint', async () => {
    const { run } = openCase({}, { ...KEYS, AWS_ENDPOINT_URL: 'http://169.254.169.254' });
    const { exitCode, lines } = await run('ingest', 's3://freight/in/');
    expect([exitCode, lines[0]]).toMatchObject([78, { code: 'ADDRESS_REFUSED' }]);
  });

  test.each([
    ['s3://', /names no bucket: write s3:\/\/bucket\/key/],
    ['s3:///key', /names no bucket/],
    ['s3://../key', /names no bucket/],
    ['s3://a@b/key', /names no bucket/],
  ])('%s is refused before anything is asked', async (target, message) => {
    const { exitCode, stderr } = await openCase({}, KEYS).run('ingest', target);
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});
