import { Inflate } from 'fflate';
import type { ParseLimits } from '../contracts/parts.ts';
import { parseFailure } from './failure.ts';

const MAX_ENTRIES = 5_000;
const MAX_ENTRY_BYTES = 50 * 1024 * 1024;
/** Inflated to compressed, looked at once an entry has given its first megabyte. */
const MAX_RATIO = 100;
const RATIO_FREE_BYTES = 1024 * 1024;
/** Compressed bytes inflated between two looks at the limits: at most 16 MB of output. */
const PUSH_BYTES = 16 * 1024;

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 0xffff;

interface Entry {
  readonly method: number;
  readonly compressedBytes: number;
  readonly headerAt: number;
}

/** An Office file's parts, inflated when asked for and counted against the limits whatever their headers claim. */
export interface Archive {
  readonly names: readonly string[];
  /** Bytes of a part, or null when there is none of that name. Errors: TOO_LARGE, CORRUPT, ENCRYPTED. */
  read(name: string): Uint8Array | null;
}

/** Reads the directory of a zip file. Errors: CORRUPT without one (a truncated file), TOO_LARGE with too many entries. */
export function openArchive(bytes: Uint8Array, limits: Pick<ParseLimits, 'maxInflatedBytes'>): Archive {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = readDirectory(bytes, view);
  let inflatedBytes = 0;
  return {
    names: [...entries.keys()],
    read(name) {
      const entry = entries.get(name);
      if (entry === undefined) return null;
      const content = inflateEntry(bytes, view, entry, limits.maxInflatedBytes - inflatedBytes);
      inflatedBytes += content.length;
      return content;
    },
  };
}

function readDirectory(bytes: Uint8Array, view: DataView): Map<string, Entry> {
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  if (count > MAX_ENTRIES) throw parseFailure('TOO_LARGE', `The archive has more than ${MAX_ENTRIES} entries.`);
  const entries = new Map<string, Entry>();
  let at = view.getUint32(end + 16, true);
  for (let index = 0; index < count; index += 1) {
    if (at + 46 > end || view.getUint32(at, true) !== ENTRY_SIGNATURE) throw damaged('its directory is broken');
    const nameBytes = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameBytes));
    if (entries.has(name)) throw damaged('two entries have one name');
    if ((view.getUint16(at + 8, true) & 1) === 1) throw parseFailure('ENCRYPTED', 'The archive is encrypted.');
    entries.set(name, {
      method: view.getUint16(at + 10, true),
      compressedBytes: view.getUint32(at + 20, true),
      headerAt: view.getUint32(at + 42, true),
    });
    at += 46 + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

function findEnd(view: DataView): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - LONGEST_COMMENT); at -= 1) {
    if (view.getUint32(at, true) === END_SIGNATURE) return at;
  }
  throw damaged('its directory is missing');
}

function inflateEntry(bytes: Uint8Array, view: DataView, entry: Entry, remainingBytes: number): Uint8Array {
  if (entry.headerAt + 30 > bytes.length || view.getUint32(entry.headerAt, true) !== LOCAL_SIGNATURE) {
    throw damaged('an entry is not where the directory says');
  }
  const start =
    entry.headerAt + 30 + view.getUint16(entry.headerAt + 26, true) + view.getUint16(entry.headerAt + 28, true);
  const compressed = bytes.subarray(start, start + entry.compressedBytes);
  if (compressed.length < entry.compressedBytes) throw damaged('an entry is cut short');
  const maxBytes = Math.min(MAX_ENTRY_BYTES, remainingBytes);
  if (entry.method === 0) {
    if (compressed.length > maxBytes) throw tooLarge();
    return compressed;
  }
  if (entry.method !== 8) throw damaged('an entry is compressed in an unknown way');
  return inflate(compressed, maxBytes);
}

function inflate(compressed: Uint8Array, maxBytes: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  const stream = new Inflate((part) => {
    parts.push(part);
    length += part.length;
  });
  for (let at = 0; at < compressed.length; at += PUSH_BYTES) {
    const next = at + PUSH_BYTES;
    stream.push(compressed.subarray(at, next), next >= compressed.length);
    const ratio = length / Math.min(next, compressed.length);
    if (length > maxBytes || (length > RATIO_FREE_BYTES && ratio > MAX_RATIO)) throw tooLarge();
  }
  return Buffer.concat(parts, length);
}

function tooLarge() {
  return parseFailure('TOO_LARGE', 'The archive inflates beyond the limits.');
}

function damaged(why: string) {
  return parseFailure('CORRUPT', `The archive is damaged: ${why}.`);
}
