import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { defaultHome, inspectLayers, readLayers } from '../../../lib/settings/index.ts';
import { temporaryFolder } from '../../helpers/memory.ts';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

const write = (name: string, text: string | Buffer) => writeFileSync(join(folder, name), text);
const valuesOf = (origin: string) => {
  const layer = readLayers(folder).find((found) => found.origin === origin)!;
  return Object.fromEntries(layer.values);
};
const refusal = (message: RegExp, code = 'APEX_CONFIG') =>
  expect.objectContaining({ name: 'ConfigError', code, message: expect.stringMatching(message) });

test('the environment counts over .env, that over apex.config.json', () => {
  expect(readLayers(folder).map(({ origin }) => origin)).toEqual(['environment', '.env', 'apex.config.json']);
});

test('files that are not there hold nothing', () => {
  expect([valuesOf('.env'), valuesOf('apex.config.json')]).toEqual([{}, {}]);
});

test('the environment is read as it is', () => {
  vi.stubEnv('APEX_GROUP', 'a b=c');
  expect(valuesOf('environment')['APEX_GROUP']).toBe('a b=c');
  vi.unstubAllEnvs();
});

test('.env holds names with values, comments and quotes over several lines', () => {
  write('.env', '\ufeffA=1\n# why\n\n  export B = two # why\nC="x\ny"\r\nD=\'#\'\nALONE\nE=\nF.g-h=`i`');
  expect(valuesOf('.env')).toEqual({ A: '1', B: 'two', C: 'x\ny', D: '#', E: '', 'F.g-h': 'i' });
});

test.each([
  ['A=1\nAPEX_GROUP: x\n', 2],
  ['this is no setting', 1],
  ['A="x\ny"\n\n=1', 4],
  ['A=1\n{ "A": 1 }', 2],
  [Buffer.from('A=1', 'utf16le').toString('latin1'), 1],
])('a line of .env that sets nothing is refused: %j, line %i', (text, line) => {
  write('.env', text);
  expect(() => readLayers(folder)).toThrow(refusal(new RegExp(`\\.env line ${line} is no setting: write NAME=value$`)));
});

test('apex.config.json holds texts, numbers and booleans by name', () => {
  write('apex.config.json', '\ufeff{ "A": "x", "B": 2, "C": true }');
  expect(valuesOf('apex.config.json')).toEqual({ A: 'x', B: '2', C: 'true' });
});

test.each([
  ['{\n  "A": }', / is not valid JSON at line 2, column 8$/],
  ['', / is not valid JSON at line 1, column 1$/],
  ['[1]', / must hold one JSON object of settings$/],
  ['null', / must hold one JSON object of settings$/],
  ['{ "A": null }', / "A" must be a text or a number$/],
  ['{ "A": ["x"] }', / "A" must be a text or a number$/],
])('apex.config.json is refused with what is wrong: %j', (text, message) => {
  write('apex.config.json', text);
  expect(() => readLayers(folder)).toThrow(refusal(message));
});

test.each(['.env', 'apex.config.json'])('what is no file is not waited for: %s', (name) => {
  execFileSync('mkfifo', [join(folder, name)]);
  expect(() => readLayers(folder)).toThrow(refusal(/ is not a regular file$/));
});

test.each(['.env', 'apex.config.json'])('a folder of that name is something else: %s', (name) => {
  mkdirSync(join(folder, name));
  expect(valuesOf(name)).toEqual({});
});

test('a link to itself is refused', () => {
  symlinkSync('.env', join(folder, '.env'));
  expect(() => readLayers(folder)).toThrow(refusal(/ cannot be read \(ELOOP\)$/));
});

test('a file of settings that may not be read is refused: it could say where data lies', () => {
  if (process.geteuid?.() === 0) return console.log('root may read everything: the unreadable file is not tried');
  write('.env', 'A=1');
  chmodSync(join(folder, '.env'), 0);
  expect(() => readLayers(folder)).toThrow(refusal(/ cannot be read \(EACCES\)$/, 'APEX_PERMISSION'));
});

test('data lies where the platform keeps a user’s data', () => {
  vi.stubEnv('XDG_DATA_HOME', '/data');
  if (process.platform === 'linux') expect(defaultHome()).toBe('/data/apex');
  vi.unstubAllEnvs();
  expect(defaultHome()).toMatch(/apex$/);
});

test('a malformed file does not hide the others, nor what is right in it, and all that is wrong is said', () => {
  write('.env', 'A=1\nAPEX_GROUP: x\nB="two\nlines"\n!\nC=3');
  write('apex.config.json', '{ "D": 4, "E": null,\n "D": 5 }');
  const [, env, config] = inspectLayers(folder);
  expect(env!.problems.map(({ message }) => message)).toEqual([
    expect.stringMatching(/\.env line 2 is no setting/),
    expect.stringMatching(/\.env line 5 is no setting/),
  ]);
  expect([...env!.values.keys()]).toEqual(expect.arrayContaining(['A', 'B', 'C']));
  expect(env!.places.get('C')).toEqual({ name: { line: 6, column: null }, value: { line: 6, column: null } });
  expect(config!.problems.map(({ message }) => message)).toEqual([
    expect.stringMatching(/line 1, column 16: "E" must be a text or a number$/),
    expect.stringMatching(/line 2, column 2: "D" is there twice, first in line 1; keep one of them$/),
  ]);
  expect(config!.values).toEqual(new Map([['D', '5']]));
  expect(config!.places.get('D')).toEqual({ name: { line: 2, column: 2 }, value: { line: 2, column: 7 } });
});

test('a file that cannot be read at all is one problem', () => {
  symlinkSync('apex.config.json', join(folder, 'apex.config.json'));
  expect(inspectLayers(folder).flatMap(({ problems }) => problems.map(({ message }) => message))).toEqual([
    expect.stringMatching(/apex\.config\.json cannot be read \(ELOOP\)$/),
  ]);
});
