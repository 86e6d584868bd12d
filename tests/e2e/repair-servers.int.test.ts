import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { DOCUMENTS } from '../helpers/drift.ts';
import { dumpStores } from '../helpers/dump-stores.ts';
import { assembleMachine } from '../helpers/machine.ts';
import { cypher } from '../helpers/neo4j.ts';
import { withClient } from '../helpers/postgres.ts';
import { apex, newFolder } from '../helpers/program.ts';
import { qdrantClient } from '../helpers/qdrant.ts';
import { type Planting, SERVER_DRIFT } from '../helpers/server-drift.ts';
import { serverEnvironment } from '../servers/environment.ts';

/**
 * Goal: what somebody changed, lost or added on a server is told, and healed to what it would be had nobody touched it. Method: one
 * difference after the other is planted by the servers' own clients in one memory over the four; the machine in this process must tell
 * it and heal it, the program must find nothing then, and the memory must equal what it was.
 */

const env = serverEnvironment();
const { postgres, neo4j, redis: redisUrl } = inject('servers');

/** load.md is cut in two, so that one part follows another. */
const LOAD = DOCUMENTS['load.md'].replace(
  'The dock is narrow.',
  `The dock is narrow.\n\n## Gate\n\n${'The gate is at the north side of the yard. '.repeat(60)}`,
);

describe.skipIf(env === null)('over servers', () => {
  const root = newFolder('repair-servers');
  const home = join(root, 'home');
  let opened: Awaited<ReturnType<typeof assembleMachine>>;
  let sound: Awaited<ReturnType<typeof dumpStores>>;
  let planting: Planting;

  beforeAll(async () => {
    opened = await assembleMachine(home, { env: env! });
    const files = { ...DOCUMENTS, 'load.md': LOAD };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
    await opened.ingest(...Object.keys(files).map((name) => join(root, name)));
    sound = await dumpStores(opened.parts.stores);
    planting = await openPlanting();
  }, 120_000);

  afterAll(async () => {
    planting?.redis.disconnect();
    await opened?.close();
    await withClient((client) => client.query(`DROP SCHEMA IF EXISTS ${env!['APEX_POSTGRES_SCHEMA']} CASCADE`));
    rmSync(root, { recursive: true, force: true });
  });

  async function openPlanting(): Promise<Planting> {
    const at = `${env!['APEX_POSTGRES_SCHEMA']}.`;
    const { rows } = await withClient((client) =>
      client.query(`SELECT (SELECT value FROM ${at}memory WHERE name = 'memory_id') AS "memoryId",
        (SELECT document_id FROM ${at}version WHERE name = 'load.md') AS load`),
    );
    const { memoryId, load } = rows[0] as { memoryId: string; load: string };
    const qdrant = qdrantClient();
    const { collections } = await qdrant.getCollections();
    const counts = await Promise.all(
      collections.map(async ({ name }) => {
        const filter = { must: [{ key: 'memory', match: { value: memoryId } }] };
        return { name, count: (await qdrant.count(name, { filter, exact: true })).count };
      }),
    );
    return {
      ...{ memoryId, load, qdrant, redis: new Redis(redisUrl!) },
      collection: counts.find(({ count }) => count > 0)!.name,
      sql: (text) =>
        withClient((client) => client.query(text.replaceAll('@', at).replaceAll('$load', `'${load}'`)), postgres!),
      cypher: (text, params = {}) => cypher(neo4j!, text, { memory: memoryId, load, ...params }),
    };
  }

  /** A cache that is slow is not compared: it is looked at again, a few times. */
  const MAX_LOOKS = 20;
  const lookAtAll = async () => {
    for (let looks = 1; ; looks += 1) {
      const report = await opened.verify();
      if (report.uncompared.length === 0 || looks === MAX_LOOKS) return report;
    }
  };
  const repair = async () => {
    for (let looks = 1; ; looks += 1) {
      const report = await opened.repair();
      if (report.differences.length > 0 || looks === MAX_LOOKS) return report;
    }
  };

  const cases = SERVER_DRIFT.map(([name, plant, ...expected]) => [expected[0], name, { plant, expected }] as const);

  test.each(cases)('%s: %s is told and healed, and the memory is as it was', async (...[, , { plant, expected }]) => {
    const [role, kind, problem] = expected;
    await plant(planting);
    const difference = { role, kind, problem };
    expect((await lookAtAll()).differences).toContainEqual(expect.objectContaining(difference));
    const { differences, exit_status } = await repair();
    expect(differences).toContainEqual(expect.objectContaining({ ...difference, healed: true, error: null }));
    expect(exit_status).toBe(0);
    expect(await lookAtAll()).toMatchObject({ differences: [], exit_status: 0 });
    expect(await dumpStores(opened.parts.stores)).toEqual(sound);
  });

  /** The first case of each store whose answers are waited for. */
  const firsts = [...new Map(cases.toReversed().map((one) => [one[0], one])).values()].filter(
    ([role]) => role !== 'cache',
  );

  test.each(firsts)('%s: %s is told and healed by the program', async (...[, , { plant, expected }]) => {
    const [role, kind, problem] = expected;
    const run = (...args: string[]) => apex([...args, '--json'], { home, env: env! });
    await plant(planting);
    const told = await run('verify');
    expect(told.lines).toContainEqual(expect.objectContaining({ event: 'difference', role, kind, problem }));
    expect(told.exitCode).toBe(5);
    const repaired = await run('verify', '--repair');
    expect(repaired.lines.at(-1), repaired.stderr).toMatchObject({ event: 'summary', left: 0, exit_status: 0 });
    expect((await run('verify')).exitCode).toBe(0);
    expect(await dumpStores(opened.parts.stores)).toEqual(sound);
  });
});
