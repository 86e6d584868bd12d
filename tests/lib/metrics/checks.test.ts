import { chmodSync, chownSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadChecks } from '../../../lib/metrics/index.ts';
import { newFolder } from '../../helpers/program.ts';

const never = new AbortController().signal;

function textFolder(mode: number): string {
  const folder = newFolder('metrics-check');
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, mode);
  return folder;
}

async function check(folder: string) {
  const { textfileCheck } = await loadChecks();
  return textfileCheck(join(folder, 'apex.prom')).run(never);
}

test.each([
  [0o755, 'ok', /apex\.prom can be written$/],
  [0o750, 'ok', /can be written$/],
  [0o1777, 'ok', /can be written$/],
  [0o777, 'warning', /^every user may change what is in /],
  [0o700, 'warning', /^only its owner can read .*: whoever collects cannot$/],
] as const)('a folder of mode %o', async (mode, level, found) => {
  expect(await check(textFolder(mode))).toMatchObject({ level, found: expect.stringMatching(found) });
});

test.skipIf(process.getuid?.() !== 0)('a folder of another user, who may change what is left there', async () => {
  const folder = textFolder(0o755);
  chownSync(folder, 65_534, 65_534);
  expect(await check(folder)).toMatchObject({
    level: 'warning',
    found: `${folder} belongs to another user (65534), who may change what is left there`,
  });
});

test('a folder that is missing, and a file in its place, even one that can be executed', async () => {
  const folder = textFolder(0o755);
  await expect(check(join(folder, 'missing'))).rejects.toMatchObject({ code: 'APEX_CONFIG' });
  writeFileSync(join(folder, 'file'), '', { mode: 0o755 });
  await expect(check(join(folder, 'file'))).rejects.toThrow(/ENOTDIR/);
});

test.skipIf(process.getuid?.() === 0)('a folder that this user may not write', async () => {
  await expect(check(textFolder(0o555))).rejects.toMatchObject({ code: 'APEX_PERMISSION' });
});
