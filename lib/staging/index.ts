// Staging: documents' bytes and the steps' artifacts on local disk.
// May import lib/contracts and lib/support.
// Must never use an outside string as a path.

import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  createReadStream,
  type Dirent,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { StagedFile } from '../contracts/document.ts';
import { ConfigError, SourceError } from '../contracts/errors.ts';
import type { Source, SourceItem } from '../contracts/source.ts';
import type { StagedState, Staging, StagingFolder } from '../contracts/staging.ts';
import { diskError, makeFolder } from '../support/disk.ts';
import { SPARES, SpareFolders } from './spares.ts';

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
}

/** What `apex doctor` looks at in the staging area, loaded when it does. */
export const loadChecks = () => import('./checks.ts');

/** `.metadata.json` of a folder. The design page's words. */
interface Metadata {
  readonly document_id: string;
  readonly source: string;
  readonly run_id: string;
  readonly status: 'active' | 'success' | 'failed';
  readonly created_at: string;
  readonly updated_at: string;
  readonly file_path: string;
  readonly file_name: string;
  readonly file_size_bytes: number;
  readonly file_digest: string;
  readonly media_type: string | null;
  /** What the source calls the bytes; absent, null: nothing. */
  readonly source_version?: string | null;
  /** False when the bytes cannot be fetched again. */
  readonly is_repeatable: boolean;
}

const METADATA = '.metadata.json';
const STAGED = 'staged';
const ARTIFACT = '.artifact';

/** Is it the name of a file that a document's folder always holds? */
function isOwnFile(name: string): boolean {
  return name === METADATA || name === STAGED || name.endsWith(ARTIFACT);
}

/** Opens the staging area. @throws ConfigError when the base is a link, belongs to another user or cannot be made. */
export function openStaging(settings: StagingSettings): Staging {
  makeBase(settings.base);
  assertOwnBase(settings.base);
  return new FolderStaging(settings);
}

/** @throws ConfigError for a base that is a link, no folder, or another user's. */
export function assertOwnBase(base: string): void {
  const stats = lstatSync(base);
  const isForeign = process.geteuid !== undefined && stats.uid !== process.geteuid();
  if (!stats.isSymbolicLink() && stats.isDirectory() && !isForeign) return;
  const problem = isForeign ? 'belongs to another user' : 'is not a folder of its own';
  throw new ConfigError(`the staging folder ${base} ${problem}; set STAGING_BASE_DIR to another`, {
    code: isForeign ? 'APEX_PERMISSION' : 'APEX_CONFIG',
    details: { path: base },
  });
}

function makeBase(base: string): void {
  try {
    makeFolder(base);
  } catch (cause) {
    const code = String((cause as { code?: unknown }).code);
    throw new ConfigError(`the staging folder ${base} cannot be made (${code}); set STAGING_BASE_DIR to another`, {
      code: code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? 'APEX_PERMISSION' : 'APEX_CONFIG',
      details: { path: base },
      cause,
    });
  }
}

class FolderStaging implements Staging {
  readonly #settings: StagingSettings;
  readonly #spares: SpareFolders;
  #usedBytes: number | null = null;

  constructor(settings: StagingSettings) {
    this.#settings = settings;
    this.#spares = new SpareFolders(settings.base);
  }

  async open(source: string, documentId: string, runId: string): Promise<StagingFolder> {
    const path = join(this.#settings.base, plainName(source), plainName(documentId), plainName(runId));
    return new DocumentFolder({
      documentId,
      source,
      runId,
      path,
      base: this.#settings.base,
      spares: this.#spares,
      now: this.#settings.now,
      reserve: (bytes) => this.#reserve(bytes),
    });
  }

  async close(): Promise<void> {
    await this.#spares.close();
    for (const source of subfolders(this.#settings.base)) removeEmpty(source);
  }

  async staged(documentId: string): Promise<StagedState[]> {
    const name = plainName(documentId);
    return [...this.#folders()].flatMap(({ path, document }) => {
      const metadata = document === name ? readMetadata(path) : null;
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
      if (metadata?.status === 'failed' || !isAtWork(metadata?.run_id ?? run)) removeFolder(path);
    }
  }

  async cleanup({
    now,
    isKept,
    isQuarantined,
  }: Parameters<Staging['cleanup']>[0]): Promise<{ removedFolders: number; removedBytes: number }> {
    let removedFolders = 0;
    let removedBytes = 0;
    for (const { path, run } of this.#folders()) {
      const metadata = readMetadata(path);
      const isNeeded =
        metadata?.status === 'failed'
          ? now - Date.parse(metadata.updated_at) < this.#settings.failedRetentionMs ||
            (!metadata.is_repeatable && isQuarantined(metadata.document_id, metadata.run_id))
          : // What a run made after `isKept` was asked may be any run's: it waits for the next cleanup.
            isKept(metadata?.run_id ?? run) || changedAt(path) >= now;
      if (isNeeded) continue;
      removedBytes += sizeOf(path);
      removedFolders += 1;
      removeFolder(path);
    }
    return { removedFolders, removedBytes };
  }

  /**
   * Counts bytes before they are written. What is removed is not counted down: the disk is measured again when the count
   * reaches the limit, which is rare and right also about what other processes do.
   */
  #reserve(bytes: number): void {
    const { maxBytes, base } = this.#settings;
    this.#usedBytes ??= sizeOf(base);
    if (this.#usedBytes + bytes > maxBytes) {
      this.#spares.remove();
      this.#usedBytes = sizeOf(base);
    }
    if (this.#usedBytes + bytes > maxBytes) {
      throw new SourceError(
        `the staging area is full: ${this.#usedBytes} of ${maxBytes} bytes are used, ${bytes} more are needed`,
        {
          code: 'QUOTA_FULL',
          retryable: true,
          details: { usedBytes: this.#usedBytes, maxBytes, bytes },
        },
      );
    }
    this.#usedBytes += bytes;
  }

  /** The run folders, three levels down; links are never followed. */
  *#folders(): Generator<{ path: string; document: string; run: string }> {
    for (const source of subfolders(this.#settings.base)) {
      if (basename(source) === SPARES) continue;
      for (const document of subfolders(source)) {
        for (const path of subfolders(document)) yield { path, document: basename(document), run: basename(path) };
      }
    }
  }
}

interface FolderOptions {
  readonly documentId: string;
  readonly source: string;
  readonly runId: string;
  readonly path: string;
  readonly base: string;
  readonly spares: SpareFolders;
  readonly now: () => number;
  readonly reserve: (bytes: number) => void;
}

/** One document's folder. Artifacts carry their key and digest in a first line, so that a torn or foreign one reads as absent. */
class DocumentFolder implements StagingFolder {
  readonly documentId: string;
  readonly path: string;
  readonly #options: FolderOptions;

  constructor(options: FolderOptions) {
    this.#options = options;
    this.documentId = options.documentId;
    this.path = options.path;
  }

  get attachmentsPath(): string {
    return join(this.path, 'attachments');
  }

  async staged(): Promise<StagedFile | null> {
    const file = this.#described();
    return file !== null && (await digestOfFile(file.path)) === file.digest ? file : null;
  }

  async stage(source: Source, item: SourceItem, signal: AbortSignal): Promise<StagedFile> {
    const { reserve, spares } = this.#options;
    reserve(item.bytes ?? 0);
    this.#onDisk(() => spares.take(this.path) || mkdirSync(this.path, { recursive: true, mode: 0o700 }));
    const path = join(this.path, STAGED);
    const copied = await source.copy(item, path, signal);
    if (item.bytes === null) reserve(copied.bytes);
    const { digest: copiedDigest, bytes, version = item.version ?? null } = copied;
    const { name, mediaType } = item;
    const file = { path, name, digest: copiedDigest, bytes, mediaType, sourceVersion: version };
    this.#writeMetadata(file, 'active', item.isRepeatable);
    return file;
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
    this.#options.reserve(bytes.byteLength);
    this.#onDisk(() => writeOver(this.#artifactPath(name), bytes));
  }

  async markFailed(): Promise<void> {
    this.#onDisk(() => mkdirSync(this.path, { recursive: true, mode: 0o700 }));
    const nothing = { path: join(this.path, STAGED), name: '', digest: '', bytes: 0, mediaType: null };
    this.#writeMetadata(this.#described() ?? nothing, 'failed', readMetadata(this.path)?.is_repeatable ?? true);
  }

  async remove(): Promise<void> {
    if (!this.#options.spares.keep(this.path, isOwnFile)) removeFolder(this.path);
  }

  /** The staged file as the metadata tell of it, not checked. */
  #described(): StagedFile | null {
    const metadata = readMetadata(this.path);
    if (metadata === null) return null;
    const { file_name: name, file_digest, file_size_bytes: bytes, media_type: mediaType } = metadata;
    const sourceVersion = metadata.source_version ?? null;
    return { path: join(this.path, STAGED), name, digest: file_digest, bytes, mediaType, sourceVersion };
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
    const path = join(this.path, METADATA);
    // What replaces nothing may be torn by a death: it reads as absent then, as it was.
    const target = before === null ? path : `${path}.new`;
    this.#onDisk(() => {
      writeOver(target, Buffer.from(JSON.stringify(metadata)));
      if (target !== path) renameSync(target, path);
    });
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

const PLAIN_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/;

const DIGEST_PREFIX = 'sha256-';

/** The name itself where it can be a folder's name, else a digest of it; a name that looks like such a digest is digested too. */
function plainName(name: string): string {
  return PLAIN_NAME.test(name) && !name.startsWith(DIGEST_PREFIX) ? name : `${DIGEST_PREFIX}${digest(name)}`;
}

function digest(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function headerOf(key: string, content: Uint8Array): string {
  return `${digest(key)} ${digest(content)}`;
}

function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    return nullIfGone(error);
  }
}

function readMetadata(path: string): Metadata | null {
  const bytes = readIfThere(join(path, METADATA));
  // A spare folder's are all zeros.
  if (bytes === null || bytes[0] === 0) return null;
  try {
    return JSON.parse(bytes.toString('utf8')) as Metadata;
  } catch {
    return null;
  }
}

function stateOf({ run_id, source, status, file_size_bytes, created_at, updated_at }: Metadata): StagedState {
  return { runId: run_id, source, status, bytes: file_size_bytes, createdAt: created_at, updatedAt: updated_at };
}

/** Lower-case hexadecimal SHA-256 of a file of any size, or null when it is not there. */
async function digestOfFile(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for await (const part of createReadStream(path)) hash.update(part as Buffer);
  } catch (error) {
    return nullIfGone(error);
  }
  return hash.digest('hex');
}

/** Other processes remove folders at any time: what is gone has nothing in it. */
function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    return nullIfGone(error) ?? [];
  }
}

function nullIfGone(error: unknown): null {
  if ((error as { code?: unknown }).code === 'ENOENT') return null;
  throw error;
}

function subfolders(path: string): string[] {
  return entriesOf(path)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(path, name));
}

/** When something was last added to a folder or removed from it, in milliseconds since 1970. */
function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Removes a run's folder, and the folders above it that are empty then. `rm` does not follow links. */
function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
  if (removeEmpty(dirname(path))) removeEmpty(dirname(dirname(path)));
}

/** Removes a folder unless something is in it. */
function removeEmpty(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Writes a file (0600), over the one that is there; it is not cut before, see `SpareFolders`. */
function writeOver(path: string, bytes: Uint8Array): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    for (let written = 0; written < bytes.byteLength; ) written += writeSync(file, bytes, written);
    ftruncateSync(file, bytes.byteLength);
  } finally {
    closeSync(file);
  }
}

function sizeOf(path: string): number {
  let bytes = 0;
  for (const entry of entriesOf(path)) {
    const inside = join(path, entry.name);
    if (entry.isDirectory()) bytes += sizeOf(inside);
    else if (entry.isFile()) bytes += statSync(inside, { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
