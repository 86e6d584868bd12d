import { lexer, type Token, type Tokens } from 'marked';
import { MEDIA_TYPES } from '../contracts/document.ts';
import { decodeText } from './decode.ts';
import { type Piece, tableRows } from './elements.ts';
import { htmlPieces } from './html.ts';
import { defineParser } from './index.ts';

/** Markdown with tables: the words without their marks; HTML inside it as its visible text. */
export default defineParser({
  name: 'markdown',
  mediaTypes: [MEDIA_TYPES.markdown],
  async parse({ bytes }) {
    const { text, warnings } = decodeText(bytes);
    const reader = new MarkdownReader();
    reader.read(lexer(text));
    return { pieces: reader.pieces, warnings };
  },
});

class MarkdownReader {
  readonly pieces: Piece[] = [];
  private tableCount = 0;

  read(tokens: readonly Token[]): void {
    for (const token of tokens) this.readToken(token);
  }

  private readToken(token: Token): void {
    switch (token.type) {
      case 'heading':
        this.pieces.push({ kind: 'heading', level: (token as Tokens.Heading).depth, text: inlineText(token) });
        return;
      case 'code':
        this.pieces.push({ kind: 'code', text: (token as Tokens.Code).text });
        return;
      case 'list':
        for (const item of (token as Tokens.List).items) this.readItem(item);
        return;
      case 'blockquote':
        this.read((token as Tokens.Blockquote).tokens);
        return;
      case 'table':
        this.readTable(token as Tokens.Table);
        return;
      case 'html':
        this.pieces.push(...htmlPieces(token.raw));
        return;
      case 'paragraph':
      case 'text':
        this.pieces.push({ kind: 'paragraph', text: inlineText(token) });
    }
  }

  /** The item's own words, then what is nested in it. */
  private readItem(item: Tokens.ListItem): void {
    for (const token of item.tokens) {
      if (token.type === 'text' || token.type === 'paragraph') {
        this.pieces.push({ kind: 'list_item', text: inlineText(token) });
      } else this.readToken(token);
    }
  }

  private readTable(table: Tokens.Table): void {
    const rows = [table.header, ...table.rows].map((cells) =>
      cells.map((cell) => cell.tokens.map(inlineText).join('')),
    );
    this.pieces.push(...tableRows(rows, { table: this.tableCount, hasHeader: true }));
    this.tableCount += 1;
  }
}

/** What is read of a token: link texts and image descriptions, not their addresses. */
function inlineText(token: Token): string {
  if (token.type === 'br') return '\n';
  if (token.type === 'html') return token.raw.replace(/<[^>]*>/gu, '');
  if ('tokens' in token && token.tokens !== undefined) return token.tokens.map(inlineText).join('');
  return 'text' in token ? String(token.text) : token.raw;
}
