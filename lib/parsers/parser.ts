// Parsers: bytes in, typed elements in reading order out; each runs in a process that can be killed.
// May import lib/contracts, lib/support and their own vendor packages.
// Must never read anything but the bytes they are given.

import type { Element, Json, ParsedDocument } from '../contracts/document.ts';
import { ParseError } from '../contracts/errors.ts';
import type { ParseLimits } from '../contracts/parts.ts';

/** What a parser is given. */
export interface ParseInput {
  readonly bytes: Buffer;
  /** A hint for text kinds; data, never a path. */
  readonly name: string;
  readonly mediaType: string;
  readonly limits: ParseLimits;
}

/** A file found inside, with its bytes. */
export interface FoundAttachment {
  readonly name: string;
  readonly mediaType: string | null;
  readonly content: Uint8Array;
}

/** What a parser gives; offsets and the whole text are made from the elements by `placeElements`. */
export interface ParseResult {
  readonly elements: readonly LooseElement[];
  readonly metadata?: { readonly [key: string]: Json };
  readonly pageCount?: number | null;
  readonly attachments?: readonly FoundAttachment[];
  readonly warnings?: ParsedDocument['warnings'];
}

/** An element without its offsets. */
export type LooseElement = Omit<Element, 'start' | 'end'>;

/** One format. */
export interface Parser {
  readonly name: string;
  /** Raised with every change after which the same bytes may give another result. */
  readonly version: number;
  parse(input: ParseInput): ParseResult | Promise<ParseResult>;
}

/** Declares a parser: the type checks what the file exports. */
export function defineParser(parser: Parser): Parser {
  return parser;
}

/** Kinds that follow each other line by line; all others are set apart by an empty line. */
const LINE_KINDS: ReadonlySet<Element['kind']> = new Set(['table_row', 'list_item', 'mail_header']);

/** The whole text of the elements, and each with its place in it. Elements without text are left out. */
export function placeElements(loose: readonly LooseElement[]): { text: string; elements: Element[] } {
  const parts: string[] = [];
  const elements: Element[] = [];
  let offset = 0;
  let before: LooseElement | null = null;
  for (const element of loose) {
    const text = cleanText(element.text);
    if (text === '') continue;
    if (before !== null) {
      const separator = LINE_KINDS.has(element.kind) && before.kind === element.kind ? '\n' : '\n\n';
      parts.push(separator);
      offset += separator.length;
    }
    parts.push(text);
    elements.push({ ...element, text, start: offset, end: offset + text.length });
    offset += text.length;
    before = element;
  }
  return { text: parts.join(''), elements };
}

/** Text without what no store takes: NUL, lone surrogates, carriage returns; blanks at line ends and outer white space go too. */
export function cleanText(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[\0\u000b\u000c]/g, ' ')
    .toWellFormed()
    .replace(/[ \t\u00a0]+\n/g, '\n')
    .trim();
}

/** A table's rows as elements: each value with its column's name, when the first row names the columns. */
export function tableRows(
  rows: readonly (readonly string[])[],
  place: { readonly table: number; readonly page?: number },
): LooseElement[] {
  const filled = rows
    .map((row) => row.map((cell) => cell.replace(/\s+/gu, ' ').trim()))
    .filter((row) => row.some((cell) => cell !== ''));
  const [first, ...others] = filled;
  if (first === undefined) return [];
  const isHeader = others.length > 0 && isHeaderRow(first);
  const body = isHeader ? others : filled;
  const header = isHeader ? first : [];
  const named = body.map(
    (cells, row): LooseElement => ({ kind: 'table_row', text: rowText(header, cells), row, ...place }),
  );
  // The names of columns without any value would be lost with the header row.
  const unused = header.filter((name, column) => name !== '' && !body.some((cells) => (cells[column] ?? '') !== ''));
  return unused.length === 0 ? named : [{ kind: 'paragraph', text: unused.join(' | '), ...place }, ...named];
}

function rowText(header: readonly string[], cells: readonly string[]): string {
  return cells
    .flatMap((cell, column) =>
      cell === '' ? [] : [(header[column] ?? '') === '' ? cell : `${header[column]}: ${cell}`],
    )
    .join(' | ');
}

/** Names of columns are texts, each its own, and none is a number. */
function isHeaderRow(cells: readonly string[]): boolean {
  const names = cells.filter((cell) => cell !== '');
  return (
    names.length > 1 &&
    new Set(names).size === names.length &&
    !names.some((name) => /^[\d.,\s%$€£+-]+$/u.test(name)) &&
    names.every(({ length }) => length <= 80)
  );
}

/** A parser's error. Final: the same bytes fail again. */
export function parseError(code: ParseError['code'], message: string, cause?: unknown): ParseError {
  return new ParseError(message, { code, cause });
}
