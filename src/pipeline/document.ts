import type { Chunk, Extraction, ParsedDocument, StagedFile } from '../../lib/contracts/document.ts';
import { type SourceItem, STAGED_SOURCE } from '../../lib/contracts/source.ts';
import type { StagingFolder } from '../../lib/contracts/staging.ts';
import type { Stores } from '../../lib/contracts/store.ts';
import { chunk } from './chunk.ts';
import type { StepContext } from './context.ts';
import { embed } from './embed.ts';
import { extract } from './extract.ts';
import { parse } from './parse.ts';
import type { Parts } from './parts.ts';
import { stage } from './stage.ts';
import type { EmbeddingUse } from './use.ts';

/** A document on its way: where it comes from and which folder of staging is its own. */
export interface DocumentInput {
  readonly documentId: string;
  readonly parentId: string | null;
  readonly sourceName: string;
  readonly item: SourceItem;
  readonly baseVersion: number | null;
  /** Of the bytes as they were looked at; empty when they could not be read. What is staged later has a digest of its own. */
  readonly contentDigest: string;
  /** The current version where it is of this very content: it is read for what came in it, and not written. Else null. */
  readonly keptVersion: number | null;
}

/** A document after the first two steps. */
export interface ReadDocument extends DocumentInput {
  readonly folder: StagingFolder;
  readonly file: StagedFile;
  readonly parsed: ParsedDocument;
}

/** A document after the first five steps, ready to be written. */
export interface PreparedDocument extends ReadDocument {
  readonly chunks: readonly Chunk[];
  readonly extraction: Extraction;
  readonly vectors: readonly Float32Array[];
}

/** The name of what reads a document that came in no other: its source, or what lies in staging in its place. */
export function readerOf({ item, sourceName }: Pick<DocumentInput, 'item' | 'sourceName'>): string {
  return item.staged === undefined ? sourceName : STAGED_SOURCE;
}

/** Takes one document through stage and parse. */
export async function readDocument(
  input: DocumentInput,
  parts: Pick<Parts, 'source' | 'attachments' | 'parsers' | 'staging'>,
  context: StepContext,
): Promise<ReadDocument> {
  const folder = await parts.staging.open(input.sourceName, input.documentId, context.runId);
  context.onStep(input.documentId, 'stage');
  const source = input.parentId === null ? parts.source(readerOf(input)) : parts.attachments;
  const file = await stage(input.item, source, folder, context);
  context.onStep(input.documentId, 'parse');
  const parsed = await parse(file, parts.parsers, folder, context);
  return { ...input, folder, file, parsed };
}

/**
 * Takes one document through stage, parse, chunk, extract and embed.
 *
 * Each step reads what the one before it left; a step whose artifact is there under the same key is not done again.
 */
export async function prepareDocument(
  input: DocumentInput,
  parts: Pick<Parts, 'source' | 'attachments' | 'parsers' | 'chunker' | 'extractor' | 'embedder' | 'staging'> & {
    readonly stores: Pick<Stores, 'cache'>;
    readonly use: EmbeddingUse;
    readonly onCacheFailure: (error: unknown) => void;
  },
  context: StepContext,
): Promise<PreparedDocument> {
  const read = await readDocument(input, parts, context);
  const { documentId, folder, file, parsed } = read;
  context.onStep(documentId, 'chunk');
  const chunks = chunk(parsed, parts.chunker);
  context.onStep(documentId, 'extract');
  const key = [file.digest, parts.parsers.version, parts.chunker.version].join(':');
  const extraction = await extract({ document: parsed, chunks, key }, parts.extractor, folder, context);
  context.onStep(documentId, 'embed');
  const { embedder, use, onCacheFailure } = parts;
  const vectors = await embed(chunks, { embedder, cache: parts.stores.cache, use, onCacheFailure }, context);
  return { ...read, chunks, extraction, vectors };
}
