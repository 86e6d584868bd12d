import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Journal, RunPlan, RunRegistry } from '../../../lib/contracts/journal.ts';
import { openDataFolder, openRegistry } from '../../../lib/journal/index.ts';
import { takeOwnerLock } from '../../../lib/journal/owner-lock.ts';
import { all, INTENT } from '../../contracts/journal.contract.ts';

const AT = '2026-01-01T00:00:00.000Z';
const PLAN: RunPlan = {
  kind: 'ingest',
  source: 'local_upload',
  targets: ['/docs'],
  documentId: null,
  group: 'default',
  settingsDigest: 's',
};

const NO_COUNTS = {
  ...{ documents: 0, added: 0, updated: 0, unchanged: 0, deleted: 0, quarantined: 0, failed: 0 },
  ...{ chunks: 0, entities: 0, relations: 0 },
};

let folder: string;
const registries: RunRegistry[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'apex-registry-'));
  openDataFolder(folder);
});
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.close()));
  rmSync(folder, { recursive: true });
});

let made = 0;
async function open(): Promise<RunRegistry> {
  const createJournalId = () => `journal-${++made}`;
  const registry = await openRegistry({ folder, createJournalId, now: () => Date.parse(AT), probe: null });
  registries.push(registry);
  return registry;
}

async function begin(registry: RunRegistry, runId = 'run-1', startedAt = AT): Promise<Journal> {
  const journal = await registry.create({ runId, plan: PLAN, startedAt });
  await journal.append({ kind: 'run_started', plan: PLAN, memoryId: 'm', at: startedAt });
  return journal;
}

test('a new run is listed as running and owned, newest first', async () => {
  const registry = await open();
  await begin(registry, 'older');
  await begin(registry, 'newer', '2026-01-02T00:00:00.000Z');
  const listed = await registry.list();
  expect(listed.map(({ runId, isOwned }) => [runId, isOwned])).toEqual([['newer', true], ['older', true]]); // biome-ignore format: one row each
  expect(await registry.get('older')).toEqual({
    runId: 'older',
    kind: 'ingest',
    state: 'running',
    isOwned: true,
    startedAt: AT,
    finishedAt: null,
    exitStatus: null,
    targets: ['/docs'],
  });
  expect(await registry.get('unknown')).toBeNull();
});

test('a registry that is there is opened without a write', async () => {
  await (await open()).close();
  const path = join(folder, 'registry.db');
  utimesSync(path, 1, 1);
  await (await open()).list();
  await registries.pop()!.close();
  expect(statSync(path).mtimeMs).toBe(1_000);
});

test('a run that has an owner cannot be claimed, by its owner or by others', async () => {
  const [owner, other] = [await open(), await open()];
  await begin(owner);
  expect(await owner.claim('run-1')).toBeNull();
  expect(await other.claim('run-1')).toBeNull();
  expect((await other.get('run-1'))?.isOwned).toBe(true);
});

test('a run whose owner let go is claimed once, with its journal', async () => {
  const [owner, other, third] = [await open(), await open(), await open()];
  await begin(owner);
  await owner.release('run-1');
  expect((await other.get('run-1'))?.isOwned).toBe(false);
  const journal = await other.claim('run-1');
  expect(journal?.lsn).toBe(1);
  expect(await third.claim('run-1')).toBeNull();
});

test('a run that has come to its end is not claimed, whatever was listed before', async () => {
  const registry = await open();
  await begin(registry);
  await registry.setState('run-1', 'completed', { finishedAt: AT, exitStatus: 0 });
  await registry.release('run-1');
  expect(await registry.claim('run-1')).toBeNull();
  expect(await registry.claim('never seen')).toBeNull();
  expect(await registry.get('run-1')).toMatchObject({ state: 'completed', exitStatus: 0, isOwned: false });
});

test('a run of the same name as a live one is refused', async () => {
  const [first, second] = [await open(), await open()];
  await begin(first);
  await expect(begin(second)).rejects.toMatchObject({ code: 'LOCKED', retryable: true });
});

test('the lock is held before the run is listed', async () => {
  const registry = await open();
  const lock = takeOwnerLock(join(folder, 'owners', 'run-1.db'));
  await expect(begin(registry)).rejects.toMatchObject({ code: 'LOCKED' });
  expect(await registry.list()).toEqual([]);
  lock?.release();
});

test('entries are read by the owner, beside the owner and after it; of an unknown run there are none', async () => {
  const [owner, other] = [await open(), await open()];
  const journal = await begin(owner);
  await journal.append(INTENT);
  const kinds = async (registry: RunRegistry) =>
    (await all(registry.readEntries('run-1'))).map(({ entry }) => entry.kind);
  expect(await kinds(owner)).toEqual(['run_started', 'run_claimed']);
  expect(await kinds(other)).toEqual(['run_started', 'run_claimed']);
  await owner.release('run-1');
  expect(await kinds(other)).toEqual(['run_started', 'run_claimed']);
  expect(await all(owner.readEntries('unknown'))).toEqual([]);
});

test('runs are given page by page, newest first, each once', async () => {
  const registry = await open();
  for (const [runId, startedAt] of [
    ['b', AT],
    ['a', AT],
    ['c', '2026-01-02T00:00:00.000Z'],
  ] as const)
    await begin(registry, runId, startedAt);
  const page = async (afterRunId: string | null) =>
    (await registry.page({ afterRunId, limit: 2 })).map(({ runId }) => runId);
  expect([await page(null), await page('b'), await page('a'), await page('unknown')]).toEqual([
    ['c', 'b'],
    ['a'],
    [],
    [],
  ]);
});

test('the runs that name a document are found, by its whole id only, also beside their owner', async () => {
  const [owner, other] = [await open(), await open()];
  for (const [runId, documentId] of [
    ['run-1', 'doc "1"'],
    ['run-2', 'doc "1"0'],
    ['run-3', 'doc "1"'],
  ] as const) {
    const journal = await begin(owner, runId);
    await journal.append({ kind: 'isolated_attempt', batchNo: 1, documentId, attempt: 1 });
  }
  const naming = async (documentId: string) =>
    (await Array.fromAsync(other.naming(documentId))).map(({ runId }) => runId);
  expect([await naming('doc "1"'), await naming('doc "1"0'), await naming('doc')]).toEqual([
    ['run-3', 'run-1'],
    ['run-2'],
    [],
  ]);
  await owner.release('run-1');
  expect(await naming('doc "1"')).toEqual(['run-3', 'run-1']);
});

test('a run whose journal cannot be searched may name any document, one without a journal names none', async () => {
  const registry = await open();
  for (const runId of ['damaged', 'gone', 'whole']) {
    await begin(registry, runId);
    await registry.release(runId);
  }
  writeFileSync(join(folder, 'runs', 'damaged.db'), 'not a database '.repeat(500));
  rmSync(join(folder, 'runs', 'gone.db'));
  expect((await Array.fromAsync(registry.naming('doc-1'))).map(({ runId }) => runId)).toEqual(['damaged']);
});

test('exclusive work is done by one at a time and frees its name when it fails', async () => {
  const [first, second] = [await open(), await open()];
  const inside = await first.exclusively('cleanup', () => second.exclusively('cleanup', async () => 'both'));
  expect(inside).toBeNull();
  await expect(first.exclusively('cleanup', () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await second.exclusively('cleanup', async () => 'done')).toBe('done');
});

test('a registry that vanished or is damaged is made again from the runs themselves', async () => {
  const registry = await open();
  await begin(registry, 'interrupted');
  const finished = await begin(registry, 'finished');
  await finished.append({ kind: 'run_finished', state: 'completed', exitStatus: 3, counts: NO_COUNTS, at: AT });
  await registry.close();
  for (const ruin of ['', 'not a database '.repeat(500)]) {
    if (ruin === '') rmSync(join(folder, 'registry.db'));
    else writeFileSync(join(folder, 'registry.db'), ruin);
    const again = await open();
    expect(await again.get('interrupted')).toMatchObject({ state: 'interrupted', startedAt: AT, targets: ['/docs'] });
    expect(await again.get('finished')).toMatchObject({ state: 'completed', exitStatus: 3, finishedAt: AT });
    await again.close();
  }
  expect(existsSync(join(folder, 'registry.db.damaged'))).toBe(true);
});

test.each<[string, string]>([
  ['a state that there is none of', "UPDATE run SET state = 'completee' WHERE run_id = 'finished'"],
  ['a name that is a path', "UPDATE run SET run_id = 'finish/d' WHERE run_id = 'finished'"],
  ['targets that are none', "UPDATE run SET targets = '[' WHERE run_id = 'finished'"],
  ['a moment that is none', "UPDATE run SET started_at = '2026-13' WHERE run_id = 'finished'"],
  ['no table', 'DROP TABLE run'],
])('a registry with %s is made again from the runs themselves, also while it is open', async (_, ruin) => {
  const registry = await open();
  const finished = await begin(registry, 'finished');
  await finished.append({ kind: 'run_finished', state: 'completed', exitStatus: 3, counts: NO_COUNTS, at: AT });
  await registry.release('finished');
  const isSeen = async (opened: RunRegistry) => {
    onDatabase(join(folder, 'registry.db'), ruin);
    await expect(Promise.all([opened.list(), opened.list()])).resolves.toMatchObject(
      Array(2).fill([{ runId: 'finished', state: 'completed', startedAt: AT, targets: ['/docs'] }]),
    );
  };
  await isSeen(registry);
  await registry.close();
  onDatabase(join(folder, 'registry.db'), ruin);
  const again = await open();
  expect(await again.get('finished')).toMatchObject({ state: 'completed', exitStatus: 3 });
  expect(existsSync(join(folder, 'registry.db.damaged'))).toBe(true);
});

test('a damaged journal of an unlisted run does not keep the others from being listed', async () => {
  const registry = await open();
  await begin(registry, 'whole');
  await registry.close();
  rmSync(join(folder, 'registry.db'));
  writeFileSync(join(folder, 'runs', 'damaged.db'), 'not a database '.repeat(500));
  expect((await (await open()).list()).map(({ runId }) => runId)).toEqual(['whole']);
});

test.each<[string, (path: string) => void]>([
  ['is no database', (path) => writeFileSync(path, 'not a database '.repeat(500))],
  ['is cut off', (path) => truncateSync(path, 6_000)],
  [
    'has an entry that was changed',
    (path) => onDatabase(path, "UPDATE entry SET body = replace(body, '/docs', '/dogs')"),
  ],
  ['has forgotten whose it is', (path) => onDatabase(path, 'DELETE FROM journal')],
  ['has an entry that is no entry', (path) => onDatabase(path, "UPDATE entry SET body = '{' WHERE lsn = 2")],
  ['lacks an entry', (path) => onDatabase(path, 'DELETE FROM entry WHERE lsn = 1')],
])('a log that %s is set aside when its run is claimed, and a new one is begun', async (_, ruin) => {
  const registry = await open();
  const journal = await begin(registry);
  await journal.append(INTENT);
  await registry.release('run-1');
  ruin(join(folder, 'runs', 'run-1.db'));
  await all(registry.readEntries('run-1'));
  const claimed = await registry.claim('run-1');
  expect(claimed?.lsn).toBe(0);
  expect(claimed?.journalId).not.toBe(journal.journalId);
  expect(readdirSync(join(folder, 'runs'))).toContain('run-1.db.damaged');
});

/** Runs SQL on a file, beside whoever has it open. */
function onDatabase(path: string, sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

test('a live run whose row was lost is listed again, as owned', async () => {
  const owner = await open();
  await begin(owner);
  rmSync(join(folder, 'registry.db'));
  const other = await open();
  expect(await other.get('run-1')).toMatchObject({ isOwned: true, targets: ['/docs'] });
  expect(await other.claim('run-1')).toBeNull();
});

test('a journal whose process died while the file was made keeps nobody from working', async () => {
  // What a kill between the first page and the removal of its rollback journal leaves; made here by copying an open transaction.
  const source = join(folder, 'source.db');
  const db = new Database(source);
  db.exec('PRAGMA cache_size = 1; CREATE TABLE t (x); BEGIN');
  for (let row = 0; row < 20; row += 1) db.exec('INSERT INTO t VALUES (zeroblob(4000))');
  for (const ending of ['', '-journal']) copyFileSync(`${source}${ending}`, join(folder, 'runs', `unmade.db${ending}`));
  db.close();
  const registry = await open();
  expect(await registry.list()).toEqual([]);
  await begin(registry);
  expect(await registry.list()).toHaveLength(1);
});

test('a data directory of a newer format is refused and left as it was', async () => {
  await (await open()).close();
  const db = new Database(join(folder, 'registry.db'));
  db.pragma('user_version = 99');
  db.close();
  await expect(open()).rejects.toMatchObject({ name: 'ConfigError', code: 'NEWER_FORMAT' });
  expect(readdirSync(folder)).not.toContain('registry.db.damaged');
});
