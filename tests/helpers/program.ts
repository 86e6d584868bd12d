import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
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

/** A command under way. */
export interface Started {
  kill(signal: 'SIGINT' | 'SIGTERM' | 'SIGCONT' | 'SIGKILL'): void;
  /** Resolves once the process is stopped; rejects when it ends instead. */
  stopped(): Promise<void>;
  /** Resolves once standard error holds the text. */
  notes(text: string): Promise<void>;
  readonly finished: Promise<Finished>;
}

/** Runs the built program as a user does, under this Node. */
export function apex(args: readonly string[], options: RunOptions): Promise<Finished> {
  return startApex(args, options).finished;
}

/** Starts the built program: for what happens to a command while it is at work. */
export function startApex(args: readonly string[], options: RunOptions): Started {
  return start(process.execPath, [resolve('bin/apex.js'), ...args], options);
}

/**
 * Runs a line of a shell in which `apex` is the built program: for what only a shell can do to it (pipes, limits, redirections,
 * names that are not text).
 */
export function shell(line: string, options: RunOptions): Promise<Finished> {
  const env = { ...options.env, NODE: process.execPath, PROGRAM: resolve('bin/apex.js') };
  return start('/bin/sh', ['-c', `apex() { "$NODE" "$PROGRAM" "$@"; }\n${line}`], { ...options, env }).finished;
}

function start(command: string, args: readonly string[], { home, env = {}, input, cwd, uid }: RunOptions): Started {
  const child = execa(command, args, {
    env: { APEX_HOME: home, NO_COLOR: '1', ...env },
    reject: false,
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid, gid: uid }),
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
  });
  const finished = child.then(({ stdout, stderr, exitCode, signal }): Finished => {
    const lines = stdout.startsWith('{')
      ? stdout.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
      : [];
    return { exitCode: exitCode ?? null, signal: signal ?? null, stdout, stderr, lines };
  });
  let noted = '';
  child.stderr.on('data', (part: Buffer) => {
    noted += part.toString();
  });
  return {
    kill: (signal) => child.kill(signal),
    stopped: async () => {
      // The letter after the name: `T` for stopped. Source: the manual page proc_pid_stat(5).
      while (!/\) T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8'))) await delay(20);
    },
    notes: async (text) => {
      while (!noted.includes(text)) await once(child.stderr, 'data');
    },
    finished,
  };
}

/** Names the folder that all folders of a run of the tests lie in, and go with. */
export const TESTS_FOLDER = 'TESTS_FOLDER';

/** A new folder that only this test uses. */
export function newFolder(name: string): string {
  const folder = process.env[TESTS_FOLDER];
  // Both are of one length.
  return mkdtempSync(folder === undefined ? join(tmpdir(), `apex-test-${name}-`) : join(folder, `${name}-`));
}
