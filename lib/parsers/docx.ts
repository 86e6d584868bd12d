import { MEDIA_TYPES } from '../contracts/document.ts';
import { openArchive } from './archive.ts';
import { collapse, type Piece, tableRows } from './elements.ts';
import { defineParser } from './index.ts';
import { attribute, childAt, childNodes, descendants, type MarkupNode } from './markup.ts';
import { mainPart, readMetadata, readPart, readRelations, requirePart } from './office.ts';

/** Word files: headers, body in reading order, footnotes, footers. Deleted text and fallbacks are left out. */
export default defineParser({
  name: 'docx',
  mediaTypes: [MEDIA_TYPES.docx],
  async parse({ bytes, limits }) {
    const archive = openArchive(bytes, limits);
    const part = mainPart(archive);
    const relations = readRelations(archive, part);
    const first = (type: string) => {
      const relation = relations.find((candidate) => candidate.type === type);
      return relation === undefined ? undefined : readPart(archive, relation.part);
    };
    const styles = readStyles(first('styles'));
    const reader = new BodyReader(styles);
    const marginal = (type: string): Piece[] => {
      const found = relations.filter((relation) => relation.type === type);
      return asNotes(
        found.map((relation) => readPart(archive, relation.part)),
        styles,
      );
    };
    const body = requirePart(archive, part);
    reader.read(childAt(body, 'document', 'body') ?? body);
    const notes = ['footnotes', 'endnotes'].flatMap((type) => asNotes([first(type)], styles));
    return {
      pieces: [...marginal('header'), ...reader.pieces, ...notes, ...marginal('footer')],
      metadata: readMetadata(archive),
    };
  },
});

interface Style {
  readonly kind: 'title' | 'heading' | 'paragraph' | 'list_item';
  readonly level?: number;
}

function readStyles(root: MarkupNode | undefined): Map<string, Style> {
  const styles = new Map<string, Style>();
  for (const node of childNodes(childAt(root, 'styles'))) {
    const id = attribute(node, 'styleId');
    if (node.name !== 'style' || id === undefined) continue;
    const name = (attribute(childAt(node, 'name'), 'val') ?? '').toLowerCase();
    const outline = attribute(childAt(node, 'pPr', 'outlineLvl'), 'val') ?? headingNumber(name);
    if (name === 'title') styles.set(id, { kind: 'title' });
    else if (outline !== undefined) styles.set(id, { kind: 'heading', level: Math.min(6, Number(outline) + 1) });
    else if (childAt(node, 'pPr', 'numPr') !== undefined || name.startsWith('list '))
      styles.set(id, { kind: 'list_item' });
  }
  return styles;
}

/** `heading 1` counts from 0 as outline levels do. */
function headingNumber(styleName: string): string | undefined {
  const number = /^heading (\d)$/u.exec(styleName)?.[1];
  return number === undefined ? undefined : String(Number(number) - 1);
}

/** Marginal texts as notes, each once: a document's sections repeat them. */
function asNotes(roots: readonly (MarkupNode | undefined)[], styles: Map<string, Style>): Piece[] {
  const texts = new Set<string>();
  for (const root of roots) {
    if (root === undefined) continue;
    const reader = new BodyReader(styles);
    reader.read(root);
    for (const piece of reader.pieces) texts.add(piece.text);
  }
  return [...texts].map((text) => ({ kind: 'note', text }));
}

/** Walks blocks in order; what is inside a text box follows the paragraph that anchors it. */
class BodyReader {
  readonly pieces: Piece[] = [];
  private readonly styles: Map<string, Style>;
  private tableCount = 0;

  constructor(styles: Map<string, Style>) {
    this.styles = styles;
  }

  read(container: MarkupNode): void {
    for (const node of childNodes(container)) {
      if (node.name === 'p') this.readParagraph(node);
      else if (node.name === 'tbl') this.readTable(node);
      else if (!SKIPPED.has(node.name)) this.read(node);
    }
  }

  private readParagraph(node: MarkupNode): void {
    const boxes: MarkupNode[] = [];
    const text = inlineText(node, boxes).trim();
    if (text !== '') this.pieces.push({ ...this.styleOf(node), text });
    for (const box of boxes) this.read(box);
  }

  private styleOf(paragraph: MarkupNode): Style {
    const properties = childAt(paragraph, 'pPr');
    const style = this.styles.get(attribute(childAt(properties, 'pStyle'), 'val') ?? '');
    const outline = Number(attribute(childAt(properties, 'outlineLvl'), 'val') ?? 9);
    if (outline < 9) return { kind: 'heading', level: Math.min(6, outline + 1) };
    if (style?.kind === 'heading' || style?.kind === 'title') return style;
    return childAt(properties, 'numPr') === undefined ? (style ?? { kind: 'paragraph' }) : { kind: 'list_item' };
  }

  private readTable(table: MarkupNode): void {
    const rows: string[][] = [];
    for (const row of rowsOf(table)) {
      const cells: string[] = [];
      for (const cell of cellsOf(row)) {
        const merge = childAt(cell, 'tcPr', 'vMerge');
        const continues = merge !== undefined && attribute(merge, 'val') !== 'restart';
        cells.push(continues ? (rows.at(-1)?.[cells.length] ?? '') : cellText(cell));
        const span = Math.min(64, Number(attribute(childAt(cell, 'tcPr', 'gridSpan'), 'val') ?? 1));
        for (let extra = 1; extra < span; extra += 1) cells.push('');
      }
      rows.push(cells);
    }
    this.pieces.push(...tableRows(rows, { table: this.tableCount }));
    this.tableCount += 1;
  }
}

const SKIPPED: ReadonlySet<string> = new Set([
  'pPr',
  'rPr',
  'sectPr',
  'tblPr',
  'Fallback',
  'del',
  'moveFrom',
  'delText',
  'instrText',
]);

function* rowsOf(table: MarkupNode): Generator<MarkupNode> {
  for (const node of childNodes(table)) {
    if (node.name === 'tr') yield node;
    else if (node.name === 'sdt' || node.name === 'sdtContent') yield* rowsOf(node);
  }
}

function* cellsOf(row: MarkupNode): Generator<MarkupNode> {
  for (const node of childNodes(row)) {
    if (node.name === 'tc') yield node;
    else if (node.name === 'sdt' || node.name === 'sdtContent') yield* cellsOf(node);
  }
}

/** Everything in a cell on one line, nested tables and text boxes included. */
function cellText(cell: MarkupNode): string {
  return collapse([...descendants(cell, 'p')].map((paragraph) => inlineText(paragraph, [])).join(' '));
}

/** Text of a paragraph; text boxes it anchors are handed to `boxes`. */
function inlineText(node: MarkupNode, boxes: MarkupNode[]): string {
  let text = '';
  for (const child of node.children) {
    if (typeof child === 'string') {
      if (node.name === 't') text += child;
    } else if (child.name === 'txbxContent') boxes.push(child);
    else if (child.name === 'tab') text += '\t';
    else if (child.name === 'br' || child.name === 'cr') text += '\n';
    else if (child.name === 'noBreakHyphen') text += '-';
    else if (!SKIPPED.has(child.name)) text += inlineText(child, boxes);
  }
  return text;
}
