import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { onMemory, openCase } from '../helpers/case.ts';
import { folderState } from '../helpers/folder-state.ts';
import { openOpenAiServer } from '../helpers/openai-server.ts';
import { apex, newFolder, startApex } from '../helpers/program.ts';
import { CTRL_C, hasTerminal, openTerminal } from '../helpers/terminal.ts';

/**
 * Goal: a plan says what the ingest then does, and changes nothing anywhere.
 * Method: the built program; each plan is compared with the ingest after it, and the data directory with itself, to the last byte.
 */

type Line = Readonly<Record<string, unknown>>;

/** A mail with text attachments of these contents. */
function mailOf(subject: string, ...attachments: string[]): string {
  const head = [
    ...['From: Ana <ana@sundmere.example>', 'To: desk@farrow.example', `Subject: ${subject}`],
    ...['Date: Sat, 10 Jan 2026 10:00:00 +0000', 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=b', ''],
    ...['--b', 'Content-Type: text/plain', '', `About ${subject}.`],
  ];
  const parts = attachments.flatMap((text, index) => [
    ...['--b', 'Content-Type: text/plain', `Content-Disposition: attachment; filename="${index}.txt"`, '', text],
  ]);
  return [...head, ...parts, '--b--', ''].join('\r\n');
}

const LOAD = 'Date: January 10, 2026\n\nLoad number: LD-700001\nCarrier: Farrow Freight LLC\n';

/** What apex has left in a temporary folder; Node keeps its compiled modules there. */
function leftIn(temporary: string): string[] {
  return readdirSync(temporary).filter((name) => name !== 'node-compile-cache');
}

/** A case whose temporary folder is its own, to see that nothing is left in it. */
function openPlanned(
  files: Readonly<Record<string, string | Buffer>> = {},
  env: Readonly<Record<string, string>> = {},
) {
  const temporary = newFolder('temporary');
  onTestFinished(() => rmSync(temporary, { recursive: true, force: true }));
  const given = openCase(files, { ...env, TMPDIR: temporary });
  mkdirSync(given.documents, { recursive: true });
  const planned = async (...args: string[]) => {
    const before = existsSync(given.home) ? folderState(given.home) : null;
    const { lines, exitCode, stderr } = await given.run('ingest', '--dry-run', ...args);
    const after = existsSync(given.home) ? folderState(given.home) : null;
    expect(after, 'the data directory is as it was').toEqual(before);
    expect(leftIn(temporary)).toEqual([]);
    const documents = lines.filter(({ event }) => event === 'planned_document');
    return { exitCode, stderr, documents, summary: lines.find(({ event }) => event === 'plan')!, lines };
  };
  return { ...given, temporary, planned };
}

/** Names with what would be done, or was done, with each. */
function actions(lines: readonly Line[], member: 'action' | 'outcome'): Record<string, unknown> {
  const named = lines.map((line) => [String(line['source_uri']).split('/').at(-1), line[member]] as const);
  return Object.fromEntries(named.toSorted());
}

/** Outcomes of a run as a plan calls them. */
const AS_PLANNED: Readonly<Record<string, string>> = {
  ...{ added: 'add', updated: 'update', deleted: 'delete', quarantined: 'quarantine', unchanged: 'unchanged' },
};

test('what is planned is what the ingest then does: documents, rows of every store, texts and calls', async () => {
  const server = await openOpenAiServer();
  const { home, documents, write, run, planned } = openPlanned(
    {
      'same.txt': 'Bay nine is free.\n',
      'changed.txt': LOAD,
      'empty.txt': '',
      'mail.eml': mailOf('LD-700002', 'Carrier: Farrow Freight LLC', 'to be lost', 'stays as it is'),
      'still.eml': mailOf('LD-700003', 'Bay ten is free.'),
    },
    server.env,
  );
  await run('ingest', documents);
  write('changed.txt', `${LOAD}\nConsignee: Sundmere Linehaul Inc\n`);
  write('mail.eml', mailOf('LD-700002', 'Carrier: Sundmere Linehaul Inc'));
  write('new.md', `# A new one\n\n${LOAD}\n\n## Notes\n\nBay nine is free.\n`);
  write('twin.md', `# A new one\n\n${LOAD}\n\n## Notes\n\nBay nine is free.\n`);
  write('torn.pdf', '%PDF-1.7\nnot one');
  const callsBefore = server.calls.length;
  const plan = await planned(documents);
  expect(server.calls, 'no provider is asked').toHaveLength(callsBefore);
  expect(actions(plan.documents, 'action')).toMatchObject({
    ...{ 'same.txt': 'unchanged', 'changed.txt': 'update', 'new.md': 'add', 'torn.pdf': 'quarantine' },
    ...{ 'empty.txt': 'quarantine', 'mail.eml': 'update', 'still.eml': 'unchanged', 'twin.md': 'add' },
  });
  const { lines, exitCode } = await run('ingest', documents);
  const done = lines.filter(({ event }) => event === 'document');
  const summary = lines.find(({ event }) => event === 'summary')!;
  const byId = (all: readonly Line[], member: string) =>
    Object.fromEntries(all.map((line) => [String(line['document_id']), line[member]] as const).toSorted());
  const outcomes = done.map((line) => ({ ...line, action: AS_PLANNED[String(line['outcome'])] }));
  expect(byId(plan.documents, 'action')).toEqual(byId(outcomes, 'action'));
  expect(byId(plan.documents, 'version')).toEqual(byId(done, 'version'));
  expect(plan.exitCode).toBe(exitCode);
  const { chunks, entities, relations, embedded_texts, embedding_calls } = summary;
  expect(plan.summary).toMatchObject({ chunks, entities, relations, embedded_texts, embedding_calls });
  expect(server.calls).toHaveLength(callsBefore + Number(embedding_calls));
  const rows = onMemory(home, (db) => {
    const count = (sql: string) => db.prepare(sql).pluck().get(summary['run_id']) as number;
    const of = (table: string) => count(`SELECT count(*) FROM ${table} WHERE run_id = ?`);
    // Entities belong to all that mention them: a plan counts those of each document.
    const named = count('SELECT coalesce(sum(entities), 0) FROM version WHERE run_id = ?');
    return {
      records: of('version') + of('chunk') + of('fact'),
      graph: of('graph_document') + of('graph_chunk') + of('mention') + of('relation') + named,
      vectors: of('point'),
      cache: of('version') + Number(embedded_texts),
    };
  });
  expect(plan.summary['rows']).toEqual(rows);
});

test('a plan of what is in quarantine says why, and whether it would be tried again', async () => {
  const { documents, run, planned } = openPlanned({ 'empty.txt': '', 'torn.pdf': '%PDF-1.7\nnot one' });
  const first = await planned(documents);
  expect(first.exitCode).toBe(3);
  expect(first.documents).toMatchObject([
    { action: 'quarantine', error: { code: 'EMPTY_TEXT', step: 'parse' } },
    { action: 'quarantine', error: { code: 'CORRUPT', step: 'parse' } },
  ]);
  await run('ingest', documents);
  const again = await planned(documents);
  expect(again.exitCode).toBe(3);
  expect(again.documents).toMatchObject([{ is_remembered: true }, { is_remembered: true, error: { code: 'CORRUPT' } }]);
});

test('the data directory need not be there, and is not made', async () => {
  const { home, documents, planned } = openPlanned({ 'a.txt': LOAD });
  expect((await planned(documents)).documents).toMatchObject([{ action: 'add', version: 1 }]);
  expect(existsSync(home)).toBe(false);
  mkdirSync(home, { mode: 0o700 });
  expect((await planned(documents)).summary).toMatchObject({ add: 1, exit_status: 0 });
  expect(readdirSync(home)).toEqual([]);
});

test('a version number goes on after a delete', async () => {
  const { documents, run, planned, idOf } = openPlanned({ 'a.txt': LOAD });
  await run('ingest', documents);
  await run('delete', await idOf('a.txt'));
  expect((await planned(documents)).documents).toMatchObject([{ action: 'add', version: 2 }]);
});

test('beside a running ingest a plan sees what is current, and touches nothing of it, not even the index of its log', async () => {
  const server = await openOpenAiServer();
  const env = { ...server.env, APEX_BATCH_SIZE: '1' };
  const { home, documents, planned } = openPlanned({ 'a.txt': LOAD, 'b.txt': 'Bay nine is free.' }, env);
  const held = Promise.withResolvers<null>();
  const isAsked = Promise.withResolvers<void>();
  server.respond = (_, call) => {
    if (call === 1) return null;
    isAsked.resolve();
    return held.promise;
  };
  const running = startApex(['ingest', documents], { home, env });
  await isAsked.promise;
  expect(existsSync(join(home, 'memory.db-shm'))).toBe(true);
  const { documents: seen } = await planned(documents);
  expect(actions(seen, 'action')).toEqual({ 'a.txt': 'unchanged', 'b.txt': 'add' });
  held.resolve(null);
  expect((await running.finished).exitCode).toBe(0);
  expect((await planned(documents)).summary).toMatchObject({ unchanged: 2 });
});

test('what a killed ingest made current is seen in its log, which is left as it lies', async () => {
  const { home, documents, write, kill, planned, run } = openPlanned({ 'a.txt': LOAD });
  await kill('records.finish:before', 'ingest', documents);
  expect(existsSync(join(home, 'memory.db-wal'))).toBe(true);
  write('b.txt', 'Bay nine is free.');
  const { documents: seen } = await planned(documents);
  expect(actions(seen, 'action')).toEqual({ 'a.txt': 'unchanged', 'b.txt': 'add' });
  expect((await run('ingest', documents)).exitCode).toBe(0);
});

test('--sync plans what is gone, with what came in it, and what was moved costs nothing', async () => {
  const server = await openOpenAiServer();
  const { documents, run, write, planned } = openPlanned(
    { 'a.txt': LOAD, 'mail.eml': mailOf('LD-700004', 'Bay nine is free.'), 'stays.txt': 'Bay ten is free.' },
    server.env,
  );
  await run('ingest', documents);
  const text = readFileSync(join(documents, 'a.txt'));
  rmSync(join(documents, 'a.txt'));
  rmSync(join(documents, 'mail.eml'));
  write('moved.txt', text);
  const { summary, documents: seen } = await planned(documents, '--sync');
  expect(summary).toMatchObject({ add: 1, delete: 3, unchanged: 1, embedding_calls: 0, cost_usd: 0 });
  expect(seen.filter(({ action }) => action === 'delete').map(({ source_uri }) => String(source_uri))).toEqual(
    expect.arrayContaining([expect.stringMatching(/\/a\.txt$/), expect.stringMatching(/\/mail\.eml$/)]),
  );
  expect((await planned(documents)).summary).toMatchObject({ add: 1, delete: 0 });
  const { lines } = await run('ingest', '--sync', documents);
  expect(lines.at(-1)).toMatchObject({ added: 1, deleted: 3, unchanged: 1 });
});

test('standard input is planned for like any other document', async () => {
  const { home, temporary } = openPlanned();
  const options = { home, input: LOAD, env: { TMPDIR: temporary } };
  const { lines } = await apex(['ingest', '-', '--dry-run', '--json', '--id', 'note-1'], options);
  expect(lines[0]).toMatchObject({ event: 'planned_document', document_id: 'note-1', action: 'add' });
  expect(existsSync(home)).toBe(false);
});

test('what the ingest would refuse is refused, with its status', async () => {
  const { documents, planned, home, write, run } = openPlanned({ 'a.txt': LOAD, 'b.txt': 'Bay nine is free.' });
  const missing = await planned(documents, join(documents, 'not-there.txt'));
  expect(missing.exitCode).toBe(2);
  expect(missing.summary).toMatchObject({ add: 2, problems: 1, exit_status: 2 });
  expect((await planned(documents, '--id', 'one')).stderr).toContain('--id one names one document');
  await run('ingest', documents);
  const mismatch = await apex(['ingest', documents, '--dry-run'], {
    home,
    env: { APEX_EMBEDDER: 'openai', OPENAI_API_KEY: 'key-of-the-tests' },
  });
  expect([mismatch.exitCode, mismatch.stdout]).toEqual([78, '']);
  write('c.txt', 'more');
  writeFileSync(
    join(home, 'memory.db'),
    'this is no database, and long enough to be looked at by what reads one'.repeat(9),
  );
  const damaged = await planned(documents);
  expect(damaged.exitCode).toBe(74);
  expect(damaged.stderr).toContain('memory.db is damaged; it was left as it is');
});

test('a price that is not known is told so, and never as nothing', async () => {
  const { documents, home } = openPlanned({ 'a.txt': LOAD });
  const env = { APEX_EMBEDDER: 'openai', OPENAI_API_KEY: 'key-of-the-tests', OPENAI_EMBEDDING_MODEL: 'of-our-own' };
  const { lines } = await apex(['ingest', documents, '--dry-run', '--json'], { home, env });
  expect(lines.at(-1)).toMatchObject({ event: 'plan', price: null, cost_usd: null, embedding_calls: 1 });
  const priced = await apex(['ingest', documents, '--dry-run', '--json'], {
    home,
    env: { ...env, OPENAI_EMBEDDING_PRICE: '0.5' },
  });
  const { cost_usd, embedding_tokens } = priced.lines.at(-1)!;
  expect(Number(cost_usd)).toBeCloseTo((Number(embedding_tokens) * 0.5) / 1_000_000, 9);
  expect(Number(cost_usd)).toBeGreaterThan(0);
});

const MANY = Object.fromEntries(
  Array.from({ length: 400 }, (_, index) => [`${1_000 + index}.txt`, `Bay ${index} is free.`]),
);

test.skipIf(!hasTerminal)('interrupted half-way, a plan says what it has seen, and leaves nothing behind', async () => {
  const { home, documents, temporary } = openPlanned(MANY);
  const env = { TERM: 'dumb', TMPDIR: temporary };
  const terminal = openTerminal(['ingest', documents, '--dry-run'], { home, env });
  await terminal.shows('1000.txt');
  terminal.press(CTRL_C);
  expect(await terminal.ended).toBe(130);
  expect(terminal.lines().join('\n')).toContain(
    'Interrupted: a plan of what was seen until then; nothing was written.',
  );
  const shown = terminal.lines().filter((line) => /^add +\S*\d{4}\.txt/.test(line));
  expect(shown.length).toBeGreaterThan(0);
  expect(shown.length).toBeLessThan(400);
  expect(existsSync(home)).toBe(false);
  expect(leftIn(temporary)).toEqual([]);
});

/** What a terminal shows, but for what differs each time. */
async function seen(
  columns: number,
  work: (cwd: string) => readonly string[],
  home: string,
  cwd: string,
  env: Record<string, string>,
) {
  const terminal = openTerminal(work(cwd), { home, cwd, columns, env: { ...env, CI: 'true' } });
  await terminal.ended;
  const lines = terminal
    .lines()
    .map((line) => line.replace(/about .*/, 'about …').replace(/\S+ \w+, as measured/, '…, as measured'));
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns);
  return lines.join('\n');
}

test.skipIf(!hasTerminal).each([80, 120])(
  'on a terminal of %i columns a plan is a line a document and a table',
  async (columns) => {
    const { home, documents, run, write } = openPlanned(
      {
        'bay.txt': 'Bay nine is free.\n',
        'load.txt': LOAD,
        'a name that goes on and on, as those of scanned files do, far beyond what any terminal has room for.txt': LOAD,
        'empty.txt': '',
      },
      { APEX_EMBEDDER: 'openai', OPENAI_API_KEY: 'key-of-the-tests' },
    );
    expect(existsSync(home)).toBe(false);
    write('mail.eml', mailOf('LD-700002', 'Carrier: Farrow Freight LLC'));
    const env = { APEX_EMBEDDER: 'openai', OPENAI_API_KEY: 'key-of-the-tests', APEX_CONCURRENCY: '1' };
    expect(await run('runs')).toBeDefined();
    expect(
      await seen(columns, () => ['ingest', '.', '--dry-run', '--max-calls', '3'], home, documents, env),
    ).toMatchSnapshot();
  },
);

test('a pipe gets the same, nothing cut, and unchanged documents beyond the first are counted', async () => {
  const { home, documents, run } = openPlanned(Object.fromEntries(Object.entries(MANY).slice(0, 30)));
  await run('ingest', documents);
  const { stdout } = await apex(['ingest', documents, '--dry-run'], { home });
  expect(stdout.match(/^unchanged /gm)).toHaveLength(20);
  expect(stdout).toContain('… and 10 more unchanged; --json lists all');
  expect(stdout).toMatch(/^ {2}unchanged +30$/m);
  expect(stdout).toMatch(/^rows +none$/m);
  expect(stdout).toMatch(/^to embed +nothing$/m);
});
