// Brings a fresh clone to where `npm test` and `npm run quickstart` can run: installs what the lockfile says, then builds.
// Plain JavaScript without dependencies, because nothing is installed yet and Node may be older than the project's own.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = join(root, 'node_modules', '.bin', 'node');
const stamp = join(root, 'node_modules', '.apex-lockfile');

/** The Node that the project runs on: its own where it is installed, else this one. */
export function projectNode() {
  return existsSync(node) ? node : process.execPath;
}

/** Runs a program in the project's folder with its output shown; ends this process when it fails. */
export function run(command, args, env = {}) {
  const path = `${join(root, 'node_modules', '.bin')}:${process.env.PATH}`;
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: path, ...env },
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** Installs the locked packages when they are not there, and builds when the build is older than its sources. */
export function setUp() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) install(lock);
  if (isBuildStale()) {
    console.log('Building …');
    run(projectNode(), [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
  }
}

function install(lock) {
  console.log('Installing the locked packages …');
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) {
    console.error(
      'The packages could not be installed: apex needs the npm registry, or a warm npm cache, the first time.',
    );
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

function isBuildStale() {
  const built = join(root, 'dist', 'commands', 'main.js');
  if (!existsSync(built)) return true;
  const builtMs = statSync(built).mtimeMs;
  return ['commands', 'src', 'lib', 'tsconfig.json', 'tsconfig.build.json'].some(
    (name) => newestMs(join(root, name)) > builtMs,
  );
}

function newestMs(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}
