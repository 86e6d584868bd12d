import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isLockHeld, takeOwnerLock } from '../../../lib/journal/owner-lock.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'apex-lock-'));
  path = join(folder, 'run-1.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Another process that takes the lock, says so, and then blocks its event loop for good. */
async function startHolder() {
  const module = new URL('../../../lib/journal/owner-lock.ts', import.meta.url).href;
  const script = `const { takeOwnerLock } = await import(${JSON.stringify(module)});
    process.stdout.write(takeOwnerLock(${JSON.stringify(path)}) === null ? 'refused' : 'held');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(holder.stdout, 'data')) as [Buffer];
  return { said: said.toString(), holder };
}

test('a lock that nobody ever took is free, and asking does not make its file', () => {
  expect(isLockHeld(path)).toBe(false);
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
});

test('a process sees its own lock as held, and cannot take it twice', () => {
  const lock = takeOwnerLock(path);
  expect(isLockHeld(path)).toBe(true);
  expect(takeOwnerLock(path)).toBeNull();
  expect(isLockHeld(path)).toBe(true);
  lock?.release();
  expect(isLockHeld(path)).toBe(false);
});

test('the file of a lock is for this user alone', () => {
  const lock = takeOwnerLock(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  lock?.release();
});

test('a process that hangs still owns its run, and one that is killed does not', async () => {
  const { said, holder } = await startHolder();
  expect(said).toBe('held');
  expect(isLockHeld(path)).toBe(true);
  expect(takeOwnerLock(path)).toBeNull();
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  expect(isLockHeld(path)).toBe(false);
  takeOwnerLock(path)!.release();
});

test('what a dead process left of its transaction holds no lock, and asking leaves it there', () => {
  const copy = join(folder, 'copy.db');
  const lock = takeOwnerLock(path)!;
  // As a death leaves them: the files without the lock.
  for (const ending of ['', '-journal']) copyFileSync(path + ending, copy + ending);
  lock.release();
  expect(isLockHeld(copy)).toBe(false);
  expect(existsSync(`${copy}-journal`)).toBe(true);
  takeOwnerLock(copy)!.release();
});
