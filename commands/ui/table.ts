import { columns } from './output.ts';
import { clipped, displayWidth, padded, safeText, wrapped } from './text.ts';

/** A column of a table. */
export interface Column {
  readonly header: string;
  /** Numbers stand to the right. */
  readonly align?: 'left' | 'right';
  /** Left out where the terminal is too narrow; the last such column first. */
  readonly isOptional?: boolean;
}

interface TableOptions {
  /** False for a further part of a table that has its header already. */
  readonly hasHeader?: boolean;
  readonly width?: number;
}

const GAP = 2;
/** What the last column needs to be worth showing beside the others. */
const MIN_LAST_COLUMNS = 16;
/** A longer cell stands out of its column, so that one long id does not push all rows apart. */
const MAX_PADDED_COLUMNS = 48;

/**
 * A table with aligned columns. Where the width is too small, optional columns go first, then each row is given two lines, the first
 * column on its own. The last column is clipped; the first never is, because ids are copied from it.
 */
export function table(
  header: readonly Column[],
  rows: readonly (readonly string[])[],
  { hasHeader = true, width = columns() }: TableOptions = {},
): string[] {
  const all = [header.map((column) => column.header), ...rows.map((row) => row.map(safeText))];
  const widths = header.map((_, index) => Math.min(MAX_PADDED_COLUMNS, widest(all.map((row) => row[index] ?? ''))));
  const last = header.length - 1;
  let shown = header.map((_, index) => index).slice(0, last);
  const taken = () => shown.reduce((sum, index) => sum + widths[index]! + GAP, 0);
  const wanted = Math.min(MIN_LAST_COLUMNS, widths[last]!);
  for (let index = last - 1; index >= 0 && width - taken() < wanted; index -= 1) {
    if (header[index]!.isOptional === true) shown = shown.filter((other) => other !== index);
  }
  const isBelow = width - taken() < wanted;
  return (hasHeader ? all : all.slice(1)).flatMap((row) => {
    const cells = shown.map((index) => padded(row[index] ?? '', widths[index]!, header[index]!.align));
    const end = row[last] ?? '';
    if (isBelow) {
      const below = [...cells.slice(1), end].join('  ').trim();
      return [(cells[0] ?? '').trimEnd(), ...(below === '' ? [] : [`  ${clipped(below, width - GAP)}`])];
    }
    const before = cells.map((cell) => `${cell}  `).join('');
    const aligned = header[last]!.align === 'right' ? padded(end, widths[last]!, 'right') : end;
    return [`${before}${clipped(aligned, Math.max(1, width - displayWidth(before)))}`.trimEnd()];
  });
}

/** Names with their values, one a line; a value that does not fit goes on below, and a word of it is never broken. */
export function details(rows: readonly (readonly [name: string, value: string])[], width = columns()): string[] {
  const nameWidth = widest(rows.map(([name]) => name));
  return rows.flatMap(([name, value]) => {
    const safe = safeText(value);
    const room = width - nameWidth - GAP;
    const isRoomy = widest(safe.split(' ')) <= room;
    if (!isRoomy) return [name, ...wrapped(safe, width - GAP, { isBreakingWords: false }).map((line) => `  ${line}`)];
    const [first = '', ...rest] = wrapped(safe, room);
    return [`${padded(name, nameWidth)}  ${first}`, ...rest.map((line) => `${' '.repeat(nameWidth + GAP)}${line}`)];
  });
}

function widest(texts: readonly string[]): number {
  return texts.reduce((width, text) => Math.max(width, displayWidth(text)), 0);
}
