import { Unzip, UnzipInflate } from 'fflate';
import { Parser as XmlReader } from 'htmlparser2';
import { ParseError } from '../contracts/errors.ts';
import type { ParseLimits } from '../contracts/parts.ts';
import { parseError } from './parser.ts';

/** Entries of an archive; more are refused. */
const MAX_ENTRIES = 5_000;
const MAX_ENTRY_BYTES = 50 * 1_048_576;
/** Inflated against archived bytes, once past the first megabyte. Office files stay far below. */
const MAX_RATIO = 100;
const RATIO_FREE_BYTES = 1_048_576;
/** How much of the archive is inflated at a time, so that a bomb is noticed while it grows. */
const PUSH_BYTES = 16_384;

/** An office file's XML parts by name, as text. */
export type OfficeParts = ReadonlyMap<string, string>;

/**
 * Inflates the XML parts of an office file, counting what comes out and never believing what the archive declares.
 *
 * @throws ParseError TOO_LARGE for a bomb, CORRUPT for a damaged archive or a part with a DOCTYPE.
 */
export function readOfficeParts(bytes: Buffer, limits: ParseLimits): OfficeParts {
  // The directory stands at the end: without it the archive was cut off.
  if (bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06])) < 0)
    throw parseError('CORRUPT', 'the archive is cut off: its directory is missing');
  const parts = new Map<string, string>();
  let entries = 0;
  let inflated = 0;
  const unzip = new Unzip((file) => {
    entries += 1;
    if (entries > MAX_ENTRIES) throw parseError('TOO_LARGE', `the archive has more than ${MAX_ENTRIES} entries`);
    if (!/\.(?:xml|rels)$/i.test(file.name)) return;
    const chunks: Uint8Array[] = [];
    let entryBytes = 0;
    file.ondata = (error, data, isFinal) => {
      if (error !== null) throw error;
      entryBytes += data.byteLength;
      inflated += data.byteLength;
      const isBomb = inflated > RATIO_FREE_BYTES && inflated > bytes.length * MAX_RATIO;
      if (entryBytes > MAX_ENTRY_BYTES || inflated > limits.maxInflatedBytes || isBomb) {
        throw parseError('TOO_LARGE', `the archive inflates to more than ${inflated} bytes from ${bytes.length}`);
      }
      chunks.push(data);
      if (!isFinal) return;
      if (parts.has(file.name)) throw parseError('CORRUPT', 'the archive holds the same part twice');
      parts.set(file.name, Buffer.concat(chunks).toString('utf8'));
    };
    file.start();
  });
  unzip.register(UnzipInflate);
  try {
    for (let from = 0; from < bytes.length; from += PUSH_BYTES)
      unzip.push(bytes.subarray(from, from + PUSH_BYTES), from + PUSH_BYTES >= bytes.length);
  } catch (error) {
    throw error instanceof ParseError ? error : parseError('CORRUPT', 'the archive is damaged', error);
  }
  for (const text of parts.values()) {
    if (/<!DOCTYPE/i.test(text))
      throw parseError('CORRUPT', 'a part declares a DOCTYPE, which no office program writes');
  }
  return parts;
}

/** What is called for each tag and text of a part; names without their namespace prefix. */
export interface XmlHandler {
  open?(name: string, attributes: { readonly [name: string]: string }): void;
  text?(text: string): void;
  close?(name: string): void;
}

/** The deepest nesting of tags. */
const MAX_DEPTH = 256;

/** Reads a part from its first tag to its last. */
export function readXml(xml: string, handler: XmlHandler): void {
  let depth = 0;
  const reader = new XmlReader(
    {
      onopentag(name, attributes) {
        depth += 1;
        if (depth > MAX_DEPTH) throw parseError('CORRUPT', `tags are nested more than ${MAX_DEPTH} deep`);
        handler.open?.(
          local(name),
          Object.fromEntries(Object.entries(attributes).map(([key, value]) => [local(key), value])),
        );
      },
      ontext: (text) => handler.text?.(text),
      onclosetag(name) {
        depth -= 1;
        handler.close?.(local(name));
      },
    },
    { xmlMode: true, decodeEntities: true },
  );
  reader.end(xml);
}

function local(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** Parts whose names fit, by the number in the name: `slide2` before `slide10`. */
export function numberedParts(
  parts: OfficeParts,
  pattern: RegExp,
): { readonly number: number; readonly name: string; readonly xml: string }[] {
  return [...parts]
    .flatMap(([name, xml]) => {
      const match = pattern.exec(name);
      return match === null ? [] : [{ number: Number(match[1]), name, xml }];
    })
    .sort((a, b) => a.number - b.number);
}

/** Title, author and dates of an office file, where it has them. */
export function officeMetadata(parts: OfficeParts): {
  title: string | null;
  author: string | null;
  created: string | null;
  modified: string | null;
} {
  const found = new Map<string, string>();
  let name = '';
  readXml(parts.get('docProps/core.xml') ?? '', {
    open: (tag) => {
      name = tag;
    },
    text: (text) => {
      if (text.trim() !== '') found.set(name, (found.get(name) ?? '') + text.trim());
    },
  });
  const value = (key: string) => found.get(key) ?? null;
  return { title: value('title'), author: value('creator'), created: value('created'), modified: value('modified') };
}
