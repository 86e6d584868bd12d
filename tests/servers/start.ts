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
  /** Starts it again on the same port and folder, after it was killed; once more if it does not answer then. */
  restart(): Promise<void>;
  /** Starts it again if it does not answer, because an earlier test left it so. */
  revive(): Promise<void>;
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

/** How long a server may take to answer: Neo4j took 10 s alone and 30 s beside other work; on a busy CI machine 120 s were not enough. */
const READY_MS = 240_000;
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
  const guarded: Guarded[] = [];
  const start = async () => {
    const one = guard(program, folder, port);
    guarded.push(one);
    try {
      await untilReady(program, url, one.hasEnded);
    } catch (error) {
      throw new Error(`${program.name} does not start: ${(error as Error).message}\n${one.said()}`);
    }
  };
  const stop = async () => {
    // Those whose server was killed wait, too, and each removes the folder.
    for (const one of guarded.toReversed()) await one.stop();
  };
  const signal = (name: NodeJS.Signals) => guarded.at(-1)!.signal(name);
  /** Until it has ended it holds its port and its files: another start would fail for them, or be taken for ready. */
  const untilEnded = async () => {
    while (!guarded.at(-1)!.hasEnded()) await delay(POLL_MS);
  };
  const kill = async () => {
    signal('SIGKILL');
    await untilEnded();
  };
  const restart = async () => {
    await untilEnded();
    try {
      await start();
    } catch (error) {
      console.log(`${(error as Error).message}\n${program.name} is started once more`);
      await kill();
      await start();
    }
  };
  const revive = async () => {
    try {
      await program.greet(url);
    } catch {
      await kill();
      await restart();
    }
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  console.log(`${program.name} ready in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
  return { url, port, folder, signal, restart, revive, stop };
}

const GUARD = fileURLToPath(new URL('./guard.mjs', import.meta.url));

/** The process that watches over a server: see `guard.mjs`. */
interface Guarded {
  signal(signal: NodeJS.Signals): void;
  hasEnded(): boolean;
  /** The end of what it and the server printed. */
  said(): string;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

function guard(program: ServerProgram, folder: string, port: number): Guarded {
  const uid = program.uid === null ? '' : String(program.uid);
  const args = [GUARD, folder, uid, ...program.command(folder, port)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  let said = '';
  for (const output of [child.stdout, child.stderr])
    output.on('data', (part: Buffer) => {
      said = `${said}${part}`.slice(-4_000);
    });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    signal: (name) => child.stdin.write(`${name}\n`),
    hasEnded: () => said.includes('the server ended') || child.exitCode !== null,
    said: () => said,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
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

/** Ports below those that connections are given as their own: one of these could else take a killed server's place. */
const PORTS = { from: 10_000, to: 32_000 };

async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** A folder beside the packages for what servers are built of; it outlives test runs. */
export function serverCache(name: string): string {
  const folder = fileURLToPath(new URL(`../../node_modules/.cache/apex-tests/${name}`, import.meta.url));
  mkdirSync(folder, { recursive: true });
  return folder;
}
