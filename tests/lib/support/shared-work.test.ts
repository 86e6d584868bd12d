import { threadId } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { type SharingOptions, shareWork } from '../../../lib/support/shared-work.ts';
import { double, failElsewhere, failOnOdd } from '../../helpers/shared-portions.ts';

const module = new URL('../../helpers/shared-portions.ts', import.meta.url).href;
const { signal } = new AbortController();
const options: SharingOptions = { module, helpers: 2, signal };
const portions = Array.from({ length: 40 }, (_, index) => index);

test('results come in the order of the portions, whoever did them', async () => {
  for (const helpers of [0, 1, 3]) {
    const results = await shareWork(portions, double, { ...options, helpers });
    expect(results.map(({ value }) => value)).toEqual(portions.map((portion) => portion * 2));
  }
});

test('threads do a part of the work, and without helpers none does', async () => {
  const shared = await shareWork(portions, double, options);
  expect(new Set(shared.map(({ thread }) => thread)).size).toBeGreaterThan(1);
  const alone = await shareWork(portions, double, { ...options, helpers: 0 });
  expect(new Set(alone.map(({ thread }) => thread))).toEqual(new Set([threadId]));
});

test('what no thread can do is done here, also where none can even start', async () => {
  const own = portions.map(() => threadId);
  expect(await shareWork(portions, failElsewhere, options)).toEqual(own);
  const absent = { ...options, module: new URL('absent.ts', module).href };
  expect((await shareWork(portions, double, absent)).map(({ thread }) => thread)).toEqual(own);
});

test('an error is the one that the work throws here, with its code', async () => {
  await expect(shareWork(portions, failOnOdd, options)).rejects.toMatchObject({ code: 'ODD' });
});

test('a signal ends it between two portions, with its reason', async () => {
  const controller = new AbortController();
  const stop = (portion: number) => {
    if (portion > 2) controller.abort(new Error('stopped'));
    return portion;
  };
  const work = shareWork(portions, stop, { ...options, helpers: 0, signal: controller.signal });
  await expect(work).rejects.toThrow('stopped');
});
