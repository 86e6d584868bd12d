import type { Attachment } from '../../lib/contracts/document.ts';
import { digestOf } from '../../lib/contracts/identity.ts';
import type { Journal, RunRegistry } from '../../lib/contracts/journal.ts';
import type { MetricsLedger } from '../../lib/contracts/metrics.ts';
import type { Chunker, Embedder, Extractor, FeedReader, ParserPool } from '../../lib/contracts/parts.ts';
import type { Source, SourceItem } from '../../lib/contracts/source.ts';
import type { Staging } from '../../lib/contracts/staging.ts';
import type { Role, Stores } from '../../lib/contracts/store.ts';
import type { AllowanceState } from './allowance.ts';
import type { StepContext, Surroundings } from './context.ts';
import type { EmbeddingUse } from './use.ts';

/** The concrete parts a running apex is assembled from; the machine sees only their contracts. */
export interface Parts {
  /** The source of that name. @throws UsageError on an unknown one. */
  readonly source: (name: string) => Source;
  /** Reads what came inside other documents, from their staging folders. */
  readonly attachments: AttachmentSource;
  readonly parsers: ParserPool;
  readonly chunker: Chunker;
  readonly extractor: Extractor;
  readonly embedder: Embedder;
  readonly feeds: FeedReader;
  readonly stores: Stores;
  readonly staging: Staging;
  readonly registry: RunRegistry;
  readonly surroundings: Surroundings;
  /** Counts what no journal tells. */
  readonly ledger: Pick<MetricsLedger, 'add'>;
  /** Prepares one document in a process of its own, leaving its artifacts in staging. Rejects with what that process reports. */
  readonly prepareIsolated: (request: IsolatedRequest, context: IsolatedContext) => Promise<'prepared' | 'died'>;
  readonly limits: Limits;
  /** Stores that may be out of reach; absent where none can be. */
  readonly outages?: {
    /** Whether some store is out of reach now. */
    readonly isAny: boolean;
    /** Does the work of a run, noting in its journal what is waited for. */
    noteDuring<T>(journal: Pick<Journal, 'append'>, work: () => Promise<T>): Promise<T>;
  };
}

/** A source of files that lie in staging because they came inside a document. It lists nothing. */
export interface AttachmentSource extends Source {
  /** The attachment as an item under the given id and uri. */
  itemOf(attachment: Attachment, folder: string, named: { readonly id: string; readonly uri: string }): SourceItem;
}

/** What a process needs to prepare one document for another: plain JSON. */
export interface IsolatedRequest {
  readonly runId: string;
  readonly source: string;
  readonly documentId: string;
  readonly parentId: string | null;
  readonly item: SourceItem;
  /** The item's whole address, where its location is not all of it. Given from process to process, and kept nowhere. */
  readonly address?: string;
  /** What the process may use, and what of it is used already. */
  readonly allowance: AllowanceState;
}

/** How the process that asked hears of the other one's steps and cost, and stops it. */
export interface IsolatedContext extends Pick<StepContext, 'signal' | 'onStep'> {
  readonly use: Pick<EmbeddingUse, 'add'>;
}

/** Bounds of a run. */
export interface Limits {
  /** Documents or records in one batch, 1 to 4,096. */
  readonly batchSize: number;
  /** Bytes of source documents in one batch; a larger document is a batch of its own. */
  readonly batchBytes: number;
  /** Documents prepared at once. */
  readonly concurrency: number;
  /** How long compensation may take in all, whatever the user's signal says. */
  readonly discardTimeoutMs: number;
}

/** Digest of all that shapes what a document becomes: equal input and equal digest give an equal result. */
export function settingsDigest(parts: Pick<Parts, 'parsers' | 'chunker' | 'extractor' | 'embedder'>): string {
  const { parsers, chunker, extractor, embedder } = parts;
  return digestOf(parsers.version, chunker.version, extractor.model, embedder.model, embedder.dimensions);
}

/** Digest of all that decides whether a document fails: the settings and the limits. A raised limit gives it another try. */
export function failureDigest(parts: Pick<Parts, 'parsers' | 'chunker' | 'extractor' | 'embedder'>): string {
  const { timeoutMs, memoryBytes, maxPages, maxInflatedBytes } = parts.parsers.limits;
  return digestOf(settingsDigest(parts), timeoutMs, memoryBytes, maxPages, maxInflatedBytes);
}

/** Digest of which stores the memory consists of. */
export function storesDigest(stores: { readonly [role in Role]: { readonly identity: string } }): string {
  return digestOf(stores.records.identity, stores.graph.identity, stores.vectors.identity, stores.cache.identity);
}
