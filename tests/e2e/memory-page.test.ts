import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { getLoadablePath } from 'sqlite-vec';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memorySchema } from '../../lib/stores/memory-schema.ts';
import { apex, newFolder } from '../helpers/program.ts';

/** Goal: docs/memory-db.md is true. Method: its queries are run, read-only, on a memory of the sample documents and a damaged one. */

const page = readFileSync('docs/memory-db.md', 'utf8');
const queries = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, text = '']) => text.trim());

let root: string;
let db: Database.Database;

beforeAll(async () => {
  root = newFolder('memory-page');
  const documents = join(root, 'documents');
  cpSync('fixtures/sample', documents, { recursive: true });
  writeFileSync(join(documents, 'damaged.pdf'), '%PDF-1.7 damaged');
  expect((await apex(['ingest', documents], { home: join(root, 'home') })).exitCode).toBe(3);
  db = new Database(join(root, 'home', 'memory.db'), { readonly: true });
  db.loadExtension(getLoadablePath());
});

afterAll(() => {
  db.close();
  rmSync(root, { recursive: true, force: true });
});

test.each(queries)('%s', (query) => {
  expect(db.prepare(query).all()).not.toEqual([]);
});

/** The one query that tells a thing. */
function answerOf(words: string): unknown[] {
  return db.prepare(queries.find((query) => query.includes(words))!).all();
}

test('who carries a load, and who carried it before, is told by validity', () => {
  expect(answerOf('AS since')).toEqual([
    expect.objectContaining({ carrier: 'sundmere linehaul inc', since: '2026-11-06' }),
  ]);
  expect(answerOf('2026-11-02')).toEqual([
    { carrier: 'brackenfell freight llc', valid_at: '2026-11-01', invalid_at: '2026-11-04' },
  ]);
});

test('every table is explained, and no table that is not there', () => {
  const tables = memorySchema(8).flatMap((text) => /^CREATE (?:VIRTUAL )?TABLE (\w+)/.exec(text.trim())?.[1] ?? []);
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const explained = rows.flatMap((row) => [...row.split('|')[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  expect(explained.sort()).toEqual(tables.sort());
});
