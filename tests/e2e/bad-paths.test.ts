import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, truncateSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { canRunAsNobody, expectEnd, NOBODY, openVictim, type Victim } from '../helpers/bad-input.ts';
import { dumpMemory } from '../helpers/dump.ts';

/**
 * Goal: whatever a path leads to, it costs itself alone and says why. Method: the built program gets the bad target beside a good
 * document, over a memory that holds another; the good one is written and the memory is otherwise as it was.
 */

/** A target that is no document: how it is made, and what is said of it. Each ends with its status, in the problem's words. */
const BAD_TARGETS: readonly {
  readonly name: string;
  readonly make: (victim: Victim) => string;
  readonly exitCode: number;
  readonly said: RegExp;
  readonly help: string;
}[] = [
  {
    name: 'a missing path',
    make: ({ documents }) => join(documents, 'missing.txt'),
    exitCode: 2,
    said: /missing\.txt does not exist/,
    help: 'Check the path or id.',
  },
  {
    name: 'a path below a file',
    make: ({ write }) => join(write('file.txt', 'text'), 'below.txt'),
    exitCode: 2,
    said: /below\.txt does not exist/,
    help: 'Check the path or id.',
  },
  {
    name: 'a name longer than names may be',
    make: ({ documents }) => join(documents, 'x'.repeat(300)),
    exitCode: 2,
    said: /is longer than a path may be/,
    help: 'Check the path or id.',
  },
  {
    name: 'an empty folder',
    make: ({ documents }) => made(join(documents, 'empty')),
    exitCode: 2,
    said: /empty holds no document/,
    help: 'Check the folder or the pattern; quote a pattern so that the shell leaves it alone.',
  },
  {
    name: 'a folder of hidden files',
    make: ({ write, documents }) => {
      write('hidden/.env', 'SECRET=1');
      return join(documents, 'hidden');
    },
    exitCode: 2,
    said: /hidden holds no document/,
    help: 'Check the folder or the pattern; quote a pattern so that the shell leaves it alone.',
  },
  {
    name: 'a glob without hits',
    make: ({ documents }) => join(documents, '**/*.docx'),
    exitCode: 2,
    said: /\*\*\/\*\.docx matches no file/,
    help: 'Check the folder or the pattern; quote a pattern so that the shell leaves it alone.',
  },
  {
    name: 'a broken glob',
    make: ({ documents }) => join(documents, '[.txt'),
    exitCode: 2,
    said: /\[\.txt does not exist/,
    help: 'Check the path or id.',
  },
  {
    name: 'a link that leads nowhere',
    make: ({ documents }) => linked(join(documents, 'broken.txt'), 'gone.txt'),
    exitCode: 2,
    said: /broken\.txt does not exist/,
    help: 'Check the path or id.',
  },
  {
    name: 'a link to itself',
    make: ({ documents }) => linked(join(documents, 'self.txt'), 'self.txt'),
    exitCode: 2,
    said: /self\.txt is a link that leads to itself/,
    help: 'Give a regular file.',
  },
  {
    name: 'a fifo',
    make: ({ documents }) => fifo(join(documents, 'fifo')),
    exitCode: 2,
    said: /fifo is neither a regular file nor a folder/,
    help: 'Give a regular file.',
  },
  {
    name: 'a device that never ends',
    make: () => '/dev/zero',
    exitCode: 2,
    said: /\/dev\/zero is neither a regular file nor a folder/,
    help: 'Give a regular file.',
  },
  {
    name: 'the data directory itself',
    make: ({ home }) => home,
    exitCode: 2,
    said: /home holds data of apex itself, no documents/,
    help: 'Give a regular file.',
  },
  {
    name: 'a zero-byte file',
    make: ({ write }) => write('zero.txt', ''),
    exitCode: 3,
    said: /zero\.txt: The file has no bytes\./,
    help: 'Check that this is the file you meant.',
  },
  {
    name: 'a file of 4 GB',
    make: ({ write }) => sparse(write('large.pdf', '%PDF-1.7'), 4),
    exitCode: 3,
    said: /large\.pdf has 4294967296 bytes, more than the 104857600 that APEX_MAX_FILE_MB allows/,
    help: 'Split it, or raise the limit that the message names.',
  },
  {
    name: 'a file larger than all of staging',
    make: ({ write }) => sparse(write('larger.pdf', '%PDF-1.7'), 20),
    exitCode: 3,
    said: /larger\.pdf has 21474836480 bytes/,
    help: 'Split it, or raise the limit that the message names.',
  },
];

function made(folder: string): string {
  mkdirSync(folder);
  return folder;
}

function linked(path: string, target: string): string {
  symlinkSync(target, path);
  return path;
}

function fifo(path: string): string {
  execFileSync('mkfifo', [path]);
  return path;
}

function sparse(path: string, gigabytes: number): string {
  truncateSync(path, gigabytes * 2 ** 30);
  return path;
}

test.each(BAD_TARGETS)('$name is refused, and the good document beside it is written', async (bad) => {
  const victim = await openVictim();
  const target = bad.make(victim);
  const ingested = await victim.run(['ingest', target, victim.write('good.txt', 'Bay nine is free.')]);
  expectEnd(ingested, bad.exitCode, bad.said, bad.help, /added .*good\.txt/);
  const again = await victim.run(['ingest', target, join(victim.documents, 'good.txt'), '--json']);
  expect(again.exitCode).toBe(bad.exitCode);
  expect(again.lines.at(-1)).toMatchObject({ unchanged: 1, batches: 0 });
  await victim.assertUnharmed();
});

test('a folder with all of them in it is read once, to its end', async () => {
  const victim = await openVictim();
  const { documents, write } = victim;
  write('good.txt', 'Bay nine is free.');
  fifo(join(documents, 'fifo'));
  for (const [name, target] of Object.entries({ up: '..', self: 'self', gone: 'gone', null: '/dev/null', here: '.' }))
    symlinkSync(target, join(documents, name));
  expectEnd(await victim.run(['ingest', documents]), 0, /documents {2}1\n/);
  await victim.assertUnharmed();
});

test('a link that is named itself is followed, to a file and to a folder', async () => {
  const victim = await openVictim();
  const { root, documents, write } = victim;
  symlinkSync(write('good.txt', 'Bay nine is free.'), join(root, 'file-link.txt'));
  symlinkSync(documents, join(root, 'folder-link'));
  const { lines, exitCode } = await victim.run(['ingest', 'file-link.txt', 'folder-link', '--json']);
  expect(exitCode).toBe(0);
  const read = lines.slice(0, -1).map(({ source_uri }) => relative(root, new URL(String(source_uri)).pathname));
  expect(read.sort()).toEqual(['file-link.txt', 'folder-link/good.txt']);
});

test('a document that is named in several ways is one document', async () => {
  const victim = await openVictim();
  const path = victim.write('good.txt', 'Bay nine is free.');
  const ways = [path, path, 'documents/../documents/good.txt', victim.documents, 'documents/*.txt'];
  const { lines, exitCode } = await victim.run(['ingest', ...ways, '--json']);
  expect(exitCode).toBe(0);
  expect(lines.at(-1)).toMatchObject({ documents: 1, added: 1 });
});

test('documents beside the data directory are read, and never what apex keeps in it', async () => {
  const victim = await openVictim();
  victim.write('good.txt', 'Bay nine is free.');
  symlinkSync(victim.home, join(victim.root, 'way-in'));
  const env = { STAGING_BASE_DIR: join(victim.documents, 'staging') };
  for (const target of [victim.root, `${victim.root}/**`]) {
    const { lines, exitCode, stderr } = await victim.run(['ingest', target, '--json'], { env });
    expect(exitCode, stderr).toBe(0);
    expect(lines.at(-1)).toMatchObject({ documents: 2 });
  }
  expectEnd(
    await victim.run(['ingest', 'way-in', 'way-in/memory.db'], { env }),
    2,
    /way-in\/memory\.db holds data of apex/,
  );
  await victim.assertUnharmed();
});

test('a text that is empty is no path: nothing is read in its place', async () => {
  const victim = await openVictim();
  const good = victim.write('good.txt', 'Bay nine is free.');
  expectEnd(await victim.run(['ingest', good, '']), 2, 'a target is empty: name a file, a folder, a glob, or -');
  expectEnd(await victim.run(['ingest', good, '--id', '']), 2, '--id is empty: give a name or leave it out');
  expectEnd(await victim.run(['ingest', '-', '--stdin-name', ''], { input: 'x' }), 2, '--stdin-name is empty');
  expect(dumpMemory(victim.home)['documents']).toHaveLength(1);
});

test('one id for several documents is refused before any of them is written under it', async () => {
  const victim = await openVictim();
  const [one, two] = [victim.write('one.txt', 'Bay one.'), victim.write('two.txt', 'Bay two.')];
  expectEnd(await victim.run(['ingest', one, two, '--id', 'bay']), 2, '--id bay names one document, but 2 targets');
  const ingested = await victim.run(['ingest', victim.documents, '--id', 'bay']);
  expectEnd(ingested, 2, '--id bay names one document, but the target holds several: name a single file');
  expectEnd(await victim.run(['resume']), 0, 'There is nothing to resume.');
  expect(dumpMemory(victim.home)['documents']).toHaveLength(1);
  expectEnd(await victim.run(['ingest', one, '--id', 'bay']), 0);
  await victim.assertUnharmed();
});

test('standard input that gives nothing is set aside with the reason', async () => {
  const victim = await openVictim();
  expectEnd(
    await victim.run(['ingest', '-']),
    3,
    /EMPTY_TEXT/,
    'The file has no bytes.',
    'Check that this is the file',
  );
  await victim.assertUnharmed();
});

// A file whose text is made anew whenever it is read: what is read never agrees with what the file was said to be.
const EVER_CHANGING = '/proc/uptime';

test.skipIf(!existsSync(EVER_CHANGING))(
  'a file that changes each time it is read is set aside, and tried again',
  async () => {
    const victim = await openVictim();
    const good = victim.write('good.txt', 'Bay nine is free.');
    const said = [/uptime changed while it was read/, 'Run the same command again when its writer has finished.'];
    expectEnd(await victim.run(['ingest', EVER_CHANGING, good]), 3, ...said, /added .*good\.txt/);
    expectEnd(await victim.run(['documents', 'list', '--quarantined']), 0, 'CHANGED_WHILE_READ');
    await victim.assertUnharmed();
  },
);

test.skipIf(!(await canRunAsNobody()))(
  'what may not be read costs itself alone, and is read once it may be',
  async () => {
    const victim = await openVictim({ uid: NOBODY });
    const { write, run, documents } = victim;
    write('good.txt', 'Bay nine is free.');
    const denied = write('denied.txt', 'Bay ten is free.');
    const inside = write('locked/inside.txt', 'Bay eleven is free.');
    execFileSync('chmod', ['755', documents]);
    execFileSync('chmod', ['644', join(documents, 'good.txt')]);
    execFileSync('chmod', ['600', denied]);
    execFileSync('chmod', ['700', join(documents, 'locked')]);
    const said = [/denied\.txt may not be read by this user/, 'Change its mode or run as its owner.'];
    expectEnd(await run(['ingest', denied]), 3, ...said);
    for (const target of [documents, `${documents}/**`])
      expectEnd(await run(['ingest', target]), 77, ...said, /locked may not be read by this user/);
    expectEnd(await run(['ingest', inside]), 77, /inside\.txt may not be read by this user/);
    expectEnd(await run(['documents', 'list']), 0, 'good.txt');
    expectEnd(await run(['documents', 'list', '--quarantined']), 0, 'DENIED');
    await victim.assertUnharmed();
    execFileSync('chmod', ['-R', 'a+rX', documents]);
    const { lines } = await run(['ingest', documents, '--json']);
    expect(lines.at(-1)).toMatchObject({ added: 2, unchanged: 1, quarantined: 0, exit_status: 0 });
  },
);
