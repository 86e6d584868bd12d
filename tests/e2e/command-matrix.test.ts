import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createProgram } from '../../commands/program.ts';
import { workThrough } from '../../src/pipeline/bounded.ts';
import { canMount, expectEnd, openSmallDisk, openVictim, type Victim } from '../helpers/bad-input.ts';
import { apex } from '../helpers/program.ts';

/**
 * Goal: every command says one clear thing, whatever state the data directory is in, and harms nothing. Method: a row for each command
 * with the statuses that it may end with in each state; a command of the program that has no row fails, so that new ones get one.
 */

/** Ids that arguments are made of. */
interface Known {
  readonly documents: string;
  readonly documentId: string;
  readonly runId: string;
}

/** States of a data directory. */
type State = 'absent' | 'empty' | 'read-only' | 'in use' | 'damaged' | 'newer format';

/** The statuses that a command may end with; the first stands for what it should be. */
type Statuses = { readonly [state in State]: readonly number[] };

/** Reads the memory and finds nothing in a new one. */
const READS: Statuses = {
  ...{ absent: [0], empty: [0], 'read-only': [77], 'in use': [0], damaged: [74], 'newer format': [78] },
};
/** As it, for one document or run that a new memory does not have. */
const READS_ONE: Statuses = { ...READS, absent: [2], empty: [2] };
/** Looks at staging, or at what was counted, only: whatever state the memory is in. */
const IS_STAGING: Statuses = {
  ...{ absent: [0], empty: [0], 'read-only': [77], 'in use': [0], damaged: [0], 'newer format': [0] },
};
/** Looks at nothing of the memory. */
const IS_APART: Statuses = {
  ...{ absent: [0], empty: [0], 'read-only': [0], 'in use': [0], damaged: [0], 'newer format': [0] },
};

interface Row {
  readonly args: (known: Known) => readonly string[];
  readonly statuses: Statuses;
  /** Must leave no data directory where there was none. */
  readonly isTraceless?: true;
}

const RECORDS = ['--source', 'turvo', resolve('fixtures', 'records', 'turvo', 'shipment.json')];

/** Every command as it is typed, and what it may end with. */
const ROWS: { readonly [line: string]: Row } = {
  ingest: { args: ({ documents }) => [documents], statuses: READS },
  'ingest --sync': { args: ({ documents }) => [documents], statuses: READS },
  'ingest --dry-run': {
    args: ({ documents }) => [documents],
    statuses: { ...READS, 'read-only': [0, 77] },
    isTraceless: true,
  },
  'ingest-json': { args: () => RECORDS, statuses: READS },
  'ingest-json --dry-run': { args: () => RECORDS, statuses: { ...READS, 'read-only': [0, 77] }, isTraceless: true },
  'records list': { args: () => ['--rejected'], statuses: READS },
  'records retry': { args: () => [], statuses: READS },
  show: { args: () => ['turvo:shipment:nobody-has-this-id'], statuses: { ...READS_ONE, 'in use': [2] } },
  resume: { args: () => [], statuses: READS },
  rollback: { args: ({ runId }) => [runId], statuses: { ...READS_ONE, 'in use': [75] } },
  retry: { args: ({ documentId }) => [documentId], statuses: { ...READS_ONE, 'in use': [2] } },
  'retry --all': { args: () => [], statuses: READS },
  verify: { args: () => [], statuses: READS },
  'verify --repair': { args: () => [], statuses: READS },
  search: { args: () => ['dock'], statuses: READS },
  'documents list': { args: () => [], statuses: READS },
  'documents list --quarantined': { args: () => [], statuses: READS },
  'documents show': { args: ({ documentId }) => [documentId], statuses: READS_ONE },
  delete: { args: () => ['nothing-has-this-id'], statuses: { ...READS_ONE, 'in use': [2] } },
  'runs list': { args: () => [], statuses: READS },
  'runs show': { args: ({ runId }) => [runId], statuses: READS_ONE },
  status: { args: ({ documentId }) => [documentId], statuses: READS_ONE },
  trace: { args: ({ documentId }) => [documentId], statuses: READS_ONE },
  cleanup: { args: () => [], statuses: READS },
  'ingest --staged': { args: () => [], statuses: READS },
  'ingest --staged --dry-run': { args: () => [], statuses: { ...READS, 'read-only': [0, 77] }, isTraceless: true },
  'ingest-json --source samsara --staged': { args: () => [], statuses: READS },
  stage: { args: ({ documents }) => [documents], statuses: IS_STAGING },
  metrics: { args: () => [], statuses: IS_STAGING },
  stats: { args: () => [], statuses: IS_STAGING },
  'staging stats': { args: () => [], statuses: IS_STAGING },
  'staging list': { args: () => [], statuses: IS_STAGING },
  'staging show': {
    args: () => ['nothing-has-this-id'],
    statuses: { ...{ absent: [2], empty: [2], 'read-only': [77], 'in use': [2], damaged: [2], 'newer format': [2] } },
  },
  'staging remove': {
    args: () => ['nothing-has-this-id'],
    statuses: { ...{ absent: [2], empty: [2], 'read-only': [77], 'in use': [2], damaged: [2], 'newer format': [2] } },
  },
  'staging cleanup': { args: () => [], statuses: READS },
  reconcile: { args: () => [], statuses: READS },
  // The read-only disk has little room, which is found as well.
  doctor: { args: () => [], statuses: { ...READS, 'read-only': [77, 75] }, isTraceless: true },
  config: { args: () => [], statuses: IS_APART, isTraceless: true },
  completion: { args: () => ['bash'], statuses: IS_APART, isTraceless: true },
};

/** What apex starts itself and nobody types. */
const NOT_FOR_PEOPLE: readonly string[] = ['prepare-alone'];

/** The names of all commands that do something. */
function commandLines(command: Command, path: readonly string[] = []): string[] {
  if (command.commands.length === 0) return [path.join(' ')];
  return command.commands.flatMap((child) => commandLines(child, [...path, child.name()]));
}

test('every command of the program has a row, and every row is of a command', () => {
  const commands = commandLines(createProgram()).filter((line) => !NOT_FOR_PEOPLE.includes(line));
  const named = new Set(Object.keys(ROWS).map((line) => line.replace(/ --.*$/, '')));
  expect([...named].sort()).toEqual([...commands].sort());
});

/** Two commands at a time: what takes the time is starting them. */
const AT_ONCE = 2;

/** Types every command, each over the data directory that is given for it, and looks at how it ends. */
async function typeAll(
  victim: Victim,
  state: State,
  homeOf: (line: string) => string,
  after: (line: string, row: Row) => void = () => {},
): Promise<void> {
  const known = knownOf(victim);
  const wrong: string[] = [];
  await workThrough(Object.entries(ROWS), AT_ONCE, async ([line, row]) => {
    const ended = await victim.run([...line.split(' '), ...row.args(known)], { env: { APEX_HOME: homeOf(line) } });
    const statuses = row.statuses[state];
    if (!statuses.includes(ended.exitCode ?? -1))
      wrong.push(`${line}: ${ended.exitCode}, not ${statuses}: ${ended.stdout}${ended.stderr}`);
    else expectEnd(ended, ended.exitCode!);
    if (ended.exitCode !== 0 && ended.exitCode !== 3 && `${ended.stdout}${ended.stderr}`.trim() === '')
      wrong.push(`${line} says nothing`);
    after(line, row);
  });
  expect(wrong).toEqual([]);
}

function knownOf({ home, root }: Victim): Known {
  const read = (file: string, sql: string) => {
    const db = new Database(join(home, file), { readonly: true });
    try {
      return String(db.prepare(sql).pluck().get());
    } finally {
      db.close();
    }
  };
  return {
    documents: join(root, 'before'),
    documentId: read('memory.db', "SELECT document_id FROM version WHERE state = 'current'"),
    runId: read('registry.db', 'SELECT run_id FROM run ORDER BY started_at DESC'),
  };
}

test('without a data directory every command does what can be done, and what needs none makes none', async () => {
  const victim = await openVictim();
  const homeOf = (line: string) => join(victim.root, 'absent', line.replaceAll(' ', '_'));
  await typeAll(victim, 'absent', homeOf, (line, { isTraceless = false }) => {
    if (isTraceless) expect(existsSync(homeOf(line)), `${line} makes a data directory`).toBe(false);
  });
  await victim.assertUnharmed();
});

test('in an empty data directory every command does what can be done', async () => {
  const victim = await openVictim();
  const homeOf = (line: string) => {
    const home = join(victim.root, 'empty', line.replaceAll(' ', '_'));
    mkdirSync(home, { recursive: true, mode: 0o700 });
    return home;
  };
  await typeAll(victim, 'empty', homeOf);
  await victim.assertUnharmed();
});

test.skipIf(!(await canMount()))('in a data directory that is read-only every command says so', async () => {
  const victim = await openVictim();
  const disk = await openSmallDisk(join(victim.root, 'disk'));
  const home = join(disk.path, 'home');
  cpSync(victim.home, home, { recursive: true });
  await disk.remount('ro');
  await typeAll(victim, 'read-only', () => home);
  await disk.remount('rw');
  expectEnd(await apex(['verify'], { home }), 0, /no difference/);
  await victim.assertUnharmed();
});

test('beside an ingest that is at work every command does its own, and the ingest comes to its end', async () => {
  const victim = await openVictim();
  // It waits for the end of its standard input.
  const ingest = spawn(process.execPath, [resolve('bin/apex.js'), 'ingest', '-', '--id', 'typed'], {
    env: { ...process.env, APEX_HOME: victim.home },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  try {
    ingest.stdin.write('Gate seven opens at noon.');
    await isAtWork(victim.home);
    await typeAll(victim, 'in use', () => victim.home);
  } finally {
    ingest.stdin.end();
  }
  const [exitCode] = await once(ingest, 'exit');
  expect(exitCode).toBe(0);
  expectEnd(await victim.run(['search', 'gate seven']), 0, 'Gate seven opens at noon.');
  await victim.assertUnharmed();
});

/** Resolves when a second run is listed. */
async function isAtWork(home: string): Promise<void> {
  for (let runs = 0; runs < 2; ) {
    const { lines } = await apex(['runs', 'list', '--json'], { home });
    runs = lines.length;
  }
}

/** Ways in which a memory is not one any more, and what every command that needs it ends with. */
const DAMAGES: readonly [name: string, state: State, damage: (path: string) => void][] = [
  ['cut short', 'damaged', (path) => truncateSync(path, 10_000)],
  ['cut to its first page', 'damaged', (path) => truncateSync(path, 4_096)],
  ['something else', 'damaged', (path) => writeFileSync(path, 'This is no database. '.repeat(500))],
  ['of a newer format', 'newer format', setNewerFormat],
];

function setNewerFormat(path: string): void {
  const db = new Database(path);
  db.pragma('user_version = 99');
  db.close();
}

test.each(DAMAGES)(
  'with a memory.db that is %s every command says so, and leaves it as it is',
  async (_, state, damage) => {
    const victim = await openVictim();
    const path = join(victim.home, 'memory.db');
    const whole = readFileSync(path);
    const copy = join(victim.root, 'copy');
    cpSync(victim.home, copy, { recursive: true });
    damage(path);
    const damaged = readFileSync(path);
    await typeAll({ ...victim, home: copy }, state, () => victim.home);
    expect(readFileSync(path).equals(damaged), 'it was not touched').toBe(true);
    for (const ending of ['-wal', '-shm']) rmSync(path + ending, { force: true });
    writeFileSync(path, whole);
    await victim.assertUnharmed();
  },
);
