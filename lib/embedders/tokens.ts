/** Characters of a word that count as one token. Source: OpenAI's help pages put English at about four characters a token. */
const TOKEN_CHARACTERS = 6;

/**
 * Tokens of a text, counted by words: one for every begun six characters of a word, one for each other sign, and one for each
 * character of scripts that are written without blanks. Linear, and near enough to size chunks by.
 */
export function countWordTokens(text: string): number {
  let tokens = 0;
  let wordLength = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (isBlank(code)) {
      wordLength = 0;
    } else if (code >= 0x2e80 && code <= 0xd7ff) {
      tokens += 1;
      wordLength = 0;
    } else {
      if (wordLength % TOKEN_CHARACTERS === 0) tokens += 1;
      wordLength += 1;
    }
  }
  return tokens;
}

function isBlank(code: number): boolean {
  return code <= 0x20 || code === 0xa0 || (code >= 0x2000 && code <= 0x200a) || code === 0x3000;
}
