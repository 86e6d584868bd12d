import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { workThrough } from '../../../src/pipeline/bounded.ts';

test('an empty queue is done at once', async () => {
  await workThrough([], 2, () => Promise.reject(new Error('nothing to do')));
});

test('every item is worked on once, never more at a time than allowed, and as many as allowed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 3 })),
      fc.integer({ min: 1, max: 5 }),
      async (turns, concurrency) => {
        const done: number[] = [];
        let underWay = 0;
        let most = 0;
        await workThrough([...turns.entries()], concurrency, async ([index, count]) => {
          underWay += 1;
          most = Math.max(most, underWay);
          for (let waited = 0; waited < count; waited += 1) await turn();
          underWay -= 1;
          done.push(index);
        });
        expect(done.toSorted((a, b) => a - b)).toEqual([...turns.keys()]);
        expect(most).toBe(Math.min(concurrency, turns.length));
      },
    ),
  );
});

test('what is added while the last item is worked on is worked on too', async () => {
  const queue = [3];
  const done: number[] = [];
  await workThrough(queue, 2, async (depth) => {
    await turn();
    done.push(depth);
    if (depth > 0) queue.push(depth - 1);
  });
  expect(done).toEqual([3, 2, 1, 0]);
});

test('after a failure nothing new is begun, what is under way is waited for, and the first failure is thrown', async () => {
  const begun: string[] = [];
  const ended: string[] = [];
  const working = workThrough(['slow', 'bad', 'worse', 'never'], 3, async (item) => {
    begun.push(item);
    await turn();
    if (item === 'bad') throw new Error('the first');
    await turn();
    if (item === 'worse') throw new Error('the second');
    await turn();
    ended.push(item);
  });
  await expect(working).rejects.toThrow('the first');
  expect([begun, ended]).toEqual([['slow', 'bad', 'worse'], ['slow']]);
});

test('a failure that is no value is a failure all the same', async () => {
  await expect(workThrough([1], 1, () => Promise.reject(undefined))).rejects.toBeUndefined();
});
