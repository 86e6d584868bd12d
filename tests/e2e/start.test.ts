import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { readyHelp } from '../../commands/help.ts';
import { createProgram } from '../../commands/program.ts';

/**
 * Goal: what only tells something starts quickly, without a clock in a test. Method: the built program names every module that it
 * loads; loading them is nearly all the time that it takes.
 */

const LOGGER = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ load: (url, context, next) => { process.stderr.write(url + '\\n'); return next(url, context); } });
`)}`;

/** Runs the program. @returns what it printed, and the packages it loaded. */
async function start(...args: readonly string[]) {
  const { stdout, stderr, exitCode } = await execa(
    process.execPath,
    ['--import', LOGGER, resolve('bin/apex.js'), ...args],
    { reject: false },
  );
  const loaded = stderr.split('\n').filter((line) => line.startsWith('file:'));
  expect(loaded.some((url) => url.endsWith('/dist/main.js'))).toBe(true);
  const packages = loaded.flatMap((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
  return { stdout, exitCode, packages: [...new Set(packages)], sources: loaded.flatMap(sourcesIn) };
}

/** The sources that the build put into a file, `lib/contracts/feed.ts`: it names each where it begins. */
function sourcesIn(url: string): string[] {
  if (!url.includes('/dist/')) return [];
  const text = readFileSync(new URL(url), 'utf8');
  return [...text.matchAll(/^\/\/ ((?:commands|src|lib)\/\S+\.ts)$/gm)].map(([, source]) => source!);
}

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

test.each(['--version', '-V'])('%s tells the version and loads no package', async (flag) => {
  expect(await start(flag)).toMatchObject({ stdout: version, exitCode: 0, packages: [] });
});

test('a report that cannot be made ends the process with 70, and does not go round and round', async () => {
  const gone = `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module';
    registerHooks({ load(url, context, next) {
      if (/\\/dist\\/failure-[^/]+$/.test(url)) throw new Error('gone');
      return next(url, context);
    } });
  `)}`;
  const args = ['--import', gone, resolve('bin/apex.js'), 'ingest', '--no-such-flag'];
  const ended = await execa(process.execPath, args, { reject: false, timeout: 20_000 });
  expect([ended.exitCode, ended.timedOut]).toEqual([70, false]);
});

test('the version is told among other arguments too', async () => {
  expect(await start('--version', '--help')).toMatchObject({ stdout: version, exitCode: 0 });
});

test.each(['--help', '-h', 'help'])(
  '%s alone loads no package, and shows what the command tree would',
  async (flag) => {
    const { stdout, exitCode, packages } = await start(flag);
    expect({ exitCode, packages }).toEqual({ exitCode: 0, packages: [] });
    // Another argument takes the long way.
    expect(await start('--help', '--help')).toMatchObject({ stdout, exitCode: 0, packages: ['commander'] });
  },
);

test('the help that is kept ready is the one of the command tree, on every width that it is kept for', () => {
  const shown = (columns: number) => {
    let text = '';
    const program = createProgram();
    program.configureOutput({
      writeOut: (part) => {
        text += part;
      },
      getOutHelpWidth: () => columns,
    });
    program.outputHelp();
    return text;
  };
  for (let columns = 20; columns <= 200; columns += 1) expect([shown(columns), null]).toContain(readyHelp(columns));
  for (const columns of [80, 160, 200]) expect(readyHelp(columns)).not.toBeNull();
});

/** What shows figures and runs to people uses these, and they use nothing. */
const LEAVES = ['src/pipeline/money.ts', 'src/journal/story.ts'];

test.each(['--help --help', 'ingest --help'])('%s loads no package but the one that reads flags', async (line) => {
  const { stdout, exitCode, packages, sources } = await start(...line.split(' '));
  expect({ exitCode, packages }).toEqual({ exitCode: 0, packages: ['commander'] });
  expect(stdout).toContain('Usage: apex');
  expect(sources).toContain('commands/program.ts');
  const machine = sources.filter((source) => /^(?:src|lib\/(?!contracts\/|sources\/index))/.test(source));
  expect(machine.filter((source) => !LEAVES.includes(source))).toEqual([]);
});
