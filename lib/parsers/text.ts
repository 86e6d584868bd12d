import { decodeText } from './encoding.ts';
import { defineParser, type LooseElement } from './parser.ts';

/** Plain text: paragraphs are what empty lines set apart. */
export default defineParser({
  name: 'text',
  version: 1,
  async parse({ bytes }) {
    const { text, encoding, hasReplacements } = await decodeText(bytes);
    const elements = paragraphsOf(text);
    return { elements, metadata: { encoding }, warnings: hasReplacements ? [REPLACED] : [] };
  },
});

/** Said when some bytes stood for no character. */
export const REPLACED = { code: 'CHARACTERS_REPLACED', message: 'some bytes stand for no character and were replaced' };

/** The paragraphs of a text; lines that look like list items stand alone. */
export function paragraphsOf(text: string): LooseElement[] {
  return text
    .replace(/\r\n?/g, '\n')
    .split(/\n[ \t]*\n+/)
    .filter((paragraph) => paragraph.trim() !== '')
    .map((paragraph): LooseElement => ({ kind: 'paragraph', text: paragraph }));
}
