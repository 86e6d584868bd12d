/** What has been read so far. */
interface ReadState<Item> {
  /** The newest, or null when the end was met. */
  readonly item: Item | null;
  readonly isFinal: boolean;
}

/**
 * Reads on while what was read is worked on, so that how much there is is known early; about `maxItems` wait to be taken.
 *
 * Gives the items in their order; a failure to read is thrown after the last item that was read before it. When the taker leaves,
 * reading stops at the next item.
 */
export async function* readAhead<Item>(
  items: AsyncIterable<Item>,
  maxItems: number,
  onRead: (state: ReadState<Item>) => void,
): AsyncGenerator<Item> {
  let waiting: Item[] = [];
  let isRead = false;
  let hasLeft = false;
  let failure: { readonly error: unknown } | null = null;
  let moved = Promise.withResolvers<void>();
  const move = () => {
    moved.resolve();
    moved = Promise.withResolvers();
  };
  const read = async () => {
    for await (const item of items) {
      waiting.push(item);
      onRead({ item, isFinal: false });
      move();
      while (waiting.length >= maxItems && !hasLeft) await moved.promise;
      if (hasLeft) return;
    }
    onRead({ item: null, isFinal: true });
  };
  void read()
    .catch((error: unknown) => {
      failure = { error };
    })
    .finally(() => {
      isRead = true;
      move();
    });
  try {
    while (!isRead || waiting.length > 0) {
      if (waiting.length === 0) await moved.promise;
      const taken = waiting;
      waiting = [];
      move();
      yield* taken;
    }
    if (failure !== null) throw (failure as { error: unknown }).error;
  } finally {
    hasLeft = true;
    move();
  }
}
