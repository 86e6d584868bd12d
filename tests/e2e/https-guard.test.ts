import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { openDnsServer } from '../helpers/dns-server.ts';
import { PRIVATE_HOSTS } from '../helpers/private-addresses.ts';
import { openWebServer } from '../helpers/web-server.ts';

/**
 * Goal: no address makes apex reach what is not public. Method: the built program is given such addresses in every form, and names that
 * a name server of the tests lets stand for now this and now that; a server on loopback sees whether anybody comes.
 */

const TEXT = 'Bay nine is free from noon.';
/** Public by its number; nobody has it, and no machine of the tests can reach it. */
const NOWHERE = '2d00::1';

test('no form of a private address is fetched from', async () => {
  const server = await openWebServer((_, response) => response.end(TEXT));
  const { run } = openCase({}, { SOURCE_ALLOW_HTTP: 'on', APEX_ANSWER_MS: '500' });
  const hosts = Object.values(PRIVATE_HOSTS);
  expect(hosts.length).toBeGreaterThan(60);
  const { exitCode, lines } = await run(
    'ingest',
    ...hosts.map((host, index) => `http://${host}:${server.port}/${index}.txt`),
  );
  const refused = lines.filter(
    ({ event, error }) => event === 'document' && (error as { code: string }).code === 'ADDRESS_REFUSED',
  );
  expect([exitCode, refused.length, server.connections]).toEqual([3, hosts.length, 0]);
});

describe('a name', () => {
  /** Ingests an address of a name, and tells what became of it and who was asked. */
  async function ingestNamed(
    answer: (name: string, round: number) => readonly string[],
    env: Record<string, string> = {},
  ) {
    const server = await openWebServer((_, response) => response.end(TEXT));
    const names = await openDnsServer(answer);
    const { run } = openCase(
      {},
      { SOURCE_ALLOW_HTTP: 'on', APEX_ANSWER_MS: '1000', APEX_DNS_SERVER: names.place, ...env },
    );
    const { exitCode, lines } = await run('ingest', `http://changing.example:${server.port}/a.txt`);
    const error = lines.find(({ event }) => event === 'document')?.['error'] as { code: string; message: string };
    return { exitCode, error, connections: server.connections, questions: names.questions.length };
  }

  test('that stands for a private address is refused, and named with it', async () => {
    expect(await ingestNamed(() => ['127.0.0.1'])).toEqual({
      ...{ exitCode: 3, connections: 0 },
      questions: 2,
      error: expect.objectContaining({
        code: 'ADDRESS_REFUSED',
        message: expect.stringContaining('changing.example (127.0.0.1)'),
      }),
    });
  });

  test('that stands for a public and a private address is refused, whichever comes first', async () => {
    for (const answer of [
      [NOWHERE, '127.0.0.1'],
      ['127.0.0.1', NOWHERE],
    ])
      expect(await ingestNamed(() => answer)).toMatchObject({ connections: 0, error: { code: 'ADDRESS_REFUSED' } });
  });

  test('that stands for a public address when it is looked at, and for a private one a moment later, leads to none', async () => {
    const { error, connections, questions } = await ingestNamed((_, round) =>
      round === 0 ? [NOWHERE] : ['127.0.0.1'],
    );
    // The first attempt goes to the address that was looked at; the second looks again.
    expect([error.code, connections, questions]).toEqual(['ADDRESS_REFUSED', 0, 4]);
  });

  test('is asked for once for each connection, which goes to what was answered', async () => {
    const { exitCode, connections, questions } = await ingestNamed(
      (_, round) => (round === 0 ? ['127.0.0.1'] : [NOWHERE]),
      {
        SOURCE_ALLOWED_HOSTS: 'changing.example',
      },
    );
    expect([exitCode, connections, questions]).toEqual([0, 1, 2]);
  });

  test('that nobody knows is told as such', async () => {
    const { exitCode, error } = await ingestNamed(() => []);
    expect([exitCode, error.code]).toEqual([3, 'APEX_SOURCE']);
  });
});

test('a redirect to a name that stands for a private address is refused', async () => {
  const server = await openWebServer((request, response) =>
    request.headers.host?.startsWith('outer') === true
      ? response.writeHead(302, { location: `http://inner.example:${server.port}/` }).end()
      : response.end('secret'),
  );
  const names = await openDnsServer(() => ['127.0.0.1']);
  const { run } = openCase(
    {},
    { SOURCE_ALLOW_HTTP: 'on', APEX_DNS_SERVER: names.place, SOURCE_ALLOWED_HOSTS: 'outer.example' },
  );
  const { lines } = await run('ingest', `http://outer.example:${server.port}/a.txt`);
  expect(lines.find(({ event }) => event === 'document')).toMatchObject({
    error: { code: 'ADDRESS_REFUSED', message: expect.stringContaining('inner.example (127.0.0.1)') },
  });
  expect(server.requests.map(({ path }) => path)).toEqual(['/a.txt', '/a.txt'].slice(0, server.requests.length));
});

test('no proxy of the environment is used', async () => {
  let proxied = 0;
  const proxy = createServer((socket) => {
    proxied += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.close();
  });
  const server = await openWebServer((_, response) => response.end(TEXT));
  const address = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`;
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
  const { run } = openCase(
    {},
    {
      ...Object.fromEntries(names.map((name) => [name, address])),
      ...{ NODE_USE_ENV_PROXY: '1', NO_PROXY: '', SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on' },
    },
  );
  const { exitCode } = await run('ingest', `${server.url}/a.txt`);
  expect([exitCode, server.requests.length, proxied]).toEqual([0, 1, 0]);
});
