import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { newFolder } from '../helpers/program.ts';
import { findPromtool } from './promtool.ts';

const FOLDER = 'ops/prometheus';
const RULES = 'apex-alerts.yml';
const TESTS = 'apex-alerts.test.yml';

const promtool = await findPromtool();
const testRules = test.skipIf(promtool === null);

testRules('the alert rules are valid, and fire and stay quiet as their tests say', async () => {
  await execa(promtool!, ['check', 'rules', '--lint-fatal', join(FOLDER, RULES)]);
  await execa(promtool!, ['test', 'rules', join(FOLDER, TESTS)]);
});

testRules.each([
  ['a limit that is another one', '> 0.8', '> 0.95'],
  ['a name that nothing has', 'apex_staging_quota_bytes', 'apex_staging_quota'],
  ['a shorter time', 'for: 10m', 'for: 30m'],
])('the tests of the rules notice %s', async (_, from, to) => {
  const folder = newFolder('rules');
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const rules = readFileSync(join(FOLDER, RULES), 'utf8');
  expect(rules).toContain(from);
  writeFileSync(join(folder, RULES), rules.replace(from, to));
  copyFileSync(join(FOLDER, TESTS), join(folder, TESTS));
  const { exitCode } = await execa(promtool!, ['test', 'rules', TESTS], { cwd: folder, reject: false });
  expect(exitCode).not.toBe(0);
});

test('every alert is tested both ways, and says what to do', () => {
  const rules = readFileSync(join(FOLDER, RULES), 'utf8');
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
  const tests = readFileSync(join(FOLDER, TESTS), 'utf8').split(/^ {2}- name: /m);
  const tested = (isFiring: boolean) =>
    new Set(
      tests
        .filter((text) => text.includes('exp_alerts: []') !== isFiring)
        .map((text) => /alertname: (\w+)/.exec(text)?.[1])
        .filter((name) => name !== undefined),
    );
  expect([...tested(true)].sort()).toEqual([...alerts].sort());
  expect([...tested(false)].sort()).toEqual([...alerts].sort());
  expect(rules.match(/^ {10}action: /gm)).toHaveLength(alerts.length);
  expect(alerts).toEqual(expect.arrayContaining(['StagingDiskUsageHigh', 'StagingFailedDocumentsHigh']));
});
