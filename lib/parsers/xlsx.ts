import { Parser } from 'htmlparser2';
import { MEDIA_TYPES } from '../contracts/document.ts';
import { type Archive, openArchive } from './archive.ts';
import { type Piece, tableRows } from './elements.ts';
import { tooManyPages } from './failure.ts';
import { defineParser } from './index.ts';
import { attribute, childAt, childNodes, descendants, type MarkupNode, refuseDoctype } from './markup.ts';
import { mainPart, readMetadata, readPart, readRelations, requirePart } from './office.ts';

/** Workbooks: each sheet is a heading and its tables, which empty rows and columns separate. Dates read as ISO 8601. */
export default defineParser({
  name: 'xlsx',
  mediaTypes: [MEDIA_TYPES.xlsx],
  async parse({ bytes, limits }) {
    const archive = openArchive(bytes, limits);
    const part = mainPart(archive);
    const relations = readRelations(archive, part);
    const partOf = (type: string) => relations.find((relation) => relation.type === type)?.part;
    const workbook = requirePart(archive, part);
    const sheets = [...descendants(workbook, 'sheet')];
    if (sheets.length > limits.maxPages) throw tooManyPages(sheets.length, 'sheets', limits);
    const properties = childAt(workbook, 'workbook', 'workbookPr');
    const book: Book = {
      strings: readStrings(readPart(archive, partOf('sharedStrings') ?? '')),
      formats: readFormats(readPart(archive, partOf('styles') ?? '')),
      startsIn1904: ['1', 'true'].includes(attribute(properties, 'date1904') ?? ''),
    };
    const pieces: Piece[] = [];
    let table = 0;
    for (const [index, sheet] of sheets.entries()) {
      const page = index + 1;
      const sheetPart = relations.find(({ id }) => id === sheet.attributes['r:id'])?.part;
      const tables = sheetPart === undefined ? [] : splitTables(readRows(archive, sheetPart, book));
      if (tables.length === 0) continue;
      pieces.push({ kind: 'heading', level: 1, text: sheet.attributes['name'] ?? '', page });
      for (const rows of tables) {
        pieces.push(...tableRows(rows, { table, page }));
        table += 1;
      }
    }
    return { pieces, metadata: readMetadata(archive), pageCount: sheets.length };
  },
});

type Format = 'plain' | 'date' | 'time' | 'moment';

interface Book {
  readonly strings: readonly string[];
  /** By the number that cells carry as `s`. */
  readonly formats: readonly Format[];
  readonly startsIn1904: boolean;
}

function readStrings(root: MarkupNode | undefined): string[] {
  return childNodes(childAt(root, 'sst')).map((item) => richText(item));
}

/** Text of a string item without its phonetic guide. */
function richText(node: MarkupNode): string {
  return node.children
    .map((child) => {
      if (typeof child === 'string') return node.name === 't' ? child : '';
      return child.name === 'rPh' ? '' : richText(child);
    })
    .join('');
}

const BUILT_IN_DATES: ReadonlySet<number> = new Set([14, 15, 16, 17, 27, 30, 36, 50, 57]);
const BUILT_IN_TIMES: ReadonlySet<number> = new Set([18, 19, 20, 21, 45, 46, 47]);

function readFormats(root: MarkupNode | undefined): Format[] {
  const codes = new Map<number, string>();
  for (const node of childNodes(childAt(root, 'styleSheet', 'numFmts'))) {
    codes.set(Number(attribute(node, 'numFmtId')), attribute(node, 'formatCode') ?? '');
  }
  return childNodes(childAt(root, 'styleSheet', 'cellXfs')).map((node) => {
    const id = Number(attribute(node, 'numFmtId') ?? 0);
    if (BUILT_IN_DATES.has(id)) return 'date';
    if (BUILT_IN_TIMES.has(id)) return 'time';
    return id === 22 ? 'moment' : formatOf(codes.get(id) ?? '');
  });
}

/** What a format code shows, looking past quoted text, colours and conditions. */
function formatOf(code: string): Format {
  const bare = code.replace(/"[^"]*"|\\.|_.|\[(?!h+\]|m+\]|s+\])[^\]]*\]/giu, '').toLowerCase();
  const hasDate = /[yd]|mmm/u.test(bare);
  const hasTime = /[hs]/u.test(bare);
  if (hasDate) return hasTime ? 'moment' : 'date';
  return hasTime ? 'time' : 'plain';
}

const DAY_MS = 86_400_000;

/** Serial days since 1899-12-30 (the epoch that makes up for the 1900 leap day that never was) or 1904-01-01. */
function dateText(serial: number, format: Format, startsIn1904: boolean): string {
  const epoch = startsIn1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, 30);
  const moment = new Date(epoch + Math.round((serial * DAY_MS) / 1000) * 1000);
  if (Number.isNaN(moment.getTime())) return String(serial);
  const [date, time] = moment.toISOString().slice(0, 19).split('T') as [string, string];
  if (format === 'time' && serial < 1) return time;
  return time === '00:00:00' || format === 'date' ? date : `${date} ${time}`;
}

/** Cells with a value, by column from 0; rows by number from 1. */
type Rows = Map<number, Map<number, string>>;

const MAX_COLUMNS = 16_384;

/** Reads a sheet as a stream of tags: a tree of a large sheet would take ten times its size. */
function readRows(archive: Archive, part: string, book: Book): Rows {
  const bytes = archive.read(part);
  const rows: Rows = new Map();
  if (bytes === null) return rows;
  let row = 0;
  let column = -1;
  let cell = { type: 'n', style: 0 };
  let value = '';
  let isValue = false;
  const parser = new Parser(
    {
      onprocessinginstruction: refuseDoctype,
      onopentag(tag, attributes) {
        const name = tag.slice(tag.indexOf(':') + 1);
        if (name === 'row') {
          row = Number(attributes['r'] ?? row + 1);
          column = -1;
        } else if (name === 'c') {
          column = columnOf(attributes['r']) ?? column + 1;
          cell = { type: attributes['t'] ?? 'n', style: Number(attributes['s'] ?? 0) };
          value = '';
        }
        isValue = name === 'v' || name === 't';
      },
      ontext(data) {
        if (isValue) value += data;
      },
      onclosetag(tag) {
        isValue = false;
        if (tag.slice(tag.indexOf(':') + 1) !== 'c' || value.trim() === '' || column >= MAX_COLUMNS) return;
        const cells = rows.get(row) ?? new Map<number, string>();
        cells.set(column, cellText(value, cell, book));
        rows.set(row, cells);
      },
    },
    { xmlMode: true },
  );
  parser.end(new TextDecoder().decode(bytes));
  return rows;
}

function columnOf(reference: string | undefined): number | null {
  const letters = /^[A-Z]{1,3}/u.exec(reference ?? '')?.[0];
  if (letters === undefined) return null;
  let column = 0;
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}

function cellText(value: string, cell: { readonly type: string; readonly style: number }, book: Book): string {
  if (cell.type === 's') return book.strings[Number(value)] ?? '';
  if (cell.type === 'b') return value === '1' ? 'TRUE' : 'FALSE';
  if (cell.type !== 'n') return value;
  const number = Number(value);
  if (!Number.isFinite(number)) return value;
  const format = book.formats[cell.style] ?? 'plain';
  // Excel keeps 15 digits; more are the trace of binary fractions.
  return format === 'plain' ? String(Number(number.toPrecision(15))) : dateText(number, format, book.startsIn1904);
}

/** Blocks of filled rows, each split where a column is empty all the way down. */
function splitTables(rows: Rows): string[][][] {
  const numbers = [...rows.keys()].sort((a, b) => a - b);
  const bands: Map<number, string>[][] = [];
  for (const [index, number] of numbers.entries()) {
    if (index === 0 || number !== numbers[index - 1]! + 1) bands.push([]);
    bands.at(-1)!.push(rows.get(number)!);
  }
  return bands.flatMap(splitColumns);
}

function splitColumns(band: readonly Map<number, string>[]): string[][][] {
  const filled = [...new Set(band.flatMap((cells) => [...cells.keys()]))].sort((a, b) => a - b);
  const ranges: { first: number; last: number }[] = [];
  for (const column of filled) {
    const range = ranges.at(-1);
    if (range !== undefined && range.last === column - 1) range.last = column;
    else ranges.push({ first: column, last: column });
  }
  return ranges.map(({ first, last }) =>
    band.map((cells) => Array.from({ length: last - first + 1 }, (_, index) => cells.get(first + index) ?? '')),
  );
}
