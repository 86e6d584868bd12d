import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import pg from 'pg';
import type { ServerProgram } from './start.ts';

const VERSIONS = '/usr/lib/postgresql';
const PASSWORD = 'password-of-the-tests';

/** PostgreSQL of Debian. It refuses root: then it runs as the user that its package made. */
export function postgres(): ServerProgram {
  const programs = newestPrograms();
  if (programs === null) throw new Error('PostgreSQL is not installed');
  const uid = process.getuid?.() === 0 ? Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' })) : null;
  return {
    name: 'PostgreSQL',
    uid,
    prepare: async (folder) => {
      const passwordFile = join(folder, 'password');
      writeFileSync(passwordFile, PASSWORD);
      const args = ['-D', join(folder, 'data'), '-U', 'apex', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
      const identity = uid === null ? {} : { uid };
      await execa(join(programs, 'initdb'), [...args, '-N', '-E', 'UTF8', '--locale=C.UTF-8'], {
        ...identity,
        cwd: folder,
      });
    },
    command: (folder, port) => [
      join(programs, 'postgres'),
      ...['-D', join(folder, 'data'), '-p', String(port), '-h', '127.0.0.1', '-k', folder],
      // A killed server loses nothing by this, and no test cuts the power.
      ...['-c', 'fsync=off', '-c', 'max_connections=200', '-c', 'shared_buffers=64MB'],
    ],
    url: (port) => `postgres://apex:${PASSWORD}@127.0.0.1:${port}/postgres`,
    greet: async (url) => {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
      client.on('error', () => {});
      await client.connect();
      await client.end();
    },
  };
}

/** Where the newest version's programs are, or null. */
export function newestPrograms(): string | null {
  if (!existsSync(VERSIONS)) return null;
  const versions = readdirSync(VERSIONS).filter((version) => existsSync(join(VERSIONS, version, 'bin', 'postgres')));
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? null : join(VERSIONS, newest, 'bin');
}
