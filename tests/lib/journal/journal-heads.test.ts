import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, expect, test } from 'vitest';
import { JOURNAL_FORMAT } from '../../../lib/journal/format.ts';
import { journalHead } from '../../../lib/journal/journal-heads.ts';
import { temporaryFolder } from '../../helpers/memory.ts';

let path: string;

beforeEach(() => {
  path = join(temporaryFolder(), 'run.db');
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.exec(`CREATE TABLE entry (body TEXT); PRAGMA user_version = ${JOURNAL_FORMAT}`);
  for (let index = 0; index < 50; index += 1) db.prepare('INSERT INTO entry VALUES (?)').run('x'.repeat(1_000));
  db.close();
});

test('a file as it was written is whole, also of an older format', () => {
  expect(journalHead(path)).toBe('whole');
  const db = new Database(path);
  db.pragma('user_version = 0');
  db.close();
  expect(journalHead(path)).toBe('whole');
});

test('a newer format is told without opening the database', () => {
  const db = new Database(path);
  db.pragma(`user_version = ${JOURNAL_FORMAT + 1}`);
  db.close();
  expect(journalHead(path)).toBe('newer');
});

test('a file without a byte is empty: its process died while it made it', () => {
  truncateSync(path, 0);
  expect(journalHead(path)).toBe('empty');
});

test.each([1, 50, 99, 4_096, 8_192])('a file cut to %i bytes is damaged', (bytes) => {
  truncateSync(path, bytes);
  expect(journalHead(path)).toBe('damaged');
});

test('a file of something else is damaged, and one that is longer than it says is not', () => {
  appendFileSync(path, 'more');
  expect(journalHead(path)).toBe('whole');
  writeFileSync(path, 'This is no database. '.repeat(500));
  expect(journalHead(path)).toBe('damaged');
});

test('beside a log that holds something, a length that does not fit is no damage: the log has the rest', () => {
  const pages = readFileSync(path);
  writeFileSync(`${path}-wal`, 'frames');
  writeFileSync(path, pages.subarray(0, 4_096));
  expect(journalHead(path)).toBe('whole');
});

test('a file that is not there is the file system’s error', () => {
  expect(() => journalHead('/nowhere/run.db')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
