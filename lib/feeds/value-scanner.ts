/** What is known of a value's text before it is parsed. */
export interface TextFacts {
  /** Names that have a value, in all its objects. */
  readonly pairs: number;
  /** How many objects and lists lie inside each other. */
  readonly deepest: number;
}

/** Why a scanner stopped: at the value's end; where a broken value is given up, so that the next one can be read; for want of bytes. */
export type Stop = 'end' | 'cut' | 'more';

export interface ScanOptions {
  /** Objects and lists end with their bracket; all else before a comma or a bracket that is not its own. */
  readonly isScalar: boolean;
  /** Whether an end of line may cut the value. */
  readonly isCutByLines: boolean;
  /** Whether values before it had a line each. */
  readonly isAmongLines: boolean;
}

const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const CLOSE_OBJECT = 0x7d;

/** What a byte outside of strings is. */
const OTHER = 0;
const SPACE = 1;
const LINE = 2;
const QUOTATION = 3;
const OPEN = 4;
const CLOSE = 5;
const COLON = 6;
const COMMA = 7;
const KINDS = kindsOf({
  ' \t\r': SPACE,
  '\n': LINE,
  '"': QUOTATION,
  '{[': OPEN,
  '}]': CLOSE,
  ':': COLON,
  ',': COMMA,
});

/** The bytes that end a run of plain ones in a string. */
const STRING_STOPS = kindsOf({ '"\\\n': 1 });

function kindsOf(characters: { readonly [characters: string]: number }): Uint8Array {
  const kinds = new Uint8Array(256).fill(OTHER);
  for (const [each, kind] of Object.entries(characters))
    for (const character of each) kinds[character.charCodeAt(0)] = kind;
  return kinds;
}

/** Brackets whose kind is remembered; what is nested deeper is rejected anyway, and only counted. */
const REMEMBERED = 256;

/**
 * Finds where a JSON value ends, byte by byte and over any number of calls, holding nothing of it.
 *
 * It does not judge: a value that is not JSON is found out when it is parsed. But it sees to it that a broken value costs as little
 * as can be of what follows: a quote where no string can begin is passed over, a bracket of the wrong kind closes all up to the one
 * it fits, and where values have lines a string never goes over a line's end. None of it concerns JSON.
 */
export class ValueScanner implements TextFacts {
  pairs = 0;
  deepest = 0;
  /** Whether the value goes over a line's end. */
  hasLines = false;
  /** Whether a quote or bracket stood where none can, and the value's end is a guess. */
  isGuessed = false;
  /** Where the last run stopped: the first byte that is not the value's. */
  at = 0;

  #options: ScanOptions = { isScalar: false, isCutByLines: false, isAmongLines: false };
  #depth = 0;
  readonly #closing = new Uint8Array(REMEMBERED);
  #isInString = false;
  #isEscaped = false;
  /** The kind of the last byte that is no space. */
  #previous = COMMA;
  #last = 0;
  #opensAlone = false;

  /** Forgets the value before. */
  begin(options: ScanOptions): void {
    this.#options = options;
    this.pairs = this.deepest = this.#depth = this.#last = 0;
    this.hasLines = this.isGuessed = false;
    this.#isInString = this.#isEscaped = this.#opensAlone = false;
    this.#previous = COMMA;
  }

  /** Goes on with the value's bytes from `from` to `to`. */
  run(bytes: Uint8Array, from: number, to: number): Stop {
    this.at = from;
    let stop: Stop | null = null;
    while (stop === null && this.at < to)
      stop = this.#isInString ? this.#readString(bytes, to) : this.#readStructure(bytes, from, to);
    if (this.at > from) this.#last = bytes[this.at - 1]!;
    return stop ?? 'more';
  }

  #readString(bytes: Uint8Array, to: number): Stop | null {
    let at = this.at;
    // An escaped line feed is none, and still ends the line.
    if (this.#isEscaped && bytes[at] !== LINE_FEED) at += 1;
    this.#isEscaped = false;
    for (; at < to; at += 1) {
      const byte = bytes[at]!;
      if (STRING_STOPS[byte] === 0) continue;
      if (byte === QUOTE) {
        this.#isInString = false;
        this.#previous = QUOTATION;
        this.at = at + 1;
        return null;
      }
      if (byte === BACKSLASH) {
        if (at + 1 === to) this.#isEscaped = true;
        else if (bytes[at + 1] !== LINE_FEED) at += 1;
      } else if (this.#options.isCutByLines) {
        this.at = at;
        return 'cut';
      }
    }
    this.at = at;
    return null;
  }

  /** Reads up to the next string. */
  #readStructure(bytes: Uint8Array, from: number, to: number): Stop | null {
    for (let at = this.at; at < to; at += 1) {
      const byte = bytes[at]!;
      const kind = KINDS[byte]!;
      if (kind === SPACE) continue;
      if (kind === LINE) {
        if (!this.hasLines) this.#opensAlone = this.#depth === 1 && this.#previous === OPEN;
        this.hasLines = true;
        continue;
      }
      // Digits and letters come first: they are most of what stands outside of strings.
      if (kind === OTHER) {
        this.#previous = OTHER;
        continue;
      }
      if (kind === OPEN || kind === CLOSE || kind === COMMA) {
        this.at = at;
        if (kind === OPEN && this.#isCutAt(at === from ? this.#last : bytes[at - 1]!)) return 'cut';
        if (this.#depth === 0 && this.#options.isScalar) return 'end';
      }
      if (kind === QUOTATION) {
        if (!this.#canStart()) {
          this.isGuessed = true;
          continue;
        }
        this.#isInString = true;
        this.at = at + 1;
        return null;
      }
      this.#previous = kind;
      if (kind === COLON) this.pairs += 1;
      else if (kind === OPEN) this.#open(byte);
      else if (kind === CLOSE) {
        const stop = this.#close(byte, at);
        if (stop !== null) return stop;
      }
    }
    this.at = to;
    return null;
  }

  /** Whether an opening bracket behind `before` begins another value: it has a line's first column, and could not stand here. */
  #isCutAt(before: number): boolean {
    const { isCutByLines, isAmongLines } = this.#options;
    if (before !== LINE_FEED || !isCutByLines || this.#depth === 0) return false;
    return !this.#canStart() || (isAmongLines && !this.#opensAlone);
  }

  /** Whether a value or a name may stand behind what was read. */
  #canStart(): boolean {
    return this.#previous === COLON || this.#previous === COMMA || this.#previous === OPEN;
  }

  #open(byte: number): void {
    if (this.#depth < REMEMBERED) this.#closing[this.#depth] = byte === OPEN_LIST ? CLOSE_LIST : CLOSE_OBJECT;
    this.#depth += 1;
    if (this.#depth > this.deepest) this.deepest = this.#depth;
  }

  #close(byte: number, at: number): Stop | null {
    let depth = this.#depth;
    if (depth <= REMEMBERED) while (depth > 0 && this.#closing[depth - 1] !== byte) depth -= 1;
    if (depth !== this.#depth) this.isGuessed = true;
    if (depth === 0) return null;
    this.#depth = depth - 1;
    this.at = at + 1;
    return depth === 1 && !this.#options.isScalar ? 'end' : null;
  }
}
