/** How many characters must agree before two texts count as in step again. */
const RESYNC_CHARACTERS = 12;
/** How far ahead the original is searched for the place where they are. */
const LOOKAHEAD_CHARACTERS = 2_000;

/**
 * Where the characters of a parsed text stand in the original: parsing drops marks and tags and evens out white space.
 *
 * @returns for each offset of `parsed` the offset in `original` in code points, as Python counts.
 */
export function originalOffsets(parsed: string, original: string): Uint32Array {
  const kept = withoutBlanks(original);
  const codePoints = codePointOffsets(original);
  const offsets = new Uint32Array(parsed.length);
  let at = 0;
  for (let index = 0; index < parsed.length; index += 1) {
    if (isBlank(parsed[index]!)) {
      offsets[index] = codePoints[kept.offsets[at] ?? original.length]!;
      continue;
    }
    if (kept.text[at] !== parsed[index])
      at = resynced(withoutBlanks(parsed.slice(index, index + 200)).text, kept.text, at);
    offsets[index] = codePoints[kept.offsets[at] ?? original.length]!;
    if (kept.text[at] === parsed[index]) at += 1;
  }
  return offsets;
}

/** The next place in the original where the rest of the parsed text goes on; the same place when there is none near. */
function resynced(rest: string, original: string, from: number): number {
  const wanted = rest.slice(0, RESYNC_CHARACTERS);
  const found = original.slice(from, from + LOOKAHEAD_CHARACTERS).indexOf(wanted);
  return found < 0 ? from : from + found;
}

function withoutBlanks(text: string): { readonly text: string; readonly offsets: readonly number[] } {
  const offsets: number[] = [];
  let kept = '';
  for (let index = 0; index < text.length; index += 1) {
    if (isBlank(text[index]!)) continue;
    kept += text[index];
    offsets.push(index);
  }
  return { text: kept, offsets };
}

function isBlank(character: string): boolean {
  return /\s/u.test(character);
}

/** For each UTF-16 offset, how many code points stand before it. */
function codePointOffsets(text: string): Uint32Array {
  const offsets = new Uint32Array(text.length + 1);
  let count = 0;
  for (let index = 0; index < text.length; index += 1) {
    offsets[index] = count;
    const code = text.charCodeAt(index);
    // The second half of a pair has been counted with the first.
    if (code < 0xd800 || code > 0xdbff) count += 1;
  }
  offsets[text.length] = count;
  return offsets;
}
