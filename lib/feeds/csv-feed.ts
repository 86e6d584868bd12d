import { parse as parseCsv } from 'csv-parse/sync';
import { type FoundItem, MAX_KEPT_RAW } from '../contracts/feed.ts';
import { isSecretName, REDACTED, redactedText } from '../support/redaction.ts';
import type { FeedReader, TableLimits } from './index.ts';
import { shown } from './json-trouble.ts';
import { RowScanner } from './row-scanner.ts';
import { readHeader, type TableHeader } from './table-header.ts';
import { TextCursor } from './text-cursor.ts';

/** Records out of a table whose first row names its columns. A row that does not fit is rejected; a header that does not ends all. */
export function openCsvFeed(limits: TableLimits): FeedReader {
  return new CsvFeed(limits);
}

/** A row's text, without its line end. */
interface Row {
  readonly place: string;
  readonly text: string;
}

class CsvFeed implements FeedReader {
  isOver = false;
  readonly #limits: TableLimits;
  readonly #cursor = new TextCursor({ line: 1, column: 1 });
  readonly #scanner: RowScanner;
  #header: TableHeader | null = null;
  #hasSecrets = false;
  /** How much of the row at the cursor is scanned. */
  #scanned = 0;
  /** Why the line at the cursor is rejected. */
  #problem: string | null = null;
  /** Whether the line at the cursor is passed over. */
  #isPassed = false;

  constructor(limits: TableLimits) {
    this.#limits = limits;
    this.#scanner = new RowScanner(limits.delimiter);
  }

  push(chunk: Uint8Array): void {
    this.#cursor.append(chunk);
  }

  *items(isEnd: boolean): Generator<FoundItem> {
    // Rows are parsed together: alone, each would cost as much as five.
    let rows: Row[] = [];
    while (!this.isOver) {
      const next = this.#next(isEnd);
      if (next !== null && 'text' in next && this.#header !== null) {
        rows.push(next);
        continue;
      }
      yield* this.#itemsOf(rows);
      rows = [];
      if (next === null) return;
      if ('kind' in next) yield next;
      else yield* this.#begin(next);
    }
  }

  /** The next row that is not blank, or a line that is no row; null: more bytes are needed, or none are left. */
  #next(isEnd: boolean): Row | FoundItem | null {
    for (;;) {
      if (this.#isPassed && !this.#passLine()) return null;
      if (this.#header === null && this.#scanned === 0) this.#cursor.passMark();
      if (this.#cursor.length === 0) return null;
      if (this.#problem === null && !this.#findEnd(isEnd)) return null;
      if (this.#problem !== null) return this.#rejectLine(this.#problem, isEnd);
      const row = this.#takeRow();
      if (row.text.trim() !== '') return row;
    }
  }

  /** Whether it is decided where the row at the cursor ends, or what is wrong with it. */
  #findEnd(isEnd: boolean): boolean {
    const { maxRecordBytes } = this.#limits;
    const { bytes, start, end } = this.#cursor;
    const stop = this.#scanner.run(bytes, start + this.#scanned, end);
    this.#scanned = this.#scanner.at - start;
    if (this.#scanned > maxRecordBytes)
      this.#problem = `it has more than ${maxRecordBytes} bytes; perhaps a quote is not closed`;
    else if (stop === 'broken') this.#problem = 'a quoted value goes on behind its closing quote';
    else if (stop === 'more' && isEnd && this.#scanner.isQuoted) this.#problem = 'a quoted value is not closed';
    return this.#problem !== null || stop === 'end' || isEnd;
  }

  #takeRow(): Row {
    const place = this.#place();
    const text = this.#cursor.take(this.#scanned).replace(/\r$/, '').replaceAll('\0', '\ufffd');
    if (this.#cursor.length > 0) this.#cursor.pass(1);
    this.#beginRow();
    return { place, text };
  }

  #beginRow(): void {
    this.#scanned = 0;
    this.#scanner.begin();
    this.#problem = null;
  }

  #place(): string {
    return `line ${this.#cursor.place.line}`;
  }

  /** A row that does not end well is its first line: what is behind that may be rows. Null while the line is not whole. */
  #rejectLine(reason: string, isEnd: boolean): FoundItem | null {
    const { maxRecordBytes } = this.#limits;
    const end = this.#cursor.lineEnd();
    const length = end === -1 ? this.#cursor.length : end;
    if (end === -1 && !isEnd && length <= maxRecordBytes) return null;
    const text = this.#cursor.text(length > maxRecordBytes ? Math.min(maxRecordBytes, MAX_KEPT_RAW) : length);
    const item = this.#rejected({ place: this.#place(), text }, reason);
    this.#isPassed = true;
    this.#beginRow();
    return item;
  }

  /** Whether the line's end is reached. */
  #passLine(): boolean {
    const end = this.#cursor.lineEnd();
    this.#cursor.pass(end === -1 ? this.#cursor.length : end + 1);
    this.#isPassed = end === -1;
    return end !== -1;
  }

  *#begin({ place, text }: Row): Generator<FoundItem> {
    const cells = this.#parse(text)[0]!;
    const header = /\r(?!\n)/.test(text)
      ? 'the lines end with CR alone, where LF or CR LF is expected'
      : readHeader(cells);
    if (typeof header !== 'string') {
      this.#header = header;
      this.#hasSecrets = header.names.some((name) => name.split('.').some(isSecretName));
      return;
    }
    this.isOver = true;
    yield this.#rejected({ place, text }, `the header names no records: ${header}`);
  }

  *#itemsOf(rows: readonly Row[]): Generator<FoundItem> {
    const { names, record } = this.#header ?? { names: [], record: () => ({}) };
    const table = this.#parse(rows.map(({ text }) => text).join('\n'));
    for (const [index, row] of rows.entries()) {
      const cells = table[index]!;
      if (cells.every((cell) => cell === '')) continue;
      const problem = problemOf(cells, names);
      if (problem !== null) yield this.#rejected(row, problem);
      else yield { kind: 'record', record: { value: record(cells), place: row.place, stream: null } };
    }
  }

  /** The cells of whole rows. */
  #parse(text: string): string[][] {
    const { delimiter } = this.#limits;
    return parseCsv(text, { delimiter, record_delimiter: '\n', relax_column_count: true, relax_quotes: true });
  }

  /** In a table with secrets nothing of a row is kept: it may be rejected because its cells stand in the wrong columns. */
  #rejected({ place, text }: Row, reason: string): FoundItem {
    const raw = this.#hasSecrets ? REDACTED : redactedText(text);
    return { kind: 'rejected', rejected: { place, path: '', reason, raw } };
  }
}

function problemOf(cells: readonly string[], names: readonly string[]): string | null {
  if (cells.length !== names.length) return `expected ${names.length} values as in the header, found ${cells.length}`;
  const stray = cells.findIndex((cell, column) => cell !== '' && names[column] === '');
  return stray === -1 ? null : `column ${stray + 1} has no name in the header, and holds ${shown(cells[stray]!)}`;
}
