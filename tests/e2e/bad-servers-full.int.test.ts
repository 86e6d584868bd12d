import { chownSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import neo4j from 'neo4j-driver';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { canMount, expectEnd, openSmallDisk } from '../helpers/bad-input.ts';
import { openTrial } from '../helpers/bad-servers.ts';
import { neo4jSettings } from '../helpers/neo4j.ts';
import { withClient } from '../helpers/postgres.ts';
import { newFolder } from '../helpers/program.ts';
import { serverEnvironment } from '../servers/environment.ts';
import { neo4jServer } from '../servers/neo4j.ts';
import { postgres } from '../servers/postgres.ts';
import { redis } from '../servers/redis.ts';
import { startServer } from '../servers/start.ts';

/**
 * Goal: a server that has no room, memory or right to write costs nothing that was written, and is told of. Method: the built program over
 * real servers on a small disk, with little memory, or that only replicate; where a PostgreSQL would have to be brought to its limits, a
 * trigger of the tests' own raises what it would.
 */

const servers = inject('servers');
const FILES = Object.fromEntries(
  Array.from({ length: 8 }, (_, index) => [
    `d${index}.txt`,
    `Bay ${index} is free.\n\nLoad number: LD-70000${index}\n`,
  ]),
);

describe.skipIf(servers.postgres === null || !(await canMount()))('a PostgreSQL whose disk is full', () => {
  test('ends the run with 75, nothing of it is seen, and the same command completes when there is space', async () => {
    const disk = await openSmallDisk(join(newFolder('disk'), 'small'));
    const server = await startServer(postgres());
    onTestFinished(server.stop);
    const { uid } = statSync(join(server.folder, 'data'));
    for (const path of [dirname(disk.path), disk.path]) chownSync(path, uid, -1);
    await withClient(async (client) => {
      await client.query(`CREATE TABLESPACE small LOCATION '${disk.path}'`);
      await client.query('ALTER ROLE apex SET default_tablespace = small');
    }, server.url);
    const env = { DATABASE_URL: server.url };
    const text = Array.from({ length: 3_000 }, (_, index) => `Truck ${index} waits at gate ${index % 7}.`).join('\n\n');
    const trial = openTrial({ 'large.txt': text });
    expectEnd(await trial.run(env, 'verify'), 0);
    const filler = join(disk.path, 'filler');
    expect(() => writeFileSync(filler, Buffer.alloc(16_000_000))).toThrow(/ENOSPC/);
    const full = await trial.ingest(env);
    expectEnd(full, 75, /stopped: the records store at .+ has no space left on its disk \(53100\)/, 'Free space');
    expectEnd(await trial.run(env, 'search', 'truck'), 0, /^$/m);
    rmSync(filler);
    await trial.assertMended(env);
  }, 180_000);
});

describe.skipIf(servers.postgres === null)('a PostgreSQL that cannot take all at once', () => {
  /** Lets a trigger refuse whenever more versions than so many are written by one statement. */
  const limited = async (schema: string, most: number, state: string) => {
    await withClient(async (client) => {
      await client.query(`CREATE FUNCTION ${schema}.limited() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF (SELECT count(*) FROM fresh) > ${most} THEN RAISE EXCEPTION 'too much' USING ERRCODE = '${state}'; END IF;
          RETURN NULL;
        END $$`);
      await client.query(`CREATE TRIGGER limited AFTER INSERT ON ${schema}.version
        REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.limited()`);
    });
  };
  const opened = async () => {
    const { DATABASE_URL, APEX_POSTGRES_SCHEMA } = serverEnvironment()!;
    const env = { DATABASE_URL: DATABASE_URL!, APEX_POSTGRES_SCHEMA: APEX_POSTGRES_SCHEMA! };
    const drop = (sql: string) => withClient(async (client) => void (await client.query(sql)));
    onTestFinished(() => drop(`DROP SCHEMA IF EXISTS ${env.APEX_POSTGRES_SCHEMA} CASCADE`));
    const trial = openTrial(FILES);
    expectEnd(await trial.run(env, 'verify'), 0);
    return {
      env,
      trial,
      schema: env.APEX_POSTGRES_SCHEMA,
      lift: () => drop(`DROP TRIGGER limited ON ${env.APEX_POSTGRES_SCHEMA}.version`),
    };
  };

  test.each([
    ['time', '57014'],
    ['memory', '53200'],
  ])('for want of %s gets smaller batches, and every document is written', async (_, state) => {
    const { env, trial, schema } = await opened();
    await limited(schema, 2, state);
    expectEnd(await trial.ingest(env), 0, /8 added|added +8|documents +8/);
    expectEnd(await trial.run(env, 'verify'), 0, /8 documents, .* no difference/);
  });

  test('and not one document alone ends the run with 75 instead of setting all aside', async () => {
    const { env, trial, schema, lift } = await opened();
    await limited(schema, 0, '53200');
    const finished = await trial.ingest(env);
    expectEnd(
      finished,
      75,
      /stopped: the records store at .+ is out of memory for one transaction; raise its max_locks_per_transaction/,
    );
    await lift();
    // Two were set aside before it was clear whose fault it is.
    expectEnd(await trial.run(env, 'resume'), 3, 'apex documents list --quarantined');
    expectEnd(await trial.run(env, 'retry', '--all'), 0);
    await trial.assertMended(env);
  });

  test('a full disk, as a trigger says it, discards the batch and ends the run', async () => {
    const { env, trial, schema, lift } = await opened();
    await limited(schema, 0, '53100');
    expectEnd(await trial.ingest(env), 75, /has no space left on its disk \(53100\)/, 'Free space');
    await lift();
    await trial.assertMended(env);
  });
});

describe.skipIf(servers.neo4j === null)('a Neo4j that has no memory left', () => {
  test('is waited for, then 75 with what to raise, and the same command completes when there is memory again', async () => {
    const server = await startServer(await neo4jServer(() => LEAST_MEMORY_BYTES));
    onTestFinished(server.stop);
    const { uri, username, password } = neo4jSettings(server.url);
    const env = { NEO4J_URI: uri, NEO4J_USERNAME: username, NEO4J_PASSWORD: password };
    const trial = openTrial(FILES);
    expectEnd(await trial.run(env, 'verify'), 0);
    const release = await takeMemory(server.url);
    const finished = await trial.ingest(env);
    await release();
    expectEnd(
      finished,
      ...([
        75,
        /the graph at 127\.0\.0\.1:\d+ has no memory for a transaction: raise dbms\.memory\.transaction\.total\.max/,
      ] as const),
    );
    await trial.assertMended(env);
  }, 300_000);
});

/** The least that Neo4j lets all transactions be given. */
const LEAST_MEMORY_BYTES = 10_485_760;

/** Opens transactions that hold memory until no more can be had. @returns what ends them. */
async function takeMemory(url: string): Promise<() => Promise<void>> {
  const { uri, username, password } = neo4jSettings(url);
  const driver = neo4j.driver(uri, neo4j.auth.basic(username, password), { maxTransactionRetryTime: 0 });
  onTestFinished(() => driver.close());
  for (const nodes of [2_000, 200, 20])
    for (let count = 0; count < 90; count += 1) {
      const transaction = driver.session().beginTransaction();
      const taken = transaction.run('UNWIND range(1, $nodes) AS x CREATE (:Filler {number: x})', {
        nodes: neo4j.int(nodes),
      });
      if (
        !(await taken.then(
          () => true,
          () => false,
        ))
      )
        break;
    }
  return () => driver.close();
}

describe.skipIf(servers.redis === null)('a Redis', () => {
  const opened = async () => {
    const server = await startServer(redis);
    onTestFinished(server.stop);
    const admin = new Redis(server.url);
    onTestFinished(() => admin.disconnect());
    return { env: { REDIS_URL: server.url }, admin, trial: openTrial(FILES) };
  };

  test('whose memory is full is told once, and changes no outcome', async () => {
    const { env, admin, trial } = await opened();
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    await admin.config('SET', 'maxmemory', '1');
    const finished = await trial.ingest(env);
    expectEnd(
      finished,
      0,
      /the cache does not answer; the run goes on without it \(Redis at .+ is full; raise its maxmemory, .+ \(OOM\)/,
    );
    expect(finished.stderr.match(/the cache/g)).toHaveLength(1);
    expectEnd(await trial.run(env, 'doctor'), 0, /is full and drops nothing/);
    await admin.config('SET', 'maxmemory', '0');
    await trial.assertMended(env);
  });

  test('that only replicates is told once, and changes no outcome', async () => {
    const { env, admin, trial } = await opened();
    await admin.replicaof('127.0.0.1', 1);
    const finished = await trial.ingest(env);
    expectEnd(
      finished,
      0,
      /the run goes on without it \(Redis at .+ only replicates; name its master in REDIS_URL \(READONLY\)/,
    );
    expect(finished.stderr.match(/the cache/g)).toHaveLength(1);
    expectEnd(await trial.run(env, 'doctor'), 0, /only replicates: nothing can be cached in it/);
    await admin.replicaof('NO', 'ONE');
    await trial.assertMended(env);
  });
});
