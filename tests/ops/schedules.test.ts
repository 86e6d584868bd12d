import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { createProgram } from '../../commands/program.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { newFolder } from '../helpers/program.ts';

/** Goal: what the examples of schedules say can be copied. Method: systemd's own checker, a parser of crontabs, and the command tree for every command in them. */

const UNITS = globSync('ops/systemd/*.{service,timer}').sort();
const hasSystemd = existsSync('/usr/bin/systemd-analyze');

/** The units in a folder of their own, with a program that is there in the place of apex. */
function installedUnits(change: (text: string) => string = (text) => text): string[] {
  const folder = newFolder('units');
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(folder, { recursive: true });
  return UNITS.map((path) => {
    const installed = join(folder, basename(path));
    writeFileSync(installed, change(readFileSync(path, 'utf8').replaceAll('/usr/local/bin/apex', '/bin/true')));
    return installed;
  });
}

const verify = (units: readonly string[]) =>
  execa('systemd-analyze', ['verify', '--man=no', ...units], { reject: false });

test.skipIf(!hasSystemd)('systemd has nothing to say against the units', async () => {
  const { exitCode, stderr } = await verify(installedUnits());
  expect([exitCode, stderr]).toEqual([0, '']);
});

test.skipIf(!hasSystemd).each([
  ['a time that is none', 'OnCalendar=*:0/5', 'OnCalendar=*:0/x5'],
  ['a key that is none', 'Type=oneshot', 'Typo=oneshot'],
])('systemd would say something against %s', async (_, from, to) => {
  const { stderr } = await verify(installedUnits((text) => text.replace(from, to)));
  expect(stderr).not.toBe('');
});

test('every timer starts a service that is there, and every service has a timer', () => {
  const services = UNITS.filter((path) => path.endsWith('.service')).map((path) => basename(path));
  const started = UNITS.filter((path) => path.endsWith('.timer')).map(
    (path) => /^Unit=(.+)$/m.exec(readFileSync(path, 'utf8'))?.[1],
  );
  expect(started).toEqual(services);
});

/** Lowest and highest value of the five fields of a line. Source: the manual page crontab(5). */
const FIELDS = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

/** What is wrong with a field of a line's time; null when nothing is. */
function wrongField(field: string, [low, high]: readonly [number, number]): string | null {
  for (const part of field.split(',')) {
    const [, range = '', , from, , to, , step] = /^(\*|((\d+)(-(\d+))?))(\/(\d+))?$/.exec(part) ?? [];
    const numbers = [from, to].filter((text) => text !== undefined).map(Number);
    const isIn =
      numbers.every((number) => number >= low && number <= high) && (numbers[1] ?? high) >= (numbers[0] ?? low);
    if (range === '' || !isIn || (step !== undefined && (Number(step) < 1 || (range !== '*' && to === undefined))))
      return part;
  }
  return null;
}

/** The commands of a crontab; a line is a comment, a variable, or five fields and a command. @throws Error for any other. */
function commandsOf(crontab: string): string[] {
  if (!crontab.endsWith('\n')) throw new Error('cron ignores a last line without an end');
  return crontab.split('\n').flatMap((line) => {
    if (/^\s*(?:#|$)/.test(line) || /^[A-Z_]+=\S+$/.test(line)) return [];
    const [, times = '', command = ''] = /^((?:\S+\s+){5})(\S.*)$/.exec(line) ?? [];
    const wrong = FIELDS.map((bounds, index) => wrongField(times.trim().split(/\s+/)[index] ?? '', bounds));
    const [bad] = wrong.filter((part) => part !== null);
    if (command === '' || bad !== undefined) throw new Error(`no line of a crontab: ${line}`);
    // A bare percent sign ends the command.
    if (/(?<!\\)%/.test(command)) throw new Error(`an unescaped % in: ${line}`);
    return [command];
  });
}

/** What is wrong with a command line of apex; null when nothing is. */
function wrongCommand(line: string): string | null {
  const [program, ...words] = line.replace(/ *(?:\d?>>?|\|\||&&|;|\|).*$/, '').split(/\s+/);
  if (program !== 'apex' && program !== '/usr/local/bin/apex') return `not apex: ${line}`;
  const root = createProgram();
  const flags = words.filter((word) => word.startsWith('--'));
  const names = words.filter((word) => !word.startsWith('--'));
  const command = root.commands.find((one) => one.name() === names[0]);
  if (command === undefined) return `no such command: ${names[0]}`;
  const known = new Set([...root.options, ...command.options].map(({ long }) => long));
  const unknown = flags.find((flag) => !known.has(flag));
  return unknown === undefined ? null : `apex ${names[0]} has no ${unknown}`;
}

/** The lines of the README that go into a crontab. */
function readmeCrontab(): string {
  const [, block = ''] = /## From cron\n+```\n([\s\S]*?)```/.exec(readFileSync('README.md', 'utf8')) ?? [];
  return block;
}

test.each([
  ['the example of a crontab', () => readFileSync('ops/crontab', 'utf8')],
  ['the crontab of the README', readmeCrontab],
])('%s holds commands that there are, at times that there are', (_, read) => {
  const commands = commandsOf(read()).map((command) => command.replace(/^(?:[A-Z_]+=\S+ )+/, ''));
  expect(commands.length).toBeGreaterThan(3);
  expect(commands.map(wrongCommand).filter((problem) => problem !== null)).toEqual([]);
  const said = commands.join('\n');
  expect(said).toContain('--sync');
  expect(said).toContain('cleanup --if-due');
});

test('the services run commands that there are', () => {
  const lines = UNITS.flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^ExecStart=(.+)$/gm)].map(([, line]) => line!),
  );
  expect(lines).toHaveLength(2);
  expect(lines.map(wrongCommand)).toEqual([null, null]);
});

test('the variables in the examples are settings', () => {
  const names = new Set<string>(Object.values(SETTINGS).map(({ name }) => name));
  const used = ['ops/crontab', ...UNITS].flatMap(
    (path) => readFileSync(path, 'utf8').match(/\b(?:APEX|STAGING)_[A-Z_]+/g) ?? [],
  );
  expect(used.length).toBeGreaterThan(4);
  expect(used.filter((name) => !names.has(name))).toEqual([]);
});

test.each([
  '60 * * * * apex verify\n',
  '* * * * apex verify\n',
  '*/0 * * * * apex verify\n',
  '5-1 * * * * apex verify\n',
  '* * * * * date +%H\n',
  '* * * * * x',
])('a crontab with %j is refused', (crontab) => {
  expect(() => commandsOf(crontab)).toThrow();
});

test.each(['apex verfy', 'apex ingest --synch /srv/scans', 'apexx verify'])('%s is no command', (line) => {
  expect(wrongCommand(line)).not.toBeNull();
});
