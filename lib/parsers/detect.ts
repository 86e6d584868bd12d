import { MEDIA_TYPES } from '../contracts/document.ts';
import type { ParseLimits } from '../contracts/parts.ts';
import { findDelimiter } from '../support/delimiter.ts';
import { openArchive } from './archive.ts';
import { decodeText } from './decode.ts';
import { parseFailure } from './failure.ts';
import type { ParseWarning } from './index.ts';

/** What a document is, by its content, and what its name wrongly claims. */
export interface Detection {
  readonly mediaType: string;
  readonly warnings: readonly ParseWarning[];
}

const EXTENSION_TYPES: Readonly<Record<string, string>> = {
  pdf: MEDIA_TYPES.pdf,
  docx: MEDIA_TYPES.docx,
  pptx: MEDIA_TYPES.pptx,
  xlsx: MEDIA_TYPES.xlsx,
  csv: MEDIA_TYPES.csv,
  tsv: MEDIA_TYPES.tsv,
  txt: MEDIA_TYPES.text,
  text: MEDIA_TYPES.text,
  log: MEDIA_TYPES.text,
  md: MEDIA_TYPES.markdown,
  markdown: MEDIA_TYPES.markdown,
  html: MEDIA_TYPES.html,
  htm: MEDIA_TYPES.html,
  xhtml: MEDIA_TYPES.html,
  eml: MEDIA_TYPES.eml,
  json: MEDIA_TYPES.json,
  jsonl: MEDIA_TYPES.json,
  ndjson: MEDIA_TYPES.json,
};

const BINARY_TYPES: ReadonlySet<string> = new Set([
  MEDIA_TYPES.pdf,
  MEDIA_TYPES.docx,
  MEDIA_TYPES.pptx,
  MEDIA_TYPES.xlsx,
]);

/**
 * Decides a document's type from its bytes; its name only chooses among the kinds of text.
 * Errors: UNSUPPORTED_FORMAT, ENCRYPTED (Office behind a password), CORRUPT (a broken archive), EMPTY_TEXT (no bytes).
 */
export function detectType(bytes: Uint8Array, name: string, limits: ParseLimits): Detection {
  const hint = EXTENSION_TYPES[/\.([^.]+)$/u.exec(name)?.[1]?.toLowerCase() ?? ''];
  const mediaType = typeOf(bytes, hint, limits);
  if (hint === undefined || hint === mediaType) return { mediaType, warnings: [] };
  return {
    mediaType,
    warnings: [{ code: 'TYPE_MISMATCH', message: `Its name says ${hint}, its content ${mediaType}.` }],
  };
}

function typeOf(bytes: Uint8Array, hint: string | undefined, limits: ParseLimits): string {
  if (bytes.length === 0) throw emptyFile(hint);
  const head = Buffer.from(bytes.subarray(0, 1024)).toString('latin1');
  if (head.startsWith('%PDF-')) return MEDIA_TYPES.pdf;
  if (head.startsWith('PK\x03\x04') || head.startsWith('PK\x05\x06')) return archiveType(bytes, limits);
  if (head.startsWith('\xD0\xCF\x11\xE0')) throw oleFailure(bytes);
  const { text, warnings } = decodeText(bytes);
  // Readers take a header anywhere in the first KB; but a text or a mail may speak of PDF files, too.
  const hasPdfHeader = head.includes('%PDF-');
  if (hasPdfHeader && hint === MEDIA_TYPES.pdf) return hint;
  if (isBinary(head, text, warnings.length > 0)) {
    // Fuzzed and header-less PDF files are still worth a try: the reader rebuilds what it can.
    if (hint === MEDIA_TYPES.pdf || hasPdfHeader) return MEDIA_TYPES.pdf;
    throw parseFailure('UNSUPPORTED_FORMAT', 'It is neither text nor a format that apex reads.');
  }
  return textType(text, hint);
}

function emptyFile(hint: string | undefined) {
  return BINARY_TYPES.has(hint ?? '')
    ? parseFailure('CORRUPT', 'The file has no bytes.')
    : parseFailure('EMPTY_TEXT', 'The file has no bytes.');
}

function archiveType(bytes: Uint8Array, limits: ParseLimits): string {
  const { names } = openArchive(bytes, limits);
  if (names.some((name) => name.startsWith('word/'))) return MEDIA_TYPES.docx;
  if (names.some((name) => name.startsWith('ppt/'))) return MEDIA_TYPES.pptx;
  if (names.some((name) => name.startsWith('xl/'))) return MEDIA_TYPES.xlsx;
  throw parseFailure('UNSUPPORTED_FORMAT', 'It is an archive, not a document: unpack it first.');
}

/** Office 97 files and, with an entry of that name, modern ones behind a password. */
function oleFailure(bytes: Uint8Array) {
  const isEncrypted = Buffer.from(bytes).includes(Buffer.from('EncryptedPackage', 'utf16le'));
  return isEncrypted
    ? parseFailure('ENCRYPTED', 'The document is protected by a password.')
    : parseFailure('UNSUPPORTED_FORMAT', 'It is a file of Office 97 to 2003 or Outlook: save it in a current format.');
}

const MAGIC = [
  '\x89PNG',
  '\xFF\xD8\xFF',
  'GIF8',
  'RIFF',
  'II*\0',
  'MM\0*',
  '\x7FELF',
  'MZ',
  '\x1F\x8B',
  '7z\xBC\xAF',
  'Rar!',
  'BZh',
  '{\\rtf',
  '%!PS',
];

/** Known signatures, NUL in text, or control characters beyond a trace. */
function isBinary(head: string, text: string, wasReplaced: boolean): boolean {
  if (MAGIC.some((signature) => head.startsWith(signature) && (signature !== 'MZ' || head.includes('\0')))) return true;
  const sample = text.slice(0, 4096);
  const controls = sample.match(/[\x01-\x08\x0E-\x1A\x1C-\x1F\x7F\uFFFD]/gu)?.length ?? 0;
  return controls > sample.length * (wasReplaced ? 0.02 : 0.05);
}

function textType(text: string, hint: string | undefined): string {
  const head = text.slice(0, 2048).trimStart();
  if (isHtml(head)) return hint === MEDIA_TYPES.eml || hint === MEDIA_TYPES.markdown ? hint : MEDIA_TYPES.html;
  if (isJson(text, head, hint)) return MEDIA_TYPES.json;
  if (hint === MEDIA_TYPES.eml || isMail(head)) return MEDIA_TYPES.eml;
  if (hint === undefined) return findTable(text) ?? MEDIA_TYPES.text;
  if (hint === MEDIA_TYPES.csv || hint === MEDIA_TYPES.tsv || hint === MEDIA_TYPES.markdown) return hint;
  return hint === MEDIA_TYPES.html && /<[a-z][^>]*>/iu.test(text) ? hint : MEDIA_TYPES.text;
}

function isHtml(head: string): boolean {
  return /^(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->)[\s\S])*-->\s*)*<(?:!doctype html|html|head|body)\b/iu.test(head);
}

/** Only what parses: text that merely begins with a bracket stays text. */
function isJson(text: string, head: string, hint: string | undefined): boolean {
  if (!/^[[{]/u.test(head)) return false;
  if (hint === MEDIA_TYPES.json) return true;
  if (hint !== undefined) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const MAIL_FIELDS =
  /^(?:from|to|cc|subject|date|message-id|received|return-path|mime-version|delivered-to|content-type):/iu;

/** At least three known fields before the first empty line, which holds nothing but fields. */
function isMail(head: string): boolean {
  const lines = head.split('\n\n', 1)[0]!.split('\n');
  const fields = lines.filter((line) => MAIL_FIELDS.test(line));
  return fields.length >= 3 && lines.slice(0, -1).every((line) => /^(?:[!-9;-~]+:|[ \t]|From )/u.test(line));
}

/** A table when nothing names the type: at least three lines that a delimiter splits. */
function findTable(text: string): string | null {
  const lines = text.slice(0, 4096).split('\n');
  const delimiter = lines.length < 3 ? null : findDelimiter(text);
  if (delimiter === null) return null;
  const isEven = lines.slice(0, -1).every((line) => line.trim() === '' || line.includes(delimiter));
  if (!isEven) return null;
  return delimiter === '\t' ? MEDIA_TYPES.tsv : MEDIA_TYPES.csv;
}
