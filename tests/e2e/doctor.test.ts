import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import {
  canMount,
  canRunAsNobody,
  expectEnd,
  linked,
  NOBODY,
  openSmallDisk,
  openVictim,
  shared,
  type Victim,
} from '../helpers/bad-input.ts';
import { openFrontApi } from '../helpers/front-api.ts';
import { openOpenAiServer, refusal } from '../helpers/openai-server.ts';
import { openS3Case, refuse } from '../helpers/s3-server.ts';
import { openSamsaraApi } from '../helpers/samsara-api.ts';
import { hasTerminal, openTerminal } from '../helpers/terminal.ts';
import { openTurvoApi } from '../helpers/turvo-api.ts';

/**
 * Goal: `apex doctor` names what is wrong and what to do, whatever is wrong, and changes nothing.
 * Method: data directories in every state that they can be in; each is compared byte by byte before and after.
 */

type Line = Readonly<Record<string, unknown>>;

/** All that lies in a folder, by name and digest, but for what SQLite makes to read: shared memory and a log that holds nothing. */
function contentsOf(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('-shm'))
    .map((entry) => join(entry.parentPath, entry.name));
  const told = files.filter((path) => !path.endsWith('-wal') || statSync(path).size > 0).sort();
  const digestOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
  return Object.fromEntries(told.map((path) => [path, digestOf(path)]));
}

/** Checks that say something of the machine that the tests run on. */
const OF_THE_MACHINE = ['file_system', 'free_disk'];

/** Asks the doctor, who must leave everything as it is. @returns the exit status and each check by name. */
async function doctor(victim: Victim, env: Readonly<Record<string, string>> = {}, ...flags: string[]) {
  const home = env['APEX_HOME'] ?? victim.home;
  const before = contentsOf(home);
  const { lines, exitCode, stderr } = await victim.run(['doctor', '--json', ...flags], { env });
  expect(contentsOf(home)).toEqual(before);
  expect(stderr).toBe('');
  const checks = lines.filter(({ event }) => event === 'check');
  const verdict = lines.at(-1)!;
  const count = (level: string) => checks.filter((check) => check['level'] === level).length;
  expect(verdict).toEqual({
    ...{ event: 'doctor', checks: checks.length, warnings: count('warning'), problems: count('problem') },
    exit_status: exitCode,
  });
  const of = (name: string): Line => checks.find((check) => check['name'] === name) ?? {};
  const notOk = checks.flatMap(({ name, level }) =>
    level === 'ok' || OF_THE_MACHINE.includes(String(name)) ? [] : name,
  );
  return { exitCode, of, notOk, names: checks.map((check) => check['name']) };
}

function onDatabase(path: string, sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

/** Leaves a run that was killed before its pivot. @returns its id. */
async function interrupt(victim: Victim): Promise<string> {
  const good = victim.write('good.txt', 'Bay nine is free.');
  const killed = await victim.run(['ingest', good], { env: { APEX_CRASH_POINT: 'records.pivot:before' } });
  expect(killed.signal).toBe('SIGKILL');
  return readdirSync(join(victim.home, 'runs'))
    .find((name) => name.endsWith('-wal'))!
    .slice(0, -'.db-wal'.length);
}

test('where all is well the doctor says so, with what was looked at, and ends with 0', async () => {
  const victim = await openVictim();
  const { exitCode, of, notOk, names } = await doctor(victim);
  expect(exitCode).toBe(0);
  expect(notOk).toEqual([]);
  expect(names).toEqual([
    ...['node', 'sqlite', 'settings', 'data_directory', 'file_system', 'registry', 'journals', 'free_disk', 'staging'],
    ...['live_runs', 'interrupted_runs', 'parked_discards', 'memory', 'quarantine', 'embedder'],
  ]);
  expect(of('memory')['found']).toMatch(
    /^format \d+, [\d.]+ MB, vectors of lexical-\d+ with \d+ dimensions, every table/,
  );
  expectEnd(await victim.run(['doctor']), 0, /^15 checks: /m);
});

test('before the first ingest, and in an empty data directory, all is well and nothing is made', async () => {
  const victim = await openVictim();
  const missing = join(victim.root, 'not', 'there');
  const { exitCode, of, notOk } = await doctor(victim, { APEX_HOME: missing });
  expect({ exitCode, notOk }).toEqual({ exitCode: 0, notOk: [] });
  expect(of('data_directory')['found']).toBe(`${missing} is not there yet: the first ingest makes it`);
  expect(existsSync(join(victim.root, 'not'))).toBe(false);
  const empty = join(victim.root, 'empty');
  mkdirSync(empty, { mode: 0o700 });
  expect(await doctor(victim, { APEX_HOME: empty })).toMatchObject({ exitCode: 0, notOk: [] });
  expect(readdirSync(empty)).toEqual([]);
});

/** Places that no data directory can be at: all but the checks of it work. */
const BAD_HOMES: readonly [name: string, make: (victim: Victim) => string, exitCode: number, said: RegExp][] = [
  ['a file', ({ write }) => write('file', ''), 78, /is not a folder/],
  ['below a file', ({ write }) => join(write('file', ''), 'home'), 78, /cannot be made \(ENOTDIR\)/],
  ['a link', ({ home, root }) => linked(home, join(root, 'link')), 78, /is a link/],
  ['shared with others', ({ root }) => shared(join(root, 'shared')), 77, /can be written by other users/],
];

test.each(BAD_HOMES)('a data directory that is %s is a problem', async (_, make, exitCode, said) => {
  const victim = await openVictim();
  const { lines, exitCode: ended } = await victim.run(['doctor', '--json'], { env: { APEX_HOME: make(victim) } });
  expect(ended).toBe(exitCode);
  expect(lines.find(({ name }) => name === 'data_directory')).toMatchObject(
    matching({ level: 'problem', found: said }),
  );
  expect(lines.find(({ name }) => name === 'embedder')).toMatchObject({ level: 'ok' });
});

test('a data directory that others may read is told with the command that closes it', async () => {
  const victim = await openVictim();
  execFileSync('chmod', ['755', victim.home]);
  const { exitCode, of, notOk } = await doctor(victim);
  expect({ exitCode, notOk }).toEqual({ exitCode: 0, notOk: ['data_directory'] });
  expect(of('data_directory')).toMatchObject({ level: 'warning', advice: `chmod 700 '${victim.home}'` });
});

const canBeNobody = await canRunAsNobody();

test.skipIf(!canBeNobody)(
  'a data directory of another user, or one that may not be read, is a problem: 77',
  async () => {
    const victim = await openVictim();
    const asNobody = async () => victim.run(['doctor', '--json'], { uid: NOBODY });
    const foreign = await asNobody();
    expect(foreign.exitCode).toBe(77);
    expect(foreign.lines.find(({ name }) => name === 'data_directory')).toMatchObject({ code: 'APEX_PERMISSION' });
    execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, victim.home]);
    execFileSync('chmod', ['500', victim.home]);
    const closed = await asNobody();
    expect(closed.exitCode).toBe(77);
    const { found } = closed.lines.find(({ name }) => name === 'data_directory') as { found: string };
    expect(found).toMatch(/may not be written by this user \(EACCES\)/);
    execFileSync('chmod', ['700', victim.home]);
    execFileSync('chown', ['-R', '0:0', victim.home]);
  },
);

test('an interrupted run is a warning with the commands that settle it, and what it left is not touched', async () => {
  const victim = await openVictim();
  const runId = await interrupt(victim);
  const { exitCode, of, notOk } = await doctor(victim);
  expect({ exitCode, notOk }).toEqual({ exitCode: 0, notOk: ['interrupted_runs'] });
  expect(of('interrupted_runs')).toMatchObject({
    found: `${runId} (${join(victim.documents, 'good.txt')})`,
    advice: `apex resume ${runId}; or apex rollback ${runId}`,
  });
  expectEnd(await victim.run(['resume', runId]), 0);
  expect(await doctor(victim)).toMatchObject({ exitCode: 0, notOk: [] });
  await victim.assertUnharmed();
});

test('an ingest that is at work is named with its process, and goes on undisturbed', async () => {
  const victim = await openVictim();
  execFileSync('mkfifo', [join(victim.root, 'slow')]);
  const line =
    'exec 3<>slow; (apex ingest - --id slow <slow >done.txt; echo $? >status.txt) 3>&- & sleep 3; apex doctor --json; echo Bay nine. >slow; exec 3>&-; wait';
  const { lines, stderr } = await victim.shell(line);
  const live = lines.find(({ name }) => name === 'live_runs');
  expect(live, stderr).toMatchObject(
    matching({ level: 'ok', found: /^[\da-f-]{36} \((?:process \d+|held by a process)\)$/ }),
  );
  expect(lines.at(-1)).toMatchObject({ event: 'doctor', problems: 0, exit_status: 0 });
  expect(readFileSync(join(victim.root, 'status.txt'), 'utf8')).toBe('0\n');
  await victim.assertUnharmed();
});

test('a document in quarantine is a warning', async () => {
  const victim = await openVictim();
  await victim.run(['ingest', victim.write('bad.pdf', '%PDF-1.7\nnot one')]);
  const { exitCode, of } = await doctor(victim);
  expect(exitCode).toBe(0);
  expect(of('quarantine')).toMatchObject({
    ...{ level: 'warning', found: '1 document is set aside' },
    advice: 'See why: apex documents list --quarantined',
  });
});

/** What may be wrong with files of a data directory, which check tells it, and how. */
const BAD_FILES: readonly [
  name: string,
  harm: (home: string, runId: string) => void,
  check: string,
  expected: Line,
  exitCode: number,
][] = [
  [
    'memory.db of a newer format',
    (home) => onDatabase(join(home, 'memory.db'), 'PRAGMA user_version = 99'),
    'memory',
    { code: 'NEWER_FORMAT', found: /memory\.db has format 99, this apex reads up to \d+$/ },
    78,
  ],
  [
    'memory.db of another program',
    (home) => onDatabase(join(home, 'memory.db'), 'PRAGMA application_id = 7'),
    'memory',
    { code: 'APEX_CONFIG', found: /memory\.db is no memory of apex$/ },
    78,
  ],
  [
    'memory.db that is no database',
    (home) => writeFileSync(join(home, 'memory.db'), 'This is no database. '.repeat(500)),
    'memory',
    { code: 'MEMORY_DAMAGED', found: /memory\.db is damaged/ },
    74,
  ],
  [
    'memory.db cut short',
    (home) => truncateSync(join(home, 'memory.db'), 10_000),
    'memory',
    { code: 'MEMORY_DAMAGED', found: /memory\.db is damaged/ },
    74,
  ],
  [
    'memory.db overwritten in its midst',
    (home) => {
      const bytes = readFileSync(join(home, 'memory.db'));
      writeFileSync(join(home, 'memory.db'), bytes.fill(0xa5, 65_536, 131_072));
    },
    'memory',
    { code: 'MEMORY_DAMAGED', found: /memory\.db is damaged/ },
    74,
  ],
  [
    'memory.db of no length',
    (home) => truncateSync(join(home, 'memory.db'), 0),
    'memory',
    { level: 'warning', found: /memory\.db is empty$/ },
    0,
  ],
  [
    'a folder in the place of memory.db',
    (home) => {
      rmSync(join(home, 'memory.db'));
      mkdirSync(join(home, 'memory.db'));
    },
    'memory',
    { code: 'APEX_CONFIG', found: /memory\.db is not a file$/ },
    78,
  ],
  [
    'registry.db of a newer format',
    (home) => onDatabase(join(home, 'registry.db'), 'PRAGMA user_version = 99'),
    'registry',
    { code: 'NEWER_FORMAT', found: /registry\.db has format 99/ },
    78,
  ],
  [
    'registry.db that is no database',
    (home) => writeFileSync(join(home, 'registry.db'), 'This is no database. '.repeat(500)),
    'registry',
    { code: 'APEX_JOURNAL', found: /registry\.db is damaged$/ },
    74,
  ],
  [
    'registry.db that is gone',
    (home) => rmSync(join(home, 'registry.db')),
    'registry',
    { level: 'warning', found: /^1 journal has no row in the registry: [\da-f-]{36}$/ },
    0,
  ],
  [
    'a journal of a newer format',
    (home, runId) => onDatabase(join(home, 'runs', `${runId}.db`), 'PRAGMA user_version = 99'),
    'journals',
    { code: 'NEWER_FORMAT', found: /^1 journal was written by a newer apex: [\da-f-]{36}$/ },
    78,
  ],
  [
    'a damaged journal of a finished run',
    (home, runId) => writeFileSync(join(home, 'runs', `${runId}.db`), 'This is no database. '.repeat(500)),
    'journals',
    { level: 'warning', found: /^1 journal of a finished run cannot be read: [\da-f-]{36}$/ },
    0,
  ],
  [
    'a journal of a finished run that was cut short',
    (home, runId) => truncateSync(join(home, 'runs', `${runId}.db`), 4_096),
    'journals',
    { level: 'warning', found: /^1 journal of a finished run cannot be read: [\da-f-]{36}$/ },
    0,
  ],
];

test.each(BAD_FILES)(
  '%s is told by one check, and the others say what they can',
  async (_, harm, name, expected, end) => {
    const victim = await openVictim();
    const [journal = ''] = readdirSync(join(victim.home, 'runs'));
    harm(victim.home, journal.replace(/\.db$/, ''));
    const { exitCode, of } = await doctor(victim);
    expect(of(name)).toMatchObject(matching(expected));
    expect(exitCode).toBe(end);
    expect(of('embedder')).toMatchObject({ level: 'ok' });
  },
);

test('an unfinished run whose journal is gone or damaged is a problem: 5', async () => {
  const victim = await openVictim();
  const runId = await interrupt(victim);
  const path = join(victim.home, 'runs', `${runId}.db`);
  for (const ending of ['-wal', '-shm']) rmSync(path + ending, { force: true });
  writeFileSync(path, 'This is no database. '.repeat(500));
  const damaged = await doctor(victim);
  expect(damaged.exitCode).toBe(5);
  expect(damaged.of('journals')).toMatchObject({ code: 'JOURNAL_WENT_BACK' });
  rmSync(path);
  expect(await doctor(victim)).toMatchObject({ exitCode: 5 });
});

test('wrong settings are one problem among the others, which are looked at with what is right', async () => {
  const victim = await openVictim();
  writeFileSync(join(victim.root, 'apex.config.json'), '{ "APEX_GRUOP": "x", "APEX_BATCH_SIZE": 0 }');
  const { exitCode, of, notOk } = await doctor(victim);
  expect({ exitCode, notOk }).toEqual({ exitCode: 78, notOk: ['settings'] });
  expect(of('settings')).toMatchObject(
    matching({ found: /did you mean APEX_GROUP\?; and 1 more$/, advice: 'See all that is wrong: apex config' }),
  );
});

test('with --quiet only problems are told, on standard error', async () => {
  const victim = await openVictim();
  expect(await victim.run(['--quiet', 'doctor'])).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  writeFileSync(join(victim.home, 'registry.db'), 'This is no database. '.repeat(500));
  const { exitCode, stdout, stderr } = await victim.run(['--quiet', 'doctor']);
  expect({ exitCode, stdout }).toEqual({ exitCode: 74, stdout: '' });
  expect(stderr).toMatch(/^✗ registry {2}problem: .+registry\.db is damaged\n +→ Check the disk/);
});

test('a memory of another embedder, and an embedder without its key, are problems: 78', async () => {
  const victim = await openVictim();
  const { of, exitCode } = await doctor(victim, { APEX_EMBEDDER: 'openai' });
  expect(exitCode).toBe(78);
  expect(of('embedder')).toMatchObject(matching({ level: 'problem', found: /needs OPENAI_API_KEY/ }));
  expect(of('memory')).toMatchObject({ level: 'ok' });
  const server = await openOpenAiServer();
  const other = await doctor(victim, server.env);
  expect(other.of('memory')).toMatchObject(
    matching({ code: 'EMBEDDER_MISMATCH', found: /it holds vectors of lexical/ }),
  );
  expect(other.exitCode).toBe(78);
});

/** Answers of an endpoint to the question for its models, and what is said of it. */
const ENDPOINTS: readonly [
  name: string,
  models: { status: number; body: unknown },
  expected: Line,
  exitCode: number,
][] = [
  [
    'that lists the model',
    { status: 200, body: { data: [{ id: 'text-embedding-3-small' }] } },
    { level: 'ok', found: /the key is right, text-embedding-3-small is there$/ },
    0,
  ],
  [
    'without the model',
    { status: 200, body: { data: [{ id: 'other' }] } },
    { level: 'warning', found: /does not list the model/, advice: /apex doctor --online$/ },
    0,
  ],
  ['without a list', { status: 404, body: {} }, { level: 'warning', found: /keeps no list of models$/ }, 0],
  [
    'behind a page',
    { status: 200, body: '<html>' },
    { level: 'warning', found: /answers, but not with a list of models$/ },
    0,
  ],
  ['that refuses the key', refusal(401, 'invalid_api_key'), { code: 'PROVIDER_REFUSED', found: /\(401\)$/ }, 78],
  ['that is out of order', refusal(503, 'busy'), { code: 'APEX_PROVIDER', found: /\(503\)$/ }, 75],
];

test.each(ENDPOINTS)('an endpoint %s is told, at no cost', async (_, models, expected, exitCode) => {
  const victim = await openVictim();
  const server = await openOpenAiServer();
  server.models = models;
  const told = await doctor(victim, { ...server.env, APEX_HOME: join(victim.root, 'none') });
  expect(told.of('embedder')).toMatchObject(matching(expected));
  expect(told.exitCode).toBe(exitCode);
  expect(server.calls).toEqual([]);
});

test('an endpoint that nobody answers at is a problem: 75', async () => {
  const victim = await openVictim();
  const server = await openOpenAiServer();
  const env = { ...server.env, OPENAI_BASE_URL: 'http://127.0.0.1:9/v1', APEX_HOME: join(victim.root, 'none') };
  const { of, exitCode } = await doctor(victim, env);
  expect(of('embedder')).toMatchObject(matching({ code: 'APEX_PROVIDER', found: /no answer from the provider$/ }));
  expect(exitCode).toBe(75);
});

test.each([
  ['samsara', 'SAMSARA_API_TOKEN', openSamsaraApi],
  ['turvo', 'TURVO_API_TOKEN', openTurvoApi],
  ['frontapp', 'FRONTAPP_API_TOKEN', openFrontApi],
] as const)(
  'the API of %s is asked once whether it takes its credentials, if any are set',
  async (name, token, open) => {
    const victim = await openVictim();
    const home = { APEX_HOME: join(victim.root, 'none') };
    const { env, requests } = await open();
    const told = await doctor(victim, { ...home, ...env });
    expect([told.of(name), told.exitCode]).toMatchObject([
      { level: 'ok', found: expect.stringMatching(/takes the cred/) },
      0,
    ]);
    const asked = requests.length;
    const refused = await doctor(victim, { ...home, ...env, [token]: 'not-the-token-of-the-tests' });
    expect([refused.of(name), refused.exitCode]).toMatchObject([{ code: 'SOURCE_REFUSED' }, 78]);
    expect(JSON.stringify(refused.of(name))).not.toContain('not-the-token');
    expect(requests.length - asked).toBeLessThanOrEqual(2);
    expect((await doctor(victim, home)).of(name)).toEqual({});
  },
);

const BUCKETS = '<?xml version="1.0"?>\n<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>';

describe('S3 is asked once for its buckets, where anything of it is set:', () => {
  /** What the doctor says of S3 when its server answers so. */
  async function askS3(answer: (response: ServerResponse) => void, env: Readonly<Record<string, string>> = {}) {
    const victim = await openVictim();
    const s3 = await openS3Case({});
    s3.interfere = (_, response) => {
      answer(response);
      return true;
    };
    const told = await doctor(victim, { APEX_HOME: join(victim.root, 'none'), ...s3.env, AWS_PROFILE: '', ...env });
    const host = new URL(s3.server.url).host;
    const check = JSON.parse(JSON.stringify(told.of('s3')).replaceAll(host, 'HOST')) as Line;
    expect(JSON.stringify(check)).not.toMatch(/Canary|secret-of-the-tests/);
    return { check, exitCode: told.exitCode, asked: s3.server.requests.map(({ path }) => path) };
  }
  const refusing = (status: number, code: string) => (response: ServerResponse) => void refuse(response, status, code);

  test.each([
    [
      'a list',
      (response: ServerResponse) => response.end(BUCKETS),
      'ok',
      /^HOST answers, and takes the keys of AWS_ACC/,
      0,
    ],
    [
      'no right to the list',
      refusing(403, 'AccessDenied'),
      'ok',
      /knows the keys of .*, which may not list buckets$/,
      0,
    ],
    ['no list at all', refusing(501, 'NotImplemented'), 'warning', /does not list buckets/, 0],
    ['no such address', refusing(404, 'NoSuchKey'), 'warning', /does not list buckets/, 0],
    ['a web page', (response: ServerResponse) => response.end('<html>Canary'), 'warning', /but not as S3 does$/, 0],
    ['an unknown key', refusing(403, 'InvalidAccessKeyId'), 'problem', /HOST does not know the access key/, 78],
    [
      'a wrong secret',
      refusing(403, 'SignatureDoesNotMatch'),
      'problem',
      /^the list of buckets may not be read: the secret/,
      78,
    ],
    ['a failure', refusing(503, 'SlowDown'), 'problem', /the server asks to slow down/, 75],
  ] as const)('%s', async (_, answer, level, found, status) => {
    const { check, exitCode, asked } = await askS3(answer);
    expect([check, exitCode]).toMatchObject([{ level, found: expect.stringMatching(found) }, status]);
    expect(asked).toEqual(['/']);
  });

  test.each([
    ['half of the keys', { AWS_SECRET_ACCESS_KEY: '' }, /need AWS_SECRET_ACCESS_KEY beside its other half/, 78],
    ['a profile that is not there', { AWS_PROFILE: 'yard', HOME: '/nowhere' }, /there is no profile "yard"/, 78],
    ['a server that is not there', { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' }, /nothing listens there/, 75],
  ])('%s', async (_, env, found, status) => {
    const { check, exitCode, asked } = await askS3((response) => response.end(BUCKETS), env);
    expect([check, exitCode]).toMatchObject([{ level: 'problem', found: expect.stringMatching(found) }, status]);
    expect(asked).toEqual([]);
  });

  test.each([{ AWS_REGION: 'eu-west-1' }, { AWS_PROFILE: 'yard' }])('%o alone says nothing of buckets', async (env) => {
    const victim = await openVictim();
    const none = { AWS_PROFILE: '', APEX_HOME: join(victim.root, 'none') };
    expect((await doctor(victim, { ...none, ...env })).names).not.toContain('s3');
  });
});

test('the folder of metrics is looked at where one is set', async () => {
  const victim = await openVictim();
  const at = async (folder: string) => {
    const { of, exitCode } = await doctor(victim, { APEX_METRICS_DIR: folder, APEX_HOME: join(victim.root, 'none') });
    return { ...of('metrics_folder'), exitCode };
  };
  const folder = join(victim.root, 'metrics');
  mkdirSync(folder, { mode: 0o755 });
  expect(await at(folder)).toMatchObject({ level: 'ok', found: `${join(folder, 'apex.prom')} can be written` });
  expect(readdirSync(folder)).toEqual([]);
  const missing = await at(join(victim.root, 'missing'));
  expect(missing).toMatchObject({
    code: 'APEX_CONFIG',
    found: expect.stringMatching(/ENOENT\): make its/),
    exitCode: 78,
  });
});

test('with --online one word is embedded, which shows a wrong dimension', async () => {
  const victim = await openVictim();
  const server = await openOpenAiServer();
  const home = { APEX_HOME: join(victim.root, 'none') };
  const right = await doctor(victim, { ...server.env, ...home }, '--online');
  expect(right.of('embedder')).toMatchObject(matching({ level: 'ok', found: /embeds, with 8 dimensions$/ }));
  expect(server.calls).toEqual([['dock']]);
  const wrong = await doctor(victim, { ...server.env, ...home, OPENAI_EMBEDDING_DIMENSIONS: '9' }, '--online');
  expect(wrong.of('embedder')).toMatchObject({ level: 'problem', code: 'PROVIDER_ANSWER' });
});

const canHaveDisk = await canMount();

test.skipIf(!canHaveDisk)('a disk with little room is told: 75', async () => {
  const victim = await openVictim();
  const { path } = await openSmallDisk(join(victim.root, 'disk'));
  const { of, exitCode } = await doctor(victim, { APEX_HOME: path });
  expect(of('free_disk')).toMatchObject(matching({ code: 'DISK_FULL', found: /0\.0 GB free/ }));
  expect(of('file_system')).toMatchObject(matching({ level: 'warning', found: /on tmpfs/ }));
  expect(exitCode).toBe(75);
});

/** Lines that say something of the machine, with those that belong to them. */
const MACHINE_LINES = /^. (?:node|sqlite|file system|free disk) .*\n(?: .*\n)*/gm;

/** What a person sees, without what differs from machine to machine. */
async function seen(victim: Victim, columns: number): Promise<string> {
  const terminal = openTerminal(['doctor'], { home: victim.home, columns, cwd: victim.root });
  await terminal.ended;
  const lines = terminal.lines().filter((line) => !/^. \d+ of \d+ checks/.test(line));
  for (const line of lines) if (!line.includes('/')) expect(line.length).toBeLessThanOrEqual(columns);
  return lines
    .join('\n')
    .replace(MACHINE_LINES, '')
    .replaceAll(victim.root, '/work')
    .replace(/[\da-f]{8}-[\da-f-]{27}/g, '<run>')
    .replace(/[\d.]+ [MG]B|lexical-\d+|format \d+|\d+ warnings?/g, (text) => text.replaceAll(/[\d.]+/g, '0'));
}

test.skipIf(!hasTerminal).each([80, 120])(
  'on a terminal of %i columns problems stand last, with what to do',
  async (columns) => {
    const victim = await openVictim();
    await victim.run(['ingest', victim.write('bad.pdf', '%PDF-1.7\nnot one')]);
    await interrupt(victim);
    writeFileSync(join(victim.root, '.env'), 'APEX_BATHC_SIZE=7\n');
    expect(await seen(victim, columns)).toMatchSnapshot();
  },
);

/** Patterns in the place of texts. */
function matching(expected: Line): Line {
  return Object.fromEntries(
    Object.entries(expected).map(([name, value]) => [
      name,
      value instanceof RegExp ? expect.stringMatching(value) : value,
    ]),
  );
}
