import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import Database from 'better-sqlite3';
import type { Command } from 'commander';
import { expect, onTestFinished, test } from 'vitest';
import { createProgram } from '../../commands/program.ts';
import { openOpenAiServer, refusal } from '../helpers/openai-server.ts';
import { apex, type Finished, newFolder } from '../helpers/program.ts';
import { CTRL_C, hasTerminal, openTerminal } from '../helpers/terminal.ts';

/**
 * Goal: people see what goes on, programs get what they can read, and neither gets the other's.
 * Method: the built program with its output to a pipe, and on a terminal of its own.
 */

/** A data directory and a folder of documents, both gone when the test ends. */
function openCase(files: Readonly<Record<string, string>> = SOME) {
  const root = newFolder('output');
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const write = (folder: string, contents: Readonly<Record<string, string>>) => {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(contents)) writeFileSync(join(folder, name), text);
    return folder;
  };
  const documents = write(join(root, 'documents'), files);
  const more = (name: string, contents: Readonly<Record<string, string>>) => write(join(root, name), contents);
  return { home: join(root, 'home'), documents, more };
}

const SOME = {
  'load.txt': 'Date: January 10, 2026\n\nLoad number: LD-700001\nCarrier: Farrow Freight LLC\n',
  '荷物 🚛.md':
    '# 荷物の追跡と配送に関する長い題名、とても長い題名です、さらに続きます、まだ続きます\n\n荷物 LD-700002\n',
  'a name that goes on and on, as those of scanned files do, far beyond any terminal.txt': 'Bay nine is free.\n',
  'evil \u001b[31m.txt': 'A name with an escape code.\n',
  'bad.pdf': '%PDF-1.7\nnot one',
  'empty.txt': '',
};

const ESCAPE = '\u001b';
/** What sets colours, and nothing else that a terminal is told. */
const COLOUR = /\u001b\[[\d;]*m/;

/** Every command that shows something, on a memory that holds something. */
async function listings(home: string): Promise<string[][]> {
  const documents = (await apex(['documents', '--json'], { home })).lines;
  const quarantined = (await apex(['documents', '--quarantined', '--json'], { home })).lines;
  const [run] = (await apex(['runs', '--json'], { home })).lines;
  return [
    ['documents'],
    ['documents', 'list', '--quarantined'],
    ['documents', 'show', String(documents[0]!['document_id'])],
    ['status', String(quarantined[0]!['document_id'])],
    ['status', String(run!['run_id'])],
    ['runs'],
    ['runs', 'show', String(run!['run_id'])],
    ['search', 'LD-700001'],
    ['search', 'LD-700001', '--mode', 'keyword'],
    ['search', 'LD-700001', '--mode', 'vector'],
    ['search', 'LD-700001', '--mode', 'graph'],
    ['trace', String(documents[0]!['document_id'])],
    ['trace', String(quarantined[0]!['document_id'])],
    ['verify'],
    ['cleanup'],
    ['config'],
    ['doctor'],
    ['delete', String(documents[0]!['document_id'])],
  ];
}

test('what goes to a pipe holds no escape code, not even one from a document, and nothing is cut', async () => {
  const { home, documents } = openCase();
  const env = { NO_COLOR: '', TERM: 'xterm-256color' };
  const ingested = await apex(['ingest', documents], { home, env });
  expect(ingested.stdout).toMatch(/^added .*load\.txt$/m);
  expect(ingested.stdout).toMatch(/^quarantined .*bad\.pdf \(CORRUPT\)$/m);
  // One of the listings deletes whichever document comes first.
  const listed = await apex(['documents'], { home, env });
  expect(listed.stdout).toContain('far beyond any terminal.txt');
  for (const args of await listings(home)) {
    const { stdout, stderr } = await apex(args, { home, env });
    expect(stdout, args.join(' ')).not.toBe('');
    expect(stdout + stderr, args.join(' ')).not.toContain(ESCAPE);
  }
  expect(ingested.stdout + ingested.stderr).not.toContain(ESCAPE);
});

/** What documents and records say by their own names. */
const OWN_NAMES: ReadonlySet<string> = new Set(['metadata', 'attributes', 'detail', 'value']);

/** Names of members that are not in snake case, anywhere in a value. */
function strangeNames(value: unknown): string[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, member]) => [
    ...(Array.isArray(value) || /^[a-z]+(?:_[a-z]+)*$/.test(name) ? [] : [name]),
    ...(OWN_NAMES.has(name) ? [] : strangeNames(member)),
  ]);
}

/** Sees to it that the page explains every member of every line. @returns the events that were met, in order. */
function explainedEvents(outputs: readonly Finished[]): string[] {
  const page = readFileSync('docs/json-output.md', 'utf8');
  const seen = new Set<string>();
  for (const { lines, stdout } of outputs) {
    expect(lines.length, stdout).toBeGreaterThan(0);
    for (const line of lines) {
      expect(strangeNames(line), JSON.stringify(line)).toEqual([]);
      seen.add(String(line['event']));
      const section = page.split('\n## ').find((part) => part.startsWith(`${line['event']}\n`)) ?? '';
      const untold = Object.keys(line).filter((name) => name !== 'event' && !section.includes(`\`${name}\``));
      expect(untold, `docs/json-output.md does not explain these of ${line['event']}`).toEqual([]);
    }
  }
  return [...seen].sort();
}

test('--json gives one object a line and nothing else, each says what it is, and all names are in snake case', async () => {
  const { home, documents } = openCase();
  const ingested = await apex(['ingest', documents, join(documents, 'nothing'), '--json'], { home });
  expect(ingested.lines.map(({ event }) => event)).toEqual([
    'problem',
    ...Array.from({ length: 6 }, () => 'document'),
    'summary',
  ]);
  const outputs = [ingested];
  for (const args of await listings(home)) outputs.push(await apex([...args, '--json'], { home }));
  expect(explainedEvents(outputs)).toEqual([
    ...['check', 'cleanup', 'config', 'doctor', 'document', 'document_status', 'hit', 'listed_document', 'listed_run'],
    ...['problem', 'quarantined_document', 'run_status', 'setting', 'summary', 'trace', 'traced_document'],
  ]);
});

test('--json of records is explained, too', async () => {
  const home = join(newFolder('records-output'), 'home');
  const run = (...args: string[]) => apex([...args, '--json'], { home });
  const feed = join(home, '..', 'feed.ndjson');
  writeFileSync(feed, '{"id":"1","name":"TRUCK-1","vin":"1XPTEST0000000001"}\n{"id":["no"],"name":"TRUCK-2"}\n');
  const outputs = [await run('ingest-json', '--source', 'samsara', feed)];
  for (const args of [
    ['records', 'list'],
    ['records', 'retry'],
    ['show', 'TRUCK-1'],
    ['runs', 'list'],
  ])
    outputs.push(await run(...args));
  expect(explainedEvents(outputs)).toEqual([
    ...['document', 'entity', 'listed_run', 'rejected', 'rejected_record', 'summary'],
  ]);
});

test('--json of the same thing has the same shape in every command', async () => {
  const { home, documents } = openCase();
  await apex(['ingest', documents, '--json'], { home });
  const of = async (...args: string[]) => (await apex([...args, '--json'], { home })).lines;
  const [document] = await of('documents', 'list');
  const shown = (await of('documents', 'show', String(document!['document_id'])))[0]!;
  expect({ event: 'listed_document', ...(shown['document'] as object) }).toEqual(document);
  const [setAside] = await of('documents', 'list', '--quarantined');
  const stands = (await of('status', String(setAside!['document_id'])))[0]!;
  expect({ event: 'quarantined_document', ...(stands['quarantine'] as object) }).toEqual(setAside);
  expect(setAside).toMatchObject({
    error: { code: expect.any(String), message: expect.any(String), retryable: false },
  });
  const [run] = await of('runs', 'list');
  expect((await of('runs', 'show', String(run!['run_id'])))[0]).toMatchObject({ ...run, event: 'run_status' });
});

test('verify lists differences as people and as programs read them', async () => {
  const { home, documents } = openCase();
  await apex(['ingest', documents], { home });
  const db = new Database(join(home, 'memory.db'));
  db.exec("UPDATE chunk SET text = text || '!'; DELETE FROM graph_chunk");
  db.close();
  const { stdout, exitCode } = await apex(['verify'], { home });
  expect(exitCode).toBe(5);
  expect(stdout).toMatch(/^missing +graph +chunk +doc-/m);
  expect(stdout.split('\n').at(-1)).toMatch(/^4 documents, \d+ items compared: \d+ differences$/);
  const { lines } = await apex(['verify', '--json'], { home });
  expect(lines[0]).toMatchObject({ event: 'difference', problem: expect.any(String), document_id: expect.any(String) });
  expect(lines.at(-1)).toMatchObject({ event: 'summary', differences: lines.length - 1, exit_status: 5 });
});

/** All commands that people are shown, with what is typed to reach them. */
function commandsBelow(
  command: Command,
  path: readonly string[] = [],
): { path: readonly string[]; command: Command }[] {
  return command.commands.flatMap((child) => {
    const isHidden = (child as unknown as { _hidden: boolean })._hidden;
    const own = [...path, child.name()];
    return isHidden ? [] : [{ path: own, command: child }, ...commandsBelow(child, own)];
  });
}

test.each(commandsBelow(createProgram()))(
  'help of $path says what it does, with an example',
  async ({ path, command }) => {
    const home = openCase({}).home;
    const { stdout, stderr, exitCode } = await apex([...path, '--help'], { home });
    expect(exitCode).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain(`Usage: apex ${path.join(' ')}`);
    expect(command.description()).not.toBe('');
    if (command.commands.length === 0) expect(stdout).toMatch(/Examples?:\n {2}\$ apex /);
  },
);

test('apex alone shows what it can do, and how to begin', async () => {
  const { home } = openCase({});
  const { stdout, stderr, exitCode } = await apex([], { home });
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toContain('apex ingest <folder>');
});

test.each([
  [['ingest', 'x', '--jsno'], '--json'],
  [['serach', 'x'], 'search'],
  [['documents', 'list', '--quarantine'], '--quarantined'],
])('%j is refused, and what was meant is named', async (args, meant) => {
  const { home } = openCase({});
  const { stdout, stderr, exitCode } = await apex(args, { home });
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toContain(meant);
});

test('three hundred quarantined documents are counted, not listed, and the way to the list is shown', async () => {
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`empty-${index}.txt`, '']));
  const { home, documents } = openCase(files);
  const { stdout, exitCode } = await apex(['ingest', documents], { home });
  expect(exitCode).toBe(3);
  const closing = stdout.slice(stdout.indexOf('documents  '));
  expect(closing.split('\n').length).toBeLessThan(30);
  expect(closing).toContain('EMPTY_TEXT (300)');
  expect(closing).toContain('… and 290 more');
  expect(closing).toContain('apex documents list --quarantined');
  expect((await apex(['documents', 'list', '--quarantined', '--json'], { home })).lines).toHaveLength(300);
});

test('resume of several runs shows each of them and ends with the gravest status', async () => {
  const server = await openOpenAiServer(() => refusal(401, 'invalid_api_key'));
  const { home, documents, more } = openCase();
  const second = more('second', { 'b.txt': 'Bay ten is free.\n' });
  const run = (...args: string[]) => apex([...args, '--json'], { home, env: server.env });
  for (const folder of [documents, second]) expect((await run('ingest', folder)).exitCode).toBe(78);
  server.respond = () => null;
  const { lines, exitCode } = await run('resume');
  expect(lines.filter(({ event }) => event === 'summary')).toMatchObject([
    { state: 'completed', added: 4, quarantined: 2, exit_status: 3 },
    { state: 'completed', added: 1, exit_status: 0 },
  ]);
  expect(exitCode).toBe(3);
  expect(await run('resume')).toMatchObject({ exitCode: 0, stdout: '' });
});

test('a run goes on when nobody reads its output any more, and a listing ends', async () => {
  const { home, documents } = openCase();
  const closed = (...args: string[]) =>
    new Promise<number | null>((end) => {
      const child = spawn(process.execPath, [resolve('bin/apex.js'), ...args], {
        env: { ...process.env, APEX_HOME: home },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.stdout.destroy();
      child.stderr.destroy();
      child.on('exit', (code) => end(code));
    });
  expect(await closed('ingest', documents, join(documents, 'nothing'))).toBe(2);
  expect((await apex(['runs', '--json'], { home })).lines).toMatchObject([{ state: 'completed', exit_status: 2 }]);
  expect((await apex(['documents', '--json'], { home })).lines).toHaveLength(4);
  expect(await closed('documents')).toBe(0);
});

/** Until the test says so, an embedding server that gives no answer: a run waits where it can be looked at. */
async function openSilence() {
  const answer = Promise.withResolvers<null>();
  const question = Promise.withResolvers<void>();
  const server = await openOpenAiServer(() => {
    question.resolve();
    return answer.promise;
  });
  return { env: server.env, asked: question.promise, speak: () => answer.resolve(null) };
}

test.skipIf(!hasTerminal)('a live line tells how much there is before the first document is done', async () => {
  const { env, speak } = await openSilence();
  const { home, documents } = openCase();
  const terminal = openTerminal(['ingest', documents], { home, env: { ...env, APEX_BATCH_SIZE: '1' } });
  await terminal.shows('of 6 documents');
  await terminal.shows('embed');
  speak();
  expect(await terminal.ended).toBe(3);
  const closing = terminal.lines();
  expect(closing).toContain('  added        4');
  expect(closing.some((line) => line.startsWith('added '))).toBe(false);
});

test.skipIf(!hasTerminal)('Ctrl-C stops a run, which says how to go on and then goes on', async () => {
  const { env, speak } = await openSilence();
  const { home, documents } = openCase();
  const terminal = openTerminal(['ingest', documents], { home, env });
  await terminal.shows('embed');
  terminal.press(CTRL_C);
  expect(await terminal.ended).toBe(130);
  expect(terminal.lines()).toContain('Stopping after what is being written; press Ctrl-C again to stop at once.');
  expect(terminal.lines().at(-1)).toMatch(/^Continue with: apex resume [0-9a-f-]{36}$/);
  speak();
  expect((await apex(['resume', '--json'], { home, env })).lines.at(-1)).toMatchObject({
    state: 'completed',
    added: 4,
  });
});

test.skipIf(!hasTerminal)('Ctrl-C again stops at once what the first one waits for', async () => {
  const { env, speak } = await openSilence();
  const { home, documents } = openCase();
  const terminal = openTerminal(['ingest', documents], { home, env });
  await terminal.shows('embed');
  // The run cannot note that it was interrupted while another holds the registry.
  const db = new Database(join(home, 'registry.db'));
  db.exec('BEGIN IMMEDIATE');
  terminal.press(CTRL_C);
  await terminal.shows('press Ctrl-C again');
  const pressing = setInterval(() => terminal.press(CTRL_C), 100);
  expect(await terminal.ended).toBe(130);
  clearInterval(pressing);
  db.close();
  expect(terminal.lines().some((line) => /^Stopped at once; .* Continue with: apex resume$/.test(line))).toBe(true);
  speak();
  expect((await apex(['resume', '--json'], { home, env })).lines.at(-1)).toMatchObject({
    state: 'completed',
    added: 4,
  });
});

test.skipIf(!hasTerminal)('who types a document is told how to end it', async () => {
  const { home } = openCase({});
  const terminal = openTerminal(['ingest', '-', '--id', 'typed'], { home });
  await terminal.shows('end it with Ctrl-D');
  terminal.press('Bay nine is free.\n\u0004');
  expect(await terminal.ended).toBe(0);
  const { lines } = await apex(['search', 'bay', '--json'], { home });
  expect(lines).toMatchObject([{ document_id: 'typed', text: 'Bay nine is free.' }]);
});

test.skipIf(!hasTerminal)('Ctrl-C ends what only reads', async () => {
  const { env, asked } = await openSilence();
  const { home } = openCase({});
  const terminal = openTerminal(['search', 'anything'], { home, env });
  await asked;
  terminal.press(CTRL_C);
  expect(await terminal.ended).toBe(130);
  expect(terminal.lines()).toEqual(['^C']);
});

test.skipIf(!hasTerminal)('colours are for terminals, and NO_COLOR turns all of them off', async () => {
  for (const noColour of ['', '1']) {
    const { env, speak } = await openSilence();
    const { home, documents } = openCase();
    const ingest = openTerminal(['ingest', documents], { home, env: { ...env, NO_COLOR: noColour } });
    await ingest.shows('documents, ');
    speak();
    expect(await ingest.ended).toBe(3);
    const search = openTerminal(['search', 'LD-700001'], { home, env: { ...env, NO_COLOR: noColour } });
    expect(await search.ended).toBe(0);
    for (const terminal of [ingest, search]) expect(COLOUR.test(terminal.raw())).toBe(noColour === '');
  }
});

/** The columns that a line of these documents takes; a ruler of its own, because the program's may be wrong. */
function columnsOf(line: string): number {
  return [...line].reduce((sum, character) => sum + (/[\u3000-\u9fff\u{1f000}-\u{1ffff}]/u.test(character) ? 2 : 1), 0);
}

test.skipIf(!hasTerminal).each([40, 60])('on a terminal of %i columns no line is wider', async (columns) => {
  const { env, speak } = await openSilence();
  const { home, documents } = openCase();
  const ingest = openTerminal(['ingest', documents], { home, columns, env });
  await ingest.shows('embed');
  speak();
  expect(await ingest.ended).toBe(3);
  const terminals = [ingest];
  for (const args of [['documents'], ['runs'], ['search', '荷物'], ['search', 'LD-700001', '--mode', 'graph']]) {
    const terminal = openTerminal(args, { home, columns, env });
    expect(await terminal.ended).toBe(0);
    terminals.push(terminal);
  }
  for (const terminal of terminals)
    for (const line of terminal.lines()) {
      // A command is left whole, so that it can be copied.
      if (!line.includes(': apex ')) expect(columnsOf(line), line).toBeLessThanOrEqual(columns);
    }
  expect(stripVTControlCharacters(terminals[1]!.raw())).toContain('…');
});
