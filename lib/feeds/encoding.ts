import { TextDecoder } from 'node:util';

/** The bytes of a text as UTF-8: those of UTF-16, as spreadsheets and some shells write it, are written anew; others are handed on. */
export async function* asUtf8(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Uint8Array = new Uint8Array();
  let decoder: TextDecoder | null = null;
  let isKnown = false;
  for await (const chunk of chunks) {
    if (isKnown) {
      yield recoded(decoder, chunk);
      continue;
    }
    // A copy: whoever gave the chunk may use its memory again.
    head = Buffer.concat([head, chunk]);
    if (head.length < SEEN_BYTES) continue;
    isKnown = true;
    decoder = decoderOf(head);
    yield recoded(decoder, head);
  }
  if (!isKnown) {
    decoder = decoderOf(head);
    yield recoded(decoder, head);
  }
  if (decoder !== null) yield Buffer.from(decoder.decode());
}

const SEEN_BYTES = 2;

function recoded(decoder: TextDecoder | null, bytes: Uint8Array): Uint8Array {
  return decoder === null ? bytes : Buffer.from(decoder.decode(bytes, { stream: true }));
}

/** By the byte order mark, or by the zero that is a half of every first character of a feed. */
function decoderOf([first, second]: Uint8Array): TextDecoder | null {
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return new TextDecoder('utf-16le');
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== undefined)) return new TextDecoder('utf-16be');
  return null;
}
