import { sha256 } from '../../contracts/identity.ts';
import { FOLDED, SEPARATORS } from './postgres-word-table.ts';

// The words of a text as the embedded memory's full text has them, so that both find the same. PostgreSQL's own parser cuts
// otherwise: it knows hosts, numbers with signs and hyphenated words.

/** PostgreSQL takes no longer word (2,046 bytes): of one that long its beginning stays, and a digest tells it from others. */
const MAX_WORD_CHARACTERS = 500;
const BEGINNING_CHARACTERS = 200;

/** What PostgreSQL keeps of a tsvector. Source: https://www.postgresql.org/docs/15/textsearch-limitations.html */
const LAST_POSITION = 16_383;
const MAX_POSITIONS = 255;
/** It holds less than 1 MB of words and positions; what comes after that much is not indexed. */
const MAX_VECTOR_BYTES = 900_000;
const POSITION_BYTES = 2;
const WORD_BYTES = 6;

const ASCII_ONLY = /^[\0-\x7f]*$/;
const BEYOND_ASCII = /[^\0-\x7f]/gu;
const ASCII_CAPITALS = /[A-Z]+/g;
/** Beyond ASCII nothing but words and blanks is left by then. */
const WORD = /[^\0-/:-`{-\x7f]+/g;

/** Cuts texts into words. What it has learned of a character is kept, so one is made for many texts. */
export class WordCutter {
  readonly #separators = separatorRanges();
  readonly #folded = foldedCharacters();
  readonly #known = new Map<string, string>();

  /** The words of a text in their order, without case and accents. */
  cut(text: string): string[] {
    const folded = ASCII_ONLY.test(text) ? text : text.replace(BEYOND_ASCII, (character) => this.#fold(character));
    const lower = folded.replace(ASCII_CAPITALS, (capitals) => capitals.toLowerCase());
    return lower.match(WORD)?.map(bounded) ?? [];
  }

  #fold(character: string): string {
    let folded = this.#known.get(character);
    if (folded === undefined) {
      const code = character.codePointAt(0)!;
      folded = this.#isSeparator(code) ? ' ' : (this.#folded.get(code) ?? character);
      this.#known.set(character, folded);
    }
    return folded;
  }

  #isSeparator(code: number): boolean {
    let [low, high] = [0, this.#separators.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const [first, last] = this.#separators[middle]!;
      if (code < first) high = middle - 1;
      else if (code > last) low = middle + 1;
      else return true;
    }
    return false;
  }
}

/** What full text keeps of a chunk. */
export interface IndexedText {
  /** As PostgreSQL reads a `tsvector`; the heading's words have the weight A. */
  readonly vector: string;
  /** All words, also those that the vector has no room for. */
  readonly wordCount: number;
}

/** The words of a chunk with their places. Between heading and text one place is empty: no phrase goes across. */
export function indexedText(cutter: WordCutter, heading: string, text: string): IndexedText {
  const headingWords = cutter.cut(heading);
  const textWords = cutter.cut(text);
  const places = new Map<string, string[]>();
  let bytes = 0;
  const add = (word: string, position: number, weight: string) => {
    let own = places.get(word);
    if (own === undefined) {
      bytes += Buffer.byteLength(word) + WORD_BYTES;
      if (bytes > MAX_VECTOR_BYTES) return;
      own = [];
      places.set(word, own);
    }
    if (own.length === MAX_POSITIONS || bytes > MAX_VECTOR_BYTES) return;
    bytes += POSITION_BYTES;
    own.push(`${Math.min(position, LAST_POSITION)}${weight}`);
  };
  for (const [index, word] of headingWords.entries()) add(word, index + 1, 'A');
  for (const [index, word] of textWords.entries()) add(word, headingWords.length + index + 2, '');
  const vector = Array.from(places, ([word, own]) => `'${word}':${own.join(',')}`).join(' ');
  return { vector, wordCount: headingWords.length + textWords.length };
}

function bounded(word: string): string {
  if (word.length <= MAX_WORD_CHARACTERS) return word;
  return `${word.slice(0, BEGINNING_CHARACTERS).toWellFormed()}${sha256(word)}`;
}

function separatorRanges(): (readonly [first: number, last: number])[] {
  let end = 127;
  return numbersOf(SEPARATORS).map(([gap = 1, more = 0]) => {
    const first = end + gap;
    end = first + more;
    return [first, end] as const;
  });
}

function foldedCharacters(): Map<number, string> {
  const folded = new Map<number, string>();
  let end = 127;
  for (const [gap = 1, target = 0, count = 1, step = 1, targetStep = step] of numbersOf(FOLDED)) {
    const first = end + gap;
    for (let index = 0; index < count; index += 1) {
      end = first + index * step;
      const becomes = target + index * targetStep;
      folded.set(end, becomes === 0 ? '' : String.fromCodePoint(becomes));
    }
  }
  return folded;
}

/** The entries of a table, each as its numbers. */
function numbersOf(table: string): number[][] {
  return table
    .trim()
    .split(/\s+/)
    .map((entry) => entry.split('.').map((digits) => Number.parseInt(digits, 36)));
}
