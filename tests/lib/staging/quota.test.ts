import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createLocalSource } from '../../../lib/sources/local.ts';
import { openStaging } from '../../../lib/staging/index.ts';
import { Quota } from '../../../lib/staging/quota.ts';
import { echoItem, echoSource } from '../../helpers/echo-source.ts';
import { temporaryFolder } from '../../helpers/memory.ts';
import { never } from '../../helpers/records.ts';

/**
 * Goal: no more is staged than the quota allows, whoever stages. Method: several staging areas, and several processes, over one folder;
 * bytes that do not say how many they are.
 */

const MEGABYTE = 1_048_576;

function openPlace() {
  const root = temporaryFolder();
  const [base, locks] = [join(root, 'staging'), join(root, 'locks')];
  mkdirSync(base, { mode: 0o700 });
  mkdirSync(locks);
  return { base, locks };
}

function openQuota(maxBytes: number, { base, locks }: { base: string; locks: string | null } = openPlace()) {
  return new Quota({ base, locks, maxBytes, free: () => {} });
}

/** Takes room for a file, and writes it. */
function write(quota: Quota, path: string, bytes: number): number {
  return quota.take({ least: bytes, most: bytes }, () => writeFileSync(path, Buffer.alloc(bytes)));
}

const full = expect.objectContaining({ code: 'QUOTA_FULL', retryable: true });

test('what one process has taken, another cannot take', () => {
  const place = openPlace();
  const [first, second] = [openQuota(1_000, place), openQuota(1_000, place)];
  write(first, join(place.base, 'a'), 600);
  expect(() => write(second, join(place.base, 'b'), 600)).toThrow(full);
  expect(existsSync(join(place.base, 'b'))).toBe(false);
  expect(write(second, join(place.base, 'b'), 400)).toBe(400);
  expect(() => write(first, join(place.base, 'c'), 1)).toThrow(full);
});

test('what is removed makes room for every process', () => {
  const place = openPlace();
  const [first, second] = [openQuota(1_000, place), openQuota(1_000, place)];
  for (let round = 0; round < 5; round += 1) {
    write(round % 2 === 0 ? first : second, join(place.base, 'a'), 800);
    rmSync(join(place.base, 'a'));
  }
});

test('the message says how much is used, of how much, and how much is needed', () => {
  const place = openPlace();
  writeFileSync(join(place.base, 'a'), Buffer.alloc(600));
  expect(() => openQuota(1_000, place).take({ least: 500, most: 500 }, () => {})).toThrow(
    'the staging area is full: 600 of 1000 bytes are used, 500 more are needed',
  );
});

test('what does not fit in a large step fits in a small one', () => {
  const place = openPlace();
  const quota = openQuota(1_000, place);
  const grow = (name: string) =>
    quota.take({ least: 10, most: 900 }, (bytes) => writeFileSync(join(place.base, name), Buffer.alloc(bytes)));
  expect([grow('a'), grow('b'), grow('c')]).toEqual([900, 10, 10]);
});

test('small files are told to other processes before they are many', () => {
  const place = openPlace();
  const quota = openQuota(100 * MEGABYTE, place);
  for (let count = 0; count < 60; count += 1) quota.count(MEGABYTE);
  const [count] = readdirSync(place.locks).filter((name) => name.endsWith('.used'));
  expect(Number(readFileSync(join(place.locks, count!), 'utf8'))).toBeGreaterThan(40 * MEGABYTE);
});

test('a count that is damaged is made again from what lies there', () => {
  const place = openPlace();
  write(openQuota(1_000, place), join(place.base, 'a'), 600);
  const [count] = readdirSync(place.locks).filter((name) => name.endsWith('.used'));
  writeFileSync(join(place.locks, count!), 'not a number');
  expect(() => openQuota(1_000, place).take({ least: 600, most: 600 }, () => {})).toThrow(full);
});

test('of several processes that stage at once no more get through than there is room for', async () => {
  const place = openPlace();
  const module = new URL('../../../lib/staging/quota.ts', import.meta.url).href;
  const script = `const { Quota } = await import(${JSON.stringify(module)});
    const { openSync, ftruncateSync } = await import('node:fs');
    const quota = new Quota({ ...${JSON.stringify(place)}, maxBytes: 1000, free: () => {} });
    let taken = 0;
    for (let index = 0; index < 20; index += 1)
      try {
        quota.take({ least: 60, most: 60 }, () => {
          // Long enough that others would measure meanwhile, were they let.
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
          ftruncateSync(openSync(${JSON.stringify(place.base)} + '/' + process.pid + index, 'w'), 60);
        });
        taken += 1;
      } catch (error) { if (error.code !== 'QUOTA_FULL') throw error; }
    process.stdout.write(String(taken));`;
  const taken = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      child.stdout.on('data', (part: Buffer) => (text += part.toString()));
      expect(await once(child, 'close')).toEqual([0, null]);
      return Number(text);
    }),
  );
  expect(taken.reduce((sum, count) => sum + count, 0)).toBe(16);
});

test('a copy that grows beyond the quota while nobody knows its size is stopped, and nothing is left of it', async () => {
  const { base, locks } = openPlace();
  const stdin = new PassThrough();
  const source = createLocalSource({ maxBytes: 100 * MEGABYTE, stdin, stdinName: 'endless.txt', ownFolders: [] });
  const [item] = await Array.fromAsync(source.list(['-'], never));
  const staging = openStaging({ base, locks, maxBytes: 12 * MEGABYTE, failedRetentionMs: 0, now: Date.now });
  const folder = await staging.open('spool', 'local_upload', 'run-1');
  let given = 0;
  const give = setInterval(() => {
    if (!stdin.writableNeedDrain) stdin.write(Buffer.alloc(MEGABYTE));
    given += 1;
  }, 1);
  try {
    if (item === undefined || 'code' in item) throw new Error('nothing is listed');
    await expect(folder.stage(source, item, never)).rejects.toMatchObject({ code: 'QUOTA_FULL' });
  } finally {
    clearInterval(give);
  }
  expect(given).toBeGreaterThan(10);
  const files = readdirSync(base, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files).toEqual([]);
});

test('a file that is going to be long takes its room before its bytes are there', async () => {
  const { base, locks } = openPlace();
  const staging = openStaging({ base, locks, maxBytes: MEGABYTE, failedRetentionMs: 0, now: Date.now });
  const folder = await staging.open('local_upload', 'DOC-1', 'run-1');
  const item = echoItem('x'.repeat(700_000));
  const seen: number[] = [];
  const slow = {
    ...echoSource,
    copy: async (...args: Parameters<typeof echoSource.copy>) => {
      seen.push(statSync(args[1]).size);
      expect(() => openQuota(MEGABYTE, { base, locks }).take({ least: 700_000, most: 700_000 }, () => {})).toThrow(
        full,
      );
      return echoSource.copy(...args);
    },
  };
  await folder.stage(slow, item, never);
  expect(seen).toEqual([700_000]);
});

test('what is taken from staging is not held to the quota, because it makes room', async () => {
  const { base, locks } = openPlace();
  const staging = openStaging({ base, locks, maxBytes: 5_000, failedRetentionMs: 0, now: Date.now });
  await staging.items.receive(async (open) => {
    const folder = open();
    await folder.stage(echoSource, echoItem('x'.repeat(4_000)), never);
    const named = { itemId: 'DOC-1', kind: 'document', source: 'local_upload', group: '' } as const;
    await folder.publish({ ...named, origin: echoItem('') });
  });
  const item = await staging.items.take({ itemId: 'DOC-1', source: 'local_upload' }, 'run-1', () => false);
  if (typeof item === 'string') throw new Error(item);
  const folder = await staging.open('local_upload', 'DOC-1', 'run-1');
  expect(await folder.stage(staging.source, item, never)).toMatchObject({ bytes: 4_000 });
  await folder.writeArtifact('parsed', 'key', Buffer.alloc(4_000));
  const other = await staging.open('local_upload', 'DOC-2', 'run-1');
  await expect(other.stage(echoSource, echoItem('x'.repeat(4_000)), never)).rejects.toMatchObject({
    code: 'QUOTA_FULL',
  });
});
