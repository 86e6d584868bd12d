import type { Element } from '../contracts/document.ts';

/** An element before its place in the text is known. */
export type Piece = Omit<Element, 'start' | 'end'>;

/** Kinds whose neighbours of the same kind stand on the next line; everything else is set off by an empty line. */
const TIGHT_KINDS: ReadonlySet<Element['kind']> = new Set(['table_row', 'list_item', 'mail_header']);

/** Joins pieces to the document's text and gives each its offsets; pieces without text vanish. */
export function joinPieces(pieces: readonly Piece[]): { text: string; elements: Element[] } {
  const parts: string[] = [];
  const elements: Element[] = [];
  let length = 0;
  let previous: Piece | undefined;
  for (const piece of pieces) {
    const text = piece.text.trim();
    if (text === '') continue;
    if (previous !== undefined) {
      const isTight = piece.kind === previous.kind && TIGHT_KINDS.has(piece.kind) && piece.table === previous.table;
      const joint = isTight ? '\n' : '\n\n';
      parts.push(joint);
      length += joint.length;
    }
    parts.push(text);
    elements.push({ ...piece, text, start: length, end: length + text.length });
    length += text.length;
    previous = piece;
  }
  return { text: parts.join(''), elements };
}

/** Runs of white space become one space; for formats in which line ends mean nothing. */
export function collapse(text: string): string {
  return text.replace(/\s+/gu, ' ').trim();
}

const NUMERIC = /^[\s$€£¥%()+\-.,:/\d]*\d[\s$€£¥%()+\-.,:/\d]*$/u;

/** A first row names its columns when it fills at least two of them, leaves no gap and holds no figures. */
function namesColumns(row: readonly string[], columnCount: number): boolean {
  return row.length > 1 && row.length * 2 > columnCount && row.every((cell) => cell !== '' && !NUMERIC.test(cell));
}

/**
 * A table's rows as pieces that read on their own: `Column: value | Column: value` when the first row names the columns
 * (`hasHeader` decides, else its look), otherwise `a | b`. Cells are paired by position, so equal names lose nothing.
 */
export function tableRows(
  rows: readonly (readonly string[])[],
  place: { readonly table: number; readonly page?: number; readonly hasHeader?: boolean },
): Piece[] {
  const { hasHeader, ...position } = place;
  const filled = rows.map((row) => row.map(collapse)).filter((row) => row.some((cell) => cell !== ''));
  const columnCount = Math.max(0, ...new Set(filled.map((row) => row.length)));
  const [first, ...rest] = filled;
  if (first === undefined) return [];
  const isNamed = rest.length > 0 && (hasHeader ?? namesColumns(first, columnCount));
  const body = isNamed ? rest : filled;
  return body.map((cells, row) => ({
    kind: 'table_row',
    text: isNamed ? namedCells(first, cells, row === 0) : cells.filter((cell) => cell !== '').join(' | '),
    ...position,
    row,
  }));
}

/** Empty cells are left out, except in the first row, so that the name of a column without values is still found. */
function namedCells(names: readonly string[], cells: readonly string[], keepsEmpty: boolean): string {
  const read: string[] = [];
  for (let column = 0; column < Math.max(names.length, cells.length); column += 1) {
    const name = names[column] ?? '';
    const cell = cells[column] ?? '';
    if (cell === '' && (!keepsEmpty || name === '')) continue;
    read.push(name === '' ? cell : `${name}: ${cell}`.trimEnd());
  }
  return read.join(' | ');
}
