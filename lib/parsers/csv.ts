import { parse as parseCsv } from 'csv-parse/sync';
import { MEDIA_TYPES } from '../contracts/document.ts';
import { findDelimiter } from '../support/delimiter.ts';
import { decodeText } from './decode.ts';
import { tableRows } from './elements.ts';
import { parseFailure } from './failure.ts';
import { defineParser } from './index.ts';

/** Tables in text: one element for each record. Records may differ in length; a quote that never closes is CORRUPT. */
export default defineParser({
  name: 'csv',
  mediaTypes: [MEDIA_TYPES.csv, MEDIA_TYPES.tsv],
  async parse({ bytes, mediaType }) {
    const { text, warnings } = decodeText(bytes);
    const delimiter = findDelimiter(text) ?? (mediaType === MEDIA_TYPES.tsv ? '\t' : ',');
    return { pieces: tableRows(readRecords(text, delimiter), { table: 0 }), warnings };
  },
});

function readRecords(text: string, delimiter: string): string[][] {
  try {
    return parseCsv(text, { delimiter, relax_column_count: true, relax_quotes: true, skip_empty_lines: true });
  } catch (error) {
    throw parseFailure('CORRUPT', 'The table has a quoted value that does not end.', error);
  }
}
