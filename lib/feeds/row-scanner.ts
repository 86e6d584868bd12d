/** Why a scanner stopped: at the line feed that ends the row; at a quoted value that goes on behind its closing quote; for want of bytes. */
export type RowStop = 'end' | 'broken' | 'more';

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;

/** Finds where a table's row ends: at a line feed that is not in a quoted value. Only a quote at a value's beginning opens one. */
export class RowScanner {
  /** Where the last run stopped. */
  at = 0;
  readonly #delimiter: number;
  #state: 'start' | 'plain' | 'quoted' | 'closed' = 'start';

  /** @param delimiter one ASCII character. */
  constructor(delimiter: string) {
    this.#delimiter = delimiter.charCodeAt(0);
  }

  /** Whether the row ends here only if its quoted value may be left open. */
  get isQuoted(): boolean {
    return this.#state === 'quoted';
  }

  begin(): void {
    this.#state = 'start';
  }

  run(bytes: Uint8Array, from: number, to: number): RowStop {
    for (let at = from; at < to; at += 1) {
      const byte = bytes[at]!;
      if (this.#state === 'quoted') {
        if (byte === QUOTE) this.#state = 'closed';
      } else if (byte === LINE_FEED) {
        this.at = at;
        return 'end';
      } else if (byte === this.#delimiter) this.#state = 'start';
      else if (byte === QUOTE && this.#state !== 'plain') this.#state = 'quoted';
      else if (byte !== RETURN && this.#state === 'closed') {
        this.at = at;
        return 'broken';
      } else this.#state = 'plain';
    }
    this.at = to;
    return 'more';
  }
}
