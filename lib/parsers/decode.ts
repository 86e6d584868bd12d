import { isUtf8 } from 'node:buffer';
import { analyse } from 'chardet';
import type { ParseWarning } from './index.ts';

/** Text with `\n` line ends and without NUL or lone surrogates. */
export interface DecodedText {
  readonly text: string;
  readonly warnings: readonly ParseWarning[];
}

/** How much of a file the statistical guess looks at. */
const SAMPLE_BYTES = 64 * 1024;

/** Decodes by byte order mark, else as UTF-8 when valid, else by where the zero bytes stand, else by statistics. */
export function decodeText(bytes: Uint8Array): DecodedText {
  const raw = decodeRaw(bytes);
  const lines = raw.replace(/\r\n?/gu, '\n');
  const clean = lines.replaceAll('\0', '\uFFFD').toWellFormed();
  const isChanged = clean !== lines;
  return {
    text: clean,
    warnings: isChanged
      ? [{ code: 'CHARACTERS_REPLACED', message: 'Characters that are not text were replaced.' }]
      : [],
  };
}

function decodeRaw(bytes: Uint8Array): string {
  const wide = detectUtf32(bytes);
  if (wide !== null) return decodeUtf32(bytes, wide);
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decodeAs(bytes, 'utf-16le');
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decodeAs(bytes, 'utf-16be');
  const zeros = zeroShares(bytes, 2);
  if (zeros[1]! > 0.2 && zeros[0]! < 0.05) return decodeAs(bytes, 'utf-16le');
  if (zeros[0]! > 0.2 && zeros[1]! < 0.05) return decodeAs(bytes, 'utf-16be');
  if (isUtf8(bytes)) return decodeAs(bytes, 'utf-8');
  return decodeAs(bytes, guess(bytes));
}

function decodeAs(bytes: Uint8Array, encoding: string): string {
  return new TextDecoder(encoding).decode(bytes);
}

/** The likeliest encoding that the decoder knows, with ISO-8859-1 read as its superset windows-1252. */
function guess(bytes: Uint8Array): string {
  for (const { name } of analyse(bytes.subarray(0, SAMPLE_BYTES))) {
    try {
      return new TextDecoder(name).encoding;
    } catch {
      // chardet names a few encodings that no decoder here knows; the next guess is tried.
    }
  }
  return 'windows-1252';
}

/** Share of zero bytes at each offset modulo `width`, in the first 4 KB. */
function zeroShares(bytes: Uint8Array, width: number): number[] {
  const sample = bytes.subarray(0, 4096);
  const counts = new Array<number>(width).fill(0);
  for (const [index, byte] of sample.entries()) if (byte === 0) counts[index % width]! += 1;
  return counts.map((count) => (count * width) / Math.max(1, sample.length));
}

function detectUtf32(bytes: Uint8Array): 'little' | 'big' | null {
  if (bytes.length < 4 || bytes.length % 4 !== 0) return null;
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xfe && c === 0 && d === 0) return 'little';
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return 'big';
  const zeros = zeroShares(bytes, 4);
  if (zeros[3]! > 0.95 && zeros[2]! > 0.8 && zeros[0]! < 0.1) return 'little';
  if (zeros[0]! > 0.95 && zeros[1]! > 0.8 && zeros[3]! < 0.1) return 'big';
  return null;
}

/** TextDecoder has no UTF-32. */
function decodeUtf32(bytes: Uint8Array, order: 'little' | 'big'): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const characters: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const point = view.getUint32(at, order === 'little');
    characters.push(point <= 0x10ffff ? String.fromCodePoint(point) : '\uFFFD');
  }
  const text = characters.join('');
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
