import { marked, type Token, type Tokens } from 'marked';
import { decodeText } from './encoding.ts';
import { htmlElements } from './html.ts';
import { defineParser, type LooseElement, tableRows } from './parser.ts';
import { REPLACED } from './text.ts';

/** Markdown (GitHub's dialect): headings, paragraphs, list items, tables, code. Front matter is metadata for nobody and left out. */
export default defineParser({
  name: 'markdown',
  version: 1,
  async parse({ bytes }) {
    const { text, hasReplacements } = await decodeText(bytes);
    const tokens = marked.lexer(text.replace(/\r\n?/g, '\n').replace(/^---\n[\s\S]*?\n---\n/, ''));
    const elements: LooseElement[] = [];
    const state = { tables: 0 };
    for (const token of tokens) elements.push(...blockElements(token, state));
    const title = elements.find(({ kind, level }) => kind === 'heading' && level === 1)?.text ?? null;
    return { elements, metadata: { title }, warnings: hasReplacements ? [REPLACED] : [] };
  },
});

function blockElements(token: Token, state: { tables: number }): LooseElement[] {
  switch (token.type) {
    case 'heading':
      return [{ kind: 'heading', level: (token as Tokens.Heading).depth, text: inlineText(token) }];
    case 'list':
      return (token as Tokens.List).items.flatMap((item) => itemElements(item, state));
    case 'table': {
      const { header, rows } = token as Tokens.Table;
      const cells = [header, ...rows].map((row) => row.map((cell) => cell.tokens.map(inlineText).join('')));
      state.tables += 1;
      return tableRows(cells, { table: state.tables - 1 });
    }
    case 'code':
      return [{ kind: 'code', text: (token as Tokens.Code).text }];
    case 'blockquote':
      return ((token as Tokens.Blockquote).tokens ?? []).flatMap((inner) => blockElements(inner, state));
    case 'html':
      return htmlElements((token as Tokens.HTML).text).elements;
    case 'paragraph':
    case 'text':
      return [{ kind: 'paragraph', text: inlineText(token) }];
    default:
      return [];
  }
}

/** A list item's own text, then what is nested in it. */
function itemElements(item: Tokens.ListItem, state: { tables: number }): LooseElement[] {
  const own = item.tokens
    .filter(({ type }) => type === 'text' || type === 'paragraph')
    .map(inlineText)
    .join(' ');
  const nested = item.tokens.filter(({ type }) => type !== 'text' && type !== 'paragraph');
  return [{ kind: 'list_item', text: own }, ...nested.flatMap((token) => blockElements(token, state))];
}

/** What a person reads of inline marks: emphasis and links without their signs, an image by its description. */
function inlineText(token: Token): string {
  if (token.type === 'br') return '\n';
  if (token.type === 'html') return '';
  if ('tokens' in token && Array.isArray(token.tokens) && token.tokens.length > 0)
    return token.tokens.map(inlineText).join('');
  return 'text' in token && typeof token.text === 'string' ? unescapeHtml(token.text) : '';
}

const NAMED: { readonly [name: string]: string } = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: ' ' };

function unescapeHtml(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => NAMED[name]!);
}
