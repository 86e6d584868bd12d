import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished } from 'vitest';
import { openCase } from './case.ts';
import { dumpMemory } from './dump.ts';
import { apex, type Finished, newFolder, type Started, shell, startApex } from './program.ts';

/** A memory with one document, beside a folder for bad ones. */
export interface Victim {
  readonly home: string;
  /** A folder that goes when the test ends; settings files are read here. */
  readonly root: string;
  /** Where `write` writes. */
  readonly documents: string;
  write(name: string, content: string | Buffer): string;
  run(args: readonly string[], options?: Options): Promise<Finished>;
  /** Starts a command; see `startApex`. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Started;
  /** Runs a line of a shell; see `shell`. */
  shell(line: string, options?: Options): Promise<Finished>;
  /** Fails when the document that was there before is not there as it was, or when a store does not hold what it should. */
  assertUnharmed(options?: Options): Promise<void>;
}

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly uid?: number;
}

/** Opens a victim. @param options.uid whose it is; only root may choose. @param options.env what its commands always get. */
export async function openVictim(options: Pick<Options, 'uid' | 'env'> = {}): Promise<Victim> {
  const { uid } = options;
  const { home, documents, write } = openCase();
  const root = dirname(home);
  const before = join(root, 'before');
  for (const folder of [documents, before]) mkdirSync(folder);
  writeFileSync(join(before, 'before.txt'), 'Dock four was free before. Load number: LD-700001.\n');
  // Other users go through it to what is theirs.
  chmodSync(root, 0o755);
  if (uid !== undefined) await execa('chown', ['-R', `${uid}:${uid}`, root]);
  const run = (args: readonly string[], more: Options = {}) => apex(args, settled(more));
  /** What a command is run with. */
  const settled = ({ env, ...more }: Options) => ({
    home,
    cwd: root,
    ...options,
    ...more,
    env: { ...options.env, ...env },
  });
  const first = await run(['ingest', before]);
  expect(first.exitCode, first.stderr).toBe(0);
  const isBefore = (sourceUri: string) => sourceUri.endsWith('/before/before.txt');
  const dump = dumpMemory(home, isBefore);
  expect(dump['documents']).toHaveLength(1);
  return {
    home,
    root,
    documents,
    write(name, content) {
      write(name, content);
      return join(documents, name);
    },
    run,
    start: (args, env = {}) => startApex(args, settled({ env })),
    shell: (line, more = {}) => shell(line, settled(more)),
    async assertUnharmed(more = {}) {
      expect(dumpMemory(home, isBefore)).toEqual(dump);
      const verified = await run(['verify'], more);
      expect(verified.exitCode, verified.stdout + verified.stderr).toBe(0);
    },
  };
}

/** How Node shows where an error was thrown. */
const STACK_TRACE = /\n\s+at .+:\d+:\d+/;

/** Fails unless a command ended with the status and said all of this, for people: no stack trace, no control characters. */
export function expectEnd(finished: Finished, exitCode: number, ...said: readonly (string | RegExp)[]): void {
  const { stdout, stderr } = finished;
  expect(finished.exitCode, stdout + stderr).toBe(exitCode);
  const text = `${stdout}\n${stderr}`;
  for (const part of said) expect(text).toMatch(part);
  expect(text).not.toMatch(STACK_TRACE);
  expect(text).not.toContain('has a bug');
  expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
}

export const isRoot = process.geteuid?.() === 0;

/** A user that owns nothing here. */
export const NOBODY = 12_345;

/** Can the program be run as another user here? Says so where it cannot. */
export async function canRunAsNobody(): Promise<boolean> {
  if (!isRoot) return said('only root may run the program as another user', false);
  const { exitCode } = await execa(process.execPath, [resolve('bin/apex.js'), '--version'], {
    uid: NOBODY,
    gid: NOBODY,
    reject: false,
  });
  return exitCode === 0 || said('another user cannot read the program where it lies', false);
}

/** A disk of its own, with a few megabytes. */
export interface SmallDisk {
  readonly path: string;
  remount(options: 'ro' | 'rw'): Promise<void>;
}

/** What a small disk has room for: more than a memory with one document, less than writing many to it takes. */
const SMALL_DISK = '8m';

/** Mounts a small disk, which goes when the test ends; for where `canMount`. */
export async function openSmallDisk(path: string): Promise<SmallDisk> {
  mkdirSync(path, { recursive: true });
  await execa('mount', ['-t', 'tmpfs', '-o', `size=${SMALL_DISK},mode=700`, 'tmpfs', path]);
  onTestFinished(async () => {
    await execa('umount', ['-l', path]);
  });
  return {
    path,
    remount: async (how) => {
      await execa('mount', ['-o', `remount,${how}`, path]);
    },
  };
}

/** Can small disks be mounted here? Says so where they cannot. */
export async function canMount(): Promise<boolean> {
  const path = newFolder('mount');
  const { exitCode } = await execa('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path], { reject: false });
  if (exitCode === 0) await execa('umount', [path]);
  rmSync(path, { recursive: true });
  return exitCode === 0 || said('this machine does not let us mount a small disk', false);
}

function said<T>(reason: string, result: T): T {
  console.log(`not tried: ${reason}`);
  return result;
}

/** A link to a target. @returns its path. */
export function linked(target: string, path: string): string {
  symlinkSync(target, path);
  return path;
}

/** A new folder that every user may write to. @returns its path. */
export function shared(path: string): string {
  mkdirSync(path);
  chmodSync(path, 0o777);
  return path;
}
