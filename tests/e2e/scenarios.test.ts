import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { getLoadablePath } from 'sqlite-vec';
import { expect, onTestFinished, test } from 'vitest';
import { dumpMemory } from '../helpers/dump.ts';
import { openOpenAiServer, refusal } from '../helpers/openai-server.ts';
import { apex, newFolder } from '../helpers/program.ts';

/** Goal: what users of other tools lost, nobody loses here. Method: the built program, run as a user runs it. */

/** A folder of documents beside a data directory, both gone when the test ends. */
function openCase(files: Readonly<Record<string, string | Buffer>> = {}, env: Readonly<Record<string, string>> = {}) {
  const root = newFolder('scenario');
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const home = join(root, 'home');
  const documents = join(root, 'documents');
  const write = (name: string, content: string | Buffer) => {
    mkdirSync(dirname(join(documents, name)), { recursive: true });
    writeFileSync(join(documents, name), content);
  };
  for (const [name, content] of Object.entries(files)) write(name, content);
  const run = (...args: string[]) => apex([...args, '--json'], { home, env });
  return {
    home,
    documents,
    write,
    run,
    /** The summary of an ingest of all documents, and what became of each by name. */
    ingest: async (...targets: string[]) => {
      const { lines, stderr } = await run('ingest', ...(targets.length === 0 ? [documents] : targets));
      const summary = lines.find(({ event }) => event === 'summary');
      expect(summary, stderr).toBeDefined();
      const results = lines.filter(({ event }) => event === 'document');
      const byName = new Map(results.map((result) => [String(result['source_uri']).split('/').at(-1)!, result]));
      return { summary: summary!, of: (name: string) => byName.get(name)! };
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

/** Runs SQL on a memory that no process has open. */
function onMemory<Result>(home: string, work: (db: Database.Database) => Result): Result {
  const db = new Database(join(home, 'memory.db'));
  db.loadExtension(getLoadablePath());
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** Markdown with so many sections, each a chunk of its own words. */
function sections(count: number): string {
  return Array.from({ length: count }, (_, index) => `# Section ${index}\n\nPallet number ${index} waits.\n`).join(
    '\n',
  );
}

const NOTHING_DONE = { added: 0, updated: 0, batches: 0, embedded_texts: 0, exit_status: 0 };

test('1: chunks that straddle a batch boundary: nothing is written the second time', async () => {
  const files = Object.fromEntries([...'abcde'].map((name) => [`${name}.md`, sections(30)]));
  const { home, ingest } = openCase(files, { APEX_BATCH_SIZE: '2' });
  expect((await ingest()).summary).toMatchObject({ added: 5, batches: 3, chunks: 150 });
  const before = dumpMemory(home);
  expect((await ingest()).summary).toMatchObject({ ...NOTHING_DONE, unchanged: 5 });
  expect(dumpMemory(home)).toEqual(before);
});

test('2: only where a text stands changed: stored, without an embedding call', async () => {
  const server = await openOpenAiServer();
  const mail = (date: string) =>
    `From: a@example.com\r\nTo: b@example.com\r\nSubject: Dock\r\nMessage-ID: <${date}@example.com>\r\n\r\nDoor four is shut.\r\n`;
  const { home, write, ingest } = openCase({ 'note.eml': mail('one') }, server.env);
  await ingest();
  const calls = server.calls.length;
  write('note.eml', mail('two'));
  expect((await ingest()).summary).toMatchObject({ updated: 1, exit_status: 0 });
  expect(JSON.stringify(dumpMemory(home)['documents'])).toContain('two@example.com');
  expect(server.calls).toHaveLength(calls);
});

test('3: equal text under two documents: both are stored by one embedding call', async () => {
  const server = await openOpenAiServer();
  const text = 'The gate opens at six.\n';
  const { home, ingest, verify } = openCase({ 'a.txt': text, 'b.txt': text }, server.env);
  expect((await ingest()).summary).toMatchObject({ added: 2, chunks: 2 });
  expect(dumpMemory(home)['vectors']).toHaveLength(2);
  expect(server.calls.flat()).toHaveLength(1);
  expect(await verify()).toBe(0);
});

test('4: a changed document: the old text is gone after the pivot', async () => {
  const { write, ingest, search, verify } = openCase({ 'a.txt': 'The code word is marzipan.\n' });
  await ingest();
  expect(await search('marzipan')).toHaveLength(1);
  write('a.txt', 'The code word is nougat.\n');
  expect((await ingest()).summary).toMatchObject({ updated: 1 });
  expect(await search('marzipan')).toEqual([]);
  expect(await search('nougat')).toHaveLength(1);
  expect(await verify()).toBe(0);
});

test('5: fewer vectors than texts: tried again, then that document is quarantined', async () => {
  const server = await openOpenAiServer((texts) =>
    texts.some((text) => text.includes('cursed')) ? { status: 200, body: { data: [] } } : null,
  );
  const { ingest, search, verify } = openCase(
    { 'bad.txt': 'A cursed text.\n', 'good.txt': 'A good text.\n' },
    server.env,
  );
  const { summary, of } = await ingest();
  expect(summary).toMatchObject({ added: 1, quarantined: 1, exit_status: 3 });
  expect(of('bad.txt')['error']).toMatchObject({ code: 'PROVIDER_ANSWER', step: 'embed' });
  expect(server.calls.filter((texts) => texts.some((text) => text.includes('cursed')))).toHaveLength(5);
  expect(await search('cursed')).toEqual([]);
  expect(await verify()).toBe(0);
});

test('6: a store emptied behind its back: verify finds it, and a memory that is gone is written again', async () => {
  const { home, ingest, verify } = openCase({ 'a.txt': 'Bay nine is free.\n' });
  await ingest();
  const before = dumpMemory(home);
  onMemory(home, (db) => db.exec('DELETE FROM point_vector; DELETE FROM point'));
  expect(await verify()).toBe(5);
  for (const ending of ['', '-wal', '-shm']) rmSync(join(home, `memory.db${ending}`), { force: true });
  expect((await ingest()).summary).toMatchObject({ added: 1, exit_status: 0 });
  expect(dumpMemory(home)).toEqual(before);
  expect(await verify()).toBe(0);
});

test('7: a change within the same second and of the same size: digests decide, never clocks', async () => {
  const { documents, write, ingest, search } = openCase({ 'a.txt': 'Gate one.\n' });
  const at = new Date('2026-01-01T00:00:00Z');
  utimesSync(join(documents, 'a.txt'), at, at);
  await ingest();
  write('a.txt', 'Gate two.\n');
  utimesSync(join(documents, 'a.txt'), at, at);
  expect((await ingest()).summary).toMatchObject({ updated: 1 });
  expect(await search('two')).toHaveLength(1);
});

test('8: a text that goes back: the first version again, without an embedding call', async () => {
  const server = await openOpenAiServer();
  const { home, write, ingest } = openCase({ 'a.txt': 'Version one.\n' }, server.env);
  await ingest();
  const before = dumpMemory(home);
  write('a.txt', 'Version two.\n');
  await ingest();
  const calls = server.calls.length;
  write('a.txt', 'Version one.\n');
  expect((await ingest()).of('a.txt')).toMatchObject({ outcome: 'updated', version: 3 });
  expect(server.calls).toHaveLength(calls);
  expect(dumpMemory(home)).toEqual(before);
});

test('9: the first run fails: the document is tried again', async () => {
  const server = await openOpenAiServer(() => refusal(401, 'invalid_api_key'));
  const { ingest, verify } = openCase({ 'a.txt': 'Bay nine is free.\n' }, server.env);
  expect((await ingest()).summary).toMatchObject({ added: 0, state: 'interrupted', exit_status: 78 });
  server.respond = () => null;
  expect((await ingest()).summary).toMatchObject({ added: 1, exit_status: 0 });
  expect(await verify()).toBe(0);
});

test('10: an update fails: the old version serves throughout', async () => {
  const server = await openOpenAiServer();
  const { write, ingest, search, verify } = openCase({ 'a.txt': 'Bay nine is free.\n' }, server.env);
  await ingest();
  server.respond = () => refusal(401, 'invalid_api_key');
  write('a.txt', 'Bay ten is free.\n');
  expect((await ingest()).summary).toMatchObject({ updated: 0, exit_status: 78 });
  expect(await search('nine')).toHaveLength(1);
  expect(await verify()).toBe(0);
});

test('11: a section removed from a file is gone', async () => {
  const { write, ingest, search, verify } = openCase({ 'a.md': '# One\n\nMarzipan.\n\n# Two\n\nNougat.\n' });
  await ingest();
  write('a.md', '# One\n\nMarzipan.\n');
  await ingest();
  expect(await search('nougat')).toEqual([]);
  expect(await search('marzipan')).toHaveLength(1);
  expect(await verify()).toBe(0);
});

test('12: a document deleted whose text another has: deleted, and the other stays', async () => {
  const text = 'The gate opens at six.\n';
  const { run, ingest, search, idOf, verify } = openCase({ 'a.txt': text, 'b.txt': text });
  await ingest();
  expect((await run('delete', await idOf('a.txt'))).exitCode).toBe(0);
  expect(await search('gate')).toHaveLength(1);
  expect(await verify()).toBe(0);
});

test('13: unchanged documents, run after run: not a row more', async () => {
  const { home, ingest } = openCase({ 'a.txt': 'Bay nine is free.\n', 'b.md': sections(3) });
  await ingest();
  const countRows = () =>
    onMemory(home, (db) => {
      const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { name: string }[];
      return tables.map(({ name }) => [name, db.prepare(`SELECT count(*) FROM "${name}"`).pluck().get()]);
    });
  const before = countRows();
  for (const _ of [1, 2]) expect((await ingest()).summary).toMatchObject({ ...NOTHING_DONE, unchanged: 2 });
  expect(countRows()).toEqual(before);
});

test('14: the same files under another folder: the same chunks', async () => {
  const { home, documents, ingest } = openCase({ 'a.md': sections(5) });
  await ingest();
  const other = openCase();
  const elsewhere = join(other.documents, 'a much longer way', 'to get there');
  cpSync(documents, elsewhere, { recursive: true });
  await other.ingest();
  const chunksOf = (folder: string) =>
    dumpMemory(folder)['chunks']!.map((row) => ({ ...(row as object), document_id: '' }));
  expect(chunksOf(other.home)).toEqual(chunksOf(home));
});

test('15: one damaged file in a folder: set aside, and the others are written', async () => {
  const { ingest, verify } = openCase({ 'bad.pdf': '%PDF-1.7\nnot one', 'good.txt': 'Bay nine is free.\n' });
  const { summary, of } = await ingest();
  expect(summary).toMatchObject({ added: 1, quarantined: 1, exit_status: 3 });
  expect(of('bad.pdf')['error']).toMatchObject({ code: 'CORRUPT', step: 'parse' });
  expect(await verify()).toBe(0);
});

/** A PDF of one page that only draws a rectangle. */
function pdfWithoutText(): string {
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R>>',
    '<</Length 16>>\nstream\n10 10 50 50 re f\nendstream',
  ];
  let pdf = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const offset = pdf.length;
    pdf += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, '0')} 00000 n \n`;
  });
  return `${pdf}xref\n0 5\n0000000000 65535 f \n${offsets.join('')}trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n${pdf.length}\n%%EOF\n`;
}

test('16: no text in a file or a PDF: quarantined with the reason', async () => {
  const { ingest } = openCase({ 'blank.txt': ' \n\n', 'scan.pdf': pdfWithoutText() });
  const { summary, of } = await ingest();
  expect(summary).toMatchObject({ added: 0, quarantined: 2, chunks: 0, exit_status: 3 });
  expect(of('blank.txt')['error']).toMatchObject({ code: 'EMPTY_TEXT' });
  expect(of('scan.pdf')['error']).toMatchObject({ code: 'NO_TEXT_LAYER' });
});

/** A zip archive that holds `a.txt` with `hello`. */
const ZIP =
  'UEsDBBQAAAAAABJweF2GphA2BQAAAAUAAAAFAAAAYS50eHRoZWxsb1BLAQIUAxQAAAAAABJweF2GphA2BQAAAAUAAAAFAAAAAAAAAAAAAACAAQAAAABhLnR4dFBLBQYAAAAAAQABADMAAAAoAAAAAAA=';

test('17: upper-case extensions, UTF-16, UTF-32 and a zip: read by content, or refused with the reason', async () => {
  const text = 'Grüße vom Kai.\n';
  const utf32 = Buffer.concat(
    [0xfeff, ...Array.from(text, (character) => character.codePointAt(0)!)].map((code) => {
      const unit = Buffer.alloc(4);
      unit.writeUInt32LE(code);
      return unit;
    }),
  );
  const { home, ingest } = openCase({
    'UPPER.MD': text,
    'utf16.txt': Buffer.from(`\ufeff${text}`, 'utf16le'),
    'utf32.txt': utf32,
    'archive.zip': Buffer.from(ZIP, 'base64'),
  });
  const { summary, of } = await ingest();
  expect(summary).toMatchObject({ added: 3, quarantined: 1, exit_status: 3 });
  expect(of('archive.zip')['error']).toMatchObject({ code: 'UNSUPPORTED_FORMAT' });
  expect(dumpMemory(home)['chunks']!.map((chunk) => (chunk as { text: string }).text)).toEqual(
    [1, 2, 3].map(() => text.trim()),
  );
});

const BOMB = '../shared/corpus/docs/d-pdf-27.pdf';
if (!existsSync(BOMB)) console.log('scenario 18: the shared corpus is absent');

test.skipIf(!existsSync(BOMB))(
  '18: a small PDF that asks for gigabytes: stopped at the limit, quarantined',
  async () => {
    const { ingest } = openCase(
      { 'bomb.pdf': readFileSync(BOMB), 'good.txt': 'Bay nine is free.\n' },
      { APEX_PARSE_TIMEOUT_SECONDS: '20', APEX_PARSE_MEMORY_MB: '256' },
    );
    const { summary, of } = await ingest();
    expect(summary).toMatchObject({ added: 1, quarantined: 1, exit_status: 3 });
    expect(of('bomb.pdf')).toMatchObject({ outcome: 'quarantined', chunks: 0 });
  },
);

test('19: a thousand vectors at once: counted before the pivot, every one there', async () => {
  const { home, ingest, verify } = openCase({ 'a.md': sections(1_000) });
  const { chunks } = (await ingest()).summary as { chunks: number };
  expect(chunks).toBe(1_000);
  expect(dumpMemory(home)['vectors']).toHaveLength(1_000);
  expect(await verify()).toBe(0);
});

test('20: a batch costs the same however much is stored', async () => {
  const { write, ingest } = openCase({}, { APEX_BATCH_SIZE: '5' });
  const costs: unknown[] = [];
  for (let round = 0; round < 3; round += 1) {
    for (let index = 0; index < 10; index += 1) write(`${round}-${index}.txt`, `Pallet ${round} ${index} waits.\n`);
    const { journal_commits, batches, embedded_texts } = (await ingest()).summary;
    costs.push({ journal_commits, batches, embedded_texts });
  }
  expect(costs).toEqual([0, 1, 2].map(() => ({ ...(costs[0] as object), batches: 2, embedded_texts: 10 })));
  expect((costs[0] as { journal_commits: number }).journal_commits).toBeLessThanOrEqual(2 + 2 * 4);
});
