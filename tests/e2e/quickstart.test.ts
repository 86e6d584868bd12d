import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { newFolder } from '../helpers/program.ts';

/**
 * Goal: a fresh clone is of use after one command, or says in a sentence why not.
 * Method: what a clone has, copied; the installed packages linked into it, because installing them is not what is tested.
 */

/** The checkout without what is made or installed in it. */
function copyCheckout(): string {
  const folder = newFolder('quickstart');
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const made = new Set(['.git', 'dist', 'node_modules', 'coverage'].map((name) => resolve(name)));
  cpSync('.', folder, { recursive: true, filter: (path) => !made.has(resolve(path)) });
  return folder;
}

/** Links the installed packages, and says that they are the locked ones. */
function linkPackages(folder: string): void {
  const packages = join(folder, 'node_modules');
  mkdirSync(packages);
  for (const name of readdirSync('node_modules')) {
    if (name !== '.apex-lockfile') symlinkSync(resolve('node_modules', name), join(packages, name));
  }
  const lock = readFileSync(join(folder, 'package-lock.json'));
  writeFileSync(join(packages, '.apex-lockfile'), createHash('sha256').update(lock).digest('hex'));
}

/** What the session in README.md shows of the commands that quickstart runs too, times and cut lines aside. */
function recordedLines(): string[] {
  const session = readFileSync('README.md', 'utf8');
  const shown = (command: string, end: string) =>
    session.split(`$ npx apex ${command}`)[1]!.split(end)[0]!.split('\n').slice(1);
  return [...shown('ingest fixtures/sample', 'time '), ...shown('search "who carries load', '   ⟶')];
}

test('quickstart builds, ingests, searches, verifies and says what to do next', async () => {
  const folder = copyCheckout();
  linkPackages(folder);
  const temporary = join(folder, 'temporary');
  mkdirSync(temporary);
  const { exitCode, stdout } = await execa(process.execPath, ['scripts/quickstart.mjs'], {
    cwd: folder,
    env: { TMPDIR: temporary, NO_COLOR: '1' },
    reject: false,
  });
  expect(exitCode, stdout).toBe(0);
  expect(stdout).toContain('Building …');
  expect(stdout).toMatch(/^documents {2}9$/m);
  expect(stdout).toMatch(/^1\. carrier-change\.eml/m);
  expect(stdout).toMatch(/^9 documents, \d+ items compared: no difference$/m);
  for (const next of ['npx apex ingest <folder>', 'npx apex search "<question>"', 'npx apex documents list'])
    expect(stdout).toContain(next);
  for (const line of recordedLines()) expect(stdout, 'README.md: record the session again').toContain(line);
  const [, memory = ''] = /^The memory is one file: (.+)$/m.exec(stdout) ?? [];
  expect(existsSync(memory)).toBe(true);
});

test('off line, what is missing is said in one sentence', async () => {
  const folder = copyCheckout();
  const { exitCode, stdout, stderr } = await execa(process.execPath, ['scripts/quickstart.mjs'], {
    cwd: folder,
    env: { npm_config_registry: 'http://127.0.0.1:9', npm_config_cache: join(folder, 'cache') },
    reject: false,
  });
  expect(exitCode).toBe(1);
  expect(stdout).toBe('Installing the locked packages …');
  expect(stderr).toMatch(
    /^The packages cannot be installed: the npm registry does not answer \(ECONNREFUSED\) .*; connect once, then run this again\.$/,
  );
});
