import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { hasPgBouncer } from './pgbouncer.ts';
import { newestPrograms } from './postgres.ts';

/** Installs PostgreSQL with its pooler, Redis, and what the other servers run on, from Debian's packages where they are missing and this user may. What is still missing then is told when it is started. */
export function installServers(): void {
  const packages = [
    ...(newestPrograms() === null ? ['postgresql'] : []),
    ...(hasPgBouncer() ? [] : ['pgbouncer']),
    ...(existsSync('/usr/bin/redis-server') ? [] : ['redis-server']),
    // A Java without its compiler does not run `Server.java`.
    ...(existsSync('/usr/bin/javac') ? [] : ['default-jdk-headless']),
    ...(existsSync('/usr/bin/openssl') ? [] : ['openssl']),
    ...(existsSync('/usr/bin/mvn') ? [] : ['maven']),
    ...(hasPythonWithPackages() ? [] : ['python3-venv']),
  ];
  if (packages.length === 0 || !existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) return;
  console.log(`installing ${packages.join(', ')} with apt-get`);
  const options = { stdio: 'pipe', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
  try {
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...packages], options);
  } catch {
    execFileSync('apt-get', ['update'], options);
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...packages], options);
  }
}

/** Whether Python is there and can install packages into a folder: Debian's own comes without that. */
function hasPythonWithPackages(): boolean {
  try {
    execFileSync('python3', ['-c', 'import ensurepip, venv'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
