import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { apex, newFolder } from '../helpers/program.ts';

/** Goal: what comes by standard input is a document like any other, though it can be read only once. */

function openHome() {
  const home = newFolder('stdin');
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const run = (args: readonly string[], options: { input?: string; env?: Readonly<Record<string, string>> } = {}) =>
    apex([...args, '--json'], { home, ...options });
  const texts = async (query: string) =>
    (await run(['search', query, '--mode', 'keyword'])).lines.map(({ text }) => String(text));
  /** Files that staging still holds. */
  const staged = () =>
    existsSync(join(home, 'staging'))
      ? readdirSync(join(home, 'staging'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
      : [];
  return { run, texts, staged };
}

test('texts without a name are named by their content: none takes the place of another', async () => {
  const { run, texts, staged } = openHome();
  for (const input of ['The north gate is open.', 'The south gate is shut.', 'The north gate is open.'])
    expect((await run(['ingest', '-'], { input })).exitCode).toBe(0);
  expect((await texts('gate')).sort()).toEqual(['The north gate is open.', 'The south gate is shut.']);
  expect(staged()).toEqual([]);
});

test.each([
  ['--id', 'note-1'],
  ['--stdin-name', 'note.txt'],
])('a text with %s %s replaces the one before', async (...flag) => {
  const { run, texts } = openHome();
  await run(['ingest', '-', ...flag], { input: 'The gate is open.' });
  const { lines } = await run(['ingest', '-', ...flag], { input: 'The gate is shut.' });
  expect(lines.at(-1)).toMatchObject({ updated: 1, exit_status: 0 });
  expect(await texts('gate')).toEqual(['The gate is shut.']);
});

test.each([
  'source.digest:before',
  'journal.append.batch_assigned:after',
  'parsers.parse:before',
  'records.pivot:before',
])('killed at %s: resumed from what was read before', async (point) => {
  const { run, texts, staged } = openHome();
  const input = 'The gate is open.';
  const killed = await run(['ingest', '-', '--stdin-name', 'note.md'], { input, env: { APEX_CRASH_POINT: point } });
  expect(killed.signal).toBe('SIGKILL');
  const { lines } = await run(['resume'], { input: 'Another text.' });
  expect(lines.at(-1)).toMatchObject({ documents: 1, added: 1, exit_status: 0 });
  expect(await texts('gate OR text')).toEqual([input]);
  expect((await run(['verify'])).exitCode).toBe(0);
  expect(staged()).toEqual([]);
});

test('killed before it was read: the resumed run says that it is gone, and reads no other', async () => {
  const { run, texts } = openHome();
  const env = { APEX_CRASH_POINT: 'source.copy:before' };
  expect((await run(['ingest', '-'], { input: 'The gate is open.', env })).signal).toBe('SIGKILL');
  const { lines, exitCode } = await run(['resume'], { input: 'Another text.' });
  expect(exitCode).toBe(2);
  expect(lines[0]).toMatchObject({ event: 'problem', code: 'NOT_FOUND', message: expect.stringContaining('pipe it') });
  expect(await texts('gate OR text')).toEqual([]);
});

test('set aside, it is kept: cleanup leaves the only copy alone', async () => {
  const { run, staged } = openHome();
  expect((await run(['ingest', '-', '--stdin-name', 'a.pdf'], { input: '%PDF-1.7 broken' })).exitCode).toBe(3);
  await run(['cleanup'], { env: { STAGING_FAILED_RETENTION_HOURS: '0' } });
  expect(
    staged()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['.metadata.json', 'staged']);
});
