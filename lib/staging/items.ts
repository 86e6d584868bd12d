import { randomUUID } from 'node:crypto';
import { existsSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { groupNamed, SourceError, UsageError } from '../contracts/errors.ts';
import type { SourceItem, StagedOrigin } from '../contracts/source.ts';
import type { IncomingFolder, IsAtWork, Published, StagedItem, StagedItems } from '../contracts/staging.ts';
import { diskError } from '../support/disk.ts';
import { isLockHeld, type KernelLock, takeLock } from '../support/kernel-lock.ts';
import type { Probe } from '../support/probe.ts';
import { DocumentFolder, type FolderOptions } from './document-folder.ts';
import {
  changedAt,
  entriesOf,
  isDigestName,
  isWaiting,
  makeFolderBelow,
  plainName,
  removeEmptyAbove,
  sizeOf,
  subfolders,
  sync,
  TAKEN,
  WAITING,
} from './files.ts';
import { type Metadata, readMetadata, STAGED, type WaitingMetadata, writeMetadata } from './metadata.ts';
import { lockError, type Quota } from './quota.ts';

/** Where bytes lie until it is known whose they are; a folder for each process. No source has such a name. */
export const INCOMING = '.incoming';
/** Where folders lie that are being removed. */
export const GONE = '.gone';

/** The lock of a process that stages, in its folder. */
const OWNER = 'owner.db';

/** How often two processes may get in each other's way at one item before it is no coincidence. */
const MAX_TRIES = 100;

export interface ItemsSettings {
  /** The staging area. */
  readonly base: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly quota: Quota;
  /** Is told each point at which an item changes its place. */
  readonly probe: Probe;
}

/** Has a run taken it that `isRun` knows? */
export function isTakenBy(folderName: string, isRun: (runId: string) => boolean): boolean {
  return folderName.startsWith(TAKEN) && isRun(folderName.slice(TAKEN.length));
}

/** Are the bytes there, as many as the metadata tell? */
export function isWhole(path: string, metadata: Metadata): boolean {
  const stats = lstatSync(join(path, STAGED), { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.size === metadata.file_size_bytes;
}

/** The folder in which what a run has taken lies; null: what none has. */
export function takenPath(base: string, of: StagedOrigin, runId: string | null): string {
  return join(documentPath(base, of), runId === null ? WAITING : takenName(runId));
}

function documentPath(base: string, { source, itemId }: StagedOrigin): string {
  return join(base, plainName(source), plainName(itemId));
}

/** The folder of an item, and of one whose metadata are damaged: that is known by the name of its folder, which may be a digest. */
function namesOf(itemId: string): string[] {
  const name = plainName(itemId);
  return name !== itemId && isDigestName(itemId) ? [name, itemId] : [name];
}

/** What waits in a document's folder, and what runs have taken from it. */
function waitingNames(document: string): string[] {
  return entriesOf(document)
    .filter((entry) => entry.isDirectory() && isWaiting(entry.name))
    .map(({ name }) => name);
}

function takenName(runId: string): string {
  return `${TAKEN}${plainName(runId)}`;
}

/**
 * What waits in the staging area, each in a folder that comes, changes hands and goes by being renamed: whatever dies when, an item is
 * there whole or not at all, and one run has it.
 */
export class WaitingItems implements StagedItems {
  readonly #settings: ItemsSettings;

  constructor(settings: ItemsSettings) {
    this.#settings = settings;
  }

  async receive<T>(work: (open: () => IncomingFolder) => Promise<T>): Promise<T> {
    const own = join(this.#settings.base, INCOMING, randomUUID());
    const lock = this.#lock(own);
    let opened = 0;
    try {
      return await work(() => {
        opened += 1;
        return this.#incoming(join(own, String(opened)));
      });
    } finally {
      lock.release();
      rmSync(own, { recursive: true, force: true });
    }
  }

  /** Makes a folder of this process's own; a cleanup may take it for a dead one's as long as it is not locked. */
  #lock(folder: string): KernelLock {
    const owner = join(folder, OWNER);
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      this.#onDisk(() => {
        makeFolderBelow(this.#settings.base, folder);
      });
      try {
        const lock = takeLock(owner, lockError);
        if (lock !== null && existsSync(owner)) return lock;
        lock?.release();
      } catch (error) {
        if (existsSync(folder)) throw error;
      }
    }
    throw busy(folder);
  }

  async *list(): AsyncGenerator<StagedItem> {
    const { base } = this.#settings;
    for (const source of subfolders(base).sort()) {
      if (basename(source).startsWith('.')) continue;
      for (const document of subfolders(source).sort()) {
        const item = await this.#itemIn(document);
        if (item !== null) yield item;
      }
    }
  }

  async find(itemId: string): Promise<StagedItem[]> {
    const found: StagedItem[] = [];
    for (const source of subfolders(this.#settings.base).sort()) {
      if (basename(source).startsWith('.')) continue;
      for (const name of namesOf(itemId)) {
        const item = await this.#itemIn(join(source, name));
        if (item !== null && (name !== itemId || item.itemId === itemId)) found.push(item);
      }
    }
    return found;
  }

  async take(of: StagedOrigin, runId: string, isAtWork: IsAtWork): Promise<SourceItem | 'taken' | 'gone'> {
    const document = documentPath(this.#settings.base, of);
    const item = await this.#itemIn(document);
    if (item?.origin == null) return 'gone';
    const own = takenName(runId);
    for (const { name } of entriesOf(document)) {
      if (!name.startsWith(TAKEN) || name === own) continue;
      if (await isAtWork(name.slice(TAKEN.length))) return 'taken';
      // What came after it was staged later: it is that which counts.
      if (existsSync(join(document, WAITING))) this.#remove(join(document, name));
      else this.#rename(join(document, name), join(document, own));
    }
    if (!existsSync(join(document, own))) this.#rename(join(document, WAITING), join(document, own));
    return readableIn(join(document, own), of, runId) ?? 'gone';
  }

  offer({ path, itemId, source, takenBy }: StagedItem): SourceItem | null {
    return readableIn(dirname(path), { itemId, source }, takenBy);
  }

  async end(of: StagedOrigin, runId: string, failure: WaitingMetadata['error']): Promise<void> {
    const document = documentPath(this.#settings.base, of);
    const taken = join(document, takenName(runId));
    const metadata = readMetadata(taken);
    if (failure === null || metadata?.waiting === undefined || existsSync(join(document, WAITING))) this.#remove(taken);
    else {
      this.#write(taken, { ...metadata, status: 'failed' }, { ...metadata.waiting, error: failure });
      this.#rename(taken, join(document, WAITING));
    }
  }

  async remove(item: StagedItem, isAtWork: IsAtWork): Promise<'removed' | 'taken' | 'gone'> {
    const document = dirname(dirname(item.path));
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const names = waitingNames(document);
      if (names.length === 0) return 'gone';
      let removed = 0;
      let held = 0;
      for (const name of names) {
        // Asked once the name is read: a run that takes it from now on changes the name.
        if (name !== WAITING && (await isAtWork(name.slice(TAKEN.length)))) held += 1;
        else if (this.#remove(join(document, name))) removed += 1;
      }
      if (removed > 0) return 'removed';
      if (held === names.length) return 'taken';
    }
    throw busy(document);
  }

  /** Folders of processes that died while they staged something, and what was being removed. */
  leftBehind(): string[] {
    const { base } = this.#settings;
    const incoming = subfolders(join(base, INCOMING)).filter((path) => !isLockHeld(join(path, OWNER), lockError));
    return [...incoming, ...subfolders(join(base, GONE))];
  }

  #incoming(path: string): IncomingFolder {
    const { base, now, quota } = this.#settings;
    const options = { ...{ documentId: '', source: '', runId: '', path, base }, spares: null, now, quota };
    return new Incoming(options, (folder, named) => this.#publish(folder, named));
  }

  async #publish(folder: string, named: Named): Promise<Published> {
    const { itemId, source, kind, group, origin } = named;
    const document = documentPath(this.#settings.base, { source, itemId });
    const target = join(document, WAITING);
    const metadata = readMetadata(folder)!;
    const waiting = { kind, group, source_item: origin, error: null };
    const own = { ...metadata, document_id: itemId, source, file_path: join(target, STAGED) };
    this.#write(folder, own, waiting);
    this.#onDisk(() => {
      sync(join(folder, STAGED));
      sync(folder);
    });
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const before = existsSync(document) ? await this.#itemIn(document) : null;
      assertSameGroup(before, group);
      const isSame = before?.status === 'active' && before.digest === metadata.file_digest && before.kind === kind;
      if (isSame && before.takenBy === null) {
        rmSync(folder, { recursive: true, force: true });
        return { item: before, isNew: false };
      }
      if (existsSync(target)) this.#remove(target);
      this.#onDisk(() => {
        makeFolderBelow(this.#settings.base, document);
      });
      if (!this.#rename(folder, target)) continue;
      this.#onDisk(() => sync(document));
      return { item: itemOf(target, readMetadata(target)!), isNew: true };
    }
    throw busy(target);
  }

  /** What waits in a document's folder, or is taken from there; null when nothing is. What came last counts. */
  async #itemIn(document: string): Promise<StagedItem | null> {
    if (lstatSync(document, { throwIfNoEntry: false })?.isDirectory() !== true) return null;
    const names = waitingNames(document);
    const name = names.includes(WAITING) ? WAITING : names[0];
    if (name === undefined) return null;
    const path = join(document, name);
    const metadata = readMetadata(path);
    if (metadata?.waiting === undefined) return existsSync(path) ? damagedItem(path, METADATA_DAMAGED) : null;
    const item = itemOf(path, metadata);
    if (isWhole(path, metadata)) return item;
    return existsSync(path) ? { ...item, ...damagedItem(path, BYTES_DAMAGED), itemId: item.itemId } : null;
  }

  #write(folder: string, metadata: Metadata, waiting: WaitingMetadata): void {
    const updated_at = new Date(this.#settings.now()).toISOString();
    this.#onDisk(() => writeMetadata(folder, { ...metadata, updated_at, waiting }, true));
  }

  /** Removes the folder of an item, in one step for everybody else. Quiet when it is gone. */
  discard(path: string): void {
    this.#remove(path);
  }

  /** Takes a folder out of sight in one step, and then away. @returns false when it is gone already. */
  #remove(path: string): boolean {
    const gone = join(this.#settings.base, GONE, randomUUID());
    this.#onDisk(() => makeFolderBelow(this.#settings.base, dirname(gone)));
    if (!this.#rename(path, gone)) return false;
    rmSync(gone, { recursive: true, force: true });
    removeEmptyAbove(path);
    return true;
  }

  /** @returns false when the one is gone, or something is at the other. */
  #rename(from: string, to: string): boolean {
    const { base, probe } = this.#settings;
    try {
      probe('items.rename:before');
      renameSync(from, to);
      probe('items.rename:after');
      return true;
    } catch (error) {
      if (LOST.has(String((error as { code?: unknown }).code))) return false;
      throw diskError(error, `the staging folder ${base}`);
    }
  }

  #onDisk<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw diskError(error, `the staging folder ${this.#settings.base}`);
    }
  }
}

/** What is to be read of a folder that a run has; null: that none has. Null where it is gone. */
function readableIn(folder: string, staged: StagedOrigin, runId: string | null): SourceItem | null {
  const metadata = readMetadata(folder);
  if (metadata?.waiting === undefined) return null;
  const { source_item: origin } = metadata.waiting;
  return {
    ...{ ...origin, bytes: metadata.file_size_bytes, mediaType: metadata.media_type },
    locator: JSON.stringify({ runId, digest: metadata.file_digest, version: metadata.source_version ?? null }),
    staged,
  };
}

/** What a rename says when another process was faster. */
const LOST: ReadonlySet<string> = new Set(['ENOENT', 'ENOTEMPTY', 'EEXIST']);

function busy(path: string): SourceError {
  return new SourceError(`other processes are always at ${path}`, { code: 'LOCKED', retryable: true });
}

type Named = Parameters<IncomingFolder['publish']>[0];

/** A document's folder that is not in its place yet. */
class Incoming extends DocumentFolder implements IncomingFolder {
  readonly #publish: (folder: string, named: Named) => Promise<Published>;

  constructor(options: FolderOptions, publish: (folder: string, named: Named) => Promise<Published>) {
    super(options);
    this.#publish = publish;
  }

  publish(named: Named): Promise<Published> {
    return this.#publish(this.path, named);
  }
}

function itemOf(path: string, metadata: Metadata): StagedItem {
  const { kind, group, source_item: origin, error } = metadata.waiting!;
  const name = basename(path);
  return {
    itemId: metadata.document_id,
    kind,
    source: metadata.source,
    group,
    status: metadata.status === 'failed' ? 'failed' : 'active',
    origin,
    path: join(path, STAGED),
    bytes: metadata.file_size_bytes,
    digest: metadata.file_digest,
    createdAt: metadata.created_at,
    updatedAt: metadata.updated_at,
    error,
    takenBy: name.startsWith(TAKEN) ? name.slice(TAKEN.length) : null,
  };
}

/** One id names one document in the whole memory, so two groups cannot wait under it either. */
function assertSameGroup(waiting: StagedItem | null, group: string): void {
  if (waiting === null || waiting.status === 'damaged' || waiting.group === group) return;
  const { itemId } = waiting;
  throw new UsageError(
    `${itemId} waits in staging for ${groupNamed(waiting.group)}, not for ${groupNamed(group)}: give another --id`,
    { code: 'APEX_USAGE', details: { documentId: itemId } },
  );
}

const METADATA_DAMAGED = 'its metadata are damaged or missing: stage it again from where it came';
const BYTES_DAMAGED = 'its bytes are not those that were staged: stage it again from where it came';

/** What is left to be said of an item whose metadata are damaged: its folder's name and age. */
function damagedItem(path: string, message: string): StagedItem {
  const at = new Date(changedAt(path)).toISOString();
  const document = dirname(path);
  const name = basename(path);
  return {
    ...{ itemId: basename(document), kind: 'document', source: basename(dirname(document)), group: '' },
    ...{ status: 'damaged', origin: null, path: join(path, STAGED), bytes: sizeOf(path), digest: '' },
    ...{ createdAt: at, updatedAt: at, error: { code: 'CORRUPT', message } },
    takenBy: name.startsWith(TAKEN) ? name.slice(TAKEN.length) : null,
  };
}
