import { safeText, wrapped } from './text.ts';

interface PassageOptions {
  readonly width: number;
  readonly maxLines: number;
  /** How the words that were looked for are set off. */
  readonly mark: (word: string) => string;
}

/** Signs that the text goes on before and after what is shown; each takes these columns. */
const BEFORE = ' … ';
const AFTER = ' …';
const MARGIN = '   ';

/** The part of a text that holds most of what was looked for, in a few lines; its beginning when it holds none of it. */
export function passage(text: string, query: string, { width, maxLines, mark }: PassageOptions): string[] {
  const room = Math.max(1, width - MARGIN.length - AFTER.length);
  const lines = text
    .split('\n')
    .map((line) => safeText(line).trim())
    .filter((line) => line !== '')
    .flatMap((line) => wrapped(line, room));
  const wanted = [...new Set(query.match(WORD)?.map(folded))];
  const found = lines.map((line) => {
    const words = (line.match(WORD) ?? []).map(folded);
    return new Set(wanted.filter((one) => words.some((word) => isAlike(one, word))));
  });
  const from = bestWindow(found, maxLines);
  const shown = lines.slice(from, from + maxLines);
  return shown.map((line, index) => {
    const marked = line.replace(WORD, (word) => (wanted.some((one) => isAlike(one, folded(word))) ? mark(word) : word));
    const isLast = index === shown.length - 1 && from + maxLines < lines.length;
    return `${index === 0 && from > 0 ? BEFORE : MARGIN}${marked}${isLast ? AFTER : ''}`;
  });
}

const WORD = /[\p{L}\p{M}\p{N}]+/gu;

/** The first line of the lines that hold most together; a long word says more than a short one. */
function bestWindow(found: readonly ReadonlySet<string>[], size: number): number {
  let best = { from: 0, score: 0 };
  for (let from = 0; from === 0 || from + size <= found.length; from += 1) {
    const words = new Set(found.slice(from, from + size).flatMap((line) => [...line]));
    const score = [...words].reduce((sum, word) => sum + word.length, 0);
    if (score > best.score) best = { from, score };
  }
  return best.from;
}

/** Without case and accents, as the stores compare. */
function folded(word: string): string {
  return word.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

/** Shorter words must be equal; in longer ones the ends may differ: carrier, carries. */
const MIN_STEM_UNITS = 5;
const MAX_ENDING_UNITS = 2;

function isAlike(a: string, b: string): boolean {
  const shorter = Math.min(a.length, b.length);
  const stem = shorter >= MIN_STEM_UNITS && !/\d/.test(a) ? shorter - MAX_ENDING_UNITS : shorter;
  return (
    a === b ||
    (stem < shorter && Math.abs(a.length - b.length) <= MAX_ENDING_UNITS && a.slice(0, stem) === b.slice(0, stem))
  );
}
