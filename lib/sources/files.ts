import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, type Stats, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { SourceError } from '../contracts/errors.ts';
import { diskError } from '../support/disk.ts';

/** A path as the file system has it: text, or bytes that are not text. */
export type RawPath = string | Buffer;

const BUFFER_BYTES = 1_048_576;

interface Passed {
  readonly digest: string;
  readonly bytes: number;
}

/** How long file after file is read before other work gets its turn. */
const SLICE_MS = 10;

/** Lets other work in between many short synchronous calls, which are faster than as many asynchronous ones. */
export class Slices {
  #begunAt = performance.now();

  /** Resolves at once, or after a turn of the event loop when the slice is used up. @throws the signal's reason. */
  async next(signal: AbortSignal): Promise<void> {
    if (performance.now() - this.#begunAt < SLICE_MS) return;
    await setImmediate();
    signal.throwIfAborted();
    this.#begunAt = performance.now();
  }
}

interface Passage {
  readonly maxBytes: number;
  readonly slices: Slices;
  readonly signal: AbortSignal;
}

/**
 * Reads a regular file once, hashing it and giving each part to `take`.
 *
 * @throws SourceError NOT_FOUND, DENIED, NOT_A_FILE, TOO_LARGE (before reading), CHANGED_WHILE_READ (retryable).
 */
export async function passFile(
  path: RawPath,
  { maxBytes, slices, signal }: Passage,
  take: (part: Uint8Array) => void,
): Promise<Passed> {
  await slices.next(signal);
  const file = openRegular(path);
  try {
    const before = fstatSync(file);
    if (!before.isFile()) throw sourceError('NOT_A_FILE', path, 'is neither a regular file nor a folder');
    if (before.size > maxBytes) {
      throw sourceError(
        'TOO_LARGE',
        path,
        `has ${before.size} bytes, more than the ${maxBytes} that APEX_MAX_FILE_MB allows`,
      );
    }
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(Math.min(BUFFER_BYTES, before.size + 1));
    let bytes = 0;
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) {
      bytes += read;
      if (bytes > maxBytes) throw changed(path);
      const part = buffer.subarray(0, read);
      hash.update(part);
      take(part);
      await slices.next(signal);
    }
    if (bytes !== before.size || !isSame(before, fstatSync(file))) throw changed(path);
    return { digest: hash.digest('hex'), bytes };
  } catch (error) {
    throw fileError(error, path);
  } finally {
    closeSync(file);
  }
}

/** Hears how many bytes there are in all before the last of them are written; what it throws stops the copy. */
type OnBytes = (totalBytes: number) => void;

/** Copies a regular file to a new one (0600), or over the one that is there. Errors as `passFile`, and as `diskError` about the copy. */
export function copyFile(from: RawPath, to: string, passage: Passage, onBytes?: OnBytes): Promise<Passed> {
  return intoFile(to, (take) => passFile(from, passage, take), onBytes);
}

/** Writes parts as `copyFile` does. Errors as `diskError` about the file; what reading the parts throws. */
export function writeParts(parts: AsyncIterable<Uint8Array>, to: string, onBytes?: OnBytes): Promise<Passed> {
  return intoFile(to, (take) => passParts(parts, take), onBytes);
}

/** Reads parts to their end, hashing them and giving each to `take`. */
export async function passParts(
  parts: AsyncIterable<Uint8Array>,
  take: (part: Uint8Array) => void = () => {},
): Promise<Passed> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of parts) {
    bytes += part.byteLength;
    hash.update(part);
    take(part);
  }
  return { digest: hash.digest('hex'), bytes };
}

async function intoFile(
  to: string,
  pass: (take: (part: Uint8Array) => void) => Promise<Passed>,
  onBytes: OnBytes = () => {},
): Promise<Passed> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
  const copy = onCopy(to, () => openSync(to, flags, 0o600));
  let totalBytes = 0;
  try {
    const passed = await pass((part) => {
      totalBytes += part.byteLength;
      onBytes(totalBytes);
      onCopy(to, () => {
        for (let written = 0; written < part.byteLength; ) written += writeSync(copy, part, written);
      });
    });
    onCopy(to, () => ftruncateSync(copy, passed.bytes));
    return passed;
  } finally {
    closeSync(copy);
  }
}

/** What fails here is the disk that is copied to, never the document. */
function onCopy<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw diskError(error, path);
  }
}

/** The bytes of a regular file, part by part. @throws SourceError NOT_FOUND, DENIED, NOT_A_FILE, APEX_SOURCE. */
export async function* partsOf(path: RawPath, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const file = openRegular(path);
  try {
    if (!fstatSync(file).isFile()) throw sourceError('NOT_A_FILE', path, 'is neither a regular file nor a folder');
    for (;;) {
      signal.throwIfAborted();
      const part = Buffer.allocUnsafe(BUFFER_BYTES);
      const bytes = readPart(file, part, path);
      if (bytes === 0) return;
      yield part.subarray(0, bytes);
      await setImmediate();
    }
  } finally {
    closeSync(file);
  }
}

function readPart(file: number, part: Buffer, path: RawPath): number {
  try {
    return readSync(file, part);
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Opening a fifo without its writer would hang; with O_NONBLOCK it opens, and is then refused for what it is. */
function openRegular(path: RawPath): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw fileError(error, path);
  }
}

function isSame(before: Stats, after: Stats): boolean {
  return before.size === after.size && before.mtimeMs === after.mtimeMs && before.ino === after.ino;
}

function changed(path: RawPath): SourceError {
  return sourceError('CHANGED_WHILE_READ', path, 'changed while it was read', true);
}

/** A path as a person reads it: control characters and invalid bytes are percent-encoded. */
export function shownPath(path: RawPath): string {
  const text =
    typeof path === 'string' ? path : (textOf(path) ?? path.toString('latin1').replace(/[^\x20-\x7e]/g, percent));
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, percent);
}

/** The text that bytes stand for in UTF-8, or null when they are not UTF-8. */
export function textOf(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : null;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** A source's error about a path. */
export function sourceError(code: SourceError['code'], path: RawPath, problem: string, retryable = false): SourceError {
  return new SourceError(`${shownPath(path)} ${problem}`, { code, retryable, details: { path: shownPath(path) } });
}

/** What a file system's refusal means. Other errors are returned as they are. */
export function fileError(error: unknown, path: RawPath): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return sourceError('NOT_FOUND', path, 'does not exist');
  if (code === 'EACCES' || code === 'EPERM') return sourceError('DENIED', path, 'may not be read by this user');
  if (code === 'ELOOP') return sourceError('NOT_A_FILE', path, 'is a link that leads to itself');
  if (code === 'ENXIO' || code === 'EISDIR')
    return sourceError('NOT_A_FILE', path, 'is neither a regular file nor a folder');
  if (code === 'ENAMETOOLONG') return sourceError('NOT_FOUND', path, 'is longer than a path may be');
  if (code === 'EIO' || code === 'EMFILE' || code === 'ENFILE')
    return sourceError('APEX_SOURCE', path, `could not be read (${code})`, true);
  return error;
}
