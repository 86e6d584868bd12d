import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { diskError, makeFolder } from '../../../lib/support/disk.ts';
import { temporaryFolder } from '../../helpers/memory.ts';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

test('a folder is made with those above it, for this user alone', () => {
  const path = join(folder, 'a', 'b', 'c');
  makeFolder(path);
  for (const made of [path, join(folder, 'a', 'b'), join(folder, 'a')]) expect(statSync(made).mode & 0o777).toBe(0o700);
});

test('a folder that is there is left as it is, also behind a link', () => {
  mkdirSync(join(folder, 'a'), { mode: 0o755 });
  symlinkSync('a', join(folder, 'link'));
  makeFolder(join(folder, 'a'));
  makeFolder(join(folder, 'link'));
  expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o755);
});

test('what stands in the way is an error, never an endless attempt', () => {
  writeFileSync(join(folder, 'file'), '');
  symlinkSync('gone', join(folder, 'broken'));
  symlinkSync('self', join(folder, 'self'));
  const refused = (path: string) => expect.objectContaining({ code: path });
  expect(() => makeFolder(join(folder, 'file'))).toThrow(refused('EEXIST'));
  expect(() => makeFolder(join(folder, 'file', 'below'))).toThrow(refused('ENOTDIR'));
  expect(() => makeFolder(join(folder, 'broken'))).toThrow();
  expect(() => makeFolder(join(folder, 'self', 'below'))).toThrow(refused('ELOOP'));
  if (existsSync('/proc/self')) expect(() => makeFolder('/proc/apex-test/below')).toThrow(refused('ENOENT'));
});

test.each([
  ['ENOSPC', 'DISK_FULL', true, 'the disk is full: /x cannot grow'],
  ['EDQUOT', 'DISK_FULL', true, 'the disk is full: /x cannot grow'],
  ['EACCES', 'APEX_PERMISSION', false, '/x may not be written by this user (EACCES)'],
  ['EROFS', 'APEX_PERMISSION', false, '/x may not be written by this user (EROFS)'],
  ['EIO', 'APEX_JOURNAL', false, 'the disk failed under /x (EIO)'],
  ['EFBIG', 'APEX_JOURNAL', false, 'the disk failed under /x (EFBIG)'],
])('the disk’s %s is %s', (systemCode, code, retryable, message) => {
  const cause = Object.assign(new Error('write'), { code: systemCode, syscall: 'write' });
  expect(diskError(cause, '/x')).toMatchObject({ code, retryable, message, cause });
});

test('what is no matter of the disk is returned as it is', () => {
  for (const error of [new Error('x'), Object.assign(new Error('x'), { code: 'TOO_LARGE' }), 'SIGINT'])
    expect(diskError(error, '/x')).toBe(error);
});
