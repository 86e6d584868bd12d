import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, expect, test } from 'vitest';
import type { SourceItem, SourceRoot } from '../../../lib/contracts/source.ts';
import { createLocalSource } from '../../../lib/sources/local.ts';
import { temporaryFolder } from '../../helpers/memory.ts';
import { collect, never } from '../../helpers/records.ts';

/** Goal: what is told as gone is gone, and belongs to the root. Method: list, change the folder, list again and ask. */

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

const source = createLocalSource({ maxBytes: 1_000, stdin: Readable.from([]), stdinName: null, ownFolders: [] });

function write(name: string | Buffer): void {
  const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]);
  mkdirSync(dirname(path.toString('latin1')), { recursive: true });
  writeFileSync(path, 'text');
}

async function list(...targets: string[]) {
  const roots: SourceRoot[] = [];
  const entries = await collect(source.list(targets, never, (root) => roots.push(root)));
  return { roots, uris: entries.filter((entry): entry is SourceItem => 'id' in entry).map(({ uri }) => uri) };
}

const states = ({ roots }: { readonly roots: readonly SourceRoot[] }) => roots.map(({ state }) => state);

test('a root is whole, empty, or could not be listed; a file is none', async () => {
  write('a.txt');
  mkdirSync(join(folder, 'nothing'));
  const targets = ['a.txt', 'nothing', 'missing', '*.txt', '*.md', ''].map((name) => join(folder, name));
  expect(states(await list(...targets))).toEqual(['empty', 'incomplete', 'whole', 'empty', 'whole']);
});

test('what is gone from a folder is told, whatever its name is', async () => {
  const names = ['a b.txt', 'ä%20\n?#.txt', Buffer.from([0x66, 0xfc, 0xff]), 'in/deep.txt', 'stays.txt'];
  for (const name of names) write(name);
  const { roots, uris } = await list(folder);
  for (const name of names.slice(0, 4)) rmSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]));
  expect(await source.gone(roots[0]!, uris, never)).toEqual(uris.filter((uri) => !uri.endsWith('/stays.txt')));
});

test('what lies beside the root is not of it, and standard input is of none; the root itself is no file any more', async () => {
  for (const name of ['docs/a.txt', 'docs2/b.txt', 'docs.txt']) write(name);
  const { uris } = await list(folder);
  for (const name of ['docs/a.txt', 'docs2', 'docs.txt']) rmSync(join(folder, name), { recursive: true });
  const { roots } = await list(join(folder, 'docs'));
  const gone = await source.gone(roots[0]!, [...uris, 'stdin:note', roots[0]!.uri], never);
  expect(gone.map((uri) => uri.split('/').at(-1))).toEqual(['a.txt', 'docs']);
});

test('a file that is hidden, or a link by now, is there; a folder or a link to nothing in its place is not it', async () => {
  for (const name of ['hidden.txt', 'link.txt', 'folder.txt', 'broken.txt']) write(name);
  const { uris } = await list(folder);
  for (const name of ['hidden.txt', 'link.txt', 'folder.txt', 'broken.txt']) rmSync(join(folder, name));
  write('elsewhere/target');
  symlinkSync('elsewhere/target', join(folder, 'link.txt'));
  symlinkSync('nowhere', join(folder, 'broken.txt'));
  mkdirSync(join(folder, 'folder.txt'));
  const { roots } = await list(folder);
  write('.named');
  const named = (await list(join(folder, '.named'))).uris;
  const gone = await source.gone(roots[0]!, [...uris, ...named], never);
  expect(gone.map((uri) => uri.split('/').at(-1))).toEqual(['broken.txt', 'folder.txt', 'hidden.txt']);
});

test.each([
  ['*.txt', ['a.txt', 'b\n\u2028.txt']],
  ['**/*.txt', ['a.txt', 'b\n\u2028.txt', 'in/c.txt', 'in/deep/d.txt']],
  ['{a,in/c}.txt', ['a.txt', 'in/c.txt']],
  ['in/**', ['in/c.txt', 'in/deep/d.txt', 'in/e.md']],
  ['in/[a-d].txt', ['in/c.txt']],
  ['{in,out}/../*.md', ['f.md']],
  ['./in/?.md', ['in/e.md']],
])('of a pattern (%s) only what it matches is gone', async (pattern, expected) => {
  const names = ['a.txt', 'b\n\u2028.txt', 'f.md', 'in/c.txt', 'in/deep/d.txt', 'in/e.md', '.hidden.txt'];
  for (const name of names) write(name);
  const uris = (await Promise.all(names.map((name) => list(join(folder, name))))).flatMap((listing) => listing.uris);
  expect(uris).toHaveLength(names.length);
  const listed = (await list(`${folder}/${pattern}`)).uris;
  for (const name of names) rmSync(join(folder, name));
  const { roots } = await list(`${folder}/${pattern}`);
  const gone = await source.gone(roots[0]!, uris, never);
  expect(gone.map((uri) => decodeURIComponent(uri.slice(`file://${folder}/`.length))).sort()).toEqual(expected);
  // Exactly what a listing would have given.
  expect([...gone].sort()).toEqual([...listed].sort());
});
