import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeTextfile } from '../../../lib/metrics/index.ts';
import { newFolder } from '../../helpers/program.ts';

function textFolder(): string {
  const folder = newFolder('textfile');
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('the file is whole, readable by everybody whatever the mask says, and nothing else is left', () => {
  const folder = textFolder();
  const mask = process.umask(0o077);
  onTestFinished(() => {
    process.umask(mask);
  });
  writeTextfile(join(folder, 'apex.prom'), 'a 1\n');
  writeTextfile(join(folder, 'apex.prom'), 'a 2\n');
  expect(readFileSync(join(folder, 'apex.prom'), 'utf8')).toBe('a 2\n');
  expect(statSync(join(folder, 'apex.prom')).mode & 0o777).toBe(0o644);
  expect(readdirSync(folder)).toEqual(['apex.prom']);
});

test('a folder that is missing is not made, and the message says what to do', () => {
  const path = join(textFolder(), 'missing', 'apex.prom');
  expect(() => writeTextfile(path, 'a 1\n')).toThrow(
    /missing\/apex\.prom \(ENOENT\): make its folder.*APEX_METRICS_DIR/,
  );
});

test('a folder in the place of the file is told, and no part is left', () => {
  const folder = textFolder();
  mkdirSync(join(folder, 'apex.prom'));
  expect(() => writeTextfile(join(folder, 'apex.prom'), 'a 1\n')).toThrow(
    expect.objectContaining({ code: 'APEX_CONFIG' }),
  );
  expect(readdirSync(folder)).toEqual(['apex.prom']);
});

test.skipIf(process.getuid?.() === 0)('a folder that this user may not write is told', () => {
  const folder = textFolder();
  chmodSync(folder, 0o500);
  expect(() => writeTextfile(join(folder, 'apex.prom'), 'a')).toThrow(
    expect.objectContaining({ code: 'APEX_PERMISSION' }),
  );
});

test('a file in the place of its folder is told', () => {
  const folder = textFolder();
  writeFileSync(join(folder, 'file'), '');
  expect(() => writeTextfile(join(folder, 'file', 'apex.prom'), 'a')).toThrow(/ENOTDIR/);
});
