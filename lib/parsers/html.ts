import { MEDIA_TYPES } from '../contracts/document.ts';
import { decodeText } from './decode.ts';
import { collapse, type Piece, tableRows } from './elements.ts';
import { defineParser } from './index.ts';
import { childNodes, descendants, type MarkupNode, readHtml, textOf } from './markup.ts';

/** Web pages: what a reader sees, in order; scripts, styles and hidden parts are left out. */
export default defineParser({
  name: 'html',
  mediaTypes: [MEDIA_TYPES.html],
  async parse({ bytes }) {
    const { text, warnings } = decodeText(bytes);
    const root = readHtml(text);
    const [title] = descendants(root, 'title');
    const name = title === undefined ? '' : collapse(textOf(title));
    return { pieces: readPage(root), warnings, metadata: name === '' ? {} : { title: name } };
  },
});

/** The visible pieces of HTML. */
export function htmlPieces(html: string): Piece[] {
  return readPage(readHtml(html));
}

function readPage(root: MarkupNode): Piece[] {
  const reader = new PageReader();
  reader.readBlock(root, { kind: 'paragraph' });
  return reader.finish();
}

const HIDDEN: ReadonlySet<string> = new Set(
  'head script style noscript template svg math iframe object select datalist audio video canvas'.split(' '),
);
const BLOCKS: ReadonlySet<string> = new Set(
  (
    'html body div p section article main header footer nav aside ul ol dl dt dd li h1 h2 h3 h4 h5 h6 blockquote pre form ' +
    'fieldset legend figure figcaption address details summary hr table caption thead tbody tfoot tr td th center'
  ).split(' '),
);

type Block = Pick<Piece, 'kind' | 'level'>;

class PageReader {
  private readonly pieces: Piece[] = [];
  private inline = '';
  private block: Block = { kind: 'paragraph' };
  private tableCount = 0;

  readBlock(node: MarkupNode, block: Block): void {
    this.flush();
    this.block = block;
    this.readChildren(node, block);
    this.flush();
  }

  finish(): Piece[] {
    this.flush();
    return this.pieces;
  }

  private readChildren(node: MarkupNode, block: Block): void {
    for (const child of node.children) {
      if (typeof child === 'string') this.inline += child;
      else if (!isHidden(child)) this.readNode(child, block);
    }
  }

  private readNode(node: MarkupNode, block: Block): void {
    if (node.name === 'br') this.inline += ' ';
    else if (node.name === 'pre') this.readCode(node);
    else if (node.name === 'table' && isDataTable(node)) this.readTable(node);
    else if (BLOCKS.has(node.name)) {
      this.readBlock(node, blockOf(node, block));
      this.block = block;
    } else this.readChildren(node, block);
  }

  private readCode(node: MarkupNode): void {
    this.flush();
    this.pieces.push({ kind: 'code', text: textOf(node) });
  }

  private readTable(node: MarkupNode): void {
    this.flush();
    const rows: string[][] = [];
    let hasNames = false;
    for (const row of descendants(node, 'tr')) {
      const cells = childNodes(row).filter(({ name }) => name === 'td' || name === 'th');
      hasNames ||= rows.length === 0 && cells.length > 1 && cells.every(({ name }) => name === 'th');
      rows.push(cells.flatMap((cell) => [visibleText(cell), ...spanned(cell)]));
    }
    for (const caption of descendants(node, 'caption')) {
      this.pieces.push({ kind: 'paragraph', text: visibleText(caption) });
    }
    this.pieces.push(...tableRows(rows, { table: this.tableCount, ...(hasNames ? { hasHeader: true } : {}) }));
    this.tableCount += 1;
  }

  private flush(): void {
    const text = collapse(this.inline);
    this.inline = '';
    if (text !== '') this.pieces.push({ ...this.block, text });
  }
}

function blockOf(node: MarkupNode, outer: Block): Block {
  const level = /^h([1-6])$/u.exec(node.name)?.[1];
  if (level !== undefined) return { kind: 'heading', level: Number(level) };
  if (node.name === 'li') return { kind: 'list_item' };
  return outer;
}

function isHidden(node: MarkupNode): boolean {
  const { style = '', hidden } = node.attributes;
  return HIDDEN.has(node.name) || hidden !== undefined || /display\s*:\s*none/iu.test(style);
}

/** A table that only lays out a page holds another table or headings. */
function isDataTable(table: MarkupNode): boolean {
  for (const name of ['table', 'h1', 'h2', 'h3']) {
    for (const _ of descendants(table, name)) return false;
  }
  return true;
}

/** Empty cells in place of those a wide cell covers, so that later cells stay under their names. */
function spanned(cell: MarkupNode): string[] {
  const count = Math.min(64, Number(cell.attributes['colspan'] ?? 1) || 1);
  return new Array<string>(Math.max(0, count - 1)).fill('');
}

function visibleText(node: MarkupNode): string {
  const reader = new PageReader();
  reader.readBlock(node, { kind: 'paragraph' });
  return reader
    .finish()
    .map(({ text }) => text)
    .join(' ');
}
