import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { onMemory, openCase } from '../helpers/case.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { backToFormat } from '../helpers/older-memory.ts';
import { hasTerminal, openTerminal, steadyText } from '../helpers/terminal.ts';

/**
 * Goal: what was set aside comes in once its cause is gone, and nothing else is touched. Method: bad documents that are mended,
 * or not, between an ingest and a retry of the built program.
 */

const BROKEN = '%PDF-1.7 and nothing else';
const GOOD = { 'a.txt': 'Bay nine is free.\n', 'b.txt': 'Bay ten is free.\n' };

/** A mail with text attachments. */
function mail(text: string, ...attachments: string[]): string {
  const parts = attachments.map(
    (body, index) =>
      `--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a${index}.txt"\nContent-Transfer-Encoding: base64\n\n${btoa(body)}\n`,
  );
  return `From: a@example.com\nTo: b@example.com\nSubject: Dock\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n${text}\n${parts.join('')}--b--\n`;
}

/** A case after its first ingest, with what is in quarantine by the last part of its location. */
async function openSetAside(files: Readonly<Record<string, string>>, env = {}) {
  const opened = openCase({ ...GOOD, ...files }, env);
  await opened.ingest();
  const quarantined = async () => {
    const { lines } = await opened.run('documents', 'list', '--quarantined');
    const named = lines.map((line) => [String(line['source_uri']).split('/').at(-1)!, line] as const);
    return new Map(named.sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  const setAsideId = async (name: string) => String((await quarantined()).get(name)!['document_id']);
  const retry = async (...args: string[]) => {
    const { lines, exitCode, stderr } = await opened.run('retry', ...args);
    const results = lines.filter(({ event }) => event === 'document');
    const outcomes = results.map(({ source_uri, outcome, error }) => [
      String(source_uri).split('/').at(-1)!,
      (error as { code: string } | undefined)?.code ?? outcome,
    ]);
    return { lines, exitCode, stderr, summary: lines.at(-1), outcomes: Object.fromEntries(outcomes) as object };
  };
  return { ...opened, quarantined, setAsideId, retry };
}

test('what works leaves quarantine, what fails again stays with its new reason, run and time, and nothing else is read', async () => {
  const { retry, write, quarantined, search, verify } = await openSetAside({
    'c.txt': '',
    'd.txt': '',
    'e.pdf': BROKEN,
  });
  const before = await quarantined();
  write('c.txt', 'Bay four is free.\n');
  write('d.txt', '%PDF-1.7 broken');
  const { outcomes, summary, exitCode } = await retry('--all');
  expect(outcomes).toEqual({ 'c.txt': 'added', 'd.txt': 'CORRUPT', 'e.pdf': 'CORRUPT' });
  expect(summary).toMatchObject({ documents: 3, added: 1, quarantined: 2, exit_status: 3, state: 'completed' });
  expect(exitCode).toBe(3);
  const after = await quarantined();
  expect([...after.keys()]).toEqual([...before.keys()].filter((name) => name !== 'c.txt'));
  for (const [name, entry] of after) {
    expect(entry).toMatchObject({ run_id: summary!['run_id'], error: { code: 'CORRUPT', step: 'parse' } });
    expect(entry['quarantined_at']).not.toBe(before.get(name)!['quarantined_at']);
  }
  expect([(await search('bay')).length, await verify()]).toEqual([3, 0]);
});

test('only what is named is tried, by id or by reason', async () => {
  const { retry, write, quarantined, setAsideId } = await openSetAside({ 'c.txt': '', 'd.txt': '', 'e.pdf': BROKEN });
  for (const name of ['c.txt', 'd.txt', 'e.pdf']) write(name, `Text of ${name}.\n`);
  expect((await retry(await setAsideId('d.txt'))).outcomes).toEqual({ 'd.txt': 'added' });
  expect((await retry('--reason', 'corrupt')).outcomes).toEqual({ 'e.pdf': 'added' });
  expect([...(await quarantined()).keys()]).toEqual(['c.txt']);
});

test('a document under an id of its user keeps it', async () => {
  const { run, write, documents, retry, search, verify } = await openSetAside({});
  write('c.txt', '');
  await run('ingest', join(documents, 'c.txt'), '--id', 'contract-7');
  write('c.txt', 'Bay four is free.\n');
  const { lines } = await retry('contract-7');
  expect(lines[0]).toMatchObject({ document_id: 'contract-7', outcome: 'added' });
  expect([(await search('four')).length, await verify()]).toEqual([1, 0]);
});

test('an attachment is read with its mail, and the mail is not written again', async () => {
  const files = { 'c.eml': mail('Door four.', '', 'Good one.', BROKEN) };
  const { retry, setAsideId, quarantined, run, ingest, verify, write, search } = await openSetAside(files);
  const versions = async () =>
    (await run('documents', 'list')).lines.map(({ document_id, version }) => `${document_id} ${version}`);
  const before = await versions();
  const id = await setAsideId('c.eml#attachment-3');
  const { outcomes, summary } = await retry(id);
  expect(outcomes).toEqual({ 'c.eml#attachment-3': 'CORRUPT' });
  expect(summary).toMatchObject({ documents: 1, quarantined: 1, exit_status: 3 });
  expect([await versions(), [...(await quarantined()).keys()]]).toEqual([
    before,
    ['c.eml#attachment-1', 'c.eml#attachment-3'],
  ]);
  write('c.eml', mail('Door four.', '', 'Good one.', 'Mended.'));
  expect((await retry(id)).outcomes).toEqual({ 'c.eml': 'updated', 'c.eml#attachment-3': 'added' });
  expect([[...(await quarantined()).keys()], (await search('mended')).length]).toEqual([['c.eml#attachment-1'], 1]);
  expect((await ingest()).summary).toMatchObject({ unchanged: 5, quarantined: 1, exit_status: 3 });
  expect(await verify()).toBe(0);
});

test('a file that is gone: told per document, it stays in quarantine, and delete takes it out', async () => {
  const { retry, quarantined, setAsideId, documents, run } = await openSetAside({
    'c.txt': '',
    'd.eml': mail('Text.', BROKEN),
  });
  for (const name of ['c.txt', 'd.eml']) rmSync(join(documents, name));
  const { outcomes, exitCode } = await retry('--all');
  expect([outcomes, exitCode]).toEqual([{ 'c.txt': 'NOT_FOUND', 'd.eml#attachment-1': 'NOT_FOUND' }, 3]);
  expect([...(await quarantined()).keys()]).toEqual(['c.txt', 'd.eml#attachment-1']);
  expect((await quarantined()).get('c.txt')!['help']).toContain('apex delete <document>');
  expect((await run('documents', 'list')).lines).toHaveLength(3);
  const ids = [await setAsideId('c.txt'), await setAsideId('d.eml#attachment-1')];
  expect((await run('delete', ...ids)).lines.at(-1)).toMatchObject({ deleted: 2, exit_status: 0 });
  expect((await quarantined()).size).toBe(0);
});

test('nothing in quarantine: said, exit 0, and no run is begun', async () => {
  const { retry, run } = await openSetAside({});
  for (const args of [['--all'], ['--reason', 'CORRUPT']]) {
    const { exitCode, lines, stderr } = await retry(...args);
    expect([exitCode, lines, stderr]).toEqual([0, [], '']);
  }
  expect((await run('runs')).lines).toHaveLength(1);
});

test('what is wrong about the arguments is told with exit 2 before anything is begun', async () => {
  const { retry, setAsideId, idOf, run, quarantined } = await openSetAside({ 'c.txt': '' });
  const [id, current] = [await setAsideId('c.txt'), await idOf('a.txt')];
  const wrong: readonly (readonly [readonly string[], string])[] = [
    [[id, 'nothing'], 'no document nothing is in quarantine'],
    [[`${id}x`], `did you mean ${id}?`],
    [[current], 'is not in quarantine: its version 1 is current'],
    [['--reason', 'EMTPY_TEXT'], 'did you mean EMPTY_TEXT?'],
    [['--reason', 'LOCKED'], 'LOCKED is no reason for quarantine'],
    [[], 'say what is to be tried again'],
    [[id, '--all'], 'not several of them'],
  ];
  for (const [args, message] of wrong) {
    const { exitCode, stderr, lines } = await retry(...args);
    expect([exitCode, lines]).toEqual([2, []]);
    expect(stderr).toContain(message);
  }
  expect([(await run('runs')).lines.length, (await quarantined()).size]).toEqual([1, 1]);
});

test('groups keep their quarantine apart', async () => {
  const { runWith, retry, setAsideId, quarantined } = await openSetAside({ 'c.txt': '' });
  const id = await setAsideId('c.txt');
  const east = (...args: string[]) => runWith({ APEX_GROUP: 'east' }, ...args);
  expect((await east('documents', 'list', '--quarantined')).lines).toEqual([]);
  expect(await east('retry', '--all')).toMatchObject({ exitCode: 0, stdout: '' });
  const refused = await east('retry', id);
  expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('belongs to no group')]);
  expect((await retry(id)).exitCode).toBe(3);
  expect((await quarantined()).size).toBe(1);
});

test('a memory that an earlier apex made keeps its quarantine, and a retry reads it', async () => {
  const { home, retry, write } = await openSetAside({ 'c.txt': '' });
  onMemory(home, (db) => db.exec(backToFormat(1)));
  write('c.txt', 'Bay four is free.\n');
  expect((await retry('--all')).outcomes).toEqual({ 'c.txt': 'added' });
});

test.each([
  'journal.append.batch_assigned:after',
  'parsers.parse:before@2',
  'graph.write:after',
  'records.pivot:before',
  'records.pivot:after',
  'journal.append.batch_done:before',
])('a retry that is killed at %s is gone on with by the same command', async (point) => {
  const files = { 'c.txt': '', 'd.eml': mail('Door four.', '', 'Good one.'), 'e.pdf': BROKEN };
  const { home, retry, write, kill, run, verify, documents } = await openSetAside(files, { APEX_BATCH_SIZE: '2' });
  write('c.txt', 'Bay four is free.\n');
  write('d.eml', mail('Door four.', 'Bay five is free.', 'Good one.'));
  await kill(point, 'retry', '--all');
  expect((await retry('--all')).summary).toMatchObject({ state: 'completed', exit_status: 3 });
  const { lines } = await run('runs');
  expect(lines.map(({ kind, state }) => [kind, state])).toEqual([
    ['retry', 'completed'],
    ['ingest', 'completed'],
  ]);
  const undisturbed = openCase();
  await undisturbed.ingest(documents);
  expect(dumpMemory(home)).toEqual(dumpMemory(undisturbed.home));
  expect(await verify()).toBe(0);
});

test.skipIf(!hasTerminal).each([80, 120])('as people see it on a terminal of %i columns', async (columns) => {
  const { home, documents, write, run } = openCase({ 'a.txt': 'Bay nine is free.\n', 'b.pdf': BROKEN });
  const setAside = [
    ['letters/received on the last day before the holidays.txt', ''],
    ['scan.pdf', BROKEN],
    ['old/report.doc', 'an old format: \u0000\u0001\u0002'],
  ] as const;
  for (const [index, [name, content]] of setAside.entries()) {
    write(name, content);
    await run('ingest', join(documents, name), '--id', `doc-${String(index + 1).repeat(24)}`);
  }
  const seen = async (status: number, ...args: string[]) => {
    const terminal = openTerminal(args, { home, columns, cwd: documents, env: { APEX_CONCURRENCY: '1' } });
    expect(await terminal.ended).toBe(status);
    return steadyText([`$ apex ${args.join(' ')}`, ...terminal.lines()]);
  };
  write(setAside[0][0], 'Bay four is free.\n');
  expect([
    await seen(0, 'documents', 'list', '--quarantined'),
    await seen(0, 'documents', 'show', `doc-${'2'.repeat(24)}`),
    await seen(3, 'retry', '--all'),
    await seen(0, 'retry', '--reason', 'EMPTY_TEXT'),
    await seen(2, 'retry', `doc-${'2'.repeat(23)}`),
    await seen(3, 'ingest', '--on-error', 'stop', 'b.pdf', 'a.txt', 'scan.pdf'),
  ]).toMatchSnapshot();
});
