import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { onMemory, openCase } from '../helpers/case.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { apex } from '../helpers/program.ts';
import { hasTerminal, openTerminal } from '../helpers/terminal.ts';

/** Goal: a selection deletes what it says, of one group, and never unasked. Method: the built program over documents of known ages. */

const MAIL =
  'From: a@example.com\nSubject: Dock\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nText.\n--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a.txt"\n\nBay ten.\n--b--\n';

const FILES = { 'old.txt': 'Bay nine.\n', 'old.eml': MAIL, 'new.txt': 'Dock four.\n', 'bad.pdf': '%PDF-1.7\nbad' };

interface Row {
  readonly document_id: string;
  readonly created_at: string;
}

/** Documents in two groups; those whose names begin with `old` were ingested a hundred days ago, and so was the broken one. */
async function openSelected(env: Readonly<Record<string, string>> = {}) {
  const memory = openCase(FILES, env);
  const { home, documents, run } = memory;
  for (const group of [[], ['--group', 'north']]) await run('ingest', documents, ...group);
  const ago = new Date(Date.now() - 100 * 86_400_000).toISOString();
  const times = onMemory(home, (db) => {
    const made = db.prepare('SELECT document_id, created_at FROM version').all() as Row[];
    db.prepare("UPDATE version SET created_at = ? WHERE source_uri LIKE '%/old%'").run(ago);
    db.prepare('UPDATE quarantine SET at = ?').run(ago);
    return made;
  });
  return {
    ...memory,
    /** As it would be had the documents really been that old: when a document was ingested is a part of what is compared. */
    verify: () => {
      onMemory(home, (db) => {
        for (const { document_id, created_at } of times)
          db.prepare('UPDATE version SET created_at = ? WHERE document_id = ?').run(created_at, document_id);
      });
      return memory.verify();
    },
    /** What is left in each group, by name, with what is in quarantine. */
    left: () =>
      onMemory(home, (db) =>
        (
          db
            .prepare(
              "SELECT group_id AS g, source_uri AS u FROM version WHERE state = 'current' UNION ALL SELECT group_id, source_uri FROM quarantine",
            )
            .all() as { g: string; u: string }[]
        )
          .map(({ g, u }) => `${g} ${u.split('/').at(-1)}`)
          .sort(),
      ),
  };
}

const NORTH = ['north bad.pdf', 'north new.txt', 'north old.eml', 'north old.eml#attachment-1', 'north old.txt'];
const NONE = NORTH.map((name) => name.replace('north', ''));

test('what is older goes, with what came in it and what is in quarantine; other groups stay', async () => {
  const { run, left } = await openSelected();
  const { exitCode, lines } = await run('delete', '--older-than', '90d', '--yes');
  expect([exitCode, lines.at(-1)]).toMatchObject([0, { deleted: 4, state: 'completed', erased: true }]);
  expect(left()).toEqual([' new.txt', ...NORTH]);
  expect((await run('delete', '--older-than', '90d', '--yes')).lines.at(-1)).toMatchObject({ deleted: 0 });
  expect((await run('delete', '--older-than', '15w', '--group', 'north', '--yes')).lines.at(-1)).toMatchObject({
    deleted: 0,
  });
  expect((await run('delete', '--older-than', '99d', '--group', 'north', '--yes')).lines.at(-1)).toMatchObject({
    deleted: 4,
  });
});

test('a whole group goes, and the other one is as it was', async () => {
  const { run, left, verify } = await openSelected();
  expect((await run('delete', '--group', 'north', '--source', 'another', '--yes')).lines.at(-1)).toMatchObject({
    deleted: 0,
  });
  expect((await run('delete', '--group', 'north', '--yes')).lines.at(-1)).toMatchObject({ deleted: 5, exit_status: 0 });
  expect([left(), await verify()]).toEqual([NONE, 0]);
  expect((await run('delete', '--source', 'local_upload', '--yes')).lines.at(-1)).toMatchObject({ deleted: 5 });
  expect([left(), await verify()]).toEqual([[], 0]);
});

test('without a terminal nothing is deleted unasked: exit 2 and how many', async () => {
  const { run, left, home } = await openSelected();
  for (const args of [
    ['--group', 'north'],
    ['--older-than', '1h', '--group', 'north'],
  ]) {
    const { exitCode, stderr } = await apex(['delete', ...args], { home });
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringMatching(/^apex: [34] documents would be deleted.* add --yes/),
    ]);
  }
  expect(left()).toEqual([...NONE, ...NORTH]);
  const none = await run('delete', '--source', 'another');
  expect([none.exitCode, none.lines.at(-1)]).toMatchObject([0, { deleted: 0 }]);
});

test.each([
  [['a', '--older-than', '1d'], /not both/],
  [['a', '--source', 'local_upload'], /not both/],
  [['--older-than', '90'], /Give an age above 0 with its unit/],
  [['--older-than', '0d'], /Give an age above 0/],
  [['--group', '', '--yes'], /It is empty/],
  [[], /or select them/],
  [['--yes'], /or select them/],
])('delete %j is refused', async (args, said) => {
  const { home } = openCase();
  const { exitCode, stderr } = await apex(['delete', ...args], { home });
  expect([exitCode, stderr]).toEqual([2, expect.stringMatching(said)]);
});

test.each(['records.pivot:after', 'records.retire:after', 'journal.append.batch_done:after'])(
  'a selection that is killed at %s is finished by the same command, by age also later',
  async (point) => {
    const { run, runWith, left, verify } = await openSelected({ APEX_BATCH_SIZE: '1' });
    const args = ['delete', '--older-than', '90d', '--yes'];
    for (const nth of [1, 2])
      expect((await runWith({ APEX_CRASH_POINT: `${point}@${nth}` }, ...args)).signal).toBe('SIGKILL');
    expect((await run(...args)).exitCode).toBe(0);
    expect([left(), await verify()]).toEqual([[' new.txt', ...NORTH], 0]);
    const { lines } = await run('runs', 'list');
    expect(lines.filter(({ kind }) => kind === 'delete').map(({ state }) => state)).toEqual(['completed']);
  },
);

test('by id only the documents of the group are deleted, and near ids are told', async () => {
  const { run, left, home } = await openSelected();
  const [{ documentId }] = onMemory(home, (db) =>
    db.prepare("SELECT document_id AS documentId FROM version WHERE group_id = 'north' AND name = 'new.txt'").all(),
  ) as [{ documentId: string }];
  const other = await run('delete', documentId);
  expect([other.exitCode, other.lines[0]]).toMatchObject([
    2,
    { code: 'NOT_FOUND', message: `document ${documentId} belongs to group north, not to no group` },
  ]);
  const unknown = await run('delete', documentId.slice(0, -1), '--group', 'north');
  expect([unknown.exitCode, unknown.lines[0]!['message']]).toEqual([
    2,
    expect.stringContaining(`did you mean ${documentId}?`),
  ]);
  expect(left()).toHaveLength(10);
  expect((await run('delete', documentId, '--group', 'north')).lines.at(-1)).toMatchObject({
    deleted: 1,
    exit_status: 0,
  });
  expect(left()).not.toContain('north new.txt');
});

test('a group is searched, listed, shown and compared on its own; by default all are compared', async () => {
  const { run, home, documents } = await openSelected();
  rmSync(join(documents, 'new.txt'));
  expect((await run('ingest', '--sync', documents, '--group', 'north')).lines.at(-1)).toMatchObject({
    deleted: 1,
    exit_status: 3,
  });
  const names = async (...args: string[]) =>
    (await run('documents', 'list', ...args)).lines.map(({ name }) => name).sort();
  expect([await names(), await names('--group', 'north')]).toEqual([
    ['a.txt', 'new.txt', 'old.eml', 'old.txt'],
    ['a.txt', 'old.eml', 'old.txt'],
  ]);
  const hits = async (...args: string[]) => (await run('search', 'dock', '--mode', 'keyword', ...args)).lines.length;
  expect([await hits(), await hits('--group', 'north')]).toEqual([2, 1]);
  const quarantined = async (...args: string[]) =>
    (await run('documents', 'list', '--quarantined', ...args)).lines.length;
  expect([await quarantined('--group', 'north'), await quarantined('--group', 'south')]).toEqual([1, 0]);
  const { lines } = await run('documents', 'list', '--group', 'north');
  const id = String(lines[0]!['document_id']);
  expect((await run('status', id, '--group', 'north')).exitCode).toBe(0);
  expect((await run('documents', 'show', id, '--group', 'south')).exitCode).toBe(2);
  onMemory(home, (db) => db.exec("UPDATE version SET title = 'another' WHERE group_id = 'north'"));
  const verified = async (...args: string[]) => (await run('verify', ...args)).exitCode;
  expect([await verified(), await verified('--group', 'north'), await verified('--group', 'south')]).toEqual([5, 5, 0]);
  expect((await run('verify', '--repair', '--group', 'north')).exitCode).toBe(2);
});

test.skipIf(!hasTerminal).each([80, 120])(
  'on a terminal of %i columns it asks, and takes only yes for a yes',
  async (columns) => {
    const { home, documents } = openCase(FILES);
    await apex(['ingest', documents], { home });
    onMemory(home, (db) => db.exec("UPDATE version SET created_at = '2026-01-01T00:00:00.000Z'"));
    for (const [answer, isDeleted] of [
      ['\r', false],
      ['n\r', false],
      ['y\r', true],
    ] as const) {
      const terminal = openTerminal(['delete', '--older-than', '90d'], { home, columns });
      await terminal.shows('[y/N]');
      terminal.press(answer);
      expect(await terminal.ended).toBe(isDeleted ? 0 : 2);
      expect(dumpMemory(home)['documents']).toHaveLength(isDeleted ? 0 : 4);
      expect(terminal.lines().join('\n')).toContain(isDeleted ? 'deleted  4' : 'Nothing was deleted.');
    }
  },
);
