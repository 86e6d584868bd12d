import { setImmediate } from 'node:timers/promises';
import { isApexError } from '../contracts/errors.ts';
import type { Waiting } from '../contracts/feed-source.ts';
import { backoffMs, MIN_WAIT_MS, type Timing } from '../support/http-waits.ts';
import type { S3Client } from './s3-client.ts';
import { isSlowDown, s3Error } from './s3-failures.ts';
import type { S3Place } from './s3-place.ts';
import type { ListedObject, ListedPage } from './s3-xml.ts';

/** What listings are asked of. */
export interface Lister {
  readonly client: S3Client;
  readonly timing: Timing;
  /** Hears of waits before a page is asked for again. */
  readonly onWaiting: (waiting: Waiting) => void;
}

/** A page has 1,000 keys of at most 1,024 bytes, percent-encoded, and little more. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024;
const MAX_PAGES = 1_000_000;
/** Pages without a key, one after the other, before a listing is given up. */
const MAX_EMPTY_PAGES = 100;

/**
 * The objects whose keys begin with the place's, in the order of their keys' bytes, a page at a time; nothing but the page is held.
 *
 * A page that cannot be had is asked for again, as `persist` says. Errors: as `S3Client`; SOURCE_ANSWER for an answer that is no
 * listing; ENDLESS_PAGES.
 */
export async function* listObjects(
  place: S3Place,
  lister: Lister,
  signal: AbortSignal,
): AsyncGenerator<readonly ListedObject[]> {
  const seen = new Set<string>();
  let token: string | null = null;
  let emptyPages = 0;
  for (let pages = 0; pages < MAX_PAGES && emptyPages <= MAX_EMPTY_PAGES; pages += 1) {
    const { objects, next }: ListedPage = await pageOf(place, token, lister, signal);
    yield objects;
    if (next === null) return;
    if (next === '')
      throw s3Error(
        'SOURCE_ANSWER',
        place,
        'has more keys, as the server says, but it does not say how to ask for them',
      );
    if (seen.has(next)) break;
    seen.add(next);
    token = next;
    emptyPages = objects.length === 0 ? emptyPages + 1 : 0;
    // A page is parsed in one go: others get their turn in between.
    await setImmediate();
  }
  throw s3Error('ENDLESS_PAGES', place, 'is listed in pages that go in a circle, or do not end');
}

function pageOf(place: S3Place, token: string | null, lister: Lister, signal: AbortSignal): Promise<ListedPage> {
  const query = {
    'list-type': '2',
    // XML cannot hold every key.
    'encoding-type': 'url',
    ...(place.key !== '' && { prefix: place.key }),
    ...(token !== null && { 'continuation-token': token }),
  };
  return persist(lister, signal, async () => {
    const { readListedPage } = await import('./s3-xml.ts');
    const request = { place, isOfBucket: true, query, maxBytes: MAX_PAGE_BYTES, isTimed: true };
    const { body } = await lister.client.ask(request, signal);
    const xml = await textOf(body!);
    const page = readListedPage(xml);
    if (page !== null) return page;
    const isCut = /^\s*(?:<\?xml[^>]*>\s*)?<ListBucketResult/.test(xml);
    const what = isCut ? 'is listed in a page that breaks off' : 'is answered with something that is no listing of S3';
    throw s3Error('SOURCE_ANSWER', place, what, { isRetryable: isCut });
  });
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

/** Attempts in all, and between which waits lie: as those of the step that stages. */
const ATTEMPTS = 3;
const BACKOFF = { minMs: 1_000, maxMs: 30_000 };
const MAX_ASKED_MS = 300_000;

/** Tries again what may go well later, after the wait that the server asks for or one that doubles. @throws the last error. */
export async function persist<Result>(
  { timing, onWaiting }: Pick<Lister, 'timing' | 'onWaiting'>,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isApexError(error) || !error.retryable || attempt + 1 === ATTEMPTS) throw error;
      const { retryAfterMs: askedMs, s3Code } = error.details;
      const ms =
        typeof askedMs === 'number'
          ? Math.min(Math.max(MIN_WAIT_MS, askedMs), MAX_ASKED_MS)
          : backoffMs(BACKOFF, attempt, timing.random());
      const isLimited = typeof askedMs === 'number' || isSlowDown(s3Code);
      onWaiting({ reason: isLimited ? 'limited' : 'failed', ms });
      await timing.sleep(ms, signal);
    }
  }
}
