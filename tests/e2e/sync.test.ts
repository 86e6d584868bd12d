import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { canRunAsNobody, NOBODY, openVictim } from '../helpers/bad-input.ts';
import { onMemory, openCase } from '../helpers/case.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { openOpenAiServer } from '../helpers/openai-server.ts';

/**
 * Goal: after a sync the memory holds what the folders hold, and no sync takes more than that. Method: the built program over
 * folders that change, compared with a memory that never held anything else.
 */

const FILES = {
  'a.md': '# Alpha\n\nThe alpha gate is open.\n',
  'b.txt': 'Bay nine is free.\n',
  'in/c.txt': 'Carrier: Farrow Freight LLC\n\nLoad number: LD-700001\n',
};

function openSynced(files: Readonly<Record<string, string>> = FILES, env: Readonly<Record<string, string>> = {}) {
  const memory = openCase(files, env);
  const { home, documents, run } = memory;
  const path = (name: string) => join(documents, name);
  return {
    ...memory,
    path,
    remove: (name: string) => rmSync(path(name), { recursive: true }),
    move: (from: string, to: string) => {
      mkdirSync(dirname(path(to)), { recursive: true });
      renameSync(path(from), path(to));
    },
    sync: async (...targets: string[]) => {
      const { lines, stderr, exitCode } = await run(
        'ingest',
        '--sync',
        ...(targets.length === 0 ? [documents] : targets),
      );
      const said = (event: string) => lines.filter((line) => line['event'] === event);
      return { summary: said('summary')[0]!, problems: said('problem'), results: said('document'), stderr, exitCode };
    },
    /** The names of what is current, in order. */
    current: () =>
      (dumpMemory(home)['documents'] as { source_uri: string; state: string }[])
        .map(({ source_uri }) => source_uri.split('/documents/').at(-1)!)
        .sort(),
  };
}

/** Promise 1: the memory is what a fresh ingest of the folders as they are gives. */
async function expectAsFresh(synced: ReturnType<typeof openSynced>): Promise<void> {
  expect(await synced.verify()).toBe(0);
  const home = `${synced.home}-fresh`;
  const fresh = await synced.runWith({ APEX_HOME: home }, 'ingest', synced.documents);
  expect(fresh.exitCode, fresh.stderr).toBe(0);
  expect(dumpMemory(synced.home)).toEqual(dumpMemory(home));
}

test('what is gone is deleted in all stores, what has changed is updated, and a second sync has nothing to do', async () => {
  const synced = openSynced();
  await synced.ingest();
  synced.remove('b.txt');
  synced.write('a.md', '# Alpha\n\nThe alpha gate is shut.\n');
  synced.write('d.txt', 'Dock four.\n');
  const { summary, results } = await synced.sync();
  expect(summary).toMatchObject({ added: 1, updated: 1, unchanged: 1, deleted: 1, exit_status: 0, state: 'completed' });
  expect(results.find(({ outcome }) => outcome === 'deleted')!['source_uri']).toMatch(/\/documents\/b\.txt$/);
  expect(await synced.search('bay')).toEqual([]);
  await expectAsFresh(synced);
  expect((await synced.sync()).summary).toMatchObject({ unchanged: 3, deleted: 0, exit_status: 0 });
});

test('a moved file is added and deleted in one batch, and nothing is embedded again', async () => {
  const server = await openOpenAiServer();
  const synced = openSynced(FILES, server.env);
  await synced.ingest();
  const calls = server.calls.length;
  synced.move('a.md', 'elsewhere/alpha.md');
  synced.move('in', 'out');
  const { summary } = await synced.sync();
  expect(summary).toMatchObject({ added: 2, deleted: 2, unchanged: 1, embedding_calls: 0, exit_status: 0 });
  expect(server.calls).toHaveLength(calls);
  const batches = onMemory(synced.home, (db) =>
    db.prepare('SELECT DISTINCT batch_no FROM pivot_item WHERE run_id = ?').all(summary['run_id']),
  );
  expect(batches).toHaveLength(1);
  await expectAsFresh(synced);
});

test('a file that took the place of another one is moved there', async () => {
  const synced = openSynced();
  await synced.ingest();
  synced.move('a.md', 'b.txt');
  expect((await synced.sync()).summary).toMatchObject({ updated: 1, deleted: 1, unchanged: 1, exit_status: 0 });
  await expectAsFresh(synced);
});

test('attachments go with their mail, and what was set aside leaves quarantine with its file', async () => {
  const mail = `From: a@example.com\nSubject: Dock\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nText.\n--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a.txt"\n\nBay ten.\n--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename="bad.pdf"\n\n%PDF-1.7 bad\n--b--\n`;
  const synced = openSynced({ ...FILES, 'm.eml': mail, 'bad.pdf': '%PDF-1.7\nnot one' });
  expect((await synced.ingest()).summary).toMatchObject({ added: 5, quarantined: 2, exit_status: 3 });
  synced.move('m.eml', 'moved.eml');
  expect((await synced.sync()).summary).toMatchObject({ added: 2, deleted: 3, quarantined: 2, exit_status: 3 });
  synced.remove('moved.eml');
  synced.remove('bad.pdf');
  expect((await synced.sync()).summary).toMatchObject({ deleted: 4, quarantined: 0, exit_status: 0 });
  expect((await synced.run('documents', 'list', '--quarantined')).stdout).toBe('');
  await expectAsFresh(synced);
});

test('documents of other folders, other groups and standard input stay', async () => {
  const synced = openSynced({ ...FILES, 'other/d.txt': 'Dock four.\n' });
  await synced.ingest();
  await synced.runWith({ APEX_GROUP: 'north' }, 'ingest', synced.documents);
  await synced.run('ingest', synced.path('b.txt'), '--id', 'named');
  synced.remove('in/c.txt');
  synced.remove('other/d.txt');
  expect((await synced.sync(synced.path('in/../in/'), synced.path('*.md'))).exitCode).toBe(2);
  expect(synced.current()).toHaveLength(9);
  synced.write('in/e.txt', 'Elm street.\n');
  const { summary } = await synced.sync(synced.path('in/../in/'), synced.path('*.md'));
  expect(summary).toMatchObject({ added: 1, unchanged: 1, deleted: 1, exit_status: 0 });
  expect(synced.current()).toHaveLength(9);
  expect((await synced.sync()).summary).toMatchObject({ deleted: 1, exit_status: 0 });
  const { lines } = await synced.run('documents', 'list');
  expect(lines.map(({ document_id }) => document_id)).toContain('named');
  synced.remove('b.txt');
  expect((await synced.sync()).summary).toMatchObject({ deleted: 2, exit_status: 0 });
});

test('a root that is missing or suddenly empty deletes nothing and says so; empty may be allowed', async () => {
  const synced = openSynced();
  await synced.ingest();
  synced.remove('in');
  const missing = await synced.sync(synced.documents, synced.path('in'));
  expect([missing.exitCode, missing.problems]).toMatchObject([2, [{ code: 'NOT_FOUND' }]]);
  expect(missing.stderr).toContain('could not be listed whole');
  synced.remove('a.md');
  const noMatch = await synced.sync(synced.path('*.md'));
  expect([noMatch.exitCode, noMatch.problems]).toMatchObject([2, [{ code: 'SUDDENLY_EMPTY' }]]);
  synced.remove('b.txt');
  const empty = await synced.sync();
  expect([empty.exitCode, empty.problems]).toMatchObject([2, [{ code: 'SUDDENLY_EMPTY' }]]);
  expect(synced.current()).toHaveLength(3);
  expect((await synced.sync('--allow-empty', synced.documents)).summary).toMatchObject({ deleted: 3, exit_status: 0 });
  expect([synced.current(), await synced.verify()]).toEqual([[], 0]);
  // Nothing was there before, either: it is only what an ingest says of an empty folder.
  expect((await synced.sync()).problems).toMatchObject([{ code: 'NO_MATCH' }]);
  expect((await synced.sync('--allow-empty', synced.documents)).exitCode).toBe(0);
});

test.skipIf(!(await canRunAsNobody()))('a folder that may not be read keeps all documents of its root', async () => {
  const victim = await openVictim({ uid: NOBODY });
  const gone = victim.write('gone.txt', 'Bay nine is free.');
  victim.write('locked/inside.txt', 'Bay ten is free.');
  execFileSync('chmod', ['-R', 'a+rX', victim.documents]);
  expect((await victim.run(['ingest', victim.documents])).exitCode).toBe(0);
  execFileSync('chmod', ['700', join(victim.documents, 'locked')]);
  rmSync(gone);
  victim.write('new.txt', 'Bay eleven is free.');
  execFileSync('chmod', ['a+r', join(victim.documents, 'new.txt')]);
  for (const target of [victim.documents, `${victim.documents}/**`]) {
    const { exitCode, stderr, lines } = await victim.run(['ingest', '--sync', '--json', target]);
    expect([exitCode, lines.at(-1)!['deleted']]).toEqual([77, 0]);
    expect(stderr).toContain('nothing is deleted under');
  }
  execFileSync('chmod', ['755', join(victim.documents, 'locked')]);
  const { lines } = await victim.run(['ingest', '--sync', '--json', victim.documents]);
  expect(lines.at(-1)).toMatchObject({ deleted: 1, unchanged: 2, exit_status: 0 });
  await victim.assertUnharmed();
});

test('a root that is a link is the place it is named as', async () => {
  const synced = openSynced();
  const link = `${synced.documents}-link`;
  symlinkSync(synced.documents, link);
  await synced.ingest();
  await synced.ingest(link);
  synced.remove('b.txt');
  expect((await synced.sync(link)).summary).toMatchObject({ deleted: 1, unchanged: 2, exit_status: 0 });
  expect(synced.current()).toHaveLength(5);
  rmSync(link);
  const dangling = await synced.sync(link);
  expect([dangling.exitCode, dangling.problems]).toMatchObject([2, [{ code: 'NOT_FOUND' }]]);
  expect(synced.current()).toHaveLength(5);
});

test.each([
  'journal.append.effects_planned:after',
  'records.pivot:before',
  'records.pivot:after',
  'graph.retire:after',
  'records.retire:after',
  'records.finish:after',
  'journal.append.batch_done:before',
])('a sync that is killed at %s: the same command again reaches the state it would have reached', async (point) => {
  const synced = openSynced({ ...FILES, 'e.txt': 'Elm street.\n', 'f.txt': 'Farm road.\n' }, { APEX_BATCH_SIZE: '1' });
  await synced.ingest();
  synced.move('a.md', 'alpha.md');
  synced.remove('b.txt');
  synced.remove('e.txt');
  for (const nth of [1, 2]) {
    const { signal } = await synced.runWith(
      { APEX_CRASH_POINT: `${point}@${nth}` },
      'ingest',
      '--sync',
      synced.documents,
    );
    expect([nth, signal]).toEqual([nth, 'SIGKILL']);
  }
  expect((await synced.sync()).exitCode).toBe(0);
  await expectAsFresh(synced);
  expect((await synced.sync()).summary).toMatchObject({ unchanged: 3, deleted: 0, exit_status: 0 });
});

test('two syncs at once, and a sync beside a delete: neither fails, and the state is right', async () => {
  const files = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`${index}.txt`, `Bay ${index}.\n`]));
  const synced = openSynced(files, { APEX_BATCH_SIZE: '2' });
  await synced.ingest();
  const id = await synced.idOf('7.txt');
  for (const index of [0, 1, 2, 3, 4, 5, 6, 7]) synced.remove(`${index}.txt`);
  synced.move('8.txt', 'moved.txt');
  const ended = await Promise.all([synced.sync(), synced.sync(), synced.run('delete', id)]);
  for (const { exitCode, stderr } of ended.slice(0, 2)) expect([0, 75], stderr).toContain(exitCode);
  expect((await synced.sync()).exitCode).toBe(0);
  await expectAsFresh(synced);
});

test.each([
  [['--sync', '-'], /leave out - or --sync/],
  [['--sync', '--id', 'x', 'a.txt'], /leave out one of them/],
  [['--allow-empty', '.'], /give both, or neither/],
])('ingest %j is refused before anything is done', async (args, said) => {
  const { run } = openSynced();
  const { exitCode, stderr } = await run('ingest', ...args);
  expect([exitCode, stderr]).toEqual([2, expect.stringMatching(said)]);
});
