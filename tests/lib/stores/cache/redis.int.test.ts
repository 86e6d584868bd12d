import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { RedisCacheStore } from '../../../../lib/stores/cache/redis.ts';
import { cacheStoreContract } from '../../../contracts/cache-store.contract.ts';
import { collect, never } from '../../../helpers/records.ts';
import { redis } from '../../../servers/redis.ts';
import { startServer } from '../../../servers/start.ts';

const { redis: url } = inject('servers');
const HOUR_MS = 3_600_000;

function openCache(changes: Partial<ConstructorParameters<typeof RedisCacheStore>[0]> = {}): RedisCacheStore {
  const store = new RedisCacheStore({ url: url!, memoryId: randomUUID(), ttlMs: HOUR_MS, ...changes });
  onTestFinished(() => store.close());
  return store;
}

const entry = (key: string, value: Uint8Array, version: number | null = null) => ({
  ...{ key, value, document: version === null ? null : { documentId: 'a:b', version } },
});

describe.skipIf(url === null)('redis', () => {
  cacheStoreContract('redis', async () => openCache());

  test('two memories on one server do not see each other', async () => {
    const [one, other] = [openCache(), openCache()];
    await one.set([entry('x', Uint8Array.of(1), 1)], never);
    expect(await other.get(['x'], never)).toEqual([null]);
    expect(await other.retire([{ documentId: 'a:b', version: 1 }], never)).toEqual([0]);
    expect(await collect(other.versions(never))).toEqual([]);
    expect(await collect(one.versions(never))).toEqual([{ documentId: 'a:b', version: 1 }]);
  });

  test('more than is sent at once comes back whole, and bytes are not taken for text', async () => {
    const store = openCache();
    const entries = Array.from({ length: 600 }, (_, index) =>
      entry(`k${index}`, Uint8Array.of(index % 256, 0xff, 0, 0xc3)),
    );
    await store.set(entries, never);
    const values = await store.get(
      entries.map(({ key }) => key),
      never,
    );
    expect(values.map((value) => [...value!])).toEqual(entries.map(({ value }) => [...value]));
  });

  test('an entry comes to its end by itself, and so does what names it', async () => {
    const store = openCache({ ttlMs: 30 });
    await store.set([entry('x', Uint8Array.of(1), 1)], never);
    await expect.poll(() => store.get(['x'], never)).toEqual([null]);
    expect(await collect(store.versions(never))).toEqual([]);
  });

  test('nothing is left of what was retired or removed', async () => {
    const memoryId = randomUUID();
    const store = openCache({ memoryId });
    await store.set([entry('x', Uint8Array.of(1), 1), entry('y', Uint8Array.of(2))], never);
    await store.retire([{ documentId: 'a:b', version: 1 }], never);
    await store.remove(['y'], never);
    const client = new Redis(url!);
    onTestFinished(() => client.disconnect());
    expect(await client.keys(`*${memoryId}*`)).toEqual([]);
  });
});

describe.skipIf(url === null)('a redis that', () => {
  const failed = (store: RedisCacheStore) =>
    store.get(['x'], never).then(
      () => null,
      (error: Error) => error,
    );

  test('does not take the password says so, and never the password', async () => {
    const wrong = new URL(url!);
    wrong.password = 'a-wrong-one';
    const error = await failed(openCache({ url: wrong.href }));
    expect(error).toMatchObject({
      code: 'APEX_STORE',
      retryable: false,
      message: expect.stringContaining('WRONGPASS'),
    });
    expect(JSON.stringify(error) + error!.message).not.toContain('a-wrong-one');
  });

  test('is not there', async () => {
    const error = await failed(openCache({ url: 'redis://127.0.0.1:1' }));
    expect(error).toMatchObject({
      code: 'APEX_STORE',
      retryable: true,
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('is held, killed and started again fails at once each time, and then serves', async () => {
    const server = await startServer(redis);
    onTestFinished(server.stop);
    const store = openCache({ url: server.url });
    await store.set([entry('x', Uint8Array.of(1))], never);
    server.signal('SIGSTOP');
    // The signal may arrive after the answer to the first of them.
    const held = { retryable: true, message: expect.stringContaining('timed out') };
    await expect.poll(() => failed(store), { timeout: 10_000 }).toMatchObject(held);
    server.signal('SIGCONT');
    await expect.poll(() => failed(store), { timeout: 10_000 }).toBeNull();
    server.signal('SIGKILL');
    await expect.poll(() => failed(store)).toMatchObject({ retryable: true });
    await server.restart();
    await expect.poll(() => failed(store), { timeout: 10_000 }).toBeNull();
  });

  test('is full refuses to write, and goes on serving', async () => {
    const server = await startServer(redis);
    onTestFinished(server.stop);
    const client = new Redis(server.url);
    onTestFinished(() => client.disconnect());
    const store = openCache({ url: server.url });
    await store.set([entry('x', Uint8Array.of(1))], never);
    await client.config('SET', 'maxmemory', '1mb');
    await expect(
      store
        .set([entry('y', new Uint8Array(2_000_000))], never)
        .then(() => store.set([entry('z', Uint8Array.of(2))], never)),
    ).rejects.toMatchObject({
      code: 'APEX_STORE',
      message: expect.stringContaining('OOM'),
    });
    expect(await store.get(['x'], never)).toEqual([Uint8Array.of(1)]);
  });

  test('only replicates refuses to write', async () => {
    const server = await startServer(redis);
    onTestFinished(server.stop);
    const client = new Redis(server.url);
    onTestFinished(() => client.disconnect());
    await client.config('SET', 'replica-serve-stale-data', 'yes');
    await client.replicaof('127.0.0.1', '1');
    const store = openCache({ url: server.url });
    await expect(store.set([entry('x', Uint8Array.of(1))], never)).rejects.toMatchObject({
      message: expect.stringContaining('READONLY'),
    });
  });
});
