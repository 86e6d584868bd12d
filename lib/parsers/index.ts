// Parsers: how a document's bytes become typed elements in reading order, each format in one file.
// May import lib/contracts, lib/support and the format packages (pdf-parse, htmlparser2, fflate, marked, csv-parse, postal-mime, chardet).
// Must never touch a store or the network, follow a reference out of the document, or decide what happens after a failure.

import { type Json, MEDIA_TYPES } from '../contracts/document.ts';
import type { ParseLimits } from '../contracts/parts.ts';
import type { Piece } from './elements.ts';

export { openParserPool } from './pool.ts';

/** What a parser works on. */
export interface ParserInput {
  readonly bytes: Uint8Array;
  /** The name its source gave it: a hint, never a path. */
  readonly name: string;
  /** One of `MEDIA_TYPES`, as `detect.ts` decided. */
  readonly mediaType: string;
  readonly limits: ParseLimits;
}

/** A file inside the document, with its bytes. */
export interface FoundAttachment {
  readonly name: string;
  readonly mediaType: string | null;
  readonly bytes: Uint8Array;
}

/** Something a person should know though parsing worked. */
export interface ParseWarning {
  readonly code: string;
  readonly message: string;
}

/** What a parser found, before offsets are given. */
export interface ParserOutput {
  readonly pieces: readonly Piece[];
  readonly metadata?: { readonly [key: string]: Json };
  readonly pageCount?: number;
  readonly attachments?: readonly FoundAttachment[];
  readonly warnings?: readonly ParseWarning[];
}

/** One format. Errors of `parse`: ParseError; anything else it throws means that the document is damaged. */
export interface Parser {
  readonly name: string;
  /** Those of `MEDIA_TYPES` it reads. */
  readonly mediaTypes: readonly string[];
  parse(input: ParserInput): Promise<ParserOutput>;
}

/** Checks the shape of a registry entry at compile time. */
export function defineParser(parser: Parser): Parser {
  return parser;
}

/** Every parser by media type, loaded when a document needs it. */
export const PARSERS: Readonly<Record<string, () => Promise<Parser>>> = {
  [MEDIA_TYPES.pdf]: async () => (await import('./pdf.ts')).default,
  [MEDIA_TYPES.docx]: async () => (await import('./docx.ts')).default,
  [MEDIA_TYPES.pptx]: async () => (await import('./pptx.ts')).default,
  [MEDIA_TYPES.xlsx]: async () => (await import('./xlsx.ts')).default,
  [MEDIA_TYPES.csv]: async () => (await import('./csv.ts')).default,
  [MEDIA_TYPES.tsv]: async () => (await import('./csv.ts')).default,
  [MEDIA_TYPES.text]: async () => (await import('./text.ts')).default,
  [MEDIA_TYPES.markdown]: async () => (await import('./markdown.ts')).default,
  [MEDIA_TYPES.html]: async () => (await import('./html.ts')).default,
  [MEDIA_TYPES.eml]: async () => (await import('./eml.ts')).default,
  [MEDIA_TYPES.json]: async () => (await import('./json.ts')).default,
};
