import { Parser as HtmlReader } from 'htmlparser2';
import { decodeText } from './encoding.ts';
import { defineParser, type LooseElement, type ParseResult, tableRows } from './parser.ts';
import { REPLACED } from './text.ts';

/** HTML: what a person reads of the page, in order. Scripts, styles and hidden parts are left out. */
export default defineParser({
  name: 'html',
  version: 1,
  async parse({ bytes }): Promise<ParseResult> {
    const { text, hasReplacements } = await decodeHtml(bytes);
    const { elements, title } = htmlElements(text);
    return { elements, metadata: { title }, warnings: hasReplacements ? [REPLACED] : [] };
  },
});

/** A page may name its own encoding; a byte order mark or valid UTF-8 is believed more. */
async function decodeHtml(bytes: Buffer): Promise<{ text: string; hasReplacements: boolean }> {
  const decoded = await decodeText(bytes);
  const declared = /<meta[^>]+charset\s*=\s*["']?([\w-]+)/i.exec(bytes.toString('latin1', 0, 4_096))?.[1];
  if (declared === undefined || decoded.encoding.startsWith('utf-')) return decoded;
  try {
    return { text: new TextDecoder(declared).decode(bytes), hasReplacements: false };
  } catch {
    return decoded;
  }
}

const SKIPPED: ReadonlySet<string> = new Set([
  'script',
  'style',
  'noscript',
  'template',
  'svg',
  'math',
  'iframe',
  'object',
  'head',
  'select',
  'button',
]);
const BLOCKS: ReadonlySet<string> = new Set(
  'address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form header hr html li main nav ol p pre section summary table tbody td tfoot th thead tr ul h1 h2 h3 h4 h5 h6'.split(
    ' ',
  ),
);

interface OpenTable {
  readonly rows: string[][];
  cell: string[] | null;
}

/** The elements of a page or of a piece of one, and its title. Linear: text is collected in parts and joined once. */
export function htmlElements(html: string): { elements: LooseElement[]; title: string | null } {
  const elements: LooseElement[] = [];
  const tables: OpenTable[] = [];
  let parts: string[] = [];
  let kind: LooseElement['kind'] = 'paragraph';
  let level = 0;
  let skipDepth = 0;
  let preDepth = 0;
  let title: string | null = null;
  let titleParts: string[] | null = null;
  let tableCount = 0;

  const flush = () => {
    const joined = parts.join('');
    const text = preDepth > 0 ? joined : joined.replace(/[ \t\n\f\r]+/g, ' ').replaceAll('\u2028', '\n');
    parts = [];
    if (text.trim() !== '') elements.push({ kind, text, ...(kind === 'heading' && { level }) });
    kind = 'paragraph';
  };
  const cellOf = () => tables.at(-1)?.cell ?? null;

  const reader = new HtmlReader(
    {
      onopentag(name, attributes) {
        if (name === 'title' && title === null) titleParts = [];
        if (skipDepth > 0 || SKIPPED.has(name) || isHidden(attributes)) {
          if (!VOID.has(name)) skipDepth += 1;
          return;
        }
        if (name === 'br') (cellOf() ?? parts).push(cellOf() === null ? '\u2028' : ' ');
        if (name === 'table') {
          if (cellOf() === null) flush();
          tables.push({ rows: [], cell: null });
          return;
        }
        const table = tables.at(-1);
        if (table !== undefined) {
          if (name === 'tr') table.rows.push([]);
          else if (name === 'td' || name === 'th') table.cell = [];
          else if (BLOCKS.has(name)) table.cell?.push(' ');
          return;
        }
        if (!BLOCKS.has(name)) return;
        flush();
        if (/^h[1-6]$/.test(name)) [kind, level] = ['heading', Number(name[1])];
        else if (name === 'li' || name === 'dt' || name === 'dd') kind = 'list_item';
        else if (name === 'pre') [kind, preDepth] = ['code', preDepth + 1];
      },
      ontext(text) {
        titleParts?.push(text);
        if (skipDepth === 0) (cellOf() ?? parts).push(text);
      },
      onclosetag(name) {
        if (name === 'title' && titleParts !== null) {
          title = titleParts.join('').trim() || null;
          titleParts = null;
        }
        if (skipDepth > 0) {
          if (!VOID.has(name)) skipDepth -= 1;
          return;
        }
        const table = tables.at(-1);
        if (table === undefined) {
          if (BLOCKS.has(name)) flush();
          if (name === 'pre') preDepth -= 1;
        } else if (name === 'td' || name === 'th') {
          const text = (table.cell ?? []).join('');
          table.cell = null;
          if (table.rows.length === 0) table.rows.push([]);
          table.rows.at(-1)!.push(text);
        } else if (name === 'table') {
          tables.pop();
          closeTable(table);
        }
      },
    },
    { decodeEntities: true },
  );
  const closeTable = ({ rows }: OpenTable) => {
    const outer = cellOf();
    if (outer !== null) {
      outer.push(rows.map((row) => row.join(' ')).join(' '));
      return;
    }
    elements.push(...tableRows(rows, { table: tableCount }));
    tableCount += 1;
  };
  reader.end(html);
  for (const table of tables) closeTable(table);
  flush();
  return { elements, title };
}

const VOID: ReadonlySet<string> = new Set('area base br col embed hr img input link meta source track wbr'.split(' '));

function isHidden({ hidden, style }: { [name: string]: string }): boolean {
  return hidden !== undefined || /display\s*:\s*none|visibility\s*:\s*hidden/i.test(style ?? '');
}
