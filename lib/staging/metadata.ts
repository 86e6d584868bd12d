import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { StagedFile } from '../contracts/document.ts';
import type { SourceItem } from '../contracts/source.ts';
import type { StagedItem, StagedState } from '../contracts/staging.ts';
import { readSmall, writeOver } from './files.ts';

/** The file that tells of a folder. */
export const METADATA = '.metadata.json';
/** The file that holds the document's bytes. */
export const STAGED = 'staged';

/** `.metadata.json` of a folder. The design page's words. */
export interface Metadata {
  readonly document_id: string;
  readonly source: string;
  /** Of what waits: empty. */
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
  /** Of what waits to be ingested; absent in the folder of a run. */
  readonly waiting?: WaitingMetadata;
}

/** What is known of an item that waits to be ingested, beside what every folder tells. */
export interface WaitingMetadata {
  readonly kind: 'document' | 'records';
  readonly group: string;
  /** As its source listed it. */
  readonly source_item: SourceItem;
  /** Why it failed, or null. */
  readonly error: StagedItem['error'];
}

/** What a folder's metadata tell; null where they are absent, torn or no metadata. */
export function readMetadata(path: string): Metadata | null {
  return readMeasured(path)?.metadata ?? null;
}

/** As `readMetadata`, with how many bytes they are. */
export function readMeasured(path: string): { readonly metadata: Metadata; readonly bytes: number } | null {
  try {
    const { text, bytes } = readSmall(`${path}/${METADATA}`);
    // A spare folder's are all zeros.
    if (text.startsWith('\0')) return null;
    const metadata: unknown = JSON.parse(text);
    if (typeof metadata !== 'object' || metadata === null || !('status' in metadata)) return null;
    return { metadata: metadata as Metadata, bytes };
  } catch {
    // None is there; or a link, or a folder, which is not followed.
    return null;
  }
}

/**
 * Writes a folder's metadata.
 *
 * @param isSynced they survive a power cut, and replace what is there in one step. Otherwise what replaces nothing may be torn by a
 * death: it reads as absent then, as it was.
 */
export function writeMetadata(folder: string, metadata: Metadata, isSynced: boolean): void {
  const path = join(folder, METADATA);
  const isThere = isSynced || readMetadata(folder) !== null;
  const target = isThere ? `${path}.new` : path;
  writeOver(target, Buffer.from(JSON.stringify(metadata)), isSynced);
  if (target !== path) renameSync(target, path);
}

/** What a trace tells of a folder. */
export function stateOf({ run_id, source, status, file_size_bytes, created_at, updated_at }: Metadata): StagedState {
  return { runId: run_id, source, status, bytes: file_size_bytes, createdAt: created_at, updatedAt: updated_at };
}

/** The staged file as the metadata of its folder tell of it, not checked. */
export function fileOf(folder: string, metadata: Metadata): StagedFile {
  const { file_name: name, file_digest: digest, file_size_bytes: bytes, media_type: mediaType } = metadata;
  const sourceVersion = metadata.source_version ?? null;
  return { path: join(folder, STAGED), name, digest, bytes, mediaType, sourceVersion };
}
