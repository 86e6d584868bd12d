import { cpSync, mkdirSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { canMount, expectEnd, openSmallDisk, openVictim, type Victim } from '../helpers/bad-input.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { apex } from '../helpers/program.ts';

/**
 * Goal: a disk that cannot be written stops a command with the reason and loses nothing: the same command goes on where it was
 * stopped. Method: small disks that are filled to a few blocks, disks that are made read-only, and limits on the size of files.
 * Where the machine does not allow mounts, the tests say so and are skipped.
 */

const KILOBYTE = 1_024;

/** Documents that need more room than a small disk has: text, and a mail whose attachments are staged apart. */
function writeMany(victim: Victim): void {
  for (let index = 0; index < 12; index += 1) {
    const lines = Array.from({ length: 120 }, (_, line) => `Pallet ${index}-${line} waits at gate ${(line * 7) % 11}.`);
    victim.write(`${index}.txt`, lines.join('\n\n'));
  }
  cpSync('fixtures/sample/carrier-change.eml', join(victim.documents, 'mail.eml'));
}

/** Fills a disk so that only this much of it is left. */
function fill(disk: string, leftBytes: number): void {
  const path = join(disk, 'filler');
  rmSync(path, { force: true });
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(path, Buffer.alloc(Math.max(0, bavail * bsize - leftBytes), 'x'));
}

/** The same documents after an ingest that nothing stopped. */
async function referenceOf(victim: Victim): Promise<Record<string, unknown[]>> {
  const home = join(victim.root, 'reference');
  const { exitCode, stderr } = await apex(['ingest', victim.documents], { home });
  expect(exitCode, stderr).toBe(0);
  return dumpMemory(home);
}

const isMany = (sourceUri: string) => sourceUri.includes('/documents/');

/** Runs the same command again on a disk with room: it ends as if it had never been stopped. */
async function assertResumed(victim: Victim, env: Readonly<Record<string, string>> = {}): Promise<void> {
  await victim.assertUnharmed({ env });
  expectEnd(await victim.run(['ingest', victim.documents], { env }), 0);
  expect(dumpMemory(victim.home, isMany)).toEqual(await referenceOf(victim));
  await victim.assertUnharmed({ env });
}

const canFill = await canMount();

test.skipIf(!canFill).each([0, 40, 200, 500, 1_000])(
  'a disk with %i KB left under the data directory: the command ends with 75, and goes on when there is room',
  async (leftKilobytes) => {
    const victim = await openVictim();
    writeMany(victim);
    const disk = await openSmallDisk(join(victim.root, 'disk'));
    cpSync(victim.home, join(disk.path, 'home'), { recursive: true });
    const onDisk = { env: { APEX_HOME: join(disk.path, 'home') } };
    fill(disk.path, leftKilobytes * KILOBYTE);
    const stopped = await victim.run(['ingest', victim.documents], onDisk);
    expectEnd(
      stopped,
      75,
      /the disk is full: .+ cannot grow/,
      'Free space, then run the same command again: it continues.',
    );
    rmSync(join(disk.path, 'filler'));
    expectEnd(await victim.run(['verify'], onDisk), 0, /no difference/);
    rmSync(victim.home, { recursive: true });
    cpSync(join(disk.path, 'home'), victim.home, { recursive: true });
    await assertResumed(victim);
  },
);

test.skipIf(!canFill)('a disk with little room left is read as before', async () => {
  const victim = await openVictim();
  const disk = await openSmallDisk(join(victim.root, 'disk'));
  cpSync(victim.home, join(disk.path, 'home'), { recursive: true });
  fill(disk.path, 200 * KILOBYTE);
  const onDisk = { env: { APEX_HOME: join(disk.path, 'home') } };
  expectEnd(await victim.run(['documents', 'list'], onDisk), 0, 'before.txt');
  expectEnd(await victim.run(['search', 'dock'], onDisk), 0, 'Dock four was free before.');
  expectEnd(await victim.run(['runs', 'list'], onDisk), 0, 'completed');
  expectEnd(await victim.run(['verify'], onDisk), 0, /no difference/);
});

test.skipIf(!canFill)(
  'a run that just fits says that it is done and ends with 0; one that does not is stopped',
  async () => {
    const disk = await openSmallDisk(join((await openVictim()).root, 'disk'));
    const home = join(disk.path, 'home');
    const statuses = new Set<number | null>();
    for (const leftKilobytes of [1_000, 2_600, 2_800, 3_000, 3_200, 3_400, 5_000]) {
      rmSync(home, { recursive: true, force: true });
      fill(disk.path, leftKilobytes * KILOBYTE);
      const { exitCode, stdout, stderr } = await apex(['ingest', 'fixtures/sample/dock-note.txt'], { home });
      statuses.add(exitCode);
      expect(exitCode, `${leftKilobytes} KB: ${stderr}`).toBe(stdout.includes('(completed)') ? 0 : 75);
    }
    expect([...statuses], 'the disk is too small at first and large enough at last').toEqual([75, 0]);
  },
);

test.skipIf(!canFill).each([0, 8, 40])(
  'a disk with %i KB left under staging: the command ends with 75, and goes on when there is room',
  async (leftKilobytes) => {
    const victim = await openVictim();
    writeMany(victim);
    const disk = await openSmallDisk(join(victim.root, 'disk'));
    const env = { STAGING_BASE_DIR: join(disk.path, 'staging') };
    fill(disk.path, leftKilobytes * KILOBYTE);
    const stopped = await victim.run(['ingest', victim.documents], { env });
    expectEnd(stopped, 75, /the disk is full: .+staging.* cannot grow/, /Continue with: apex resume [0-9a-f-]{36}/);
    rmSync(join(disk.path, 'filler'));
    await assertResumed(victim, env);
  },
);

test.skipIf(!canFill)('a disk that becomes read-only: 77 with its name, and what it holds stays', async () => {
  const victim = await openVictim();
  const disk = await openSmallDisk(join(victim.root, 'disk'));
  const home = join(disk.path, 'home');
  cpSync(victim.home, home, { recursive: true });
  await disk.remount('ro');
  const good = victim.write('good.txt', 'Bay nine is free.');
  for (const args of [['ingest', good], ['verify'], ['documents', 'list']]) {
    const refused = await victim.run(args, { env: { APEX_HOME: home } });
    expectEnd(
      refused,
      77,
      `the data directory ${home} is on a disk that is read-only (EROFS); set APEX_HOME to a folder`,
    );
  }
  const env = { STAGING_BASE_DIR: join(disk.path, 'staging') };
  expectEnd(
    await victim.run(['ingest', good], { env }),
    77,
    /the staging folder .+ cannot be made \(EROFS\); set STAGING_BASE/,
  );
  await disk.remount('rw');
  expectEnd(await victim.run(['ingest', good], { env: { APEX_HOME: home } }), 0);
  expectEnd(await victim.run(['verify'], { env: { APEX_HOME: home } }), 0, /no difference/);
  await victim.assertUnharmed();
});

test.skipIf(!canFill)('documents on a disk that is read-only are read like any other', async () => {
  const victim = await openVictim();
  const disk = await openSmallDisk(join(victim.root, 'disk'));
  writeFileSync(join(disk.path, 'good.txt'), 'Bay nine is free.');
  await disk.remount('ro');
  expectEnd(await victim.run(['ingest', disk.path]), 0, /added .*good\.txt/);
  await victim.assertUnharmed();
});

// A limit on the size of files needs no privilege: what would grow beyond it fails as on a disk that is broken.
test.each([
  [64, 256],
  [600, 1],
  [2_000, 256],
])(
  'files that cannot grow beyond %i blocks, in batches of %i: 74, and the same command goes on',
  async (blocks, size) => {
    const victim = await openVictim();
    writeMany(victim);
    const env = { APEX_BATCH_SIZE: String(size) };
    const stopped = await victim.shell(`ulimit -f ${blocks}; apex ingest documents`, { env });
    expectEnd(stopped, 74, /the disk failed|the journal failed/, 'Check the disk, then run the same command again.');
    expect(`${stopped.stdout}${stopped.stderr}`.match(/Check the disk/g), 'said once').toHaveLength(1);
    await assertResumed(victim);
  },
);

test('a quota of staging that is used up: 75 before anything is written, and the way out', async () => {
  const victim = await openVictim();
  const env = { STAGING_MAX_SIZE_GB: '1' };
  const folder = join(victim.home, 'staging', 'local_upload', 'old', 'run');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'staged'), '');
  truncateSync(join(folder, 'staged'), 2 ** 30);
  const good = victim.write('good.txt', 'Bay nine is free.');
  const said = [
    'the staging area is full: 1073741824 of 1073741824 bytes',
    'Run `apex cleanup`, or raise STAGING_MAX_SIZE_GB.',
  ];
  expectEnd(await victim.run(['ingest', good], { env }), 75, ...said);
  expectEnd(await victim.run(['cleanup'], { env }), 0, /1 staging folder removed/);
  expectEnd(await victim.run(['resume'], { env }), 0, /added .*good\.txt/);
  await victim.assertUnharmed();
});
