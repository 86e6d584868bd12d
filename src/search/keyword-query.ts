/** Words of a query that are looked for; the rest of a very long one is left out. */
const MAX_WORDS = 64;

/** A longer word is looked for by its first characters too: it may be bent or compounded otherwise. Measured, see `bench/results`. */
const BEGINNING_CHARACTERS = 5;

/**
 * The full-text expression for a text: its words, each quoted, any of which may match. Empty when it holds no word.
 *
 * A word stands twice and its beginning once, because each occurrence in the expression counts in the ranking: the word as it is
 * counts double. Beginnings serve any language that bends words at the end, where a stemmer would serve one.
 * Only letters and digits come through, so nothing in the text can act as an operator.
 */
export function keywordQuery(text: string): string {
  const words = new Set(
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [],
  );
  const wanted = [...words].slice(0, MAX_WORDS);
  const beginnings = new Set(wanted.flatMap(beginningOf));
  return [
    ...wanted.flatMap((word) => [`"${word}"`, `"${word}"`]),
    ...[...beginnings].map((part) => `"${part}" *`),
  ].join(' OR ');
}

function beginningOf(word: string): string[] {
  const characters = [...word];
  return characters.length > BEGINNING_CHARACTERS ? [characters.slice(0, BEGINNING_CHARACTERS).join('')] : [];
}
