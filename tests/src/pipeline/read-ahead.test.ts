import { expect, test } from 'vitest';
import { readAhead } from '../../../src/pipeline/read-ahead.ts';

/** Numbers from 0, and how many were asked for; fails after the last when told to. */
function source(count: number, failure: Error | null = null) {
  const state = { given: 0, isClosed: false };
  async function* items(): AsyncGenerator<number> {
    try {
      for (let item = 0; item < count; item += 1) {
        state.given += 1;
        yield item;
      }
      if (failure !== null) throw failure;
    } finally {
      state.isClosed = true;
    }
  }
  return { state, items: items() };
}

/** Lets everything run that can. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
}

test('everything comes in order, and that it has ended is heard once', async () => {
  const heard: boolean[] = [];
  const taken: number[] = [];
  for await (const item of readAhead(source(1_000).items, 10, ({ isFinal }) => heard.push(isFinal))) taken.push(item);
  expect(taken).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
  expect(heard.filter((isFinal) => isFinal)).toHaveLength(1);
  expect(heard).toHaveLength(1_001);
});

test('how much there is is known while the first is worked on', async () => {
  const { state, items } = source(50);
  let isEnded = false;
  const ahead = readAhead(items, 1_000, ({ isFinal }) => {
    isEnded = isFinal;
  });
  await ahead.next();
  await settled();
  expect(state.given).toBe(50);
  expect(isEnded).toBe(true);
});

test('no more is read than may wait', async () => {
  const { state, items } = source(1_000);
  const ahead = readAhead(items, 10, () => {});
  await ahead.next();
  await settled();
  expect(state.given).toBeLessThanOrEqual(20);
});

test('a failure comes after what was read before it', async () => {
  const taken: number[] = [];
  const work = async () => {
    for await (const item of readAhead(source(3, new Error('gone')).items, 10, () => {})) taken.push(item);
  };
  await expect(work()).rejects.toThrow('gone');
  expect(taken).toEqual([0, 1, 2]);
});

test('leaving stops the reading and closes the source', async () => {
  const { state, items } = source(1_000);
  for await (const item of readAhead(items, 10, () => {})) if (item === 3) break;
  await settled();
  expect(state.isClosed).toBe(true);
  expect(state.given).toBeLessThanOrEqual(20);
});
