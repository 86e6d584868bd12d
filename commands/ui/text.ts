import { ERROR_CODES, type ErrorCode } from '../../lib/contracts/error-codes.ts';

/** Outside text as it may be shown on a terminal: control characters could move the cursor, change colours or turn the reading order. */
export function safeText(text: string): string {
  return text.replace(UNSAFE, (character) =>
    character === '\t' || character === '\n' ? ' ' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** C0, DEL, C1, invisible spaces, line separators and bidirectional controls. Joiners stay: emoji and several scripts need them. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** The columns of a terminal that a text takes: two for wide characters and emoji, none for what combines with another. */
export function displayWidth(text: string): number {
  if (isPlain(text)) return text.length;
  let width = 0;
  for (const cluster of clustersOf(text)) width += clusterWidth(cluster);
  return width;
}

/** Text cut to so many columns, with a sign that it was cut. `keep` says which end matters: a path's is the last. */
export function clipped(text: string, width: number, keep: 'start' | 'end' = 'start'): string {
  if (displayWidth(text) <= width) return text;
  const clusters = clustersOf(text);
  if (keep === 'end') clusters.reverse();
  const kept: string[] = [];
  let left = Math.max(0, width - 1);
  for (const cluster of clusters) {
    left -= clusterWidth(cluster);
    if (left < 0) break;
    kept.push(cluster);
  }
  return keep === 'end' ? `…${kept.reverse().join('')}` : `${kept.join('')}…`;
}

/** Text padded with spaces to so many columns. */
export function padded(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'left' ? text + space : space + text;
}

/** Text broken at spaces into lines of so many columns; a longer word is broken anywhere, unless words are to stay whole. */
export function wrapped(text: string, width: number, { isBreakingWords = true } = {}): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (displayWidth(longer) <= width) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (isBreakingWords && displayWidth(line) > width) {
      const part = fitting(line, width);
      lines.push(part);
      line = line.slice(part.length);
    }
  }
  return [...lines, line];
}

/** The longest beginning that fits, one cluster at least. */
function fitting(text: string, width: number): string {
  let part = '';
  for (const cluster of clustersOf(text)) {
    if (part !== '' && displayWidth(part) + clusterWidth(cluster) > width) break;
    part += cluster;
  }
  return part;
}

function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/** What a person sees as one character each. */
function clustersOf(text: string): string[] {
  return isPlain(text) ? [...text] : Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}

/** Longer clusters are no emoji but marks upon marks. */
const MAX_EMOJI_UNITS = 50;

// These patterns name thousands of characters: made where a text needs them, not when the module is loaded, they cost the commands
// nothing that show none.

function isEmoji(cluster: string): boolean {
  if (cluster.length > MAX_EMOJI_UNITS) return false;
  return /^\p{RGI_Emoji}|^[\d#*]\ufe0f?\u20e3|^\p{Extended_Pictographic}.*\u200d/v.test(cluster);
}

/** Where the first character stands that is seen, or -1. */
function seenAt(cluster: string): number {
  return cluster.search(
    /[^\p{Default_Ignorable_Code_Point}\p{Control}\p{Format}\p{Nonspacing_Mark}\p{Enclosing_Mark}\p{Surrogate}]/v,
  );
}

/** Is it of a block of wide characters? Source: https://www.unicode.org/reports/tr11/ */
function isWide(character: string): boolean {
  return /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]/u.test(
    character,
  );
}

function clusterWidth(cluster: string): number {
  if (isEmoji(cluster)) return 2;
  const index = seenAt(cluster);
  if (index === -1) return 0;
  return isWide(String.fromCodePoint(cluster.codePointAt(index)!)) ? 2 : 1;
}

/** What went wrong and what to do about it, in one line. */
export function withHelp({ code, message }: { readonly code: ErrorCode; readonly message: string }): string {
  return `${message}${/[.?!]$/.test(message) ? '' : '.'} ${ERROR_CODES[code].help}`;
}
