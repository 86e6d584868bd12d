import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';

/** What a finished command left. */
export interface Finished {
  readonly exitCode: number | null;
  /** `SIGKILL` and the like, or null. */
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON lines; empty when it is none. */
  readonly lines: readonly Record<string, unknown>[];
}

interface RunOptions {
  /** The data directory. */
  readonly home: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** The working folder, where settings files are read. */
  readonly cwd?: string;
  /** The user to run as; only root may choose. */
  readonly uid?: number;
}

/** Runs the built program as a user does, under this Node. */
export async function apex(
  args: readonly string[],
  { home, env = {}, input, cwd, uid }: RunOptions,
): Promise<Finished> {
  const result = await execa(process.execPath, [resolve('bin/apex.js'), ...args], {
    env: { APEX_HOME: home, NO_COLOR: '1', ...env },
    reject: false,
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid, gid: uid }),
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
  });
  const { stdout, stderr } = result;
  const lines = stdout.startsWith('{')
    ? stdout.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];
  return { exitCode: result.exitCode ?? null, signal: result.signal ?? null, stdout, stderr, lines };
}

/** A new folder that only this test uses. */
export function newFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `apex-test-${name}-`));
}
