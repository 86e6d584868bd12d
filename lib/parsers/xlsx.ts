import { type OfficeParts, officeMetadata, readOfficeParts, readXml } from './archive.ts';
import { defineParser, type LooseElement, parseError, tableRows } from './parser.ts';

/** Excel: each sheet under its name, its tables (set apart by empty rows) as rows that still read. Dates as ISO 8601. */
export default defineParser({
  name: 'xlsx',
  version: 1,
  parse({ bytes, limits }) {
    const parts = readOfficeParts(bytes, limits);
    const sheets = sheetsInOrder(parts);
    if (sheets.length === 0) throw parseError('CORRUPT', 'the file has no sheets');
    const strings = sharedStrings(parts.get('xl/sharedStrings.xml') ?? '');
    const dateStyles = stylesOfDates(parts.get('xl/styles.xml') ?? '');
    let table = 0;
    const elements = sheets.flatMap(({ name, xml }, index) => {
      const page = index + 1;
      const blocks = blocksOf(sheetRows(xml, strings, dateStyles));
      const rows = blocks.flatMap((block) => {
        table += 1;
        return tableRows(block, { table: table - 1, page });
      });
      return rows.length === 0 ? [] : [{ kind: 'heading', level: 1, text: name, page } as LooseElement, ...rows];
    });
    return { elements, metadata: { ...officeMetadata(parts) }, pageCount: sheets.length };
  },
});

function sheetsInOrder(parts: OfficeParts): { name: string; xml: string }[] {
  const targets = new Map<string, string>();
  readXml(parts.get('xl/_rels/workbook.xml.rels') ?? '', {
    open(name, attributes) {
      if (name === 'Relationship')
        targets.set(attributes['Id'] ?? '', (attributes['Target'] ?? '').replace(/^\/?(?:xl\/)?/, ''));
    },
  });
  const sheets: { name: string; xml: string }[] = [];
  readXml(parts.get('xl/workbook.xml') ?? '', {
    open(tag, attributes) {
      const xml = tag === 'sheet' ? parts.get(`xl/${targets.get(attributes['id'] ?? '') ?? ''}`) : undefined;
      if (xml !== undefined) sheets.push({ name: attributes['name'] ?? '', xml });
    },
  });
  return sheets;
}

function sharedStrings(xml: string): string[] {
  const strings: string[] = [];
  let current: string[] | null = null;
  let isText = false;
  let phoneticDepth = 0;
  readXml(xml, {
    open(name) {
      if (name === 'si') current = [];
      else if (name === 't') isText = true;
      else if (name === 'rPh') phoneticDepth += 1;
    },
    text(text) {
      if (isText && phoneticDepth === 0) current?.push(text);
    },
    close(name) {
      if (name === 't') isText = false;
      else if (name === 'rPh') phoneticDepth -= 1;
      else if (name === 'si') strings.push((current ?? []).join(''));
    },
  });
  return strings;
}

/** Built-in number formats that show dates or times. Source: ECMA-376 part 1, section 18.8.30. */
const DATE_FORMATS: ReadonlySet<number> = new Set([14, 15, 16, 17, 18, 19, 20, 21, 22, 45, 46, 47]);

/** Which cell styles show a number as a date. */
function stylesOfDates(xml: string): ReadonlySet<number> {
  const custom = new Set<number>();
  const styles = new Set<number>();
  let isCellStyles = false;
  let index = 0;
  readXml(xml, {
    open(name, attributes) {
      if (name === 'numFmt') {
        const code = (attributes['formatCode'] ?? '').replace(/"[^"]*"|\[[^\]]*\]|\\./g, '');
        if (/[dy]|h.*m|m.*s/i.test(code)) custom.add(Number(attributes['numFmtId']));
      } else if (name === 'cellXfs') isCellStyles = true;
      else if (name === 'xf' && isCellStyles) {
        const format = Number(attributes['numFmtId']);
        if (DATE_FORMATS.has(format) || custom.has(format)) styles.add(index);
        index += 1;
      }
    },
    close(name) {
      if (name === 'cellXfs') isCellStyles = false;
    },
  });
  return styles;
}

/** The widest sheet the programs write. Source: Excel's specifications, 16,384 columns. */
const MAX_COLUMNS = 16_384;

function sheetRows(
  xml: string,
  strings: readonly string[],
  dateStyles: ReadonlySet<number>,
): { row: number; cells: string[] }[] {
  const rows: { row: number; cells: string[] }[] = [];
  let type = '';
  let style = 0;
  let column = 0;
  let value: string[] | null = null;
  let isValue = false;
  readXml(xml, {
    open(name, attributes) {
      if (name === 'row') {
        rows.push({ row: Number(attributes['r'] ?? (rows.at(-1)?.row ?? 0) + 1), cells: [] });
        column = 0;
      } else if (name === 'c') {
        type = attributes['t'] ?? 'n';
        style = Number(attributes['s'] ?? -1);
        column = columnOf(attributes['r'] ?? '') ?? column;
        value = [];
      } else if (name === 'v' || name === 't') isValue = true;
    },
    text(text) {
      if (isValue) value?.push(text);
    },
    close(name) {
      if (name === 'v' || name === 't') isValue = false;
      else if (name === 'c') {
        const raw = (value ?? []).join('');
        if (raw !== '' && column < MAX_COLUMNS)
          rows.at(-1)!.cells[column] = shown(raw, { type, isDate: dateStyles.has(style) }, strings);
        column += 1;
      }
    },
  });
  return rows;
}

function columnOf(reference: string): number | null {
  const letters = /^[A-Z]{1,3}/.exec(reference)?.[0];
  if (letters === undefined) return null;
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

function shown(raw: string, { type, isDate }: { type: string; isDate: boolean }, strings: readonly string[]): string {
  if (type === 's') return strings[Number(raw)] ?? '';
  if (type === 'b') return raw === '1' ? 'TRUE' : 'FALSE';
  if (type !== 'n' || !isDate || !Number.isFinite(Number(raw))) return raw;
  return isoDate(Number(raw));
}

/** Days between 30 December 1899, Excel's day 0, and 1970. */
const EXCEL_EPOCH_DAYS = 25_569;

function isoDate(serial: number): string {
  const date = new Date(Math.round((serial - EXCEL_EPOCH_DAYS) * 86_400_000));
  if (Number.isNaN(date.getTime())) return String(serial);
  const iso = date.toISOString();
  if (serial < 1) return iso.slice(11, 19);
  return Number.isInteger(serial) ? iso.slice(0, 10) : iso.slice(0, 19);
}

/** The tables of a sheet: rows without an empty row between them. */
function blocksOf(rows: readonly { row: number; cells: string[] }[]): string[][][] {
  const blocks: string[][][] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const { row, cells } of rows) {
    if (cells.every((cell) => cell === undefined || cell === '')) continue;
    if (row !== before + 1) blocks.push([]);
    blocks.at(-1)!.push(Array.from(cells, (cell) => cell ?? ''));
    before = row;
  }
  return blocks;
}
