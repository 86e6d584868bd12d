import type { Copied, KnownBytes, Look, Source, SourceItem, SourceProblem } from '../contracts/source.ts';
import { createDownloads, type Downloads } from '../support/download.ts';
import { downloadError } from '../support/download-failures.ts';
import type { Download, DownloadSettings } from '../support/download-settings.ts';
import { passParts, writeParts } from './files.ts';
import { assertNoWebPage, nameOf, validatorsOf, versionOf } from './https-answer.ts';

export interface HttpsSettings extends DownloadSettings {
  /** Larger files are refused, where they say their size before they are read. */
  readonly maxBytes: number;
  /**
   * Whole addresses by the locations that they are known by, where the two differ: what is secret in an address is in no location, and
   * so nowhere but in this process.
   */
  readonly addresses: ReadonlyMap<string, string>;
}

/** A source, and how its connections are ended. */
export type HttpsSource = Source & { close(): Promise<void> };

/**
 * Files of the web, each by its address.
 *
 * An item's location is its address without what is secret in it. Its version is what the server marks the bytes with (`ETag`,
 * `Last-Modified`), so that an unchanged file costs one request and no body; where the server marks nothing the bytes decide.
 */
export function createHttpsSource(settings: HttpsSettings): HttpsSource {
  return new WebSource(settings);
}

/** A stand-in for a secret's value; the value itself is needed to ask for the file. */
const STAND_IN = /[?&][^=&]*=sha256-[0-9a-f]{16}(?:&|$)/;

class WebSource implements HttpsSource {
  readonly name = 'https';
  readonly looksAtOnce = 4;
  readonly #settings: HttpsSettings;
  readonly #downloads: Downloads;

  constructor(settings: HttpsSettings) {
    this.#settings = settings;
    this.#downloads = createDownloads(settings);
  }

  async *list(targets: readonly string[]): AsyncGenerator<SourceItem | SourceProblem> {
    for (const target of [...new Set(targets)].sort()) {
      const item = this.itemAt(target);
      if (item === null) yield { uri: target, code: 'NOT_FOUND', message: 'it is no https:// address' };
      else if (item.uri.startsWith('http:') && !this.#settings.isHttpAllowed) yield unencrypted(item);
      else yield item;
    }
  }

  /** An address holds one document, never several. */
  async gone(): Promise<[]> {
    return [];
  }

  itemAt(uri: string): SourceItem | null {
    const url = URL.canParse(uri) ? new URL(uri) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) return null;
    return { id: uri, uri, name: nameOf(url), bytes: null, mediaType: null, locator: uri, isRepeatable: true };
  }

  async digest(item: SourceItem, signal: AbortSignal): Promise<{ digest: string; bytes: number }> {
    const { body } = await this.#get(item, null, signal);
    return passParts(this.#documentIn(body!, item));
  }

  async look(item: SourceItem, known: KnownBytes | null, signal: AbortSignal): Promise<Look> {
    if (known === null) return { kind: 'unread' };
    const { body, headers } = await this.#get(item, known.version, signal);
    if (body === null) return { kind: 'same' };
    return { kind: 'read', ...(await passParts(this.#documentIn(body, item))), version: versionOf(headers) };
  }

  fromCopy(item: SourceItem): SourceItem {
    return item;
  }

  async *read(item: SourceItem, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const url = this.#addressOf(item);
    const { body } = await this.#downloads.get({ url, validators: {}, maxBytes: null, isTimed: false }, signal);
    yield* assertNoWebPage(body!, url);
  }

  async copy(
    item: SourceItem,
    path: string,
    signal: AbortSignal,
    onBytes?: (totalBytes: number) => void,
  ): Promise<Copied> {
    const { body, headers } = await this.#get(item, null, signal);
    return { ...(await writeParts(this.#documentIn(body!, item), path, onBytes)), version: versionOf(headers) };
  }

  close(): Promise<void> {
    return this.#downloads.close();
  }

  #get(item: SourceItem, version: string | null, signal: AbortSignal): Promise<Download> {
    const url = this.#addressOf(item);
    const { maxBytes } = this.#settings;
    return this.#downloads.get({ url, validators: validatorsOf(version), maxBytes, isTimed: true }, signal);
  }

  #documentIn(body: AsyncIterable<Uint8Array>, item: SourceItem): AsyncIterable<Uint8Array> {
    return assertNoWebPage(body, this.#addressOf(item), item.name);
  }

  #addressOf({ uri }: SourceItem): URL {
    const address = this.#settings.addresses.get(uri);
    const url = new URL(address ?? uri);
    if (address === undefined && STAND_IN.test(url.search)) {
      const problem = 'has a secret in its address, which is not kept: ingest it again by its whole address';
      throw downloadError('SOURCE_REFUSED', url, problem);
    }
    return url;
  }
}

function unencrypted({ uri }: SourceItem): SourceProblem {
  const { host } = new URL(uri);
  const message = `${host} would be asked without encryption: give an https:// address`;
  return { uri, code: 'ADDRESS_REFUSED', message };
}
