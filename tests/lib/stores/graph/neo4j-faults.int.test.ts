import { randomUUID } from 'node:crypto';
import neo4j from 'neo4j-driver';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import type { ErrorCode } from '../../../../lib/contracts/error-codes.ts';
import type { ApexError } from '../../../../lib/contracts/errors.ts';
import { openNeo4jGraph } from '../../../../lib/stores/graph/neo4j.ts';
import { neo4jChecks } from '../../../../lib/stores/graph/neo4j-check.ts';
import {
  isTooMuch,
  Neo4jConnection,
  type Neo4jServer,
  type Run,
} from '../../../../lib/stores/graph/neo4j-connection.ts';
import { assertVersion } from '../../../../lib/stores/graph/neo4j-schema.ts';
import { startBoltProxy } from '../../../helpers/bolt-proxy.ts';
import { cypher, neo4jSettings } from '../../../helpers/neo4j.ts';
import { collect, expectedTexts, never, recordOf, ref, rowTexts, versionOf } from '../../../helpers/records.ts';
import { neo4jServer } from '../../../servers/neo4j.ts';
import { type StartedServer, startServer } from '../../../servers/start.ts';

/** Goal: what fails is told, bounded and mended. Method: a server of these tests’ own, which may be held, killed and locked out of. */
const { neo4j: shared } = inject('servers');

const a = recordOf('a', { organizations: ['acme', 'globex'] });
const items = a.inventory.graph.filter(({ kind }) => kind !== 'entity').length;

let server: StartedServer;

const settings = (changes: Partial<Neo4jServer> = {}) => ({
  ...neo4jSettings(server.url),
  memoryId: randomUUID(),
  ...changes,
});

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: ApexError) => error,
  );

async function openGraph(changes: Partial<Neo4jServer> = {}) {
  const store = await openNeo4jGraph(settings(changes), never);
  onTestFinished(() => store.close());
  return store;
}

function connect(changes: Partial<Neo4jServer> = {}): Neo4jConnection {
  const connection = new Neo4jConnection(settings(changes));
  onTestFinished(() => connection.close());
  return connection;
}

if (shared !== null) {
  beforeAll(async () => {
    server = await startServer(await neo4jServer());
  }, 180_000);
  afterAll(() => server.stop());
}

describe.skipIf(shared === null)('a Neo4j', () => {
  test('that is new is opened by several at once', async () => {
    const memoryId = randomUUID();
    const opened = await Promise.all(
      [memoryId, memoryId, memoryId, randomUUID()].map((id) => openNeo4jGraph({ ...settings(), memoryId: id }, never)),
    );
    for (const store of opened) onTestFinished(() => store.close());
    expect(new Set(opened.map(({ identity }) => identity)).size).toBe(2);
    expect(await opened[0]!.write(ref('run-1'), [a], never)).toBe(items);
    const states = await cypher(server.url, 'SHOW INDEXES YIELD state RETURN DISTINCT state');
    expect(states).toEqual([{ state: 'ONLINE' }]);
  });

  describe('is doctored:', () => {
    const judge = async ({ memoryId = null, uri }: { memoryId?: string | null; uri?: string } = {}) =>
      neo4jChecks({
        ...settings(uri === undefined ? {} : { uri }),
        memoryId: async () => memoryId,
      })[0]!.run(never);

    test('its version, edition and format are told, and whether it knows the memory', async () => {
      const { memoryId, ...rest } = settings();
      expect(await judge()).toMatchObject({
        level: 'ok',
        found: expect.stringMatching(/^Neo4j 5\.\d+\.\d+ community at /),
      });
      expect(await judge({ memoryId })).toMatchObject({ found: expect.stringContaining('nothing of this memory') });
      const store = await openNeo4jGraph({ ...rest, memoryId }, never);
      await store.close();
      expect(await judge({ memoryId })).toMatchObject({ level: 'ok', found: expect.stringContaining('format 1') });
      await cypher(server.url, 'MATCH (m:ApexMemory {uuid: $memoryId}) SET m.format = 2', { memoryId });
      expect(await failureOf(judge({ memoryId }))).toMatchObject({ code: 'NEWER_FORMAT' });
    });

    test('an index that somebody removed is missed, and made again by opening', async () => {
      const { memoryId, ...rest } = settings();
      const open = async () => (await openNeo4jGraph({ ...rest, memoryId }, never)).close();
      await open();
      await cypher(server.url, 'DROP INDEX apex_chunk_version');
      expect(await judge({ memoryId })).toMatchObject({
        level: 'warning',
        found: expect.stringContaining('apex_chunk_version'),
      });
      await open();
      expect(await judge({ memoryId })).toMatchObject({ level: 'ok' });
    });

    test('another machine without encryption is warned of', async () => {
      const { port } = new URL(server.url);
      // The name of this machine by a number that no list of its names has.
      expect(await judge({ uri: `bolt://0.0.0.0:${port}` })).toMatchObject({
        level: 'warning',
        found: expect.stringContaining('without encryption'),
      });
    });
  });

  test.each<[string, () => Partial<Neo4jServer>, ErrorCode, boolean, string]>([
    ['is not there', () => ({ uri: 'bolt://127.0.0.1:1' }), 'APEX_STORE', true, 'refuses connections'],
    ['has no known name', () => ({ uri: 'bolt://nowhere.invalid' }), 'APEX_STORE', true, 'cannot be found'],
    ['speaks without TLS', () => ({ uri: server.url.replace(/^bolt:.*@/, 'bolt+s://') }), 'APEX_STORE', true, 'TLS'],
    [
      'does not take the password',
      () => ({ password: 'a-wrong-one' }),
      'APEX_CONFIG',
      false,
      'refuses user name or password',
    ],
    ['has no such database', () => ({ database: 'nope' }), 'APEX_CONFIG', false, 'no database of that name'],
  ])('that %s is told of', async (_, changes, code, retryable, says) => {
    const error = await failureOf(openNeo4jGraph(settings(changes()), never));
    expect(error).toMatchObject({ code, retryable, message: expect.stringContaining(says) });
    expect(JSON.stringify(error) + error!.message + String(error!.cause)).not.toMatch(/password-of|a-wrong-one/);
  });

  test.each([
    ['http://127.0.0.1:7474', 'must begin with bolt://'],
    ['127.0.0.1:7687', 'must begin with bolt://'],
    ['bolt://neo4j:a-secret@127.0.0.1:7687', 'NEO4J_PASSWORD'],
  ])('is not asked at all by the address %s', async (uri, says) => {
    const error = await failureOf(openNeo4jGraph(settings({ uri }), never));
    expect(error).toMatchObject({ code: 'APEX_CONFIG', message: expect.stringContaining(says) });
    expect(error!.message).not.toContain('a-secret');
  });

  test('whose first password nobody changed asks for that', async () => {
    await cypher(server.url, "CREATE USER newcomer SET PASSWORD 'first-of-them' CHANGE REQUIRED", {}, 'system');
    const error = await failureOf(openNeo4jGraph(settings({ username: 'newcomer', password: 'first-of-them' }), never));
    expect(error).toMatchObject({ code: 'APEX_CONFIG', message: expect.stringContaining('first password') });
  });

  test.each(['4.4.38', '3.5.0', ''])('of version %j is too old', (version) => {
    expect(() => assertVersion(version, 'host')).toThrow(expect.objectContaining({ code: 'APEX_CONFIG' }));
  });

  test.each(['5.0.0', '5.26.0', '2025.06.1'])('of version %j is new enough', (version) => {
    expect(() => assertVersion(version, 'host')).not.toThrow();
  });
});

/** Goal: each error that the server can be brought to give has the remedy of its row. Method: it is brought to. */
describe.skipIf(shared === null)('a statement in Neo4j', () => {
  beforeAll(async () => {
    await cypher(server.url, 'CREATE CONSTRAINT FOR (n:Trial) REQUIRE n.key IS UNIQUE');
  });

  const asked = (text: string, params: object = {}) =>
    failureOf(connect({ transactionLimitMs: 20_000 }).write('trial', never, (run) => run(text, params as never)));

  test.each<[string, string, object, ErrorCode, string]>([
    [
      'of a key that is taken',
      "CREATE (:Trial {key: 'x'}) CREATE (:Trial {key: 'x'})",
      {},
      'STORE_REFUSED',
      'ConstraintValidationFailed',
    ],
    ['without sense', 'MERGE INTO x', {}, 'APEX_BUG', 'SyntaxError'],
    ['without its parameter', 'RETURN $nothing', {}, 'APEX_BUG', 'ParameterMissing'],
    ['that merges null', 'MERGE (:Trial {key: $key})', { key: null }, 'APEX_BUG', 'SemanticError'],
    ['that keeps a map', 'CREATE (n:Other) SET n.map = $map', { map: { a: 1 } }, 'APEX_BUG', 'TypeError'],
    [
      'with too long a text',
      'MERGE (:Trial {key: $key})',
      { key: 'x'.repeat(20_000) },
      'STORE_REFUSED',
      'ExecutionFailed',
    ],
  ])('%s is refused for good', async (_, text, params, code, neo4jCode) => {
    expect(await asked(text, params)).toMatchObject({
      ...{ code, retryable: false },
      details: { operation: 'trial', neo4jCode: expect.stringContaining(neo4jCode), isUnknown: false },
    });
  });

  test('that writes while reading is refused for good', async () => {
    const error = await failureOf(connect().read('trial', never, (run) => run('CREATE (:Other)')));
    expect(error).toMatchObject({ code: 'APEX_BUG', details: { neo4jCode: expect.stringContaining('AccessMode') } });
  });

  test('that takes too long, or too much memory, is halved until it fits', async () => {
    const connection = connect({ transactionLimitMs: 500 });
    const sizes: number[] = [];
    const work = async (run: Run, slice: readonly number[]) => {
      sizes.push(slice.length);
      const count = neo4j.int(slice.length > 2 ? 2_000_000_000 : 1);
      await run('UNWIND range(1, $count) AS x WITH x WHERE x < 0 RETURN count(x)', { count });
    };
    await connection.writeSlices([1, 2, 3, 4, 5, 6, 7, 8], { operation: 'trial', size: 8, signal: never }, work);
    expect(sizes.toSorted((x, y) => y - x)).toEqual([8, 4, 4, 2, 2, 2, 2]);

    const limits: number[] = [];
    await connect().writeUntilNone({ operation: 'trial', size: 4, signal: never }, async (run, limit) => {
      limits.push(Number(limit));
      if (Number(limit) > 1) await run('UNWIND range(1, 200000000) AS x RETURN collect(x)');
      return [];
    });
    expect(limits).toEqual([4, 2, 1]);
  });

  test('that is too much even alone is told of', async () => {
    const error = await failureOf(
      connect().writeSlices([1], { operation: 'trial', size: 1, signal: never }, (run) =>
        run('UNWIND range(1, 200000000) AS x RETURN collect(x)'),
      ),
    );
    expect(isTooMuch(error)).toBe(true);
    expect(error).toMatchObject({ code: 'APEX_STORE', retryable: true, message: expect.stringContaining('memory') });
  });

  /** Two transactions, the second begun while the first holds what it waits for. */
  const holding = async (text: string, params: object = {}) => {
    const { uri, username, password } = neo4jSettings(server.url);
    const driver = neo4j.driver(uri, neo4j.auth.basic(username, password));
    onTestFinished(() => driver.close());
    const holder = await driver.session().beginTransaction();
    await holder.run(text, params);
    return holder;
  };

  test('that meets another one in a deadlock is done again', async () => {
    await cypher(server.url, "MERGE (:Trial {key: 'one'}) MERGE (:Trial {key: 'two'})");
    const connection = connect();
    let attempts = 0;
    const take = (first: string, second: string) =>
      connection.write('trial', never, async (run) => {
        attempts += 1;
        const lock = (key: string) => run('MATCH (n:Trial {key: $key}) SET n.at = timestamp()', { key });
        await lock(first);
        await new Promise((resolve) => setTimeout(resolve, 200));
        await lock(second);
      });
    await Promise.all([take('one', 'two'), take('two', 'one')]);
    expect(attempts).toBeGreaterThan(2);
  });

  test('whose node goes away under it is done again', async () => {
    const [node] = await cypher(server.url, "MERGE (n:Trial {key: 'passing'}) RETURN elementId(n) AS id");
    const holder = await holding("MATCH (n:Trial {key: 'passing'}) DELETE n");
    let attempts = 0;
    const written = connect().write('trial', never, async (run) => {
      attempts += 1;
      await run('MATCH (n) WHERE elementId(n) = $id MERGE (n)-[:TO]->(:Other)', node);
    });
    const statuses = async () =>
      JSON.stringify(
        await cypher(
          server.url,
          "SHOW TRANSACTIONS YIELD status, metaData AS data WHERE data.operation = 'trial' RETURN status",
        ),
      );
    await expect.poll(statuses, { timeout: 20_000 }).toContain('Blocked');
    await holder.commit();
    await written;
    expect(attempts).toBe(2);
  });

  test('that waits too long for a lock, or is terminated, is done again', async () => {
    await cypher(server.url, "MERGE (:Trial {key: 'held'})");
    const holder = await holding("MATCH (n:Trial {key: 'held'}) SET n.at = 1");
    let attempts = 0;
    const written = connect({ transactionLimitMs: 700 }).write('trial', never, async (run) => {
      attempts += 1;
      await run("MATCH (n:Trial {key: 'held'}) SET n.at = 2");
    });
    await expect.poll(() => attempts, { timeout: 20_000 }).toBe(2);
    await holder.commit();
    await written;

    const again = await holding("MATCH (n:Trial {key: 'held'}) SET n.at = 3");
    attempts = 0;
    const ended = connect().write('trial', never, async (run) => {
      attempts += 1;
      await run("MATCH (n:Trial {key: 'held'}) SET n.at = 4");
    });
    const terminate = async () => {
      const found = await cypher(
        server.url,
        "SHOW TRANSACTIONS YIELD transactionId AS id, metaData AS data WHERE data.operation = 'trial' RETURN id",
      );
      for (const { id } of found) await cypher(server.url, 'TERMINATE TRANSACTION $id', { id });
      return attempts;
    };
    await expect.poll(terminate, { timeout: 20_000 }).toBeGreaterThan(1);
    await again.commit();
    await ended;
  });

  test('that removes what gets a relationship at its commit is done again, and finds it', async () => {
    await cypher(server.url, "MERGE (:Trial {key: 'tied'})");
    let attempts = 0;
    await connect().write('trial', never, async (run) => {
      attempts += 1;
      const removed = "MATCH (n:Trial {key: 'tied'}) WHERE NOT EXISTS { (n)--() } DELETE n";
      // Within one transaction it is the same: the commit finds what must not be.
      if (attempts === 1) await run("MATCH (n:Trial {key: 'tied'}) CREATE (n)-[:TO]->(:Other) WITH n DELETE n");
      else await run(removed);
    });
    expect(attempts).toBe(2);
  });
});

describe.skipIf(shared === null)('a Neo4j that', () => {
  test('is held fails in bounded time, and serves when it goes on', { timeout: 120_000 }, async () => {
    const { memoryId } = settings();
    const patient = await openNeo4jGraph({ ...settings(), memoryId }, never);
    onTestFinished(() => patient.close());
    await patient.write(ref('run-1'), [a], never);
    const store = await openNeo4jGraph({ ...settings({ transactionLimitMs: 5_000 }), memoryId }, never);
    onTestFinished(() => store.close());
    server.signal('SIGSTOP');
    const silence = { code: 'APEX_STORE', retryable: true, message: expect.stringContaining('does not answer') };
    // The signal takes its time.
    await expect.poll(() => failureOf(store.count(ref('run-1'), never)), { timeout: 60_000 }).toMatchObject(silence);
    expect(await failureOf(store.count(ref('run-1'), never))).toMatchObject(silence);
    server.signal('SIGCONT');
    await expect.poll(() => failureOf(store.count(ref('run-1'), never)), { timeout: 60_000 }).toBeNull();
    expect(await store.count(ref('run-1'), never)).toBe(items);
  });

  test.each(['before', 'after'] as const)(
    'loses the connection %s it commits leaves it open whether that happened, and repeating is right',
    async (when) => {
      const proxy = await startBoltProxy(server.port);
      onTestFinished(() => proxy.close());
      const store = await openGraph({ uri: `bolt://127.0.0.1:${proxy.port}` });
      proxy.cutNextCommit(when);
      // The count before it reads in a transaction, too.
      const error = await failureOf(store.publish([versionOf(a)], never));
      expect(error).toMatchObject({ code: 'APEX_STORE', retryable: true, details: { isUnknown: true } });
      for (const cut of [1, 2, 3, 4, 5]) {
        for (let passed = 0; passed < cut; passed += 1) await store.count(ref('run-1'), never);
        proxy.cutNextCommit(when);
        expect(await failureOf(store.write(ref('run-1'), [a], never))).toMatchObject({ retryable: true });
      }
      expect(await store.write(ref('run-1'), [a], never)).toBe(items);
      expect(rowTexts(await collect(store.inventory([versionOf(a)], never)))).toEqual(expectedTexts('graph', [a]));
      expect(await store.strays(never)).toEqual([]);
    },
  );

  test('is killed and started again holds what it acknowledged, and serves', { timeout: 180_000 }, async () => {
    const store = await openGraph();
    await store.write(ref('run-1'), [a], never);
    server.signal('SIGKILL');
    await expect
      .poll(() => failureOf(store.count(ref('run-1'), never)), { timeout: 20_000 })
      .toMatchObject({ code: 'APEX_STORE', retryable: true });
    await server.restart();
    await expect.poll(() => failureOf(store.count(ref('run-1'), never)), { timeout: 60_000 }).toBeNull();
    expect(rowTexts(await collect(store.inventory([versionOf(a)], never)))).toEqual(expectedTexts('graph', [a]));
  });

  test('was asked too often with a wrong password says so, and not for ever', { timeout: 60_000 }, async () => {
    const codes = new Set<unknown>();
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const error = await failureOf(openNeo4jGraph(settings({ password: 'a-wrong-one' }), never));
      expect(error).toMatchObject({ code: 'APEX_CONFIG', retryable: false });
      codes.add(error!.details['neo4jCode']);
    }
    expect(codes).toContain('Neo.ClientError.Security.AuthenticationRateLimit');
    await expect.poll(() => failureOf(openGraph()), { timeout: 30_000, interval: 1_000 }).toBeNull();
  });
});
