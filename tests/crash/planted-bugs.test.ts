import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { BUGS_TO_PLANT } from './bugs-to-plant.ts';
import { CAUGHT, type TestResult, titlePattern, verdictOf } from './verdict.ts';

/**
 * Goal: the list of bugs keeps up with the sources, so that `npm run planted` can be run at any time. Method: each text that is
 * replaced, and each title, is looked for where the list says it stands.
 */

test.each(BUGS_TO_PLANT)('can be planted: $name', ({ file, replace: [from, to], caughtBy }) => {
  expect(readFileSync(file, 'utf8').split(from)).toHaveLength(2);
  expect(to).not.toBe(from);
  expect(withContracts(caughtBy.file)).toContain(`'${caughtBy.title}'`);
});

test('no bug is listed twice', () => {
  expect(new Set(BUGS_TO_PLANT.map(({ name }) => name)).size).toBe(BUGS_TO_PLANT.length);
  expect(new Set(BUGS_TO_PLANT.map(({ file, replace }) => JSON.stringify([file, replace]))).size).toBe(
    BUGS_TO_PLANT.length,
  );
});

test('a title names its own tests and no others', () => {
  const all = titlePattern({ title: 'of the %s (both) fails' });
  const names = ['a discard of the graph (both) fails', 'of the graph both fails', 'of the graph (both) fails twice'];
  expect(names.map((name) => all.test(name))).toEqual([true, false, false]);
  const one = titlePattern({ title: '%s: fails', row: 'graph' });
  expect(['x graph: fails', 'x records: fails'].map((name) => one.test(name))).toEqual([true, false]);
});

test('only an assertion that does not hold catches a bug, and each that was named must not hold', () => {
  const result = (status: string, ...failureMessages: string[]): TestResult => ({
    fullName: 'it holds',
    status,
    failureMessages,
  });
  const verdict = (...results: TestResult[]) => verdictOf(results, { title: 'it holds' });
  const failed = result('failed', 'AssertionError: expected 1 to be 2');
  expect(verdict(failed)).toBe(CAUGHT);
  expect(verdict(failed, result('failed', 'Error: promise resolved "1" instead of rejecting'))).toBe(CAUGHT);
  for (const other of [result('passed'), result('failed', 'TypeError: x is not a function'), result('failed')])
    expect(verdict(failed, other)).toMatch(/^NOT CAUGHT: it holds/);
  for (const none of [[], [result('skipped')], [{ ...failed, fullName: 'it holds too' }]])
    expect(verdict(...none)).toBe('NOT CAUGHT: no test ran');
});

/** The text of a test file and of the contract suites that it calls. */
function withContracts(file: string): string {
  const text = readFileSync(file, 'utf8');
  const suites = [...text.matchAll(/from '([^']+\.contract\.ts)'/g)].map(([, path]) => join(dirname(file), path!));
  return [text, ...suites.map((suite) => readFileSync(suite, 'utf8'))].join('\n');
}
