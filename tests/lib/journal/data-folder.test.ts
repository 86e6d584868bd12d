import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { judgeFileSystem, openDataFolder } from '../../../lib/journal/data-folder.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'apex-data-'));
  path = join(folder, 'a', 'home');
});
afterEach(() => rmSync(folder, { recursive: true }));

const refusal = (code: string) => expect.objectContaining({ name: 'ConfigError', code, retryable: false });
const isRoot = process.geteuid?.() === 0;

test('a new data directory and its folders are for this user alone', () => {
  openDataFolder(path);
  for (const name of ['', 'runs', 'owners', 'locks']) expect(statSync(join(path, name)).mode & 0o777).toBe(0o700);
});

test('an existing data directory is opened again as it is', () => {
  openDataFolder(path);
  writeFileSync(join(path, 'runs', 'kept'), '');
  openDataFolder(path);
  expect(statSync(join(path, 'runs', 'kept')).isFile()).toBe(true);
});

test('a link, a file and a folder below a file are refused', () => {
  mkdirSync(join(folder, 'a'));
  symlinkSync(folder, path);
  expect(() => openDataFolder(path)).toThrow(refusal('APEX_CONFIG'));
  rmSync(path);
  writeFileSync(path, '');
  expect(() => openDataFolder(path)).toThrow(refusal('APEX_CONFIG'));
  expect(() => openDataFolder(join(path, 'below'))).toThrow(refusal('APEX_CONFIG'));
});

test('a folder that others may write to is refused', () => {
  mkdirSync(path, { recursive: true });
  for (const mode of [0o770, 0o702]) {
    chmodSync(path, mode);
    expect(() => openDataFolder(path)).toThrow(refusal('APEX_PERMISSION'));
  }
});

test('a folder of another user is refused before anything is made in it', () => {
  mkdirSync(path, { recursive: true });
  if (isRoot) chownSync(path, 12_345, 12_345);
  else path = '/';
  expect(() => openDataFolder(path)).toThrow(refusal('APEX_PERMISSION'));
  expect(statSync(join(path, 'owners'), { throwIfNoEntry: false })).toBeUndefined();
});

test('a folder that may not be written is refused with a reason', () => {
  if (isRoot) return console.log('root may write anywhere: the read-only folder is not tried');
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o500);
  expect(() => openDataFolder(path)).toThrow(refusal('APEX_PERMISSION'));
});

test('network file systems are refused, those that may go away are warned about, local ones are taken', () => {
  for (const type of [0x6969, 0xfe534d42, 0xff534d42, 0x517b, 0x01021997])
    expect(() => judgeFileSystem('/data', type)).toThrow(refusal('APEX_CONFIG'));
  expect(judgeFileSystem('/data', 0x794c7630)).toMatchObject([{ code: 'FILE_SYSTEM' }]);
  expect(judgeFileSystem('/data', 0x65735546)).toMatchObject([{ code: 'FILE_SYSTEM' }]);
  expect(judgeFileSystem('/data', 0xef53)).toEqual([]);
});
