import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { expectEnd } from '../helpers/bad-input.ts';
import { expectRefused, openTrial, SECRETS, startLiar } from '../helpers/bad-servers.ts';
import { cypher } from '../helpers/neo4j.ts';
import { withClient } from '../helpers/postgres.ts';
import { QDRANT_KEY } from '../helpers/qdrant.ts';
import { makeCertificate, startTlsBefore } from '../helpers/tls.ts';
import { serverEnvironment } from '../servers/environment.ts';
import { openQdrantStandIn } from '../servers/qdrant/stand-in.ts';

/**
 * Goal: a server that cannot be used is told of with what failed, where and what to do, harms nothing, and the same command completes
 * when that is mended. Method: the built program with wrong addresses, passwords, rights, certificates, versions and formats.
 */

const servers = inject('servers');
const [WRONG] = SECRETS;
const NOWHERE = 'nowhere.invalid';

type Environment = Record<string, string>;

/** Settings of one role in a place of its own, with changes to its address. */
function records(changes: Partial<URL> = {}): Environment {
  const url = Object.assign(new URL(servers.postgres!), changes);
  const schema = `apex_${randomBytes(8).toString('hex')}`;
  onTestFinished(() =>
    withClient(async (client) => void (await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`))),
  );
  return { DATABASE_URL: url.href, APEX_POSTGRES_SCHEMA: schema };
}

function graph(changes: Environment = {}): Environment {
  const { NEO4J_URI, NEO4J_USERNAME, NEO4J_PASSWORD } = serverEnvironment()!;
  return { NEO4J_URI: NEO4J_URI!, NEO4J_USERNAME: NEO4J_USERNAME!, NEO4J_PASSWORD: NEO4J_PASSWORD!, ...changes };
}

function vectors(changes: Environment = {}, prefix = `apex-bad-${randomUUID().slice(0, 8)}`): Environment {
  const key: Environment = QDRANT_KEY === null ? {} : { QDRANT_API_KEY: QDRANT_KEY };
  return { QDRANT_URL: servers.qdrant!, APEX_QDRANT_COLLECTION: prefix, ...key, ...changes };
}

const portOf = (url: string) => Number(new URL(url).port);

/** Asks the Qdrant of the tests past apex. */
async function askQdrant(path: string, method: string, body?: object): Promise<void> {
  const key: Environment = QDRANT_KEY === null ? {} : { 'api-key': QDRANT_KEY };
  const headers = { 'content-type': 'application/json', ...key };
  const response = await fetch(`${servers.qdrant}${path}`, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  expect(response.ok, path).toBe(true);
}

const isAll = serverEnvironment() !== null;

describe.skipIf(!isAll)('an address', () => {
  test.each<[string, Environment, RegExp]>([
    [
      'DATABASE_URL',
      { DATABASE_URL: `postgres://u:${WRONG}@[bad/x` },
      /DATABASE_URL is "postgres:\/\/\[redacted\]@\[bad\/x"/,
    ],
    ['DATABASE_URL', { DATABASE_URL: `mysql://u:${WRONG}@host/x` }, /begins with postgres:\/\/ or postgresql:\/\//],
    [
      'DATABASE_URL',
      { DATABASE_URL: 'postgres://u@127.0.0.1/x?sslrootcert=/gone.pem' },
      /names \/gone\.pem, which cannot be read/,
    ],
    ['NEO4J_URI', { NEO4J_URI: 'bolt://[bad' }, /NEO4J_URI is "bolt:\/\/\[bad"/],
    ['NEO4J_URI', { NEO4J_URI: 'http://127.0.0.1:7474' }, /begins with bolt:\/\//],
    ['NEO4J_URI', { NEO4J_URI: `bolt://neo4j:${WRONG}@127.0.0.1` }, /set NEO4J_USERNAME and NEO4J_PASSWORD instead/],
    ['QDRANT_URL', { QDRANT_URL: 'http://[bad' }, /QDRANT_URL is "http:\/\/\[bad"/],
    ['QDRANT_URL', { QDRANT_URL: 'grpc://127.0.0.1:6334' }, /begins with http:\/\/ or https:\/\//],
    ['REDIS_URL', { REDIS_URL: `redis://:${WRONG}@[bad` }, /REDIS_URL is "redis:\/\/\[redacted\]@\[bad"/],
    ['REDIS_URL', { REDIS_URL: 'http://127.0.0.1:6379' }, /begins with redis:\/\/ or rediss:\/\//],
  ])('%s that is none: %o', async (name, wrong, said) => {
    await expectRefused({ wrong, right: {} }, 78, name, said);
  });

  test.each<[string, () => Environment, () => Environment, string, RegExp]>([
    ...(
      [
        ['the records store', () => records({ hostname: NOWHERE }), records, NOWHERE],
        ['the records store', () => records({ port: '1' }), records, '127.0.0.1:1'],
        ['the graph', () => graph({ NEO4J_URI: `bolt://${NOWHERE}` }), graph, `${NOWHERE}:7687`],
        ['the graph', () => graph({ NEO4J_URI: `neo4j://${NOWHERE}` }), graph, `${NOWHERE}:7687`],
        ['the graph', () => graph({ NEO4J_URI: 'bolt://127.0.0.1:1' }), graph, '127.0.0.1:1'],
        ['Qdrant', () => vectors({ QDRANT_URL: `http://${NOWHERE}` }), vectors, `${NOWHERE}:6333`],
        ['Qdrant', () => vectors({ QDRANT_URL: 'http://127.0.0.1:2' }), vectors, '127.0.0.1:2'],
      ] as const
    ).map(([what, wrong, right, place]): [string, () => Environment, () => Environment, string, RegExp] => [
      ...([what, wrong, () => right(), place] as const),
      /cannot be found: is the name of the host right|refuses connections: is it running|cannot be reached; check QDRANT_URL/,
    ]),
  ])('of %s where nothing is: waited for, then 75 (%#)', async (what, wrong, right, place, said) => {
    await expectRefused(
      { wrong: wrong(), right: right() },
      75,
      `has not answered for 1 s: ${what} at ${place}`,
      said,
      'apex doctor',
    );
  });

  test('of a cache where nothing is: told once, with where and why', async () => {
    const trial = openTrial();
    const finished = await trial.ingest({ REDIS_URL: `redis://:${WRONG}@${NOWHERE}` });
    expectEnd(
      finished,
      0,
      /warning: the cache does not answer; the run goes on without it \(Redis at nowhere\.invalid cannot be found; .*ENOTFOUND/,
    );
  });
});

describe.skipIf(!isAll)('who may not', () => {
  test('a wrong password, or an unknown user, of PostgreSQL', async () => {
    for (const change of [{ password: WRONG! }, { username: 'nobody-known' }])
      await expectRefused(
        { wrong: records(change), right: records() },
        ...([
          78,
          /the records store at 127\.0\.0\.1:\d+\/postgres does not take this user with this password/,
        ] as const),
        'correct them in DATABASE_URL',
      );
  });

  test('no password for PostgreSQL', async () => {
    const wrong = records({ password: '' });
    await expectRefused({ wrong, right: records() }, 78, /^apex: the records store/m, 'asks for a password');
  });

  test('a wrong password of Neo4j', async () => {
    const wrong = graph({ NEO4J_PASSWORD: WRONG! });
    await expectRefused({ wrong, right: graph() }, 78, /the graph at 127\.0\.0\.1:\d+ refuses user name or password/);
  });

  test('a wrong key of Qdrant, or none', async () => {
    const own = await openQdrantStandIn({ apiKey: 'key-of-the-tests' });
    onTestFinished(own.stop);
    const right = { QDRANT_URL: own.url, QDRANT_API_KEY: 'key-of-the-tests' };
    for (const wrong of [{ QDRANT_URL: own.url }, { QDRANT_URL: own.url, QDRANT_API_KEY: WRONG! }])
      await expectRefused(
        { wrong, right },
        78,
        /Qdrant at 127\.0\.0\.1:\d+ does not take the API key; set QDRANT_API_KEY/,
      );
  });

  test('a wrong password of Redis is told once, and changes nothing', async () => {
    const url = new URL(servers.redis!);
    url.password = WRONG!;
    const trial = openTrial();
    const finished = await trial.ingest({ REDIS_URL: url.href });
    expectEnd(
      finished,
      0,
      /the cache does not answer; the run goes on without it \(Redis at 127\.0\.0\.1:\d+ does not take the user or the password; correct REDIS_URL/,
    );
    expect(finished.stderr.match(/the cache does not answer/g)).toHaveLength(1);
    await trial.assertMended({ REDIS_URL: servers.redis! });
  });

  test('a user of PostgreSQL who may not make a schema: 77, and the same command completes once that is granted', async () => {
    const role = `apex_${randomBytes(6).toString('hex')}`;
    const asAdmin = (sql: string) => withClient(async (client) => void (await client.query(sql)));
    await asAdmin(`CREATE ROLE ${role} LOGIN PASSWORD '${WRONG}'`);
    onTestFinished(() => asAdmin(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`));
    const env = records({ username: role, password: WRONG! });
    const trial = openTrial();
    expectEnd(await trial.ingest(env), 77, 'does not permit it to this user; grant CREATE on the database', '(42501)');
    await asAdmin(`GRANT CREATE ON DATABASE postgres TO ${role}`);
    await trial.assertMended(env);
  });

  test('a database that is not there: 78, and the same command completes once it is made', async () => {
    const name = `apex_${randomBytes(6).toString('hex')}`;
    const asAdmin = (sql: string) => withClient(async (client) => void (await client.query(sql)));
    const env = { ...records({ pathname: `/${name}` }) };
    const trial = openTrial();
    expectEnd(await trial.ingest(env), 78, `/${name} has no such database; make it with createdb`);
    await asAdmin(`CREATE DATABASE ${name}`);
    onTestFinished(() => asAdmin(`DROP DATABASE ${name} WITH (FORCE)`));
    await trial.assertMended(env);
  });
});

describe.skipIf(!isAll)('a certificate', () => {
  test.each<
    [
      string,
      (port: number, trusted: string) => Environment,
      (port: number, trusted: string) => Environment,
      boolean,
      RegExp,
    ]
  >([
    [
      'PostgreSQL',
      (port) => records({ port: String(port), search: '?sslmode=verify-full' }),
      (port, trusted) => records({ port: String(port), search: `?sslmode=verify-full&sslrootcert=${trusted}` }),
      ...([
        true,
        /the records store at .+ has a certificate that is not trusted; name the one that signed it by sslrootcert/,
      ] as const),
    ],
    ...(['bolt+s', 'neo4j+s'] as const).map(
      (
        scheme,
      ): [string, (port: number) => Environment, (port: number, trusted: string) => Environment, boolean, RegExp] => [
        `Neo4j, by ${scheme}`,
        (port) => graph({ NEO4J_URI: `${scheme}://127.0.0.1:${port}` }),
        (port, trusted) => graph({ NEO4J_URI: `bolt+s://127.0.0.1:${port}`, NODE_EXTRA_CA_CERTS: trusted }),
        ...([
          false,
          /the graph at .+ has a certificate that is not trusted; name the one .+ NODE_EXTRA_CA_CERTS/,
        ] as const),
      ],
    ),
    [
      'Qdrant',
      (port) => vectors({ QDRANT_URL: `https://127.0.0.1:${port}` }),
      (port, trusted) => vectors({ QDRANT_URL: `https://127.0.0.1:${port}`, NODE_EXTRA_CA_CERTS: trusted }),
      ...([
        false,
        /Qdrant at .+ has a certificate that is not trusted; name the one that signed it by NODE_EXTRA_CA_CERTS/,
      ] as const),
    ],
  ])(
    'of %s that nobody has signed is refused, and serves once it is trusted',
    async (name, wrong, right, asks, said) => {
      const certificate = await makeCertificate('IP:127.0.0.1');
      const address = name.startsWith('Neo4j')
        ? servers.neo4j!
        : name === 'Qdrant'
          ? servers.qdrant!
          : servers.postgres!;
      const port = await startTlsBefore(portOf(address), certificate, asks);
      await expectRefused({ wrong: wrong(port, ''), right: right(port, certificate.path) }, 78, said);
    },
  );

  test('of another host is refused by PostgreSQL and Qdrant', async () => {
    const other = await makeCertificate('DNS:elsewhere.example');
    const [ofRecords, ofVectors] = [
      await startTlsBefore(portOf(servers.postgres!), other, true),
      await startTlsBefore(portOf(servers.qdrant!), other),
    ];
    const search = `?sslmode=verify-full&sslrootcert=${other.path}`;
    const trial = openTrial();
    const wrong = records({ port: String(ofRecords), search });
    expectEnd(await trial.ingest(wrong), 78, 'has a certificate for another host; name that host in DATABASE_URL');
    const env = vectors({ QDRANT_URL: `https://127.0.0.1:${ofVectors}`, NODE_EXTRA_CA_CERTS: other.path });
    expectEnd(await trial.ingest(env), 78, 'has a certificate for another host; name that one in QDRANT_URL');
  });

  test('of Redis that nobody has signed is told once, and serves once it is trusted', async () => {
    const certificate = await makeCertificate('IP:127.0.0.1');
    const url = new URL(servers.redis!.replace('redis:', 'rediss:'));
    url.port = String(await startTlsBefore(portOf(servers.redis!), certificate));
    const trial = openTrial();
    expectEnd(
      await trial.ingest({ REDIS_URL: url.href }),
      0,
      /goes on without it \(Redis at 127\.0\.0\.1:\d+ has no certificate that is trusted here, or speaks no TLS; check REDIS_URL/,
    );
    const mended = await trial.run({ REDIS_URL: url.href, NODE_EXTRA_CA_CERTS: certificate.path }, 'verify');
    expectEnd(mended, 0, /no difference/);
    expect(mended.stderr).toBe('');
  });

  test('is asked for where there is none: PostgreSQL, Neo4j and Qdrant', async () => {
    const trial = openTrial();
    const said: readonly [Environment, number, string][] = [
      [records({ search: '?sslmode=verify-full' }), 78, 'does not speak TLS; set sslmode=disable'],
      [graph({ NEO4J_URI: graph()['NEO4J_URI']!.replace('bolt:', 'bolt+s:') }), 75, 'does it speak TLS?'],
      [
        vectors({ QDRANT_URL: servers.qdrant!.replace('http:', 'https:') }),
        78,
        'speaks no TLS; begin QDRANT_URL with http://',
      ],
    ];
    for (const [env, exitCode, text] of said) expectEnd(await trial.ingest(env), exitCode, text);
    await trial.assertMended(records());
  });
});

describe.skipIf(!isAll)('what a server is, or holds', () => {
  test('a PostgreSQL and a Neo4j that are too old (real ones whose answers a fake changes): 78', async () => {
    const [version] = await withClient(async (client) => {
      const { rows } = await client.query<{ version: string }>(
        "SELECT current_setting('server_version_num') AS version",
      );
      return rows;
    }).then((rows) => rows.map((row) => row.version));
    const ofRecords = await startLiar(portOf(servers.postgres!), version!, '120022');
    await expectRefused(
      { wrong: records({ port: String(ofRecords) }), right: records() },
      ...([78, /the records store is PostgreSQL .+, which is too old\. Use PostgreSQL 13 or newer\./] as const),
    );
    const [{ versions }] = (await cypher(servers.neo4j!, 'CALL dbms.components() YIELD versions')) as [
      { versions: string[] },
    ];
    const old = `4.4.${'9'.repeat(versions[0]!.length - 4)}`;
    const ofGraph = await startLiar(portOf(servers.neo4j!), versions[0]!, old);
    await expectRefused(
      { wrong: graph({ NEO4J_URI: `bolt://127.0.0.1:${ofGraph}` }), right: graph() },
      ...([78, new RegExp(`the graph at 127\\.0\\.0\\.1:\\d+ is Neo4j ${old}, apex needs 5 or newer`)] as const),
    );
  });

  test('a Qdrant that is too old (a fake that answers so), and what is none: 78', async () => {
    const answers = [
      { title: 'qdrant - vector search engine', version: '1.9.7' },
      { title: 'something else', version: '9.0.0' },
    ];
    const said = [
      /Qdrant at 127\.0\.0\.1:\d+ has version 1\.9\.7; apex needs 1\.10\.0 or newer/,
      /is no Qdrant; check QDRANT_URL/,
    ];
    for (const [index, answer] of answers.entries()) {
      const http = createServer((_, response) =>
        response.setHeader('content-type', 'application/json').end(JSON.stringify(answer)),
      );
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
      onTestFinished(() => void http.close());
      const wrong = { QDRANT_URL: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
      await expectRefused({ wrong, right: vectors() }, 78, said[index]!);
    }
  });

  test('a schema of a newer apex: 78, untouched, and readable again for whoever knows it', async () => {
    const env = records();
    const trial = openTrial();
    await trial.assertMended(env);
    const setFormat = (format: number) =>
      withClient(async (client) => {
        const sql = `UPDATE ${env['APEX_POSTGRES_SCHEMA']}.memory SET value = $1 WHERE name = 'format' RETURNING (SELECT value FROM ${env['APEX_POSTGRES_SCHEMA']}.memory WHERE name = 'format') AS old`;
        const { rows } = await client.query<{ old: string }>(sql, [String(format)]);
        return Number(rows[0]!.old);
      });
    const format = await setFormat(99);
    for (const args of [['ingest', '.'], ['verify'], ['search', 'dock'], ['cleanup'], ['ingest', '.', '--dry-run']])
      expectEnd(
        await trial.run(env, ...args),
        78,
        /the schema apex_\w+ at .+ has format 99, this apex reads up to \d+: use the newer apex, or another schema/,
      );
    await setFormat(format);
    await trial.assertMended(env);
  });

  test('a graph of a newer apex: 78', async () => {
    const env = { ...records(), ...graph() };
    const trial = openTrial();
    await trial.assertMended(env);
    const [{ id }] = (await withClient(async (client) => {
      const { rows } = await client.query(
        `SELECT value AS id FROM ${env['APEX_POSTGRES_SCHEMA']}.memory WHERE name = 'memory_id'`,
      );
      return rows;
    })) as [{ id: string }];
    const setFormat = (format: number) =>
      cypher(
        servers.neo4j!,
        'MATCH (m:ApexMemory {uuid: $id}) WITH m, m.format AS old SET m.format = toInteger($format) RETURN old',
        { id, format },
      );
    const [before] = (await setFormat(99)) as [{ old: number }];
    expectEnd(await trial.ingest(env), 78, /the graph at 127\.0\.0\.1:\d+ .*format 99/);
    await setFormat(before!.old);
    await trial.assertMended(env);
  });

  test.each<[string, object, RegExp]>([
    ['dimension', { size: 8, distance: 'Cosine' }, /holds vectors of 8 dimensions|8 dimensions/],
    ['distance', { size: 512, distance: 'Dot' }, /measures Dot, apex needs Cosine/],
  ])('a collection of another %s: 78, and the same command completes once that is gone', async (_, vectorsOf, said) => {
    const prefix = `apex-bad-${randomUUID().slice(0, 8)}`;
    const env = vectors({}, prefix);
    const path = `/collections/${prefix}_lexical-2_512`;
    await askQdrant(path, 'PUT', { vectors: vectorsOf });
    const trial = openTrial();
    expectEnd(await trial.ingest(env), 78, `${prefix}_lexical-2_512`, said);
    await askQdrant(path, 'DELETE');
    onTestFinished(() => askQdrant(path, 'DELETE'));
    await trial.assertMended(env);
  });
});
