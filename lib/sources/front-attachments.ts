import { isApexError } from '../contracts/errors.ts';
import type { Waiting } from '../contracts/feed-source.ts';
import type { Copied, KnownBytes, Look, Source, SourceItem, SourceProblem, SourceRoot } from '../contracts/source.ts';
import { createDownloads, type Downloads } from '../support/download.ts';
import { downloadError, refusedDownload } from '../support/download-failures.ts';
import type { DownloadSettings } from '../support/download-settings.ts';
import type { HttpClient } from '../support/http.ts';
import { placeOf, statusFailure } from '../support/http-failures.ts';
import { ANSWER_LIMITS } from '../support/http-settings.ts';
import { createPace, type Pace, REAL_TIMING } from '../support/http-waits.ts';
import { connect, openClient } from './feed-client.ts';
import type { Asking } from './feed-paging.ts';
import type { Connection } from './feed-spec.ts';
import { passParts, writeParts } from './files.ts';
import { fetchWhole, fileIdsIn, listFront } from './front-listing.ts';
import { frontItem, frontName, frontPlace } from './front-places.ts';
import frontapp from './frontapp.ts';
import { assertNoWebPage } from './https-answer.ts';

export interface FrontAttachmentSettings extends Omit<DownloadSettings, 'own' | 'headers'> {
  /** Values by the names of the options of Front's records. */
  readonly values: ReadonlyMap<string, string>;
  /** Larger files are refused, before they are asked for where Front says their size. */
  readonly maxBytes: number;
  /** Pages of one listing. */
  readonly maxPages: number;
  /** Hears of waits before the API is asked again. */
  readonly onWaiting: (waiting: Waiting) => void;
}

/** A source, and how its connections are ended. */
export type FrontAttachments = Source & { close(): Promise<void> };

/**
 * Files that came in Front's messages and comments, each by its id, or all of a message, a comment or a conversation.
 *
 * The token goes to the API's own address alone. Where that leads elsewhere, as to a storage of objects, the file is fetched like any
 * other of the web: through the guard, without the token. A file never changes, so one that is known is not asked for again. Nothing
 * is connected, and no setting is looked at, before something is asked for: what was kept of Front can be named without a token.
 */
export function createFrontAttachments(settings: FrontAttachmentSettings): FrontAttachments {
  return new FrontSource(settings);
}

/** What is open while something is asked for. */
interface Api {
  readonly baseUrl: string;
  readonly client: HttpClient;
  readonly downloads: Downloads;
  /** Of requests and files together: all count. */
  readonly pace: Pace;
}

class FrontSource implements FrontAttachments {
  readonly name = frontapp.name;
  readonly looksAtOnce = 4;
  readonly #settings: FrontAttachmentSettings;
  #api: Promise<Api> | null = null;

  constructor(settings: FrontAttachmentSettings) {
    this.#settings = settings;
  }

  async assertReady(): Promise<void> {
    await this.#open();
  }

  async *list(
    targets: readonly string[],
    signal: AbortSignal,
    onRoot: (root: SourceRoot) => void = () => {},
  ): AsyncGenerator<SourceItem | SourceProblem> {
    const items = new Map<string, SourceItem>();
    for (const target of [...new Set(targets)].sort()) {
      signal.throwIfAborted();
      const name = frontName(target);
      if (name === null) {
        yield { uri: target, code: 'NOT_FOUND', message: `${target} is no id of a file, message or conversation` };
        continue;
      }
      const { found, root } = await listFront(name, await this.#asking(signal));
      for (const entry of found) {
        if ('code' in entry) yield entry;
        else if (!isBetterKnown(items.get(entry.id), entry)) items.set(entry.id, entry);
      }
      if (root !== null) onRoot(root);
    }
    yield* [...items.values()].sort((a, b) => (a.uri < b.uri ? -1 : 1));
  }

  /** Asks for what they came in: a page may have passed over a message that moved while it was listed. */
  async gone(root: SourceRoot, uris: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const own = uris.filter((uri) => uri.startsWith(`${root.uri}/`));
    const gone: string[] = [];
    for (const [message, inside] of Map.groupBy(own, (uri) => frontPlace(uri)?.message ?? '')) {
      if (message === '') continue;
      const left = await this.#filesLeftIn(message, signal);
      gone.push(...inside.filter((uri) => !left.has(frontPlace(uri)!.attachment)));
    }
    return gone;
  }

  itemAt(uri: string): SourceItem | null {
    const place = frontPlace(uri);
    return place === null ? null : frontItem(place);
  }

  async digest(item: SourceItem, signal: AbortSignal): Promise<{ digest: string; bytes: number }> {
    return passParts(await this.#fetch(item, this.#settings.maxBytes, signal));
  }

  async look(item: SourceItem, known: KnownBytes | null, signal: AbortSignal): Promise<Look> {
    if (known === null) return { kind: 'unread' };
    const isSame = known.version === item.version || known.uri === item.uri;
    if (isSame && known.digest !== '') return { kind: 'same' };
    return { kind: 'read', ...(await this.digest(item, signal)), version: item.version ?? null };
  }

  fromCopy(item: SourceItem): SourceItem {
    return item;
  }

  async *read(item: SourceItem, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    yield* await this.#fetch(item, null, signal);
  }

  async copy(
    item: SourceItem,
    path: string,
    signal: AbortSignal,
    onBytes?: (totalBytes: number) => void,
  ): Promise<Copied> {
    const parts = await this.#fetch(item, this.#settings.maxBytes, signal);
    return { ...(await writeParts(parts, path, onBytes)), version: item.version ?? null };
  }

  async close(): Promise<void> {
    const api = await this.#api?.catch(() => null);
    await api?.client.close();
    await api?.downloads.close();
  }

  async #fetch(item: SourceItem, maxBytes: number | null, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { baseUrl, downloads, pace } = await this.#open();
    const url = new URL(`${baseUrl}${item.locator}`);
    if (maxBytes !== null && (item.bytes ?? 0) > maxBytes) {
      const problem = `has ${item.bytes} bytes, more than the ${maxBytes} that APEX_MAX_FILE_MB allows`;
      throw downloadError('TOO_LARGE', url, problem);
    }
    await REAL_TIMING.sleep(pace.take(REAL_TIMING.now()), signal);
    try {
      const { body } = await downloads.get({ url, validators: {}, maxBytes, isTimed: maxBytes !== null }, signal);
      return assertNoWebPage(body!, url, item.name);
    } catch (error) {
      // Everybody waits: what one request was refused, the next would be, too.
      const askedMs = isApexError(error) ? error.details['retryAfterMs'] : null;
      if (typeof askedMs === 'number') pace.hold(REAL_TIMING.now() + askedMs);
      throw error;
    }
  }

  async #filesLeftIn(message: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
    try {
      return new Set(fileIdsIn(await fetchWhole(message, await this.#asking(signal))));
    } catch (error) {
      if (isApexError(error) && error.code === 'NOT_FOUND') return new Set();
      throw error;
    }
  }

  async #asking(signal: AbortSignal): Promise<Asking> {
    const { client, pace } = await this.#open();
    return { source: this.name, client, signal, maxPages: this.#settings.maxPages, pace };
  }

  #open(): Promise<Api> {
    this.#api ??= openApi(this.#settings);
    return this.#api;
  }
}

/** Met in a message it is known by more than its id. */
function isBetterKnown(known: SourceItem | undefined, other: SourceItem): boolean {
  if (known === undefined) return false;
  const depth = ({ uri }: SourceItem) => uri.split('/').length;
  return depth(known) > depth(other) || (depth(known) === depth(other) && known.uri <= other.uri);
}

/** @throws ConfigError naming the setting that is missing or malformed. */
async function openApi(settings: FrontAttachmentSettings): Promise<Api> {
  const { version, onWaiting } = settings;
  const tools = { version, limits: ANSWER_LIMITS, timing: REAL_TIMING, onWaiting };
  const connection = connect(frontapp, settings.values, tools);
  const client = openClient(frontapp, connection, tools);
  const headers = await connection.credentials.headers(async () => null, AbortSignal.abort());
  const { baseUrl } = connection;
  const { origin } = new URL(baseUrl);
  const own = { origin, retryAfter: frontapp.retryAfter, refused: refusalBy(origin, connection) };
  const downloads = createDownloads({ ...settings, own, headers: new Map([[origin, headers]]) });
  return { baseUrl, client, downloads, pace: createPace(connection.rate) };
}

/** What a status means, from the API and from where it led. */
function refusalBy(origin: string, { variables }: Connection) {
  return (url: URL, status: number, retryAfterMs: number | null) => {
    if (status !== 401 && status !== 403) return refusedDownload(url, status, retryAfterMs);
    if (url.origin === origin)
      return statusFailure({ source: frontapp.name, place: placeOf(url), variables }, status, {}, null).error;
    // Its address was signed for some time: another attempt is given another.
    const problem = `may not be read (${status}): the link that frontapp gave was refused`;
    return downloadError('APEX_SOURCE', url, problem, { isRetryable: true });
  };
}
