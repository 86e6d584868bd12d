import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type ErrorReport, ParseError } from '../lib/contracts/errors.ts';
import type { ProviderUse } from '../lib/contracts/journal.ts';
import type { StepName } from '../lib/contracts/pipeline.ts';
import type { IsolatedContext, IsolatedRequest, Parts } from '../src/pipeline/parts.ts';

/** What the process says on standard output, a JSON line each: the step it has come to, why it could not go on, what it used. */
export type IsolatedLine =
  | { readonly step: StepName }
  | { readonly failure: ErrorReport }
  | { readonly use: ProviderUse };

interface IsolationOptions {
  /** The program and its arguments. It gets the request as a line on standard input, which stays open as long as this process lives. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Added to this process's environment: every setting, wherever this process had it from. */
  readonly env: Readonly<Record<string, string>>;
  /** After this time the process and those it started are killed. */
  readonly timeoutMs: number;
}

/** How documents are prepared one by one, each in a process that may die. Errors: what the process reports; TIMEOUT, final. */
export function isolatedPreparation(options: IsolationOptions): Parts['prepareIsolated'] {
  return (request, context) => prepareInProcess(request, options, context);
}

async function prepareInProcess(
  request: IsolatedRequest,
  { command: [program, ...args], env, timeoutMs }: IsolationOptions,
  { signal, onStep, use }: IsolatedContext,
): Promise<'prepared' | 'died'> {
  signal.throwIfAborted();
  const child = spawn(program, args, {
    // A group of its own, so that the parsers it starts can be killed with it.
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let isLate = false;
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended in the meantime.
    }
  };
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, timeoutMs);
  signal.addEventListener('abort', kill, { once: true });
  try {
    child.stdin.on('error', () => {});
    child.stdin.write(`${JSON.stringify(request)}\n`);
    let failure: ErrorReport | null = null;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as IsolatedLine;
      if ('step' in said) onStep(request.documentId, said.step);
      else if ('failure' in said) failure = said.failure;
      else use.add(said.use);
    });
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    if (isLate) throw timeout(request, timeoutMs);
    if (exitCode === 0) return 'prepared';
    // A process that ends with a status and gives no reason was ended by something else than apex.
    if (exitCode === null || failure === null) return 'died';
    const { code, message, retryable } = failure as ErrorReport;
    throw new ParseError(message, { code, retryable });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
    child.stdin.destroy();
  }
}

function timeout({ item }: IsolatedRequest, timeoutMs: number): ParseError {
  return new ParseError(`${item.name}: the process that worked on it took longer than ${timeoutMs} ms`, {
    code: 'TIMEOUT',
    details: { timeoutMs },
  });
}
