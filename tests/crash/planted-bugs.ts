// `npm run planted`: plants each bug of the list in a copy of the sources and demands that the test that must notice it fails,
// by an assertion. Before that the same tests must pass in the copy as it is.
//
//   npm run planted -- --only pivot
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { BUGS_TO_PLANT } from './bugs-to-plant.ts';
import { CAUGHT, type TestResult, titlePattern, verdictOf } from './verdict.ts';

type Bug = (typeof BUGS_TO_PLANT)[number];

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const bugs = BUGS_TO_PLANT.filter(({ name }) => name.includes(values.only));
if (bugs.length === 0) throw new Error(`no bug has ${values.only} in its name`);
const folder = copySources();
try {
  await demandThatAllPass();
  const rows: (readonly [string, string, string])[] = [];
  for (const bug of bugs) {
    const verdict = await verdictOn(bug);
    rows.push([bug.name, `${bug.caughtBy.file}: ${bug.caughtBy.title}`, verdict]);
    console.log(rows.at(-1)!.join(' → '));
  }
  const missed = rows.filter(([, , verdict]) => verdict !== CAUGHT);
  console.log(`${rows.length - missed.length} of ${rows.length} planted bugs are caught`);
  process.exitCode = missed.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** What the named tests need, in a folder of its own, with the same packages. */
function copySources(): string {
  const copy = mkdtempSync(join(tmpdir(), 'apex-planted-'));
  for (const name of ['lib', 'src', 'tests', 'fixtures', 'package.json', 'tsconfig.json'])
    cpSync(name, join(copy, name), { recursive: true });
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
  const settings = { cacheDir: join(copy, 'cache'), test: { include: ['tests/**/*.test.ts'], testTimeout: 60_000 } };
  writeFileSync(join(copy, 'vitest.config.ts'), `export default ${JSON.stringify(settings)};`);
  return copy;
}

async function demandThatAllPass(): Promise<void> {
  const results = await runTests([...new Set(bugs.map(({ caughtBy }) => caughtBy.file))], null);
  for (const bug of bugs) {
    const named = results.filter(({ fullName }) => titlePattern(bug.caughtBy).test(fullName));
    if (named.length > 0 && named.every(({ status }) => status === 'passed')) continue;
    throw new Error(`without the bug its test does not pass: ${bug.caughtBy.file}: ${bug.caughtBy.title}`);
  }
}

/** Plants the bug, runs the tests that must notice it, and takes the bug out again. */
async function verdictOn({ file, replace: [from, to], caughtBy }: Bug): Promise<string> {
  const path = join(folder, file);
  const right = readFileSync(path, 'utf8');
  const parts = right.split(from);
  if (parts.length !== 2) return `NOT PLANTED: the text stands ${parts.length - 1} times in ${file}`;
  writeFileSync(path, parts.join(to));
  try {
    return verdictOf(await runTests([caughtBy.file], titlePattern(caughtBy)), caughtBy);
  } finally {
    writeFileSync(path, right);
  }
}

/** Runs test files of the copy, only what the pattern names when there is one. */
async function runTests(files: readonly string[], pattern: RegExp | null): Promise<readonly TestResult[]> {
  const report = join(folder, 'report.json');
  rmSync(report, { force: true });
  const named = pattern === null ? [] : ['-t', pattern.source];
  const args = ['run', ...files, ...named, '--reporter=json', `--outputFile=${report}`];
  const { all } = await execa(process.execPath, ['node_modules/vitest/vitest.mjs', ...args], {
    ...{ cwd: folder, reject: false, all: true },
  });
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
      testResults: { assertionResults: TestResult[] }[];
    };
    return testResults.flatMap(({ assertionResults }) => assertionResults);
  } catch (cause) {
    throw new Error(`the tests did not run: ${all}`, { cause });
  }
}
