import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expectEnd, openVictim, type Victim } from '../helpers/bad-input.ts';
import type { Finished } from '../helpers/program.ts';

/**
 * Goal: the name of a document is data, whatever bytes it has. Method: folders of files with hostile names, read by the built
 * program as a folder, by a pattern and by a shell that has listed them; what it prints is looked at as well as what it wrote.
 */

/** Names that end a line, leave a folder, are not text, or mean something to a shell, a terminal, a pattern, a URI or a query. */
const HOSTILE_NAMES: readonly (string | Buffer)[] = [
  'new\nline.txt',
  'tab\tand\rreturn.txt',
  '\u001b[31mred\u001b[2J.txt',
  'up..txt',
  'a..',
  '%2e%2e%2fetc%2fpasswd',
  'up\\..\\..\\windows.txt',
  '-rf.txt',
  '--help',
  '[a-z].txt',
  '*.txt',
  '{a,b}.txt',
  '!(x).txt',
  '$(touch pwned).txt',
  '; touch pwned #.txt',
  "' OR 1=1; --.txt",
  '"quoted".txt',
  'q?x=1#f.txt',
  'space at the end ',
  '\u202egnp.txt',
  'zero\u200bwidth.txt',
  'é.txt',
  'e\u0301.txt',
  '😍.txt',
  `${'x'.repeat(251)}.txt`,
  Buffer.from('caf\u00e9.txt', 'latin1'),
  Buffer.from([0x66, 0xff, 0xfe, 0x2e, 0x74, 0x78, 0x74]),
  Buffer.from([0x66, 0xfe, 0xff, 0x2e, 0x74, 0x78, 0x74]),
];

/** Writes a document under each name, each with its own text, also in a folder that has a hostile name. */
function writeHostile(folder: string): number {
  const inside = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from('fol\nder\xe9', 'latin1')]);
  mkdirSync(inside);
  for (const parent of [Buffer.from(folder), inside])
    for (const [index, name] of HOSTILE_NAMES.entries())
      writeFileSync(
        Buffer.concat([parent, Buffer.from('/'), Buffer.from(name)]),
        `Pallet ${parent.length} ${index} waits.\n`,
      );
  return 2 * HOSTILE_NAMES.length;
}

async function assertAllWritten(victim: Victim, folder: string, documents: number): Promise<void> {
  const seen = (finished: Finished) => expectEnd(finished, 0);
  const first = await victim.run(['ingest', folder, '--json']);
  expect(first.lines.at(-1), first.stderr).toMatchObject({ documents, added: documents, exit_status: 0 });
  const uris = first.lines.slice(0, -1).map(({ source_uri }) => String(source_uri));
  expect(new Set(uris).size).toBe(documents);
  expect(uris.join('')).toMatch(/^[\x21-\x7e]+$/);
  seen(await victim.run(['ingest', folder]));
  seen(await victim.run(['documents', 'list']));
  seen(await victim.run(['search', 'pallet file', '--limit', '200']));
  const again = await victim.run(['ingest', folder, '--json']);
  expect(again.lines.at(-1)).toMatchObject({ documents, unchanged: documents, batches: 0 });
  // No name has become a path, nor a command.
  expect(readdirSync(victim.root).sort()).toEqual(['before', 'documents', 'home']);
  expect(readdirSync(join(victim.home, 'staging'), { recursive: true })).toEqual([]);
  await victim.assertUnharmed();
}

test('hostile names are names: every document is written once, and shown without harm', async () => {
  const victim = await openVictim();
  const documents = writeHostile(victim.documents);
  await assertAllWritten(victim, victim.documents, documents);
  const matched = await victim.run(['ingest', `${victim.documents}/**`, '--json']);
  expect(matched.lines.at(-1)).toMatchObject({ unchanged: documents, quarantined: 0, exit_status: 0 });
});

test('names that are not text can be given as arguments: by a shell that has listed them', async () => {
  const victim = await openVictim();
  mkdirSync(join(victim.root, 'flat'));
  writeFileSync(Buffer.from(`${victim.root}/flat/caf\u00e9.txt`, 'latin1'), 'Bay nine is free.');
  writeFileSync(join(victim.root, 'flat', 'new\nline.txt'), 'Bay ten is free.');
  const { lines, exitCode, stderr } = await victim.shell('apex ingest --json flat/*');
  expect(exitCode, stderr).toBe(0);
  expect(lines.at(-1)).toMatchObject({ documents: 2, added: 2 });
});

const NAUGHTY = '../shared/corpus/json/naughty/files.tar';
if (!existsSync(NAUGHTY)) console.log('hostile names: the shared corpus is absent');

test.skipIf(!existsSync(NAUGHTY))('the corpus of hostile names is written, every document of it', async () => {
  const victim = await openVictim();
  execFileSync('tar', ['xf', NAUGHTY, '-C', victim.documents]);
  const files = readdirSync(victim.documents, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.startsWith('.'),
  );
  expect(files.length).toBeGreaterThan(100);
  await assertAllWritten(victim, victim.documents, files.length);
  const matched = await victim.run(['ingest', `${victim.documents}/**`, '--json']);
  expect(matched.lines.at(-1)).toMatchObject({ unchanged: files.length, quarantined: 0, exit_status: 0 });
});
