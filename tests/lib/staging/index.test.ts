import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../../lib/contracts/identity.ts';
import type { StagingFolder } from '../../../lib/contracts/staging.ts';
import { openStaging } from '../../../lib/staging/index.ts';
import { echoItem, echoSource } from '../../helpers/echo-source.ts';

const DAY_MS = 86_400_000;
const { signal } = new AbortController();
let folder: string;
let base: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'apex-staging-'));
  base = join(folder, 'staging');
});
afterEach(() => rmSync(folder, { recursive: true }));

function open(maxBytes = 1_000_000) {
  return openStaging({ base, maxBytes, failedRetentionMs: DAY_MS, now: Date.now });
}

async function stagedIn(runId: string, documentId = 'DOC-1'): Promise<StagingFolder> {
  const document = await open().open('local_upload', documentId, runId);
  await document.stage(echoSource, echoItem('hello'), signal);
  return document;
}

/** Nothing is in quarantine. */
const isQuarantined = () => false;

const modeOf = (path: string) => statSync(path).mode & 0o777;

test('a document lies under its source, id and run, for this user alone', async () => {
  const { path } = await stagedIn('run-1');
  expect(path).toBe(join(base, 'local_upload', 'DOC-1', 'run-1'));
  expect([modeOf(base), modeOf(path)]).toEqual([0o700, 0o700]);
  for (const name of readdirSync(path)) expect(modeOf(join(path, name))).toBe(0o600);
});

test('metadata speak the words of the design', async () => {
  const { path } = await stagedIn('run-1');
  const metadata = JSON.parse(readFileSync(join(path, '.metadata.json'), 'utf8')) as Record<string, unknown>;
  expect(metadata).toMatchObject({
    document_id: 'DOC-1',
    source: 'local_upload',
    status: 'active',
    file_size_bytes: 5,
  });
  expect(metadata['file_path']).toBe(join(path, 'staged'));
  expect(Object.keys(metadata)).toEqual(expect.arrayContaining(['created_at', 'updated_at']));
});

test('an id that is no plain name is never a path', async () => {
  const hostile = ['../../etc/passwd', '..', '.hidden', 'a/b', 'a\nb', '', 'x'.repeat(101), `sha256-${'0'.repeat(64)}`];
  for (const documentId of hostile) {
    const { path } = await open().open('local_upload', documentId, 'run-1');
    expect(path).toBe(join(base, 'local_upload', `sha256-${sha256(documentId)}`, 'run-1'));
  }
});

test('two runs never share a folder', async () => {
  const [first, second] = [await stagedIn('run-1'), await stagedIn('run-2')];
  await first.remove();
  expect(await second.staged()).toMatchObject({ bytes: 5 });
});

test('staged bytes are given back by a later attempt only while they are whole', async () => {
  const { path } = await stagedIn('run-1');
  const again = await open().open('local_upload', 'DOC-1', 'run-1');
  expect(await again.staged()).toMatchObject({ digest: sha256('hello'), bytes: 5, name: 'x.txt' });
  truncateSync(join(path, 'staged'), 4);
  expect(await again.staged()).toBeNull();
  rmSync(join(path, 'staged'));
  expect(await again.staged()).toBeNull();
});

test('staging again replaces what an earlier attempt left', async () => {
  const document = await stagedIn('run-1');
  await document.stage(echoSource, echoItem('changed'), signal);
  expect(await document.staged()).toMatchObject({ digest: sha256('changed') });
});

test('an artifact is read back under its own key, and is absent when torn, changed or of another key', async () => {
  const document = await stagedIn('run-1');
  await document.writeArtifact('parsed', 'key', Buffer.from('line 1\nline 2'));
  expect(Buffer.from((await document.readArtifact('parsed', 'key'))!).toString()).toBe('line 1\nline 2');
  expect(await document.readArtifact('parsed', 'other key')).toBeNull();
  expect(await document.readArtifact('never written', 'key')).toBeNull();
  const path = join(document.path, 'parsed.artifact');
  const whole = readFileSync(path);
  for (const torn of [whole.subarray(0, -1), whole.subarray(0, 10), Buffer.alloc(0), Buffer.concat([whole, whole])]) {
    writeFileSync(path, torn);
    expect(await document.readArtifact('parsed', 'key')).toBeNull();
  }
});

test('a full quota refuses before anything is written', async () => {
  const document = await open(4).open('local_upload', 'DOC-1', 'run-1');
  await expect(document.stage(echoSource, echoItem('hello'), signal)).rejects.toMatchObject({ code: 'QUOTA_FULL' });
  expect(readdirSync(base)).toEqual([]);
});

test('bytes of unknown number count against the quota once they are known', async () => {
  const staging = open(400);
  const first = await staging.open('local_upload', 'DOC-1', 'run-1');
  const long = echoItem('x'.repeat(500), null);
  await expect(first.stage(echoSource, long, signal)).rejects.toMatchObject({ code: 'QUOTA_FULL' });
});

test('what was removed makes room: a long run may stage more than the quota in all', async () => {
  const staging = open(1_000);
  for (let index = 0; index < 10; index += 1) {
    const document = await staging.open('local_upload', `DOC-${index}`, 'run-1');
    await document.stage(echoSource, echoItem('x'.repeat(400)), signal);
    await document.remove();
    expect(readdirSync(join(base, 'local_upload'))).toEqual([]);
  }
  await staging.close();
  expect(readdirSync(base)).toEqual([]);
});

test('removing a folder that is gone is quiet', async () => {
  const document = await stagedIn('run-1');
  await document.remove();
  await document.remove();
  expect(existsSync(document.path)).toBe(false);
});

test('removing a run leaves what is marked failed, and other runs', async () => {
  const [active, failed, other] = [await stagedIn('r1', 'a'), await stagedIn('r1', 'b'), await stagedIn('r2', 'a')];
  await failed.markFailed();
  await open().removeRun('r1');
  expect([active, failed, other].map(({ path }) => existsSync(path))).toEqual([false, true, true]);
});

test('marking a document failed that was never staged leaves a record of it', async () => {
  const document = await open().open('local_upload', 'DOC-1', 'run-1');
  await document.markFailed();
  expect(readFileSync(join(document.path, '.metadata.json'), 'utf8')).toContain('"status":"failed"');
  expect(await document.staged()).toBeNull();
});

test('what is kept of failed attempts at a document is forgotten in every run, and nothing else', async () => {
  const [failed, failedAgain, active, other] = [
    await stagedIn('r1'),
    await stagedIn('r2'),
    await stagedIn('r3'),
    await stagedIn('r1', '../DOC 2'),
  ];
  for (const folder of [failed, failedAgain, other]) await folder.markFailed();
  const isThere = () => [failed, failedAgain, active, other].map(({ path }) => existsSync(path));
  await open().forget(['DOC-1', 'DOC'], () => true);
  expect(isThere()).toEqual([false, false, true, true]);
  await open().forget(['../DOC 2'], () => true);
  expect(isThere()).toEqual([false, false, true, false]);
});

test('cleanup removes failures older than the retention time and folders of unknown runs, and nothing else', async () => {
  const [kept, orphan, failed] = [
    await stagedIn('kept', 'a'),
    await stagedIn('gone', 'b'),
    await stagedIn('kept', 'c'),
  ];
  await failed.markFailed();
  const isKept = (runId: string) => runId === 'kept';
  const soon = await open().cleanup({ now: Date.now() + 1_000, isKept, isQuarantined });
  expect(soon.removedFolders).toBe(1);
  expect(soon.removedBytes).toBeGreaterThan(5);
  expect([kept, orphan, failed].map(({ path }) => existsSync(path))).toEqual([true, false, true]);
  expect(await open().cleanup({ now: Date.now() + 2 * DAY_MS, isKept, isQuarantined })).toMatchObject({
    removedFolders: 1,
  });
  expect([kept, failed].map(({ path }) => existsSync(path))).toEqual([true, false]);
});

test('a failed document that cannot be fetched again is kept as long as it is quarantined', async () => {
  const document = await open().open('local_upload', 'DOC-1', 'dead');
  await document.stage(echoSource, { ...echoItem('hello'), isRepeatable: false }, signal);
  await document.markFailed();
  const later = { now: Date.now() + 2 * DAY_MS, isKept: () => false };
  await open().cleanup({ ...later, isQuarantined: (documentId) => documentId === 'DOC-1' });
  expect(await document.staged()).toMatchObject({ digest: sha256('hello') });
  await open().cleanup({ ...later, isQuarantined });
  expect(await document.staged()).toBeNull();
});

test('cleanup leaves the folder of a live run alone before its metadata are there', async () => {
  const { path } = await stagedIn('live');
  rmSync(join(path, '.metadata.json'));
  await open().cleanup({ now: Date.now() + 1_000, isKept: (runId) => runId === 'live', isQuarantined });
  expect(existsSync(path)).toBe(true);
});

test('cleanup leaves what came after the runs were listed', async () => {
  const { path } = await stagedIn('new');
  await open().cleanup({ now: Date.now() - 1_000, isKept: () => false, isQuarantined });
  expect(existsSync(path)).toBe(true);
});

test('cleanup removes the emptied folders that a killed process left, not beside a dry run', async () => {
  const document = join(base, 'local_upload', 'DOC-1');
  mkdirSync(document, { recursive: true });
  const options = { now: Date.now(), isKept: () => false, isQuarantined };
  await open().cleanup({ ...options, isTrial: true });
  expect(existsSync(document)).toBe(true);
  const { path } = await stagedIn('kept', 'b');
  await open().cleanup({ ...options, isKept: (runId) => runId === 'kept' });
  expect([document, path].map((place) => existsSync(place))).toEqual([false, true]);
});

test('cleanup follows no links', async () => {
  const outside = join(folder, 'outside', 'document', 'run');
  mkdirSync(outside, { recursive: true });
  writeFileSync(join(outside, 'precious'), 'x');
  const { path } = await stagedIn('gone');
  symlinkSync(join(folder, 'outside'), join(base, 'linked'));
  symlinkSync(outside, join(path, 'linked'));
  await open().cleanup({ now: Date.now() + 1_000, isKept: () => false, isQuarantined });
  expect(existsSync(path)).toBe(false);
  expect(existsSync(join(outside, 'precious'))).toBe(true);
});

test('a base that is a link, a file or of another user is refused', () => {
  symlinkSync(folder, base);
  expect(open).toThrow(expect.objectContaining({ code: 'APEX_CONFIG' }));
  rmSync(base);
  writeFileSync(base, '');
  expect(open).toThrow(expect.objectContaining({ code: 'APEX_CONFIG' }));
  rmSync(base);
  if (process.geteuid?.() !== 0) return console.log('not root: the foreign-owned base is not tried');
  mkdirSync(base);
  chownSync(base, 12_345, 12_345);
  expect(open).toThrow(expect.objectContaining({ code: 'APEX_PERMISSION' }));
});
