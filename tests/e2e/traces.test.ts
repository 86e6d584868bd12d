import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { onMemory, openCase } from '../helpers/case.ts';
import { openOpenAiServer } from '../helpers/openai-server.ts';

/**
 * Goal: after a delete no file of the data directory holds a word of the document, wherever in it the word stood. Method: a word of
 * its own in each place, looked for in every byte of every file, in any case, as UTF-8 and as UTF-16.
 */

const PLACES = [
  ...['body', 'title', 'heading', 'table', 'entity', 'relation', 'htmltitle', 'csvheader', 'jsonkey'],
  ...[
    'subject',
    'sender',
    'messageid',
    'attachmentname',
    'attachmenttext',
    'badname',
    'badtext',
    'badjson',
    'longtext',
  ],
] as const;

/** The word of a place: nothing else looks like it. */
function word(place: string): string {
  return `zyq${place}xvj`;
}

const MAIL = `From: ${word('sender')} <${word('sender')}@example.com>
To: b@example.com
Subject: ${word('subject')} dock
Message-ID: <${word('messageid')}@example.com>
Date: Tue, 20 Jan 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain

The door is shut.
--b
Content-Type: text/plain
Content-Disposition: attachment; filename="${word('attachmentname')}.txt"

An ${word('attachmenttext')}.
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename="${word('badname')}.pdf"

%PDF-1.7 ${word('badtext')}
--b--
`;

/** Every place that a text can stand in, and files that are broken in the middle of theirs. */
const FILES = {
  'secret.md': `# ${word('title')} contract\n\n## ${word('heading')}\n\nThe ${word('body')}.\n\n| ${word('table')} | b |\n|---|---|\n| 1 | 2 |\n\nDate: January 20, 2026\n\nLoad number: LD-700001\nCarrier: ${word('relation')} Freight LLC\n\nWrite to ${word('entity')}@example.com.\n`,
  'secret.html': `<html><head><title>${word('htmltitle')}</title></head><body><p>Dock.</p></body></html>`,
  'secret.csv': `${word('csvheader')},b\n1,2\n`,
  'secret.json': `{"${word('jsonkey')}": "dock"}`,
  'secret.eml': MAIL,
  'bad.json': `{"a": "${word('badjson')}" nonsense}`,
  'long.md': Array.from({ length: 200 }, (_, index) => `## Part ${index}\n\nThe ${word('longtext')} ${index}.\n`).join(
    '\n',
  ),
};

const OTHERS = {
  'b.txt': 'Bay nine is free.\n',
  'c.md': '# Load\n\nLoad number: LD-700001\nCarrier: Farrow Freight LLC\n',
};

/** Where a word of any place is found: the place and the file. */
function traces(home: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(home, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path).toString('latin1').toLowerCase();
    // Every second byte: what UTF-16 makes of it.
    const halves = [0, 1].map((first) => bytes.replace(/([\s\S])([\s\S])/g, first === 0 ? '$1' : '$2'));
    for (const place of PLACES)
      if ([bytes, ...halves].some((text) => text.includes(word(place))))
        found.push(`${place} in ${relative(home, path)}`);
  }
  return found;
}

function openSecrets() {
  const memory = openCase({ ...FILES, ...OTHERS });
  const { home, run } = memory;
  return {
    ...memory,
    traces: () => traces(home),
    /** The ids of all that is to be deleted, current or set aside, but for what came in mails. */
    secretIds: async () => {
      const listed = [
        ...(await run('documents', 'list')).lines,
        ...(await run('documents', 'list', '--quarantined')).lines,
      ];
      return listed
        .filter(({ source_uri }) => !/\/(?:b\.txt|c\.md)$|#attachment/.test(String(source_uri)))
        .map(({ document_id }) => String(document_id));
    },
  };
}

/**
 * A process in the middle of reading the memory. Not this one: closing a file that it has read for `traces` would let go of all
 * locks it holds on that file.
 */
async function openReader(home: string) {
  const script = `const db = new (require('better-sqlite3'))(process.argv[1], { readonly: true });
    const reading = db.prepare('SELECT document_id FROM version').iterate();
    reading.next();
    console.log('reading');
    setInterval(() => reading, 1000);`;
  const child = spawn(process.execPath, ['-e', script, join(home, 'memory.db')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await once(child.stdout, 'data');
  return {
    end: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

test('before the delete the words are there; after it none is, in any file', async () => {
  const { ingest, run, secretIds, traces, verify } = openSecrets();
  expect((await ingest()).summary).toMatchObject({ added: 9, quarantined: 2, exit_status: 3 });
  const held = traces().map((trace) => trace.split(' ')[0]);
  expect(new Set(held)).toEqual(new Set(PLACES));
  expect(traces().filter((trace) => trace.includes(' in runs/'))).toEqual([]);
  const { lines, exitCode } = await run('delete', ...(await secretIds()));
  expect(exitCode).toBe(0);
  expect(lines.at(-1)).toMatchObject({ deleted: 9, erased: true });
  expect([traces(), await verify()]).toEqual([[], 0]);
});

test('the items that were removed are counted, for each document and in all', async () => {
  const { ingest, run, idOf, home } = openSecrets();
  await ingest();
  const id = await idOf('secret.md');
  const countOf = (...tables: string[]) =>
    onMemory(home, (db) =>
      tables.reduce(
        (sum, table) =>
          sum + (db.prepare(`SELECT count(*) FROM ${table} WHERE document_id = ?`).pluck().get(id) as number),
        0,
      ),
    );
  const chunks = countOf('chunk');
  const removed = {
    records: countOf('version', 'chunk', 'fact'),
    graph: countOf('graph_document', 'graph_chunk', 'mention', 'relation'),
    vectors: countOf('point'),
    // A summary, and the embedding of each chunk.
    cache: 1 + chunks,
  };
  const { lines } = await run('delete', id, await idOf('b.txt'));
  expect(lines.find(({ document_id }) => document_id === id)!['removed']).toEqual(removed);
  expect(lines.at(-1)!['removed']).toEqual({
    records: removed.records + 2,
    graph: removed.graph + 2,
    vectors: removed.vectors + 1,
    cache: removed.cache + 2,
  });
});

test('old versions, and what a sync deleted, leave nothing once a delete or a cleanup has been done', async () => {
  const { ingest, run, write, documents, secretIds, traces } = openSecrets();
  await ingest();
  for (const name of Object.keys(FILES)) write(name, name.endsWith('.json') ? '{"a": 1}' : 'Nothing to see.\n');
  await ingest();
  await run('delete', ...(await secretIds()));
  expect(traces()).toEqual([]);
  for (const [name, text] of Object.entries(FILES)) write(name, text);
  await ingest();
  expect(traces()).not.toEqual([]);
  for (const name of Object.keys(FILES)) rmSync(join(documents, name));
  expect((await run('ingest', '--sync', documents)).lines.at(-1)).toMatchObject({ deleted: 9, exit_status: 0 });
  const { lines } = await run('cleanup');
  expect([lines[0], traces()]).toMatchObject([{ erased: true, exit_status: 0 }, []]);
});

test.each([
  'journal.append.effects_planned:after',
  'records.pivot:after',
  'cache.remove:after',
  'records.retire:after',
  'records.finish:before',
  'journal.append.batch_done:after',
  'records.erase:before',
])('a delete that is killed at %s leaves nothing when it is resumed', async (point) => {
  const { ingest, kill, run, secretIds, traces, verify } = openSecrets();
  await ingest();
  const ids = await secretIds();
  await kill(point, 'delete', ...ids);
  expect((await run('resume')).exitCode).toBe(0);
  expect([traces(), await verify()]).toEqual([[], 0]);
});

test('beside a process that reads an older state traces stay and are told; without it a cleanup takes them away', async () => {
  const { home, ingest, run, secretIds, traces, search } = openSecrets();
  await ingest();
  const reader = await openReader(home);
  const deleted = await run('delete', ...(await secretIds()));
  expect([deleted.exitCode, deleted.lines.at(-1)]).toMatchObject([
    75,
    { state: 'completed', erased: false, deleted: 9 },
  ]);
  expect(deleted.stderr).toContain('another process is using the memory');
  expect([await search(word('body')), traces().length > 0]).toEqual([[], true]);
  const early = await run('cleanup');
  expect([early.exitCode, early.lines[0]]).toMatchObject([75, { erased: false }]);
  await reader.end();
  const { exitCode, lines } = await run('cleanup');
  expect([exitCode, lines[0], traces()]).toMatchObject([0, { erased: true }, []]);
});

test('a process that has the memory open and does not read keeps nothing', async () => {
  const { home, ingest, run, secretIds, traces } = openSecrets();
  await ingest();
  const other = new Database(join(home, 'memory.db'));
  onTestFinished(() => {
    other.close();
  });
  expect(other.prepare('SELECT count(*) FROM version').pluck().get()).toBeGreaterThan(8);
  expect((await run('delete', ...(await secretIds()))).lines.at(-1)).toMatchObject({ erased: true, exit_status: 0 });
  expect(traces()).toEqual([]);
});

test('of many documents, some deleted, no copy of a row stays in the unused bytes of a page', async () => {
  const name = (index: number) => word(`n${String(index).padStart(4, '0')}`);
  const text = (index: number) =>
    `# ${name(index)}\n\n${`Filler ${index} `.repeat((index * 37) % 90)}\n\nCarrier: ${name(index)} Freight LLC\n`;
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`${index}.md`, text(index)]));
  const { home, ingest, run, verify } = openCase(files, { APEX_BATCH_SIZE: '40' });
  await ingest();
  const { lines } = await run('documents', 'list');
  const gone = lines.filter(({ source_uri }) => Number(/(\d+)\.md$/.exec(String(source_uri))![1]) % 3 === 0);
  expect((await run('delete', ...gone.map(({ document_id }) => String(document_id)))).exitCode).toBe(0);
  const bytes = readFileSync(join(home, 'memory.db')).toString('latin1').toLowerCase();
  const found = new Set([...bytes.matchAll(/zyqn(\d{4})xvj/g)].map(([, index]) => Number(index)));
  expect([...found].filter((index) => index % 3 === 0)).toEqual([]);
  expect([found.size, await verify()]).toEqual([200, 0]);
});

test('the embedding of a text goes with the last document that has it, and not before', async () => {
  const server = await openOpenAiServer();
  const { ingest, run, idOf, write } = openCase({ 'a.txt': 'The same.\n', 'b.txt': 'The same.\n' }, server.env);
  await ingest();
  await run('delete', await idOf('a.txt'));
  write('c.txt', 'The same.\n');
  const calls = server.calls.length;
  await ingest();
  expect(server.calls).toHaveLength(calls);
  for (const name of ['a.txt', 'b.txt', 'c.txt']) await run('delete', await idOf(name));
  await ingest();
  expect(server.calls.length).toBeGreaterThan(calls);
});

test('what a run that was killed has staged of a document goes with the document', async () => {
  const { ingest, kill, run, write, documents, secretIds, traces } = openSecrets();
  await ingest();
  write('secret.md', `The ${word('body')} has changed.\n`);
  await kill('journal.append.effects_planned:before', 'ingest', documents);
  expect(traces().some((trace) => trace.includes(' in staging/'))).toBe(true);
  await run('delete', ...(await secretIds()));
  expect(traces()).toEqual([]);
});
