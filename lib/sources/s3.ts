import { isApexError, type SourceError } from '../contracts/errors.ts';
import type { Waiting } from '../contracts/feed-source.ts';
import type { Copied, KnownBytes, Look, Source, SourceItem, SourceProblem, SourceRoot } from '../contracts/source.ts';
import type { Download } from '../support/download-settings.ts';
import type { Timing } from '../support/http-waits.ts';
import { passParts, writeParts } from './files.ts';
import { plainName } from './plain-name.ts';
import { createS3Client, type S3Client, type S3ClientSettings } from './s3-client.ts';
import { s3Error } from './s3-failures.ts';
import { listObjects, persist } from './s3-listing.ts';
import { isPrefix, placeAt, type S3Place, uriOf } from './s3-place.ts';
import { readVersion, versionIn, versionText } from './s3-version.ts';
import type { ListedObject } from './s3-xml.ts';

export interface S3Settings extends S3ClientSettings {
  /** Larger objects are refused before they are read. */
  readonly maxBytes: number;
  readonly timing: Timing;
  /** Hears of waits before a listing is gone on with. */
  readonly onWaiting: (waiting: Waiting) => void;
}

/** A source, and how its connections are ended. */
export type S3Source = Source & { close(): Promise<void> };

/**
 * Objects of S3, or of a server that speaks as it does: each by its key, or all whose keys begin with a prefix, which ends with a slash.
 *
 * An item's location is `s3://`, its bucket and its key as they are (`uriOf`). Its version is its ETag with its size: a listing tells
 * both, so that an unchanged object under a prefix costs no request of its own, and one that is named itself costs one without a body.
 * Objects of no bytes whose keys end with a slash stand for folders and are passed over.
 */
export function createS3Source(settings: S3Settings): S3Source {
  return new BucketSource(settings);
}

/** Objects asked after at once. */
const AT_ONCE = 4;

class BucketSource implements S3Source {
  readonly name = 's3';
  readonly looksAtOnce = AT_ONCE;
  readonly #settings: S3Settings;
  readonly #client: S3Client;

  constructor(settings: S3Settings) {
    this.#settings = settings;
    this.#client = createS3Client(settings);
  }

  /** In the order of the targets' locations, and under a prefix in that of the keys' bytes. */
  async *list(
    targets: readonly string[],
    signal: AbortSignal,
    onRoot: (root: SourceRoot) => void = () => {},
  ): AsyncGenerator<SourceItem | SourceProblem> {
    for (const target of targets)
      if (placeAt(target) === null)
        yield { uri: target, code: 'NOT_FOUND', message: `${target} names no bucket: write s3://bucket/key` };
    const named = namedBy(targets);
    const prefixes = named.filter(({ place }) => isPrefix(place));
    const outer = prefixes.filter(({ place }) => !prefixes.some((other) => isWithin(place, other.place)));
    for (const prefix of outer) yield* this.#listPrefix(prefix, named, { signal, onRoot });
    for (const { place } of named)
      if (!isPrefix(place) && !outer.some((prefix) => isWithin(place, prefix.place))) yield itemOf(place, null, null);
  }

  async *#listPrefix(
    { target, place }: Named,
    named: readonly Named[],
    { signal, onRoot }: { readonly signal: AbortSignal; readonly onRoot: (root: SourceRoot) => void },
  ): AsyncGenerator<SourceItem | SourceProblem> {
    const own = named.filter((other) => isWithin(other.place, place) && !isPrefix(other.place));
    // What is named itself is taken also where the listing does not come to it.
    const missed = new Map(own.map((other) => [uriOf(other.place), other.place]));
    let state: SourceRoot['state'] = 'empty';
    try {
      for await (const page of listObjects(place, { ...this.#settings, client: this.#client }, signal)) {
        for (const entry of page.flatMap((object) => entryOf(object, place))) {
          if ('code' in entry) state = 'incomplete';
          else if (state === 'empty') state = 'whole';
          missed.delete(entry.uri);
          yield entry;
        }
      }
      if (state === 'empty') yield { uri: target, code: 'NO_MATCH', message: `${target} holds no document` };
    } catch (error) {
      state = 'incomplete';
      yield problemOf(error, target);
    }
    for (const one of missed.values()) yield itemOf(one, null, null);
    onRoot({ target, uri: uriOf(place).replace(/\/$/, ''), isPattern: false, state });
  }

  /** Each is asked after: only what the server says is not there is gone, whatever a listing held. */
  async gone(root: SourceRoot, uris: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const gone = new Set<string>();
    const own = uris.filter((uri) => uri.startsWith(`${root.uri}/`));
    const rest = own[Symbol.iterator]();
    const work = async () => {
      for (const uri of rest) if (await this.#isGone(uri, signal)) gone.add(uri);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return own.filter((uri) => gone.has(uri));
  }

  async #isGone(uri: string, signal: AbortSignal): Promise<boolean> {
    const place = placeAt(uri);
    if (place === null) return false;
    try {
      const ask = () => this.#client.ask({ place, method: 'HEAD', maxBytes: null, isTimed: true }, signal);
      (await persist(this.#settings, signal, ask)).end();
      return false;
    } catch (error) {
      if (!isApexError(error)) throw error;
      return error.code === 'NOT_FOUND';
    }
  }

  itemAt(uri: string): SourceItem | null {
    const place = placeAt(uri);
    return place === null ? null : itemOf(place, null, null);
  }

  async digest(item: SourceItem, signal: AbortSignal): Promise<{ digest: string; bytes: number }> {
    const { body } = await this.#get(item, null, signal);
    return passParts(body!);
  }

  async look(item: SourceItem, known: KnownBytes | null, signal: AbortSignal): Promise<Look> {
    this.#assertSize(item);
    if (known === null) return { kind: 'unread' };
    const [now, then] = [readVersion(item.version), readVersion(known.version)];
    if (now.etag !== null && now.etag === then.etag) return { kind: 'same' };
    if (now.bytes !== null && then.bytes !== null && now.bytes !== then.bytes) return { kind: 'unread' };
    // The same bytes may have another mark, by the parts that they were sent in: they are read once to know.
    const { body, headers } = await this.#get(item, then.etag, signal);
    if (body === null) return { kind: 'same' };
    return { kind: 'read', ...(await passParts(body)), version: versionText(versionIn(headers)) };
  }

  fromCopy(item: SourceItem): SourceItem {
    return item;
  }

  async *read(item: SourceItem, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { body } = await this.#client.ask({ place: placeOf(item), maxBytes: null, isTimed: false }, signal);
    yield* body!;
  }

  async copy(
    item: SourceItem,
    path: string,
    signal: AbortSignal,
    onBytes?: (totalBytes: number) => void,
  ): Promise<Copied> {
    this.#assertSize(item);
    const { body, headers } = await this.#get(item, null, signal);
    return { ...(await writeParts(body!, path, onBytes)), version: versionText(versionIn(headers)) };
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #get(item: SourceItem, etag: string | null, signal: AbortSignal): Promise<Download> {
    const { maxBytes } = this.#settings;
    const validators = etag === null ? {} : { 'if-none-match': etag };
    return this.#client.ask({ place: placeOf(item), validators, maxBytes, isTimed: true }, signal);
  }

  #assertSize(item: SourceItem): void {
    const { maxBytes } = this.#settings;
    // What failed when it was looked at comes without its size, so that it takes no room.
    const bytes = item.bytes ?? readVersion(item.version).bytes;
    if (bytes === null || bytes <= maxBytes) return;
    const problem = `has ${bytes} bytes, more than the ${maxBytes} that APEX_MAX_FILE_MB allows`;
    throw s3Error('TOO_LARGE', placeOf(item), problem);
  }
}

/** A place with the target that names it. */
interface Named {
  readonly target: string;
  readonly place: S3Place;
}

/** Each place once, in the order of their locations. */
function namedBy(targets: readonly string[]): Named[] {
  const named = new Map<string, Named>();
  for (const target of targets) {
    const place = placeAt(target);
    if (place !== null) named.set(uriOf(place), { target, place });
  }
  return [...named].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** Of an item that this source gave. */
function placeOf({ uri }: SourceItem): S3Place {
  return placeAt(uri)!;
}

/** Whether a place lies under another one, and is not that one. */
function isWithin(place: S3Place, prefix: S3Place): boolean {
  const isLonger = place.key.length > prefix.key.length;
  return isLonger && place.bucket === prefix.bucket && place.key.startsWith(prefix.key);
}

function entryOf({ key, bytes, etag }: ListedObject, { bucket, key: prefix }: S3Place): (SourceItem | SourceProblem)[] {
  const within = uriOf({ bucket, key: prefix });
  if (key === null) return [{ uri: within, code: 'SOURCE_ANSWER', message: `${within} holds a key that is no text` }];
  if (key.endsWith('/') && bytes === 0) return [];
  return [itemOf({ bucket, key }, bytes, versionText({ etag, bytes, versionId: null }))];
}

function itemOf(place: S3Place, bytes: number | null, version: string | null): SourceItem {
  const uri = uriOf(place);
  const name = plainName(place.key.split('/').findLast((part) => part !== '') ?? place.bucket);
  const item = { id: uri, uri, name, bytes, mediaType: null, locator: uri, isRepeatable: true };
  return version === null ? item : { ...item, version };
}

/** @throws what is no failure of the source. */
function problemOf(error: unknown, uri: string): SourceProblem {
  if (!isApexError(error)) throw error;
  const { code, message } = error as SourceError;
  return { uri, code: code as SourceProblem['code'], message };
}
