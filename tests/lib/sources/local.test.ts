import { appendFileSync, mkdirSync, readFileSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../../lib/contracts/identity.ts';
import type { Source, SourceItem, SourceProblem } from '../../../lib/contracts/source.ts';
import { createLocalSource, type LocalSettings } from '../../../lib/sources/local.ts';
import { temporaryFolder } from '../../helpers/memory.ts';
import { collect, never } from '../../helpers/records.ts';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

function open(settings: Partial<LocalSettings> = {}): Source {
  return createLocalSource({
    maxBytes: 1_000_000,
    stdin: Readable.from([]),
    stdinName: null,
    ownFolders: [],
    ...settings,
  });
}

function write(name: string | Buffer, content = 'text'): string {
  const path = join(folder, name.toString('latin1'));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]), content);
  return path;
}

const isProblem = (entry: SourceItem | SourceProblem): entry is SourceProblem => 'code' in entry;

/** What a listing gives: locations below the folder, and problems by code. */
async function list(targets: readonly string[], settings: Partial<LocalSettings> = {}): Promise<string[]> {
  const found = await collect(open(settings).list(targets, never));
  const root = `${pathToFileURL(folder).href}/`;
  return found.map((entry) => (isProblem(entry) ? entry.code : entry.uri.replace(root, '')));
}

async function itemOf(path: string, settings: Partial<LocalSettings> = {}) {
  const source = open(settings);
  const [item] = await collect(source.list([path], never));
  return { source, item: item as SourceItem };
}

test('a folder is read with all below it, but for hidden names and links, in the order of locations', async () => {
  for (const name of ['b.txt', 'a/deep/c.txt', 'B.txt', '.hidden', '.git/config']) write(name);
  symlinkSync('b.txt', join(folder, 'link.txt'));
  symlinkSync('..', join(folder, 'a', 'up'));
  expect(await list([folder])).toEqual(['B.txt', 'a/deep/c.txt', 'b.txt']);
});

test.each([
  ['a name with blanks', 'a b#c?d.txt'],
  ['a name that is not ASCII', 'Müller 荷物 %41.txt'],
  ['a name that is not text', Buffer.from([0x61, 0xff, 0x25, 0x2e, 0x74])],
])('an item is found again by its location alone: %s', async (_, name) => {
  write(name, 'hello');
  const { source, item } = await itemOf(folder);
  const again = source.itemAt(item.uri);
  expect(again).toEqual(item);
  expect(await source.digest(again!, never)).toEqual({ digest: sha256('hello'), bytes: 5 });
});

test('standard input is not found again', () => {
  expect(open().itemAt('stdin:a%20b.txt')).toBeNull();
});

test('an item says what it is, and where it lies only to its source', async () => {
  const path = write('a b.txt', 'hello');
  const { item } = await itemOf(path);
  expect(item).toMatchObject({ uri: pathToFileURL(path).href, name: 'a b.txt', bytes: 5, isRepeatable: true });
  expect(JSON.parse(JSON.stringify(item))).toEqual(item);
});

test('an item is found again by its location, whatever bytes its name has, and what was piped in is not', async () => {
  for (const name of ['a b.txt', '100%.txt', 'Müller#1?.txt', 'line\nbreak\\.txt', Buffer.from([0xff, 0x41])])
    write(name);
  const source = open();
  const items = (await collect(source.list([folder], never))) as SourceItem[];
  expect(items).toHaveLength(5);
  for (const item of items) expect(source.itemAt(item.uri)).toEqual(item);
  expect(source.itemAt('stdin:note-1')).toBeNull();
  expect(source.itemAt('file:///nowhere/a%00b')).toBeNull();
  expect(source.itemAt(pathToFileURL(join(folder, 'nothing')).href)).toMatchObject({ name: 'nothing', bytes: null });
});

test('what is named in several ways is one item', async () => {
  write('a.txt');
  const ways = [join(folder, 'a.txt'), `${folder}/./b/../a.txt`, folder, `${folder}/*.txt`, `${folder}/{a,b}.txt`];
  expect(await list(ways)).toEqual(['a.txt']);
});

test('a hidden file and a link are read when they are named themselves', async () => {
  symlinkSync(write('.hidden'), join(folder, 'link.txt'));
  expect(await list([join(folder, '.hidden'), join(folder, 'link.txt')])).toEqual(['.hidden', 'link.txt']);
});

test('problems come first, each with its reason, and the rest is listed', async () => {
  write('a.txt');
  mkdirSync(join(folder, 'empty'));
  symlinkSync('self', join(folder, 'self'));
  const targets = ['missing', 'a.txt', 'empty', '*.pdf', 'self', 'a.txt/below'].map((name) => join(folder, name));
  expect(await list([...targets, '/dev/null'])).toEqual([
    'NOT_FOUND',
    'NO_MATCH',
    'NO_MATCH',
    'NOT_A_FILE',
    'NOT_FOUND',
    'NOT_A_FILE',
    'a.txt',
  ]);
});

test('a path that is there is a path, whatever characters it has', async () => {
  for (const name of ['[a].txt', 'a.txt', '*.txt']) write(name);
  expect(await list([join(folder, '[a].txt')])).toEqual(['%5Ba%5D.txt']);
  expect(await list([join(folder, '*.txt')])).toEqual(['*.txt']);
  expect(await list([join(folder, '[!*].txt')])).toEqual(['a.txt']);
});

const NOT_TEXT = Buffer.from('caf\u00e9.txt', 'latin1');

test('names that are not UTF-8 are listed apart, by folder, by pattern and by what a shell makes of them', async () => {
  for (const name of [NOT_TEXT, Buffer.from('caf\u00e8.txt', 'latin1'), 'café.txt'])
    write(name, name.toString('latin1'));
  const all = ['caf%C3%A9.txt', 'caf%E8.txt', 'caf%E9.txt'];
  expect(await list([folder])).toEqual(all);
  expect(await list([`${folder}/caf*`])).toEqual(all);
  expect(await list([`${folder}/caf\ufffd.txt`])).toEqual(['caf%E8.txt', 'caf%E9.txt']);
});

test('a pattern finds names with line breaks and backslashes, and enters folders whose names are not UTF-8', async () => {
  const inside = Buffer.concat([Buffer.from('d'), Buffer.of(0xe9)]);
  mkdirSync(Buffer.concat([Buffer.from(`${folder}/`), inside]));
  const names = ['new\nline.txt', 'a\\b.txt', '\u2028.txt', '😍\r.txt'];
  for (const name of names) write(name);
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), inside, Buffer.from('/😍.txt')]), 'text');
  const all = ['%E2%80%A8.txt', '%F0%9F%98%8D%0D.txt', 'a%5Cb.txt', 'd%E9/%F0%9F%98%8D.txt', 'new%0Aline.txt'];
  expect(await list([folder])).toEqual(all);
  expect(await list([`${folder}/**`])).toEqual(all);
  expect(await list([`${folder}/new\nl*.txt`])).toEqual(['new%0Aline.txt']);
});

test('bytes are read from where the item lies, also when its name is not UTF-8', async () => {
  write(NOT_TEXT, 'hello');
  const { source, item } = await itemOf(folder);
  expect(await source.digest(item, never)).toEqual({ digest: sha256('hello'), bytes: 5 });
  await source.copy(item, join(folder, 'copy'), never);
  expect(readFileSync(join(folder, 'copy'), 'utf8')).toBe('hello');
});

test('what apex keeps is no document: not in a folder, not in a pattern, not when it is named', async () => {
  write('a.txt');
  const own = dirname(write('own/deep/memory.db'));
  const ownFolders = [join(folder, 'own'), join(folder, 'not made yet')];
  symlinkSync(own, join(folder, 'way-in'));
  expect(await list([folder, `${folder}/**`], { ownFolders })).toEqual(['a.txt']);
  for (const name of ['own', 'own/deep/memory.db', 'way-in', 'way-in/memory.db'])
    expect(await list([join(folder, name)], { ownFolders }), name).toEqual(['NOT_A_FILE']);
  expect(await list([`${folder}/own/**`], { ownFolders })).toEqual(['NO_MATCH']);
});

test('a file that changed between a look and its copy is copied as it is then', async () => {
  const path = write('a.txt', 'one');
  const { source, item } = await itemOf(path);
  const before = await source.digest(item, never);
  appendFileSync(path, ' two');
  const copied = await source.copy(item, join(folder, 'copy'), never);
  expect(copied).toEqual({ digest: sha256('one two'), bytes: 7 });
  expect(copied.digest).not.toBe(before.digest);
});

test('a file that is gone or too large by then says so', async () => {
  const path = write('a.txt', 'one');
  const { source, item } = await itemOf(path, { maxBytes: 3 });
  appendFileSync(path, '!');
  await expect(source.copy(item, join(folder, 'copy'), never)).rejects.toMatchObject({ code: 'TOO_LARGE' });
  unlinkSync(path);
  await expect(source.digest(item, never)).rejects.toMatchObject({ code: 'NOT_FOUND', retryable: false });
});

test('standard input is listed without being read, and copied once', async () => {
  const source = open({ stdin: Readable.from([Buffer.from('hello '), Buffer.from('world')]), stdinName: 'note.md' });
  const [item, ...others] = (await collect(source.list(['-', '-'], never))) as SourceItem[];
  expect(others).toEqual([]);
  expect(item).toMatchObject({ name: 'note.md', isRepeatable: false, bytes: null });
  const path = join(folder, 'copy');
  const copied = await source.copy(item!, path, never);
  expect([copied, statSync(path).mode & 0o777]).toEqual([{ digest: sha256('hello world'), bytes: 11 }, 0o600]);
  const kept = source.fromCopy(item!, { path, name: item!.name, mediaType: null, ...copied });
  expect(kept).toMatchObject({ id: 'stdin:note.md', uri: 'stdin:note.md', bytes: 11 });
  expect(await source.digest(kept, never)).toEqual(copied);
});

test('standard input without a name is named by its content', async () => {
  const source = open();
  const [item] = (await collect(source.list(['-'], never))) as SourceItem[];
  const kept = { path: '/x', name: item!.name, digest: 'd1', bytes: 1, mediaType: null };
  expect(source.fromCopy(item!, kept).id).toBe('stdin:sha256-d1');
});

test('standard input that gives too much is refused', async () => {
  const source = open({ stdin: Readable.from([Buffer.alloc(4)]), maxBytes: 3 });
  const [item] = (await collect(source.list(['-'], never))) as SourceItem[];
  await expect(source.copy(item!, join(folder, 'copy'), never)).rejects.toMatchObject({
    code: 'TOO_LARGE',
    message: expect.stringContaining('standard input gives more than the 3 bytes that APEX_MAX_FILE_MB allows'),
  });
});

test('a listing stops when it is asked to', async () => {
  write('a.txt');
  await expect(collect(open().list([folder], AbortSignal.abort('enough')))).rejects.toBe('enough');
});
