import { MEDIA_TYPES } from '../contracts/document.ts';
import { type Archive, openArchive } from './archive.ts';
import { collapse, type Piece, tableRows } from './elements.ts';
import { tooManyPages } from './failure.ts';
import { defineParser } from './index.ts';
import { attribute, childAt, childNodes, descendants, type MarkupNode } from './markup.ts';
import { mainPart, readMetadata, readPart, readRelations, requirePart } from './office.ts';

/** Presentations: slides in order, shapes in the order of the slide (groups opened), tables, speaker notes. */
export default defineParser({
  name: 'pptx',
  mediaTypes: [MEDIA_TYPES.pptx],
  async parse({ bytes, limits }) {
    const archive = openArchive(bytes, limits);
    const part = mainPart(archive);
    const relations = new Map(readRelations(archive, part).map((relation) => [relation.id, relation.part]));
    const slides = [...descendants(requirePart(archive, part), 'sldId')].flatMap(
      (node) => relations.get(node.attributes['r:id'] ?? '') ?? [],
    );
    if (slides.length > limits.maxPages) throw tooManyPages(slides.length, 'slides', limits);
    const deck = new DeckReader();
    for (const [index, slide] of slides.entries()) deck.readSlide(archive, slide, index + 1);
    return { pieces: deck.pieces, metadata: readMetadata(archive), pageCount: slides.length };
  },
});

class DeckReader {
  readonly pieces: Piece[] = [];
  private tableCount = 0;

  readSlide(archive: Archive, part: string, page: number): void {
    const slide = readPart(archive, part);
    if (slide === undefined) return;
    this.readShapes(childAt(slide, 'sld', 'cSld', 'spTree'), page);
    const notes = readRelations(archive, part).find(({ type }) => type === 'notesSlide');
    const notesRoot = notes === undefined ? undefined : readPart(archive, notes.part);
    for (const shape of notesRoot === undefined ? [] : descendants(notesRoot, 'sp')) {
      if (placeholder(shape) !== 'body') continue;
      for (const text of paragraphs(shape)) this.pieces.push({ kind: 'note', text, page });
    }
  }

  private readShapes(container: MarkupNode | undefined, page: number): void {
    for (const node of childNodes(container)) {
      if (node.name === 'sp') this.readShape(node, page);
      else if (node.name === 'graphicFrame') this.readTables(node, page);
      else if (node.name !== 'Fallback') this.readShapes(node, page);
    }
  }

  private readShape(shape: MarkupNode, page: number): void {
    const role = placeholder(shape);
    if (role !== undefined && ['dt', 'sldNum', 'ftr'].includes(role)) return;
    const texts = paragraphs(shape);
    if (role === 'title' || role === 'ctrTitle') {
      this.pieces.push({ kind: 'heading', level: 1, text: texts.join(' '), page });
      return;
    }
    const kind = texts.length > 1 && role !== undefined && role !== 'subTitle' ? 'list_item' : 'paragraph';
    for (const text of texts) this.pieces.push({ kind, text, page });
  }

  private readTables(frame: MarkupNode, page: number): void {
    for (const table of descendants(frame, 'tbl')) {
      const rows = [...descendants(table, 'tr')].map((row) =>
        childNodes(row)
          .filter((node) => node.name === 'tc')
          .map((cell) => collapse(paragraphs(cell).join(' '))),
      );
      this.pieces.push(...tableRows(rows, { table: this.tableCount, page }));
      this.tableCount += 1;
    }
  }
}

/** What a shape is for, as the layout says: `title`, `body` …; undefined for a free shape. */
function placeholder(shape: MarkupNode): string | undefined {
  const node = childAt(shape, 'nvSpPr', 'nvPr', 'ph');
  return node === undefined ? undefined : (attribute(node, 'type') ?? 'obj');
}

function paragraphs(shape: MarkupNode): string[] {
  return [...descendants(shape, 'p')].map((node) => paragraphText(node).trim()).filter((text) => text !== '');
}

function paragraphText(node: MarkupNode): string {
  return node.children
    .map((child) => {
      if (typeof child === 'string') return node.name === 't' ? child : '';
      return child.name === 'br' ? '\n' : paragraphText(child);
    })
    .join('');
}
