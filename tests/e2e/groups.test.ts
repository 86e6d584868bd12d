import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { apex, newFolder } from '../helpers/program.ts';

/** Goal: two groups in one memory never see or take each other's documents. */

function openCase() {
  const root = newFolder('groups');
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const documents = join(root, 'documents');
  mkdirSync(documents);
  writeFileSync(join(documents, 'gate.txt'), 'The gate is open.');
  const run = (group: string, ...args: string[]) =>
    apex([...args, '--json'], { home: join(root, 'home'), env: { APEX_GROUP: group } });
  return { documents, run };
}

test('the same file in two groups is two documents, each found in its own', async () => {
  const { documents, run } = openCase();
  for (const group of ['north', 'south', '']) {
    const { lines } = await run(group, 'ingest', documents);
    expect(lines.at(-1)).toMatchObject({ added: 1, exit_status: 0 });
  }
  const found = await Promise.all(['north', 'south', 'east'].map((group) => run(group, 'search', 'gate')));
  expect(found.map(({ lines }) => lines.length)).toEqual([1, 1, 0]);
  expect(found[0]!.lines[0]!['document_id']).not.toBe(found[1]!.lines[0]!['document_id']);
});

test('an id that names a document of another group is refused, and that document stays', async () => {
  const { documents, run } = openCase();
  const ingest = (group: string) => run(group, 'ingest', join(documents, 'gate.txt'), '--id', 'gate');
  await ingest('north');
  const { exitCode, lines } = await ingest('south');
  expect(exitCode).toBe(2);
  expect(lines.at(-1)).toMatchObject({
    state: 'failed',
    error: { message: 'document gate belongs to group north, not to group south: give another --id' },
  });
  expect((await run('north', 'search', 'gate')).lines).toHaveLength(1);
  expect((await run('south', 'ingest', documents)).exitCode).toBe(0);
});
