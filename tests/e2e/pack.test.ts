import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { newFolder } from '../helpers/program.ts';

test('the packed tarball installs and runs by itself', { timeout: 180_000 }, async () => {
  const folder = newFolder('pack');
  const { stdout } = await execa('npm', ['pack', '--pack-destination', folder]);
  const tarball = join(folder, stdout.trim().split('\n').at(-1)!);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  await execa('npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', tarball], {
    cwd: folder,
  });
  writeFileSync(join(folder, 'note.txt'), 'Load number: LD-1234567 leaves on Monday.');
  const env = { APEX_HOME: join(folder, 'home'), NO_COLOR: '1' };
  const program = join(folder, 'node_modules', '.bin', 'apex');
  const ingested = await execa(process.execPath, [program, 'ingest', 'note.txt', '--json'], { cwd: folder, env });
  expect(JSON.parse(ingested.stdout.split('\n').at(-1)!)).toMatchObject({ event: 'summary', added: 1, exit_status: 0 });
});
