import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { isolatedPreparation } from '../../commands/isolated.ts';
import type { ProviderUse } from '../../lib/contracts/journal.ts';
import { NO_CAPS } from '../../src/pipeline/allowance.ts';
import type { IsolatedContext, IsolatedRequest } from '../../src/pipeline/parts.ts';

/** Goal: whatever the process of one document does, the one that asked hears of it and gets away. Method: processes of a line each. */

const request: IsolatedRequest = {
  ...{ runId: 'run-1', source: 'local_upload', documentId: 'a', parentId: null },
  item: { id: 'a', uri: 'a', name: 'a.txt', bytes: 1, mediaType: null, locator: '', isRepeatable: true },
  allowance: { caps: NO_CAPS, calls: 0, costNanos: 0, elapsedMs: 0 },
};

/** Long enough that a test fails at its own limit first. */
const LONG_MS = 600_000;

function prepare(script: string, options: { timeoutMs?: number; signal?: AbortSignal } = {}) {
  const { timeoutMs = LONG_MS, signal = new AbortController().signal } = options;
  const steps: string[] = [];
  const used: ProviderUse[] = [];
  const use = { add: (since: ProviderUse) => used.push(since) };
  const context: IsolatedContext = { signal, use, onStep: (documentId, step) => steps.push(`${documentId} ${step}`) };
  const run = isolatedPreparation({ command: [process.execPath, '-e', script], env: { GIVEN: 'yes' }, timeoutMs });
  return { ended: run(request, context), steps, used };
}

test('the request comes on standard input, which stays open, and the settings in the environment', async () => {
  const { ended } = prepare(`process.stdin.once('data', (line) => {
    process.stdin.on('end', () => process.exit(1));
    const { documentId } = JSON.parse(line);
    setImmediate(() => process.exit(documentId === 'a' && process.env.GIVEN === 'yes' && process.env.PATH ? 0 : 1));
  })`);
  expect(await ended).toBe('prepared');
});

test('its steps and what it used are heard', async () => {
  const { ended, steps, used } = prepare(`console.log('{"step":"stage"}'); console.log('{"step":"parse"}');
    console.log('{"use":{"calls":2}}'); process.exit(0)`);
  expect(await ended).toBe('prepared');
  expect([steps, used]).toEqual([['a stage', 'a parse'], [{ calls: 2 }]]);
});

test('what it reports is thrown, with its code and whether it may be tried again', async () => {
  const failure = { code: 'RATE_LIMITED', message: 'slower', retryable: true, step: null };
  const { ended } = prepare(
    `console.log(${JSON.stringify(JSON.stringify({ failure }))}); process.exitCode = 75; process.stdin.unref()`,
  );
  await expect(ended).rejects.toMatchObject({ code: 'RATE_LIMITED', message: 'slower', retryable: true });
});

test.each([
  ['is killed', "process.kill(process.pid, 'SIGKILL')"],
  ['aborts', 'process.abort()'],
  ['ends with a status and gives no reason', 'process.exit(7)'],
])('a process that %s has died', async (_, script) => {
  expect(await prepare(script).ended).toBe('died');
});

test('a process that cannot be started is an error, not a death', async () => {
  const run = isolatedPreparation({ command: ['/nowhere/at/all'], env: {}, timeoutMs: LONG_MS });
  const context = { signal: new AbortController().signal, use: { add: () => {} }, onStep: () => {} };
  await expect(run(request, context)).rejects.toMatchObject({ code: 'ENOENT' });
});

/**
 * Starts another process, says so and hangs. The other has the same standard output, and only when that is closed by both has
 * the first one ended for who asked: were the other left alive, the tests below would wait for ever.
 */
const HANGING = `
  const other = ['-e', 'setInterval(() => {}, 1000)'];
  require('node:child_process').spawn(process.execPath, other, { stdio: ['ignore', 'inherit', 'ignore'] });
  require('node:fs').writeSync(1, '{"step":"stage"}\\n');
  for (;;);`;

test('a process that hangs is killed at its limit, with those it started, and is not tried again', async () => {
  await expect(prepare(HANGING, { timeoutMs: 3_000 }).ended).rejects.toMatchObject({
    code: 'TIMEOUT',
    retryable: false,
  });
});

test('an interruption kills it, with those it started', async () => {
  const interruption = new AbortController();
  const { ended, steps } = prepare(HANGING, { signal: interruption.signal });
  while (steps.length === 0) await delay(10);
  interruption.abort(new Error('interrupted'));
  await expect(ended).rejects.toThrow('interrupted');
});

test('the program ends by itself when the process that asked is gone', async () => {
  const child = spawn(process.execPath, [resolve('bin/apex.js'), 'prepare-alone'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.end();
  const exitCode = await new Promise((done) => child.once('exit', done));
  expect(exitCode).toBe(75);
});
