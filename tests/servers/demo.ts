// Ingests the sample documents into PostgreSQL, Neo4j, Qdrant and Redis, and counts what lies in each by its own client. Ends with 1
// when that is not what `apex verify` compared.
//
// Uses the servers that APEX_TEST_POSTGRES_URL, …_NEO4J_URL, …_QDRANT_URL and …_REDIS_URL name, and starts the others; APEX_POSTGRES_SCHEMA
// and APEX_QDRANT_COLLECTION name places in them, otherwise made for this and removed again.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CountedServers, type CountedStore, type Verified } from './counted.ts';
import { openServers } from './open.ts';

const isTerminal = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
const colour = (code: number, text: string) => (isTerminal ? `\u001b[${code}m${text}\u001b[0m` : text);

const WIDTHS = [9, 24, 22, 9, 13] as const;

type Settings = Readonly<Record<string, string>>;

const home = mkdtempSync(join(tmpdir(), 'apex-demo-'));
const opened = await openServers();
try {
  process.exitCode = (await demonstrate()) ? 0 : 1;
} finally {
  await opened.stop();
  rmSync(home, { recursive: true, force: true });
}

async function demonstrate(): Promise<boolean> {
  const servers = new CountedServers(opened.urls, {
    schema: process.env['APEX_POSTGRES_SCHEMA'] ?? `apex_demo_${randomBytes(4).toString('hex')}`,
    collection: process.env['APEX_QDRANT_COLLECTION'] ?? `apex-demo-${randomBytes(4).toString('hex')}`,
  });
  for (const line of await servers.describe()) console.log(line);
  await show(['ingest', 'fixtures/sample'], servers.settings);
  await show(['search', 'who carries load LD-20418 now?', '--limit', '1'], servers.settings);
  await show(['verify'], servers.settings);
  const isEqual = compare(await servers.count(await lastLine(['verify'], servers.settings)));
  if (process.env['APEX_POSTGRES_SCHEMA'] === undefined) await servers.remove();
  return isEqual;
}

/** Runs a command as a user would, with its output shown. */
async function show(args: readonly string[], settings: Settings): Promise<void> {
  console.log(bold(`\n$ apex ${args.map((arg) => (arg.includes(' ') ? `"${arg}"` : arg)).join(' ')}`));
  await once(start(args, settings, 'inherit'), 'close');
}

/** Runs a command with `--json`. @returns its last line. */
async function lastLine(args: readonly string[], settings: Settings): Promise<Verified> {
  const child = start([...args, '--json'], settings, 'pipe');
  let said = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(child, 'close');
  return JSON.parse(said.trim().split('\n').at(-1)!) as Verified;
}

function start(args: readonly string[], settings: Settings, output: 'inherit' | 'pipe'): ChildProcess {
  const { APEX_POSTGRES_SCHEMA: _schema, APEX_QDRANT_COLLECTION: _collection, ...env } = process.env;
  return spawn(process.execPath, ['bin/apex.js', ...args], {
    env: { ...env, APEX_HOME: home, ...settings },
    stdio: ['ignore', output, 'inherit'],
  });
}

/** Prints what was counted beside what verify says. @returns whether all is equal. */
function compare(stores: readonly CountedStore[]): boolean {
  const line = (...cells: readonly string[]) =>
    cells.map((cell, index) => (index < 3 ? cell.padEnd(WIDTHS[index]!) : cell.padStart(WIDTHS[index] ?? 3))).join('');
  console.log(`\n${bold(line('store', 'counted with', 'what', 'there', 'apex verify'))}`);
  let isEqual = true;
  for (const { store, client, counted } of stores)
    for (const [index, { what, count, verified }] of counted.entries()) {
      const isRight = verified === null || verified === count;
      isEqual &&= isRight;
      const names = index === 0 ? [store, client] : ['', ''];
      const mark = verified === null ? '' : isRight ? colour(32, '  ✓') : colour(31, '  ✗');
      console.log(line(...names, what, String(count), verified === null ? '' : String(verified)) + mark);
    }
  console.log(
    isEqual
      ? `\n${colour(32, '✓')} Each server holds what apex says it holds.`
      : `\n${colour(31, '✗')} What the servers hold is not what apex says.`,
  );
  return isEqual;
}

function bold(text: string): string {
  return colour(1, text);
}
