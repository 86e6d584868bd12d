/** Words of a query that are looked for; the rest of a very long one is left out. */
const MAX_WORDS = 64;

/**
 * The full-text expression for a text: its words, each quoted, any of which may match. Empty when it holds no word.
 *
 * Only letters and digits come through, so nothing in the text can act as an operator.
 */
export function keywordQuery(text: string): string {
  const words = new Set(
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [],
  );
  return [...words]
    .slice(0, MAX_WORDS)
    .map((word) => `"${word}"`)
    .join(' OR ');
}
