import { MAX_KEPT_RAW } from '../contracts/feed.ts';
import { findTrouble, foundAt } from './json-trouble.ts';
import type { Piece } from './piece.ts';
import { isJson } from './record.ts';
import { isSpace, TextCursor, type TextPlace } from './text-cursor.ts';
import { ValueScanner } from './value-scanner.ts';
import { WrongLines } from './wrong-lines.ts';

export interface SplitOptions {
  /** Of a value that is no element of a list. */
  readonly maxValueBytes: number;
  readonly maxElementBytes: number;
  /** Where the text itself stands, when it is not the whole input: with `data` an element's place is `data[4]`. */
  readonly prefix: string;
  /** Where the text begins. */
  readonly start: TextPlace;
}

const LINE_FEED = 0x0a;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Spaces behind a value that are waited for, to see that nothing else is in its line. */
const MAX_SPACE = 65_536;

/** How much of one list is read again at most, in elements of the largest size, because broken ones had swallowed others. */
const MAX_READ_AGAIN = 64;
/** What the next element looks like behind one that has no end. */
const NEXT_ELEMENT = /,[ \t\r\n]*(?=\{[ \t\r\n]*")/g;

/** No step can be taken before more bytes come. */
const WAIT = 'wait';
type Step = Piece | null | typeof WAIT;

/** A list whose elements are being read. */
interface OpenList {
  readonly place: string;
  readonly at: TextPlace;
  index: number;
  expected: 'element or ]' | 'element' | ', or ]';
  /** Bytes of elements that were given up, and read again. */
  readAgain: number;
}

/**
 * Cuts a text into the JSON values that it lines up: elements of a list, values with a line each, or values one behind the other.
 * Only the value that is being read is held, and of one that is too large not even that.
 *
 * Nothing stops it. What is broken is a piece by itself, and reading goes on with what follows: in a list with the next element,
 * elsewhere with the next line that an object or a list begins.
 */
export class JsonSplitter {
  readonly #options: SplitOptions;
  readonly #cursor: TextCursor;
  readonly #scanner = new ValueScanner();
  #state: 'between' | 'value' | 'behind' | 'wrong' = 'between';
  #list: OpenList | null = null;
  #wrong: WrongLines | null = null;
  /** Whether a value had a line to itself: then every line is taken as a text of its own. */
  #isAmongLines = false;
  #isFirst = true;
  /** How much of the value at the cursor is scanned. */
  #scanned = 0;
  /** Whether the value is too large, and let go as it comes. */
  #isPassed = false;

  constructor(options: SplitOptions) {
    this.#options = options;
    this.#cursor = new TextCursor(options.start);
  }

  push(chunk: Uint8Array): void {
    this.#cursor.append(chunk);
  }

  /** The next piece that is whole, or null when none is; with `isEnd` there come no more bytes. */
  next(isEnd: boolean): Piece | null {
    for (;;) {
      const step = this.#step(isEnd);
      if (step === WAIT) return null;
      if (step !== null) return step;
    }
  }

  #step(isEnd: boolean): Step {
    if (this.#state === 'value') return this.#readValue(isEnd);
    if (this.#state === 'behind') return this.#readLineEnd(isEnd);
    if (this.#state === 'wrong') return this.#readWrong(isEnd);
    return this.#list === null ? this.#begin(isEnd) : this.#beginElement(this.#list, isEnd);
  }

  #begin(isEnd: boolean): Step {
    const byte = this.#cursor.passSpace(isEnd);
    if (byte === -1) return WAIT;
    if (byte === OPEN_LIST && !this.#isAmongLines) return this.#openList();
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) return this.#beginValue(false);
    return this.#beginWrong(0, 'an object or an array');
  }

  #openList(): null {
    const at = this.#cursor.place;
    const before = this.#isFirst ? '' : `line ${at.line}`;
    this.#list = { place: this.#options.prefix || before, at, index: 0, expected: 'element or ]', readAgain: 0 };
    this.#isFirst = false;
    this.#cursor.pass(1);
    return null;
  }

  #beginElement(list: OpenList, isEnd: boolean): Step {
    const byte = this.#cursor.passSpace(isEnd);
    if (byte === -1) return isEnd ? this.#abandon(list) : WAIT;
    if (byte === CLOSE_LIST) return this.#closeList(list, isEnd);
    if (byte === COMMA || byte === CLOSE_OBJECT) {
      const isInPlace = byte === COMMA && list.expected === ', or ]';
      const piece = isInPlace ? null : this.#misplaced(list, list.expected === ', or ]' ? list.expected : 'an object');
      this.#cursor.pass(1);
      if (byte === COMMA) list.expected = isInPlace ? 'element' : 'element or ]';
      return piece;
    }
    const isScalar = byte !== OPEN_OBJECT && byte !== OPEN_LIST;
    const isMisplaced = list.expected === ', or ]';
    list.expected = 'element';
    // What is no value either is told of once, as the element that it is taken for.
    if (isMisplaced && !isScalar) return this.#misplaced(list, ', or ]');
    return this.#beginValue(isScalar);
  }

  /** A list goes on behind a bracket that a comma or a bracket follows: it is left over from a broken element. */
  #closeList(list: OpenList, isEnd: boolean): Step {
    let next = 1;
    while (isSpace(this.#cursor.at(next)) && next < MAX_SPACE) next += 1;
    const byte = this.#cursor.at(next);
    if (byte === -1 && !isEnd) return WAIT;
    const isLeftOver = byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_OBJECT;
    const piece =
      isLeftOver || list.expected === 'element' ? this.#misplaced(list, isLeftOver ? ', or ]' : 'an object') : null;
    this.#cursor.pass(1);
    if (isLeftOver) list.expected = ', or ]';
    else this.#list = null;
    return piece;
  }

  /** A list that the text ends in is told of even when its last element is whole: what follows it is missing. */
  #abandon(list: OpenList): Piece {
    this.#list = null;
    const reason = 'expected , or ] at the end of the array, found the end of the text';
    const { place: wrongAt } = this.#cursor;
    return { kind: 'wrong', place: list.place || `line ${list.at.line}`, at: list.at, wrongAt, text: '', reason };
  }

  #misplaced(list: OpenList, expected: string): Piece {
    const { place: at } = this.#cursor;
    const text = this.#cursor.text(1);
    const reason = `expected ${expected}, found ${foundAt(text, 0)}`;
    return { kind: 'wrong', place: `${list.place}[${list.index}]`, at, wrongAt: at, text, reason };
  }

  #beginValue(isScalar: boolean): null {
    this.#state = 'value';
    this.#scanned = 0;
    this.#isPassed = false;
    this.#scanner.begin({ isScalar, isCutByLines: this.#list === null, isAmongLines: this.#isAmongLines });
    return null;
  }

  #readValue(isEnd: boolean): Step {
    const { bytes, start, end } = this.#cursor;
    const stop = this.#scanner.run(bytes, start + this.#scanned, end);
    this.#scanned = this.#scanner.at - start;
    const isEndless = (stop === 'more' && isEnd) || this.#scanned > this.#options.maxElementBytes;
    if (this.#list !== null && !this.#isPassed && (isEndless || (stop === 'end' && this.#scanner.isGuessed))) {
      const part = this.#giveUp(this.#list, isEndless);
      if (part !== null) return part;
    }
    const piece = this.#isPassed ? null : this.#tooLarge();
    if (this.#isPassed) {
      this.#cursor.pass(this.#scanned);
      this.#scanned = 0;
    }
    if (stop === 'more' && !isEnd) return piece ?? WAIT;
    if (this.#isPassed) {
      this.#endValue();
      return piece;
    }
    if (this.#list !== null || stop !== 'end') return this.#takeValue();
    this.#state = 'behind';
    return null;
  }

  /**
   * For want of a quote or a bracket an element has swallowed its neighbours: it ends with theirs, or not at all. It is cut where the
   * next one may begin; inside an object or a list with an end of its own that is so only if all that is cut off are elements.
   */
  #giveUp(list: OpenList, isEndless: boolean): Piece | null {
    const { maxElementBytes } = this.#options;
    if (list.readAgain > MAX_READ_AGAIN * maxElementBytes) return null;
    const length = Math.min(this.#scanned, maxElementBytes);
    const text = this.#cursor.text(length);
    const trouble = findTrouble(text);
    if (trouble?.kind !== 'syntax') return null;
    NEXT_ELEMENT.lastIndex = trouble.before;
    const comma = NEXT_ELEMENT.exec(text)?.index;
    const isFree = isEndless || !/^[[{]/.test(text);
    if (comma === undefined || !(isFree || isJson(`[${text.slice(comma + 1)}]`, this.#scanner))) return null;
    list.readAgain += length;
    this.#scanned = Buffer.byteLength(text.slice(0, comma));
    return this.#takeValue();
  }

  #tooLarge(): Piece | null {
    const isElement = this.#list !== null;
    const maxBytes = isElement ? this.#options.maxElementBytes : this.#options.maxValueBytes;
    if (this.#scanned <= maxBytes) return null;
    this.#isPassed = true;
    const text = this.#cursor.text(Math.min(maxBytes, MAX_KEPT_RAW));
    return { kind: 'tooLarge', place: this.#placeOfValue(), at: this.#cursor.place, text, maxBytes, isElement };
  }

  /** Behind a value comes the end of its line or another value; with anything else the line is no JSON. */
  #readLineEnd(isEnd: boolean): Step {
    const maxEnd = this.#scanned + MAX_SPACE;
    let end = this.#scanned;
    while (isLineSpace(this.#cursor.at(end)) && end < maxEnd) end += 1;
    const byte = this.#cursor.at(end);
    if (byte === -1 && !isEnd) return WAIT;
    if (byte === LINE_FEED || byte === -1) this.#isAmongLines ||= !this.#scanner.hasLines;
    else if (byte !== OPEN_OBJECT && byte !== OPEN_LIST && !isLineSpace(byte))
      return this.#beginWrong(end, 'the end of the line or another object');
    return this.#takeValue();
  }

  #takeValue(): Piece {
    const { pairs, deepest } = this.#scanner;
    const facts = { pairs, deepest };
    const place = this.#placeOfValue();
    const isElement = this.#list !== null;
    const { place: at } = this.#cursor;
    // One that was given up took the line's end, too.
    const text = this.#cursor.take(this.#scanned).trimEnd();
    this.#endValue();
    return { kind: 'value', place, at, text, facts, isElement };
  }

  #endValue(): void {
    this.#state = 'between';
    this.#isFirst = false;
    if (this.#list === null) return;
    this.#list.index += 1;
    this.#list.expected = ', or ]';
  }

  #placeOfValue(): string {
    if (this.#list !== null) return `${this.#list.place}[${this.#list.index}]`;
    return this.#options.prefix || `line ${this.#cursor.place.line}`;
  }

  /** What is at the cursor is wrong behind its first bytes. */
  #beginWrong(length: number, expected: string): null {
    this.#wrong = new WrongLines(this.#cursor, { length, expected, maxLineBytes: this.#options.maxValueBytes });
    this.#state = 'wrong';
    return null;
  }

  #readWrong(isEnd: boolean): Step {
    const piece = this.#wrong!.read(isEnd, this.#isAmongLines);
    if (piece === null) return WAIT;
    this.#state = 'between';
    this.#isFirst = false;
    return piece;
  }
}

function isLineSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}
