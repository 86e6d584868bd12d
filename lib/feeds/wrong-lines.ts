import { MAX_KEPT_RAW } from '../contracts/feed.ts';
import { foundAt } from './json-trouble.ts';
import type { Piece } from './piece.ts';
import type { TextCursor, TextPlace } from './text-cursor.ts';

const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;

interface WrongOptions {
  /** How many bytes at the cursor are in order: behind them it is wrong. */
  readonly length: number;
  /** What should stand there. */
  readonly expected: string;
  /** Of a longer line only the beginning is kept. */
  readonly maxLineBytes: number;
}

/** Passes over what is neither a value nor in its place, from the cursor to the end of a line. */
export class WrongLines {
  readonly #cursor: TextCursor;
  readonly #options: WrongOptions;
  readonly #at: TextPlace;
  readonly #wrongAt: TextPlace;
  /** Where in the text it is wrong. */
  readonly #offset: number;
  #text: string;
  #isLineRead = false;
  /** Whether the line's beginning is kept, and its rest let go as it comes. */
  #isLong = false;

  constructor(cursor: TextCursor, options: WrongOptions) {
    this.#cursor = cursor;
    this.#options = options;
    this.#at = cursor.place;
    this.#text = cursor.take(options.length);
    this.#wrongAt = cursor.place;
    this.#offset = this.#text.length;
  }

  /** The piece when it is whole, else null: of one line where values have a line each, else up to one that a value may begin. */
  read(isEnd: boolean, isAmongLines: boolean): Piece | null {
    while (this.#isLineRead || this.#readLine(isEnd)) {
      if (isAmongLines) return this.#piece();
      const byte = this.#cursor.passSpace(isEnd);
      if (byte === -1 && !isEnd) return null;
      if (byte === -1 || byte === OPEN_OBJECT || byte === OPEN_LIST) return this.#piece();
      this.#isLineRead = false;
    }
    return null;
  }

  /** Whether the line's end is reached. */
  #readLine(isEnd: boolean): boolean {
    const end = this.#cursor.lineEnd();
    const length = end === -1 ? this.#cursor.length : end;
    const { maxLineBytes } = this.#options;
    if (end === -1 && !isEnd && !this.#isLong && length <= maxLineBytes) return false;
    if (!this.#isLong) this.#keep(length > maxLineBytes ? Math.min(maxLineBytes, MAX_KEPT_RAW) : length);
    this.#cursor.pass(length);
    this.#isLineRead = end !== -1 || isEnd;
    this.#isLong = !this.#isLineRead;
    return this.#isLineRead;
  }

  #keep(length: number): void {
    if (this.#text.length > this.#offset + MAX_KEPT_RAW) return;
    const separator = this.#text.length > this.#offset ? '\n' : '';
    this.#text += separator + this.#cursor.text(length);
  }

  #piece(): Piece {
    const reason = `expected ${this.#options.expected}, found ${foundAt(this.#text, this.#offset)}`;
    const text = this.#text.trimEnd();
    return { kind: 'wrong', place: `line ${this.#at.line}`, at: this.#at, wrongAt: this.#wrongAt, text, reason };
  }
}
