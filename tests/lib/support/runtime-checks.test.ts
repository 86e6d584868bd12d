import { expect, test } from 'vitest';
import { judgeNode, judgeSqlite, runtimeChecks } from '../../../lib/support/runtime-checks.ts';

test.each([
  ['24.21.0', 'ok'],
  ['26.0.0', 'ok'],
  ['22.19.0', 'warning'],
  ['23.5.0', 'warning'],
  ['22.18.9', 'problem'],
  ['20.19.0', 'problem'],
])('Node %s is %s', (version, level) => {
  expect(judgeNode(version)).toMatchObject({ level });
});

test.each([
  ['3.51.3', 'ok'],
  ['3.54.1', 'ok'],
  ['3.50.7', 'ok'],
  ['3.51.2', 'problem'],
  ['3.45.1', 'problem'],
])('SQLite %s is %s', (version, level) => {
  expect(judgeSqlite(version)).toMatchObject({ level, code: level === 'ok' ? null : 'APEX_CONFIG' });
});

test('what the tests run on is told by its versions', async () => {
  const signal = new AbortController().signal;
  const findings = await Promise.all(runtimeChecks().map((check) => check.run(signal)));
  expect(findings.map(({ found }) => found)).toEqual([
    `Node ${process.versions.node}`,
    expect.stringMatching(/^SQLite 3\.\d+\.\d+$/),
  ]);
});
