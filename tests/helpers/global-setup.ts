import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TESTS_FOLDER } from './program.ts';

/**
 * Builds the program once before the tests: crash and end-to-end tests run what users run. The folders of the tests lie in one, which goes
 * at the end, unless `KEEP_TESTS_FOLDER` is set.
 */
export default function setup(): () => void {
  execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' });
  // A short name: how long a path is decides where a line of a snapshot is broken.
  const folder = mkdtempSync(join(tmpdir(), 'at-'));
  // Some tests run the program as another user, who has to come to its own folder.
  chmodSync(folder, 0o711);
  process.env[TESTS_FOLDER] = folder;
  return () => {
    if (process.env['KEEP_TESTS_FOLDER'] === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
}
