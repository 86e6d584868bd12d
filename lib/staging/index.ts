// Staging: documents' bytes and the steps' artifacts on local disk.
// May import lib/contracts and lib/support.
// Must never use an outside string as a path.

import { lstatSync, opendirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ConfigError } from '../contracts/errors.ts';
import type { Source } from '../contracts/source.ts';
import type {
  StagedItems,
  StagedState,
  Staging,
  StagingCleanup,
  StagingFolder,
  StagingStats,
} from '../contracts/staging.ts';
import { makeFolder } from '../support/disk.ts';
import type { Probe } from '../support/probe.ts';
import { DocumentFolder } from './document-folder.ts';
import {
  assertOwnFolder,
  changedAt,
  isWaiting,
  newestIn,
  nullIfGone,
  plainName,
  readIfThere,
  removeEmpty,
  removeFolder,
  sizeOf,
  subfolders,
  writeOver,
} from './files.ts';
import { isTakenBy, isWhole, WaitingItems } from './items.ts';
import { type Metadata, readMetadata, stateOf } from './metadata.ts';
import { claimArea } from './owner.ts';
import { Quota, sharedPath } from './quota.ts';
import { createStagedSource } from './source.ts';
import { SpareFolders } from './spares.ts';
import { statsOf } from './stats.ts';

export { makeTemporaryFolder } from './temporary.ts';

export interface StagingSettings {
  /** The folder under which everything is staged; made (0700) when it is not there. */
  readonly base: string;
  /** Beyond this, nothing new is staged. */
  readonly maxBytes: number;
  /** How long a failed document's folder is kept. */
  readonly failedRetentionMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The data directory that the area is of; absent: nothing else knows of the area. */
  readonly home?: string;
  /** Where processes that share the area keep its lock and its count; absent: this one is alone. */
  readonly locks?: string;
  /** Is told each point that an item passes on its way in and out, for tests. */
  readonly probe?: Probe;
}

/** What `apex doctor` looks at in the staging area, loaded when it does. */
export const loadChecks = () => import('./checks.ts');

/**
 * Opens the staging area.
 *
 * @throws ConfigError when the base is a link, belongs to another user or to another data directory, is open to others or cannot be made.
 */
export function openStaging(settings: StagingSettings): Staging {
  makeBase(settings.base);
  assertOwnFolder(settings.base);
  if (settings.home !== undefined) claimArea(settings.base, settings.home);
  return new FolderStaging(settings);
}

/** What waits in a staging area, to be looked at only: nothing is made or changed, and the area need not be there. Errors as `openStaging`. */
export function readWaiting(base: string): { items: Pick<StagedItems, 'find' | 'list' | 'offer'>; source: Source } {
  if (lstatSync(base, { throwIfNoEntry: false }) !== undefined) assertOwnFolder(base);
  const quota = new Quota({ base, maxBytes: 0, locks: null, free: () => {} });
  return {
    items: new WaitingItems({ base, now: () => 0, quota, probe: () => {} }),
    source: createStagedSource(base),
  };
}

function makeBase(base: string): void {
  try {
    makeFolder(base);
  } catch (cause) {
    // A link that leads nowhere is there, and no folder can be made of it.
    if (isLink(base)) return;
    const code = String((cause as { code?: unknown }).code);
    throw new ConfigError(`the staging folder ${base} cannot be made (${code}); set STAGING_BASE_DIR to another`, {
      code: code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? 'APEX_PERMISSION' : 'APEX_CONFIG',
      details: { path: base },
      cause,
    });
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

class FolderStaging implements Staging {
  readonly items: WaitingItems;
  readonly source: Source;
  readonly #settings: StagingSettings;
  readonly #spares: SpareFolders;
  readonly #quota: Quota;

  constructor(settings: StagingSettings) {
    const { base, maxBytes, now, locks = null, probe = () => {} } = settings;
    this.#settings = settings;
    this.#spares = new SpareFolders(base);
    this.#quota = new Quota({ base, maxBytes, locks, free: () => this.#spares.remove() });
    this.items = new WaitingItems({ base, now, quota: this.#quota, probe });
    this.source = createStagedSource(base);
  }

  async open(source: string, documentId: string, runId: string): Promise<StagingFolder> {
    const { base, now } = this.#settings;
    const path = join(base, plainName(source), plainName(documentId), plainName(runId));
    const parts = { base, now, spares: this.#spares, quota: this.#quota };
    return new DocumentFolder({ documentId, source, runId, path, ...parts });
  }

  async close(): Promise<void> {
    await this.#spares.close();
    for (const source of subfolders(this.#settings.base)) removeEmpty(source);
  }

  async staged(documentId: string): Promise<StagedState[]> {
    const name = plainName(documentId);
    return [...this.#folders(name)].flatMap(({ path }) => {
      const metadata = readMetadata(path);
      return metadata === null ? [] : [stateOf(metadata)];
    });
  }

  async removeRun(runId: string): Promise<void> {
    for (const { path, run } of this.#folders())
      if (run === plainName(runId) && readMetadata(path)?.status !== 'failed') removeFolder(path);
  }

  async forget(documentIds: readonly string[], isAtWork: (runId: string) => boolean): Promise<void> {
    const forgotten = new Set(documentIds.map(plainName));
    for (const { path, document, run } of this.#folders()) {
      if (!forgotten.has(document)) continue;
      const metadata = readMetadata(path);
      if (metadata?.status === 'failed' || (!isWaiting(run) && !isAtWork(metadata?.run_id ?? run))) this.#remove(path);
    }
  }

  #remove(path: string): void {
    if (isWaiting(basename(path))) this.items.discard(path);
    else removeFolder(path);
  }

  async cleanup(options: Parameters<Staging['cleanup']>[0]): Promise<StagingCleanup> {
    const { isTrial = false, signal } = options;
    let removedFolders = 0;
    let removedBytes = 0;
    const remove = (path: string) => {
      removedBytes += sizeOf(path);
      removedFolders += 1;
      if (!isTrial) this.#remove(path);
    };
    for (const path of this.items.leftBehind()) if (changedAt(path) < options.now) remove(path);
    for await (const folder of inSlices(this.#folders(), signal)) {
      if (!this.#isNeeded(folder, options)) remove(folder.path);
    }
    if (!isTrial) {
      await this.#removeEmptied(signal);
      this.#noteCleaned();
    }
    return { removedFolders, removedBytes };
  }

  /** Removes what a process that died between removing a folder and the emptied ones above it has left. */
  async #removeEmptied(signal: AbortSignal | undefined): Promise<void> {
    for (const source of this.#sources()) {
      for await (const document of inSlices(foldersIn(source), signal)) removeEmpty(document);
      removeEmpty(source);
    }
  }

  async cleanedAt(): Promise<number | null> {
    const path = this.#cleanedPath;
    const text = path === null ? '' : (readIfThere(path)?.toString('utf8') ?? '');
    return /^\d+$/.test(text) ? Number(text) : null;
  }

  #noteCleaned(): void {
    if (this.#cleanedPath !== null) writeOver(this.#cleanedPath, Buffer.from(String(this.#settings.now())));
  }

  /** Another area, as another setting names it, is cleaned at other times. */
  get #cleanedPath(): string | null {
    const { locks, base } = this.#settings;
    return locks === undefined ? null : sharedPath(locks, base, 'cleaned');
  }

  #isNeeded({ path, run }: RunFolder, options: Parameters<Staging['cleanup']>[0]): boolean {
    const { now, isKept, isQuarantined } = options;
    const retentionMs = options.retentionMs ?? this.#settings.failedRetentionMs;
    const metadata = readMetadata(path);
    if (isWaiting(run)) return isTakenBy(run, isKept) || this.#isWaitingStill(path, metadata, now - retentionMs);
    if (metadata?.status === 'failed')
      return (
        now - Date.parse(metadata.updated_at) < retentionMs ||
        (!metadata.is_repeatable && isQuarantined(metadata.document_id, metadata.run_id))
      );
    // What a run made after `isKept` was asked may be any run's: it waits for the next cleanup.
    return isKept(metadata?.run_id ?? run) || changedAt(path) >= now;
  }

  /** What waits stays; what failed, or is damaged, until that time. */
  #isWaitingStill(path: string, metadata: Metadata | null, sinceMs: number): boolean {
    if (metadata?.waiting === undefined || !isWhole(path, metadata)) return newestIn(path) > sinceMs;
    return metadata.status !== 'failed' || Date.parse(metadata.updated_at) > sinceMs;
  }

  stats(signal: AbortSignal): Promise<StagingStats> {
    const { base, maxBytes } = this.#settings;
    return statsOf({ base, maxBytes, signal });
  }

  /** The folders of runs, and of what waits, three levels down; links are never followed. @param document only those of one. */
  *#folders(document: string | null = null): Generator<RunFolder> {
    for (const source of this.#sources())
      for (const path of document === null ? foldersIn(source) : [join(source, document)])
        for (const inside of subfolders(path)) yield { path: inside, document: basename(path), run: basename(inside) };
  }

  /** The folders of sources: those that begin with a dot are none. */
  #sources(): string[] {
    return subfolders(this.#settings.base).filter((path) => !basename(path).startsWith('.'));
  }
}

interface RunFolder {
  readonly path: string;
  readonly document: string;
  readonly run: string;
}

/** How long folder after folder is looked at before other work gets its turn. */
const SLICE_MS = 10;

/** One after the other, with a turn for other work in between. @throws the signal's reason. */
async function* inSlices<T>(all: Iterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  let begunAt = performance.now();
  for (const one of all) {
    if (performance.now() - begunAt > SLICE_MS) {
      await setImmediate();
      begunAt = performance.now();
    }
    signal?.throwIfAborted();
    yield one;
  }
}

/** The paths of the folders in a folder, one by one: there may be very many. */
function* foldersIn(path: string): Generator<string> {
  const folder = openedFolder(path);
  if (folder === null) return;
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync())
      if (entry.isDirectory()) yield join(path, entry.name);
  } finally {
    folder.closeSync();
  }
}

function openedFolder(path: string) {
  try {
    return opendirSync(path, { bufferSize: 1_000 });
  } catch (error) {
    return nullIfGone(error);
  }
}
