import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { brokenDownload, downloadError } from './download-failures.ts';
import type { Deadline, DownloadLimits, DownloadRequest } from './download-settings.ts';

/** How a body is read. */
interface Reading extends Pick<DownloadRequest, 'url' | 'maxBytes'> {
  /** As the server says. */
  readonly encoding: string;
  readonly limits: DownloadLimits;
  readonly deadline: Deadline;
}

/** What unpacked bytes may be of the packed ones, beyond the first so many: what is packed tighter was made to fill disks. */
const MAX_RATIO = 200;
const FREE_BYTES = 16 * 1024 * 1024;

/**
 * A body part by part, unpacked, with every limit on it. Leaving it before its end ends the connection.
 *
 * @throws SourceError TOO_LARGE, SOURCE_ANSWER for an encoding nobody asked for or that is damaged, APEX_SOURCE (retryable) for a body
 * that breaks off, is too slow or late; the signal's reason.
 */
export async function* bodyParts(body: Readable, reading: Reading): AsyncGenerator<Uint8Array> {
  const { url, encoding, deadline } = reading;
  const counted = { packed: 0 };
  const packed = withLimits(body, reading, counted);
  try {
    if (encoding === 'identity' || encoding === '') yield* packed;
    else yield* unpacked(packed, reading, counted);
  } catch (error) {
    deadline.throwIfOver();
    throw unpackingError(url, error) ?? brokenDownload(url, error);
  } finally {
    body.on('error', () => {});
    body.destroy();
  }
}

/** Only the time that is spent waiting counts: who reads slowly is no slow server. */
async function* withLimits(
  body: Readable,
  { url, maxBytes, limits }: Reading,
  counted: { packed: number },
): AsyncGenerator<Uint8Array> {
  const { readMs, minBytesPerSecond } = limits;
  const parts = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  let stretch = { waitedMs: 0, bytes: 0 };
  for (;;) {
    const askedAt = performance.now();
    const { value: part, done } = await parts.next();
    if (done === true) return;
    counted.packed += part.byteLength;
    if (maxBytes !== null && counted.packed > maxBytes) throw tooLarge(url, maxBytes);
    stretch = { waitedMs: stretch.waitedMs + performance.now() - askedAt, bytes: stretch.bytes + part.byteLength };
    if (stretch.waitedMs >= readMs) {
      if (stretch.bytes < (minBytesPerSecond * stretch.waitedMs) / 1_000) throw tooSlow(url, minBytesPerSecond);
      stretch = { waitedMs: 0, bytes: 0 };
    }
    yield part;
  }
}

async function* unpacked(
  packed: AsyncGenerator<Uint8Array>,
  { url, encoding, maxBytes }: Reading,
  counted: { readonly packed: number },
): AsyncGenerator<Uint8Array> {
  const unpack = UNPACKERS[encoding.toLowerCase()];
  if (unpack === undefined) throw downloadError('SOURCE_ANSWER', url, 'is sent in an encoding that was not asked for');
  // Its failure is thrown by the loop below.
  const stream = pipeline(packed, unpack(), () => {});
  let bytes = 0;
  for await (const part of stream as AsyncIterable<Uint8Array>) {
    bytes += part.byteLength;
    if (maxBytes !== null && bytes > maxBytes) throw tooLarge(url, maxBytes);
    if (bytes > FREE_BYTES + counted.packed * MAX_RATIO)
      throw downloadError('TOO_LARGE', url, `unpacks to more than ${MAX_RATIO} times its size`);
    yield part;
  }
}

const UNPACKERS: { readonly [encoding: string]: () => NodeJS.ReadWriteStream } = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

function unpackingError(url: URL, error: unknown) {
  const { code } = error as { code?: unknown };
  const isDamaged =
    typeof code === 'string' &&
    (code.startsWith('Z_') || code.startsWith('ERR__ERROR') || code.startsWith('ERR_BROTLI'));
  return isDamaged ? downloadError('SOURCE_ANSWER', url, `is packed wrongly (${code})`, { cause: error }) : null;
}

function tooLarge(url: URL, maxBytes: number) {
  return downloadError('TOO_LARGE', url, `has more than the ${maxBytes} bytes that APEX_MAX_FILE_MB allows`);
}

function tooSlow(url: URL, minBytesPerSecond: number) {
  const problem = `sends less than ${minBytesPerSecond} bytes a second, the least that SOURCE_MIN_BYTES_PER_SECOND allows`;
  return downloadError('APEX_SOURCE', url, problem, { isRetryable: true });
}
