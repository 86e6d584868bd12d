import type { Chunk, ParsedDocument } from '../../lib/contracts/document.ts';
import { ParseError } from '../../lib/contracts/errors.ts';
import type { Chunker } from '../../lib/contracts/parts.ts';

/**
 * Step 3 of 7, chunk: elements in, spans to embed and cite out. Pure, so it leaves no artifact: computing it again is cheaper.
 *
 * @throws ParseError EMPTY_TEXT when nothing is left to embed.
 */
export function chunk(document: ParsedDocument, chunker: Chunker): Chunk[] {
  const chunks = chunker.chunk(document);
  if (chunks.length === 0) throw new ParseError('the document holds no text to embed', { code: 'EMPTY_TEXT' });
  return chunks;
}
