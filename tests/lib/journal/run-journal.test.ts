import { copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { JournalEntry } from '../../../lib/contracts/journal.ts';
import { isIntent } from '../../../lib/journal/intents.ts';
import { journalError, RunJournal, readJournal } from '../../../lib/journal/run-journal.ts';
import { SqlThread } from '../../../lib/support/sql-thread.ts';
import { all, INTENT, journalContract, NEWS, OUTCOME } from '../../contracts/journal.contract.ts';
import { watchSyncs } from '../../helpers/syncs.ts';

let folder: string;
let path: string;
const journals: RunJournal[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'apex-journal-'));
  path = join(folder, 'run-1.db');
});
afterEach(async () => {
  await Promise.allSettled(journals.splice(0).map((journal) => journal.close()));
  rmSync(folder, { recursive: true });
});

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
let made = 0;
async function open(): Promise<RunJournal> {
  made += 1;
  const journal = await RunJournal.open({
    path,
    runId: 'run-1',
    createJournalId: () => `journal-${made}`,
    now: () => NOW_MS + made,
    probe: null,
  });
  journals.push(journal);
  return journal;
}

/** Reads a copy of the files, as a process would that comes after a death. */
async function readCopy() {
  const copy = join(folder, 'copy.db');
  for (const ending of ['', '-wal']) {
    rmSync(`${copy}${ending}`, { force: true });
    if (statSync(`${path}${ending}`, { throwIfNoEntry: false })) copyFileSync(`${path}${ending}`, `${copy}${ending}`);
  }
  const entries = await all(readJournal(copy));
  for (const ending of ['-wal', '-shm']) rmSync(`${copy}${ending}`, { force: true });
  return entries;
}

describe('a run journal', () => journalContract(open, readCopy));

test('opening again goes on with the numbers and keeps the identity', async () => {
  const first = await open();
  await first.append(INTENT);
  await first.append(OUTCOME);
  await first.close();
  const second = await open();
  expect(second.journalId).toBe(first.journalId);
  expect(await second.append(INTENT)).toBe(3);
});

test('each entry tells when it was appended, by the clock of whoever appended it', async () => {
  const times: number[] = [];
  for (let count = 0; count < 2; count += 1) {
    const journal = await open();
    times.push(NOW_MS + made);
    await journal.append(INTENT);
    await journal.close();
  }
  expect((await all(readJournal(path))).map(({ atMs }) => atMs)).toEqual(times);
});

test('a journal of an earlier release, whose entries tell no time, is read', async () => {
  await (await open()).close();
  const db = new Database(path);
  db.prepare('INSERT INTO entry VALUES (1, ?, ?, NULL)').run(INTENT.kind, JSON.stringify(INTENT));
  db.close();
  expect(await all(readJournal(path))).toEqual([{ lsn: 1, atMs: null, entry: INTENT }]);
});

test('a journal made anew under the same run has another identity', async () => {
  const first = await open();
  await first.close();
  rmSync(path);
  expect((await open()).journalId).not.toBe(first.journalId);
});

test('the file and its log are for this user alone, and marked as ours', async () => {
  const journal = await open();
  await journal.append(INTENT);
  for (const ending of ['', '-wal', '-shm']) expect(statSync(`${path}${ending}`).mode & 0o777).toBe(0o600);
  const db = new Database(path, { readonly: true });
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
  expect(db.pragma('application_id', { simple: true })).toBe(Buffer.from('apex').readUInt32BE());
  db.close();
});

test('a live journal is read beside its owner, in order, more than a page of it', async () => {
  const journal = await open();
  for (let index = 0; index < 2_500; index += 1) await journal.append(OUTCOME);
  await journal.flush();
  const lsns = (await all(readJournal(path))).map(({ lsn }) => lsn);
  expect(lsns).toEqual(Array.from({ length: 2_500 }, (_, index) => index + 1));
  expect(await journal.append(INTENT)).toBe(2_501);
});

test('a newer format is refused by owner and reader and left as it was', async () => {
  await (await open()).close();
  const db = new Database(path);
  db.pragma('user_version = 99');
  db.close();
  await expect(open()).rejects.toMatchObject({ code: 'NEWER_FORMAT', retryable: false });
  await expect(all(readJournal(path))).rejects.toMatchObject({ code: 'NEWER_FORMAT' });
});

test('a log of the first format is read, and its owner goes on with it in the present one', async () => {
  await (await open()).close();
  const db = new Database(path);
  db.exec('ALTER TABLE entry DROP COLUMN body_check; PRAGMA user_version = 1');
  db.prepare('INSERT INTO entry (lsn, kind, body) VALUES (1, ?, ?)').run(INTENT.kind, JSON.stringify(INTENT));
  db.close();
  const old = { lsn: 1, atMs: null, entry: INTENT };
  expect(await all(readJournal(path))).toEqual([old]);
  const journal = await open();
  expect(await journal.append(INTENT)).toBe(2);
  expect(await all(journal.read())).toEqual([old, { lsn: 2, atMs: expect.any(Number), entry: INTENT }]);
  expect(await all(readJournal(path))).toHaveLength(2);
});

test('an entry that is not what was written is not read, though it reads well', async () => {
  const journal = await open();
  for (let count = 0; count < 3; count += 1) await journal.append(INTENT);
  const db = new Database(path);
  db.exec(`UPDATE entry SET body = replace(body, '"fence":1', '"fence":2') WHERE lsn = 2`);
  db.close();
  const read: unknown[] = [];
  const reading = (async () => {
    for await (const { lsn } of readJournal(path)) read.push(lsn);
  })();
  await expect(reading).rejects.toMatchObject({ name: 'JournalError', code: 'APEX_JOURNAL' });
  expect(read).toEqual([1]);
});

test('a file that is no journal is refused as damaged', async () => {
  writeFileSync(path, 'this is not a database, whatever its name says'.repeat(100));
  await expect(open()).rejects.toMatchObject({ name: 'JournalError', code: 'APEX_JOURNAL' });
});

test('after a failed commit nothing is tried again and nothing later lands', async () => {
  const journal = await open();
  await journal.append(INTENT);
  const other = new Database(path);
  other.exec('DROP TABLE entry');
  const failed = await Promise.allSettled([journal.append(INTENT), journal.append(INTENT)]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  other.exec('CREATE TABLE entry (lsn INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL)');
  for (const call of [() => journal.append(INTENT), () => journal.append(OUTCOME), () => journal.flush()])
    await expect(call()).rejects.toMatchObject({ name: 'JournalError' });
  await journal.close();
  expect(other.prepare('SELECT count(*) FROM entry').pluck().get()).toBe(0);
  other.close();
});

test('a commit that failed is not tried again on its connection, also when it would work now', async () => {
  const journal = await open();
  await journal.append(INTENT);
  const failure = journalError({ code: null, sqliteCode: 'SQLITE_IOERR_FSYNC', operation: 'x', cause: new Error() });
  const spy = vi.spyOn(SqlThread.prototype, 'transaction').mockRejectedValueOnce(failure);
  onTestFinished(() => spy.mockRestore());
  expect((await Promise.allSettled([journal.append(INTENT)])).map(({ status }) => status)).toEqual(['rejected']);
  const later = await Promise.allSettled([journal.append(INTENT), journal.append(OUTCOME), journal.flush()]);
  expect(later.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(spy).toHaveBeenCalledTimes(1);
  expect(await readCopy()).toHaveLength(1);
});

test('every commit of a journal is synced, that of its making too', async () => {
  const commits = watchSyncs();
  const journal = await open();
  for (const entry of [OUTCOME, INTENT, OUTCOME]) await journal.append(entry);
  await journal.flush();
  const [created, ...appended] = commits;
  expect(created).toEqual({ label: 'journal.create', synchronous: 2 });
  expect(appended).toEqual([
    { label: 'journal.run_claimed', synchronous: 2 },
    { label: 'journal.flush', synchronous: 2 },
  ]);
});

test('news is not synced, but with an intent it is, whichever of them asked first; flush sees to what is left', async () => {
  const commits = watchSyncs();
  const journal = await open();
  await journal.append(NEWS);
  await Promise.all([journal.append(NEWS), journal.append(INTENT)]);
  await journal.append(NEWS);
  await journal.append(INTENT);
  expect(commits.slice(1)).toEqual([
    { label: 'journal.waiting_store', synchronous: 1 },
    { label: 'journal.waiting_store', synchronous: 2 },
    { label: 'journal.waiting_store', synchronous: 1 },
    { label: 'journal.run_claimed', synchronous: 2 },
  ]);
  expect(journal.syncedCommits).toBe(2);
});

test('entries of some kinds are read without the others', async () => {
  const journal = await open();
  for (const entry of [INTENT, NEWS, OUTCOME, NEWS, INTENT]) await journal.append(entry);
  expect((await all(readJournal(path, [NEWS.kind]))).map(({ lsn }) => lsn)).toEqual([2, 4]);
  expect((await all(journal.read([INTENT.kind, NEWS.kind]))).map(({ lsn }) => lsn)).toEqual([1, 2, 4, 5]);
});

test('a full disk is said to be one and may be tried again by another process', () => {
  const failure = { code: 'DISK_FULL', sqliteCode: 'SQLITE_FULL', operation: 'x', cause: new Error() } as const;
  expect(journalError(failure)).toMatchObject({ name: 'JournalError', code: 'DISK_FULL', retryable: true });
});

test('the four points of a batch are intents, and what only tells of progress is not', () => {
  const isKind = (kind: JournalEntry['kind']) => isIntent({ kind } as JournalEntry);
  const intents = ['batch_assigned', 'effects_planned', 'pivot_planned', 'batch_done'] as const;
  expect(intents.map(isKind)).toEqual([true, true, true, true]);
  expect((['item_set_aside', 'effect_applied', 'pivot_done'] as const).map(isKind)).toEqual([false, false, false]);
});
