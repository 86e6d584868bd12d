import { randomUUID } from 'node:crypto';
import { execa } from 'execa';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { withClient } from '../helpers/postgres.ts';
import { qdrantClient } from '../helpers/qdrant.ts';
import { serverEnvironment } from './environment.ts';

/** Goal: the demo tells what lies in the servers, and fails when that is not what apex says. Method: the script, over the tests' servers. */

const env = serverEnvironment();

async function demo(more: Record<string, string> = {}) {
  const { postgres, neo4j, qdrant, redis } = inject('servers');
  return execa(process.execPath, ['tests/servers/demo.ts'], {
    env: {
      ...{ APEX_TEST_POSTGRES_URL: postgres!, APEX_TEST_NEO4J_URL: neo4j!, APEX_TEST_REDIS_URL: redis! },
      ...{ APEX_TEST_QDRANT_URL: qdrant!, NO_COLOR: '1', ...more },
    },
    reject: false,
  });
}

/** Numbers of each line of the table, by store and what was counted. */
function countsIn(stdout: string): Record<string, readonly number[]> {
  const lines = stdout.split('\nstore ')[1]!.split('\n').slice(1);
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, what, numbers] = /^.{33}(\S[a-z ]+?) {2,}(\d[\d ]*?)\s*[✓✗]?$/.exec(line) ?? [];
      return what === undefined ? [] : [[what, numbers!.trim().split(/\s+/).map(Number)]];
    }),
  );
}

describe.skipIf(env === null)('demo:servers', { timeout: 180_000 }, () => {
  test('counts in each server what verify compares, within 80 columns, and leaves nothing', async () => {
    const before = await schemas();
    const { exitCode, stdout, stderr } = await demo();
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/^9 documents, 441 items compared: no difference$/m);
    expect(countsIn(stdout)).toMatchObject({ documents: [9], chunks: [13], points: [13, 13], summaries: [9, 9] });
    expect(stdout).toContain('✓ Each server holds what apex says it holds.');
    for (const line of stdout.split('\nstore ')[1]!.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(await schemas()).toBe(before);
  });

  test('a server that holds something else makes it fail', async () => {
    const collection = `apex-demo-${randomUUID().slice(0, 8)}`;
    const places = { APEX_POSTGRES_SCHEMA: env!['APEX_POSTGRES_SCHEMA']!, APEX_QDRANT_COLLECTION: collection };
    onTestFinished(async () => {
      await withClient((client) => client.query(`DROP SCHEMA IF EXISTS ${places.APEX_POSTGRES_SCHEMA} CASCADE`));
    });
    const memory = openCase({}, { ...env, ...places });
    await memory.ingest('fixtures/sample');
    await copyOnePoint(collection);
    const { exitCode, stdout } = await demo(places);
    expect(exitCode).toBe(1);
    expect(countsIn(stdout)).toMatchObject({ points: [14, 13], summaries: [9, 9] });
    expect(stdout).toContain('✗ What the servers hold is not what apex says.');
  });
});

async function schemas(): Promise<number> {
  const { rows } = await withClient((client) =>
    client.query<{ count: string }>(`SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'apex_demo_%'`),
  );
  return Number(rows[0]!.count);
}

/** A point of somebody else's making, with the stamps of one of apex's. */
async function copyOnePoint(prefix: string): Promise<void> {
  const client = qdrantClient();
  const { collections } = await client.getCollections();
  const { name } = collections.find((one) => one.name.startsWith(prefix))!;
  onTestFinished(async () => {
    await client.deleteCollection(name);
  });
  const { points } = await client.scroll(name, { limit: 1, with_payload: true, with_vector: true });
  const { vector, payload } = points[0]!;
  await client.upsert(name, {
    wait: true,
    points: [{ id: randomUUID(), vector: vector as number[], payload: payload! }],
  });
}
