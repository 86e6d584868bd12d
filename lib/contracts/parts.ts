import type { Chunk, Extraction, ParsedDocument, StagedFile } from './document.ts';
import type { FeedItem, FeedSourceName, RecordMapper } from './feed.ts';
import type { Feed, FeedListeners } from './feed-source.ts';

/** Limits of one parse. Beyond any of them the document fails with TIMEOUT, OUT_OF_MEMORY or TOO_LARGE. */
export interface ParseLimits {
  readonly timeoutMs: number;
  readonly memoryBytes: number;
  readonly maxPages: number;
  /** Total inflated bytes of an archive (DOCX, PPTX, XLSX). */
  readonly maxInflatedBytes: number;
}

/**
 * Bytes to elements in reading order, in a process of its own.
 *
 * Attachments are written to `attachmentsFolder` as files named by their digest.
 * Errors: ParseError with EMPTY_TEXT, NO_TEXT_LAYER, ENCRYPTED, CORRUPT, TOO_LARGE, UNSUPPORTED_FORMAT, TIMEOUT,
 * OUT_OF_MEMORY (all final) or CRASHED (retryable: its process died for another reason).
 */
export interface ParserPool {
  /** Changes whenever the same bytes may give another result: part of the pipeline's settings digest. */
  readonly version: string;
  /** What failures by a limit depend on. */
  readonly limits: ParseLimits;
  parse(file: StagedFile, attachmentsFolder: string, signal: AbortSignal): Promise<ParsedDocument>;
  close(): Promise<void>;
}

/** Pure: the same document gives the same chunks in the same order. */
export interface Chunker {
  readonly version: string;
  chunk(document: ParsedDocument): Chunk[];
}

/** Errors: ProviderError. An answer outside the schema is final. */
export interface Extractor {
  /** Name, version and settings that shape the result. */
  readonly model: string;
  extract(document: ParsedDocument, chunks: readonly Chunk[], signal: AbortSignal): Promise<Extraction>;
}

/** What a provider charges. */
export interface Price {
  /** Millionths of a millionth of a US dollar for one token. Whole, so that sums are exact. */
  readonly picosPerToken: number;
  /** Where the price is from, and of when: for people. */
  readonly origin: string;
}

/** What one request to an embedder gave. */
export interface Embedding {
  /** One for each text, in its order. */
  readonly vectors: readonly Float32Array[];
  /** Tokens that are billed for the request, as the provider says; null where it does not. */
  readonly tokens: number | null;
}

/** One vector per text, same order, each `dimensions` floats of unit length. Errors: ProviderError. */
export interface Embedder {
  /** Name, version and settings that shape the result: part of the cache key and of the memory's identity. */
  readonly model: string;
  readonly dimensions: number;
  readonly maxRequestItems: number;
  /** Tokens of a text as this embedder counts them; the chunker's unit of size. Pure, fast, linear. */
  countTokens(text: string): number;
  /** Tokens that will be billed for a text, counted before it is sent, and on the safe side: rather more than less. Pure, linear. */
  countBilledTokens(text: string): number;
  /** What a request takes, about: only for estimates. */
  readonly requestMs: number;
  /** What a token costs, or null when nobody knows. */
  readonly price: Price | null;
  embed(texts: readonly string[], signal: AbortSignal): Promise<Embedding>;
}

/** Reads recorded and pushed records, whatever their form: JSON, NDJSON, CSV, envelopes. */
export interface FeedReader {
  /** The records of a text, in order. Memory does not grow with it. @throws what reading the bytes throws. */
  read(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncIterable<FeedItem>;
  /** Looks whether the settings have what its API needs; asks nobody. @throws ConfigError as `open`. */
  assertReady(source: FeedSourceName): Promise<void>;
  /** The source's own API. @throws ConfigError naming the setting that is missing or malformed. */
  open(source: FeedSourceName, listeners: FeedListeners): Promise<Feed>;
  /** What records of a source mean. */
  mapper(source: FeedSourceName): Promise<RecordMapper>;
}
