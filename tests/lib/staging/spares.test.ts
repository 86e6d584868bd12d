import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { sha256 } from '../../../lib/contracts/identity.ts';
import type { StagingFolder } from '../../../lib/contracts/staging.ts';
import { openStaging } from '../../../lib/staging/index.ts';
import { echoItem, echoSource } from '../../helpers/echo-source.ts';
import { temporaryFolder } from '../../helpers/memory.ts';
import { never } from '../../helpers/records.ts';

/**
 * Goal: nobody can tell whether a document's folder is a new one or was another document's, but by its inode. Method: documents one
 * after the other through one staging area, with what processes beside it may do.
 */

const KEY = 'made from';

function openArea(maxBytes = 1_000_000) {
  const base = join(temporaryFolder(), 'staging');
  const staging = openStaging({ base, maxBytes, failedRetentionMs: 0, now: Date.now });
  /** Stages a document with an artifact. */
  const stage = async (documentId: string, content: string, runId = 'run-1'): Promise<StagingFolder> => {
    const folder = await staging.open('local_upload', documentId, runId);
    await folder.stage(echoSource, echoItem(content), never);
    await folder.writeArtifact('parsed', KEY, Buffer.from(`parsed ${content}`));
    return folder;
  };
  return { base, staging, stage };
}

/** Every file below a folder. */
function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const inodeOf = (path: string) => statSync(path).ino;

test('the folder of a document that is done with serves the next one, which finds in it only its own', async () => {
  const { staging, stage } = openArea();
  const first = await stage('a', 'a long secret of the first document');
  const inodes = [inodeOf(first.path), inodeOf(join(first.path, 'staged'))];
  await first.remove();
  const second = await staging.open('local_upload', 'b', 'run-1');
  const file = await second.stage(echoSource, echoItem('short'), never);
  expect([inodeOf(second.path), inodeOf(file.path)]).toEqual(inodes);
  expect(await second.readArtifact('parsed', KEY)).toBeNull();
  await second.writeArtifact('parsed', KEY, Buffer.from('own'));
  expect(Buffer.from((await second.readArtifact('parsed', KEY))!).toString()).toBe('own');
  expect(readFileSync(file.path, 'utf8')).toBe('short');
  expect(await second.staged()).toEqual(file);
  const metadata = JSON.parse(readFileSync(join(second.path, '.metadata.json'), 'utf8')) as Record<string, unknown>;
  expect(metadata).toMatchObject({ document_id: 'b', status: 'active', file_path: file.path, file_size_bytes: 5 });
  for (const path of filesIn(second.path)) expect(statSync(path).mode & 0o777, path).toBe(0o600);
});

test('nothing of a document is left once it is removed', async () => {
  const { base, stage } = openArea();
  const folder = await stage('a', 'a long secret of the first document');
  await folder.remove();
  expect(existsSync(dirname(folder.path))).toBe(false);
  const left = filesIn(base).map((path) => readFileSync(path));
  expect(left.length).toBeGreaterThan(0);
  for (const bytes of left) expect(bytes.every((byte) => byte === 0)).toBe(true);
});

test('closing leaves the area empty, and it can be used again', async () => {
  const { base, staging, stage } = openArea();
  await (await stage('a', 'one')).remove();
  await staging.close();
  expect(readdirSync(base)).toEqual([]);
  const again = await stage('b', 'two');
  expect(await again.staged()).toMatchObject({ digest: sha256('two') });
});

test('closing removes what a process that died has kept', async () => {
  const { base, staging } = openArea();
  mkdirSync(join(base, '.spare', 'dead-0', 'run-1'), { recursive: true });
  writeFileSync(join(base, '.spare', 'dead-0', 'run-1', 'staged'), 'not yet overwritten');
  await staging.close();
  expect(readdirSync(base)).toEqual([]);
});

test('a document that goes on where it was keeps its folder and its artifacts, whatever is spare', async () => {
  const { staging, stage } = openArea();
  const interrupted = await stage('a', 'one');
  await (await stage('b', 'two')).remove();
  const resumed = await staging.open('local_upload', 'a', 'run-1');
  await resumed.stage(echoSource, echoItem('one'), never);
  expect(Buffer.from((await resumed.readArtifact('parsed', KEY))!).toString()).toBe('parsed one');
  expect(resumed.path).toBe(interrupted.path);
});

test('a spare folder of one run serves a document of another', async () => {
  const { stage } = openArea();
  await (await stage('a', 'one', 'run-1')).remove();
  const other = await stage('a', 'two', 'run-2');
  expect(readdirSync(dirname(other.path))).toEqual(['run-2']);
  expect(await other.staged()).toMatchObject({ digest: sha256('two') });
});

test('the folder of another run of the same document stays where it is', async () => {
  const { stage } = openArea();
  const [first, second] = [await stage('a', 'one', 'run-1'), await stage('a', 'two', 'run-2')];
  await first.remove();
  expect([existsSync(first.path), await second.staged()]).toMatchObject([false, { digest: sha256('two') }]);
});

test.each([
  ['attachments', (path: string) => mkdirSync(join(path, 'attachments'))],
  ['an unknown file', (path: string) => writeFileSync(join(path, 'core'), 'x')],
  ['a large file', (path: string) => writeFileSync(join(path, 'parsed.artifact'), Buffer.alloc(65_537, 1))],
])('a folder with %s is removed and serves nobody', async (_, add) => {
  const { base, stage } = openArea();
  const folder = await stage('a', 'one');
  add(folder.path);
  await folder.remove();
  expect(filesIn(base)).toEqual([]);
});

test('what another process takes away is made anew', async () => {
  const { base, stage } = openArea();
  await (await stage('a', 'one')).remove();
  rmSync(join(base, '.spare'), { recursive: true });
  const folder = await stage('b', 'two');
  expect(await folder.staged()).toMatchObject({ digest: sha256('two') });
  await folder.remove();
  expect(existsSync(folder.path)).toBe(false);
});

test('spare folders make room when the quota is reached', async () => {
  const { base, stage } = openArea(5_000);
  const folders = [];
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) folders.push(await stage(name, 'x'.repeat(50)));
  for (const folder of folders) await folder.remove();
  expect(filesIn(base).reduce((sum, path) => sum + statSync(path).size, 0)).toBeGreaterThan(3_000);
  const large = await stage('g', 'y'.repeat(2_000));
  expect(await large.staged()).toMatchObject({ bytes: 2_000 });
});

test('cleanup neither counts nor disturbs spare folders', async () => {
  const { staging, stage } = openArea();
  await (await stage('a', 'one')).remove();
  const cleaned = await staging.cleanup({ now: Date.now() + 1_000, isKept: () => false, isQuarantined: () => false });
  expect(cleaned).toEqual({ removedFolders: 0, removedBytes: 0 });
  const inode = inodeOf((await stage('b', 'two')).path);
  expect(inode).toBeGreaterThan(0);
});
