import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StoreError } from '../../../lib/contracts/errors.ts';
import {
  isSafeSqlite,
  type SqlFailure,
  SqlThread,
  type SqlThreadSettings,
  UnexpectedChangesError,
} from '../../../lib/support/sql-thread.ts';

const run = promisify(execFile);
let folder: string;
let path: string;
const threads: SqlThread[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'apex-sql-'));
  path = join(folder, 'x.db');
});
afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.close()));
  rmSync(folder, { recursive: true });
});

const toError = ({ code, sqliteCode, operation, cause }: SqlFailure) =>
  new StoreError(`${operation}: ${sqliteCode}`, { code: code ?? 'APEX_STORE', retryable: code !== null, cause });

async function open(settings: Partial<SqlThreadSettings> = {}): Promise<SqlThread> {
  const pragmas = { journal_mode: 'WAL', synchronous: 'NORMAL' };
  const thread = await SqlThread.open({ path, pragmas, toError, ...settings });
  threads.push(thread);
  return thread;
}

async function openTable(): Promise<SqlThread> {
  const thread = await open();
  await thread.transaction([{ sql: 'CREATE TABLE t (a INTEGER PRIMARY KEY, b)' }], { label: 'create' });
  return thread;
}

const insert = 'INSERT INTO t (a, b) VALUES (?, ?)';

test('a transaction keeps all of its statements and says what each did', async () => {
  const thread = await openTable();
  const results = await thread.transaction(
    [
      { sql: insert, rows: [[1, 'x'], [2, new Float32Array([1, 2])], [3, null]] }, // biome-ignore format: one row each
      { sql: 'SELECT count(*) AS count FROM t' },
      { sql: 'DELETE FROM t WHERE a = ? RETURNING b', params: [1] },
    ],
    { label: 'fill' },
  );
  expect(results).toEqual([
    { changes: 3, rows: [] },
    { changes: 0, rows: [{ count: 3 }] },
    { changes: 0, rows: [{ b: 'x' }] },
  ]);
  const [row] = await thread.all<{ b: Uint8Array }>('SELECT b FROM t WHERE a = ?', [2]);
  expect([...new Float32Array(row!.b.slice().buffer)]).toEqual([1, 2]);
});

test('an expectation that is not met keeps nothing of the transaction', async () => {
  const thread = await openTable();
  const writing = thread.transaction(
    [
      { sql: insert, params: [1, 'x'] },
      { sql: 'UPDATE t SET b = 1 WHERE a = 9', expectChanges: 1 },
    ],
    { label: 'fill' },
  );
  await expect(writing).rejects.toThrow(new UnexpectedChangesError(1, 0));
  expect(await thread.all('SELECT a FROM t')).toEqual([]);
});

test('a failing statement keeps nothing of the transaction and the next one works', async () => {
  const thread = await openTable();
  const writing = thread.transaction([{ sql: insert, rows: [[1, 'x'], [1, 'y']] }], { label: 'fill' }); // biome-ignore format: one row each
  await expect(writing).rejects.toMatchObject({ code: 'APEX_STORE', message: 'fill: SQLITE_CONSTRAINT_PRIMARYKEY' });
  expect(await thread.transaction([{ sql: insert, params: [1, 'z'] }], { label: 'fill' })).toMatchObject([
    { changes: 1 },
  ]);
});

test('a lock that outlasts the wait is LOCKED and retryable', async () => {
  await openTable();
  const holder = await open();
  const slow =
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000000) SELECT count(*) FROM n';
  const holding = holder.transaction([{ sql: insert, params: [1, 'x'] }, { sql: slow }], { label: 'hold' });
  const waiter = await open({ busyTimeoutMs: 1 });
  await expect(waiter.transaction([{ sql: insert, params: [2, 'y'] }], { label: 'wait' })).rejects.toMatchObject({
    code: 'LOCKED',
    retryable: true,
  });
  await holding;
});

test('a full disk is DISK_FULL and retryable, and what was there stays', async () => {
  const thread = await openTable();
  await thread.transaction([{ sql: insert, params: [1, 'x'] }], { label: 'fill' });
  await thread.all('PRAGMA max_page_count = 3');
  const filling = thread.transaction([{ sql: insert, params: [2, new Uint8Array(100_000)] }], { label: 'fill' });
  await expect(filling).rejects.toMatchObject({ code: 'DISK_FULL', retryable: true });
  expect(await thread.all('SELECT a FROM t')).toEqual([{ a: 1 }]);
});

test('a commit that must be durable is synced, and the next one as the connection says', async () => {
  const thread = await openTable();
  const synced = async (isDurable: boolean) => {
    const [result] = await thread.transaction([{ sql: 'PRAGMA synchronous' }], { label: 'ask', isDurable });
    return (result!.rows as { synchronous: number }[])[0]!.synchronous;
  };
  expect([await synced(false), await synced(true), await synced(false)]).toEqual([1, 2, 1]);
});

test('a commit that had to be durable and failed leaves the next one as the connection says', async () => {
  const thread = await openTable();
  const failing = thread.transaction([{ sql: insert, rows: [[1, 'x'], [1, 'y']] }], { label: 'fill', isDurable: true }); // biome-ignore format: one row each
  await expect(failing).rejects.toMatchObject({ code: 'APEX_STORE' });
  expect(await thread.all('PRAGMA synchronous')).toEqual([{ synchronous: 1 }]);
});

test('a transaction that reads before it writes waits for others from its first statement on', async () => {
  const thread = await openTable();
  const other = await open();
  // Long enough for the other to write in between, if it is let.
  const slow =
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT count(*) FROM n, (SELECT count(*) FROM t)';
  const reading = thread.transaction(
    [{ sql: 'SELECT count(*) FROM t' }, { sql: slow }, { sql: insert, params: [1, 'x'] }],
    {
      label: 'read first',
    },
  );
  const writing = other.transaction([{ sql: insert, params: [2, 'y'] }], { label: 'write' });
  const [read, written] = await Promise.allSettled([reading, writing]);
  expect([read.status, written.status]).toEqual(['fulfilled', 'fulfilled']);
  expect(await thread.all('SELECT a FROM t')).toEqual([{ a: 1 }, { a: 2 }]);
});

test("a file that is no database is the owner's error", async () => {
  writeFileSync(path, 'no database at all, but long enough to be read as a header of one'.repeat(20));
  await expect(open()).rejects.toMatchObject({ code: 'APEX_STORE', message: 'open: SQLITE_NOTADB' });
});

test('files are readable by their owner only', async () => {
  await openTable();
  for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
});

test('a long query leaves the event loop free', async () => {
  const thread = await open();
  let ticks = 0;
  const ticker = setInterval(() => {
    ticks += 1;
  }, 1);
  await thread.all(
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT count(*) FROM n',
  );
  clearInterval(ticker);
  expect(ticks).toBeGreaterThan(5);
});

test('a closed thread answers with an error instead of never', async () => {
  const thread = await open();
  await thread.close();
  await thread.close();
  await expect(thread.all('SELECT 1')).rejects.toMatchObject({ code: 'APEX_STORE' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await expect(thread.all('SELECT 1')).rejects.toMatchObject({ code: 'APEX_STORE' });
});

test('an SQLite that can lose commits is told from one that cannot', () => {
  const verdicts = ['3.44.5', '3.44.6', '3.45.1', '3.50.6', '3.50.7', '3.51.2', '3.51.3', '3.54.1'].map(isSafeSqlite);
  expect(verdicts).toEqual([false, true, false, false, true, false, true, true]);
});

/** Runs `body` in a process of its own, with `thread` open on the test's file. */
async function inProcess(body: string, probe: SqlThreadSettings['probe'] = null) {
  const module = new URL('../../../lib/support/sql-thread.ts', import.meta.url);
  const script = `
    import { SqlThread } from ${JSON.stringify(module.href)};
    const thread = await SqlThread.open({ path: ${JSON.stringify(path)}, pragmas: { journal_mode: 'WAL' },
      probe: ${JSON.stringify(probe)}, toError: ({ cause }) => cause });
    ${body}`;
  const file = join(folder, 'script.mjs');
  writeFileSync(file, script);
  return run(process.execPath, [file], { timeout: 20_000 });
}

test('an idle thread does not keep a finished process alive, and a pending request does', async () => {
  const { stdout } = await inProcess(`thread.all('SELECT 1 AS one').then((rows) => console.log(rows[0].one));`);
  expect(stdout).toBe('1\n');
});

test.each([
  ['fill:before-commit', [{ a: 1 }]],
  ['fill:after-commit', [{ a: 1 }, { a: 2 }]],
])('a process killed at %s leaves what was committed', async (point, rows) => {
  await openTable();
  const body = `for (const a of [1, 2, 3]) await thread.transaction([{ sql: '${insert}', params: [a, 'x'] }], { label: 'fill' });`;
  await expect(inProcess(body, { point, atCount: 2 })).rejects.toMatchObject({ signal: 'SIGKILL' });
  expect(await threads[0]!.all('SELECT a FROM t')).toEqual(rows);
});

/** Keeps the thread busy for some time, without a look at the file. */
const BUSY = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n';
const large = Array.from({ length: 50 }, (_, index) => [index + 1, 'x'.repeat(4_000)]);

test.each([
  { idleFoldPages: 8, isFolded: true },
  { idleFoldPages: 8_000, isFolded: false },
  { idleFoldPages: undefined, isFolded: false },
])(
  'a log of 50 pages, folded in between requests from $idleFoldPages on: $isFolded',
  async ({ idleFoldPages, isFolded }) => {
    const thread = await open(idleFoldPages === undefined ? {} : { idleFoldPages });
    await thread.transaction([{ sql: 'CREATE TABLE t (a INTEGER PRIMARY KEY, b)' }], { label: 'create' });
    await thread.transaction([{ sql: insert, rows: large }], { label: 'fill' });
    await delay(300);
    expect(statSync(path).size > 50 * 4_000).toBe(isFolded);
    expect(await thread.all('SELECT count(*) AS count FROM t')).toEqual([{ count: 50 }]);
  },
);

test('what fails when nobody asks is told to whoever asks next, and to those after', async () => {
  const thread = await open({ idleFoldPages: 8 });
  await thread.transaction([{ sql: 'CREATE TABLE t (a INTEGER PRIMARY KEY, b)' }], { label: 'create' });
  const filled = thread.transaction([{ sql: insert, rows: large }], { label: 'fill' });
  const busy = thread.all(BUSY);
  await filled;
  truncateSync(`${path}-wal`, 10_000);
  await busy;
  await delay(100);
  for (const operation of ['first', 'second'])
    await expect(thread.transaction([{ sql: insert, params: [99, 'y'] }], { label: operation })).rejects.toThrow(
      `${operation}: SQLITE_IOERR`,
    );
  await expect(threads.pop()!.close()).rejects.toThrow('close: SQLITE_IOERR');
});
