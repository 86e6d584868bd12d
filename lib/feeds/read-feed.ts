import type { FeedItem, FoundItem } from '../contracts/feed.ts';
import { findDelimiter } from '../support/delimiter.ts';
import { redactedText } from '../support/redaction.ts';
import { asUtf8 } from './encoding.ts';
import { FEED_FORMATS, type FeedLimits, type FeedReader } from './index.ts';
import { shown } from './json-trouble.ts';

export interface FeedOptions extends FeedLimits {
  readonly signal: AbortSignal;
}

/** What is read of a text at most before its format is decided. */
const HEAD_BYTES = 64 * 1024;
/** Of a chunk that is taken at a time: a reader holds a copy of it. */
const SLICE_BYTES = 256 * 1024;

/**
 * The records of a text, one after the other, and what of it is no record. Memory does not grow with the text.
 *
 * JSON in any of its line-ups, or a table with a header; which of them is told by the text alone. A text without a record in it gives
 * one rejected item, a blank one none. The text is UTF-8, or UTF-16 as its first bytes tell; bytes that are neither are U+FFFD. Items are numbered as `FeedItem` says, for the same `maxRecordBytes`.
 * Errors: those of `chunks`; the signal's reason.
 */
export async function* readFeed(
  chunks: AsyncIterable<Uint8Array>,
  { maxRecordBytes, signal }: FeedOptions,
): AsyncGenerator<FeedItem> {
  let ordinal = 0;
  let reader: FeedReader | null = null;
  let head: Uint8Array = new Uint8Array();
  const limits = { maxRecordBytes };
  for await (const chunk of slicesOf(asUtf8(chunks))) {
    signal.throwIfAborted();
    if (reader === null) {
      head = Buffer.concat([head, chunk]);
      reader = await readerFor(head, false, limits);
      if (reader === null) continue;
      reader.push(head);
    } else reader.push(chunk);
    for (const item of reader.items(false)) yield numbered(item, ordinal++);
    if (reader.isOver) return;
  }
  signal.throwIfAborted();
  if (reader === null) {
    reader = (await readerFor(head, true, limits))!;
    reader.push(head);
  }
  for (const item of reader.items(true)) yield numbered(item, ordinal++);
}

/** Every item has the same shape, so that whoever handles many of them is quick. */
function numbered(item: FoundItem, ordinal: number): FeedItem {
  return item.kind === 'record'
    ? { ordinal, kind: 'record', record: item.record }
    : { ordinal, kind: 'rejected', rejected: item.rejected };
}

async function* slicesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) yield chunk.subarray(at, at + SLICE_BYTES);
}

/** The reader that fits what a text begins with; null while more of it must be seen. */
async function readerFor(head: Uint8Array, isEnd: boolean, limits: FeedLimits): Promise<FeedReader | null> {
  // Not a byte more, or the answer would depend on how the text comes in chunks.
  const text = new TextDecoder().decode(head.subarray(0, HEAD_BYTES));
  const first = text.trimStart()[0];
  if (first === '{' || first === '[') return FEED_FORMATS.json(limits);
  if (!isEnd && head.length < HEAD_BYTES) return null;
  if (first === '<') return noFeed(text);
  const delimiter = delimiterOf(text);
  return delimiter === null ? FEED_FORMATS.json(limits) : FEED_FORMATS.csv({ ...limits, delimiter });
}

/** A quoted value, which may have lines and delimiters of its own. */
const QUOTED = /(^|[,;\t|\n])"(?:[^"]|"")*"/g;

/** A second line that begins as an object does, or a list of them: the first is no header but broken. */
const RECORDS = /^[^\n]*\n\s*(?:\{[ \t]*["}]|\[[ \t]*\{)/;

/** What divides the first line into names of columns, as far as the lines behind it agree; null: it is no header. */
function delimiterOf(head: string): string | null {
  // The last line may be cut in two.
  const end = head.lastIndexOf('\n');
  const lines = end === -1 ? head : head.slice(0, end);
  if (RECORDS.test(lines.trimStart())) return null;
  const plain = lines.trimStart().replace(QUOTED, '$1');
  const header = plain.split('\n', 1)[0]!;
  const delimiter = findDelimiter(plain);
  return delimiter !== null && header.includes(delimiter) ? delimiter : null;
}

/** A page where a feed should be, as a proxy or a log-in answers. */
function noFeed(text: string): FeedReader {
  const begin = text.trimStart();
  const reason = `expected JSON or a table, found ${shown(begin)}: a page of HTML or XML`;
  const item: FoundItem = {
    kind: 'rejected',
    rejected: { place: 'line 1', path: '', reason, raw: redactedText(text) },
  };
  return { isOver: true, push: () => {}, items: () => [item] };
}
