import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { StoreError } from '../../../lib/contracts/errors.ts';
import { SqlReader } from '../../../lib/support/sql-reader.ts';
import type { SqlFailure } from '../../../lib/support/sql-thread.ts';
import { folderState } from '../../helpers/folder-state.ts';
import { temporaryFolder } from '../../helpers/memory.ts';

/**
 * Goal: what is read is what was committed, and reading leaves no trace.
 * Method: the folder is compared to the last byte. Writers are processes of their own, as they are in life: locks are a process's,
 * and two SQLites in one would take them from each other.
 */

/** A connection in a process of its own. */
async function openWriter(path: string) {
  const child = execa(process.execPath, ['-e', WRITER, path], { stdin: 'pipe', reject: false });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (line: string) => {
    child.stdin.write(`${line}\n`);
    const { value } = await answers.next();
    return String(value);
  };
  const exec = async (sql: string) => expect(await ask(sql)).toBe('done');
  return { exec, ask, kill: () => child.kill('SIGKILL'), ended: child };
}

/** Runs a line of SQL after the other; `close` ends, `storm` writes until it is told to end and says how many rows it wrote. */
const WRITER = `
  const Database = require('better-sqlite3');
  const path = process.argv[1];
  let db = new Database(path);
  db.pragma('journal_mode = WAL');
  let isStorm = false;
  const storm = async () => {
    let sum = 0;
    while (isStorm) {
      db = new Database(path);
      for (let round = 0; round < 20; round += 1) {
        // An odd number of rows is of no moment.
        db.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (1, randomblob(3000)); INSERT INTO t VALUES (-1, randomblob(3000)); COMMIT');
        sum += 2;
        if (round % 7 === 0) db.pragma('wal_checkpoint(TRUNCATE)');
      }
      db.close();
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    console.log(sum);
  };
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    if (line === 'end') isStorm = false;
    else if (line === 'storm') {
      db.close();
      isStorm = true;
      void storm();
    } else {
      if (line === 'close') db.close();
      else db.exec(line);
      console.log('done');
    }
  });`;

/** A folder with a database in WAL mode that holds so many rows; its writer is closed, and so the log folded in. */
async function openDatabase(rows = 3) {
  const folder = temporaryFolder();
  const path = join(folder, 'a #1?.db');
  const failures: SqlFailure[] = [];
  const reader = new SqlReader({
    path,
    toError: (failure) => {
      failures.push(failure);
      return new StoreError(failure.sqliteCode, { code: 'APEX_STORE' });
    },
  });
  const writer = await openWriter(path);
  await writer.exec('CREATE TABLE t (a INTEGER, b BLOB)');
  for (let row = 0; row < rows; row += 1) await writer.exec(`INSERT INTO t VALUES (${row}, x'0${row}')`);
  await writer.exec('close');
  const count = async () => (await reader.all<{ n: number }>('SELECT count(*) AS n FROM t'))[0]!.n;
  return { folder, path, reader, failures, count };
}

test('a database that nobody has open is read, and no file is made or touched', async () => {
  const { folder, reader, count } = await openDatabase();
  const before = folderState(folder);
  expect(Object.keys(before)).toHaveLength(1);
  expect(await count()).toBe(3);
  expect(await reader.all('SELECT a, b FROM t WHERE a = ?', [2])).toEqual([{ a: 2, b: new Uint8Array([2]) }]);
  expect(folderState(folder)).toEqual(before);
});

test('what a writer has committed to its log is read, what it has not is not, and its files are not touched', async () => {
  const { folder, path, count } = await openDatabase();
  const db = await openWriter(path);
  await db.exec('INSERT INTO t VALUES (3, NULL)');
  await db.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (4, NULL)');
  const before = folderState(folder);
  expect(Object.keys(before)).toHaveLength(3);
  expect(await count()).toBe(4);
  expect(folderState(folder)).toEqual(before);
  await db.exec('COMMIT');
  expect(await count()).toBe(5);
});

test('a writer that closes takes its log away as if nobody had read', async () => {
  const { path, count } = await openDatabase();
  const db = await openWriter(path);
  await db.exec('INSERT INTO t VALUES (3, NULL)');
  expect(await count()).toBe(4);
  await db.exec('close');
  expect([existsSync(`${path}-wal`), existsSync(`${path}-shm`)]).toEqual([false, false]);
  expect(await count()).toBe(4);
});

test('the log that a dead writer left is read, and left', async () => {
  const { folder, path, count } = await openDatabase();
  const db = await openWriter(path);
  await db.exec('INSERT INTO t VALUES (3, NULL)');
  db.kill();
  await db.ended;
  expect(existsSync(`${path}-wal`)).toBe(true);
  const before = folderState(folder);
  expect(await count()).toBe(4);
  expect(folderState(folder)).toEqual(before);
});

test('a log without its index is an error, never a database without what the log holds', async () => {
  const { path, count, failures } = await openDatabase();
  const db = await openWriter(path);
  await db.exec('INSERT INTO t VALUES (3, NULL)');
  for (const ending of ['', '-wal']) cpSync(`${path}${ending}`, `${path}.kept${ending}`);
  await db.exec('close');
  for (const ending of ['', '-wal']) cpSync(`${path}.kept${ending}`, `${path}${ending}`);
  await expect(count()).rejects.toThrow('LOG_WITHOUT_INDEX');
  expect(failures).toMatchObject([{ sqliteCode: 'LOG_WITHOUT_INDEX', operation: 'read' }]);
});

test('beside one that writes, folds its log in, closes and opens again, each reading is of one moment', async () => {
  const { path, reader } = await openDatabase(0);
  const writer = await openWriter(path);
  const written = writer.ask('storm');
  const counts: number[] = [];
  for (let round = 0; round < 150; round += 1) {
    const [row] = await reader.all<{ n: number; sum: number }>(
      'SELECT count(*) AS n, coalesce(sum(a), 0) AS sum FROM t',
    );
    expect([row!.n % 2, row!.sum]).toEqual([0, 0]);
    counts.push(row!.n);
  }
  writer.ended.stdin.write('end\n');
  const sum = Number(await written);
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(await reader.all('SELECT count(*) AS n FROM t')).toEqual([{ n: sum }]);
});

test('a file that is no database is told by the code of SQLite', async () => {
  const { path, count, failures } = await openDatabase();
  rmSync(path);
  writeFileSync(path, 'no database at all, and long enough to be looked at: '.repeat(40));
  await expect(count()).rejects.toMatchObject({ code: 'APEX_STORE' });
  expect(failures[0]).toMatchObject({ sqliteCode: 'SQLITE_NOTADB' });
});

test('a reader never writes', async () => {
  await expect((await openDatabase()).reader.transaction()).rejects.toThrow('asked to write');
});
