import { type Chunk, type Element, embeddingText, type ParsedDocument } from '../contracts/document.ts';
import type { Chunker } from '../contracts/parts.ts';

export interface StructureSettings {
  /** The most tokens of a chunk with its heading path, by the embedder's count. A single word is never cut for it. */
  readonly maxTokens: number;
  readonly countTokens: (text: string) => number;
}

/** A span of the document's text that stays together while chunks are packed. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly page: number | null;
  readonly tokens: number;
}

interface Section {
  readonly headingPath: readonly string[];
  readonly elements: Element[];
}

/**
 * Cuts by structure first and by size second.
 *
 * A heading opens a section; what stands in a section is packed into chunks of up to `maxTokens`; an element that is too long
 * is cut at sentence ends, then between words. Nothing but white space is left out.
 */
export function createStructureChunker(settings: StructureSettings): Chunker {
  return {
    version: `structure-2:${settings.maxTokens}`,
    chunk: (document) => chunkDocument(document, settings),
  };
}

function chunkDocument(document: ParsedDocument, settings: StructureSettings): Chunk[] {
  const chunks: Chunk[] = [];
  for (const { headingPath, elements } of sectionsOf(document.elements)) {
    const headingTokens = headingPath.length === 0 ? 0 : settings.countTokens(`${headingPath.join(' > ')}\n\n`);
    // However long its headings are, a chunk keeps room for text of its own.
    const room = Math.max(settings.maxTokens - headingTokens, Math.ceil(settings.maxTokens / 2));
    const pieces = elements.flatMap((element) => piecesOf(element, room, settings));
    for (const packed of pack(withGaps(pieces, document.text, settings), room)) {
      const start = packed[0]!.start;
      const end = packed[packed.length - 1]!.end;
      const text = document.text.slice(start, end);
      if (text.trim() === '') continue;
      const chunk = { ordinal: chunks.length, text, start, end, headingPath, page: packed[0]!.page };
      chunks.push({ ...chunk, tokenCount: settings.countTokens(embeddingText(chunk)) });
    }
  }
  return chunks;
}

/** Consecutive elements under one heading. The heading's own text opens its section. */
function sectionsOf(elements: readonly Element[]): Section[] {
  const sections: Section[] = [];
  let path: { readonly level: number; readonly text: string }[] = [];
  let current: Section = { headingPath: [], elements: [] };
  for (const element of elements) {
    if (element.kind === 'heading' || element.kind === 'title') {
      const level = element.kind === 'title' ? 0 : (element.level ?? 1);
      if (current.elements.some(({ kind }) => kind !== 'heading' && kind !== 'title')) {
        sections.push(current);
        current = { headingPath: [], elements: [] };
      }
      path = [...path.filter((above) => above.level < level), { level, text: oneLine(element.text) }];
      current = { headingPath: path.map(({ text }) => text), elements: current.elements };
    }
    current.elements.push(element);
  }
  if (current.elements.length > 0) sections.push(current);
  return sections;
}

/** The longest heading that is repeated above every chunk of its section. */
const MAX_HEADING_CHARACTERS = 200;

function oneLine(text: string): string {
  return text.replace(/\s+/gu, ' ').trim().slice(0, MAX_HEADING_CHARACTERS);
}

/** What stands between two pieces comes into the chunk with the second, and counts there. */
function withGaps(pieces: readonly Piece[], text: string, { countTokens }: StructureSettings): Piece[] {
  return pieces.map((piece, index) => {
    const before = pieces[index - 1];
    return before === undefined
      ? piece
      : { ...piece, tokens: piece.tokens + countTokens(text.slice(before.end, piece.start)) };
  });
}

/** Packs pieces in order, evenly: a section a little over the limit gives two halves, not one full chunk and a crumb. */
function pack(pieces: readonly Piece[], room: number): Piece[][] {
  const total = pieces.reduce((sum, { tokens }) => sum + tokens, 0);
  const target = total / Math.max(1, Math.ceil(total / room));
  const packed: Piece[][] = [];
  let current: Piece[] = [];
  let tokens = 0;
  for (const piece of pieces) {
    const isFull = tokens + piece.tokens > room || (tokens >= target && tokens > 0);
    if (current.length > 0 && isFull) {
      packed.push(current);
      current = [];
      tokens = 0;
    }
    current.push(piece);
    tokens += piece.tokens;
  }
  if (current.length > 0) packed.push(current);
  return packed;
}

/** An element as it is where it fits, else its sentences, and of a sentence that is too long runs of its words. */
function piecesOf(element: Element, room: number, { countTokens }: StructureSettings): Piece[] {
  const page = element.page ?? null;
  const whole = { start: element.start, end: element.end, page, tokens: countTokens(element.text) };
  if (whole.tokens <= room) return [whole];
  const pieces: Piece[] = [];
  for (const sentence of sentencesOf(element.text)) {
    const tokens = countTokens(sentence.text);
    const parts = tokens <= room ? [sentence] : wordRuns(sentence, room, countTokens);
    for (const { text, start } of parts) {
      const from = element.start + start;
      pieces.push({
        start: from,
        end: from + text.length,
        page,
        tokens: parts.length === 1 ? tokens : countTokens(text),
      });
    }
  }
  return pieces;
}

interface Span {
  readonly text: string;
  readonly start: number;
}

/** The segmenter is slow on one huge text, so long ones are handed to it in slices that end at white space. */
const SEGMENTER_CHARACTERS = 20_000;

function* sentencesOf(text: string): Generator<Span> {
  const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
  let start = 0;
  for (const slice of slicesAtSpaces(text, SEGMENTER_CHARACTERS)) {
    for (const { segment, index } of segmenter.segment(slice.text)) {
      const end = slice.start + index + segment.length;
      if (isInsideWord(text, end)) continue;
      yield { text: text.slice(start, end), start };
      start = end;
    }
  }
}

/** The first character of the scripts whose sentences follow each other without a blank. */
const FIRST_UNSPACED = 0x2e80;

/** To the segmenter the question mark of an address ends a sentence, whatever follows it. */
function isInsideWord(text: string, offset: number): boolean {
  return /^\S\S$/.test(text.slice(offset - 1, offset + 1)) && text.charCodeAt(offset - 1) < FIRST_UNSPACED;
}

function* slicesAtSpaces(text: string, length: number): Generator<Span> {
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + length, text.length);
    if (end < text.length) {
      const space = text.lastIndexOf(' ', end);
      end = space > start ? space + 1 : wholeCharacter(text, end);
    }
    yield { text: text.slice(start, end), start };
    start = end;
  }
}

/** The most characters of a word that is kept whole. What is longer is no word a person would miss: it is cut. */
const MAX_WORD_CHARACTERS = 1_000;

function wordRuns(sentence: Span, room: number, countTokens: (text: string) => number): Span[] {
  const runs: Span[] = [];
  let from = 0;
  let tokens = 0;
  const words = [...sentence.text.matchAll(/\S+\s*|\s+/gu)].flatMap(({ 0: text, index }) =>
    [...slicesAtSpaces(text, MAX_WORD_CHARACTERS)].map((part) => ({ text: part.text, start: index + part.start })),
  );
  for (const word of words) {
    const wordTokens = countTokens(word.text);
    if (tokens + wordTokens > room && word.start > from) {
      runs.push({ text: sentence.text.slice(from, word.start), start: sentence.start + from });
      from = word.start;
      tokens = 0;
    }
    tokens += wordTokens;
  }
  runs.push({ text: sentence.text.slice(from), start: sentence.start + from });
  return runs;
}

/** The offset, or one less where it would cut a surrogate pair. */
function wholeCharacter(text: string, offset: number): number {
  const code = text.charCodeAt(offset - 1);
  return code >= 0xd800 && code <= 0xdbff ? offset - 1 : offset;
}
