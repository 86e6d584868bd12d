import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { ParsedDocument, StagedFile } from '../contracts/document.ts';
import type { ErrorCode } from '../contracts/error-codes.ts';
import { ParseError } from '../contracts/errors.ts';
import type { ParseLimits, ParserPool } from '../contracts/parts.ts';

/** How documents are kept from harming the process that asks for them. */
export interface ParserPoolSettings {
  /** Processes at the same time; each is started when there is work for it. */
  readonly maxProcesses: number;
  readonly limits: ParseLimits;
  /** Another Node to run them with; default this one. */
  readonly execPath?: string;
  /** Path of a module whose default export is called with each job before it is parsed: lets a test hang or kill a process. */
  readonly probe?: string;
}

/** What a process is asked. */
export interface Job {
  readonly id: number;
  readonly path: string;
  readonly name: string;
  readonly attachmentsFolder: string;
  readonly limits: ParseLimits;
}

/** What it answers: one of the two. */
export type Answer =
  | { readonly id: number; readonly document: ParsedDocument }
  | { readonly id: number; readonly failure: { readonly code: ErrorCode; readonly message: string } };

interface Task {
  readonly job: Job;
  readonly resolve: (document: ParsedDocument) => void;
  readonly reject: (error: unknown) => void;
  isSettled: boolean;
}

/** Raised whenever the same bytes may give another result: any parser, type detection or decoding. */
const PARSERS_VERSION = 1;

/** Jobs a process holds: the one it parses and the next two, so that it never waits for a message. */
const JOBS_AHEAD = 3;
const WATCH_MS = 100;
const PAGE_BYTES = 4096;
const MEGABYTE = 1024 * 1024;
/** A process that a document has made larger than this is replaced, since a heap hardly gives back what it has taken. */
const RECYCLED_BYTES = 256 * MEGABYTE;
/** Memory that the heap may take of the limit; the rest is for buffers. */
const HEAP_SHARE = 0.75;

/** Opens a pool; no process runs before the first document, and none keeps its parent alive while idle. */
export function openParserPool(settings: ParserPoolSettings): ParserPool {
  const pool = new ChildPool(settings);
  return {
    version: `parsers/${PARSERS_VERSION}`,
    limits: settings.limits,
    parse: (file, attachmentsFolder, signal) => pool.parse(file, attachmentsFolder, signal),
    close: () => pool.close(),
  };
}

class ChildPool {
  private readonly settings: ParserPoolSettings;
  private readonly waiting: Task[] = [];
  private readonly workers = new Set<ParserProcess>();
  private nextId = 0;
  private isClosed = false;

  constructor(settings: ParserPoolSettings) {
    this.settings = settings;
  }

  async parse(file: StagedFile, attachmentsFolder: string, signal: AbortSignal): Promise<ParsedDocument> {
    signal.throwIfAborted();
    if (this.isClosed) throw closedError();
    const { promise, resolve, reject } = Promise.withResolvers<ParsedDocument>();
    const { path, name } = file;
    const job: Job = { id: this.nextId, path, name, attachmentsFolder, limits: this.settings.limits };
    this.nextId += 1;
    const task: Task = { job, resolve, reject, isSettled: false };
    const abort = () => this.cancel(task, signal.reason);
    signal.addEventListener('abort', abort);
    this.waiting.push(task);
    this.assign();
    try {
      return await promise;
    } finally {
      task.isSettled = true;
      signal.removeEventListener('abort', abort);
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([...this.workers].map((worker) => worker.stop()));
    for (const task of this.waiting.splice(0)) task.reject(closedError());
  }

  /** Gives waiting tasks to idle processes first, to new ones next, then to the least busy. */
  private assign(): void {
    while (this.waiting.length > 0 && !this.isClosed) {
      const worker = this.freeWorker();
      if (worker === null) return;
      const task = this.waiting.shift()!;
      if (!task.isSettled) worker.add(task);
    }
  }

  private freeWorker(): ParserProcess | null {
    const [least] = [...this.workers].sort((a, b) => a.load - b.load);
    if (least !== undefined && least.load === 0) return least;
    if (this.workers.size < this.settings.maxProcesses) return this.start();
    return least !== undefined && least.load < JOBS_AHEAD ? least : null;
  }

  private start(): ParserProcess {
    const worker = new ParserProcess(this.settings, {
      onAnswer: () => this.assign(),
      onExit: (unfinished) => {
        this.workers.delete(worker);
        this.waiting.unshift(...unfinished);
        this.assign();
      },
    });
    this.workers.add(worker);
    return worker;
  }

  private cancel(task: Task, reason: unknown): void {
    task.isSettled = true;
    for (const worker of this.workers) worker.cancel(task);
    task.reject(reason);
  }
}

function closedError(): ParseError {
  return new ParseError('The parsers were closed before the document was read.', { code: 'CRASHED', retryable: true });
}

interface ProcessEvents {
  onAnswer(): void;
  /** The process is gone; these tasks were given to it and not begun. */
  onExit(unfinished: readonly Task[]): void;
}

/** One child. It works in order, so the first task is the one it is parsing, and the only one its death costs. */
class ParserProcess {
  private readonly child: ChildProcess;
  private readonly limits: ParseLimits;
  private readonly events: ProcessEvents;
  private readonly tasks: Task[] = [];
  private watch: NodeJS.Timeout | null = null;
  private begunAt = 0;
  /** Why it was killed, when it was. */
  private killedFor: 'TIMEOUT' | 'OUT_OF_MEMORY' | null = null;
  private isOutOfHeap = false;
  /** It is being replaced and takes no more work. */
  private isRetired = false;

  constructor(settings: ParserPoolSettings, events: ProcessEvents) {
    this.limits = settings.limits;
    this.events = events;
    const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const heapMegabytes = Math.max(64, Math.floor((settings.limits.memoryBytes * HEAP_SHARE) / MEGABYTE));
    this.child = fork(
      fileURLToPath(new URL(`./child.${ending}`, import.meta.url)),
      settings.probe === undefined ? [] : [settings.probe],
      {
        execArgv: [`--max-old-space-size=${heapMegabytes}`, '--disable-warning=ExperimentalWarning'],
        ...(settings.execPath === undefined ? {} : { execPath: settings.execPath }),
        env: {},
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      },
    );
    this.child.stderr?.on('data', (data: Buffer) => {
      this.isOutOfHeap ||= data.includes('heap out of memory');
    });
    this.child.on('message', (answer: Answer) => this.settle(answer));
    this.child.on('error', () => this.child.kill('SIGKILL'));
    this.child.on('close', () => this.end());
    this.child.unref();
    (this.child.stderr as unknown as { unref(): void } | null)?.unref();
    this.child.channel?.unref();
  }

  /** Tasks given to it and not answered; of one that takes none, more than any has. */
  get load(): number {
    return this.isRetired ? Number.POSITIVE_INFINITY : this.tasks.length;
  }

  add(task: Task): void {
    this.tasks.push(task);
    if (this.tasks.length === 1) this.begin();
    // A process that is just dying cannot be reached; its `close` event hands the task back.
    this.child.send(task.job, () => {});
  }

  cancel(task: Task): void {
    if (this.tasks[0] === task) this.child.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.child.once('close', () => resolve());
    this.child.ref();
    // The process may end before its pipe does: without this nothing would keep the parent alive until then.
    const alive = setInterval(() => {}, WATCH_MS);
    this.child.kill('SIGKILL');
    await promise;
    clearInterval(alive);
  }

  private begin(): void {
    this.begunAt = performance.now();
    this.child.channel?.ref();
    this.watch ??= setInterval(() => this.check(), WATCH_MS);
  }

  private rest(): void {
    if (this.watch !== null) clearInterval(this.watch);
    this.watch = null;
    this.child.channel?.unref();
  }

  private recycleOrRest(): void {
    this.isRetired = residentBytes(this.child.pid) > RECYCLED_BYTES;
    // The watch goes on until the process is gone: what waits for its place keeps the parent alive by nothing else.
    if (this.isRetired) this.child.kill('SIGKILL');
    else this.rest();
  }

  private check(): void {
    if (performance.now() - this.begunAt > this.limits.timeoutMs) this.kill('TIMEOUT');
    else if (residentBytes(this.child.pid) > this.limits.memoryBytes) this.kill('OUT_OF_MEMORY');
  }

  private kill(reason: 'TIMEOUT' | 'OUT_OF_MEMORY'): void {
    this.killedFor = reason;
    this.child.kill('SIGKILL');
  }

  private settle(answer: Answer): void {
    const task = this.tasks.shift();
    if (task === undefined || this.killedFor !== null) return;
    if ('document' in answer) task.resolve(answer.document);
    else task.reject(new ParseError(answer.failure.message, { code: answer.failure.code }));
    if (this.tasks.length === 0) this.recycleOrRest();
    else this.begunAt = performance.now();
    this.events.onAnswer();
  }

  private end(): void {
    this.rest();
    const [current, ...unfinished] = this.tasks.splice(0);
    current?.reject(this.deathError());
    this.events.onExit(unfinished);
  }

  private deathError(): ParseError {
    const { timeoutMs, memoryBytes } = this.limits;
    if (this.killedFor === 'TIMEOUT') {
      return new ParseError(
        `Parsing took longer than the ${timeoutMs / 1_000} s that APEX_PARSE_TIMEOUT_SECONDS allows.`,
        { code: 'TIMEOUT' },
      );
    }
    if (this.killedFor === 'OUT_OF_MEMORY' || this.isOutOfHeap) {
      const megabytes = Math.floor(memoryBytes / MEGABYTE);
      return new ParseError(`Parsing took more memory than the ${megabytes} MB that APEX_PARSE_MEMORY_MB allows.`, {
        code: 'OUT_OF_MEMORY',
      });
    }
    const { exitCode, signalCode } = this.child;
    return new ParseError(`The parser's process ended (${signalCode ?? exitCode}).`, {
      code: 'CRASHED',
      retryable: true,
    });
  }
}

/** Memory a process occupies, or 0 where the system does not tell. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
