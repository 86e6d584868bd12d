import {
  type Chunk,
  type Extraction,
  embeddingText,
  type ParsedDocument,
  type StagedFile,
} from '../../../lib/contracts/document.ts';
import { SourceError } from '../../../lib/contracts/errors.ts';
import { sha256 } from '../../../lib/contracts/identity.ts';
import type { Chunker, Embedder, Embedding, Extractor, ParserPool } from '../../../lib/contracts/parts.ts';
import type { Source, SourceItem, SourceRoot } from '../../../lib/contracts/source.ts';
import type { Staging, StagingFolder } from '../../../lib/contracts/staging.ts';
import { DIMENSIONS } from '../records.ts';

/** The item of that id, as a source would list it. */
export function itemOf(id: string): SourceItem {
  return {
    ...{ id, uri: `file:///${id}`, name: id, bytes: null, mediaType: null, locator: id, isRepeatable: true },
  };
}

/** Texts by id, as a source. One that is not there is NOT_FOUND. */
export class FakeSource implements Source {
  readonly name = 'fake';
  readonly texts: Map<string, string>;
  /** What is told of the targets. */
  roots: SourceRoot[] = [];

  constructor(texts: Readonly<Record<string, string>> = {}) {
    this.texts = new Map(Object.entries(texts));
  }

  async *list(
    _targets: readonly string[] = [],
    _signal?: AbortSignal,
    onRoot: (root: SourceRoot) => void = () => {},
  ): AsyncGenerator<SourceItem> {
    for (const root of this.roots) onRoot(root);
    yield* [...this.texts.keys()].sort().map(itemOf);
  }

  async gone({ uri: rootUri }: SourceRoot, uris: readonly string[]): Promise<string[]> {
    const there = new Set([...this.texts.keys()].map((id) => itemOf(id).uri));
    return uris.filter((uri) => uri.startsWith(`${rootUri}/`) && !there.has(uri));
  }

  itemAt(uri: string): SourceItem | null {
    return uri.startsWith('file:///') ? itemOf(uri.slice('file:///'.length)) : null;
  }

  async digest({ id }: SourceItem, signal: AbortSignal): Promise<{ digest: string; bytes: number }> {
    signal.throwIfAborted();
    const text = this.texts.get(id);
    if (text === undefined) throw new SourceError(`there is no ${id}`, { code: 'NOT_FOUND' });
    return { digest: sha256(text), bytes: Buffer.byteLength(text) };
  }

  async *read({ id }: SourceItem): AsyncGenerator<Uint8Array> {
    yield Buffer.from(this.texts.get(id) ?? '');
  }

  fromCopy(item: SourceItem): SourceItem {
    return item;
  }

  copy(item: SourceItem, _path: string, signal: AbortSignal): Promise<{ digest: string; bytes: number }> {
    return this.digest(item, signal);
  }
}

/** A staging folder in memory. */
export class FakeFolder implements StagingFolder {
  readonly documentId: string;
  readonly path: string;
  readonly attachmentsPath: string;
  readonly #artifacts = new Map<string, { key: string; content: Uint8Array }>();
  #staged: StagedFile | null = null;
  isFailed = false;

  constructor(documentId = 'a') {
    this.documentId = documentId;
    this.path = `/staging/${documentId}`;
    this.attachmentsPath = `${this.path}/attachments`;
  }

  async staged(): Promise<StagedFile | null> {
    return this.#staged;
  }

  async stage(source: Source, item: SourceItem, signal: AbortSignal): Promise<StagedFile> {
    const { digest, bytes } = await source.copy(item, this.path, signal);
    this.#staged = { path: this.path, name: item.name, digest, bytes, mediaType: item.mediaType };
    return this.#staged;
  }

  async readArtifact(name: string, key: string): Promise<Uint8Array | null> {
    const left = this.#artifacts.get(name);
    return left?.key === key ? left.content : null;
  }

  async writeArtifact(name: string, key: string, content: Uint8Array): Promise<void> {
    this.#artifacts.set(name, { key, content });
  }

  async markFailed(): Promise<void> {
    this.isFailed = true;
  }

  async remove(): Promise<void> {
    this.#artifacts.clear();
    this.#staged = null;
  }
}

/** Staging in memory. @param wrap what is done to each folder before it is handed out. */
export class FakeStaging implements Staging {
  get items(): never {
    throw new Error('nothing waits in a fake');
  }

  get source(): never {
    throw new Error('nothing waits in a fake');
  }

  stats(): never {
    throw new Error('a fake has no figures');
  }

  readonly #folders = new Map<string, StagingFolder>();
  readonly #wrap: (folder: FakeFolder) => StagingFolder;

  constructor(wrap: (folder: FakeFolder) => StagingFolder = (folder) => folder) {
    this.#wrap = wrap;
  }

  async open(source: string, documentId: string, runId: string): Promise<StagingFolder> {
    const key = JSON.stringify([source, documentId, runId]);
    const folder = this.#folders.get(key) ?? this.#wrap(new FakeFolder(documentId));
    this.#folders.set(key, folder);
    return folder;
  }

  async staged(): Promise<[]> {
    return [];
  }

  async removeRun(): Promise<void> {}

  async forget(): Promise<void> {}

  async cleanup(): Promise<{ removedFolders: number; removedBytes: number }> {
    return { removedFolders: 0, removedBytes: 0 };
  }

  async cleanedAt(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {}
}

/** One paragraph a document. */
export function parsedOf(text: string): ParsedDocument {
  const elements = [{ kind: 'paragraph', text, start: 0, end: text.length }] as const;
  return { mediaType: 'text/plain', text, elements, metadata: {}, pageCount: null, attachments: [], warnings: [] };
}

/** Reads what the source gave. */
export class FakeParsers implements ParserPool {
  readonly version = 'fake-1';
  readonly limits = { timeoutMs: 1_000, memoryBytes: 1_000_000, maxPages: 10, maxInflatedBytes: 1_000_000 };
  readonly #source: FakeSource;

  constructor(source: FakeSource) {
    this.#source = source;
  }

  async parse(file: StagedFile, _attachmentsFolder: string, signal: AbortSignal): Promise<ParsedDocument> {
    signal.throwIfAborted();
    return parsedOf(this.#source.texts.get(file.name) ?? '');
  }

  async close(): Promise<void> {}
}

/** A chunk of these texts, one each. */
export function chunksOf(...texts: readonly string[]): Chunk[] {
  return texts.map((text, ordinal) => ({
    ...{ ordinal, text, start: 0, end: text.length, headingPath: [], page: null, tokenCount: text.length },
  }));
}

/** One chunk a document. */
export const fakeChunker: Chunker = { version: 'fake-1', chunk: ({ text }) => chunksOf(text) };

/** Finds what it is told to find. */
export class FakeExtractor implements Extractor {
  readonly model = 'fake-1';
  found: Extraction = { mentions: [], relations: [], statedAt: null };

  async extract(_document: ParsedDocument, _chunks: readonly Chunk[], signal: AbortSignal): Promise<Extraction> {
    signal.throwIfAborted();
    return this.found;
  }
}

/** Depends on the text alone. */
export function vectorOf(text: string): Float32Array {
  const digest = Buffer.from(sha256(text), 'hex');
  return Float32Array.from({ length: DIMENSIONS }, (_, index) => digest[index]! / 256 + 0.01);
}

/** The vectors that an embedding of these chunks gives. */
export function vectorsOf(chunks: readonly Chunk[]): Float32Array[] {
  return chunks.map((chunk) => vectorOf(embeddingText(chunk)));
}

/** Embeds by digest, three texts a request, and remembers what it was asked. */
export class FakeEmbedder implements Embedder {
  readonly model = 'fake-1';
  readonly dimensions = DIMENSIONS;
  readonly maxRequestItems = 3;
  readonly calls: (readonly string[])[] = [];
  /** What is answered; may be replaced. */
  answer: (texts: readonly string[], signal: AbortSignal) => Float32Array[] | Promise<Float32Array[]> = (texts) =>
    texts.map(vectorOf);

  readonly requestMs = 10;
  /** A millionth of a dollar for each token. */
  price: Embedder['price'] = { picosPerToken: 1_000_000, origin: 'the tests' };
  /** What is said to be billed for a request, or null. */
  billed: (texts: readonly string[]) => number | null = () => null;

  countTokens(text: string): number {
    return text.length;
  }

  countBilledTokens(text: string): number {
    return text.length;
  }

  async embed(texts: readonly string[], signal: AbortSignal): Promise<Embedding> {
    signal.throwIfAborted();
    this.calls.push(texts);
    return { vectors: await this.answer(texts, signal), tokens: this.billed(texts) };
  }
}
