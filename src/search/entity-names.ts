/** The longest name that is looked for, in words. */
const MAX_WORDS = 6;
/** Words of a query that are looked at; the rest of a very long one is left out. */
const MAX_QUERY_WORDS = 64;

/** Every run of one to six words of a text, as it is written: what an entity's name or key may be. Each once, longest first. */
export function entityNames(text: string): string[] {
  const words = text
    .normalize('NFKC')
    .split(/\s+/u)
    .map(trimmed)
    .filter((word) => word !== '')
    .slice(0, MAX_QUERY_WORDS);
  const names = new Set<string>();
  for (let length = Math.min(MAX_WORDS, words.length); length >= 1; length -= 1) {
    for (let from = 0; from + length <= words.length; from += 1) {
      const name = words.slice(from, from + length).join(' ');
      names.add(name);
      // A full stop may belong to the name (`Inc.`) or to the sentence.
      names.add(name.replace(/\.+$/, ''));
    }
  }
  return [...names];
}

function trimmed(word: string): string {
  return word.replace(/^[^\p{L}\p{N}+]+|[^\p{L}\p{N}.]+$/gu, '');
}
