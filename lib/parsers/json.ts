import type { Json } from '../contracts/document.ts';
import { decodeText } from './encoding.ts';
import { defineParser, type LooseElement, parseError } from './parser.ts';
import { paragraphsOf } from './text.ts';

/** JSON as text: one line for each value, with the path that leads to it; objects of a list are set apart. */
export default defineParser({
  name: 'json',
  version: 1,
  async parse({ bytes, name }) {
    const { text } = await decodeText(bytes);
    const values = valuesOf(text);
    if (values === null) {
      if (/\.(?:nd)?jsonl?$/i.test(name) && text.trim() === '')
        throw parseError('EMPTY_TEXT', 'the file holds only white space');
      return {
        elements: paragraphsOf(text),
        warnings: [{ code: 'NOT_JSON', message: 'the file is no valid JSON and was read as text' }],
      };
    }
    const elements: LooseElement[] = [];
    for (const value of values)
      for (const item of Array.isArray(value) ? value : [value])
        elements.push({ kind: 'paragraph', text: linesOf(item as Json).join('\n') });
    return { elements };
  },
});

/** One value, or one value a line; null when it is neither. */
function valuesOf(text: string): unknown[] | null {
  try {
    return [JSON.parse(text)];
  } catch {
    const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
    try {
      return lines.length > 1 ? lines.map((line): unknown => JSON.parse(line)) : null;
    } catch {
      return null;
    }
  }
}

/** Deeper values are shown as they are written. */
const MAX_DEPTH = 64;

function linesOf(root: Json): string[] {
  const lines: string[] = [];
  const walk = (value: Json, path: string, depth: number): void => {
    if (value !== null && typeof value === 'object' && depth < MAX_DEPTH) {
      for (const [key, inner] of Object.entries(value))
        walk(inner as Json, path === '' ? key : `${path}.${key}`, depth + 1);
      return;
    }
    const shown = typeof value === 'object' ? JSON.stringify(value) : String(value);
    lines.push(path === '' ? shown : `${path}: ${shown}`);
  };
  walk(root, '', 0);
  return lines;
}
