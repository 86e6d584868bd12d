import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { getLoadablePath } from 'sqlite-vec';
import { expect, onTestFinished } from 'vitest';
import { apex, newFolder, startApex } from './program.ts';

type Environment = Readonly<Record<string, string>>;

/** A folder of documents beside a data directory, and the built program over both; all gone when the test ends. */
export function openCase(files: Readonly<Record<string, string | Buffer>> = {}, env: Environment = {}) {
  const root = newFolder('case');
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const home = join(root, 'home');
  const documents = join(root, 'documents');
  const write = (name: string, content: string | Buffer) => {
    mkdirSync(dirname(join(documents, name)), { recursive: true });
    writeFileSync(join(documents, name), content);
  };
  for (const [name, content] of Object.entries(files)) write(name, content);
  const runWith = (more: Environment, ...args: string[]) =>
    apex([...args, '--json'], { home, env: { ...env, ...more } });
  const run = (...args: string[]) => runWith({}, ...args);
  return {
    home,
    documents,
    env,
    write,
    run,
    /** Runs a command with more of an environment. */
    runWith,
    /** Starts a command that stops itself at a crash point; resolves when it has. */
    stop: async (point: string, ...args: string[]) => {
      const started = startApex([...args, '--json'], { home, env: { ...env, APEX_CRASH_POINT: `stop ${point}` } });
      onTestFinished(() => started.kill('SIGKILL'));
      await started.stopped();
      return started;
    },
    /** Runs a command that kills itself at a crash point. */
    kill: async (point: string, ...args: string[]) => {
      const { signal, stderr } = await runWith({ APEX_CRASH_POINT: point }, ...args);
      expect(signal, `${point} was never reached: ${stderr}`).toBe('SIGKILL');
    },
    /** The summary of an ingest of all documents, and what became of each by name. */
    ingest: async (...targets: string[]) => {
      const { lines, stderr } = await run('ingest', ...(targets.length === 0 ? [documents] : targets));
      const summary = lines.find(({ event }) => event === 'summary');
      expect(summary, stderr).toBeDefined();
      const results = lines.filter(({ event }) => event === 'document');
      const byName = new Map(results.map((result) => [String(result['source_uri']).split('/').at(-1)!, result]));
      return { summary: summary!, of: (name: string) => byName.get(name)!, stderr };
    },
    /** The texts that a search by keyword finds. */
    search: async (text: string) =>
      (await run('search', text, '--mode', 'keyword')).lines.map((line) => String(line['text'])),
    verify: async () => (await run('verify')).exitCode,
    idOf: async (name: string) => {
      const { lines } = await run('documents', 'list');
      return String(lines.find(({ source_uri }) => String(source_uri).endsWith(`/${name}`))!['document_id']);
    },
  };
}

/** Runs SQL on a memory, beside whatever has it open. */
export function onMemory<Result>(home: string, work: (db: Database.Database) => Result): Result {
  const db = new Database(join(home, 'memory.db'));
  db.loadExtension(getLoadablePath());
  try {
    return work(db);
  } finally {
    db.close();
  }
}
