/** The bytes of a stream that are read but not yet taken: they lie together, whatever the chunks were. */
export class ByteWindow {
  #bytes = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /** How many bytes are held. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** A copy of the chunk is held, so that whoever gave it may use its memory again. */
  append(chunk: Uint8Array): void {
    const needed = this.length + chunk.length;
    if (this.#end + chunk.length > this.#bytes.length) {
      // Doubling keeps a long record, which comes in many chunks, from being copied once for each of them.
      const room = needed > this.#bytes.length ? Buffer.allocUnsafe(2 * needed) : this.#bytes;
      this.#bytes.copy(room, 0, this.#start, this.#end);
      this.#bytes = room;
      this.#end -= this.#start;
      this.#start = 0;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The byte at a place counted from the first one held; -1 behind the last. */
  at(index: number): number {
    return index < this.length ? this.#bytes[this.#start + index]! : -1;
  }

  /** The memory that holds them, between `start` and `end`: until the next `append`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** How far the next line feed is from the first byte held, or -1. */
  lineEnd(): number {
    return this.#bytes.subarray(this.#start, this.#end).indexOf(0x0a);
  }

  /** The first bytes as text, which is well-formed whatever they are. */
  text(length: number): string {
    return this.#bytes.toString('utf8', this.#start, this.#start + length);
  }

  /** Lets go of the first bytes. */
  drop(length: number): void {
    this.#start += length;
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }
}
