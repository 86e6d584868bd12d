import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { canRunAsNobody, expectEnd, linked, NOBODY, openVictim, shared, type Victim } from '../helpers/bad-input.ts';

/**
 * Goal: a data directory that cannot be used is refused with its name, its reason and the way out, and is left as it is. Method:
 * places where none can be, folders and files of other users, files of a newer format, and damaged ones.
 */

/** Places that no data directory can be at, and what is said of it. */
const BAD_HOMES: readonly [name: string, make: (victim: Victim) => string, exitCode: number, said: RegExp][] = [
  ['a file', ({ write }) => write('file', ''), 78, /cannot be made \(EEXIST\); set APEX_HOME to another folder/],
  ['below a file', ({ write }) => join(write('file', ''), 'home'), 78, /cannot be made \(ENOTDIR\); set APEX_HOME/],
  [
    'a link',
    ({ home, root }) => linked(home, join(root, 'link')),
    78,
    /is a link; set APEX_HOME to a folder of your own/,
  ],
  [
    'a broken link',
    ({ root }) => linked('gone', join(root, 'broken')),
    78,
    /cannot be made \(E[A-Z]+\); set APEX_HOME/,
  ],
  [
    'below a link to itself',
    ({ root }) => join(linked('self', join(root, 'self')), 'home'),
    78,
    /cannot be made \(ELOOP\)/,
  ],
  ['a name that is too long', ({ root }) => join(root, 'x'.repeat(300)), 78, /cannot be made \(ENAMETOOLONG\)/],
  ['where no folder can be', () => '/proc/apex/home', 78, /cannot be made \(ENOENT\); set APEX_HOME to another folder/],
  [
    'shared with others',
    ({ root }) => shared(join(root, 'shared')),
    77,
    /can be written by other users; set APEX_HOME/,
  ],
];

test.each(BAD_HOMES)('a data directory that is %s is refused', async (_, make, exitCode, said) => {
  const victim = await openVictim();
  const env = { APEX_HOME: make(victim) };
  const good = join(victim.root, 'before', 'before.txt');
  for (const args of [['ingest', good], ['verify'], ['documents', 'list']])
    expectEnd(await victim.run(args, { env }), exitCode, said);
  await victim.assertUnharmed();
});

test.each(['file', '/proc/apex/staging'])('a staging folder that cannot be one is refused: %s', async (place) => {
  const victim = await openVictim();
  victim.write('file', '');
  const env = { STAGING_BASE_DIR: join(place.startsWith('/') ? '/' : victim.documents, place) };
  expectEnd(
    await victim.run(['ingest', 'before'], { env }),
    78,
    /the staging folder .+; set STAGING_BASE_DIR to another\n/,
  );
  await victim.assertUnharmed();
});

const canBeNobody = await canRunAsNobody();

test.skipIf(!canBeNobody)('a data directory of another user is refused before anything is made in it', async () => {
  const victim = await openVictim();
  execFileSync('chmod', ['-R', 'a+rX', victim.root]);
  const refused = await victim.run(['ingest', 'before'], { uid: NOBODY });
  expectEnd(
    refused,
    77,
    `the data directory ${victim.home} belongs to another user; set APEX_HOME to a folder of your own`,
  );
  await victim.assertUnharmed();
});

test.skipIf(!canBeNobody)('a place that this user may not write is refused', async () => {
  const victim = await openVictim();
  const env = { APEX_HOME: join(victim.root, 'not mine') };
  const refused = await victim.run(['ingest', 'before'], { uid: NOBODY, env });
  expectEnd(refused, 77, /not mine may not be written by this user \(EACCES\)/, 'Change its owner or mode');
});

test.skipIf(!canBeNobody).each(['memory.db', 'registry.db', 'runs', 'owners', 'locks', 'staging'])(
  'a %s of another user in one’s own data directory: 77, and nothing is lost',
  async (name) => {
    const victim = await openVictim({ uid: NOBODY });
    execFileSync('chown', ['0:0', join(victim.home, name)]);
    expectEnd(
      await victim.run(['ingest', 'before']),
      77,
      /may not be written|cannot be written|belongs to another user/,
    );
    execFileSync('chown', [`${NOBODY}:${NOBODY}`, join(victim.home, name)]);
    await victim.assertUnharmed();
  },
);

/** Every file of a data directory with its bytes: what must be the same after a refusal. */
function bytesOf(home: string): Record<string, string> {
  const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).filter((path) => !/-(?:wal|shm)$/.test(path));
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(path).toString('base64')]));
}

function setPragma(path: string, pragma: string): void {
  const db = new Database(path);
  db.pragma(pragma);
  db.close();
}

function formatOf(path: string): string {
  const db = new Database(path, { readonly: true });
  const format = String(db.pragma('user_version', { simple: true }));
  db.close();
  return format;
}

const READING = [['verify'], ['documents', 'list'], ['search', 'dock'], ['runs', 'list']];

test.each([
  ['memory.db', /home\/memory\.db has format 99, this apex reads up to \d+: use the newer apex/],
  ['registry.db', /home\/registry\.db has format 99, this apex reads up to \d+: use the newer apex/],
])(
  'a %s of a newer format is refused with 78 by every command, and not a byte of it is changed',
  async (name, said) => {
    const victim = await openVictim();
    const path = join(victim.home, name);
    const format = formatOf(path);
    setPragma(path, 'user_version = 99');
    const before = bytesOf(victim.home);
    for (const args of [['ingest', 'before'], ['resume'], ['cleanup'], ['delete', 'x'], ...READING])
      expectEnd(
        await victim.run(args),
        78,
        said,
        'Use that version, or name another place: another APEX_HOME, schema, collection or server.',
      );
    expect(bytesOf(victim.home)).toEqual(before);
    setPragma(path, `user_version = ${format}`);
    await victim.assertUnharmed();
  },
);

test('an interrupted run whose journal has a newer format is refused with 78 and left for the newer apex', async () => {
  const victim = await openVictim();
  const good = victim.write('good.txt', 'Bay nine is free.');
  const killed = await victim.run(['ingest', good], { env: { APEX_CRASH_POINT: 'records.pivot:before' } });
  expect(killed.signal).toBe('SIGKILL');
  const { lines } = await victim.run(['runs', 'list', '--json']);
  const runId = String(lines[0]!['run_id']);
  const path = join(victim.home, 'runs', `${runId}.db`);
  setPragma(path, 'wal_checkpoint(TRUNCATE)');
  const format = formatOf(path);
  setPragma(path, 'user_version = 99');
  const before = readFileSync(path);
  const said = [
    /runs\/.+\.db has format 99, this apex reads up to \d+/,
    'Use that version, or name another place: another APEX_HOME, schema, collection or server.',
  ];
  for (const args of [
    ['ingest', good],
    ['ingest', 'before'],
    ['resume'],
    ['rollback', runId],
    ['runs', 'show', runId],
    ['cleanup'],
  ])
    expectEnd(await victim.run(args), 78, ...said);
  expect(readFileSync(path).equals(before), 'the journal is left as it was').toBe(true);
  // What is current can still be read.
  expectEnd(await victim.run(['documents', 'list']), 0, 'before.txt');
  expectEnd(await victim.run(['search', 'dock']), 0, 'Dock four was free before.');
  setPragma(path, `user_version = ${format}`);
  expectEnd(await victim.run(['resume']), 0, /added .*good\.txt/);
  await victim.assertUnharmed();
});

/** How a memory may be damaged. */
const DAMAGES: readonly [name: string, damage: (path: string) => void][] = [
  ['something else', (path) => writeFileSync(path, 'This is no database. '.repeat(500))],
  ['cut short', (path) => truncateSync(path, 10_000)],
  ['overwritten from its third page on', (path) => overwrite(path, 8_192)],
];

function overwrite(path: string, from: number): void {
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0xa5, from));
}

test.each(DAMAGES)('a memory.db that is %s: 74 with its path, and it is left as it is', async (_, damage) => {
  const victim = await openVictim();
  const path = join(victim.home, 'memory.db');
  const whole = readFileSync(path);
  damage(path);
  const damaged = readFileSync(path);
  const said = [
    `${path} is damaged; it was left as it is`,
    'Restore it from a copy, or point APEX_HOME at another folder and',
  ];
  for (const args of [['ingest', 'before'], ['verify'], ['documents', 'list'], ['cleanup']])
    expectEnd(await victim.run(args), 74, ...said);
  expect(readFileSync(path).equals(damaged), 'it was not touched').toBe(true);
  for (const ending of ['-wal', '-shm']) rmSync(path + ending, { force: true });
  writeFileSync(path, whole);
  await victim.assertUnharmed();
});

test('a folder in the place of memory.db is refused with 78', async () => {
  const victim = await openVictim();
  const path = join(victim.home, 'memory.db');
  const whole = readFileSync(path);
  rmSync(path);
  mkdirSync(path);
  expectEnd(await victim.run(['verify']), 78, `${path} is not a file: move away what has its name`);
  rmSync(path, { recursive: true });
  writeFileSync(path, whole);
  await victim.assertUnharmed();
});

test('a memory of another embedder is refused with 78, and says which it is', async () => {
  const victim = await openVictim();
  const env = { APEX_EMBEDDER: 'openai', OPENAI_API_KEY: 'secret-key' };
  const refused = await victim.run(['ingest', 'before'], { env });
  expectEnd(refused, 78, /this memory holds vectors of lexical-\d+/, 'Use the embedder the memory was made with');
  expect(refused.stderr).not.toContain('secret-key');
  await victim.assertUnharmed();
});
