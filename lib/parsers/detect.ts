import { MEDIA_TYPES, type ParsedDocument } from '../contracts/document.ts';
import { decodeText } from './encoding.ts';
import { parseError } from './parser.ts';

/** What the bytes are, and what is odd about it. */
export interface Detected {
  readonly mediaType: string;
  readonly warnings: ParsedDocument['warnings'];
}

const BY_EXTENSION: ReadonlyMap<string, string> = new Map([
  ['pdf', MEDIA_TYPES.pdf],
  ['docx', MEDIA_TYPES.docx],
  ['pptx', MEDIA_TYPES.pptx],
  ['xlsx', MEDIA_TYPES.xlsx],
  ['csv', MEDIA_TYPES.csv],
  ['tsv', MEDIA_TYPES.tsv],
  ['tab', MEDIA_TYPES.tsv],
  ['txt', MEDIA_TYPES.text],
  ['text', MEDIA_TYPES.text],
  ['log', MEDIA_TYPES.text],
  ['md', MEDIA_TYPES.markdown],
  ['markdown', MEDIA_TYPES.markdown],
  ['html', MEDIA_TYPES.html],
  ['htm', MEDIA_TYPES.html],
  ['xhtml', MEDIA_TYPES.html],
  ['eml', MEDIA_TYPES.eml],
  ['json', MEDIA_TYPES.json],
  ['ndjson', MEDIA_TYPES.json],
  ['jsonl', MEDIA_TYPES.json],
]);

/** Kinds that are only known by their bytes; a name that claims one of them for other bytes is a damaged file. */
const BINARY_TYPES: ReadonlySet<string> = new Set([
  MEDIA_TYPES.pdf,
  MEDIA_TYPES.docx,
  MEDIA_TYPES.pptx,
  MEDIA_TYPES.xlsx,
]);

/** How far into a file its PDF header may stand. Source: ISO 32000, annex H: within the first 1,024 bytes. */
const PDF_HEADER_BYTES = 1_024;

/** How much of a text is looked at. */
const SAMPLE_CHARACTERS = 65_536;

/**
 * The kind of content, by the bytes; the name's extension decides only among kinds of text.
 *
 * @throws ParseError EMPTY_TEXT for no bytes, ENCRYPTED for an encrypted office file, UNSUPPORTED_FORMAT for what no parser reads.
 */
export async function detect(bytes: Buffer, name: string, hint: string | null): Promise<Detected> {
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  const claimed =
    BY_EXTENSION.get(extension) ?? (Object.values(MEDIA_TYPES) as string[]).find((type) => type === hint) ?? null;
  if (bytes.length === 0) throw parseError('EMPTY_TEXT', 'the file has no bytes');
  const mediaType = binaryType(bytes) ?? (await textType(bytes, claimed, extension));
  if (claimed === null || claimed === mediaType) return { mediaType, warnings: [] };
  if (BINARY_TYPES.has(claimed) && !BINARY_TYPES.has(mediaType) && mediaType === MEDIA_TYPES.text) {
    throw parseError('CORRUPT', `the name says ${extension}, but the bytes are not such a file`);
  }
  return {
    mediaType,
    warnings: [{ code: 'TYPE_MISMATCH', message: `the name says ${claimed}, the content is ${mediaType}` }],
  };
}

function binaryType(bytes: Buffer): string | null {
  const starts = (...mark: number[]) => mark.every((byte, index) => bytes[index] === byte);
  if (bytes.subarray(0, PDF_HEADER_BYTES).includes('%PDF-')) return MEDIA_TYPES.pdf;
  if (starts(0x50, 0x4b, 0x03, 0x04)) return officeType(bytes);
  if (starts(0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1)) {
    const isEncrypted = bytes.includes(Buffer.from('EncryptedPackage', 'utf16le'));
    if (isEncrypted) throw parseError('ENCRYPTED', 'the office file is encrypted and needs a password');
    throw parseError('UNSUPPORTED_FORMAT', 'a file of the office programs before 2007, or another OLE container');
  }
  return null;
}

/** OOXML is told from other archives by the names of its parts, which stand uncompressed in the archive. */
function officeType(bytes: Buffer): string {
  if (bytes.includes('word/document') || bytes.includes('word/')) return MEDIA_TYPES.docx;
  if (bytes.includes('ppt/presentation') || bytes.includes('ppt/slides')) return MEDIA_TYPES.pptx;
  if (bytes.includes('xl/workbook') || bytes.includes('xl/worksheets')) return MEDIA_TYPES.xlsx;
  throw parseError('UNSUPPORTED_FORMAT', 'a ZIP archive that is no office file');
}

async function textType(bytes: Buffer, claimed: string | null, extension: string): Promise<string> {
  const { text, encoding } = await decodeText(bytes.subarray(0, SAMPLE_CHARACTERS * 2));
  const sample = text.slice(0, SAMPLE_CHARACTERS);
  if (isBinary(sample, encoding))
    throw parseError(
      'UNSUPPORTED_FORMAT',
      `no parser reads this kind of binary file${extension === '' ? '' : ` (.${extension})`}`,
    );
  const trimmed = sample.trimStart();
  if (/^(?:<\?xml[^>]*\?>\s*)?<(?:!doctype\s+html|html|head|body)\b/i.test(trimmed)) return MEDIA_TYPES.html;
  if (claimed === MEDIA_TYPES.eml || (claimed === null && looksLikeMail(trimmed))) return MEDIA_TYPES.eml;
  if (claimed !== null && !BINARY_TYPES.has(claimed)) return claimed;
  if (/^[[{]/.test(trimmed) && isJson(text)) return MEDIA_TYPES.json;
  if (claimed === null) return delimitedType(sample) ?? MEDIA_TYPES.text;
  return MEDIA_TYPES.text;
}

/** Control characters that no text has. */
function isBinary(sample: string, encoding: string): boolean {
  const odd = sample.match(/[\x00-\x08\x0e-\x1a\x1c-\x1f]/g)?.length ?? 0;
  const replaced = sample.match(/\ufffd/g)?.length ?? 0;
  return (
    odd > sample.length * 0.02 ||
    (encoding === 'utf-8' && replaced > sample.length * 0.1) ||
    (odd > 0 && /[\x00-\x04]{4}/.test(sample))
  );
}

function looksLikeMail(text: string): boolean {
  const head = text.split(/\r?\n\r?\n/, 1)[0]!;
  return (
    /^(?:received|from|return-path|message-id|date|subject|to|mime-version):/i.test(head) &&
    /^from:/im.test(head) &&
    /^(?:to|date|subject|message-id):/im.test(head)
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** How many lines must agree on the number of their delimiters. */
const AGREEING_LINES = 3;

function delimitedType(sample: string): string | null {
  const lines = sample
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(0, 20);
  if (lines.length < AGREEING_LINES) return null;
  for (const [delimiter, type] of [
    ['\t', MEDIA_TYPES.tsv],
    [',', MEDIA_TYPES.csv],
    [';', MEDIA_TYPES.csv],
  ] as const) {
    const counts = lines.map((line) => line.split(delimiter).length - 1);
    if (counts[0]! >= 1 && counts.every((count) => count === counts[0])) return type;
  }
  return null;
}
