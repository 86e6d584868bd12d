import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockHolders } from '../../../lib/journal/lock-holders.ts';
import { takeOwnerLock } from '../../../lib/journal/owner-lock.ts';
import { temporaryFolder } from '../../helpers/memory.ts';

/** Two hexadecimal digits at least, as the kernel writes a device's halves. */
const hex = (number: number) => number.toString(16).padStart(2, '0');

/** A list as the kernel keeps it, about one file. */
function listAbout(path: string, ...lines: ((device: string, inode: number) => string)[]): string {
  const { dev, ino } = statSync(path);
  const device = `${hex((dev >> 8) & 0xfff)}:${hex((dev & 0xff) | ((dev >> 12) & 0xfff00))}`;
  const list = join(temporaryFolder(), 'locks');
  writeFileSync(list, `${lines.map((line) => line(device, ino)).join('\n')}\n`);
  return list;
}

function file(): string {
  const path = join(temporaryFolder(), 'owner.db');
  writeFileSync(path, '');
  return path;
}

test('the processes that hold a lock on the file are named, each once', () => {
  const path = file();
  const list = listAbout(
    path,
    (device, inode) => `1: POSIX  ADVISORY  WRITE 4711 ${device}:${inode} 1073741824 1073742335`,
    (device, inode) => `2: POSIX  ADVISORY  READ 4711 ${device}:${inode} 1 1`,
    (device, inode) => `3: OFDLCK ADVISORY  READ 4712 ${device}:${inode} 0 EOF`,
    (device, inode) => `4: POSIX  ADVISORY  WRITE 4713 ${device}:${inode + 1} 0 EOF`,
    (_, inode) => `5: FLOCK  ADVISORY  WRITE 4714 fff:ff:${inode} 0 EOF`,
    () => '6: not a line of it',
  );
  expect(lockHolders(path, list)).toEqual([4711, 4712]);
});

test('a holder of another container has no number, and one that only waits counts as well', () => {
  const path = file();
  const list = listAbout(
    path,
    (device, inode) => `1: POSIX  ADVISORY  WRITE -1 ${device}:${inode} 0 EOF`,
    (device, inode) => `2: POSIX  ADVISORY  WRITE 0 ${device}:${inode} 0 EOF`,
  );
  expect(lockHolders(path, list)).toEqual([]);
});

test('where there is no list, or no file, nobody is named', () => {
  expect(lockHolders(file(), '/nowhere')).toEqual([]);
  expect(lockHolders('/nowhere')).toEqual([]);
});

test.skipIf(process.platform !== 'linux')('the kernel names this process for a lock that it holds', () => {
  const path = join(temporaryFolder(), 'owner.db');
  const lock = takeOwnerLock(path)!;
  // A file system of several layers gives the kernel another device's number than it gives us.
  expect([[process.pid], []]).toContainEqual(lockHolders(path));
  lock.release();
  expect(lockHolders(path)).toEqual([]);
});
