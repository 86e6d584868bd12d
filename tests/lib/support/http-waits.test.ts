import { expect, test } from 'vitest';
import { createPace, REAL_TIMING } from '../../../lib/support/http-waits.ts';
import { never } from '../../helpers/records.ts';

test('a wait takes its time', async () => {
  const start = REAL_TIMING.now();
  await REAL_TIMING.sleep(30, never);
  expect(REAL_TIMING.now() - start).toBeGreaterThanOrEqual(28);
});

test('a wait that is aborted ends at once, with the reason', async () => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error('stopped by the test')), 10);
  await expect(REAL_TIMING.sleep(60_000, abort.signal)).rejects.toThrow('stopped by the test');
  await expect(REAL_TIMING.sleep(60_000, abort.signal)).rejects.toThrow('stopped by the test');
});

test('a bucket fills again while nobody asks, and no further than it was', () => {
  const pace = createPace({ requests: 10, perMs: 1_000, burst: 3 });
  expect([0, 0, 0, 0, 0].map((now) => pace.take(now))).toEqual([0, 0, 0, 100, 200]);
  expect([10_000, 10_000, 10_000, 10_000].map((now) => pace.take(now))).toEqual([0, 0, 0, 100]);
});

test('nobody goes while a bucket is held, however full it is', () => {
  const pace = createPace({ requests: 10, perMs: 1_000, burst: 3 });
  pace.hold(5_000);
  pace.hold(4_000);
  expect([pace.take(1_000), pace.take(4_999), pace.take(5_000)]).toEqual([4_000, 1, 0]);
});
