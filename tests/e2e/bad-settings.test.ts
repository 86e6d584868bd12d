import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { canRunAsNobody, expectEnd, NOBODY, openVictim } from '../helpers/bad-input.ts';
import { openCase } from '../helpers/case.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { apex } from '../helpers/program.ts';

/** Goal: a wrong setting, flag or command is told with its place and what would be right, before anything is done. */

/** Where settings are written wrongly, and what is said of it. */
const BAD_SETTINGS: readonly [place: '.env' | 'apex.config.json' | 'the environment', text: string, said: RegExp][] = [
  [
    'apex.config.json',
    '{\n  "APEX_GROUP": "a",\n  "APEX_CONCURRENCY": }\n',
    /config\.json is not valid JSON at line 3, column 23\n/,
  ],
  ['apex.config.json', '{ "APEX_GROUP": "a"', /config\.json is not valid JSON at line 1, column 20\n/],
  ['apex.config.json', '', /config\.json is not valid JSON at line 1, column 1\n/],
  ['apex.config.json', '["APEX_GROUP"]', /config\.json must hold one JSON object of settings\n/],
  [
    'apex.config.json',
    '{ "APEX_GROUP": null }',
    /config\.json line 1, column 17: "APEX_GROUP" must be a text or a number\n/,
  ],
  [
    'apex.config.json',
    '{ "APEX_GRUOP": "a" }',
    /config\.json line 1, column 3: there is no setting "APEX_GRUOP"; did you mean APEX_GROUP\?\n/,
  ],
  ['apex.config.json', '{ "colour": "red" }', /config\.json line 1, column 3: there is no setting "colour"\n/],
  [
    'apex.config.json',
    '{\n  "APEX_GROUP": "a",\n  "APEX_GROUP": "b"\n}',
    /config\.json line 3, column 3: "APEX_GROUP" is there twice, first in line 2; keep one of them\n/,
  ],
  [
    'apex.config.json',
    '{ "APEX_BATCH_SIZE": 0 }',
    /APEX_BATCH_SIZE is "0" \(from \/.+\/apex\.config\.json line 1, column 22\): give a whole number from 1 to/,
  ],
  ['.env', '# why\nAPEX_GROUP=a\nAPEX_BATCH_SIZE: 7\n', /\.env line 3 is no setting: write NAME=value\n/],
  [
    '.env',
    'APEX_BATHC_SIZE=7\n',
    /\.env line 1: there is no setting "APEX_BATHC_SIZE"; did you mean APEX_BATCH_SIZE\?\n/,
  ],
  [
    '.env',
    'APEX_EMBEDDER=lexicl\n',
    /APEX_EMBEDDER is "lexicl" \(from \/.+\/\.env line 1\): choose one of lexical, openai\n/,
  ],
  ['the environment', 'APEX_HOM=/tmp', /the environment: there is no setting "APEX_HOM"; did you mean APEX_HOME\?\n/],
  [
    'the environment',
    'APEX_CONCURRENCY=many',
    /APEX_CONCURRENCY is "many" \(from environment\): give a whole number from 1 to 64\n/,
  ],
  [
    'the environment',
    'OPENAI_BASE_URL=localhost',
    /OPENAI_BASE_URL is "localhost" \(from environment\): give an address that begins/,
  ],
  [
    'the environment',
    'APEX_EMBEDDER=openai',
    /the openai embedder needs OPENAI_API_KEY; set it in the environment, or use/,
  ],
  [
    'the environment',
    'APEX_GRACE_SECONDS=-1',
    /APEX_GRACE_SECONDS is "-1" \(from environment\): give a whole number from 0 to 3600\n/,
  ],
];

test.each(BAD_SETTINGS)('a bad setting in %s ends the command with 78: %j', async (place, text, said) => {
  const victim = await openVictim();
  const [name = '', value = ''] = text.split('=');
  const env = place === 'the environment' ? { [name]: value } : {};
  if (place !== 'the environment') writeFileSync(join(victim.root, place), text);
  const good = victim.write('good.txt', 'Bay nine is free.');
  for (const args of [['verify'], ['ingest', good], ['documents', 'list', '--json']]) {
    const refused = await victim.run(args, { env });
    expectEnd(refused, 78, said, 'Correct what the message names.');
    expect(refused.stdout).toBe('');
  }
  expect(dumpMemory(victim.home)['documents']).toHaveLength(1);
  if (place !== 'the environment') writeFileSync(join(victim.root, place), place === '.env' ? '' : '{}');
  await victim.assertUnharmed();
});

test('what a stronger place sets well hides nothing that a weaker one has wrong by name, and its own value counts', async () => {
  const victim = await openVictim();
  writeFileSync(join(victim.root, 'apex.config.json'), '{ "APEX_BATCH_SIZE": "ten" }');
  expectEnd(await victim.run(['verify'], { env: { APEX_BATCH_SIZE: '7' } }), 0);
  writeFileSync(join(victim.root, 'apex.config.json'), '{ "APEX_BATCH_SIZ": "ten" }');
  expectEnd(await victim.run(['verify'], { env: { APEX_BATCH_SIZE: '7' } }), 78, 'did you mean APEX_BATCH_SIZE?');
});

test('settings files as other programs leave them are read: with a mark of the byte order, a folder, names of others', async () => {
  const victim = await openVictim();
  writeFileSync(join(victim.root, 'apex.config.json'), '\ufeff{ "APEX_GROUP": "east" }');
  mkdirSync(join(victim.root, '.env'));
  const env = { DATABASE_URL_OF_ANOTHER: 'x', APEX_TEST_QDRANT_URL: 'x' };
  victim.write('good.txt', 'Bay nine is free.');
  expectEnd(await victim.run(['ingest', victim.documents], { env }), 0);
  expect(dumpMemory(victim.home)['documents']).toHaveLength(2);
  await victim.assertUnharmed();
});

test('a working folder that is gone is told as such', async () => {
  const victim = await openVictim();
  for (const command of ['ingest good.txt', 'documents list']) {
    const gone = await victim.shell(`mkdir gone && cd gone && rmdir ../gone && apex ${command}`);
    expectEnd(gone, 2, 'the working folder is gone: change to one that is there');
  }
  await victim.assertUnharmed();
});

test('a settings file that is a fifo does not hang the command', async () => {
  const victim = await openVictim();
  execFileSync('mkfifo', [join(victim.root, '.env')]);
  expectEnd(await victim.run(['verify']), 78, /\.env is not a regular file\n/);
});

test.skipIf(!(await canRunAsNobody()))('a settings file that may not be read ends the command with 77', async () => {
  const victim = await openVictim({ uid: NOBODY });
  for (const name of ['.env', 'apex.config.json']) {
    writeFileSync(join(victim.root, name), '{}');
    chmodSync(join(victim.root, name), 0o600);
    expectEnd(await victim.run(['verify']), 77, `${name} cannot be read (EACCES)`, 'Change its owner or mode');
    execFileSync('rm', [join(victim.root, name)]);
  }
  await victim.assertUnharmed();
});

test.each([
  ['ingst docs', /unknown command 'ingst'\n\(Did you mean ingest\?\)\n/],
  ['xyzzy', /unknown command 'xyzzy'\n/],
  ['documents lsit', /unknown command 'lsit'\n\(Did you mean list\?\)\n/],
  ['runs shwo', /unknown command 'shwo'\n\(Did you mean show\?\)\n/],
  ['documents list extra', /list takes no argument, but got 'extra'\n/],
  ['ingest docs --jsn', /unknown option '--jsn'\n\(Did you mean --json\?\)\n/],
  ['documents --quarantind', /unknown option '--quarantind'\n\(Did you mean --quarantined\?\)\n/],
  ['--nosuch', /unknown option '--nosuch'\n/],
  ['ingest docs --id', /option '--id <id>' argument missing\n/],
  [
    'ingest docs --source loca',
    /argument 'loca' is invalid\. Allowed choices are frontapp, https, local_upload, s3\.\n/,
  ],
  [
    'search dock --mode hybird',
    /argument 'hybird' is invalid\. Allowed choices are hybrid, vector, keyword, graph\.\n/,
  ],
  ['search dock --limit 0', /argument '0' is invalid\. Give a whole number from 1 to 1000\.\n/],
  ['resume a b', /too many arguments for 'resume'\. Expected 1 argument but got 2: a, b\.\n/],
])('the command line `apex %s` ends with 2 and says what may be given, before anything is made', async (line, said) => {
  const { home } = openCase();
  expectEnd(await apex(line.split(' '), { home }), 2, said, 'Run with --help for what may be given.');
  expect(existsSync(home)).toBe(false);
});

test('an ingest of nothing ends with 2 and says what may be named, before anything is made', async () => {
  const { home } = openCase();
  expectEnd(await apex(['ingest'], { home }), 2, /nothing is named: name files, folders/);
  expect(existsSync(home)).toBe(false);
});

test.each([
  ['documents show nothing', /there is no document nothing\n/],
  ['status nothing', /nothing\n/],
  ['runs show nothing', /there is no run nothing\n/],
  ['resume nothing', /there is no run nothing\n/],
  ['rollback nothing', /there is no run nothing\n/],
  ['delete nothing', /no document has the id nothing/],
])('what names nothing ends with 2: `apex %s`', async (line, said) => {
  const victim = await openVictim();
  expectEnd(await victim.run(line.split(' ')), 2, said, 'Check the path or id.');
  await victim.assertUnharmed();
});

test('an id with a slip, or one that was cut off, brings the one that was meant', async () => {
  const victim = await openVictim();
  const [run] = (await victim.run(['runs', 'list', '--json'])).lines;
  const [document] = (await victim.run(['documents', 'list', '--json'])).lines;
  const runId = String(run!['run_id']);
  const documentId = String(document!['document_id']);
  for (const line of ['documents show', 'status']) {
    const finished = await victim.run([...line.split(' '), documentId.slice(0, -2)]);
    expectEnd(finished, 2, `there is no document ${documentId.slice(0, -2)}; did you mean ${documentId}?`);
  }
  for (const line of ['runs show', 'status', 'resume', 'rollback']) {
    const finished = await victim.run([...line.split(' '), runId.slice(0, 8)]);
    expectEnd(finished, 2, `there is no run ${runId.slice(0, 8)}; did you mean ${runId}?`);
  }
});

test('what is wrong is shown without its control characters', async () => {
  const victim = await openVictim();
  const evil = '--\u001b]0;title\u0007';
  expectEnd(await victim.run(['ingest', evil]), 2, /unknown option '--\\u001b\]0;title\\u0007'/);
  expectEnd(await victim.run(['verify'], { env: { APEX_EMBEDDER: evil } }), 78, /APEX_EMBEDDER is "--\\u001b/);
});
