import { isUtf8 } from 'node:buffer';

/** Text with the encoding it was read in. */
export interface DecodedText {
  readonly text: string;
  readonly encoding: string;
  /** True when some bytes stood for no character and were replaced. */
  readonly hasReplacements: boolean;
}

/** How many bytes are looked at to guess an encoding. */
const SAMPLE_BYTES = 65_536;

/** Bytes to text: by byte order mark, else UTF-8 when it is valid, else by how zero bytes lie (UTF-16, UTF-32), else by statistics. */
export async function decodeText(bytes: Buffer): Promise<DecodedText> {
  const encoding =
    markedEncoding(bytes) ??
    (isUtf8(bytes) && !bytes.subarray(0, SAMPLE_BYTES).includes(0) ? 'utf-8' : null) ??
    wideEncoding(bytes) ??
    (await guessedEncoding(bytes));
  const text = (
    encoding.startsWith('utf-32') ? decodeUtf32(bytes, encoding) : new TextDecoder(encoding).decode(bytes)
  ).replace(/^\ufeff/, '');
  return { text, encoding, hasReplacements: text.includes('\ufffd') };
}

function markedEncoding(bytes: Buffer): string | null {
  const starts = (...mark: number[]) => mark.every((byte, index) => bytes[index] === byte);
  if (starts(0xff, 0xfe, 0, 0)) return 'utf-32le';
  if (starts(0, 0, 0xfe, 0xff)) return 'utf-32be';
  if (starts(0xef, 0xbb, 0xbf)) return 'utf-8';
  if (starts(0xff, 0xfe)) return 'utf-16le';
  return starts(0xfe, 0xff) ? 'utf-16be' : null;
}

/** Text of European scripts in wide units has its zero bytes at fixed places of each unit. */
function wideEncoding(bytes: Buffer): string | null {
  const sample = bytes.subarray(0, Math.min(SAMPLE_BYTES, bytes.length - (bytes.length % 4)));
  if (sample.length < 4) return null;
  const zeros = [0, 0, 0, 0];
  sample.forEach((byte, index) => {
    if (byte === 0) zeros[index % 4]! += 1;
  });
  const share = zeros.map((count) => count / (sample.length / 4));
  const [a, b, c, d] = share as [number, number, number, number];
  if (b > 0.9 && c > 0.9 && d > 0.9 && a < 0.3) return 'utf-32le';
  if (a > 0.9 && b > 0.9 && c > 0.9 && d < 0.3) return 'utf-32be';
  if (b > 0.6 && d > 0.6 && a < 0.3 && c < 0.3) return 'utf-16le';
  return a > 0.6 && c > 0.6 && b < 0.3 && d < 0.3 ? 'utf-16be' : null;
}

async function guessedEncoding(bytes: Buffer): Promise<string> {
  const { default: chardet } = await import('chardet');
  for (const { name } of chardet.analyse(bytes.subarray(0, SAMPLE_BYTES))) {
    try {
      return new TextDecoder(name).encoding;
    } catch {
      // A guess that this platform cannot decode: the next likely one.
    }
  }
  return 'windows-1252';
}

function decodeUtf32(bytes: Buffer, encoding: string): string {
  const parts: string[] = [];
  for (let index = 0; index + 4 <= bytes.length; index += 4) {
    const code = encoding === 'utf-32le' ? bytes.readUInt32LE(index) : bytes.readUInt32BE(index);
    parts.push(code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd');
  }
  return parts.join('');
}
