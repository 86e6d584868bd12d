import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StagedFile } from '../contracts/document.ts';
import type { Source, SourceItem } from '../contracts/source.ts';
import type { StagingFolder } from '../contracts/staging.ts';
import { diskError } from '../support/disk.ts';
import { digestOf, digestOfFile, makeFolderBelow, readIfThere, removeFolder, setLength, writeOver } from './files.ts';
import { fileOf, METADATA, type Metadata, readMetadata, STAGED, writeMetadata } from './metadata.ts';
import type { Quota } from './quota.ts';
import type { SpareFolders } from './spares.ts';

const ARTIFACT = '.artifact';

/** Room is taken in such steps for what does not say how long it is. */
const GROWTH_BYTES = 8_388_608;

/** A longer file is made as long as it is going to be before it is written. A shorter one is written before anybody has measured. */
const PLACED_BYTES = 65_536;

/** Is it the name of a file that a document's folder always holds? */
function isOwnFile(name: string): boolean {
  return name === METADATA || name === STAGED || name.endsWith(ARTIFACT);
}

export interface FolderOptions {
  readonly documentId: string;
  readonly source: string;
  readonly runId: string;
  readonly path: string;
  /** The staging area. */
  readonly base: string;
  /** Folders to be used again; null where a folder is made for once. */
  readonly spares: SpareFolders | null;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly quota: Quota;
}

/** One document's folder. Artifacts carry their key and digest in a first line, so that a torn or foreign one reads as absent. */
export class DocumentFolder implements StagingFolder {
  readonly documentId: string;
  readonly path: string;
  readonly #options: FolderOptions;
  /** What is staged here makes room in staging once it is done with, so that no quota keeps it. */
  #isExempt = false;

  constructor(options: FolderOptions) {
    this.#options = options;
    this.documentId = options.documentId;
    this.path = options.path;
  }

  get attachmentsPath(): string {
    return join(this.path, 'attachments');
  }

  async staged(): Promise<StagedFile | null> {
    const metadata = readMetadata(this.path);
    if (metadata === null) return null;
    const file = fileOf(this.path, metadata);
    return (await digestOfFile(file.path)) === file.digest ? file : null;
  }

  async stage(source: Source, item: SourceItem, signal: AbortSignal): Promise<StagedFile> {
    const path = join(this.path, STAGED);
    this.#isExempt = item.staged !== undefined;
    let roomBytes = item.bytes ?? 0;
    this.#take({ least: roomBytes, most: roomBytes }, (bytes) => {
      this.#makeFolder();
      if (bytes > PLACED_BYTES) setLength(path, bytes);
    });
    const takeMore = (totalBytes: number) => {
      const least = totalBytes - roomBytes;
      if (least <= 0) return;
      const taken = this.#take({ least, most: Math.max(least, GROWTH_BYTES) }, (more) =>
        setLength(path, roomBytes + more),
      );
      roomBytes += taken;
    };
    try {
      const copied = await source.copy(item, path, signal, takeMore);
      takeMore(copied.bytes);
      const { digest, bytes, version: sourceVersion = item.version ?? null } = copied;
      const file = { path, name: item.name, digest, bytes, mediaType: item.mediaType, sourceVersion };
      this.#writeMetadata(file, 'active', item.isRepeatable);
      return file;
    } catch (error) {
      // Half a copy would only take room.
      rmSync(path, { force: true });
      throw error;
    }
  }

  async readArtifact(name: string, key: string): Promise<Uint8Array | null> {
    const bytes = this.#onDisk(() => readIfThere(this.#artifactPath(name)));
    if (bytes === null) return null;
    const end = bytes.indexOf(0x0a);
    const content = bytes.subarray(end + 1);
    return end > 0 && bytes.toString('utf8', 0, end) === headerOf(key, content) ? content : null;
  }

  async writeArtifact(name: string, key: string, content: Uint8Array): Promise<void> {
    const bytes = Buffer.concat([Buffer.from(`${headerOf(key, content)}\n`), content]);
    if (this.#isExempt) this.#options.quota.allow(bytes.byteLength);
    else this.#options.quota.count(bytes.byteLength);
    this.#onDisk(() => writeOver(this.#artifactPath(name), bytes));
  }

  async markFailed(): Promise<void> {
    this.#onDisk(() => makeFolderBelow(this.#options.base, this.path));
    const metadata = readMetadata(this.path);
    const nothing = { path: join(this.path, STAGED), name: '', digest: '', bytes: 0, mediaType: null };
    const file = metadata === null ? nothing : fileOf(this.path, metadata);
    this.#writeMetadata(file, 'failed', metadata?.is_repeatable ?? true);
  }

  async remove(): Promise<void> {
    if (this.#options.spares?.keep(this.path, isOwnFile) !== true) removeFolder(this.path);
  }

  #take(room: { readonly least: number; readonly most: number }, place: (bytes: number) => void): number {
    const { quota, spares } = this.#options;
    const placed = (bytes: number) => this.#onDisk(() => place(bytes));
    const isSmall = spares !== null && room.most <= PLACED_BYTES;
    if (!this.#isExempt && !isSmall) return quota.take(room, placed);
    if (this.#isExempt) quota.allow(room.least);
    else quota.count(room.least);
    placed(room.least);
    return room.least;
  }

  /** @throws ConfigError when a folder above is not this user's own. */
  #makeFolder(): void {
    const { spares, base } = this.#options;
    makeFolderBelow(base, dirname(dirname(this.path)));
    spares?.take(this.path);
    makeFolderBelow(base, this.path);
  }

  #artifactPath(name: string): string {
    return join(this.path, `${name}${ARTIFACT}`);
  }

  #writeMetadata(file: StagedFile, status: Metadata['status'], isRepeatable: boolean): void {
    const { documentId, source, runId, now } = this.#options;
    const at = new Date(now()).toISOString();
    const before = readMetadata(this.path);
    const metadata: Metadata = {
      document_id: documentId,
      source,
      run_id: runId,
      status,
      created_at: before?.created_at ?? at,
      updated_at: at,
      file_path: file.path,
      file_name: file.name,
      file_size_bytes: file.bytes,
      file_digest: file.digest,
      media_type: file.mediaType,
      source_version: file.sourceVersion ?? null,
      is_repeatable: isRepeatable,
    };
    this.#onDisk(() => writeMetadata(this.path, metadata, false));
  }

  /** The disk's failures are the run's, never the document's. @throws SourceError DISK_FULL, APEX_PERMISSION, APEX_JOURNAL. */
  #onDisk<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw diskError(error, `the staging folder ${this.#options.base}`);
    }
  }
}

function headerOf(key: string, content: Uint8Array): string {
  return `${digestOf(key)} ${digestOf(content)}`;
}
