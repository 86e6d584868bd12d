import { parse as parseCsv } from 'csv-parse/sync';
import { MEDIA_TYPES } from '../contracts/document.ts';
import { decodeText } from './encoding.ts';
import { defineParser, parseError, tableRows } from './parser.ts';
import { REPLACED } from './text.ts';

/** Delimited tables. The delimiter is found by counting; rows keep the fields they have, columns of one name stay apart. */
export default defineParser({
  name: 'csv',
  version: 1,
  async parse({ bytes, mediaType }) {
    const { text, encoding, hasReplacements } = await decodeText(bytes);
    const delimiter = mediaType === MEDIA_TYPES.tsv ? '\t' : delimiterOf(text);
    const warnings = hasReplacements ? [REPLACED] : [];
    return { elements: tableRows(rowsOf(text, delimiter), { table: 0 }), metadata: { encoding, delimiter }, warnings };
  },
});

function rowsOf(text: string, delimiter: string): string[][] {
  const options = { delimiter, relax_column_count: true, skip_empty_lines: true, relax_quotes: true };
  try {
    return parseCsv(text, options) as string[][];
  } catch (cause) {
    // A quote that is never closed would swallow the rest: then quotes are letters like any other.
    try {
      return parseCsv(text, { ...options, quote: false }) as string[][];
    } catch {
      throw parseError('CORRUPT', 'the table cannot be read as delimited text', cause);
    }
  }
}

/** How much of a table is looked at to find its delimiter. */
const SAMPLE_CHARACTERS = 16_384;

function delimiterOf(text: string): string {
  const lines = text
    .slice(0, SAMPLE_CHARACTERS)
    .replace(/"[^"]*"/g, '')
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .slice(0, 20);
  const scored = [',', ';', '\t', '|'].map((delimiter) => {
    const counts = lines.map((line) => line.split(delimiter).length - 1);
    const agreeing = counts.filter((count) => count > 0 && count === counts[0]).length;
    return { delimiter, score: agreeing * 1_000 + Math.min(counts[0] ?? 0, 999) };
  });
  return scored.reduce((best, next) => (next.score > best.score ? next : best)).delimiter;
}
