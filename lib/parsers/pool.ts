import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ParsedDocument, StagedFile } from '../contracts/document.ts';
import type { ErrorCode } from '../contracts/error-codes.ts';
import { ParseError } from '../contracts/errors.ts';
import type { ParseLimits, ParserPool } from '../contracts/parts.ts';
import { PARSERS_VERSION } from './index.ts';

export interface ParserPoolSettings {
  /** Processes at once. */
  readonly maxProcesses: number;
  readonly limits: ParseLimits;
}

/** What a process is asked. */
export interface Job {
  readonly id: number;
  readonly file: StagedFile;
  readonly attachmentsFolder: string;
  readonly limits: ParseLimits;
}

/** What it answers. */
export type Answer =
  | { readonly id: number; readonly parsed: ParsedDocument }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };

/** A document that waits for a process, or is in one. */
interface Waiting {
  readonly job: Job;
  readonly signal: AbortSignal;
  readonly resolve: (parsed: ParsedDocument) => void;
  readonly reject: (error: unknown) => void;
}

/** How often a working process's memory is looked at. */
const WATCH_MS = 100;
/** Memory that the heap may take of the limit; the rest is for buffers. */
const HEAP_SHARE = 0.75;
const MEGABYTE = 1_048_576;

/**
 * Parses documents in processes of their own, one document a process at a time.
 *
 * A document that takes too long, too much memory, or brings its process down costs itself and nothing else.
 */
export function openParserPool(settings: ParserPoolSettings): ParserPool {
  return new ProcessPool(settings);
}

class ProcessPool implements ParserPool {
  readonly version = PARSERS_VERSION;
  readonly #settings: ParserPoolSettings;
  readonly #queue: Waiting[] = [];
  readonly #idle: ParserProcess[] = [];
  readonly #all = new Set<ParserProcess>();
  #lastId = 0;

  constructor(settings: ParserPoolSettings) {
    this.#settings = settings;
  }

  parse(file: StagedFile, attachmentsFolder: string, signal: AbortSignal): Promise<ParsedDocument> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      this.#lastId += 1;
      const job = { id: this.#lastId, file, attachmentsFolder, limits: this.#settings.limits };
      this.#queue.push({ job, signal, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    for (const child of this.#all) child.kill();
  }

  #next(): void {
    if (this.#queue.length === 0) return;
    const child = this.#idle.pop() ?? this.#start();
    if (child === null) return;
    child.work(this.#queue.shift()!);
  }

  #start(): ParserProcess | null {
    if (this.#all.size >= this.#settings.maxProcesses) return null;
    const child = new ParserProcess(this.#settings.limits, {
      onIdle: () => {
        this.#idle.push(child);
        this.#next();
      },
      onEnd: () => {
        this.#all.delete(child);
        this.#next();
      },
    });
    this.#all.add(child);
    return child;
  }
}

class ParserProcess {
  readonly #limits: ParseLimits;
  readonly #child: ChildProcess;
  readonly #onIdle: () => void;
  #current: Waiting | null = null;
  #timers: NodeJS.Timeout[] = [];
  #killedFor: ErrorCode | null = null;
  #output = '';

  constructor(limits: ParseLimits, { onIdle, onEnd }: { onIdle: () => void; onEnd: () => void }) {
    this.#limits = limits;
    this.#onIdle = onIdle;
    // The compiler does not rewrite the ending inside `new URL`, and both the sources and the build are run.
    const file = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './child.js', import.meta.url));
    const heapMegabytes = Math.floor((limits.memoryBytes * HEAP_SHARE) / MEGABYTE);
    // The parser needs nothing of the environment, and must not see the secrets in it.
    const env = { PATH: '/usr/bin:/bin' };
    this.#child = fork(file, [], {
      env,
      execArgv: [`--max-old-space-size=${heapMegabytes}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'json',
    });
    this.#child.on('message', (answer: Answer) => this.#settle(answer));
    this.#child.stderr?.on('data', (part: Buffer) => {
      this.#output = (this.#output + part.toString('latin1')).slice(-MAX_OUTPUT_CHARACTERS);
    });
    this.#child.on('error', () => {});
    this.#child.on('exit', () => {
      this.#end();
      onEnd();
    });
    this.#unref();
  }

  work(waiting: Waiting): void {
    this.#current = waiting;
    this.#child.ref();
    this.#child.channel?.ref();
    const abort = () => this.kill();
    waiting.signal.addEventListener('abort', abort, { once: true });
    this.#timers = [
      setTimeout(() => this.#killFor('TIMEOUT'), this.#limits.timeoutMs),
      setInterval(() => {
        if (residentBytes(this.#child.pid) > this.#limits.memoryBytes) this.#killFor('OUT_OF_MEMORY');
      }, WATCH_MS),
    ];
    this.#child.send(waiting.job, (error) => {
      if (error !== null) this.kill();
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #killFor(code: ErrorCode): void {
    this.#killedFor = code;
    this.kill();
  }

  #settle(answer: Answer): void {
    const waiting = this.#finish();
    if (waiting === null) return;
    if ('parsed' in answer) waiting.resolve(answer.parsed);
    else
      waiting.reject(new ParseError(`${waiting.job.file.name}: ${answer.error.message}`, { code: answer.error.code }));
    this.#unref();
    this.#onIdle();
  }

  #end(): void {
    const waiting = this.#finish();
    if (waiting === null) return;
    if (waiting.signal.aborted) waiting.reject(waiting.signal.reason);
    else waiting.reject(this.#deathOf(waiting.job));
  }

  #deathOf({ file }: Job): ParseError {
    const code =
      this.#killedFor ?? (/heap out of memory|allocation failed/i.test(this.#output) ? 'OUT_OF_MEMORY' : 'CRASHED');
    const { timeoutMs, memoryBytes } = this.#limits;
    const reasons: { readonly [code in ErrorCode]?: string } = {
      TIMEOUT: `parsing took longer than ${timeoutMs / 1_000} s (APEX_PARSE_TIMEOUT_SECONDS)`,
      OUT_OF_MEMORY: `parsing needed more than ${Math.round(memoryBytes / MEGABYTE)} MB (APEX_PARSE_MEMORY_MB)`,
      CRASHED: 'its parser process died',
    };
    return new ParseError(`${file.name}: ${reasons[code]}`, {
      code,
      retryable: code === 'CRASHED',
      details: { bytes: file.bytes },
    });
  }

  #finish(): Waiting | null {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    const waiting = this.#current;
    this.#current = null;
    return waiting;
  }

  /** An idle process keeps nobody alive. */
  #unref(): void {
    this.#child.unref();
    this.#child.channel?.unref();
    (this.#child.stderr as unknown as { unref?: () => void } | null)?.unref?.();
  }
}

/** How much of a process's last words is kept, to tell why it died. */
const MAX_OUTPUT_CHARACTERS = 4_096;
const PAGE_BYTES = 4_096;

/** Resident memory of a process, or 0 where the system does not tell. Source: the manual page proc_pid_statm(5). */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
