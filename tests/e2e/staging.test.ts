import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { sha256 } from '../../lib/contracts/identity.ts';
import { expectEnd, openVictim, type Victim } from '../helpers/bad-input.ts';
import type { Finished } from '../helpers/program.ts';
import { openWebServer } from '../helpers/web-server.ts';

/**
 * Goal: what is staged waits until it is taken, comes to the memory as the document that it would have been, and is gone then. Method:
 * the built program, as a person or cron types it, over files, standard input and records.
 */

const READING = { id: '1', name: 'Truck 1', vin: '1FUJGLDR5CSBA0001' };

const stagingOf = ({ home }: Victim) => join(home, 'staging');

/** All that lies in staging, by path from there. */
function lyingIn(victim: Victim): string[] {
  const base = stagingOf(victim);
  return existsSync(base) ? readdirSync(base, { recursive: true }).map(String).sort() : [];
}

/** The JSON lines of one kind. */
const eventsOf = ({ lines }: Finished, event: string) => lines.filter((line) => line['event'] === event);

async function staged(victim: Victim, ...args: string[]): Promise<Record<string, unknown>[]> {
  const finished = await victim.run(['stage', ...args, '--json']);
  expect(finished.exitCode, finished.stderr).toBe(0);
  return eventsOf(finished, 'staged');
}

const idOf = (item: Record<string, unknown> | undefined) => String(item?.['item_id']);

const documentsOf = async (victim: Victim) => (await victim.run(['documents', 'list', '--json'])).lines;

test('stage prints where each document lies, for this user alone, and opens no store', async () => {
  const victim = await openVictim();
  const file = victim.write('a b.txt', 'Bay nine is free.');
  const env = { APEX_HOME: join(victim.root, 'new') };
  const { stdout, exitCode, stderr } = await victim.run(['stage', file], { env });
  expect(exitCode, stderr).toBe(0);
  expect(readFileSync(stdout, 'utf8')).toBe('Bay nine is free.');
  expect(stderr).toContain('1 staged (17 B)');
  expect(existsSync(join(env.APEX_HOME, 'memory.db'))).toBe(false);
  for (let path = stdout; path !== victim.root; path = dirname(path))
    expect(statSync(path).mode & 0o777, path).toBe(path === stdout ? 0o600 : 0o700);
});

test('stage --json gives the metadata, in the words of its file', async () => {
  const victim = await openVictim();
  const file = victim.write('a.txt', 'Bay nine is free.');
  const [item] = await staged(victim, file);
  const metadata = JSON.parse(
    readFileSync(join(dirname(String(item!['file_path'])), '.metadata.json'), 'utf8'),
  ) as object;
  expect(item).toMatchObject({
    ...{ kind: 'document', source: 'local_upload', status: 'active', source_uri: `file://${file}`, is_new: true },
    ...{ name: 'a.txt', file_size_bytes: 17, file_digest: sha256('Bay nine is free.'), error: null },
  });
  expect(metadata).toMatchObject({
    document_id: item!['document_id'],
    status: 'active',
    file_path: item!['file_path'],
  });
});

test('what is staged becomes the document that its original would have been, and is gone from staging', async () => {
  const victim = await openVictim();
  const files = ['a.txt', 'b.txt'].map((name) => victim.write(name, `Bay ${name} is free.`));
  await staged(victim, ...files);
  // It is the staged bytes that are read.
  renameSync(files[0]!, `${files[0]}.away`);
  expectEnd(await victim.run(['ingest', '--staged']), 0, /added .*a\.txt/, /added .*b\.txt/);
  renameSync(`${files[0]}.away`, files[0]!);
  expect(lyingIn(victim)).toEqual([]);
  expectEnd(await victim.run(['ingest', ...files]), 0, /unchanged +2/);
  const uris = (await documentsOf(victim)).map((document) => document['source_uri']);
  expect(uris).toEqual(expect.arrayContaining(files.map((file) => `file://${file}`)));
  expect(uris).toHaveLength(3);
});

test('what is unchanged since it was ingested leaves staging, and writes nothing', async () => {
  const victim = await openVictim();
  const file = victim.write('a.txt', 'Bay nine is free.');
  expectEnd(await victim.run(['ingest', file]), 0);
  await staged(victim, file);
  expectEnd(await victim.run(['ingest', '--staged']), 0, /unchanged +1/);
  expect(lyingIn(victim)).toEqual([]);
});

test('items are taken by their ids, and the others wait', async () => {
  const victim = await openVictim();
  const [first, second] = await staged(victim, victim.write('a.txt', 'Bay 1.'), victim.write('b.txt', 'Bay 2.'));
  expectEnd(await victim.run(['ingest', '--staged', idOf(second)]), 0, /added .*b\.txt/);
  const left = await victim.run(['staging', 'list', '--json']);
  expect(left.lines.map(idOf)).toEqual([idOf(first)]);
});

test('staging the same file again changes nothing, and another content takes the place of the first', async () => {
  const victim = await openVictim();
  const file = victim.write('a.txt', 'Bay nine is free.');
  await staged(victim, file);
  const [again] = await staged(victim, file);
  expect(again).toMatchObject({ is_new: false });
  victim.write('a.txt', 'Bay ten is free.');
  expect((await staged(victim, file))[0]).toMatchObject({ is_new: true, file_digest: sha256('Bay ten is free.') });
  expect((await victim.run(['staging', 'list', '--json'])).lines).toHaveLength(1);
  expectEnd(await victim.run(['ingest', '--staged']), 0);
  expectEnd(await victim.run(['search', 'bay ten']), 0, 'Bay ten is free.');
});

test('standard input waits under its name, and is the same document as without staging', async () => {
  const victim = await openVictim();
  const input = 'Gate seven opens at noon.';
  expectEnd(await victim.run(['stage', '-', '--stdin-name', 'gate.txt'], { input }), 0, '1 staged (25 B)');
  expectEnd(await victim.run(['ingest', '--staged']), 0, /added .*stdin:gate\.txt/);
  expectEnd(await victim.run(['ingest', '-', '--stdin-name', 'gate.txt'], { input }), 0, /unchanged +1/);
  expect(lyingIn(victim)).toEqual([]);
});

test('an id that was given to stage is the id of the document', async () => {
  const victim = await openVictim();
  const [item] = await staged(victim, victim.write('a.txt', 'Bay nine.'), '--id', 'BAY-9');
  expect(item).toMatchObject({ item_id: 'BAY-9', document_id: 'BAY-9' });
  expectEnd(await victim.run(['ingest', '--staged', 'BAY-9']), 0);
  expect((await documentsOf(victim)).map((document) => document['document_id'])).toContain('BAY-9');
});

test('a document that cannot be taken in stays as failed, is told with its reason, and is taken again by its id', async () => {
  const victim = await openVictim();
  const [item] = await staged(victim, victim.write('empty.txt', ''));
  expectEnd(await victim.run(['ingest', '--staged']), 3, 'EMPTY_TEXT');
  const failed = await victim.run(['staging', 'list', '--status', 'failed', '--json']);
  expect(failed.lines).toEqual([
    expect.objectContaining({ item_id: idOf(item), error: expect.objectContaining({ code: 'EMPTY_TEXT' }) }),
  ]);
  expectEnd(
    await victim.run(['staging', 'show', idOf(item)]),
    0,
    /status +failed \(EMPTY_TEXT\)/,
    `apex ingest --staged ${idOf(item)}`,
  );
  expectEnd(await victim.run(['ingest', '--staged']), 0, /documents +0/);
  expectEnd(await victim.run(['ingest', '--staged', idOf(item)]), 3, 'EMPTY_TEXT');
  await victim.assertUnharmed();
});

test('records are staged for their source, taken by ingest-json, and are as from their file', async () => {
  const victim = await openVictim();
  const file = victim.write('fleet.json', JSON.stringify([READING]));
  const [item] = await staged(victim, '--source', 'samsara', file);
  expect(item).toMatchObject({ kind: 'records', source: 'samsara', document_id: null });
  expectEnd(await victim.run(['ingest', '--staged']), 0, /documents +0/);
  expectEnd(await victim.run(['ingest-json', '--source', 'turvo', '--staged']), 0, /documents +0/);
  expectEnd(await victim.run(['ingest-json', '--source', 'samsara', '--staged']), 0, /added +1/);
  expect(lyingIn(victim)).toEqual([]);
  expectEnd(await victim.run(['ingest-json', '--source', 'samsara', file]), 0, /unchanged +1/);
});

test('what waits stays whatever its age, and cleanup says what else it removes', async () => {
  const victim = await openVictim();
  const [item] = await staged(victim, victim.write('a.txt', 'Bay nine.'));
  const [bad] = await staged(victim, victim.write('empty.txt', ''));
  expectEnd(await victim.run(['ingest', '--staged', idOf(bad)]), 3);
  for (const { path } of readdirSync(stagingOf(victim), { recursive: true }).map((name) => ({
    path: join(stagingOf(victim), String(name)),
  })))
    utimesSync(path, 0, 0);
  expectEnd(await victim.run(['staging', 'cleanup', '--older-than', '1h']), 0, 'There is nothing to clean up.');
  const env = { STAGING_FAILED_RETENTION_HOURS: '0' };
  expectEnd(
    await victim.run(['staging', 'cleanup', '--dry-run'], { env }),
    0,
    /2 staging folders would be removed, \d/,
  );
  expectEnd(await victim.run(['staging', 'cleanup'], { env }), 0, /2 staging folders removed, \d/);
  const left = await victim.run(['staging', 'list', '--json']);
  expect(left.lines.map(idOf)).toEqual([idOf(item)]);
  expectEnd(await victim.run(['ingest', '--staged']), 0, /added .*a\.txt/);
});

test('a cleanup that is not due does nothing, and says when the last one was', async () => {
  const victim = await openVictim();
  expectEnd(await victim.run(['cleanup', '--if-due']), 0, 'There is nothing to clean up.');
  expectEnd(await victim.run(['cleanup', '--if-due']), 0, /The last cleanup was at \d{4}-.*; the next is not due yet/);
  const { lines } = await victim.run(['cleanup', '--if-due', '--json']);
  expect(lines).toEqual([expect.objectContaining({ is_done: false, is_due: false, exit_status: 0 })]);
  expectEnd(await victim.run(['cleanup']), 0, 'There is nothing to clean up.');
});

test('stats tell documents and bytes by source and status, the oldest, the largest, and the quota', async () => {
  const victim = await openVictim();
  await staged(victim, victim.write('small.txt', 'Bay nine.'));
  const [large] = await staged(victim, victim.write('large.txt', 'Bay ten. '.repeat(1_000)));
  await staged(victim, '--source', 'samsara', victim.write('fleet.json', JSON.stringify([READING])));
  const { lines } = await victim.run(['stats', '--json']);
  expect(lines).toEqual([
    expect.objectContaining({
      ...{ event: 'staging_stats', documents: 3, max_bytes: 10 * 2 ** 30 },
      by_source: {
        local_upload: expect.objectContaining({ documents: 2 }),
        samsara: expect.objectContaining({ documents: 1 }),
      },
      by_status: { active: expect.objectContaining({ documents: 3 }) },
      largest: expect.objectContaining({ document_id: idOf(large), bytes: 9_000 }),
    }),
  ]);
  const files = readdirSync(stagingOf(victim), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  expect(lines[0]).toMatchObject({ used_bytes: bytes });
  expectEnd(
    await victim.run(['staging']),
    0,
    /^\[#\.{19}\] 0% of the quota: [\d.]+ KB of 10\.7 GB\n3 documents under /,
    /samsara +1/,
  );
});

test('what is listed is filtered by source and status, and sorted by age, size or name', async () => {
  const victim = await openVictim();
  const names = ['c.txt', 'a.txt', 'b.txt'];
  for (const [index, name] of names.entries())
    await staged(victim, victim.write(name, 'x'.repeat([20, 30, 10][index]!)));
  await staged(victim, '--source', 'samsara', victim.write('fleet.json', JSON.stringify([READING])));
  const listed = async (...flags: string[]) =>
    (await victim.run(['staging', 'list', '--source', 'local_upload', '--json', ...flags])).lines.map(
      (line) => line['name'],
    );
  expect(await listed('--sort', 'age')).toEqual(names);
  expect(await listed('--sort', 'size')).toEqual(['a.txt', 'c.txt', 'b.txt']);
  expect(await listed('--sort', 'name')).toEqual(['a.txt', 'b.txt', 'c.txt']);
  expect(await listed('--status', 'failed')).toEqual([]);
});

test('what cannot be taken is said, with what to do', async () => {
  const victim = await openVictim();
  const [other] = await staged(victim, victim.write('a.txt', 'Bay nine.'), '--group', 'north');
  const [records] = await staged(victim, '--source', 'samsara', victim.write('fleet.json', JSON.stringify([READING])));
  const refused: [string[], number, string | RegExp][] = [
    [
      ['ingest', '--staged', 'nothing'],
      2,
      /nothing waits in staging as nothing: it was taken, or never staged; see apex staging list/,
    ],
    [['ingest', '--staged', idOf(other)], 2, 'was staged for group north: give that --group'],
    [
      ['ingest', '--staged', idOf(records)],
      2,
      `is taken by apex ingest-json --source samsara --staged ${idOf(records)}`,
    ],
    [['ingest', '--staged', ''], 2, 'an id is empty'],
    [['ingest', '--staged', '--sync'], 2, '--sync does not go with --staged'],
    [['ingest'], 2, /nothing is named: .* --staged/],
    [
      ['ingest-json', '--source', 'samsara', '--staged', '--all'],
      2,
      '--all is about the API of a source: leave it out, or leave out --staged',
    ],
    [['stage', victim.documents, '--id', 'x'], 2, '--id x names one document, but the target holds several'],
    [
      ['stage', '--source', 'samsara', victim.documents, '--id', 'x'],
      2,
      '--id names a document, and records are named by what they are',
    ],
    [['stage', join(victim.documents, 'gone.txt')], 2, 'gone.txt does not exist (NOT_FOUND)'],
    [['staging', 'show', 'nothing'], 2, 'nothing waits in staging as nothing'],
  ];
  const before = lyingIn(victim);
  for (const [args, status, said] of refused) expectEnd(await victim.run(args), status, said);
  expect(lyingIn(victim)).toEqual(before);
  expectEnd(await victim.run(['ingest', '--staged', '--group', 'north']), 0, /added .*a\.txt/);
  await victim.assertUnharmed();
});

test('an id that waits for one group is not staged for another, and what waits stays', async () => {
  const victim = await openVictim();
  const [north] = await staged(victim, victim.write('a.txt', 'Bay nine.'), '--id', 'bays', '--group', 'north');
  const before = lyingIn(victim);
  for (const content of ['Bay nine.', 'Bay ten.']) {
    const path = victim.write('b.txt', content);
    const refused = await victim.run(['stage', path, '--id', 'bays', '--group', 'south']);
    expectEnd(refused, 2, 'bays waits in staging for group north, not for group south: give another --id');
  }
  expect([idOf(north), lyingIn(victim)]).toEqual(['bays', before]);
});

/** One id, staged from the web and from a file. */
async function stagedTwice(victim: Victim, id: string): Promise<void> {
  const server = await openWebServer((_, response) => response.end('Bay eleven, says the web.'));
  await staged(victim, `${server.url}/bays.txt`, '--id', id);
  await staged(victim, victim.write('a.txt', 'Bay nine, says the file.'), '--id', id);
}

test('of an id that waits from two sources both are shown, and one is taken only when it is said which', async () => {
  const victim = await openVictim({ env: { SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on' } });
  await stagedTwice(victim, 'bays');
  const shown = await victim.run(['staging', 'show', 'bays', '--json']);
  expect(shown.lines.map((line) => [line['source'], line['name']])).toEqual([
    ['https', 'bays.txt'],
    ['local_upload', 'a.txt'],
  ]);
  const text = await victim.run(['staging', 'show', 'bays']);
  expectEnd(text, 0, 'apex ingest --source https --staged bays', 'apex ingest --source local_upload --staged bays');
  const one = await victim.run(['staging', 'show', 'bays', '--source', 'https']);
  expectEnd(one, 0, /bays\.txt/);
  expect(one.stdout).not.toContain('a.txt');
  expectEnd(
    await victim.run(['staging', 'show', 'bays', '--source', 's3']),
    2,
    'as bays from s3, only from https, local',
  );
  const several = 'bays waits in staging from several sources (https, local_upload): say which with --source';
  for (const args of [['bays'], []]) expectEnd(await victim.run(['ingest', '--staged', ...args]), 2, several);
  expectEnd(await victim.run(['ingest', '--staged', 'bays', '--source', 's3']), 2, several);
  expectEnd(await victim.run(['ingest', '--staged', 'bays', '--source', 'https']), 0, /added .*bays\.txt/);
  expectEnd(
    await victim.run(['ingest', '--staged', 'bays', '--source', 'https']),
    2,
    'bays waits in staging from local_upload, not from https: give that --source',
  );
  expectEnd(await victim.run(['ingest', '--staged', '--source', 'https']), 0);
  expect(lyingIn(victim)).toContain('local_upload/bays/waiting/staged');
  expectEnd(await victim.run(['ingest', '--staged']), 0, /updated .*a\.txt/);
  expect(lyingIn(victim)).toEqual([]);
  await victim.assertUnharmed();
});

test('what waits is removed by id, and what is not there costs only itself', async () => {
  const victim = await openVictim();
  const items = await staged(victim, ...['a.txt', 'b.txt', 'c.txt'].map((name) => victim.write(name, `Bay ${name}.`)));
  const [a, b] = items.map(idOf);
  const before = lyingIn(victim);
  const trial = await victim.run(['staging', 'remove', a!, '--dry-run']);
  expectEnd(trial, 0, `would remove ${a} of local_upload`, '1 would be removed (10 B)');
  expect(lyingIn(victim)).toEqual(before);
  const removed = await victim.run(['staging', 'remove', a!, 'nothing', b!, '--json']);
  expect(removed.exitCode).toBe(2);
  expect(removed.lines).toMatchObject([
    { event: 'removed', item_id: a, source: 'local_upload', name: 'a.txt' },
    { event: 'problem', uri: 'nothing', code: 'NOT_FOUND' },
    { event: 'removed', item_id: b },
    { event: 'summary', removed: 2, problems: 1, bytes: 20, exit_status: 2 },
  ]);
  expectEnd(await victim.run(['staging', 'remove', a!]), 2, `nothing waits in staging as ${a}`);
  expectEnd(await victim.run(['ingest', '--staged']), 0, /added .*c\.txt/);
  expect(JSON.stringify(await documentsOf(victim))).not.toMatch(/[ab]\.txt/);
  await victim.assertUnharmed();
});

test('what is selected is removed only when that was confirmed, and nothing where nothing is selected', async () => {
  const victim = await openVictim();
  await staged(victim, victim.write('a.txt', 'Bay nine.'), victim.write('b.txt', '      '));
  expectEnd(await victim.run(['ingest', '--staged']), 3, /quarantined .*b\.txt/);
  await staged(victim, victim.write('c.txt', 'Bay ten.'));
  const refused: [string[], RegExp][] = [
    [[], /name items by their ids, or select them by --source or --status/],
    [['x', '--status', 'failed'], /by their ids, or select them by --status, not both/],
    [[''], /an id is empty/],
    [['--status', 'lost'], /Allowed choices are active, failed, damaged/],
    [['--status', 'failed'], /1 item \(6 B\) would be removed from staging: add --yes/],
    [['--source', 'local_upload', '--json'], /2 items \(14 B\) would be removed from staging: add --yes/],
  ];
  const before = lyingIn(victim);
  for (const [args, said] of refused) expectEnd(await victim.run(['staging', 'remove', ...args]), 2, said);
  expectEnd(await victim.run(['staging', 'remove', '--source', 's3']), 0, '0 removed');
  expect(lyingIn(victim)).toEqual(before);
  expectEnd(await victim.run(['staging', 'remove', '--status', 'failed', '--yes']), 0, '1 removed (6 B)');
  expectEnd(await victim.run(['staging', 'remove', '--source', 'local_upload', '--yes']), 0, '1 removed (8 B)');
  expect((await victim.run(['staging', 'list', '--json'])).lines).toEqual([]);
});

test('what a run at work has taken is not removed, and of two sources it is said which', async () => {
  const victim = await openVictim({ env: { SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on' } });
  await stagedTwice(victim, 'bays');
  expectEnd(await victim.run(['staging', 'remove', 'bays']), 2, 'say which with --source');
  const frozen = victim.start(['ingest', '--staged', 'bays', '--source', 'https'], {
    APEX_CRASH_POINT: 'stop items.take:after',
  });
  await frozen.stopped();
  const held = await victim.run(['staging', 'remove', 'bays', '--source', 'https']);
  expectEnd(held, 75, /bays is being taken by run .* \(LOCKED\)/);
  expectEnd(await victim.run(['staging', 'remove', '--source', 'https', '--dry-run']), 0, '0 would be removed');
  expectEnd(await victim.run(['staging', 'remove', 'bays', '--source', 'local_upload']), 0, '1 removed');
  frozen.kill('SIGCONT');
  expectEnd(await frozen.finished, 0, /added .*bays\.txt/);
  expect(lyingIn(victim)).toEqual([]);
});

test('a plan of what waits says what its ingest would do, and takes nothing', async () => {
  const victim = await openVictim({ env: { SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on' } });
  const plan = async (...args: string[]) => {
    const planned = await victim.run(['ingest', '--staged', ...args, '--dry-run', '--json']);
    const documents = eventsOf(planned, 'planned_document').map((line) => [
      line['source'],
      line['action'],
      line['code'],
    ]);
    return { documents, exitCode: planned.exitCode, ...eventsOf(planned, 'problem')[0] };
  };
  const env = { APEX_HOME: join(victim.root, 'new') };
  expect((await victim.run(['ingest', '--staged', '--dry-run'], { env })).exitCode).toBe(0);
  expect(existsSync(env.APEX_HOME)).toBe(false);
  await stagedTwice(victim, 'bays');
  await victim.run(['stage', '-', '--id', 'typed'], { input: 'Bay twelve is typed.' });
  await staged(victim, victim.write('empty.txt', '      '));
  await staged(victim, victim.write('north.txt', 'Bay north.'), '--group', 'north');
  const before = lyingIn(victim);
  const all = await plan();
  expect(all).toMatchObject({ code: 'APEX_USAGE', exitCode: 2 });
  expect(all.documents.map(([, action]) => action).sort()).toEqual(['add', 'quarantine']);
  expect(await plan('bays', '--source', 'https')).toMatchObject({
    documents: [['https', 'add', undefined]],
    exitCode: 0,
  });
  expect(await plan('nothing')).toMatchObject({ documents: [], code: 'NOT_FOUND', exitCode: 2 });
  expect(lyingIn(victim)).toEqual(before);
  expectEnd(await victim.run(['ingest', '--staged', 'bays', '--source', 'https']), 0, /added .*bays\.txt/);
  const update = { documents: [['local_upload', 'update', undefined]], exitCode: 0 };
  expect(await plan('bays')).toMatchObject(update);
  expect((await plan('--group', 'north')).documents).toEqual([['local_upload', 'add', undefined]]);
  const frozen = victim.start(['ingest', '--staged', 'bays'], { APEX_CRASH_POINT: 'stop items.take:after' });
  await frozen.stopped();
  expect(await plan('bays')).toMatchObject({ documents: [], code: 'LOCKED', exitCode: 75 });
  frozen.kill('SIGKILL');
  await frozen.finished;
  expect(await plan('bays')).toMatchObject(update);
  expectEnd(await victim.run(['ingest', '--staged', 'bays']), 0, /updated .*a\.txt/);
});

test('a plan of records that wait says what would become of their things, and takes nothing', async () => {
  const victim = await openVictim();
  const file = victim.write('fleet.json', JSON.stringify([READING]));
  await staged(victim, '--source', 'samsara', file);
  const before = lyingIn(victim);
  const planned = async (...args: string[]) => {
    const ended = await victim.run(['ingest-json', '--source', 'samsara', ...args, '--dry-run', '--json']);
    expect(ended.exitCode, ended.stderr).toBe(0);
    return eventsOf(ended, 'planned_document').map((line) => [line['document_id'], line['action']]);
  };
  const plan = await planned('--staged');
  expect(plan).toEqual(await planned(file));
  expect(plan).not.toEqual([]);
  expect(lyingIn(victim)).toEqual(before);
  expectEnd(await victim.run(['ingest-json', '--source', 'samsara', '--staged']), 0);
  expect(lyingIn(victim)).toEqual([]);
});

test('damage in staging costs what is damaged: it is told, kept for the retention time, and the others are taken', async () => {
  const victim = await openVictim();
  const names = ['torn.txt', 'gone.txt', 'short.txt', 'other.txt', 'good.txt'];
  const items = await staged(victim, ...names.map((name) => victim.write(name, `Bay ${name}.`)));
  const at = (name: string) => dirname(String(items.find((item) => item['name'] === name)!['file_path']));
  writeFileSync(join(at('torn.txt'), '.metadata.json'), '{"document_id":');
  rmSync(join(at('gone.txt'), '.metadata.json'));
  truncateSync(join(at('short.txt'), 'staged'), 3);
  writeFileSync(join(at('other.txt'), 'staged'), 'Bay OTHER.txt.');
  const ended = await victim.run(['ingest', '--staged']);
  expectEnd(
    ended,
    3,
    /added .*good\.txt/,
    /quarantined .*other\.txt \(CORRUPT\)/,
    /its metadata are damaged or missing: stage it again/,
  );
  expect(`${ended.stdout}${ended.stderr}`).toContain('its bytes are not those that were staged: stage it again');
  const listed = await victim.run(['staging', 'list', '--status', 'damaged', '--json']);
  expect(listed.lines).toHaveLength(3);
  expectEnd(await victim.run(['staging', 'stats']), 0, /damaged +2/);
  expectEnd(await victim.run(['retry', '--all']), 0, /added .*other\.txt/);
  expectEnd(await victim.run(['cleanup'], { env: { STAGING_FAILED_RETENTION_HOURS: '0' } }), 0, /folders removed/);
  expect(lyingIn(victim)).toEqual([]);
  await victim.assertUnharmed();
});

test('what is staged from the web is that document of the web, beside files, and is fetched once', async () => {
  const etag = '"1"';
  const server = await openWebServer((request, response) => {
    const isKnown = request.headers['if-none-match'] === etag;
    response.writeHead(isKnown ? 304 : 200, { etag }).end(isKnown ? undefined : 'Bay eleven is free.');
  });
  const victim = await openVictim({ env: { SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on' } });
  const address = `${server.url}/bays.txt`;
  const items = await staged(victim, address, victim.write('a.txt', 'Bay nine.'));
  expect(items.map((item) => item['source'])).toEqual(['https', 'local_upload']);
  expectEnd(await victim.run(['ingest', '--staged']), 0, /added .*bays\.txt/, /added .*a\.txt/);
  expect(server.requests).toHaveLength(1);
  expectEnd(await victim.run(['ingest', address]), 0, /unchanged +1/);
  expect(server.requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, etag]);
  expect(lyingIn(victim)).toEqual([]);
});

test('a download that would cross the quota is stopped, and nothing is left of it', async () => {
  const part = Buffer.alloc(1_048_576, 'Bay nine is free. ');
  const server = await openWebServer((_, response) => {
    const more = () => {
      if (!response.writableEnded && !response.destroyed) response.write(part, more);
    };
    more();
  });
  const env = {
    SOURCE_ALLOWED_HOSTS: '127.0.0.1',
    SOURCE_ALLOW_HTTP: 'on',
    STAGING_MAX_SIZE_GB: '1',
    APEX_MAX_FILE_MB: '500',
  };
  const victim = await openVictim({ env });
  const folder = join(stagingOf(victim), 'local_upload', 'old', 'run');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'staged'), '');
  truncateSync(join(folder, 'staged'), 2 ** 30 - 40 * 2 ** 20);
  expectEnd(
    await victim.run(['stage', `${server.url}/endless.txt`]),
    75,
    /the staging area is full: \d+ of 1073741824 bytes are used/,
  );
  expect(lyingIn(victim).filter((path) => !path.startsWith('local_upload'))).toEqual([]);
});
