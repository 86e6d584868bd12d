import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { SETTINGS } from '../../src/config/settings.ts';
import { expectEnd } from '../helpers/bad-input.ts';
import { apex, newFolder } from '../helpers/program.ts';
import { hasTerminal, openTerminal } from '../helpers/terminal.ts';

/** Goal: `apex config` tells every setting, where it comes from and all that is wrong, and never a secret or a part of one. */

const SECRET = 'sk-Zq9Xw7Vt5';

/** A working folder with settings files; a data directory that is not there, and must not be made. */
function openFolder(files: Readonly<Record<string, string>> = {}) {
  const folder = newFolder('config');
  onTestFinished(() => {
    expect(existsSync(join(folder, 'home')), 'nothing is made').toBe(false);
    rmSync(folder, { recursive: true, force: true });
  });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const home = join(folder, 'home');
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    apex(['config', ...args], { home, cwd: folder, env });
  return { folder, home, run };
}

const GOOD = {
  '.env': `# where the key is\nOPENAI_API_KEY=${SECRET}\nOPENAI_BASE_URL=https://me:${SECRET}@models.example/v1?key=${SECRET}\n`,
  'apex.config.json': '{\n  "APEX_GROUP": "east",\n  "APEX_BATCH_SIZE": 64\n}\n',
};

const BAD = {
  '.env': `APEX_BATHC_SIZE=7\nthis line sets nothing\nOPENAI_API_KEY=${SECRET}\n`,
  'apex.config.json': '{\n  "APEX_GRUOP": "east",\n  "APEX_CONCURRENCY": 0,\n  "APEX_BATCH_SIZE": 64\n}\n',
};

test('every setting is told with its value and where it comes from, as programs read it', async () => {
  const { folder, home, run } = openFolder(GOOD);
  const { lines, exitCode, stdout, stderr } = await run(['--json'], { APEX_CONCURRENCY: '2' });
  expect(exitCode, stderr).toBe(0);
  const settings = lines.filter(({ event }) => event === 'setting');
  expect(settings.map(({ name }) => name)).toEqual(Object.values(SETTINGS).map(({ name }) => name));
  const of = (wanted: string) => settings.find(({ name }) => name === wanted);
  expect(of('APEX_HOME')).toMatchObject({ value: home, origin: 'environment', path: null, line: null });
  expect(of('STAGING_BASE_DIR')).toMatchObject({ value: join(home, 'staging'), origin: 'default' });
  expect(of('APEX_CONCURRENCY')).toMatchObject({ value: '2', origin: 'environment' });
  expect(of('OPENAI_API_KEY')).toMatchObject({ value: '[redacted]', origin: '.env', line: 2, is_secret: true });
  expect(of('APEX_BATCH_SIZE')).toEqual({
    ...{ event: 'setting', name: 'APEX_BATCH_SIZE', value: '64', origin: 'apex.config.json', is_secret: false },
    ...{ path: join(folder, 'apex.config.json'), line: 3, column: 22, problem: null },
  });
  expect(lines.at(-1)).toEqual({
    ...{ event: 'config', settings: settings.length, problems: [], exit_status: 0 },
    files: [join(folder, '.env'), join(folder, 'apex.config.json')],
  });
  expect(stdout + stderr).not.toContain(SECRET.slice(0, 5));
});

test('all that is wrong is told at once, with file and place, and what can be shown is shown: 78', async () => {
  const { folder, run } = openFolder(BAD);
  const told = await run([]);
  expectEnd(
    told,
    78,
    `${folder}/.env line 2 is no setting: write NAME=value`,
    `${folder}/.env line 1: there is no setting "APEX_BATHC_SIZE"; did you mean APEX_BATCH_SIZE?`,
    `${folder}/apex.config.json line 2, column 3: there is no setting "APEX_GRUOP"; did you mean APEX_GROUP?`,
    `APEX_CONCURRENCY is "0" (from ${folder}/apex.config.json line 3, column 23): give a whole number from 1 to 64`,
    /^APEX_CONCURRENCY +apex\.config\.json:3 +✗ 0$/m,
    /^APEX_BATCH_SIZE +apex\.config\.json:4 +64$/m,
  );
  const { lines, exitCode } = await run(['--json']);
  expect(exitCode).toBe(78);
  expect(lines.at(-1)).toMatchObject({ event: 'config', exit_status: 78 });
  expect(lines.at(-1)!['problems']).toHaveLength(4);
  expect(lines.find(({ name }) => name === 'APEX_CONCURRENCY')).toMatchObject({
    value: '0',
    problem: expect.stringContaining('a whole number'),
  });
  expect(told.stdout + told.stderr + JSON.stringify(lines)).not.toContain(SECRET.slice(0, 5));
});

test('malformed JSON is told with its place, and the other origins are shown', async () => {
  const { folder, run } = openFolder({ 'apex.config.json': '{\n  "APEX_GROUP": "a",\n  "APEX_CONCURRENCY": }\n' });
  expectEnd(
    await run([], { APEX_GROUP: 'west' }),
    78,
    `${folder}/apex.config.json is not valid JSON at line 3, column 23`,
    /^APEX_GROUP +environment +west$/m,
  );
});

test('one setting by its name gives its value alone, whatever is wrong with others', async () => {
  const { run } = openFolder({ 'apex.config.json': BAD['apex.config.json'] });
  expect(await run(['APEX_BATCH_SIZE'])).toMatchObject({ stdout: '64', stderr: '', exitCode: 0 });
  expect(await run(['APEX_GROUP'])).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
  expectEnd(await run(['APEX_CONCURRENCY']), 78, /^0\n✗ APEX_CONCURRENCY is "0"/);
  const { lines } = await run(['APEX_BATCH_SIZE', '--json']);
  expect(lines).toMatchObject([{ event: 'setting', name: 'APEX_BATCH_SIZE', value: '64', line: 4 }]);
});

test('a secret is not given by its name either', async () => {
  const { run } = openFolder(GOOD);
  expect(await run(['OPENAI_API_KEY'])).toMatchObject({ stdout: '[redacted]', exitCode: 0 });
  const { stdout } = await run(['OPENAI_BASE_URL']);
  expect(stdout).toBe('https://[redacted]@models.example/v1?key=[redacted]');
});

test.each([
  ['APEX_GRUOP', 'there is no setting "APEX_GRUOP"; did you mean APEX_GROUP?'],
  ['apex_home', 'there is no setting "apex_home"; did you mean APEX_HOME?'],
  ['colour', 'there is no setting "colour"; apex config shows all'],
])('a name that is no setting ends with 2: %s', async (name, said) => {
  expectEnd(await openFolder().run([name]), 2, said);
});

test('a settings file that may not be read is told, and a folder of its name is none', async () => {
  const { folder, run } = openFolder();
  mkdirSync(join(folder, '.env'));
  expectEnd(await run([]), 0);
  writeFileSync(join(folder, 'real.json'), '{ "APEX_GROUP": "\u001b[31mred" }');
  expectEnd(await run([], { APEX_GROUP: '\u001b[31mred' }), 0, /APEX_GROUP +environment +\\u001b\[31mred/);
});

/** The settings that are looked at: the others come and go. */
const LOOKED_AT =
  /^(?:setting|APEX_HOME|STAGING_BASE_DIR|APEX_GROUP|OPENAI_API_KEY|OPENAI_BASE_URL|APEX_BATCH_SIZE|APEX_CONCURRENCY) /;

/** What a person sees, without what differs from machine to machine. */
async function seen(columns: number, files: Readonly<Record<string, string>>): Promise<string> {
  const { folder, run: _, ...rest } = openFolder(files);
  const terminal = openTerminal(['config'], {
    ...rest,
    columns,
    cwd: folder,
    env: { APEX_HOME: '/srv/apex', NO_COLOR: '1' },
  });
  expect(await terminal.ended).toBe(files === BAD ? 78 : 0);
  const lines = terminal.lines();
  for (const line of lines.slice(
    0,
    lines.findIndex((text) => text.startsWith('settings file')),
  ))
    expect(line.length).toBeLessThanOrEqual(columns);
  const shown = lines.filter((line) => !/^[A-Z_\d]+ {2}/.test(line) || LOOKED_AT.test(line));
  return shown.join('\n').replaceAll(folder, '/work');
}

test.skipIf(!hasTerminal).each([80, 120])('on a terminal of %i columns the settings are a table', async (columns) => {
  expect(await seen(columns, GOOD)).toMatchSnapshot();
});

test.skipIf(!hasTerminal).each([80, 120])(
  'on a terminal of %i columns what is wrong stands below the table',
  async (columns) => {
    expect(await seen(columns, BAD)).toMatchSnapshot();
  },
);
