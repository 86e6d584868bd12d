import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SECRETS } from '../helpers/bad-servers.ts';
import { openCase } from '../helpers/case.ts';
import { apex } from '../helpers/program.ts';
import { serverEnvironment } from '../servers/environment.ts';
import { openQdrantStandIn } from '../servers/qdrant/stand-in.ts';

/** Goal: doctor and config say of each server what it is and where it was named, and never a password. Method: the built program over all four. */

const all = serverEnvironment();
const FILES = { 'a.md': '# Alpha\n\nThe alpha gate is open.\n' };
const HELD = ['records', 'graph', 'vectors', 'cache'];

const shownOf = (lines: readonly Record<string, unknown>[]) =>
  Object.fromEntries(
    lines.filter(({ name }) => HELD.includes(String(name))).map((line) => [String(line['name']), line]),
  );

const expectNoSecret = (text: string) => {
  for (const secret of SECRETS) expect(text).not.toContain(secret);
};

/** The address as one of another machine: what is on its own is not warned about. */
const elsewhere = (address: string) => address.replace('127.0.0.1', '0.0.0.0');

describe.skipIf(all === null)('with all four on servers', () => {
  test('doctor tells the version, the latency and the format of each, before the first ingest and after it', async () => {
    const { run, ingest } = openCase(FILES, serverEnvironment()!);
    const before = await run('doctor');
    expect(before.exitCode, before.stdout).toBe(0);
    expect(shownOf(before.lines)).toMatchObject({
      records: {
        level: 'ok',
        found: expect.stringMatching(
          /^PostgreSQL \d+.* at 127\.0\.0\.1:\d+\/postgres, \d+ ms, nothing in schema apex_\w+ yet/,
        ),
      },
      graph: {
        level: 'ok',
        found: expect.stringMatching(
          /^Neo4j 5\.\S+ community at 127\.0\.0\.1:\d+, \d+ ms, holds nothing of this memory yet/,
        ),
      },
      vectors: { level: 'ok', found: expect.stringMatching(/^Qdrant 1\.\S+ at 127\.0\.0\.1:\d+, \d+ ms; /) },
      cache: { level: 'ok', found: expect.stringMatching(/^Redis \d+\.\S+ at 127\.0\.0\.1:\d+, \d+ ms$/) },
    });
    await ingest();
    const after = await run('doctor');
    expect(after.exitCode, after.stdout).toBe(0);
    expect(shownOf(after.lines)).toMatchObject({
      records: {
        level: 'ok',
        found: expect.stringMatching(/, schema apex_\w+ of format \d+, vectors of lexical-2 with 512 dimensions$/),
      },
      graph: { level: 'ok', found: expect.stringMatching(/, format \d+$/) },
      vectors: {
        level: 'ok',
        found: expect.stringMatching(/collection \w+_lexical-2_512: \d+ points, 512 dimensions, Cosine/),
      },
    });
    expectNoSecret(before.stdout + after.stdout);
  });

  test('doctor warns where a password or a key crosses a network as it is', async () => {
    const qdrant = await openQdrantStandIn({ apiKey: 'key-of-the-tests' });
    const env = serverEnvironment()!;
    const memory = openCase(FILES, {
      ...env,
      ...{ DATABASE_URL: elsewhere(env['DATABASE_URL']!), NEO4J_URI: elsewhere(env['NEO4J_URI']!) },
      ...{
        REDIS_URL: elsewhere(env['REDIS_URL']!),
        QDRANT_URL: elsewhere(qdrant.url),
        QDRANT_API_KEY: 'key-of-the-tests',
      },
    });
    try {
      await memory.ingest();
      const { exitCode, lines, stdout } = await memory.run('doctor');
      expect(exitCode, stdout).toBe(0);
      expect(shownOf(lines)).toMatchObject({
        records: {
          level: 'warning',
          found: expect.stringContaining('without encryption'),
          advice: expect.stringContaining('sslmode=verify-full'),
        },
        graph: {
          level: 'warning',
          found: expect.stringContaining('without encryption'),
          advice: expect.stringContaining('neo4j+s://'),
        },
        vectors: {
          level: 'warning',
          found: expect.stringContaining('the API key goes over the network unencrypted'),
          advice: 'Use https:// in QDRANT_URL.',
        },
        cache: {
          level: 'warning',
          found: expect.stringContaining('without encryption'),
          advice: expect.stringContaining('rediss://'),
        },
      });
      expectNoSecret(stdout);
    } finally {
      await qdrant.stop();
    }
  });

  test('config tells where each address came from, without its user and password, and files that only their owner reads are used', async () => {
    const { home, documents } = openCase(FILES);
    const root = dirname(home);
    const env = serverEnvironment()!;
    const { DATABASE_URL, APEX_POSTGRES_SCHEMA, REDIS_URL, QDRANT_URL, ...fromEnvironment } = env;
    writeFileSync(join(root, '.env'), `DATABASE_URL=${DATABASE_URL}\nREDIS_URL=${REDIS_URL}\n`, { mode: 0o600 });
    writeFileSync(join(root, 'apex.config.json'), JSON.stringify({ QDRANT_URL, APEX_POSTGRES_SCHEMA }), {
      mode: 0o600,
    });
    const run = (...args: string[]) => apex([...args, '--json'], { home, cwd: root, env: fromEnvironment });
    expect((await run('ingest', documents)).exitCode).toBe(0);
    const { lines, stdout, exitCode } = await run('config');
    expect(exitCode, stdout).toBe(0);
    const settings = Object.fromEntries(lines.map((line) => [String(line['name']), line]));
    expect(settings).toMatchObject({
      DATABASE_URL: {
        origin: '.env',
        line: 1,
        value: expect.stringMatching(/^postgres:\/\/\[redacted\]@127\.0\.0\.1:\d+\/postgres$/),
      },
      REDIS_URL: { origin: '.env', line: 2, value: expect.stringMatching(/^redis:\/\/\[redacted\]@127\.0\.0\.1:\d+$/) },
      QDRANT_URL: { origin: 'apex.config.json', value: QDRANT_URL },
      NEO4J_URI: { origin: 'environment', value: env['NEO4J_URI'] },
      NEO4J_PASSWORD: { origin: 'environment', value: '[redacted]', is_secret: true },
      APEX_POSTGRES_SCHEMA: { origin: 'apex.config.json', value: APEX_POSTGRES_SCHEMA },
    });
    expectNoSecret(stdout);
  });
});
