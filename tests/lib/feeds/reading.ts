import type { FeedItem } from '../../../lib/contracts/feed.ts';
import { loadFeeds } from '../../../lib/feeds/index.ts';

interface ReadingOptions {
  readonly maxRecordBytes?: number;
  /** Where the input is cut into chunks. */
  readonly cuts?: readonly number[];
}

/** The items of an input that comes in one chunk, or in several. */
export async function itemsOf(
  input: string | Uint8Array,
  { maxRecordBytes = 16 * 1024 * 1024, cuts = [] }: ReadingOptions = {},
): Promise<FeedItem[]> {
  const bytes = Buffer.from(input as Uint8Array);
  return collected(chunksOf(bytes, cuts), maxRecordBytes);
}

/** The items of a stream. */
async function collected(chunks: AsyncIterable<Uint8Array>, maxRecordBytes: number): Promise<FeedItem[]> {
  const { readFeed } = await loadFeeds();
  const items: FeedItem[] = [];
  for await (const item of readFeed(chunks, { maxRecordBytes, signal: new AbortController().signal })) items.push(item);
  return items;
}

/** Each chunk lies in the same memory, as with a reader that uses its buffer again. */
async function* chunksOf(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(bytes.length);
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    memory.fill(0x58);
    memory.set(bytes.subarray(from, to));
    yield memory.subarray(0, to - from);
    from = to;
  }
}

/** An item as a line for comparisons: `line 3 {"a":1}`, or `line 3 ✗ path: reason`. */
export function shownItem(item: FeedItem): string {
  if (item.kind === 'record') return `${item.record.place} ${JSON.stringify(item.record.value)}`;
  const { place, path, reason } = item.rejected;
  return `${place} ✗ ${path === '' ? '' : `${path}: `}${reason}`;
}

/** The items of an input, each as a line. */
export async function shownItems(input: string | Uint8Array, options: ReadingOptions = {}): Promise<string[]> {
  return (await itemsOf(input, options)).map(shownItem);
}

/** The values of the records alone. */
export async function valuesOf(input: string | Uint8Array, options: ReadingOptions = {}): Promise<unknown[]> {
  return (await itemsOf(input, options)).flatMap((item) => (item.kind === 'record' ? [item.record.value] : []));
}
