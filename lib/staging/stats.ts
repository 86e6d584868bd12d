import { lstatSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import type { StagedExtreme, StagingShare, StagingStats } from '../contracts/staging.ts';
import { shareWork } from '../support/shared-work.ts';
import { entriesOf, isOnlyFolder, isWaiting, sizeOf, subfolders, WAITING } from './files.ts';
import { readMeasured } from './metadata.ts';

/** How many documents are looked at before other work gets its turn. */
const PORTION_DOCUMENTS = 256;

/** From so many documents on, other threads help: nearly all of the time goes into waiting for the disk's folders, one after the other. */
const MANY_DOCUMENTS = 10_000;

/** With more threads than these the kernel is no faster. */
const MAX_HELPERS = 3;

/** A staging area to be counted. */
export interface StatsRequest {
  readonly base: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** From so many documents on, other threads help. */
  readonly manyDocuments?: number;
}

/** Counts what lies in a staging area: what other processes remove meanwhile may be missing. */
export async function statsOf(request: StatsRequest): Promise<StagingStats> {
  const { base, maxBytes, signal, manyDocuments = MANY_DOCUMENTS } = request;
  let hiddenBytes = 0;
  let documents = 0;
  const portions: Portion[] = [];
  for (const path of subfolders(base)) {
    if (basename(path).startsWith('.')) {
      hiddenBytes += sizeOf(path);
      continue;
    }
    const names = subfolders(path).map((document) => basename(document));
    documents += names.length;
    for (let index = 0; index < names.length; index += PORTION_DOCUMENTS)
      portions.push({ path, names: names.slice(index, index + PORTION_DOCUMENTS) });
  }
  const helpers = documents < manyDocuments ? 0 : Math.min(availableParallelism() - 1, MAX_HELPERS);
  const parts = await shareWork(portions, tallyPortion, { module: import.meta.url, helpers, signal });
  const { usedBytes, bySource, byStatus, ...found } = parts.reduce(merged, NOTHING);
  return {
    ...{ base, usedBytes: usedBytes + hiddenBytes, maxBytes, ...found },
    ...{ bySource: sharesOf(bySource), byStatus: sharesOf(byStatus) },
  };
}

/** Documents of one source. */
interface Portion {
  /** The source's folder. */
  readonly path: string;
  /** Of the documents' folders in it. */
  readonly names: readonly string[];
}

/** Counts what lies in the folders of some documents. For `shareWork`. */
export function tallyPortion({ path, names }: Portion): Tallied {
  const tally = new Tally();
  for (const name of names) for (const inside of insideOf(`${path}/${name}`)) tally.take(basename(path), inside);
  return tally.found;
}

/** The folders in a document's folder: nearly always what waits, and nothing else. */
function insideOf(document: string): string[] {
  return isOnlyFolder(document, WAITING) ? [`${document}/${WAITING}`] : subfolders(document);
}

/** Bytes of all files below a folder of the staging area; of what waits as its metadata tell. Links are not followed. */
export function usedBytesIn(path: string): number {
  let bytes = 0;
  for (const entry of entriesOf(path)) {
    const inside = `${path}/${entry.name}`;
    if (entry.isFile()) bytes += lstatSync(inside, { throwIfNoEntry: false })?.size ?? 0;
    else if (entry.isDirectory()) bytes += (isWaiting(entry.name) ? waitingBytes(inside) : null) ?? usedBytesIn(inside);
  }
  return bytes;
}

/** What waits is two files, and asking the disk for them would take as long as all the rest; null when its metadata do not tell. */
function waitingBytes(path: string): number | null {
  const found = readMeasured(path);
  return found?.metadata.waiting === undefined ? null : found.bytes + found.metadata.file_size_bytes;
}

type Shares = ReadonlyMap<string, Omit<StagingShare, 'name'>>;

/** What was counted in a part of the area. */
interface Tallied extends Pick<StagingStats, 'usedBytes' | 'documents' | 'oldest' | 'largest'> {
  readonly bySource: Shares;
  readonly byStatus: Shares;
}

const NOTHING: Tallied = {
  ...{ usedBytes: 0, documents: 0, oldest: null, largest: null },
  ...{ bySource: new Map(), byStatus: new Map() },
};

class Tally {
  readonly #bySource = new Map<string, Omit<StagingShare, 'name'>>();
  readonly #byStatus = new Map<string, Omit<StagingShare, 'name'>>();
  #usedBytes = 0;
  #documents = 0;
  #oldest: StagedExtreme | null = null;
  #largest: StagedExtreme | null = null;

  take(sourceFolder: string, path: string): void {
    const found = readMeasured(path);
    const metadata = found?.metadata ?? null;
    // What waits is two files, and asking the disk for that would take as long as all the rest.
    const bytes = found?.metadata.waiting === undefined ? sizeOf(path) : found.bytes + found.metadata.file_size_bytes;
    const source = metadata?.source ?? sourceFolder;
    this.#usedBytes += bytes;
    this.#documents += 1;
    add(this.#bySource, source, { documents: 1, bytes });
    add(this.#byStatus, metadata?.status ?? 'damaged', { documents: 1, bytes });
    if (metadata === null) return;
    const { document_id: documentId, created_at: createdAt, file_size_bytes } = metadata;
    const extreme = { documentId, source, bytes: file_size_bytes, createdAt };
    this.#oldest = older(this.#oldest, extreme);
    this.#largest = larger(this.#largest, extreme);
  }

  get found(): Tallied {
    const [usedBytes, documents, oldest, largest] = [this.#usedBytes, this.#documents, this.#oldest, this.#largest];
    return { usedBytes, documents, oldest, largest, bySource: this.#bySource, byStatus: this.#byStatus };
  }
}

function merged(a: Tallied, b: Tallied): Tallied {
  return {
    usedBytes: a.usedBytes + b.usedBytes,
    documents: a.documents + b.documents,
    oldest: older(a.oldest, b.oldest),
    largest: larger(a.largest, b.largest),
    bySource: mergedShares(a.bySource, b.bySource),
    byStatus: mergedShares(a.byStatus, b.byStatus),
  };
}

/** The first of two that are as old. */
function older(first: StagedExtreme | null, second: StagedExtreme | null): StagedExtreme | null {
  if (first === null || second === null) return first ?? second;
  return second.createdAt < first.createdAt ? second : first;
}

/** The first of two that are as large. */
function larger(first: StagedExtreme | null, second: StagedExtreme | null): StagedExtreme | null {
  if (first === null || second === null) return first ?? second;
  return second.bytes > first.bytes ? second : first;
}

function mergedShares(a: Shares, b: Shares): Shares {
  const shares = new Map(a);
  for (const [name, share] of b) add(shares, name, share);
  return shares;
}

function add(shares: Map<string, Omit<StagingShare, 'name'>>, name: string, more: Omit<StagingShare, 'name'>): void {
  const share = shares.get(name) ?? { documents: 0, bytes: 0 };
  shares.set(name, { documents: share.documents + more.documents, bytes: share.bytes + more.bytes });
}

function sharesOf(shares: Shares): StagingShare[] {
  return [...shares].map(([name, share]) => ({ name, ...share })).sort((a, b) => (a.name < b.name ? -1 : 1));
}
