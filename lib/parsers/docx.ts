import { numberedParts, officeMetadata, readOfficeParts, readXml } from './archive.ts';
import { defineParser, type LooseElement, parseError, tableRows } from './parser.ts';

/** Word: headers, the body with headings, lists, tables and text boxes, footnotes, footers. Nothing outside the file is followed. */
export default defineParser({
  name: 'docx',
  version: 1,
  parse({ bytes, limits }) {
    const parts = readOfficeParts(bytes, limits);
    const body =
      parts.get('word/document.xml') ?? [...parts].find(([name]) => /^word\/document\d*\.xml$/.test(name))?.[1];
    if (body === undefined) throw parseError('CORRUPT', 'the file has no document part');
    const levels = headingLevels(parts.get('word/styles.xml') ?? '');
    const state = { tables: 0 };
    const read = (xml: string) => bodyElements(xml, levels, state);
    const of = (pattern: RegExp) => numberedParts(parts, pattern).flatMap(({ xml }) => read(xml));
    const notes = [
      ...['word/footnotes.xml', 'word/endnotes.xml', 'word/comments.xml'].flatMap((name) =>
        read(parts.get(name) ?? ''),
      ),
    ];
    const elements = [
      ...of(/^word\/header(\d*)\.xml$/),
      ...read(body),
      ...notes.map((note): LooseElement => ({ ...note, kind: 'note' })),
      ...of(/^word\/footer(\d*)\.xml$/),
    ];
    return { elements, metadata: { ...officeMetadata(parts) } };
  },
});

/** Heading level by style id: styles named `heading n`, and `Title`, in whatever language their ids are. */
function headingLevels(styles: string): ReadonlyMap<string, number> {
  const levels = new Map<string, number>();
  let styleId = '';
  readXml(styles, {
    open(name, attributes) {
      if (name === 'style') styleId = attributes['styleId'] ?? '';
      else if (name === 'name') {
        const level = /^heading (\d)/i.exec(attributes['val'] ?? '')?.[1];
        if (level !== undefined) levels.set(styleId, Number(level));
        else if (/^title$/i.test(attributes['val'] ?? '')) levels.set(styleId, 0);
      } else if (name === 'outlineLvl' && !levels.has(styleId)) levels.set(styleId, Number(attributes['val']) + 1);
    },
  });
  return levels;
}

interface Paragraph {
  readonly parts: string[];
  style: string;
  isListItem: boolean;
}

interface OpenTable {
  readonly rows: string[][];
  cell: string[] | null;
}

/** Deletions, field codes and the old twin of a text box are no text of the document. */
const SKIPPED: ReadonlySet<string> = new Set(['del', 'instrText', 'Fallback', 'delText', 'moveFrom']);

function bodyElements(xml: string, levels: ReadonlyMap<string, number>, state: { tables: number }): LooseElement[] {
  const elements: LooseElement[] = [];
  const paragraphs: Paragraph[] = [];
  const tables: OpenTable[] = [];
  let skipDepth = 0;
  let isText = false;
  const put = (text: string) => paragraphs.at(-1)?.parts.push(text);

  const endParagraph = ({ parts, style, isListItem }: Paragraph) => {
    const text = parts.join('');
    const cell = tables.at(-1)?.cell;
    if (cell != null) cell.push(text);
    else elements.push(elementOf(text, isListItem, levels.get(style)));
  };
  const endTable = ({ rows }: OpenTable) => {
    const outer = tables.at(-1)?.cell;
    if (outer != null) outer.push(...rows.map((row) => row.join(' ')));
    else {
      elements.push(...tableRows(rows, { table: state.tables }));
      state.tables += 1;
    }
  };
  readXml(xml, {
    open(name, attributes) {
      if (SKIPPED.has(name)) skipDepth += 1;
      if (skipDepth > 0) return;
      if (name === 'p') paragraphs.push({ parts: [], style: '', isListItem: false });
      else if (name === 't') isText = true;
      else if (name === 'tab') put('\t');
      else if (name === 'br' || name === 'cr') put('\n');
      else if (name === 'noBreakHyphen') put('-');
      else if (name === 'pStyle') setStyle(paragraphs.at(-1), attributes['val'] ?? '');
      else if (name === 'numPr') markListItem(paragraphs.at(-1));
      else if (name === 'tbl') tables.push({ rows: [], cell: null });
      else if (name === 'tr') tables.at(-1)?.rows.push([]);
      else if (name === 'tc') openCell(tables.at(-1));
    },
    text(text) {
      if (isText && skipDepth === 0) put(text);
    },
    close(name) {
      if (SKIPPED.has(name)) skipDepth -= 1;
      if (skipDepth > 0) return;
      if (name === 't') isText = false;
      else if (name === 'p') {
        const paragraph = paragraphs.pop();
        if (paragraph !== undefined) endParagraph(paragraph);
      } else if (name === 'tc') closeCell(tables.at(-1));
      else if (name === 'tbl') {
        const table = tables.pop();
        if (table !== undefined) endTable(table);
      }
    },
  });
  return elements;
}

function elementOf(text: string, isListItem: boolean, level: number | undefined): LooseElement {
  if (level === 0) return { kind: 'title', text };
  if (level !== undefined && level <= 6) return { kind: 'heading', level, text };
  return { kind: isListItem ? 'list_item' : 'paragraph', text };
}

function setStyle(paragraph: Paragraph | undefined, style: string): void {
  if (paragraph !== undefined) paragraph.style = style;
}

function markListItem(paragraph: Paragraph | undefined): void {
  if (paragraph !== undefined) paragraph.isListItem = true;
}

function openCell(table: OpenTable | undefined): void {
  if (table !== undefined) table.cell = [];
}

function closeCell(table: OpenTable | undefined): void {
  if (table === undefined) return;
  table.rows.at(-1)?.push((table.cell ?? []).join('\n'));
  table.cell = null;
}
