import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { serverCache } from '../servers/start.ts';

/**
 * The path of Prometheus' own checker: what is installed, else unpacked from Debian's package, whose service is thereby never
 * started. Null, and said, where neither can be; in CI that fails.
 */
export async function findPromtool(): Promise<string | null> {
  if (existsSync('/usr/bin/promtool')) return '/usr/bin/promtool';
  const folder = serverCache('prometheus');
  const promtool = join(folder, 'usr', 'bin', 'promtool');
  try {
    if (!existsSync(promtool)) await unpack(folder);
    return promtool;
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    console.log(`promtool is missing and cannot be fetched, so not tried: ${String(error).split('\n')[0]}`);
    return null;
  }
}

async function unpack(folder: string): Promise<void> {
  const download = () => execa('apt-get', ['download', 'prometheus'], { cwd: folder });
  await download().catch(async () => {
    await execa('apt-get', ['update']);
    await download();
  });
  const file = readdirSync(folder).find((name) => name.endsWith('.deb'))!;
  await execa('dpkg-deb', ['-x', file, '.'], { cwd: folder });
}
