import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { postgres } from './postgres.ts';
import type { ServerProgram } from './start.ts';

const PROGRAM = '/usr/sbin/pgbouncer';

export function hasPgBouncer(): boolean {
  return existsSync(PROGRAM);
}

/** PgBouncer of Debian before a PostgreSQL, giving out few connections, each for one transaction. It refuses root. */
export function pgbouncer(serverUrl: string): ServerProgram {
  const { hostname, port: serverPort, username, password, pathname } = new URL(serverUrl);
  const database = pathname.slice(1);
  return {
    name: 'PgBouncer',
    uid: process.getuid?.() === 0 ? Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' })) : null,
    command: (folder, port) => {
      const path = join(folder, 'pgbouncer.ini');
      const settings = [
        '[databases]',
        `${database} = host=${hostname} port=${serverPort} dbname=${database} user=${username} password=${password}`,
        '[pgbouncer]',
        ...['listen_addr = 127.0.0.1', `listen_port = ${port}`, 'unix_socket_dir =', 'auth_type = any'],
        ...['pool_mode = transaction', 'default_pool_size = 3', 'max_client_conn = 100'],
      ];
      writeFileSync(path, settings.join('\n'));
      return [PROGRAM, path];
    },
    url: (port) => `postgres://${username}@127.0.0.1:${port}/${database}`,
    greet: (url) => postgres().greet(url),
  };
}
