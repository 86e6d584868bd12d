import { spawn } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A server of the tests' own, or one that somebody named. */
export interface TestServer {
  readonly url: string;
  /** Ends it and removes what it wrote. */
  stop(): Promise<void>;
}

/** A server that tests may also kill, hold and start again on what it wrote. */
export interface StartedServer extends TestServer {
  readonly port: number;
  readonly folder: string;
  /** SIGKILL ends it at once, SIGSTOP holds it, SIGCONT lets it go on. */
  signal(signal: NodeJS.Signals): void;
  /** Starts it again on the same port and folder, after it was killed. */
  restart(): Promise<void>;
}

export interface ServerProgram {
  /** As people know it, for what is said. */
  readonly name: string;
  /** The user it runs as; null: whoever runs the tests. */
  readonly uid: number | null;
  /** Makes what it needs before its first start. */
  prepare?(folder: string): Promise<void>;
  command(folder: string, port: number): readonly [command: string, ...args: string[]];
  url(port: number): string;
  /** Rejects while it does not answer. */
  greet(url: string): Promise<void>;
}

/** How long a server may take to answer. */
const READY_MS = 120_000;
const POLL_MS = 50;

/** Starts a server on a free port of 127.0.0.1, with a folder of its own; it ends with this process, however that ends. */
export async function startServer(program: ServerProgram): Promise<StartedServer> {
  const startedMs = performance.now();
  const folder = mkdtempSync(join(tmpdir(), `apex-test-${program.name.toLowerCase()}-`));
  if (program.uid !== null) chownSync(folder, program.uid, -1);
  const port = await freePort();
  try {
    await program.prepare?.(folder);
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  const url = program.url(port);
  const guarded = [await startGuarded(program, { folder, port, url })];
  console.log(`${program.name} ready in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
  return {
    ...{ url, port, folder },
    signal: (signal) => guarded.at(-1)!.signal(signal),
    restart: async () => {
      guarded.push(await startGuarded(program, { folder, port, url }));
    },
    // Those whose server was killed wait, too, and each removes the folder.
    stop: async () => {
      for (const one of guarded.toReversed()) await one.stop();
    },
  };
}

const GUARD = fileURLToPath(new URL('./guard.mjs', import.meta.url));

interface Guarded {
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

async function startGuarded(
  program: ServerProgram,
  { folder, port, url }: { readonly folder: string; readonly port: number; readonly url: string },
): Promise<Guarded> {
  const uid = program.uid === null ? '' : String(program.uid);
  const args = [GUARD, folder, uid, ...program.command(folder, port)];
  const guard = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  let said = '';
  for (const output of [guard.stdout, guard.stderr])
    output.on('data', (part: Buffer) => {
      said = `${said}${part}`.slice(-4_000);
    });
  const ended = new Promise<void>((resolve) => guard.once('exit', () => resolve()));
  const stop = async () => {
    guard.stdin.end();
    await ended;
  };
  try {
    await untilReady(program, url, () => said.includes('the server ended') || guard.exitCode !== null);
  } catch (error) {
    await stop();
    throw new Error(`${program.name} does not start: ${(error as Error).message}\n${said}`);
  }
  return { signal: (signal) => guard.stdin.write(`${signal}\n`), stop };
}

async function untilReady(program: ServerProgram, url: string, hasEnded: () => boolean): Promise<void> {
  const untilMs = performance.now() + READY_MS;
  for (;;) {
    try {
      return await program.greet(url);
    } catch (error) {
      if (hasEnded() || performance.now() > untilMs) throw error;
      await delay(POLL_MS);
    }
  }
}

/** Resolves once something accepts connections there. */
export function connects(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => {
      socket.end();
      resolve();
    });
    socket.once('error', reject);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** A folder beside the packages for what servers are built of; it outlives test runs. */
export function serverCache(name: string): string {
  const folder = fileURLToPath(new URL(`../../node_modules/.cache/apex-tests/${name}`, import.meta.url));
  mkdirSync(folder, { recursive: true });
  return folder;
}
