import { lstatSync } from 'node:fs';
import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { StagedExtreme, StagingShare, StagingStats } from '../contracts/staging.ts';
import { entriesOf, isWaiting, sizeOf, subfolders } from './files.ts';
import { type Metadata, readMeasured } from './metadata.ts';

/** How many documents are looked at before other work gets its turn. */
const SLICE_DOCUMENTS = 256;

/** Counts what lies in a staging area: what other processes remove meanwhile may be missing. */
export async function statsOf(base: string, maxBytes: number, signal: AbortSignal): Promise<StagingStats> {
  const tally = new Tally();
  let usedBytes = 0;
  let looked = 0;
  for (const source of subfolders(base)) {
    if (basename(source).startsWith('.')) {
      usedBytes += sizeOf(source);
      continue;
    }
    for (const document of subfolders(source)) {
      for (const path of subfolders(document)) usedBytes += tally.take(basename(source), path);
      looked += 1;
      if (looked % SLICE_DOCUMENTS !== 0) continue;
      await setImmediate();
      signal.throwIfAborted();
    }
  }
  return { base, usedBytes, maxBytes, ...tally.found };
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

class Tally {
  readonly #bySource = new Map<string, { documents: number; bytes: number }>();
  readonly #byStatus = new Map<string, { documents: number; bytes: number }>();
  #documents = 0;
  #oldest: StagedExtreme | null = null;
  #largest: StagedExtreme | null = null;

  /** @returns the bytes of the folder. */
  take(sourceFolder: string, path: string): number {
    const found = readMeasured(path);
    const metadata = found?.metadata ?? null;
    // What waits is two files, and asking the disk for that would take as long as all the rest.
    const bytes = found?.metadata.waiting === undefined ? sizeOf(path) : found.bytes + found.metadata.file_size_bytes;
    return this.#take(sourceFolder, metadata, bytes);
  }

  #take(sourceFolder: string, metadata: Metadata | null, bytes: number): number {
    const source = metadata?.source ?? sourceFolder;
    this.#documents += 1;
    add(this.#bySource, source, bytes);
    add(this.#byStatus, metadata?.status ?? 'damaged', bytes);
    if (metadata === null) return bytes;
    const { document_id: documentId, created_at: createdAt, file_size_bytes } = metadata;
    const found = { documentId, source, bytes: file_size_bytes, createdAt };
    if (this.#oldest === null || createdAt < this.#oldest.createdAt) this.#oldest = found;
    if (this.#largest === null || found.bytes > this.#largest.bytes) this.#largest = found;
    return bytes;
  }

  get found(): Omit<StagingStats, 'base' | 'usedBytes' | 'maxBytes'> {
    return {
      documents: this.#documents,
      bySource: sharesOf(this.#bySource),
      byStatus: sharesOf(this.#byStatus),
      oldest: this.#oldest,
      largest: this.#largest,
    };
  }
}

function add(shares: Map<string, { documents: number; bytes: number }>, name: string, bytes: number): void {
  const share = shares.get(name) ?? { documents: 0, bytes: 0 };
  share.documents += 1;
  share.bytes += bytes;
  shares.set(name, share);
}

function sharesOf(shares: ReadonlyMap<string, { documents: number; bytes: number }>): StagingShare[] {
  return [...shares].map(([name, share]) => ({ name, ...share })).sort((a, b) => (a.name < b.name ? -1 : 1));
}
