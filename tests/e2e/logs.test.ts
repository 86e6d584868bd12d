import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openLogFile } from '../../commands/ui/log-file.ts';
import { canRunAsNobody, NOBODY, openVictim } from '../helpers/bad-input.ts';
import { openCase } from '../helpers/case.ts';
import { openOpenAiServer, refusal } from '../helpers/openai-server.ts';
import { apex } from '../helpers/program.ts';

/**
 * Goal: cron gets silence or an error, an operator gets a log of what was done, and nobody gets a secret. Method: the built
 * program with its flags in every place.
 */

const CANARY = 'sk-canary-0123456789';

function openLogged(files: Readonly<Record<string, string>> = { 'a.txt': 'Bay nine is free.\n' }) {
  const opened = openCase(files);
  const log = join(dirname(opened.home), 'apex.log');
  const lines = () =>
    readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const plain = (args: readonly string[], env = {}) => apex(args, { home: opened.home, env });
  return { ...opened, log, lines, plain };
}

test('--quiet prints nothing on success, before the command or after it, also with bad input; the exit status tells', async () => {
  const { documents, plain, write } = openLogged();
  expect(await plain(['--quiet', 'ingest', documents])).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  expect(await plain(['verify', '--quiet'])).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  expect(await plain(['cleanup', '--quiet'])).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  write('bad.pdf', '%PDF-1.7\nnot one');
  expect(await plain(['ingest', '--quiet', documents])).toMatchObject({ exitCode: 3, stdout: '', stderr: '' });
});

test('--quiet still says what went wrong', async () => {
  const { documents, plain } = openLogged();
  const missing = await plain(['--quiet', 'ingest', documents, join(documents, 'nothing')]);
  expect([missing.exitCode, missing.stdout]).toEqual([2, '']);
  expect(missing.stderr).toMatch(/^error: .*nothing does not exist/);
  const server = await openOpenAiServer(() => refusal(401, 'invalid_api_key'));
  const refused = await plain(['--quiet', 'ingest', documents], { ...server.env, APEX_HOME: `${documents}-home` });
  expect([refused.exitCode, refused.stdout]).toEqual([78, '']);
  expect(refused.stderr).toMatch(/^stopped: .*\n.*\nContinue with: apex resume /);
});

test('--quiet with --json silences standard error alone, and without it no command that only shows', async () => {
  const { documents, plain } = openLogged({ 'empty.txt': '', 'a.txt': 'Bay nine is free.\n' });
  const ingested = await plain(['ingest', documents, '--json', '--quiet']);
  expect(ingested.lines.at(-1)).toMatchObject({ event: 'summary', quarantined: 1 });
  expect(ingested.stderr).toBe('');
  expect((await plain(['--quiet', 'runs', '--json'])).lines).toHaveLength(1);
  for (const args of [['runs', 'list'], ['documents'], ['search', 'bay'], ['config']]) {
    const { exitCode, stdout, stderr } = await plain(['--quiet', ...args]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain('add --json, or leave --quiet out');
  }
});

test('the log tells a run from its beginning to its end, for this user alone, and more of it at debug', async () => {
  const { documents, plain, log, lines, write } = openLogged();
  expect((await plain(['--log-file', log, 'ingest', documents])).exitCode).toBe(0);
  expect(statSync(log).mode & 0o777).toBe(0o600);
  expect(lines().map(({ event }) => event)).toEqual([
    ...['command_started', 'run_started', 'listed', 'document', 'run_ended', 'command_ended'],
  ]);
  const [started] = lines();
  expect(started).toEqual({
    ...{ time: expect.stringMatching(/^\d{4}-.*Z$/), pid: expect.any(Number), level: 'info', command: 'ingest' },
    event: 'command_started',
  });
  expect(lines()[3]).toMatchObject({
    ...{ run_id: expect.any(String), document_id: expect.stringMatching(/^doc-/), outcome: 'added', version: 1 },
    duration_ms: expect.any(Number),
  });
  expect(lines().at(-1)).toMatchObject({ exit_status: 0, duration_ms: expect.any(Number) });
  write('bad.pdf', '%PDF-1.7\nnot one');
  await plain(['ingest', documents, '--log-file', log, '--log-level', 'warn']);
  expect(lines().slice(6)).toMatchObject([{ level: 'warn', event: 'document', code: 'CORRUPT', step: 'parse' }]);
  write('a.txt', 'Bay ten is free.\n');
  await plain(['ingest', documents], { APEX_LOG_FILE: log, APEX_LOG_LEVEL: 'debug' });
  const steps = lines().filter(({ event }) => event === 'step');
  expect(steps.map(({ step }) => step)).toEqual(['stage', 'parse', 'chunk', 'extract', 'embed', 'write', 'cleanup']);
});

test('a command that fails is logged with its code', async () => {
  const { plain, log, lines } = openLogged();
  expect((await plain(['runs', 'show', 'nothing', '--log-file', log])).exitCode).toBe(2);
  expect(lines()).toMatchObject([
    { event: 'command_started', command: 'runs show' },
    { level: 'error', event: 'command_failed', code: 'NOT_FOUND', message: 'there is no run nothing' },
    { event: 'command_ended', exit_status: 2 },
  ]);
});

test('without a file the log goes to standard error, as JSON, and nothing of it to standard output', async () => {
  const { documents, plain } = openLogged();
  const { stdout, stderr } = await plain(['ingest', documents, '--log-level', 'info']);
  expect(stdout).not.toContain('{');
  for (const line of stderr.split('\n')) expect(JSON.parse(line)).toMatchObject({ level: 'info' });
});

test('several processes share a log, a whole line each', async () => {
  const { documents, plain, log, lines, write } = openLogged();
  for (let count = 0; count < 30; count += 1) write(`${count}.txt`, `Bay ${count} is free.\n`);
  await Promise.all([1, 2, 3].map(() => plain(['ingest', documents, '--log-file', log, '--log-level', 'debug'])));
  const ended = lines().filter(({ event }) => event === 'command_ended');
  expect(new Set(ended.map(({ pid }) => pid)).size).toBe(3);
});

test('a log that was renamed is made anew, and the lines go there', () => {
  const { log } = openLogged();
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const append = openLogFile(log);
    append('one\n');
    renameSync(log, `${log}.1`);
    vi.advanceTimersByTime(2_000);
    append('two\n');
    expect([readFileSync(`${log}.1`, 'utf8'), readFileSync(log, 'utf8')]).toEqual(['one\n', 'two\n']);
  } finally {
    vi.useRealTimers();
  }
});

test('a log that cannot be opened ends the command before anything is begun', async () => {
  const { home, documents, plain } = openLogged();
  for (const path of [documents, join(documents, 'nothing', 'apex.log')]) {
    const { exitCode, stderr } = await plain(['ingest', documents, '--log-file', path]);
    expect([exitCode, stderr]).toEqual([78, expect.stringContaining(`the log file ${path} `)]);
  }
  expect(existsSync(home)).toBe(false);
  // What shows the settings shows that one too.
  expect((await plain(['config'], { APEX_LOG_FILE: documents })).exitCode).toBe(0);
});

test.skipIf(!(await canRunAsNobody()))('a log that may not be written ends the command with 77', async () => {
  const victim = await openVictim({ uid: NOBODY });
  const log = join(victim.root, 'others.log');
  writeFileSync(log, '');
  chmodSync(log, 0o644);
  const { exitCode, stderr } = await victim.run(['verify', '--log-file', log]);
  expect([exitCode, stderr]).toEqual([77, expect.stringContaining('cannot be opened (EACCES)')]);
});

test.skipIf(!existsSync('/dev/full'))(
  'a disk that is full under the log is told once, and the run goes on',
  async () => {
    const { documents, plain } = openLogged();
    const { exitCode, stderr } = await plain(['ingest', documents, '--log-file', '/dev/full', '--log-level', 'debug']);
    expect(exitCode).toBe(0);
    expect(stderr.match(/the log \/dev\/full cannot be written \(ENOSPC\)/g)).toHaveLength(1);
    expect((await plain(['documents', '--json'])).lines).toHaveLength(1);
  },
);

test('no output holds a secret: not of a provider that says it back, not of a wrong setting, not at debug', async () => {
  const { documents, plain, log } = openLogged({ 'a.txt': `A text that quotes ${CANARY}.\n` });
  const server = await openOpenAiServer(() => ({
    status: 401,
    body: { error: { message: `Incorrect API key provided: ${CANARY}`, type: 'error', code: `invalid_${CANARY}` } },
  }));
  const env = {
    ...server.env,
    OPENAI_API_KEY: CANARY,
    OPENAI_BASE_URL: server.baseUrl.replace('//', `//me:${CANARY}@`),
  };
  const debug = ['--log-file', log, '--log-level', 'debug'];
  const config = join(dirname(documents), 'folder');
  mkdirSync(config);
  writeFileSync(
    join(config, 'apex.config.json'),
    JSON.stringify({ APEX_HOME: 7, OPENAI_API_KEY: CANARY, SURPRISE: CANARY }),
  );
  const outputs = [
    await plain(['ingest', documents, ...debug], env),
    await plain(['ingest', documents, '--json', ...debug], env),
    await plain(['ingest', documents, '--log-level', 'debug'], env),
    await plain(['verify', ...debug], { ...env, APEX_EMBEDDER: CANARY }),
    await plain(['runs', 'show', CANARY, ...debug], { ...env, APEX_EMBEDDER: 'lexical', APEX_DEBUG: 'on' }),
    await plain(['runs', '--json', ...debug], { ...env, APEX_EMBEDDER: 'lexical' }),
    await plain(['config', '--json'], env),
    await apex(['verify'], { home: documents, cwd: config, env: { OPENAI_API_KEY: `${CANARY}-other` } }),
  ];
  for (const { stdout, stderr } of outputs) {
    expect(stdout + stderr).not.toBe('');
    expect(stdout + stderr).not.toContain(CANARY);
  }
  expect(readFileSync(log, 'utf8')).not.toContain(CANARY);
});
