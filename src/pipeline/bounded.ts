/** The items in their order, so many at a time. */
export function* pagesOf<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}

/**
 * Works on a queue that may grow while it is worked on, with at most `concurrency` at once.
 *
 * Resolves when the queue is empty and nothing is under way. After a first failure nothing new is begun; what is under way is
 * waited for, then that failure is thrown.
 */
export async function workThrough<T>(queue: T[], concurrency: number, work: (item: T) => Promise<void>): Promise<void> {
  let failure: { readonly error: unknown } | null = null;
  const underWay = new Set<Promise<void>>();
  while ((queue.length > 0 && failure === null) || underWay.size > 0) {
    while (queue.length > 0 && underWay.size < concurrency && failure === null) {
      const started: Promise<void> = work(queue.shift()!)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => underWay.delete(started));
      underWay.add(started);
    }
    await Promise.race(underWay);
  }
  if (failure !== null) throw (failure as { error: unknown }).error;
}
