import { Redis } from 'ioredis';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { openOpenAiServer } from '../helpers/openai-server.ts';
import { redis } from '../servers/redis.ts';
import { startServer } from '../servers/start.ts';

/** Goal: a Redis caches what costs, and no run depends on it. Method: the built program beside a server that is there, fails or is away. */

const { redis: url } = inject('servers');
const NOWHERE = 'redis://:a-password@127.0.0.1:1';
const CANARY = 'kumquat-harbour-nineteen';
const NAME = `${CANARY}.md`;
const FILES = { [NAME]: '# Alpha\n\nThe alpha gate is open.\n', 'b.txt': 'Bay nine is free.\n' };

/** The values of all entries of a server. */
async function held(address: string): Promise<string> {
  const client = new Redis(address);
  try {
    const keys = await client.keys('*');
    const values = await Promise.all(
      keys.map(async (key) => ((await client.type(key)) === 'string' ? client.get(key) : client.smembers(key))),
    );
    return JSON.stringify([keys, values]);
  } finally {
    client.disconnect();
  }
}

async function openRedis() {
  const server = await startServer(redis);
  onTestFinished(server.stop);
  return server;
}

describe.skipIf(url === null)('with REDIS_URL', () => {
  test('what was embedded once is not embedded again, for other documents either', async () => {
    const server = await openOpenAiServer();
    const memory = openCase(FILES, { ...server.env, REDIS_URL: url! });
    await memory.ingest();
    const calls = server.calls.length;
    memory.write('moved/c.md', FILES[NAME]!);
    expect((await memory.ingest()).summary).toMatchObject({ added: 1, unchanged: 2, embedding_calls: 0 });
    expect(server.calls).toHaveLength(calls);
    expect(await memory.verify()).toBe(0);
  });

  test('after a delete nothing of the document is left in it', async () => {
    const { url: own } = await openRedis();
    const memory = openCase(FILES, { REDIS_URL: own });
    await memory.ingest();
    expect((await held(own)).includes(CANARY)).toBe(true);
    expect((await memory.run('delete', await memory.idOf(NAME))).exitCode).toBe(0);
    const left = await held(own);
    expect([left.includes(CANARY), left.includes('b.txt')]).toEqual([false, true]);
  });

  test('one that is away is told once, and changes no outcome', async () => {
    const memory = openCase(FILES, { REDIS_URL: NOWHERE });
    const { summary, stderr } = await memory.ingest();
    expect(summary).toMatchObject({ added: 2, exit_status: 0, state: 'completed' });
    expect(stderr.match(/the cache does not answer/g)).toHaveLength(1);
    expect(stderr).not.toContain('a-password');
    const verified = await memory.run('verify');
    expect(verified.lines.at(-1)).toMatchObject({ differences: 0, uncompared: ['cache'], exit_status: 0 });
    expect(await memory.search('nine')).toEqual(['Bay nine is free.']);
  });

  test('a delete without it says that traces stay, and a repair with it takes them away', async () => {
    const { url: own } = await openRedis();
    const memory = openCase(FILES, { REDIS_URL: own });
    await memory.ingest();
    const deleted = await memory.runWith({ REDIS_URL: NOWHERE }, 'delete', await memory.idOf(NAME));
    expect([deleted.exitCode, deleted.stderr]).toEqual([75, expect.stringContaining('apex verify --repair')]);
    expect(await memory.verify()).toBe(5);
    expect((await memory.run('verify', '--repair')).exitCode).toBe(0);
    expect((await held(own)).includes(CANARY)).toBe(false);
  });

  test('one that dies in the middle of a run changes no outcome', async () => {
    const cache = await openRedis();
    const server = await openOpenAiServer();
    server.respond = async () => {
      cache.signal('SIGKILL');
      return null;
    };
    const memory = openCase(FILES, { ...server.env, REDIS_URL: cache.url, APEX_CONCURRENCY: '1' });
    expect((await memory.ingest()).summary).toMatchObject({ added: 2, exit_status: 0 });
    await cache.restart();
    expect(await memory.verify()).toBe(0);
  });

  test('doctor tells its version, or why it cannot be used', async () => {
    const { run, runWith } = openCase({}, { REDIS_URL: url! });
    const cacheOf = (lines: readonly Record<string, unknown>[]) => lines.find(({ name }) => name === 'cache');
    expect(cacheOf((await run('doctor')).lines)).toMatchObject({
      level: 'ok',
      found: expect.stringMatching(/^Redis \d+\.\d+\.\d+ at 127\.0\.0\.1:\d+, \d+ ms$/),
    });
    const wrong = new URL(url!);
    wrong.password = 'a-wrong-one';
    const { lines, exitCode, stdout } = await runWith({ REDIS_URL: wrong.href }, 'doctor');
    expect(cacheOf(lines)).toMatchObject({ level: 'warning', found: expect.stringContaining('WRONGPASS') });
    expect([exitCode, stdout]).toEqual([0, expect.not.stringContaining('a-wrong-one')]);
  });

  test('an address of another kind is refused before anything is opened', async () => {
    const { runWith } = openCase();
    const { exitCode, stderr } = await runWith({ REDIS_URL: 'http://127.0.0.1:6379' }, 'runs');
    expect([exitCode, stderr]).toEqual([78, expect.stringContaining('begins with redis:// or rediss://')]);
  });
});
