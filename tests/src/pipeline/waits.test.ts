import { expect, test } from 'vitest';
import { SourceError } from '../../../lib/contracts/errors.ts';
import { AskedWaits, tellingWaits } from '../../../src/pipeline/waits.ts';

/** What is told of waits, by a clock that the test sets. */
function openWaits() {
  const told: string[] = [];
  const clock = { nowMs: 0 };
  const waits = new AskedWaits({ elapsed: () => clock.nowMs }, ({ message }) => told.push(message));
  const take = (ms: number, details: Readonly<Record<string, string | number>> = { retryAfterMs: ms }) =>
    waits.take({ error: new SourceError('x', { code: 'APEX_SOURCE', retryable: true, details }), ms }, 's3');
  return { told, clock, take };
}

test('documents that wait at the same time are told of once, and a wait after it again', () => {
  const { told, clock, take } = openWaits();
  for (const ms of [2_000, 2_000, 1_500]) take(ms);
  clock.nowMs = 1_999;
  take(2_000);
  expect(told).toEqual(['s3 asked to slow down; it is asked again in 2 s']);
  clock.nowMs = 2_000;
  take(700);
  expect(told.slice(1)).toEqual(['s3 asked to slow down; it is asked again in 1 s']);
});

test('each server is told of by its own name', () => {
  const { told, take } = openWaits();
  take(1_000, { retryAfterMs: 1_000, host: 'a.example' });
  take(1_000, { retryAfterMs: 1_000, host: 'b.example' });
  expect(told.map((message) => message.split(' ')[0])).toEqual(['a.example', 'b.example']);
});

test('what no server asked for, and what is no wait, is not told', () => {
  const { told, take } = openWaits();
  take(1_000, {});
  take(0);
  expect(told).toEqual([]);
});

test('a pace that a source keeps of itself is not told, a server that did not answer is', () => {
  const told: string[] = [];
  const tell = tellingWaits('frontapp', ({ message }) => told.push(message));
  tell({ reason: 'pace', ms: 9_000 });
  tell({ reason: 'failed', ms: 250 });
  expect(told).toEqual(['frontapp did not answer; it is asked again in 1 s']);
});
