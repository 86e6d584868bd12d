import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { openOpenAiServer } from '../helpers/openai-server.ts';
import { apex } from '../helpers/program.ts';
import { hasTerminal, openTerminal, steadyText } from '../helpers/terminal.ts';

/**
 * Goal: whoever asks what became of a document is told all of it, in order. Method: the built program over documents that were
 * updated, killed half-way, set aside and deleted.
 */

const CANARY = 'Zwieselstein';
const MAIL = `From: a@example.com
To: b@example.com
Subject: bay
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="x"

--x
Content-Type: text/plain

The ${CANARY} attachment holds the rest.
--x
Content-Type: text/plain; name="rest.txt"
Content-Disposition: attachment; filename="rest.txt"

Bay ten is free.
--x--
`;

/** The steps of a document with what matters of each, and what is known of it. */
async function traced(opened: ReturnType<typeof openCase>, id: string) {
  const { lines, exitCode, stdout, stderr } = await opened.run('trace', id);
  expect(exitCode, stdout + stderr).toBe(0);
  const events = lines.filter(({ event }) => event === 'trace');
  return { events, steps: events.map(({ step }) => step), document: lines.at(-1)!, stdout };
}

const WRITTEN = ['assigned', 'write_planned', 'stored', 'stored', 'stored', 'pivot_planned', 'pivoted', 'finished'];

test('a document that was added and updated has a timeline of both runs, oldest first, without a word of its text', async () => {
  const opened = openCase({ 'a.txt': `Bay nine is free, says ${CANARY}.\n` });
  await opened.ingest();
  const id = await opened.idOf('a.txt');
  opened.write('a.txt', `Bay ten is free, says ${CANARY}.\n`);
  await opened.ingest();
  await opened.ingest();
  const { events, steps, document, stdout } = await traced(opened, id);
  expect(steps).toEqual([...WRITTEN, ...WRITTEN]);
  expect(new Set(events.map(({ run_id }) => run_id)).size).toBe(2);
  const times = events.map(({ at }) => String(at));
  expect(times).toEqual([...times].sort());
  expect(events.filter(({ step }) => step === 'pivoted')).toMatchObject([
    { became: 'current', version: 1, base_version: null },
    { became: 'current', version: 2, base_version: 1 },
  ]);
  expect(events.filter(({ step }) => step === 'finished')).toMatchObject([
    { outcome: 'added', version: 1, batch_no: 1 },
    { outcome: 'updated', version: 2, batch_no: 1 },
  ]);
  expect(document).toMatchObject({
    ...{ document_id: id, status: 'completed', last_version: 2, quarantine: null, staged: [], events: 16 },
    expected: { records: { document: 1, chunk: 1 }, graph: { document: 1, chunk: 1 }, vectors: { point: 1 } },
    document: { version: 2, content_digest: events.at(-8)!['content_digest'] },
  });
  expect(stdout).not.toContain(CANARY);
  expect((await apex(['trace', id], { home: opened.home })).stdout).not.toContain(CANARY);
});

test('a kill before the pivot is told: who took the run over, what was discarded, and the attempt that got through', async () => {
  const opened = openCase({ 'a.txt': 'Bay nine is free.\n' });
  await opened.kill('records.pivot:before', 'ingest', opened.documents);
  await opened.ingest();
  const { events, steps } = await traced(opened, await opened.idOf('a.txt'));
  expect(steps.filter((step) => step !== 'stored')).toEqual([
    ...['assigned', 'write_planned', 'pivot_planned', 'claimed', 'discard_planned', 'discarded'],
    ...WRITTEN.filter((step) => step !== 'stored'),
  ]);
  expect(events.flatMap(({ attempt }) => (attempt === undefined ? [] : [attempt]))).toEqual([1, 2]);
  expect(events.find(({ step }) => step === 'claimed')).toMatchObject({ reason: 'resume', has_died: true });
});

test('a kill after the pivot is told: the commit table knows what the journal did not come to note', async () => {
  const opened = openCase({ 'a.txt': 'Bay nine is free.\n' });
  await opened.ingest();
  opened.write('a.txt', 'Bay ten is free.\n');
  await opened.kill('records.pivot:after', 'ingest', opened.documents);
  await opened.run('cleanup');
  const { events } = await traced(opened, await opened.idOf('a.txt'));
  expect(events.slice(-4)).toMatchObject([
    { step: 'pivot_planned' },
    { step: 'pivoted', at: null, became: 'current', version: 2, base_version: 1 },
    { step: 'claimed', reason: 'settle', has_died: true },
    { step: 'finished', outcome: 'updated', version: 2 },
  ]);
});

test('what was set aside tells why, and its folder in staging', async () => {
  const opened = openCase({ 'bad.pdf': '%PDF-1.7\nnot one' });
  const { of } = await opened.ingest();
  const { steps, document, events } = await traced(opened, String(of('bad.pdf')['document_id']));
  expect(steps.slice(0, 2)).toEqual(['assigned', 'set_aside']);
  expect(events[1]).toMatchObject({ error: { code: 'CORRUPT', step: 'parse' } });
  expect(document).toMatchObject({
    ...{ status: 'quarantined', document: null, quarantine: { error: { code: 'CORRUPT' } } },
    staged: [{ status: 'failed', bytes: 16 }],
  });
});

test('what a run paid for all of its documents stands beside it', async () => {
  const server = await openOpenAiServer();
  const opened = openCase({ 'a.txt': 'Bay nine is free.\n' }, { ...server.env, OPENAI_EMBEDDING_PRICE: '2' });
  await opened.ingest();
  const id = await opened.idOf('a.txt');
  const { document } = await traced(opened, id);
  expect(document['runs']).toMatchObject([{ kind: 'ingest', embedding_calls: 1, embedded_texts: 1 }]);
  const { stdout } = await apex(['trace', id], {
    home: opened.home,
    env: { ...server.env, OPENAI_EMBEDDING_PRICE: '2' },
  });
  expect(stdout).toMatch(/^run [0-9a-f-]{36}, ingest, completed; it used 1 call, \d+ tokens?, \$[\d.]+ in all$/m);
});

test('a mail tells what came in it, and that tells where it came from', async () => {
  const opened = openCase({ 'mail.eml': MAIL });
  await opened.ingest();
  const id = await opened.idOf('mail.eml');
  const { document } = await traced(opened, id);
  const [attachment] = document['attachments'] as { document_id: string; version: number }[];
  expect(attachment).toMatchObject({ version: 1 });
  const inside = await traced(opened, attachment!.document_id);
  expect(inside.document).toMatchObject({ parent_id: id, attachments: [] });
  expect(inside.steps).toEqual(WRITTEN.slice(1));
});

test('a deleted document is told by its tombstone, also once the journals are gone', async () => {
  const opened = openCase({ 'a.txt': 'Bay nine is free.\n', 'b.txt': 'Bay ten is free.\n' });
  await opened.ingest();
  const [id, other] = [await opened.idOf('a.txt'), await opened.idOf('b.txt')];
  await opened.run('delete', id);
  const { events, document } = await traced(opened, id);
  expect(events.slice(-4)).toMatchObject([
    { step: 'delete_planned', base_version: 1, run_kind: 'delete' },
    { step: 'pivot_planned' },
    { step: 'pivoted', became: 'deleted', base_version: 1 },
    { step: 'finished', outcome: 'deleted' },
  ]);
  expect(document).toMatchObject({ status: 'deleted', last_version: 1, document: null });
  for (const name of ['runs', 'owners', 'registry.db']) rmSync(join(opened.home, name), { recursive: true });
  expect((await traced(opened, id)).document).toMatchObject({ status: 'deleted', last_version: 1, events: 0 });
  expect((await traced(opened, other)).events).toMatchObject([{ step: 'version_made', version: 1, run_kind: null }]);
});

test('an unknown id ends with 2, and the one that was meant is named', async () => {
  const opened = openCase({ 'a.txt': 'Bay nine is free.\n' });
  expect(await opened.run('trace', 'nothing')).toMatchObject({ exitCode: 2 });
  await opened.ingest();
  const id = await opened.idOf('a.txt');
  const { exitCode, stderr } = await opened.run('trace', id.slice(0, -1));
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`did you mean ${id}?`)]);
});

/** What differs from run to run, in as many columns. */
function steady(lines: readonly string[]): string {
  return steadyText(lines)
    .replaceAll(/doc-[0-9a-f]{24}/g, 'doc-000000000000000000000000')
    .replaceAll(/\b[0-9a-f]{32}\b/g, '0'.repeat(32))
    .replaceAll(/ +\d[\d.]* m?s {2}/g, (took) => '9 ms  '.padStart(took.length))
    .replaceAll(/(graph|vectors) has taken it/g, 'a store has taken it');
}

test.skipIf(!hasTerminal).each([80, 120])('a timeline on a terminal of %i columns', async (columns) => {
  const opened = openCase({ 'a.txt': 'Bay nine is free.\n' });
  await opened.ingest();
  const id = await opened.idOf('a.txt');
  opened.write('a.txt', 'Bay ten is free.\n');
  await opened.kill('records.pivot:before', 'ingest', opened.documents);
  await opened.ingest();
  const terminal = openTerminal(['trace', id], { home: opened.home, columns });
  expect(await terminal.ended).toBe(0);
  expect(steady(terminal.lines())).toMatchSnapshot();
});
