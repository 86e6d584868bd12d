import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { ParserPool } from '../../../lib/contracts/parts.ts';
import { openParserPool } from '../../../lib/parsers/pool.ts';
import { LIMITS, stage, withFolder } from './reading.ts';

const settings = {
  maxProcesses: 1,
  limits: { ...LIMITS, timeoutMs: 2_000, memoryBytes: 200 * 1024 ** 2 },
  probe: fileURLToPath(new URL('./probe.ts', import.meta.url)),
};
const forever = new AbortController().signal;

async function withPool<Result>(use: (pool: ParserPool, folder: string) => Promise<Result>): Promise<Result> {
  const pool = openParserPool(settings);
  try {
    return await withFolder((folder) => use(pool, folder));
  } finally {
    await pool.close();
  }
}

const outcome = (parsed: Promise<{ text: string }>) =>
  parsed.then(
    ({ text }) => text,
    ({ code, retryable }) => ({ code, retryable }),
  );

describe('a document that', () => {
  test.each([
    ['hang', 'TIMEOUT', false],
    ['heap', 'OUT_OF_MEMORY', false],
    ['buffers', 'OUT_OF_MEMORY', false],
    ['crash', 'CRASHED', true],
  ])('makes its process %s costs itself alone', async (name, code, retryable) => {
    await withPool(async (pool, folder) => {
      const names = [`a.txt`, `${name}.txt`, 'b.txt', 'c.txt'];
      const files = await Promise.all(names.map((file) => stage(folder, file, file)));
      const outcomes = await Promise.all(files.map((file) => outcome(pool.parse(file, folder, forever))));
      expect(outcomes).toEqual(['a.txt', { code, retryable }, 'b.txt', 'c.txt']);
    });
  });
});

test('an aborted document is given up at once, and the next one is read', async () => {
  await withPool(async (pool, folder) => {
    const abort = new AbortController();
    const hanging = pool.parse(await stage(folder, 'hang.txt', 'x'), folder, abort.signal);
    const next = pool.parse(await stage(folder, 'b.txt', 'b'), folder, forever);
    abort.abort(new Error('enough'));
    await expect(hanging).rejects.toThrow('enough');
    expect((await next).text).toBe('b');
  });
});

test('closing the pool leaves no document without an answer', async () => {
  await withPool(async (pool, folder) => {
    const names = ['hang.txt', 'b.txt', 'c.txt', 'd.txt', 'e.txt'];
    const files = await Promise.all(names.map((name) => stage(folder, name, name)));
    const outcomes = files.map((file) => outcome(pool.parse(file, folder, forever)));
    await pool.close();
    for (const result of await Promise.all(outcomes)) expect(result).toEqual({ code: 'CRASHED', retryable: true });
  });
});
