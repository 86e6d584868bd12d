import { describe, expect, test } from 'vitest';
import { ProviderError, StoreError } from '../../../lib/contracts/errors.ts';
import { STEPS } from '../../../lib/contracts/pipeline.ts';
import { RETRIES, type RetryPolicy, withRetries } from '../../../src/pipeline/steps.ts';
import { FakeSurroundings } from '../../helpers/fakes/surroundings.ts';
import { noAnswer, refusal } from '../../helpers/faults.ts';
import { never } from '../../helpers/records.ts';

const POLICY: RetryPolicy = { attempts: 4, firstDelayMs: 1_000, maxDelayMs: 3_000 };

/** Runs an operation that fails with these errors, one after the other, and then succeeds. */
async function retry(errors: readonly unknown[], { policy = POLICY, signal = never } = {}) {
  const surroundings = new FakeSurroundings();
  let attempts = 0;
  const result = withRetries(policy, { signal, surroundings }, async () => {
    attempts += 1;
    if (attempts <= errors.length) throw errors[attempts - 1];
    return 'done';
  });
  const outcome = await result.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  return { ...outcome, attempts, delaysMs: surroundings.delaysMs };
}

function slowDown(retryAfterMs: number): ProviderError {
  return new ProviderError('slow down', { code: 'RATE_LIMITED', retryable: true, details: { retryAfterMs } });
}

test('what succeeds is done once', async () => {
  expect(await retry([])).toEqual({ value: 'done', attempts: 1, delaysMs: [] });
});

test('delays double up to the longest', async () => {
  expect(await retry([noAnswer(), noAnswer(), noAnswer()])).toEqual({
    ...{ value: 'done', attempts: 4, delaysMs: [1_000, 2_000, 3_000] },
  });
});

test('the last error is thrown when the attempts are used up, without another wait', async () => {
  const errors = ['first', 'second', 'third', 'last'].map(
    (message) => new StoreError(message, { code: 'APEX_STORE', retryable: true }),
  );
  expect(await retry(errors)).toEqual({ error: errors[3], attempts: 4, delaysMs: [1_000, 2_000, 3_000] });
});

test.each([
  ['a final failure', refusal()],
  ['a bug', new TypeError('x is not a function')],
  [
    'an error that only looks like ours',
    Object.assign(new Error('econnreset'), { code: 'ECONNRESET', retryable: true }),
  ],
  ['something that is no error', 'APEX_STORE'],
])('%s is thrown at once', async (_, error) => {
  expect(await retry([error])).toEqual({ error, attempts: 1, delaysMs: [] });
});

test('a failure that lost its class on the way keeps its meaning', async () => {
  const error = Object.assign(new Error('no answer'), { code: 'APEX_STORE', retryable: true, details: {} });
  expect(await retry([error])).toMatchObject({ value: 'done', attempts: 2 });
});

describe('a waiting time that the provider asks for', () => {
  test.each([
    ['replaces a shorter delay', 20_000, 20_000],
    ['replaces a longer delay', 0, 0],
    ['is bounded by five minutes', 3_600_000, 300_000],
    ['that is no number is passed over', Number.NaN, 1_000],
    ['in the past is passed over', -5, 1_000],
  ])('%s', async (_, askedMs, delayMs) => {
    expect((await retry([slowDown(askedMs)])).delaysMs).toEqual([delayMs]);
  });

  test('leaves the next delay as it would have been', async () => {
    expect((await retry([slowDown(5), noAnswer()])).delaysMs).toEqual([5, 2_000]);
  });
});

test('nothing is begun under an aborted signal', async () => {
  const signal = AbortSignal.abort('SIGINT');
  expect(await retry([], { signal })).toEqual({ error: 'SIGINT', attempts: 0, delaysMs: [] });
});

test('an abort during the wait ends it with its reason, and nothing is tried again', async () => {
  const surroundings = new FakeSurroundings();
  const user = new AbortController();
  let isWaitEnded = false;
  surroundings.onSleep = (signal) => {
    user.abort('SIGTERM');
    isWaitEnded = signal.aborted;
  };
  let attempts = 0;
  const trying = withRetries(POLICY, { signal: user.signal, surroundings }, async () => {
    attempts += 1;
    throw noAnswer();
  });
  await expect(trying).rejects.toBe('SIGTERM');
  expect([attempts, isWaitEnded]).toEqual([1, true]);
});

test('every step has the attempts and delays of the design', () => {
  const [second, half, ten] = [1_000, 30_000, 10_000];
  expect(STEPS.map((step) => [step, ...Object.values(RETRIES[step])])).toEqual([
    ['stage', 3, second, half],
    ['parse', 3, second, half],
    ['chunk', 1, 0, 0],
    ['extract', 3, second, half],
    ['embed', 5, second, half],
    ['write', 3, second, half],
    ['cleanup', 2, second, ten],
  ]);
});
