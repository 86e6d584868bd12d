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
    run(projectNode(), [join(root, 'scripts', 'build.mjs')]);
  }
}

/** The registry is asked twice more, soon: who is off line wants to know now, not in a minute. */
const FETCH = ['--fetch-retries=2', '--fetch-retry-mintimeout=500', '--fetch-retry-maxtimeout=3000'];

function install(lock) {
  console.log('Installing the locked packages …');
  const { status, stderr, error } = spawnSync(
    'npm',
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', ...FETCH],
    { cwd: root, stdio: ['ignore', 'inherit', 'pipe'], encoding: 'utf8' },
  );
  if (status !== 0) {
    console.error(installFailure(error === undefined ? stderr : `npm error ${error.message}`));
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

/** What npm means when nobody answers. */
const NO_ANSWER = ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'ENETUNREACH', 'EHOSTUNREACH'];

/** One sentence for what npm says in forty lines. */
function installFailure(said) {
  const code = NO_ANSWER.find((name) => said.includes(name));
  if (code !== undefined) {
    return `The packages cannot be installed: the npm registry does not answer (${code}) and the npm cache does not hold them; connect once, then run this again.`;
  }
  const reasons = said
    .split('\n')
    .map((line) => line.replace(/^npm (?:error|ERR!) ?/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('A complete log') && !line.startsWith('code '));
  return `The packages cannot be installed: npm ci says "${reasons[0] ?? 'nothing'}"; run npm ci to see all of it.`;
}

function isBuildStale() {
  const built = join(root, 'dist', 'main.js');
  if (!existsSync(built)) return true;
  const builtMs = statSync(built).mtimeMs;
  return ['commands', 'src', 'lib', 'scripts/build.mjs', 'package-lock.json'].some(
    (name) => newestMs(join(root, name)) > builtMs,
  );
}

function newestMs(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}
