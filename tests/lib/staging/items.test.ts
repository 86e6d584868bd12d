import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { sha256 } from '../../../lib/contracts/identity.ts';
import type { SourceItem } from '../../../lib/contracts/source.ts';
import type { Published, Staging } from '../../../lib/contracts/staging.ts';
import { openStaging } from '../../../lib/staging/index.ts';
import { echoItem, echoSource } from '../../helpers/echo-source.ts';
import { temporaryFolder } from '../../helpers/memory.ts';
import { never } from '../../helpers/records.ts';

/**
 * Goal: an item is there whole or not at all, and one run has it. Method: items of two staging areas over one folder, as two processes
 * have them, what a death leaves at each step, and what somebody plants there.
 */

const HOUR_MS = 3_600_000;

function openArea() {
  const base = join(temporaryFolder(), 'staging');
  const open = () => openStaging({ base, maxBytes: 1_000_000, failedRetentionMs: HOUR_MS, now: Date.now });
  return { base, open, staging: open() };
}

function publish(staging: Staging, itemId: string, content = 'hello', source = 'local_upload'): Promise<Published> {
  return staging.items.receive(async (openFolder) => {
    const folder = openFolder();
    await folder.stage(echoSource, echoItem(content), never);
    return folder.publish({ itemId, kind: 'document', source, group: '', origin: echoItem(content) });
  });
}

/** Where an item of a file lies. */
const at = (itemId: string) => ({ itemId, source: 'local_upload' });

const nobody = () => false;
const isOneOf =
  (...runIds: string[]) =>
  (runId: string) =>
    runIds.includes(runId);

async function taken(staging: Staging, itemId: string, runId: string): Promise<SourceItem> {
  const item = await staging.items.take(at(itemId), runId, isOneOf('live'));
  if (typeof item === 'string') throw new Error(item);
  return item;
}

const listed = async (staging: Staging) => (await Array.fromAsync(staging.items.list())).map(({ itemId }) => itemId);

const cleaned = (staging: Staging, isKept: (runId: string) => boolean = nobody) =>
  staging.cleanup({ now: Date.now() + 10 * HOUR_MS, isKept, isQuarantined: nobody });

test('what is published waits under its source and id, whole, and is read as what it was', async () => {
  const { base, staging } = openArea();
  const { item, isNew } = await publish(staging, 'DOC-1');
  expect({ ...item, isNew }).toMatchObject({ itemId: 'DOC-1', status: 'active', digest: sha256('hello'), isNew: true });
  expect(item.path).toBe(join(base, 'local_upload', 'DOC-1', 'waiting', 'staged'));
  const read = await taken(staging, 'DOC-1', 'run-1');
  expect(read).toMatchObject({ uri: 'echo:x', staged: { itemId: 'DOC-1', source: 'local_upload' } });
  expect(await staging.source.digest(read, never)).toEqual({ digest: sha256('hello'), bytes: 5 });
  const copy = join(base, 'copy');
  expect(await staging.source.copy(read, copy, never)).toEqual({ digest: sha256('hello'), bytes: 5, version: null });
  expect(readFileSync(copy, 'utf8')).toBe('hello');
});

test('an item that is damaged is replaced by the same bytes staged again', async () => {
  const { staging } = openArea();
  const { item } = await publish(staging, 'DOC-1');
  truncateSync(item.path, 2);
  expect((await staging.items.find('DOC-1'))[0]).toMatchObject({ status: 'damaged' });
  expect(await publish(staging, 'DOC-1')).toMatchObject({ isNew: true });
  expect((await staging.items.find('DOC-1'))[0]).toMatchObject({ status: 'active', digest: sha256('hello') });
  expect(readFileSync(item.path, 'utf8')).toBe('hello');
});

test('an id that is no plain name is never a path', async () => {
  const { base, staging } = openArea();
  for (const itemId of ['../../x', '..', 'a/b', 'waiting@x', '']) {
    const { item } = await publish(staging, itemId);
    expect(dirname(dirname(item.path))).toBe(join(base, 'local_upload', `sha256-${sha256(itemId)}`));
    expect((await staging.items.find(itemId))[0]).toMatchObject({ itemId });
  }
});

test('nothing is left of what is staged and not published', async () => {
  const { base, staging } = openArea();
  await expect(
    staging.items.receive(async (openFolder) => {
      await openFolder().stage(echoSource, echoItem('hello'), never);
      throw new Error('stopped');
    }),
  ).rejects.toThrow('stopped');
  await staging.close();
  expect(readdirSync(base)).toEqual([]);
});

test('two that publish the same at once leave one, and neither fails', async () => {
  const { open } = openArea();
  const areas = Array.from({ length: 8 }, open);
  const published = await Promise.all(areas.map((area, index) => publish(area, 'DOC-1', `content ${index % 2}`)));
  const [last] = await Array.fromAsync(areas[0]!.items.list());
  expect(await listed(areas[0]!)).toEqual(['DOC-1']);
  expect(published.map(({ item }) => item.digest)).toContain(last!.digest);
  expect(sha256(readFileSync(last!.path, 'utf8'))).toBe(last!.digest);
});

test.each([
  ['the same bytes', 'hello', false],
  ['other bytes', 'other', true],
])('an item of %s that another process publishes at this very moment is in nobody’s way', async (_, content, isNew) => {
  const { base, staging } = openArea();
  const { item } = await publish(staging, 'DOC-1', content);
  const [waiting, kept] = [dirname(item.path), join(dirname(base), 'kept')];
  renameSync(waiting, kept);
  let points = 0;
  const probe = () => {
    points += 1;
    if (points === 1) cpSync(kept, waiting, { recursive: true });
  };
  const late = openStaging({ base, maxBytes: 1_000_000, failedRetentionMs: HOUR_MS, now: Date.now, probe });
  expect(await publish(late, 'DOC-1', 'hello')).toMatchObject({ isNew, item: { digest: sha256('hello') } });
  expect(await Array.fromAsync(staging.items.list())).toMatchObject([{ status: 'active', digest: sha256('hello') }]);
});

test('one run has an item until it ends: others find it taken while that run is at work, and take it over when it is not', async () => {
  const { open, staging } = openArea();
  const other = open();
  await publish(staging, 'DOC-1');
  await taken(staging, 'DOC-1', 'live');
  expect(await other.items.take(at('DOC-1'), 'second', isOneOf('live'))).toBe('taken');
  expect(await other.items.take(at('DOC-1'), 'second', nobody)).toMatchObject({ staged: { itemId: 'DOC-1' } });
  expect((await staging.items.find('DOC-1'))[0]).toMatchObject({ takenBy: 'second', status: 'active' });
  await staging.items.end(at('DOC-1'), 'live', null);
  expect(await listed(other)).toEqual(['DOC-1']);
  await other.items.end(at('DOC-1'), 'second', null);
  expect(await listed(other)).toEqual([]);
});

test('of two runs that take an item at once one gets it', async () => {
  const { open, staging } = openArea();
  for (let round = 0; round < 20; round += 1) {
    await publish(staging, `DOC-${round}`);
    const runs = ['a', 'b', 'c'];
    const got = await Promise.all(runs.map((runId) => open().items.take(at(`DOC-${round}`), runId, isOneOf(...runs))));
    expect(got.filter((item) => typeof item !== 'string')).toHaveLength(1);
  }
});

test('what is staged while a run has an item waits for the next run, and counts more than what a dead run had', async () => {
  const { staging } = openArea();
  await publish(staging, 'DOC-1', 'first');
  await taken(staging, 'DOC-1', 'live');
  await publish(staging, 'DOC-1', 'second');
  expect(await staging.items.take(at('DOC-1'), 'next', isOneOf('live'))).toBe('taken');
  const item = await staging.items.take(at('DOC-1'), 'next', nobody);
  expect(await staging.source.digest(item as SourceItem, never)).toMatchObject({ digest: sha256('second') });
  await staging.items.end(at('DOC-1'), 'next', null);
  expect(await listed(staging)).toEqual([]);
});

test('of one id an item of each source waits, is taken and ends by itself', async () => {
  const { base, staging } = openArea();
  await publish(staging, 'DOC-1', 'of a file');
  await publish(staging, 'DOC-1', 'of the web', 'https');
  const sourcesOf = async () => (await staging.items.find('DOC-1')).map(({ source }) => source);
  expect(await sourcesOf()).toEqual(['https', 'local_upload']);
  const item = await taken(staging, 'DOC-1', 'run-1');
  expect(await staging.source.digest(item, never)).toMatchObject({ digest: sha256('of a file') });
  expect((await staging.items.find('DOC-1')).map(({ takenBy }) => takenBy)).toEqual([null, 'run-1']);
  await staging.items.end(at('DOC-1'), 'run-1', null);
  expect(await sourcesOf()).toEqual(['https']);
  symlinkSync(join(base, 'https'), join(base, 'elsewhere'));
  mkdirSync(join(base, 'other'));
  symlinkSync(join(base, 'https', 'DOC-1'), join(base, 'other', 'DOC-1'));
  expect(await sourcesOf()).toEqual(['https']);
});

test('an item is removed for good, unless a run at work has it, and what came after that is removed alone', async () => {
  const { base, staging } = openArea();
  const remove = async (isAtWork: (runId: string) => boolean = nobody) => {
    const [item] = await staging.items.find('DOC-1');
    return item === undefined ? null : [item.takenBy, await staging.items.remove(item, isAtWork)];
  };
  await publish(staging, 'DOC-1');
  const [seen] = await staging.items.find('DOC-1');
  expect(await remove()).toEqual([null, 'removed']);
  expect(readdirSync(base)).not.toContain('local_upload');
  expect(await staging.items.remove(seen!, nobody)).toBe('gone');
  await publish(staging, 'DOC-1');
  await taken(staging, 'DOC-1', 'live');
  expect(await remove(isOneOf('live'))).toEqual(['live', 'taken']);
  await publish(staging, 'DOC-1', 'anew');
  expect(await remove(isOneOf('live'))).toEqual([null, 'removed']);
  expect(await remove(isOneOf('live'))).toEqual(['live', 'taken']);
  expect(await remove()).toEqual(['live', 'removed']);
  expect(await listed(staging)).toEqual([]);
});

test('what is removed while a run takes it is of one of them', async () => {
  const { open, staging } = openArea();
  for (let round = 0; round < 20; round += 1) {
    const { item } = await publish(staging, 'DOC-1');
    const [removed, got] = await Promise.all([
      open().items.remove(item, isOneOf('live')),
      open().items.take(at('DOC-1'), 'live', nobody),
    ]);
    expect([removed, typeof got === 'string' ? got : 'got']).toSatisfy(
      ([one, other]) => (one === 'removed' && other === 'gone') || (one === 'taken' && other === 'got'),
    );
    await staging.items.end(at('DOC-1'), 'live', null);
  }
});

test('a damaged item is found and removed by the name that is listed, also where that is a digest', async () => {
  const { staging } = openArea();
  const { item } = await publish(staging, 'a/b');
  writeFileSync(join(dirname(item.path), '.metadata.json'), '{');
  const [name] = await listed(staging);
  expect(name).toMatch(/^sha256-/);
  expect(await staging.items.find(name!)).toMatchObject([{ itemId: name, status: 'damaged' }]);
  await publish(staging, 'c/d');
  const whole = (await Array.fromAsync(staging.items.list())).find(({ itemId }) => itemId === 'c/d')!;
  expect(await staging.items.find(basename(dirname(dirname(whole.path))))).toEqual([]);
  const [damaged] = await staging.items.find(name!);
  expect(await staging.items.remove(damaged!, nobody)).toBe('removed');
  expect(await listed(staging)).toEqual(['c/d']);
});

test('what failed is kept with its reason, and can be taken again', async () => {
  const { staging } = openArea();
  await publish(staging, 'DOC-1');
  await taken(staging, 'DOC-1', 'run-1');
  await staging.items.end(at('DOC-1'), 'run-1', { code: 'EMPTY_TEXT', message: 'nothing' });
  const failed = { status: 'failed', error: { code: 'EMPTY_TEXT', message: 'nothing' }, takenBy: null };
  expect((await staging.items.find('DOC-1'))[0]).toMatchObject(failed);
  await taken(staging, 'DOC-1', 'run-2');
  expect((await cleaned(staging, isOneOf('run-2'))).removedFolders).toBe(0);
  await staging.items.end(at('DOC-1'), 'run-2', null);
  expect((await staging.items.find('DOC-1'))[0]).toBeUndefined();
});

test('a run that is rolled back leaves what it had taken, to be taken again', async () => {
  const { staging } = openArea();
  await publish(staging, 'DOC-1');
  await taken(staging, 'DOC-1', 'run-1');
  await staging.removeRun('run-1');
  expect(await taken(staging, 'DOC-1', 'run-2')).toBeDefined();
});

test('a document that is deleted takes its failed copy with it, and not what waits', async () => {
  const { staging } = openArea();
  for (const itemId of ['DOC-1', 'DOC-2']) await publish(staging, itemId);
  await taken(staging, 'DOC-1', 'run-1');
  await staging.items.end(at('DOC-1'), 'run-1', { code: 'CORRUPT', message: '' });
  await staging.forget(['DOC-1', 'DOC-2'], nobody);
  expect(await listed(staging)).toEqual(['DOC-2']);
});

test('what waits is never removed, however old, nor what a dead run had taken', async () => {
  const { staging } = openArea();
  for (const itemId of ['DOC-1', 'DOC-2']) await publish(staging, itemId);
  await taken(staging, 'DOC-2', 'dead');
  expect(await cleaned(staging)).toEqual({ removedFolders: 0, removedBytes: 0 });
  expect(await listed(staging)).toEqual(['DOC-1', 'DOC-2']);
});

test('what a process that was killed had begun to stage is removed, and what a live one has is not', async () => {
  const { base, open, staging } = openArea();
  const module = new URL('../../../lib/staging/index.ts', import.meta.url).href;
  const script = `const { openStaging } = await import(${JSON.stringify(module)});
    const staging = openStaging({ base: ${JSON.stringify(base)}, maxBytes: 1e6, failedRetentionMs: 0, now: Date.now });
    await staging.items.receive(() => { process.stdout.write('open'); return new Promise(() => setInterval(() => {}, 1000)); });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await once(child.stdout, 'data');
  const incoming = join(base, '.incoming');
  const [name] = readdirSync(incoming);
  mkdirSync(join(incoming, name!, '1'));
  writeFileSync(join(incoming, name!, '1', 'staged'), 'half');
  expect((await cleaned(staging)).removedFolders).toBe(0);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  expect((await cleaned(open())).removedFolders).toBe(1);
  expect(existsSync(join(incoming, name!))).toBe(false);
});

test('an item whose metadata are damaged or missing, or whose bytes are cut, is told as damaged and cannot be taken', async () => {
  const { staging } = openArea();
  const damages: [string, (folder: string) => void][] = [
    ['torn', (path) => writeFileSync(join(path, '.metadata.json'), '{"document_id"')],
    ['other', (path) => writeFileSync(join(path, '.metadata.json'), '[]')],
    ['missing', (path) => rmSync(join(path, '.metadata.json'))],
    ['cut', (path) => writeFileSync(join(path, 'staged'), 'hel')],
    ['no-bytes', (path) => rmSync(join(path, 'staged'))],
  ];
  for (const [itemId, damage] of damages) {
    const { item } = await publish(staging, itemId);
    damage(dirname(item.path));
    expect((await staging.items.find(itemId))[0], itemId).toMatchObject({
      itemId,
      status: 'damaged',
      error: { code: 'CORRUPT' },
    });
    expect(await staging.items.take(at(itemId), 'run-1', nobody), itemId).toBe('gone');
  }
  expect((await cleaned(staging)).removedFolders).toBe(damages.length);
});

test('bytes that were changed behind our back are not believed', async () => {
  const { staging } = openArea();
  const { item } = await publish(staging, 'DOC-1');
  writeFileSync(item.path, 'HELLO');
  await expect(staging.source.digest(await taken(staging, 'DOC-1', 'run-1'), never)).rejects.toMatchObject({
    code: 'CORRUPT',
  });
});

test.each([
  ['the file', (path: string, outside: string) => [path, join(outside, 'precious')]],
  [
    'the metadata',
    (path: string, outside: string) => [join(dirname(path), '.metadata.json'), join(outside, 'precious')],
  ],
  ['the item', (path: string, outside: string) => [dirname(path), outside]],
  ['the document', (path: string, outside: string) => [dirname(dirname(path)), outside]],
  ['the source', (path: string, outside: string) => [dirname(dirname(dirname(path))), outside]],
])('a link in place of %s is not followed: not to read, not to write, not to remove', async (what, plant) => {
  const { base, staging } = openArea();
  const outside = join(dirname(base), 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'precious'), 'precious');
  writeFileSync(join(outside, 'staged'), 'hello');
  const { item } = await publish(staging, 'DOC-1');
  const [link, to] = plant(item.path, outside);
  rmSync(link!, { recursive: true });
  symlinkSync(to!, link!);
  const got = (await staging.items.find('DOC-1'))[0];
  if (got !== undefined) expect(got.status, what).toBe('damaged');
  expect(await staging.items.take(at('DOC-1'), 'run-1', nobody)).toBe('gone');
  await cleaned(staging);
  const again = publish(staging, 'DOC-1', 'again');
  if (basename(link!) === 'DOC-1' || basename(link!) === 'local_upload')
    await expect(again).rejects.toMatchObject({ code: 'APEX_CONFIG', message: expect.stringContaining('is a link') });
  else await again;
  expect(readdirSync(outside).sort()).toEqual(['precious', 'staged']);
  expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious');
});
