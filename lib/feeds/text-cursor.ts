import { ByteWindow } from './byte-window.ts';

/** A place in a text: line and column from 1, the column in UTF-16 units. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** The place behind a text that begins at `place`. */
export function placeAfter({ line, column }: TextPlace, text: string): TextPlace {
  const last = text.lastIndexOf('\n');
  if (last === -1) return { line, column: column + text.length };
  let lines = 1;
  for (let at = text.indexOf('\n'); at !== last; at = text.indexOf('\n', at + 1)) lines += 1;
  return { line: line + lines, column: text.length - last };
}

const LINE_FEED = 0x0a;
/** U+FEFF in UTF-8, which editors and shells put before a text. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** Reads the bytes of a stream from one place to the next, and knows which line it is in. */
export class TextCursor extends ByteWindow {
  #line: number;
  #column: number;

  constructor({ line, column }: TextPlace) {
    super();
    this.#line = line;
    this.#column = column;
  }

  /** Where the first byte held stands. */
  get place(): TextPlace {
    return { line: this.#line, column: this.#column };
  }

  /** The first bytes as text, and goes behind them. */
  take(length: number): string {
    const text = this.text(length);
    if (text.includes('\n')) this.#goTo(placeAfter(this.place, text));
    else this.#column += text.length;
    this.drop(length);
    return text;
  }

  #goTo({ line, column }: TextPlace): void {
    this.#line = line;
    this.#column = column;
  }

  /** Goes behind the first bytes without making a text of them: there may be any number of them, and a character may be cut in two. */
  pass(length: number): void {
    const { bytes, start } = this;
    let { line, column } = this.place;
    for (let at = start; at < start + length; at += 1) {
      const byte = bytes[at]!;
      if (byte === LINE_FEED) {
        line += 1;
        column = 1;
      } else if (byte >> 6 !== 0b10) {
        // The first byte of a character tells its units; those that follow it count nothing.
        column += byte >= 0xf0 ? 2 : 1;
      }
    }
    this.#goTo({ line, column });
    this.drop(length);
  }

  /** Goes behind spaces, line ends, and byte order marks at the beginning of lines; gives the next byte, or -1 when none is there yet. */
  passSpace(isEnd: boolean): number {
    let length = 0;
    while (isSpace(this.at(length))) length += 1;
    if (length > 0) this.pass(length);
    const byte = this.at(0);
    if (byte !== BYTE_ORDER_MARK[0] || this.#column > 1) return byte;
    if (this.length < BYTE_ORDER_MARK.length && !isEnd) return -1;
    return this.passMark() ? this.passSpace(isEnd) : byte;
  }

  /** Goes behind a byte order mark; says whether there was one. */
  passMark(): boolean {
    if (!BYTE_ORDER_MARK.every((mark, index) => this.at(index) === mark)) return false;
    this.drop(BYTE_ORDER_MARK.length);
    return true;
  }
}

/** Whether JSON has a byte between values. */
export function isSpace(byte: number): boolean {
  return byte === LINE_FEED || byte === 0x20 || byte === 0x0d || byte === 0x09;
}
