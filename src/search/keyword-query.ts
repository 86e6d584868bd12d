import type { KeywordTerm } from '../../lib/contracts/store.ts';

/** Words of a query that are looked for; the rest of a very long one is left out. */
const MAX_WORDS = 64;

/** A longer word is looked for by its first characters too: it may be bent or compounded otherwise. Measured, see `bench/results`. */
const BEGINNING_CHARACTERS = 5;

/**
 * What full text is asked for a text: its words, in lower case. None when it holds no word.
 *
 * The word as it is counts double, its beginning once: that serves any language that bends words at the end, where a stemmer would
 * serve one. Only letters and digits come through, so nothing in the text can act as an operator.
 */
export function keywordQuery(text: string): KeywordTerm[] {
  const words = new Set(
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [],
  );
  const wanted = [...words].slice(0, MAX_WORDS);
  const beginnings = new Set(wanted.flatMap(beginningOf));
  return [
    ...wanted.map((word) => ({ text: word, isBeginning: false, weight: 2 })),
    ...[...beginnings].map((part) => ({ text: part, isBeginning: true, weight: 1 })),
  ];
}

function beginningOf(word: string): string[] {
  const characters = [...word];
  return characters.length > BEGINNING_CHARACTERS ? [characters.slice(0, BEGINNING_CHARACTERS).join('')] : [];
}
