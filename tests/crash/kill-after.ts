import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';

/** What a command left that may have been killed: the last line of its output may be torn. */
interface Killed {
  /** `SIGKILL`, or null when it had ended by itself before. */
  readonly signal: string | null;
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a command of the built program and kills it (SIGKILL) after a time. */
export async function killAfter(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  afterMs: number,
): Promise<Killed> {
  const running = execa(process.execPath, ['bin/apex.js', ...args, '--json'], { env, reject: false, stdin: 'ignore' });
  const waiting = new AbortController();
  await Promise.race([running, delay(afterMs, undefined, { signal: waiting.signal }).catch(() => {})]);
  waiting.abort();
  running.kill('SIGKILL');
  const { signal, exitCode, stdout, stderr } = await running;
  return { signal: signal ?? null, exitCode: exitCode ?? null, stdout, stderr };
}
