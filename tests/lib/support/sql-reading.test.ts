import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { StoreError } from '../../../lib/contracts/errors.ts';
import { openToRead } from '../../../lib/support/sql-reading.ts';
import { temporaryFolder } from '../../helpers/memory.ts';

const toError = ({ sqliteCode }: { readonly sqliteCode: string }) => new StoreError(sqliteCode, { code: 'APEX_STORE' });

function database() {
  const folder = temporaryFolder();
  const path = join(folder, 'a.db');
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
  return { folder, path, db };
}

const countOf = async (path: string) => {
  const sql = await openToRead({ path, toError });
  try {
    return (await sql.all<{ count: number }>('SELECT count(*) AS count FROM t'))[0]!.count;
  } finally {
    await sql.close();
  }
};

test('a database that nobody has open is read, and nothing is left beside it', async () => {
  const { folder, path, db } = database();
  db.close();
  const before = readFileSync(path);
  expect(await countOf(path)).toBe(1);
  expect(readdirSync(folder)).toEqual(['a.db']);
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('the log of one that is open is read and not folded in', async () => {
  const { path, db } = database();
  const [before, log] = [readFileSync(path), readFileSync(`${path}-wal`)];
  expect(log.length).toBeGreaterThan(0);
  expect(await countOf(path)).toBe(1);
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(readFileSync(`${path}-wal`).equals(log)).toBe(true);
  db.close();
});

test('nothing can be written, and no file is made', async () => {
  const { folder, path, db } = database();
  db.close();
  const sql = await openToRead({ path, toError });
  await expect(sql.transaction([{ sql: 'DELETE FROM t' }], { label: 'wrong' })).rejects.toThrow('SQLITE_READONLY');
  await sql.close();
  await expect(openToRead({ path: join(folder, 'none.db'), toError })).rejects.toThrow('SQLITE_CANTOPEN');
  expect(readdirSync(folder)).toEqual(['a.db']);
});
