import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import {
  canMount,
  expectEnd,
  isRoot,
  linked,
  NOBODY,
  openSmallDisk,
  openVictim,
  shared,
  type Victim,
} from '../helpers/bad-input.ts';

/**
 * Goal: a staging area that cannot be trusted, or has no room, is refused with its name, its reason and the way out; nothing is
 * written outside it, and two that stage at once do not get in each other's way. Method: the built program over bad folders.
 */

/** Every command that needs the area. */
const COMMANDS = [
  ['stage', 'documents'],
  ['ingest', 'documents'],
  ['ingest', '--staged'],
  ['stats'],
  ['staging', 'list'],
  ['cleanup'],
];

const BAD_FOLDERS: readonly [name: string, make: (victim: Victim) => string, exitCode: number, said: RegExp][] = [
  [
    'open to others',
    ({ root }) => shared(join(root, 'area')),
    77,
    /area can be written by other users; make it a folder of your own \(0700\), or set STAGING_BASE_DIR/,
  ],
  ['a link', ({ root }) => linked(root, join(root, 'area')), 78, /area is a link; make it a folder of your own/],
  [
    'a broken link',
    ({ root }) => linked('gone', join(root, 'area')),
    78,
    /area is a link; make it a folder of your own/,
  ],
  ['a file', ({ write }) => write('area', ''), 78, /area cannot be made \(EEXIST\); set STAGING_BASE_DIR to another/],
  ['below a file', ({ write }) => join(write('area', ''), 'x'), 78, /cannot be made \(ENOTDIR\); set STAGING_BASE_DIR/],
];

test.each(BAD_FOLDERS)('a staging folder that is %s is refused by every command', async (_, make, exitCode, said) => {
  const victim = await openVictim();
  victim.write('good.txt', 'Bay nine is free.');
  const env = { STAGING_BASE_DIR: make(victim) };
  for (const args of COMMANDS) expectEnd(await victim.run(args, { env }), exitCode, said);
  await victim.assertUnharmed();
});

test.skipIf(!isRoot)('a staging folder of another user is refused by every command', async () => {
  const victim = await openVictim();
  victim.write('good.txt', 'Bay nine is free.');
  const area = join(victim.root, 'area');
  mkdirSync(area, { mode: 0o700 });
  chownSync(area, NOBODY, NOBODY);
  const env = { STAGING_BASE_DIR: area };
  for (const args of COMMANDS)
    expectEnd(await victim.run(args, { env }), 77, /area belongs to another user; make it a folder of your own/);
  expect(readdirSync(area)).toEqual([]);
  await victim.assertUnharmed();
});

test('a staging folder of another data directory is refused by every command, and what lies there stays', async () => {
  const [one, other] = [await openVictim(), await openVictim()];
  const env = { STAGING_BASE_DIR: join(one.root, 'area') };
  expectEnd(await one.run(['stage', one.write('good.txt', 'Bay nine is free.')], { env }), 0);
  other.write('good.txt', 'Bay ten is free.');
  const said = /area is that of the data directory .*, not of .*: set STAGING_BASE_DIR to another/;
  for (const args of [...COMMANDS, ['doctor']]) expectEnd(await other.run(args, { env }), 78, said);
  rmSync(join(env.STAGING_BASE_DIR, '.data-directory'));
  expectEnd(await other.run(['staging', 'list'], { env }), 0, /good\.txt/);
  expectEnd(await one.run(['ingest', '--staged'], { env }), 78, said);
});

/** What somebody has planted under the area, by where. */
const PLANTED: readonly [
  name: string,
  plant: (area: string, outside: string) => void,
  exitCode: number,
  said: RegExp,
][] = [
  [
    'a link for the source',
    (area, outside) => symlinkSync(outside, join(area, 'local_upload')),
    78,
    /local_upload is a link/,
  ],
  [
    'a folder open to others for the source',
    (area) => chmodSync(made(join(area, 'local_upload')), 0o777),
    77,
    /local_upload can be written by other users/,
  ],
  [
    'a file for the source',
    (area) => writeFileSync(join(area, 'local_upload'), ''),
    78,
    /local_upload is not a folder/,
  ],
];

test.each(PLANTED)('under a staging folder with %s nothing is written', async (_, plant, exitCode, said) => {
  const victim = await openVictim();
  const good = victim.write('good.txt', 'Bay nine is free.');
  const [area, outside] = [join(victim.root, 'area'), join(victim.root, 'outside')];
  for (const path of [area, outside]) mkdirSync(path, { mode: 0o700 });
  plant(area, outside);
  const env = { STAGING_BASE_DIR: area };
  for (const command of ['stage', 'ingest']) {
    expectEnd(await victim.run([command, good], { env }), exitCode, said);
    expect(readdirSync(outside)).toEqual([]);
    // An empty folder of its own is removed by what has no more use for it.
    rmSync(join(area, 'local_upload'), { recursive: true, force: true });
    plant(area, outside);
  }
  await victim.assertUnharmed();
});

function made(path: string): string {
  mkdirSync(path);
  return path;
}

test('an item whose file is a link is not read through it', async () => {
  const victim = await openVictim();
  const secret = join(victim.root, 'secret.txt');
  writeFileSync(secret, 'The code is 4711.');
  const { lines } = await victim.run(['stage', victim.write('good.txt', 'Bay nine is free.'), '--json']);
  const path = String(lines[0]!['file_path']);
  rmSync(path);
  symlinkSync(secret, path);
  expectEnd(await victim.run(['ingest', '--staged']), 3, /its bytes are not those that were staged: stage it again/);
  const found = await victim.run(['search', 'code 4711', '--mode', 'keyword']);
  expect(found.stdout).not.toContain('4711');
  await victim.assertUnharmed();
});

test('of two that stage at once what has room for one only, one is refused: 75, and the way out', async () => {
  const victim = await openVictim();
  const env = { STAGING_MAX_SIZE_GB: '1' };
  const files = ['a.bin', 'b.bin'].map((name) => victim.write(name, ''));
  for (const file of files) truncateSync(file, 600 * 2 ** 20);
  const large = { ...env, APEX_MAX_FILE_MB: '1000' };
  const ended = await Promise.all(files.map((file) => victim.run(['stage', file], { env: large })));
  expect(ended.map(({ exitCode }) => exitCode).sort()).toEqual([0, 75]);
  const refused = ended.find(({ exitCode }) => exitCode === 75)!;
  expectEnd(
    refused,
    75,
    /the staging area is full: \d+ of 1073741824 bytes are used, 629145600 more are needed/,
    'Run `apex cleanup`, or raise STAGING_MAX_SIZE_GB.',
  );
  expectEnd(
    await victim.run(['stats'], { env }),
    0,
    /^\[#{12}\.{8}\] 58% of the quota: 629\.1 MB of 1\.1 GB\n1 document /,
  );
});

test('two that stage the same files at once leave each once', async () => {
  const victim = await openVictim();
  for (let count = 0; count < 30; count += 1) victim.write(`${count}.txt`, `Bay ${count} is free.`);
  const ended = await Promise.all([1, 2, 3].map(() => victim.run(['stage', victim.documents])));
  for (const finished of ended) expectEnd(finished, 0);
  const { lines } = await victim.run(['staging', 'list', '--json']);
  expect(lines.map(({ status }) => status)).toEqual(Array.from({ length: 30 }, () => 'active'));
  const both = await Promise.all([1, 2].map(() => victim.run(['ingest', '--staged', '--json'])));
  for (const finished of both) expectEnd(finished, 0);
  const added = both.flatMap((finished) => finished.lines.filter(({ event }) => event === 'document'));
  expect(added.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 30 }, () => 'added'));
  expect(readdirSync(join(victim.home, 'staging'))).toEqual([]);
  await victim.assertUnharmed();
});

test.skipIf(!(await canMount()))('a full disk under staging: 75, and staging goes on when there is room', async () => {
  const victim = await openVictim();
  const disk = await openSmallDisk(join(victim.root, 'disk'));
  const env = { STAGING_BASE_DIR: join(disk.path, 'area') };
  const good = victim.write('good.txt', 'Bay nine is free.');
  const large = victim.write('large.txt', 'Bay ten is free. '.repeat(1_000_000));
  const refused = await victim.run(['stage', good, large], { env });
  expectEnd(refused, 75, /the disk is full/, 'Free space, then run the same command again: it continues.');
  expectEnd(await victim.run(['cleanup'], { env }), 0);
  expectEnd(await victim.run(['stage', good], { env }), 0, '1 waited already');
  expectEnd(await victim.run(['ingest', '--staged'], { env }), 0, /added .*good\.txt/);
  await victim.assertUnharmed();
});

test.skipIf(!(await canMount()))('a disk that is read-only under staging: 77', async () => {
  const victim = await openVictim();
  const disk = await openSmallDisk(join(victim.root, 'disk'));
  const env = { STAGING_BASE_DIR: join(disk.path, 'area') };
  const good = victim.write('good.txt', 'Bay nine is free.');
  expectEnd(await victim.run(['stage', good], { env }), 0);
  await disk.remount('ro');
  expectEnd(
    await victim.run(['stage', victim.write('other.txt', 'Bay ten.')], { env }),
    77,
    /may not be written by this user \(EROFS\)/,
  );
  expectEnd(await victim.run(['staging', 'list'], { env }), 0, /good\.txt/);
  await disk.remount('rw');
  expectEnd(await victim.run(['ingest', '--staged'], { env }), 0, /added .*good\.txt/);
});

test('what cleanup is to remove may hold links: they are removed, and what they lead to stays', async () => {
  const victim = await openVictim();
  const outside = join(victim.root, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'precious'), 'precious');
  const { lines } = await victim.run(['stage', victim.write('empty.txt', ''), '--json']);
  expectEnd(await victim.run(['ingest', '--staged']), 3);
  symlinkSync(outside, join(dirname(String(lines[0]!['file_path'])), 'attachments'));
  expectEnd(
    await victim.run(['cleanup'], { env: { STAGING_FAILED_RETENTION_HOURS: '0' } }),
    0,
    /2 staging folders removed/,
  );
  expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious');
  expect(existsSync(join(victim.home, 'staging', 'local_upload'))).toBe(false);
});
