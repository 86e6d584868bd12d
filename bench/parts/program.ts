import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RunSummary } from '../../lib/contracts/apex.ts';
import { TreeMemory } from './process-tree.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/apex.js', import.meta.url));

/** What one run of the built program took. */
export interface MeasuredRun {
  readonly summary: RunSummary;
  /** From start to end of the process. */
  readonly seconds: number;
  /** The largest sum of resident sizes over the process and those it started; 0 when nobody watched. */
  readonly peakBytes: number;
}

interface RunOptions {
  /** The data directory. */
  readonly home: string;
  readonly isWatched?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
  readonly wrapper?: readonly string[];
}

/** Runs `apex ingest <target> --json` as the built program, in a data directory. @throws when it does not end well. */
export function ingest(target: string, options: RunOptions): Promise<MeasuredRun> {
  return measured(['ingest', target], options);
}

/** Runs a command of apex with `--json` as the built program, in a data directory. @throws when it does not end well. */
export async function measured(
  words: readonly string[],
  { home, settings = {}, wrapper = [], isWatched = true }: RunOptions,
): Promise<MeasuredRun> {
  const [command, ...args] = [...wrapper, process.execPath, PROGRAM, ...words, '--json'];
  const startedMs = performance.now();
  const child = spawn(command!, args, {
    env: {
      PATH: process.env['PATH'],
      APEX_HOME: home,
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const memory = isWatched ? new TreeMemory(child.pid!) : null;
  let last = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    // Only the last line is of interest; what came before it is let go.
    last = (last + text).slice(-100_000);
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const seconds = (performance.now() - startedMs) / 1_000;
  const peakBytes = memory?.stop() ?? 0;
  const line = last.trimEnd().split('\n').at(-1) ?? '';
  if (exitCode !== 0) throw new Error(`apex ${words[0]} ended with ${exitCode}: ${line}`);
  return { summary: JSON.parse(line) as RunSummary, seconds, peakBytes };
}

/** Calls of fsync and of fdatasync in a log that `strace -c` wrote. */
export function countedSyncs(path: string): number {
  const rows = readFileSync(path, 'utf8').matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+f(?:data)?sync$/gmu);
  return [...rows].reduce((sum, [, calls]) => sum + Number(calls), 0);
}
