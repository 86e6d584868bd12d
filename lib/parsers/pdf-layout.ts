import type { Piece } from './elements.ts';

/** A run of text as pdf.js gives it: `transform` is a, b, c, d, x, y in points. */
export interface PositionedText {
  readonly str: string;
  readonly transform: readonly number[];
  readonly width: number;
  readonly hasEOL: boolean;
}

/** The runs of one page in the order the file draws them, which is nearly always the order of reading. */
export interface PageText {
  readonly page: number;
  readonly items: readonly PositionedText[];
}

interface Line {
  /** Parts of the line that wide gaps separate. */
  readonly cells: string[];
  readonly page: number;
  readonly size: number;
  readonly left: number;
  /** Across the direction of writing; falls from line to line. */
  readonly baseline: number;
  end: number;
}

/** Turns positioned runs into headings (larger type), list items, table rows (wide gaps) and paragraphs. */
export function readLayout(pages: readonly PageText[]): Piece[] {
  const lines = pages.flatMap(readLines);
  const bodySize = commonSize(lines);
  const sizes = [...new Set(lines.map(({ size }) => size))].filter((size) => size >= bodySize * HEADING_RATIO);
  const levels = new Map(sizes.sort((a, b) => b - a).map((size, index) => [size, Math.min(6, index + 1)]));
  const pieces: Piece[] = [];
  let previous: Line | undefined;
  for (const line of lines) {
    const piece = pieceOf(line, levels);
    const last = pieces.at(-1);
    if (last !== undefined && previous !== undefined && continues(previous, line, last, piece)) {
      pieces[pieces.length - 1] = { ...last, text: joinLines(last.text, piece.text) };
    } else pieces.push(piece);
    previous = line;
  }
  return pieces;
}

const HEADING_RATIO = 1.15;
const LONGEST_HEADING = 200;
/** In type sizes: a space, and a gap between columns. */
const SPACE = 0.15;
const COLUMN_GAP = 1.5;
const LINE_SPACING = 1.7;

function readLines({ page, items }: PageText): Line[] {
  const lines: Line[] = [];
  let line: Line | undefined;
  for (const item of items) {
    if (item.str.trim() === '') continue;
    const [a = 1, b = 0, , , x = 0, y = 0] = item.transform;
    const scale = Math.hypot(a, b) || 1;
    const left = (x * a + y * b) / scale;
    const baseline = (y * a - x * b) / scale;
    const size = Math.round(scale * 2) / 2;
    const gap = line === undefined ? 0 : left - line.end;
    if (line !== undefined && Math.abs(line.baseline - baseline) < Math.max(size, line.size) * 0.5 && gap > -size * 2) {
      if (gap > size * COLUMN_GAP) line.cells.push(item.str);
      else line.cells.push(`${line.cells.pop()}${gap > size * SPACE ? ' ' : ''}${item.str}`);
    } else {
      line = { cells: [item.str], page, size, left, baseline, end: 0 };
      lines.push(line);
    }
    line.end = left + item.width;
  }
  return lines;
}

/** The size most characters have. */
function commonSize(lines: readonly Line[]): number {
  const counts = new Map<number, number>();
  for (const { size, cells } of lines) counts.set(size, (counts.get(size) ?? 0) + cells.join('').length);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}

function pieceOf(line: Line, levels: ReadonlyMap<number, number>): Piece {
  const { page } = line;
  if (line.cells.length > 2)
    return { kind: 'table_row', text: line.cells.map((cell) => cell.trim()).join(' | '), page };
  const text = line.cells.join(' ').replace(/\s+/gu, ' ').trim();
  const level = levels.get(line.size);
  if (level !== undefined && text.length <= LONGEST_HEADING) return { kind: 'heading', level, text, page };
  return { kind: /^(?:[•◦▪●‣–*-]|\d{1,2}[.)]|\([a-z\d]\)) /u.test(text) ? 'list_item' : 'paragraph', text, page };
}

/** Whether `line` goes on with what `last` began. */
function continues(previous: Line, line: Line, last: Piece, piece: Piece): boolean {
  if (previous.page !== line.page || previous.size !== line.size || piece.kind === 'table_row') return false;
  const drop = previous.baseline - line.baseline;
  if (drop <= 0 || drop > line.size * LINE_SPACING) return false;
  if (last.kind === 'heading') return piece.kind === 'heading';
  return piece.kind === 'paragraph' && last.kind !== 'table_row';
}

/** A hyphen at the end of a line is dropped when the word goes on in lower case. */
function joinLines(before: string, after: string): string {
  if (/\p{L}[-\u00AD\u2010]$/u.test(before))
    return /^\p{Ll}/u.test(after) ? before.slice(0, -1) + after : before + after;
  return `${before} ${after}`;
}
