import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import type { StagingFolder } from '../../lib/contracts/staging.ts';
import { onMemory, openCase } from '../helpers/case.ts';
import { intercepted } from '../helpers/intercept.ts';
import { openMachine } from '../helpers/machine.ts';
import { apex } from '../helpers/program.ts';
import { never } from '../helpers/records.ts';

/** Goal: an id names one document for ever, whatever it looks like, and a version number one version. */

test('version numbers rise over updates, deletes and versions that were given up, and none is given twice', async () => {
  const { documents, write, ingest, run, kill, idOf } = openCase({ 'a.txt': 'Gate one.\n' });
  const versions: unknown[] = [];
  const next = async (text: string) => {
    write('a.txt', `${text}.\n`);
    versions.push((await ingest()).of('a.txt')['version']);
  };
  await next('Gate one');
  await next('Gate two');
  await run('delete', await idOf('a.txt'));
  await next('Gate two');
  write('a.txt', 'Gate lost.\n');
  await kill('records.pivot:before', 'ingest', documents);
  const { lines } = await run('runs', 'list');
  expect((await run('rollback', String(lines[0]!['run_id']))).exitCode).toBe(4);
  await next('Gate three');
  await run('delete', await idOf('a.txt'));
  await next('Gate one');
  expect(versions).toEqual([1, 2, 3, 5, 6]);
});

/** Every row of the memory but those that tell of runs, and the last number given. */
function rowsOf(home: string): unknown {
  const tables = [
    'version',
    'chunk',
    'fact',
    'graph_document',
    'graph_chunk',
    'entity',
    'mention',
    'relation',
    'point',
  ];
  return onMemory(home, (db) => [
    db.prepare('SELECT document_id, uuid, current_version FROM document WHERE current_version IS NOT NULL').all(),
    ...tables.map((table) => db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all()),
    db.prepare('SELECT point_row, is_live, group_id, hex(embedding) FROM point_vector ORDER BY point_row').all(),
    db.prepare("SELECT key, hex(value) FROM cache WHERE key LIKE 'summary:%' ORDER BY key").all(),
    db.prepare('SELECT rowid, * FROM chunk_text ORDER BY rowid').all(),
  ]);
}

test.each(['records.writeBuilding:after', 'graph.write:after', 'vectors.write:after', 'records.pivot:before'])(
  'a rollback of an update that was killed at %s leaves every row of the version before as it was',
  async (point) => {
    const { home, documents, write, ingest, kill, run, search, verify } = openCase({
      'a.md': '# Load\n\nLoad number: LD-700001\nCarrier: Farrow Freight LLC\n',
      'b.txt': 'Bay nine.\n',
    });
    await ingest();
    const before = rowsOf(home);
    write('a.md', '# Load\n\nLoad number: LD-700001\nCarrier: Brightwater Trucking Inc\n');
    write('c.txt', 'Bay ten.\n');
    await kill(point, 'ingest', documents);
    expect(await search('Farrow')).toHaveLength(1);
    const { lines } = await run('runs', 'list');
    const rolledBack = await run('rollback', String(lines[0]!['run_id']));
    expect(rolledBack.lines.at(-1)).toMatchObject({ state: 'rolled_back', exit_status: 4 });
    expect(rowsOf(home)).toEqual(before);
    expect(await verify()).toBe(0);
    expect((await run('resume', String(lines[0]!['run_id']))).exitCode).toBe(2);
  },
);

test('a rollback after the pivot keeps what is visible', async () => {
  const { documents, write, ingest, kill, run, search, verify } = openCase({ 'a.txt': 'Gate one.\n' });
  await ingest();
  write('a.txt', 'Gate two.\n');
  await kill('records.pivot:after', 'ingest', documents);
  const { lines } = await run('runs', 'list');
  expect((await run('rollback', String(lines[0]!['run_id']))).exitCode).toBe(4);
  expect([await search('gate'), await verify()]).toEqual([['Gate two.'], 0]);
});

const ODD_IDS = [
  ...[
    '../x',
    '..',
    '.',
    '/etc/passwd',
    'a/b/../../c',
    'C:\\x',
    'CON',
    '-x',
    '~',
    '*',
    ' ',
    'two  words ',
    'a\nb',
    'a\tb',
  ],
  ...[
    'x'.repeat(300),
    'ünï ✓ 🚚',
    '%2e%2e%2f',
    "'; DROP TABLE version; --",
    '"}',
    '__proto__',
    'sha256-0',
    '.metadata.json',
  ],
  ...['mail.attachment-1', 'doc:v1', '\u202egnp.exe', '$HOME'],
];

test('odd ids name documents and nothing else: added, listed, staged beside nothing, and deleted', async () => {
  const { home, documents, write, run, verify } = openCase();
  const stagedAs = new Set<string>();
  const machine = await openMachine(home, {
    change: (parts) => ({
      ...parts,
      staging: intercepted(parts.staging, 'open', async ({ go }) => {
        const folder = (await go()) as StagingFolder;
        stagedAs.add(relative(join(home, 'staging'), folder.path));
        return folder;
      }),
    }),
  });
  for (const [index, documentId] of ODD_IDS.entries()) {
    write(`${index}.txt`, `Pallet ${index} waits.\n`);
    const request = {
      targets: [join(documents, `${index}.txt`)],
      source: 'local_upload',
      onError: 'continue',
    } as const;
    const { added, exit_status } = await machine.machine.ingest({ ...request, documentId }, () => {}, never);
    expect([added, exit_status], documentId).toEqual([1, 0]);
  }
  expect(stagedAs.size).toBe(ODD_IDS.length);
  for (const path of stagedAs) expect(path).toMatch(/^local_upload\/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}\/[0-9a-f-]{36}$/);
  expect(await verify()).toBe(0);
  const { lines } = await run('documents', 'list');
  expect(lines.map(({ document_id }) => document_id).toSorted()).toEqual(ODD_IDS.toSorted());
  expect(readdirSync(join(documents, '..')).toSorted()).toEqual(['documents', 'home']);
  expect(readdirSync(join(home, 'staging'))).toEqual([]);
  expect((await machine.delete(...ODD_IDS)).summary).toMatchObject({ deleted: ODD_IDS.length, exit_status: 0 });
  expect([(await run('documents', 'list')).stdout, await verify()]).toEqual(['', 0]);
});

test.each(['../x', '-x', 'x'.repeat(300), ' a  b\nc '])(
  'the id %j is given, killed over, resumed, shown and deleted on the command line',
  async (id) => {
    const { home, documents, run, kill } = openCase({ 'a.txt': 'Gate one.\n' });
    const named = (...args: string[]) => apex(args, { home });
    const ingest = ['ingest', join(documents, 'a.txt'), `--id=${id}`];
    await kill('parsers.parse:after', ...ingest);
    expect((await run(...ingest)).lines[0]).toMatchObject({ document_id: id, outcome: 'added' });
    const shown = await named('documents', 'show', '--json', '--', id);
    expect(shown.lines[0]).toMatchObject({ document: { document_id: id } });
    expect((await named('delete', '--json', '--', id)).lines.at(-1)).toMatchObject({ deleted: 1, exit_status: 0 });
  },
);

test('an empty id is refused', async () => {
  const { documents, run } = openCase({ 'a.txt': 'Gate one.\n' });
  const { exitCode, stderr } = await run('ingest', join(documents, 'a.txt'), '--id', '');
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--id')]);
});
