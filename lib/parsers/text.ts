import { MEDIA_TYPES } from '../contracts/document.ts';
import { decodeText } from './decode.ts';
import type { Piece } from './elements.ts';
import { defineParser } from './index.ts';

/** Plain text: an empty line ends a paragraph; line ends inside one are kept. */
export default defineParser({
  name: 'text',
  mediaTypes: [MEDIA_TYPES.text],
  async parse({ bytes }) {
    const { text, warnings } = decodeText(bytes);
    return { pieces: paragraphs(text), warnings };
  },
});

/** Paragraphs of text with `\n` line ends. */
export function paragraphs(text: string): Piece[] {
  return text.split(/\n[^\S\n]*\n/u).map((paragraph) => ({ kind: 'paragraph', text: paragraph }));
}
